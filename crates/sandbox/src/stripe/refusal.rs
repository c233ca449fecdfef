//! The vendor's error answers: `{"error":{type,code,message,param,…}}` with the status that belongs to them.
use std::fmt;

use serde_json::{Map, Value, json};

/// What the vendor answers instead of an object.
#[derive(Clone, Debug)]
pub struct Refusal {
    pub status: u16,
    kind: &'static str,
    code: Option<&'static str>,
    param: Option<String>,
    message: String,
}

impl Refusal {
    pub fn new(status: u16, kind: &'static str, message: impl Into<String>) -> Self {
        Self { status, kind, code: None, param: None, message: message.into() }
    }

    /// 400 without a code.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "invalid_request_error", message)
    }

    pub fn code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    pub fn about(mut self, param: &str) -> Self {
        self.param = Some(param.to_owned());
        self
    }

    pub fn unknown_parameter(param: &str) -> Self {
        Self::invalid(format!("Received unknown parameter: {param}")).code("parameter_unknown").about(param)
    }

    pub fn missing(param: &str) -> Self {
        Self::invalid(format!("Missing required param: {param}.")).code("parameter_missing").about(param)
    }

    pub fn empty(param: &str) -> Self {
        let text = format!(
            "You passed an empty string for '{param}'. We assume empty values are an attempt to unset a parameter; \
             however '{param}' cannot be unset. You should remove '{param}' from your request or supply a non-empty value."
        );
        Self::invalid(text).code("parameter_invalid_empty").about(param)
    }

    /// 404 for what stands in the path.
    pub fn no_such(noun: &str, id: &str) -> Self {
        let text = format!("No such {noun}: '{id}'");
        Self::new(404, "invalid_request_error", text).code("resource_missing").about("id")
    }

    /// 400 for what a parameter names.
    pub fn no_such_param(noun: &str, id: &str, param: &str) -> Self {
        Self::invalid(format!("No such {noun}: '{id}'")).code("resource_missing").about(param)
    }

    pub fn message(&self) -> &str {
        &self.message
    }

    pub fn body(&self, request_id: &str) -> Value {
        let mut error = Map::new();
        if let Some(code) = self.code {
            error.insert("code".into(), json!(code));
            error.insert("doc_url".into(), json!(format!("https://docs.stripe.com/error-codes#{code}")));
        }
        error.insert("message".into(), json!(self.message));
        if let Some(param) = &self.param {
            error.insert("param".into(), json!(param));
        }
        let log = format!("https://dashboard.stripe.com/test/logs/{request_id}");
        error.insert("request_log_url".into(), json!(log));
        error.insert("type".into(), json!(self.kind));
        json!({ "error": error })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}: {}", self.status, self.kind, self.message)
    }
}

impl std::error::Error for Refusal {}
