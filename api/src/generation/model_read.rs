//! Takes an image server's answer off the wire, as a whole or as a stream, whichever it turns out to be: what was asked
//! for and what the headers say are both no proof (wire §5, §6, §10).
//!
//! Memory: an answer is held once. A stream keeps one event of at most 70 MiB; a whole answer is at most 70 MiB for each
//! image asked for (50 MiB of picture in base64) and 280 MiB altogether; pictures are decoded where their text lies.
use std::time::Duration;

use reqwest::{Response, StatusCode};
use tokio::sync::watch;

use super::image_model::Partial;
use super::model_answer::{self, Heard, Parsed};
use super::model_error::{Hints, ModelError};
use super::model_stream::{Event, Events};

/// Bytes of one picture in JSON.
const PICTURE_MAX: usize = 70 * 1024 * 1024;
/// Bytes of a whole answer, however many pictures it has: ten of 20 MB each.
const ANSWER_MAX: usize = 280 * 1024 * 1024;
/// Bytes of a whole stream: its picture, three partial ones, and what keeps the line alive.
const STREAM_MAX: usize = 4 * PICTURE_MAX;
/// Bytes of an answer that is not a success.
const REFUSAL_MAX: usize = 1024 * 1024;
/// A connection whose stream was read to its end can be used again.
const LAST_WORDS: Duration = Duration::from_secs(1);

pub async fn read(
    mut response: Response,
    count: u32,
    hints: Hints,
    show: &watch::Sender<Option<Partial>>,
) -> Result<Parsed, ModelError> {
    let status = response.status();
    if !status.is_success() {
        return Err(refused(response, status, hints).await);
    }
    let mut begun = Vec::new();
    let first = loop {
        if let Some(first) = begun.iter().find(|byte: &&u8| !byte.is_ascii_whitespace()) {
            break *first;
        }
        match next(&mut response).await? {
            Some(piece) if begun.len() < REFUSAL_MAX => begun.extend_from_slice(&piece),
            Some(_) => return Err(ModelError::bad_answer("the answer is blank")),
            None => return Err(ModelError::broke_off("the answer is empty")),
        }
    };
    match first {
        // Some servers do not know `stream` and answer as ever (§10).
        b'{' => {
            let max = PICTURE_MAX.saturating_mul(usize::try_from(count).unwrap_or(1)).min(ANSWER_MAX);
            model_answer::whole(rest(response, begun, max).await?, hints)
        }
        // The beginnings of `data:`, `event:`, `id:`, `retry:` and of a comment.
        b'd' | b'e' | b'i' | b'r' | b':' => events(response, &begun, hints, show).await,
        // A page of some proxy, whatever its type says.
        _ => Err(ModelError::bad_answer("the answer is neither JSON nor a stream")),
    }
}

async fn refused(mut response: Response, status: StatusCode, hints: Hints) -> ModelError {
    let mut bytes = Vec::new();
    // A body that breaks off does not change what the status says.
    while let Ok(Some(piece)) = response.chunk().await {
        bytes.extend_from_slice(&piece);
        if bytes.len() > REFUSAL_MAX {
            break;
        }
    }
    model_answer::refusal(status, &bytes, hints)
}

async fn next(response: &mut Response) -> Result<Option<actix_web::web::Bytes>, ModelError> {
    response.chunk().await.map_err(|error| ModelError::transport(&error))
}

async fn rest(mut response: Response, mut bytes: Vec<u8>, max: usize) -> Result<Vec<u8>, ModelError> {
    // Growing by doubling would hold a large answer more than once.
    let announced = response.content_length().and_then(|length| usize::try_from(length).ok());
    bytes.reserve(announced.unwrap_or(0).min(max));
    while let Some(piece) = next(&mut response).await? {
        let length = bytes.len() + piece.len();
        if length > max {
            return Err(ModelError::bad_answer("the answer is too large"));
        }
        if length > bytes.capacity() {
            bytes.reserve_exact((2 * length).min(max) - bytes.len());
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

async fn events(
    mut response: Response,
    begun: &[u8],
    hints: Hints,
    show: &watch::Sender<Option<Partial>>,
) -> Result<Parsed, ModelError> {
    let mut events = Events::new(PICTURE_MAX);
    let too_long = |error: super::model_stream::TooLong| ModelError::bad_answer(error.to_string());
    let mut heard = events.push(begun).map_err(too_long)?;
    let mut length = begun.len();
    loop {
        if let Some(parsed) = hear(heard, hints, show)? {
            tokio::spawn(async move {
                let to_the_end = async { while let Ok(Some(_)) = response.chunk().await {} };
                let _ = tokio::time::timeout(LAST_WORDS, to_the_end).await;
            });
            return Ok(parsed);
        }
        let Some(piece) = next(&mut response).await? else { break };
        length += piece.len();
        if length > STREAM_MAX {
            return Err(ModelError::bad_answer("the stream does not end"));
        }
        heard = events.push(&piece).map_err(too_long)?;
    }
    match hear(events.finish().into_iter().collect(), hints, show)? {
        Some(parsed) => Ok(parsed),
        // §5: without `.completed` it is a failure, however politely it ended.
        None if events.has_begun => Err(ModelError::broke_off("the stream ended without its picture")),
        None => Err(ModelError::bad_answer("the answer is neither JSON nor a stream")),
    }
}

fn hear(events: Vec<Event>, hints: Hints, show: &watch::Sender<Option<Partial>>) -> Result<Option<Parsed>, ModelError> {
    for event in events {
        match model_answer::event(&event.name, event.data, hints)? {
            Heard::Partial(index, bytes) => {
                show.send_replace(Some(Partial { index, bytes }));
            }
            Heard::Done(parsed) => return Ok(Some(parsed)),
            Heard::Nothing => {}
        }
    }
    Ok(None)
}
