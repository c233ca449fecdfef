//! Answers kept under an `Idempotency-Key`, so that a retry changes nothing. What failed before it began is not kept.
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::book::{Book, now};
use super::refusal::Refusal;

pub const MOST_KEY_LENGTH: usize = 255;

#[derive(Clone, Deserialize, Serialize)]
pub struct Kept {
    /// Method, path and parameters as they came.
    asked: String,
    /// None while the first request is under way.
    answer: Option<Answer>,
    pub since: i64,
}

#[derive(Clone, Deserialize, Serialize)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

impl Kept {
    pub fn is_answered(&self) -> bool {
        self.answer.is_some()
    }
}

pub enum Claim {
    /// The key is this request's: it is to be executed.
    Ours,
    Replay(Answer),
}

/// Takes the key for a request, or says why not.
pub fn claim(book: &mut Book, key: &str, asked: &str) -> Result<Claim, Refusal> {
    if key.chars().count() > MOST_KEY_LENGTH {
        let text = format!("Idempotency keys take at most {MOST_KEY_LENGTH} characters.");
        return Err(Refusal::new(400, "idempotency_error", text));
    }
    match book.kept.get(key) {
        None => {
            let kept = Kept { asked: asked.to_owned(), answer: None, since: now() };
            book.kept.insert(key.to_owned(), kept);
            Ok(Claim::Ours)
        }
        Some(kept) if kept.asked != asked => {
            let text = format!(
                "Keys for idempotent requests can only be used with the same parameters they were first used with. \
                 Try using a key other than '{key}' if you meant to execute a different request."
            );
            Err(Refusal::new(400, "idempotency_error", text))
        }
        Some(Kept { answer: Some(answer), .. }) => Ok(Claim::Replay(answer.clone())),
        Some(_) => {
            let text = format!(
                "There is currently another in-progress request using this Idempotent Key (that probably means you \
                 submitted twice, and the other request is still going through): {key}. Please try again later."
            );
            Err(Refusal::new(409, "idempotency_error", text).code("idempotency_key_in_use"))
        }
    }
}

pub fn keep(book: &mut Book, key: &str, answer: Answer) {
    book.version += 1;
    if let Some(kept) = book.kept.get_mut(key) {
        kept.answer = Some(answer);
    }
}

/// The request ended before it began to change anything: the key is free again.
pub fn release(book: &mut Book, key: &str) {
    if book.kept.get(key).is_some_and(|kept| kept.answer.is_none()) {
        book.kept.remove(key);
    }
}
