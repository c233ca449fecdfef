//! What comes with an edit: a form with files, or JSON with data URLs. Each picture is received, cleaned and stored like any
//! other upload, one after the other, before the next is read.
use actix_multipart::{Field, Multipart};
use actix_web::{HttpRequest, web};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt;
use lapidary_contract::MadeFrom;
use lapidary_contract::domain::limits::{
    BODY_MAX, DATA_URL_MAX, MASK_BYTES_MAX, PICTURES_JSON_MAX, REFERENCE_BYTES_MAX, REFERENCES_BYTES_MAX,
    REFERENCES_MAX,
};
use lapidary_contract::domain::{Violation, ViolationCode};
use serde_json::{Map, Value};

use super::json_body::{Body, Pointer};
use super::order::{KNOWN, Pictures};
use crate::app::App;
use crate::auth::CurrentUser;
use crate::http::error::{ApiError, ApiResult};
use crate::http::extract;
use crate::references::receive::{self, Place, Upload};
use crate::references::upload::{self, Stay};

/// Bytes of a form beside its pictures: its fields, and what stands between the parts.
const AROUND_MAX: usize = BODY_MAX + 64 * 1024;

/// A call as it came.
#[derive(Default)]
pub struct Sent {
    pub fields: Map<String, Value>,
    pub pictures: Pictures,
    /// Name and SHA-256 of each file: with the fields, all that makes one call like another.
    pub files: Vec<(String, Vec<u8>)>,
    bytes: usize,
}

fn wrong(name: &str, code: ViolationCode) -> ApiError {
    vec![Violation::new(format!("/{name}"), code)].into()
}

pub async fn of_form(app: &App, user: &CurrentUser, request: &HttpRequest, payload: web::Payload) -> ApiResult<Sent> {
    let most = usize::try_from(REFERENCES_BYTES_MAX).unwrap_or(usize::MAX);
    let announced = receive::announced(request);
    if announced.is_some_and(|length| length > most.saturating_add(AROUND_MAX)) {
        return Err(ApiError::PayloadTooLarge { max_bytes: most });
    }
    let mut parts = Multipart::new(request.headers(), payload);
    let (mut sent, mut left) = (Sent::default(), BODY_MAX);
    while let Some(part) = receive::in_time(parts.next()).await? {
        let part = part.map_err(|error| ApiError::Malformed(format!("The form cannot be read: {error}.")))?;
        let name = part.name().unwrap_or_default().to_owned();
        let kept_as = match name.as_str() {
            "image" | "image[]" => Some(("image", Stay::Passing)),
            "mask" => Some(("mask", Stay::Mask)),
            _ => None,
        };
        match kept_as {
            Some((name, stay)) => {
                let upload = file(app, part, name, announced).await?;
                sent.keep(app, user, upload, name, stay).await?;
                if sent.bytes > most {
                    return Err(ApiError::PayloadTooLarge { max_bytes: most });
                }
            }
            // A file that nobody asked for.
            None if part.content_disposition().is_some_and(|about| about.get_filename().is_some()) => {
                let is_known = KNOWN.contains(&name.as_str());
                let code = if is_known { ViolationCode::NotAvailable } else { ViolationCode::UnknownField };
                return Err(wrong(&name, code));
            }
            // Before it is read: names without end would be memory without end.
            None if !KNOWN.contains(&name.as_str()) => return Err(wrong(&name, ViolationCode::UnknownField)),
            None => {
                let text = field(part, left).await?;
                left = left.saturating_sub(text.len());
                sent.set(&name, value(&name, text))?;
            }
        }
    }
    if sent.pictures.references.is_empty() {
        return Err(wrong("image", ViolationCode::Required));
    }
    Ok(sent)
}

async fn file(app: &App, part: Field, name: &str, announced: Option<usize>) -> ApiResult<Upload> {
    let most = if name == "mask" { MASK_BYTES_MAX } else { REFERENCE_BYTES_MAX };
    // A form of a megabyte needs no room for fifty.
    let place = receive::place(app, announced.map_or(most, |length| length.min(most))).await?;
    let bytes = receive::read(part, 0, most).await.map_err(|error| about(name, error))?;
    Ok(Upload::of(bytes, place))
}

async fn field(part: Field, left: usize) -> ApiResult<String> {
    let bytes = receive::read(part, 0, left).await?;
    String::from_utf8(bytes).map_err(|_| ApiError::Malformed("A field of the form is no text.".into()))
}

/// A form knows text only; these are read as JSON would have them.
fn value(name: &str, text: String) -> Value {
    let read = match name {
        "n" | "partial_images" | "output_compression" | "frame_count" | "frame_duration_ms" => {
            text.trim().parse::<i64>().ok().map(Value::from)
        }
        "stream" => text.trim().to_ascii_lowercase().parse::<bool>().ok().map(Value::from),
        _ => None,
    };
    read.unwrap_or(Value::String(text))
}

pub async fn of_json(app: &App, user: &CurrentUser, request: &HttpRequest, payload: web::Payload) -> ApiResult<Sent> {
    let announced = receive::announced(request);
    if announced.is_some_and(|length| length > PICTURES_JSON_MAX) {
        return Err(ApiError::PayloadTooLarge { max_bytes: PICTURES_JSON_MAX });
    }
    // The body, and the largest picture in it beside that.
    let body = announced.unwrap_or(PICTURES_JSON_MAX);
    let place = receive::place(app, body.saturating_add(body.min(DATA_URL_MAX))).await?;
    let bytes = receive::read(payload, announced.unwrap_or(0), PICTURES_JSON_MAX).await?;
    let body: Body<'_> = extract::parse(&bytes)?;
    if body.is_too_large {
        return Err(ApiError::PayloadTooLarge { max_bytes: BODY_MAX });
    }
    let mut sent = Sent { fields: body.fields, ..Sent::default() };
    match body.images.len() {
        0 => return Err(wrong("images", ViolationCode::Required)),
        images if images > REFERENCES_MAX => return Err(wrong("images", ViolationCode::TooMany)),
        _ => {}
    }
    for (index, pointer) in body.images.iter().enumerate() {
        let at = format!("images/{index}");
        let upload = of_pointer(pointer, &at, &place)?;
        sent.keep(app, user, upload, &format!("{at}/image_url"), Stay::Passing).await?;
    }
    if let Some(mask) = &body.mask {
        let upload = of_pointer(mask, "mask", &place)?;
        sent.keep(app, user, upload, "mask", Stay::Mask).await?;
    }
    Ok(sent)
}

fn of_pointer(pointer: &Pointer<'_>, at: &str, place: &Place) -> ApiResult<Upload> {
    let of = |member: &str, code| wrong(&format!("{at}/{member}"), code);
    let url = match (&pointer.image_url, &pointer.file_id) {
        (Some(url), None) => &*url.0,
        (None, Some(_)) => return Err(of("file_id", ViolationCode::NotAvailable)),
        _ => return Err(wrong(at, ViolationCode::OneOfTwo)),
    };
    if url.len() > DATA_URL_MAX {
        return Err(of("image_url", ViolationCode::TooLong));
    }
    let data = url.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,"));
    let (_, data) = data.ok_or_else(|| of("image_url", ViolationCode::NotAvailable))?;
    let bytes = STANDARD.decode(data).map_err(|_| of("image_url", ViolationCode::Unreadable))?;
    Ok(Upload::of(bytes, Place::clone(place)))
}

impl Sent {
    fn set(&mut self, name: &str, value: Value) -> ApiResult<()> {
        if name.is_empty() {
            return Err(ApiError::Malformed("A part of the form has no name.".into()));
        }
        match self.fields.insert(name.to_owned(), value) {
            None => Ok(()),
            Some(_) => Err(wrong(name, ViolationCode::Duplicate)),
        }
    }

    async fn keep(&mut self, app: &App, user: &CurrentUser, upload: Upload, name: &str, stay: Stay) -> ApiResult<()> {
        match stay {
            Stay::Mask if self.pictures.mask_id.is_some() => return Err(wrong(name, ViolationCode::Duplicate)),
            Stay::Passing | Stay::Kept if self.pictures.references.len() >= REFERENCES_MAX => {
                return Err(wrong(name, ViolationCode::TooMany));
            }
            _ => {}
        }
        self.bytes = self.bytes.saturating_add(upload.len());
        let uploaded = upload::keep(app, user, upload, stay).await.map_err(|error| about(name, error))?;
        let id = uploaded.reference.id;
        match stay {
            Stay::Mask => self.pictures.mask_id = Some(id),
            Stay::Passing | Stay::Kept => {
                self.pictures.references.push(MadeFrom { reference_id: Some(id), image_id: None });
            }
        }
        self.files.push((stay_name(stay).to_owned(), uploaded.fingerprint));
        Ok(())
    }
}

fn stay_name(stay: Stay) -> &'static str {
    if stay == Stay::Mask { "mask" } else { "image" }
}

/// What is wrong with a file is said of the field that it came in.
fn about(name: &str, error: ApiError) -> ApiError {
    match error {
        ApiError::UnsupportedPicture => wrong(name, ViolationCode::Unreadable),
        ApiError::PayloadTooLarge { .. } => wrong(name, ViolationCode::TooLarge),
        ApiError::Invalid(violations) => {
            let named = violations.into_iter().map(|violation| Violation::new(format!("/{name}"), violation.code));
            ApiError::Invalid(named.collect())
        }
        other => other,
    }
}
