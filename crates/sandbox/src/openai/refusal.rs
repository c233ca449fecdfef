//! The vendor's error answers: `{"error":{message,type,param,code}}` with the status that belongs to them.
use actix_web::{HttpResponse, http::StatusCode};
use serde_json::json;

#[derive(Debug)]
pub struct Refusal {
    pub status: u16,
    pub kind: &'static str,
    pub code: Option<String>,
    pub param: Option<String>,
    pub message: String,
    pub headers: Vec<(&'static str, String)>,
}

impl Refusal {
    pub fn new(status: u16, kind: &'static str, code: &str, message: impl Into<String>) -> Self {
        let code = (!code.is_empty()).then(|| code.to_owned());
        Self { status, kind, code, param: None, message: message.into(), headers: Vec::new() }
    }

    pub fn about(mut self, param: &str) -> Self {
        self.param = Some(param.to_owned());
        self
    }

    pub fn header(mut self, name: &'static str, value: impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    /// 400 about one field.
    pub fn invalid(param: &str, code: &str, message: impl Into<String>) -> Self {
        Self::new(400, "invalid_request_error", code, message).about(param)
    }

    pub fn unknown_parameter(name: &str) -> Self {
        Self::invalid(name, "unknown_parameter", format!("Unknown parameter: '{name}'."))
    }

    pub fn value(param: &str, got: &str, supported: &[&str]) -> Self {
        let list = supported.iter().map(|one| format!("'{one}'")).collect::<Vec<_>>().join(", ");
        Self::invalid(param, "invalid_value", format!("Invalid value: '{got}'. Supported values are: {list}."))
    }

    pub fn model_not_found(model: &str) -> Self {
        let message = format!("The model '{model}' does not exist or you do not have access to it.");
        Self::new(404, "invalid_request_error", "model_not_found", message).about("model")
    }

    pub fn invalid_api_key(message: impl Into<String>) -> Self {
        Self::new(401, "invalid_request_error", "invalid_api_key", message)
    }

    pub fn body(&self) -> serde_json::Value {
        json!({"error": {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}})
    }

    pub fn answer(&self) -> HttpResponse {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = HttpResponse::build(status);
        for (name, value) in &self.headers {
            response.insert_header((*name, value.as_str()));
        }
        response.json(self.body())
    }
}
