//! One client for every server that speaks OpenAI's image API. Facts: OpenAI's API reference, Images.
//! Sends once and never retries: the queue decides what is worth another try.
use std::time::Duration;

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lapidary_contract::FailureCode;
use lapidary_domain::{Dialect, Model};
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;

use super::model_answer::{self, Answer};
use crate::config::Settings;
use crate::http::fetch::{self, FetchError};

/// Bytes of one answer: ten images of 20 MB in base64 with room to spare.
const ANSWER_MAX: usize = 280 * 1024 * 1024;
/// Bytes of one image that is fetched by URL.
const IMAGE_MAX: usize = 50 * 1024 * 1024;

pub struct ImageModel {
    client: reqwest::Client,
    base_url: Url,
    api_key: Option<String>,
}

/// What a model is asked for.
pub struct Order<'a> {
    pub model: &'a Model,
    pub prompt: &'a str,
    pub size: String,
    pub quality: &'a str,
    pub count: u32,
    pub person_id: Uuid,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelImage {
    pub bytes: Vec<u8>,
    pub revised_prompt: Option<String>,
}

/// Why there is no image, and whether asking again can help.
#[derive(Debug, thiserror::Error)]
#[error("{code:?}: {detail}")]
pub struct ModelError {
    pub code: FailureCode,
    /// For the log: the provider's words without the prompt.
    pub detail: String,
    /// The provider was busy: try again, not before this.
    pub retry_after: Option<Duration>,
    pub request_id: Option<String>,
}

impl ModelError {
    pub fn new(code: FailureCode, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), retry_after: None, request_id: None }
    }
}

impl ImageModel {
    pub fn new(settings: &Settings) -> Result<Self, reqwest::Error> {
        Ok(Self {
            client: crate::app::vendor_client(Duration::from_secs(settings.model_timeout_seconds))?,
            base_url: settings.openai_base_url.clone(),
            api_key: settings.openai_api_key.clone(),
        })
    }

    /// May take minutes. DALL·E makes one image a call: the calls follow one another and the first failure ends them.
    pub async fn generate(&self, order: &Order<'_>) -> Result<Answer, ModelError> {
        match order.model.dialect {
            Dialect::GptImage => self.call(order, order.count).await,
            Dialect::DallE => {
                let mut answer = self.call(order, 1).await?;
                for _ in 1..order.count {
                    match self.call(order, 1).await {
                        Ok(more) => answer.images.extend(more.images),
                        Err(error) => {
                            answer.shortfall = Some(error);
                            break;
                        }
                    }
                }
                Ok(answer)
            }
        }
    }

    fn base_url(&self, model: &Model) -> Result<Url, ModelError> {
        match &model.base_url {
            None => Ok(self.base_url.clone()),
            Some(text) => text
                .parse()
                .map_err(|_| ModelError::new(FailureCode::OperatorConfiguration, "the model's base_url is no URL")),
        }
    }

    async fn call(&self, order: &Order<'_>, count: u32) -> Result<Answer, ModelError> {
        let base_url = self.base_url(order.model)?;
        let endpoint = format!("{}/images/generations", base_url.as_str().trim_end_matches('/'));
        let mut request = self.client.post(endpoint).json(&body(order, count));
        // The key is the configured server's: another one, named by the catalogue, must not learn it.
        if let Some(key) = self.api_key.as_ref().filter(|_| base_url.origin() == self.base_url.origin()) {
            request = request.bearer_auth(key);
        }
        let response = request.send().await.map_err(|error| transport(&error))?;
        let status = response.status();
        let request_id = header(&response, "x-request-id");
        let retry_after = model_answer::retry_after(response.headers());
        let bytes = fetch::read_limited(response, ANSWER_MAX).await.map_err(|error| match error {
            FetchError::Http(error) => transport(&error),
            other => ModelError::new(FailureCode::BadAnswer, other.to_string()),
        });
        let parsed = match bytes {
            Ok(bytes) => model_answer::parse(status, &bytes, retry_after),
            Err(error) => Err(error),
        };
        let parsed = match parsed {
            Ok(parsed) => parsed,
            Err(error) => return Err(ModelError { request_id, ..error }),
        };
        let (mut images, mut shortfall) = (Vec::new(), None);
        for item in parsed.items.into_iter().take(usize::try_from(count).unwrap_or(usize::MAX)) {
            let bytes = match item.source {
                model_answer::Source::Bytes(bytes) => bytes,
                model_answer::Source::Url(url) => match self.download(&base_url, &url).await {
                    Ok(bytes) => bytes,
                    Err(error) => {
                        shortfall = Some(ModelError { request_id: request_id.clone(), ..error });
                        continue;
                    }
                },
            };
            images.push(ModelImage { bytes, revised_prompt: item.revised_prompt });
        }
        match shortfall {
            Some(error) if images.is_empty() => Err(error),
            shortfall => Ok(Answer { images, shortfall, usage: parsed.usage, request_id }),
        }
    }

    /// The provider's own address is trusted; anywhere else must be public.
    async fn download(&self, base_url: &Url, text: &str) -> Result<Vec<u8>, ModelError> {
        let bad = |detail: String| ModelError::new(FailureCode::BadAnswer, detail);
        let url: Url = text.parse().map_err(|_| bad("the answer's url is no URL".into()))?;
        fetch::get(&url, Some(base_url), IMAGE_MAX).await.map_err(|error| bad(error.to_string()))
    }
}

fn body(order: &Order<'_>, count: u32) -> Value {
    let mut body = json!({
        "model": order.model.wire_model,
        "prompt": order.prompt,
        "n": count,
        "size": order.size,
        "quality": order.quality,
    });
    if let Some(members) = body.as_object_mut() {
        match order.model.dialect {
            Dialect::GptImage => members.insert("safety_identifier".into(), pseudonym(order.person_id).into()),
            Dialect::DallE => members.insert("response_format".into(), "b64_json".into()),
        };
    }
    body
}

/// Lets the provider tell our people apart without knowing them.
fn pseudonym(person_id: Uuid) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, person_id.as_bytes()))
}

fn header(response: &reqwest::Response, name: &str) -> Option<String> {
    response.headers().get(name).and_then(|value| value.to_str().ok()).map(|text| text.chars().take(200).collect())
}

fn transport(error: &reqwest::Error) -> ModelError {
    let detail = crate::http::request_log::chain(&error_without_url(error));
    if error.is_connect() {
        ModelError { retry_after: Some(Duration::ZERO), ..ModelError::new(FailureCode::ModelBusy, detail) }
    } else if error.is_timeout() {
        // It may have been made and billed: asking again by ourselves would bill twice.
        ModelError::new(FailureCode::Timeout, detail)
    } else {
        ModelError::new(FailureCode::BadAnswer, detail)
    }
}

/// reqwest writes the URL into its errors; ours may carry a key in a query one day.
fn error_without_url(error: &reqwest::Error) -> std::io::Error {
    let kind = if error.is_connect() {
        "cannot connect"
    } else if error.is_timeout() {
        "no answer in time"
    } else {
        "the answer broke off"
    };
    std::io::Error::other(kind)
}
