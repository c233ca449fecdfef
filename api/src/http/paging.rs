//! Keyset paging: an opaque cursor over (time, id), newest first. Never an offset.
use actix_web::body::BoxBody;
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, Responder};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use lapidary_contract::List;
use lapidary_contract::domain::limits::{PAGE_DEFAULT, PAGE_MAX};
use lapidary_contract::domain::{Violation, ViolationCode};
use serde::{Deserialize, Serialize};
use url::form_urlencoded;
use uuid::Uuid;

use super::error::ApiError;

/// Query of every list.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// Entries to answer with, 1 to 100; 50 when absent.
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<u32>,
    /// `next_cursor` of the answer before.
    #[param(pattern = "^[A-Za-z0-9_-]+$", max_length = 200)]
    pub cursor: Option<String>,
}

/// Where a page begins: before this (time, id).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keyset {
    pub before_at: DateTime<Utc>,
    pub before_id: Uuid,
}

impl PageQuery {
    pub fn limit(&self) -> Result<i64, ApiError> {
        let limit = self.limit.unwrap_or(PAGE_DEFAULT);
        if limit == 0 || limit > PAGE_MAX {
            return Err(vec![Violation::new("?limit", ViolationCode::OutOfRange)].into());
        }
        Ok(i64::from(limit))
    }

    /// The beginning of time's other end when there is no cursor.
    pub fn keyset(&self) -> Result<Keyset, ApiError> {
        match &self.cursor {
            None => Ok(Keyset::newest()),
            Some(cursor) => {
                Keyset::decode(cursor).ok_or_else(|| ApiError::Malformed("The cursor is not one of ours.".into()))
            }
        }
    }
}

impl Keyset {
    /// Before which everything is.
    pub fn newest() -> Self {
        Self { before_at: DateTime::<Utc>::MAX_UTC, before_id: Uuid::max() }
    }

    /// As the cursor that a list is asked for with.
    pub fn encode(self) -> String {
        URL_SAFE_NO_PAD.encode(format!("{}.{}", self.before_at.timestamp_micros(), self.before_id.simple()))
    }

    fn decode(cursor: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let text = String::from_utf8(bytes).ok()?;
        let (micros, id) = text.split_once('.')?;
        // Nothing of ours is older, and PostgreSQL does not know every time that chrono does.
        let before_at =
            DateTime::from_timestamp_micros(micros.parse().ok()?).filter(|at| *at >= DateTime::UNIX_EPOCH)?;
        Some(Self { before_at, before_id: id.parse().ok()? })
    }
}

/// A page of a list as an answer: the next one's address stands in `Link` as well (RFC 8288).
pub struct Listed<T>(pub List<T>);

impl<T: Serialize> Responder for Listed<T> {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        let mut answer = HttpResponse::Ok();
        if let Some(cursor) = &self.0.next_cursor {
            answer.insert_header((header::LINK, format!("<{}>; rel=\"next\"", next(request, cursor))));
        }
        answer.json(self.0)
    }
}

/// The same question with another cursor, relative to where it was asked.
fn next(request: &HttpRequest, cursor: &str) -> String {
    let asked = form_urlencoded::parse(request.query_string().as_bytes());
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in asked.filter(|(name, _)| name != "cursor") {
        query.append_pair(&name, &value);
    }
    format!("{}?{}", request.path(), query.append_pair("cursor", cursor).finish())
}

/// `rows` were asked for with one more than `limit`: that one says whether there is a next page.
pub fn list<T>(mut rows: Vec<T>, limit: i64, key: impl Fn(&T) -> (DateTime<Utc>, Uuid)) -> Listed<T> {
    let limit = usize::try_from(limit).unwrap_or(0);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next_cursor = rows.last().filter(|_| more).map(|last| {
        let (before_at, before_id) = key(last);
        Keyset { before_at, before_id }.encode()
    });
    Listed(List { data: rows, next_cursor })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back_and_junk_is_refused() {
        let keyset = Keyset {
            before_at: DateTime::from_timestamp_micros(1_764_000_000_123_456).expect("a time"),
            before_id: Uuid::now_v7(),
        };
        assert_eq!(Keyset::decode(&keyset.encode()), Some(keyset));
        for junk in ["", "x", "!!!!", "MTIz"] {
            assert_eq!(Keyset::decode(junk), None);
        }
        let ancient = format!("-8000000000000000000.{}", Uuid::nil().simple());
        assert_eq!(Keyset::decode(&URL_SAFE_NO_PAD.encode(ancient)), None);
    }
}
