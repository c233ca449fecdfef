//! Parameters of a query, an urlencoded form or a JSON object. An empty one counts as absent (RFC 6749 §3.1).
use std::collections::BTreeMap;

use actix_web::HttpRequest;
use actix_web::http::header;

#[derive(Clone, Debug, Default)]
pub struct Params(Vec<(String, String)>);

impl Params {
    pub fn parse(encoded: &[u8]) -> Self {
        Self(url::form_urlencoded::parse(encoded).into_owned().collect())
    }

    pub fn of_query(request: &HttpRequest) -> Self {
        Self::parse(request.query_string().as_bytes())
    }

    /// None when the body is not declared as an urlencoded form.
    pub fn of_form(request: &HttpRequest, body: &[u8]) -> Option<Self> {
        is_declared(request, "application/x-www-form-urlencoded").then(|| Self::parse(body))
    }

    /// None when the body is not declared as JSON or is no object of texts.
    pub fn of_json(request: &HttpRequest, body: &[u8]) -> Option<Self> {
        let fields: BTreeMap<String, String> =
            serde_json::from_slice(body).ok().filter(|_| is_declared(request, "application/json"))?;
        Some(Self(fields.into_iter().collect()))
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    pub fn list(&self, name: &str) -> Vec<String> {
        self.get(name).unwrap_or_default().split_whitespace().map(str::to_owned).collect()
    }

    /// The first of `names` that stands here more than once: OAuth forbids that.
    pub fn repeated<'n>(&self, names: &[&'n str]) -> Option<&'n str> {
        names.iter().copied().find(|name| self.0.iter().filter(|(key, _)| key == name).count() > 1)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

fn is_declared(request: &HttpRequest, kind: &str) -> bool {
    let declared = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = declared.and_then(|declared| declared.split(';').next()).unwrap_or_default();
    essence.trim().eq_ignore_ascii_case(kind)
}
