//! What a person is writing, and what they last asked for, kept in this tab: a reload, an expired session or a lost
//! connection loses neither. One person's words are never shown to another.
use lapidary_contract::CreateGeneration;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::browser::kept;
use crate::json;

/// One wish to generate. Sent again with the same key it is the same request.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    pub key: String,
    pub body: CreateGeneration,
}

impl Intent {
    pub fn new(body: CreateGeneration) -> Self {
        Self { key: Uuid::now_v7().to_string(), body }
    }
}

pub fn blank() -> CreateGeneration {
    CreateGeneration {
        prompt: String::new(),
        attributes: Vec::new(),
        composed_prompt: None,
        model: None,
        size: None,
        quality: None,
        count: 1,
        background: None,
        output_format: None,
        references: Vec::new(),
        mask_id: None,
    }
}

pub fn recall(person: Uuid) -> CreateGeneration {
    read(&draft_name(person)).unwrap_or_else(blank)
}

pub fn keep(person: Uuid, draft: &CreateGeneration) {
    write(&draft_name(person), draft);
}

/// The key of an intent whose answer never came, when the same thing is asked again; otherwise a new one.
pub fn intend(person: Uuid, body: CreateGeneration) -> Intent {
    let name = intent_name(person);
    let intent = read::<Intent>(&name).filter(|open| open.body == body).unwrap_or_else(|| Intent::new(body));
    write(&name, &intent);
    intent
}

/// The answer came, whatever it was.
pub fn answered(person: Uuid) {
    kept::forget(&intent_name(person));
}

fn draft_name(person: Uuid) -> String {
    format!("lapidary.draft.{person}")
}

fn intent_name(person: Uuid) -> String {
    format!("lapidary.intent.{person}")
}

fn read<T: serde::de::DeserializeOwned>(name: &str) -> Option<T> {
    json::read(&kept::recall(name)?).ok()
}

fn write<T: Serialize>(name: &str, value: &T) {
    if let Ok(text) = serde_json::to_string(value) {
        kept::keep(name, &text);
    }
}
