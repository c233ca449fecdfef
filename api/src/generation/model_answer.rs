//! Reads what image servers answer, as a whole or as one event of a stream: OpenAI's shapes and those of servers that are
//! nearly like it (wire §4, §5, §10). Never copies a picture: its text is decoded where it lies.
use std::borrow::Cow;
use std::ops::Range;

use actix_web::web::Bytes;
use lapidary_contract::domain::limits::COMPOSED_PROMPT_MAX;
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use super::in_place;
use super::model_error::{Hints, ModelError};

/// Bytes of JSON that a provider may say about usage; more is no such statement.
const USAGE_MAX: usize = 16 * 1024;
/// Bytes of one image.
pub const IMAGE_MAX: usize = 50 * 1024 * 1024;
/// What one order brought.
pub struct Answer {
    pub images: Vec<ModelImage>,
    /// Why there are fewer than ordered, where the provider said so.
    pub shortfall: Option<ModelError>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ModelImage {
    /// Part of the answer it came in, which stays as long as one of its pictures does.
    pub bytes: Bytes,
    pub revised_prompt: Option<String>,
    /// As the provider says it.
    pub usage: Option<Value>,
}

/// One call that ended, for the record.
#[derive(Clone, Debug)]
pub struct Call {
    pub request_id: Option<String>,
    /// `made`, or the failure's name.
    pub outcome: &'static str,
    pub usage: Option<Value>,
    pub was_cut: bool,
}

#[derive(Debug)]
pub struct Parsed {
    pub items: Vec<Item>,
    pub usage: Option<Value>,
}

#[derive(Debug)]
pub struct Item {
    pub source: Source,
    pub revised_prompt: Option<String>,
}

#[derive(Debug)]
pub enum Source {
    Bytes(Bytes),
    Url(String),
}

/// What one event of a stream says.
#[derive(Debug)]
pub enum Heard {
    /// A rough picture, and its number.
    Partial(u32, Bytes),
    Done(Parsed),
    /// Something else that is no picture.
    Nothing,
}

/// Borrowed where the JSON has no escapes: serde borrows inside an `Option` only through a type of its own.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// A whole answer, or one event, which has its picture beside everything else.
#[derive(Deserialize)]
struct Body<'a> {
    #[serde(default, rename = "type", borrow)]
    kind: Option<Text<'a>>,
    #[serde(default, borrow)]
    data: Option<Vec<Datum<'a>>>,
    #[serde(default, borrow)]
    b64_json: Option<Text<'a>>,
    #[serde(default, borrow)]
    url: Option<Text<'a>>,
    #[serde(default)]
    revised_prompt: Option<String>,
    #[serde(default)]
    partial_image_index: Option<u32>,
    #[serde(default)]
    usage: Option<Value>,
    #[serde(default)]
    error: Option<Value>,
    #[serde(default)]
    detail: Option<Value>,
}

#[derive(Deserialize)]
struct Datum<'a> {
    #[serde(default, borrow)]
    b64_json: Option<Text<'a>>,
    #[serde(default, borrow)]
    url: Option<Text<'a>>,
    #[serde(default)]
    revised_prompt: Option<String>,
}

/// Where a picture is before the buffer may be changed.
enum Place {
    /// Base64 in the buffer.
    Here(Range<usize>),
    /// Base64 that had escapes in it.
    Apart(String),
    Url(String),
}

impl Body<'_> {
    fn told(&self) -> Option<&Value> {
        self.error.as_ref().or(self.detail.as_ref()).filter(|told| !told.is_null())
    }

    fn places(self, buffer: &[u8]) -> (Vec<(Place, Option<String>)>, Option<Value>) {
        let own = Datum { b64_json: self.b64_json, url: self.url, revised_prompt: self.revised_prompt };
        let all = self.data.into_iter().flatten().chain([own]);
        let places = all.filter_map(|datum| Some((place(datum.b64_json, datum.url, buffer)?, datum.revised_prompt)));
        (places.collect(), self.usage)
    }
}

fn place(b64_json: Option<Text<'_>>, url: Option<Text<'_>>, buffer: &[u8]) -> Option<Place> {
    match (b64_json, url) {
        (Some(Text(Cow::Borrowed(text))), _) => {
            // Some servers put a data URL here.
            let text = text.split_once(";base64,").map_or(text, |(_, text)| text).trim();
            let start = text.as_ptr().addr().checked_sub(buffer.as_ptr().addr())?;
            Some(Place::Here(start..start + text.len()))
        }
        (Some(Text(Cow::Owned(text))), _) => Some(Place::Apart(text)),
        (None, Some(Text(url))) => Some(Place::Url(url.into_owned())),
        (None, None) => None,
    }
}

/// An answer that is not a success.
pub fn refusal(status: StatusCode, bytes: &[u8], hints: Hints) -> ModelError {
    let body: Option<Value> = serde_json::from_slice(bytes).ok();
    let member = |name: &str| body.as_ref().and_then(|body| body.get(name)).filter(|told| !told.is_null());
    // Older vLLM has message, type and code at the top.
    let told = member("error").or_else(|| member("detail")).or_else(|| member("message").and(body.as_ref()));
    ModelError { usage: member("usage").cloned().filter(is_storable), ..ModelError::answered(status, told, hints) }
}

/// The whole body of a success, which may still say that it is none.
pub fn whole(bytes: Vec<u8>, hints: Hints) -> Result<Parsed, ModelError> {
    let body: Body<'_> = serde_json::from_slice(&bytes).map_err(|error| {
        if error.is_eof() {
            ModelError::broke_off("the answer is not whole")
        } else {
            ModelError::bad_answer("the answer is not JSON of this kind")
        }
    })?;
    if let Some(told) = body.told() {
        let usage = body.usage.clone().filter(is_storable);
        return Err(ModelError { usage, ..ModelError::answered(StatusCode::OK, Some(told), hints) });
    }
    let (places, usage) = body.places(&bytes);
    collect(bytes, places, usage)
}

/// One event: its name (where it has one) and its data.
pub fn event(name: &str, data: Vec<u8>, hints: Hints) -> Result<Heard, ModelError> {
    let body: Body<'_> = match serde_json::from_slice(&data) {
        Ok(body) => body,
        Err(_) if name == "error" => return Err(ModelError::answered(StatusCode::OK, None, hints)),
        // `[DONE]`, and what nobody knows yet.
        Err(_) => return Ok(Heard::Nothing),
    };
    let kind = body.kind.as_ref().map_or(name, |kind| kind.0.as_ref());
    if let Some(told) = body.told() {
        return Err(ModelError::answered(StatusCode::OK, Some(told), hints));
    }
    if name == "error" || kind == "error" {
        // The codes stand beside the type.
        let told: Option<Value> = serde_json::from_slice(&data).ok();
        return Err(ModelError::answered(StatusCode::OK, told.as_ref(), hints));
    }
    let index = kind.ends_with(".partial_image").then(|| body.partial_image_index.unwrap_or(0));
    if index.is_none() && !kind.ends_with(".completed") && body.data.is_none() {
        return Ok(Heard::Nothing);
    }
    let (places, usage) = body.places(&data);
    match (index, collect(data, places, usage)) {
        (None, parsed) => parsed.map(Heard::Done),
        (Some(index), Ok(parsed)) => Ok(match parsed.items.into_iter().next() {
            Some(Item { source: Source::Bytes(bytes), .. }) => Heard::Partial(index, bytes),
            _ => Heard::Nothing,
        }),
        // A rough picture that cannot be read harms nothing.
        (Some(_), Err(_)) => Ok(Heard::Nothing),
    }
}

fn collect(
    mut buffer: Vec<u8>,
    places: Vec<(Place, Option<String>)>,
    usage: Option<Value>,
) -> Result<Parsed, ModelError> {
    enum Found {
        Here(Range<usize>),
        Elsewhere(Source),
    }
    let usage = usage.filter(is_storable);
    let failed = |detail: &str| ModelError { usage: usage.clone(), ..ModelError::bad_answer(detail) };
    let mut found = Vec::new();
    for (place, revised_prompt) in places {
        let source = match place {
            Place::Here(range) => {
                Found::Here(in_place::decode(&mut buffer, range).ok_or_else(|| failed("b64_json is not base64"))?)
            }
            Place::Apart(text) => {
                let bytes = in_place::decode_apart(&text).ok_or_else(|| failed("b64_json is not base64"))?;
                Found::Elsewhere(Source::Bytes(bytes.into()))
            }
            Place::Url(url) => Found::Elsewhere(Source::Url(url)),
        };
        found.push((source, revised_prompt.map(storable)));
    }
    if found.is_empty() {
        // Some proxies answer so when a prompt was moderated (§6): no image, no gems, and asking again helps nobody.
        return Err(failed("the answer holds no image"));
    }
    let buffer = Bytes::from(buffer);
    let items = found.into_iter().map(|(source, revised_prompt)| {
        let source = match source {
            Found::Here(range) => Source::Bytes(buffer.slice(range)),
            Found::Elsewhere(source) => source,
        };
        Item { source, revised_prompt }
    });
    Ok(Parsed { items: items.collect(), usage })
}

/// PostgreSQL keeps no U+0000: an image must not be lost, and made again, for a word about it.
fn storable(text: String) -> String {
    text.chars().filter(|letter| *letter != '\0').take(COMPOSED_PROMPT_MAX).collect()
}

pub fn is_storable(usage: &Value) -> bool {
    let text = usage.to_string();
    !usage.is_null() && text.len() <= USAGE_MAX && !text.contains("\\u0000")
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose;
    use lapidary_contract::FailureCode;

    use super::*;

    fn code_of(status: u16, body: &str) -> FailureCode {
        let status = StatusCode::from_u16(status).expect("a status");
        if !status.is_success() {
            return refusal(status, body.as_bytes(), Hints::default()).code;
        }
        match whole(body.into(), Hints::default()) {
            Ok(_) => panic!("{body} was taken for an image"),
            Err(error) => error.code,
        }
    }

    fn pictures(parsed: &Parsed) -> Vec<&[u8]> {
        let bytes = parsed.items.iter().map(|item| match &item.source {
            Source::Bytes(bytes) => bytes.as_ref(),
            Source::Url(url) => url.as_bytes(),
        });
        bytes.collect()
    }

    #[test]
    fn errors_are_understood_as_object_string_and_detail() {
        let moderated = r#"{"error":{"message":"x","type":"image_generation_user_error","param":null,"code":"moderation_blocked"}}"#;
        for (status, body, expected) in [
            (400, moderated, FailureCode::Refused),
            (400, r#"{"error":"prompt required"}"#, FailureCode::RequestRefused),
            (422, r#"{"detail":[{"msg":"bad"}]}"#, FailureCode::RequestRefused),
            (503, r#"{"detail":"loading"}"#, FailureCode::ModelBusy),
            (500, r#"{"error":"server_error","message":"x"}"#, FailureCode::ModelBusy),
            (503, "<html>", FailureCode::ModelBusy),
            (403, "<html>", FailureCode::OperatorConfiguration),
            (404, "<html>", FailureCode::OperatorConfiguration),
            (404, r#"{"error":"model 'x' not found"}"#, FailureCode::ModelGone),
            (200, r#"{"created":1,"data":[]}"#, FailureCode::BadAnswer),
            (200, r#"{"created":1}"#, FailureCode::BadAnswer),
            (200, "<html>hello</html>", FailureCode::BadAnswer),
            (200, r#"{"created":1,"data":[{"b64_json":"%%%"}]}"#, FailureCode::BadAnswer),
            (200, r#"{"error":{"code":"model_not_found"}}"#, FailureCode::ModelGone),
            (200, r#"{"error":{"type":"server_error"}}"#, FailureCode::ModelBusy),
            (200, r#"{"detail":"no"}"#, FailureCode::BadAnswer),
        ] {
            assert_eq!(code_of(status, body), expected, "{status} {body}");
        }
    }

    #[test]
    fn words_about_an_image_that_cannot_be_stored_do_not_lose_it() {
        let body = r#"{"data":[{"b64_json":"AAAA","revised_prompt":"a\u0000fox"}],"usage":{"note":"\u0000"}}"#;
        let parsed = whole(body.into(), Hints::default()).expect("an image");
        assert_eq!(parsed.items[0].revised_prompt.as_deref(), Some("afox"));
        assert_eq!(parsed.usage, None);
        let body = r#"{"data":[{"b64_json":"AAAA"}],"usage":{"total_tokens":7}}"#;
        assert!(whole(body.into(), Hints::default()).expect("an image").usage.is_some());
    }

    #[test]
    fn pictures_of_any_length_are_decoded_where_they_lie() {
        let long: Vec<u8> = (0..100_003_u32).map(|index| (index * 31 % 251) as u8).collect();
        let encode = |bytes: &[u8]| general_purpose::STANDARD.encode(bytes);
        for length in [0, 1, 2, 3, 6_144, 6_145, long.len()] {
            let (first, second) = (&long[..length], &long[..7]);
            let body =
                format!(r#"{{"data":[{{"b64_json":"{}"}},{{"b64_json":"{}"}}]}}"#, encode(first), encode(second));
            let parsed = whole(body.into_bytes(), Hints::default()).expect("two images");
            assert_eq!(pictures(&parsed), [first, second], "{length}");
        }
    }

    #[test]
    fn base64_may_be_escaped_unpadded_or_a_data_url() {
        for text in ["+/+/AA==", "+\\/+\\/AA==", "+/+/AA", "data:image/png;base64,+/+/AA==", "+/+/\\nAA=="] {
            let body = format!(r#"{{"data":[{{"b64_json":"{text}","url":null}}]}}"#);
            let parsed = whole(body.into_bytes(), Hints::default()).expect(text);
            assert_eq!(pictures(&parsed), [&[0xfb, 0xff, 0xbf, 0][..]], "{text}");
        }
    }
}
