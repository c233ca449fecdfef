//! The vendor's error body, for what is refused before it reaches the store.
use hyper::header::CONTENT_TYPE;
use hyper::{Response, StatusCode};
use s3s::{Body, S3ErrorCode};

#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    code: String,
    message: String,
    /// Elements that only this code has.
    more: Vec<(&'static str, String)>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { status, code: code.into(), message: message.into(), more: Vec::new() }
    }

    /// Any of the vendor's codes, with the status that belongs to it.
    pub(super) fn with_code(code: &str) -> Self {
        let known = S3ErrorCode::from_bytes(code.as_bytes()).and_then(|known| known.status_code());
        Self::new(known.unwrap_or(StatusCode::BAD_REQUEST), code, "Refused because a fault was asked for.")
    }

    pub(super) fn with(mut self, element: &'static str, value: String) -> Self {
        self.more.push((element, value));
        self
    }

    pub(super) fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    pub(super) fn slow_down() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "SlowDown", "Please reduce your request rate.")
    }

    pub(super) fn internal_error() -> Self {
        let message = "We encountered an internal error. Please try again.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", message)
    }

    pub(super) fn into_response(self) -> Response<Body> {
        let more: String =
            self.more.iter().map(|(element, value)| format!("<{element}>{}</{element}>", escape(value))).collect();
        let xml = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{}</Code><Message>{}</Message>{more}</Error>",
            escape(&self.code),
            escape(&self.message)
        );
        let mut response = Response::new(Body::from(xml));
        *response.status_mut() = self.status;
        response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static("application/xml"));
        response
    }
}

pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
