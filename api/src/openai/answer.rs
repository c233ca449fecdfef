//! The bytes of an answer, piece by piece: JSON or the last event of a stream, with pictures encoded while they are read from
//! storage. However many and large they are, one answer holds one piece of one of them.
use std::pin::Pin;

use actix_web::web::Bytes;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::{Stream, StreamExt, stream};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::order::Order;
use super::queries::Picture;
use super::wait::End;
use crate::app::App;
use crate::http::error::{ApiError, ApiResult};
use crate::images::queries::Objects;
use crate::images::store::StoreError;

const COME_AGAIN_SECONDS: u64 = 5;
/// Pieces up to and including the first picture.
const OPENED: usize = 3;

/// What goes out. An error breaks the connection off: nobody takes half a picture for a whole one.
pub type Pieces = Pin<Box<dyn Stream<Item = Result<Bytes, StoreError>>>>;

pub fn piece(piece: Bytes) -> Pieces {
    Box::pin(stream::once(std::future::ready(Ok(piece))))
}

fn text(text: String) -> Pieces {
    piece(text.into())
}

/// The whole answer of a call that waited.
pub async fn whole(app: &App, order: &Order, end: &End) -> ApiResult<Pieces> {
    let mut pieces: Vec<Pieces> = vec![text(format!("{{\"created\":{},\"data\":[", created(end)))];
    for (index, picture) in end.pictures.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let mut more = Map::new();
        if let Some(revised) = &picture.revised_prompt {
            more.insert("revised_prompt".into(), json!(revised));
        }
        if order.wants_url {
            let link = app.store.presigned(&key_of(picture)).await?;
            more.insert("url".into(), json!(link.url));
            pieces.push(text(format!("{comma}{}", Value::Object(more))));
        } else {
            pieces.push(text(format!("{comma}{{\"b64_json\":\"")));
            pieces.push(original(app, picture));
            pieces.push(text(format!("\"{}", rest(more))));
        }
    }
    let rest = rest(told(order, end));
    pieces.push(text(format!("]{rest}")));
    let bytes = if order.wants_url { None } else { Some(bytes_of(&end.pictures)) };
    open(app, end.person_id, pieces, bytes).await
}

/// The last event of a stream.
pub async fn completed(app: &App, order: &Order, end: &End) -> ApiResult<Pieces> {
    let name = format!("{}.completed", order.events());
    let mut pieces = vec![text(format!("event: {name}\ndata: {{\"type\":\"{name}\",\"b64_json\":\""))];
    pieces.extend(end.pictures.first().map(|picture| original(app, picture)));
    let mut more = told(order, end);
    more.insert("created_at".into(), json!(created(end)));
    // Clients rely on these in an event, where they may be absent in JSON.
    more.entry("background").or_insert_with(|| json!("auto"));
    more.entry("usage").or_insert_with(no_usage);
    pieces.push(text(format!("\"{}\n\n", rest(more))));
    open(app, end.person_id, pieces, Some(bytes_of(end.pictures.get(..1).unwrap_or_default()))).await
}

/// A rough picture on the way; none where it is gone by now, since the picture itself is there.
pub async fn partial(app: &App, order: &Order, key: &str, index: u32) -> Result<Option<Bytes>, StoreError> {
    let Some(bytes) = app.store.read(key).await? else { return Ok(None) };
    let name = format!("{}.partial_image", order.events());
    let request = &order.request;
    let mut event = json!({
        "type": name,
        "b64_json": STANDARD.encode(&bytes),
        "created_at": app.clock.now().timestamp(),
        "partial_image_index": index,
        // As it is, whatever the picture itself will be.
        "output_format": "webp",
    });
    let asked = [("size", &request.size), ("quality", &request.quality), ("background", &request.background)];
    if let Some(members) = event.as_object_mut() {
        members.extend(asked.map(|(name, asked)| (name.to_owned(), asked.as_deref().unwrap_or("auto").into())));
    }
    Ok(Some(Bytes::from(format!("event: {name}\ndata: {event}\n\n"))))
}

fn created(end: &End) -> i64 {
    end.generation.finished_at.unwrap_or(end.generation.created_at).timestamp()
}

/// Everything beside the pictures.
fn told(order: &Order, end: &End) -> Map<String, Value> {
    let generation = &end.generation;
    let mut told = Map::new();
    let mut say = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            told.insert(name.to_owned(), value);
        }
    };
    let first = end.pictures.first();
    say("size", Some(first.map_or_else(|| json!(generation.size), |it| json!(format!("{}x{}", it.width, it.height)))));
    say("quality", Some(json!(generation.quality)));
    say("background", generation.background.as_ref().map(|background| json!(background)));
    say("output_format", first.map(|it| json!(if it.extension == "jpg" { "jpeg" } else { it.extension.as_str() })));
    say("usage", usage(&end.model_answers));
    say("safety_identifier", order.safety_identifier.as_ref().map(|identifier| json!(identifier)));
    told
}

/// The rest of an object that was begun and has members.
fn rest(members: Map<String, Value>) -> String {
    let object = Value::Object(members).to_string();
    match object.strip_prefix('{') {
        Some("}") | None => "}".to_owned(),
        Some(members) => format!(",{members}"),
    }
}

fn bytes_of(pictures: &[Picture]) -> u64 {
    pictures.iter().map(|picture| picture.bytes.unsigned_abs()).fold(0, u64::saturating_add)
}

fn key_of(picture: &Picture) -> String {
    Objects::at(picture.object_prefix.clone(), picture.extension.clone()).original()
}

fn original(app: &App, picture: &Picture) -> Pieces {
    Box::pin(encoded(app.store.known(key_of(picture), picture.bytes.unsigned_abs()).stream()))
}

/// In multiples of three bytes, which are four letters; what is left over goes with the next piece.
fn encoded<E>(bytes: impl Stream<Item = Result<Bytes, E>>) -> impl Stream<Item = Result<Bytes, E>> {
    let state = (Box::pin(bytes), Vec::<u8>::new(), false);
    stream::unfold(state, |(mut bytes, mut left, is_over)| async move {
        if is_over {
            return None;
        }
        match bytes.next().await {
            Some(Ok(piece)) => {
                left.extend_from_slice(&piece);
                let odd = left.split_off(left.len() - left.len() % 3);
                Some((Ok(Bytes::from(STANDARD.encode(&left))), (bytes, odd, false)))
            }
            Some(Err(error)) => Some((Err(error), (bytes, left, true))),
            None if left.is_empty() => None,
            None => Some((Ok(Bytes::from(STANDARD.encode(&left))), (bytes, left, true))),
        }
    })
}

/// The first picture is opened before anything is said: a storage that is away is an error with a status.
async fn open(app: &App, person_id: Uuid, mut pieces: Vec<Pieces>, bytes: Option<u64>) -> ApiResult<Pieces> {
    let place = match bytes {
        Some(bytes) => {
            let place = app.openai.place(person_id, bytes).await;
            Some(place.ok_or(ApiError::Unavailable { retry_after_seconds: COME_AGAIN_SECONDS })?)
        }
        None => None,
    };
    for piece in pieces.iter_mut().take(OPENED) {
        if let Some(first) = piece.next().await {
            let first: Pieces = Box::pin(stream::once(std::future::ready(Ok(first?))));
            let rest = std::mem::replace(piece, Box::pin(stream::empty()));
            *piece = Box::pin(first.chain(rest));
        }
    }
    let told = stream::iter(pieces).flatten().filter(move |piece| {
        let _held = &place;
        // A piece of nothing is how a body says that it is over.
        std::future::ready(!piece.as_ref().is_ok_and(Bytes::is_empty))
    });
    Ok(Box::pin(told))
}

/// The sum over the calls that made something; none unless each of them said.
fn usage(model_answers: &Value) -> Option<Value> {
    let answers = model_answers.as_array()?.iter();
    let made: Vec<&Value> =
        answers.filter(|answer| answer.get("outcome").is_some_and(|outcome| outcome == "made")).collect();
    let usages: Option<Vec<&Value>> =
        made.iter().map(|answer| answer.get("usage").filter(|it| it.is_object())).collect();
    let usages = usages.filter(|usages| !usages.is_empty())?;
    let sum = |path: &str| -> Option<i64> {
        usages.iter().try_fold(0_i64, |sum, usage| sum.checked_add(usage.pointer(path)?.as_i64()?))
    };
    let (input, output) = (sum("/input_tokens")?, sum("/output_tokens")?);
    let mut told = serde_json::Map::new();
    let total = input.checked_add(output)?;
    for (name, tokens) in [("input_tokens", input), ("output_tokens", output), ("total_tokens", total)] {
        told.insert(name.to_owned(), tokens.into());
    }
    for details in ["input_tokens_details", "output_tokens_details"] {
        let of = |kind: &str| sum(&format!("/{details}/{kind}"));
        if let (Some(image), Some(text)) = (of("image_tokens"), of("text_tokens")) {
            told.insert(details.to_owned(), json!({"image_tokens": image, "text_tokens": text}));
        }
    }
    // Its clients read this one without looking whether it is there.
    told.entry("input_tokens_details").or_insert_with(|| json!({"image_tokens": 0, "text_tokens": input}));
    Some(told.into())
}

/// Where nobody knows.
fn no_usage() -> Value {
    json!({"input_tokens": 0, "output_tokens": 0, "total_tokens": 0,
        "input_tokens_details": {"image_tokens": 0, "text_tokens": 0}})
}

impl Order {
    /// What events of this call begin with.
    fn events(&self) -> &'static str {
        if self.is_edit { "image_edit" } else { "image_generation" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_web::test]
    async fn pieces_of_any_length_are_encoded_as_the_whole() {
        let whole: Vec<u8> = (0..=255).collect();
        for length in [1, 2, 3, 7, 64, 300] {
            let pieces = whole.chunks(length).map(|piece| Ok::<_, StoreError>(Bytes::copy_from_slice(piece)));
            let encoded: Vec<Bytes> =
                encoded(stream::iter(pieces)).map(|piece| piece.expect("a piece")).collect().await;
            assert_eq!(encoded.concat(), STANDARD.encode(&whole).into_bytes(), "{length}");
        }
    }

    #[test]
    fn usage_is_the_sum_of_what_made_something() {
        let call = |outcome: &str, tokens: i64| {
            json!({"outcome": outcome, "usage": {"input_tokens": tokens, "output_tokens": 2 * tokens,
                "input_tokens_details": {"image_tokens": 0, "text_tokens": tokens}}})
        };
        let told = usage(&json!([call("made", 3), call("model_busy", 100), call("made", 4)])).expect("usage");
        assert_eq!(
            told,
            json!({"input_tokens": 7, "output_tokens": 14, "total_tokens": 21,
                "input_tokens_details": {"image_tokens": 0, "text_tokens": 7}})
        );
        assert_eq!(usage(&json!([call("made", 3), {"outcome": "made", "usage": null}])), None);
        assert_eq!(usage(&json!([])), None);
    }

    #[test]
    fn members_follow_what_was_begun() {
        let object = |text: String| serde_json::from_str::<Value>(&format!("{{\"a\":1{text}")).expect("JSON");
        assert_eq!(object(rest(Map::new())), json!({"a": 1}));
        assert_eq!(object(rest(Map::from_iter([("b".into(), json!("x"))]))), json!({"a": 1, "b": "x"}));
    }
}
