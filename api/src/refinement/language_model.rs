//! A client for every server that speaks OpenAI's Chat Completions. Its key goes to its own origin alone, and what it says
//! about a failure stays in codes: a provider's words may quote the prompt.
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chrono::Utc;
use lapidary_contract::domain::{RefinedSection, RefinementSpec};
use lapidary_contract::{FailureCode, RefinementFailureCode};
use serde_json::Value;
use url::Url;

use super::answer;
use super::wording::{self, Format};
use crate::config::Settings;
use crate::generation::model_answer;
use crate::generation::model_error::{Hints, ModelError};

/// Thirty short values are a few kilobytes; some providers say much beside them.
const ANSWER_MAX: usize = 256 * 1024;
/// Before the one more try after a connection that did not come about.
const AGAIN: Duration = Duration::from_millis(300);
/// A longer wait than this is the person's to decide about.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3);

pub struct LanguageModel {
    client: reqwest::Client,
    endpoint: String,
    api_key: Option<String>,
    model: String,
    /// The first of [`Format::ALL`] that its server has not refused to this process.
    format: AtomicUsize,
}

/// Why there are no sections.
#[derive(Debug)]
pub struct Trouble {
    pub code: RefinementFailureCode,
    /// For the log.
    pub detail: String,
    /// Asking once more, after this, may help.
    again: Option<Duration>,
    /// The server does not know how the answer was asked to be JSON.
    is_about_format: bool,
}

impl Trouble {
    pub fn new(code: RefinementFailureCode, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), again: None, is_about_format: false }
    }

    pub fn bad_answer(detail: impl Into<String>) -> Self {
        Self::new(RefinementFailureCode::BadAnswer, detail)
    }
}

impl From<ModelError> for Trouble {
    fn from(error: ModelError) -> Self {
        let code = match error.code {
            FailureCode::Refused => RefinementFailureCode::Refused,
            FailureCode::ModelBusy => RefinementFailureCode::ModelBusy,
            FailureCode::OperatorQuota => RefinementFailureCode::OperatorQuota,
            // Which model is asked, and how, is the operator's setting.
            FailureCode::OperatorConfiguration | FailureCode::ModelGone | FailureCode::RequestRefused => {
                RefinementFailureCode::OperatorConfiguration
            }
            FailureCode::Timeout => RefinementFailureCode::Timeout,
            FailureCode::BadAnswer => RefinementFailureCode::BadAnswer,
            FailureCode::Storage | FailureCode::ReferenceGone | FailureCode::Internal => {
                RefinementFailureCode::Internal
            }
        };
        Self::new(code, error.detail)
    }
}

/// What came of it, with what the provider said beside it.
pub struct Reply {
    pub sections: Result<Vec<RefinedSection>, Trouble>,
    pub model_request_id: Option<String>,
    pub usage: Option<Value>,
}

impl Reply {
    pub fn too_late() -> Self {
        Self::failed(Trouble::new(RefinementFailureCode::Timeout, "no answer in time"))
    }

    fn failed(trouble: Trouble) -> Self {
        Self { sections: Err(trouble), model_request_id: None, usage: None }
    }
}

impl LanguageModel {
    pub fn new(settings: &Settings) -> Result<Self, reqwest::Error> {
        let base_url = settings.refinement_base_url.as_ref().unwrap_or(&settings.openai_base_url);
        Ok(Self {
            client: crate::app::vendor_client(Duration::from_secs(settings.refinement_timeout_seconds))?,
            endpoint: format!("{}/chat/completions", base_url.as_str().trim_end_matches('/')),
            api_key: key_for(base_url, settings),
            model: settings.refinement_model.clone(),
            format: AtomicUsize::new(0),
        })
    }

    /// The caller sets how long it may take. Asks once more where the first try cannot have made anything.
    pub async fn ask<'a>(&self, spec: &RefinementSpec, known_sections: impl Iterator<Item = &'a str> + Clone) -> Reply {
        let mut has_retried = false;
        loop {
            let at = self.format.load(Ordering::Relaxed);
            let Some(format) = Format::ALL.get(at) else {
                return Reply::failed(Trouble::bad_answer("there is no other way to ask"));
            };
            let reply = self.call(&wording::body(&self.model, *format, spec, known_sections.clone())).await;
            match &reply.sections {
                Err(trouble) if trouble.is_about_format && at + 1 < Format::ALL.len() => {
                    tracing::info!(detail = trouble.detail, "the language model's server does not know {format:?}");
                    // Another request may have found out first.
                    let _ = self.format.compare_exchange(at, at + 1, Ordering::Relaxed, Ordering::Relaxed);
                }
                Err(Trouble { again: Some(wait), .. }) if !has_retried => {
                    has_retried = true;
                    tokio::time::sleep(*wait).await;
                }
                _ => return reply,
            }
        }
    }

    async fn call(&self, body: &Value) -> Reply {
        let mut request = self.client.post(&self.endpoint).json(body);
        if let Some(key) = &self.api_key {
            request = request.bearer_auth(key);
        }
        let mut response = match request.send().await {
            Ok(response) => response,
            Err(error) => {
                let again = error.is_connect().then_some(AGAIN);
                return Reply::failed(Trouble { again, ..ModelError::transport(&error).into() });
            }
        };
        let (status, hints) = (response.status(), Hints::read(response.headers(), Utc::now()));
        let id = response.headers().get("x-request-id").and_then(|value| value.to_str().ok());
        let model_request_id = id.map(|id| id.chars().take(200).collect());
        let mut bytes = Vec::new();
        let read = loop {
            match response.chunk().await {
                Ok(Some(piece)) if bytes.len() + piece.len() > ANSWER_MAX => {
                    break Err(Trouble::bad_answer("the answer is too large"));
                }
                Ok(Some(piece)) => bytes.extend_from_slice(&piece),
                Ok(None) => break Ok(()),
                Err(error) => break Err(ModelError::transport(&error).into()),
            }
        };
        // A body that breaks off does not change what the status says.
        if !status.is_success() {
            let error = model_answer::refusal(status, &bytes, hints);
            let again = hints.retry_after.filter(|wait| status.as_u16() == 429 && *wait <= RETRY_AFTER_MAX);
            let again = again.filter(|_| error.code == FailureCode::ModelBusy);
            let is_about_format = error.code == FailureCode::RequestRefused && is_about_format(&bytes);
            let trouble = Trouble { again, is_about_format, ..error.into() };
            return Reply { sections: Err(trouble), model_request_id, usage: None };
        }
        let (sections, usage) = match read {
            Ok(()) => answer::read(&bytes, hints),
            Err(trouble) => (Err(trouble), None),
        };
        Reply { sections, model_request_id, usage }
    }
}

/// The image provider's key is for the image provider alone.
fn key_for(base_url: &Url, settings: &Settings) -> Option<String> {
    let images = || settings.openai_api_key.clone().filter(|_| base_url.origin() == settings.openai_base_url.origin());
    settings.refinement_api_key.clone().or_else(images)
}

/// Each server says it in its own words; all name what they do not know. One that only quotes it costs one more call.
fn is_about_format(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    ["response_format", "json_schema", "json_object", "structured output", "grammar"].iter().any(|it| text.contains(it))
}
