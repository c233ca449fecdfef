//! The pictures an order is made from, on their way to the provider (wire §3): as a form, streamed out of the bucket, or as
//! data URLs in JSON for servers that take no forms.
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lapidary_contract::FailureCode;
use lapidary_domain::Dialect;
use reqwest::Body;
use reqwest::multipart::{Form, Part};
use serde_json::{Map, Value, json};

use super::materials;
use super::model_error::{Again, ModelError};
use crate::app::App;
use crate::images::read::StoredFile;
use crate::images::store::StoreError;
use crate::work::queue::Claimed;

/// Characters of a data URL (§3).
const DATA_URL_MAX: u64 = 20_971_520;
/// Bytes of all pictures of one JSON body: it is held whole.
const JSON_MAX: u64 = 48_000_000;

pub struct Originals {
    images: Vec<Original>,
    mask: Option<Original>,
}

struct Original {
    file: StoredFile,
    content_type: String,
}

/// Looks where they are; reads none of them. `None`: it is made from nothing.
pub async fn find(app: &App, job: &Claimed) -> Result<Option<Originals>, ModelError> {
    let unreadable = || ModelError::new(FailureCode::Internal, "what it is made from cannot be read");
    let materials = materials::read(&job.made_from).ok_or_else(unreadable)?;
    let (mut images, mut mask) = (Vec::new(), None);
    for material in materials {
        let file = app.store.file(&material.key).await.map_err(|error| troubled(&error))?;
        let gone = || ModelError::new(FailureCode::ReferenceGone, format!("{} is not in storage", material.key));
        let original = Original { file: file.ok_or_else(gone)?, content_type: material.content_type.clone() };
        if material.is_mask { mask = Some(original) } else { images.push(original) }
    }
    Ok((!images.is_empty()).then_some(Originals { images, mask }))
}

/// The storage's trouble of a moment, which is not the model's.
fn troubled(error: &StoreError) -> ModelError {
    ModelError { again: Again::Later, ..ModelError::new(FailureCode::Internal, error.to_string()) }
}

impl Originals {
    /// GPT image models take `image[]`, as often as there are pictures; DALL·E's dialect one `image`.
    pub fn form(&self, fields: &Map<String, Value>, dialect: Dialect) -> Result<Form, ModelError> {
        let mut form = Form::new();
        for (name, value) in fields {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            form = form.text(name.clone(), text);
        }
        let (name, most) = match dialect {
            Dialect::GptImage => ("image[]", self.images.len()),
            Dialect::DallE => ("image", 1),
        };
        for (index, original) in self.images.iter().take(most).enumerate() {
            form = form.part(name, original.part(&format!("picture-{}", index + 1))?);
        }
        if let Some(mask) = &self.mask {
            form = form.part("mask", mask.part("mask")?);
        }
        Ok(form)
    }

    /// `images: [{image_url}]`, and `mask` of the same shape.
    pub async fn json(&self, mut fields: Map<String, Value>) -> Result<Value, ModelError> {
        let all = || self.images.iter().chain(&self.mask);
        let is_too_large = all().map(|original| original.file.bytes).sum::<u64>() > JSON_MAX
            || all().any(|original| original.file.bytes.saturating_mul(4) / 3 + 64 > DATA_URL_MAX);
        if is_too_large {
            return Err(ModelError::new(
                FailureCode::RequestRefused,
                "the pictures are too large for a server without forms",
            ));
        }
        let mut images = Vec::with_capacity(self.images.len());
        for original in &self.images {
            images.push(original.data_url().await?);
        }
        fields.insert("images".into(), images.into());
        if let Some(mask) = &self.mask {
            fields.insert("mask".into(), mask.data_url().await?);
        }
        Ok(fields.into())
    }
}

impl Original {
    fn part(&self, name: &str) -> Result<Part, ModelError> {
        let ending = self.content_type.strip_prefix("image/").unwrap_or("png");
        let wrong = |_| ModelError::new(FailureCode::Internal, "a content type is none");
        Part::stream_with_length(Body::wrap_stream(self.file.stream()), self.file.bytes)
            .file_name(format!("{name}.{ending}"))
            .mime_str(&self.content_type)
            .map_err(wrong)
    }

    async fn data_url(&self) -> Result<Value, ModelError> {
        let bytes = self.file.read().await.map_err(|error| troubled(&error))?;
        let mut url = format!("data:{};base64,", self.content_type);
        STANDARD.encode_string(&bytes, &mut url);
        Ok(json!({ "image_url": url }))
    }
}
