//! Asks a server that speaks OpenAI's moderation API whether a text may be made a picture of. Keeps and logs no text.
use std::collections::BTreeMap;
use std::time::Duration;

use lapidary_contract::domain::limits;
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::json;
use url::Url;

use crate::config::{Settings, Switch};

/// A person waits for it.
const PATIENCE: Duration = Duration::from_secs(5);

pub struct Moderation {
    client: reqwest::Client,
    endpoint: String,
    api_key: Option<String>,
    model: String,
}

/// What a look found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Looked {
    /// What speaks against it, in the service's words; empty: nothing.
    pub categories: Vec<String>,
    pub request_id: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum ModerationError {
    #[error("it cannot be asked: {0}")]
    Http(reqwest::Error),
    #[error("it answers with status {0}")]
    Status(StatusCode),
    #[error("its answer is no verdict")]
    Junk,
}

/// What is not read here may change as it likes.
#[derive(Deserialize)]
struct Body {
    results: Vec<Verdict>,
}

#[derive(Deserialize)]
struct Verdict {
    flagged: bool,
    #[serde(default)]
    categories: BTreeMap<String, Option<bool>>,
}

impl Moderation {
    /// `None` where the operator has not turned it on.
    pub fn new(settings: &Settings) -> Result<Option<Self>, reqwest::Error> {
        let chosen = &settings.moderation;
        if chosen.moderation == Switch::Off {
            return Ok(None);
        }
        let base: &Url = chosen.moderation_base_url.as_ref().unwrap_or(&settings.openai_base_url);
        // The key of the image model's server goes to that server alone.
        let is_ours = base.origin() == settings.openai_base_url.origin();
        let shared = settings.openai_api_key.as_ref().filter(|_| is_ours);
        Ok(Some(Self {
            client: crate::app::vendor_client(PATIENCE)?,
            endpoint: format!("{}/moderations", base.as_str().trim_end_matches('/')),
            api_key: chosen.moderation_api_key.as_ref().or(shared).cloned(),
            model: chosen.moderation_model.clone(),
        }))
    }

    /// May take seconds.
    pub async fn look(&self, text: &str) -> Result<Looked, ModerationError> {
        let mut request = self.client.post(&self.endpoint).json(&json!({"model": self.model, "input": text}));
        if let Some(key) = &self.api_key {
            request = request.bearer_auth(key);
        }
        let http = |error: reqwest::Error| ModerationError::Http(error.without_url());
        let answer = request.send().await.map_err(http)?;
        if answer.status() != StatusCode::OK {
            return Err(ModerationError::Status(answer.status()));
        }
        let request_id = answer.headers().get("x-request-id").and_then(|id| id.to_str().ok());
        let request_id = request_id.map(|id| id.chars().take(200).collect());
        let body: Body =
            answer.json().await.map_err(|error| if error.is_decode() { ModerationError::Junk } else { http(error) })?;
        Ok(Looked { categories: flagged(body)?, request_id })
    }
}

/// A flag without a category is a flag all the same.
fn flagged(body: Body) -> Result<Vec<String>, ModerationError> {
    if body.results.is_empty() {
        return Err(ModerationError::Junk);
    }
    let flagged: Vec<Verdict> = body.results.into_iter().filter(|verdict| verdict.flagged).collect();
    if flagged.is_empty() {
        return Ok(Vec::new());
    }
    let all = flagged.into_iter().flat_map(|verdict| verdict.categories);
    let named =
        all.filter(|(_, is)| *is == Some(true)).map(|(name, _)| name.chars().take(limits::SECTION_MAX).collect());
    let mut named: Vec<String> = named.collect();
    named.sort();
    named.dedup();
    if named.is_empty() {
        named.push("unspecified".to_owned());
    }
    Ok(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<String>, String> {
        let body = serde_json::from_str(text).map_err(|error| error.to_string())?;
        flagged(body).map_err(|error| error.to_string())
    }

    #[test]
    fn a_verdict_is_read_and_junk_is_none() {
        let categories = r#"{"violence":true,"sexual":false,"hate":true,"illicit":null}"#;
        let verdict = |flagged: bool| format!(r#"{{"results":[{{"flagged":{flagged},"categories":{categories}}}]}}"#);
        assert_eq!(read(&verdict(true)), Ok(vec!["hate".to_owned(), "violence".to_owned()]));
        assert_eq!(read(&verdict(false)), Ok(vec![]), "what is not flagged passes whatever its categories say");
        assert_eq!(read(r#"{"results":[{"flagged":true}]}"#), Ok(vec!["unspecified".to_owned()]));
        for junk in ["{}", r#"{"results":[]}"#, r#"{"results":[{"flagged":"no"}]}"#, "[]"] {
            assert!(read(junk).is_err(), "{junk}");
        }
    }
}
