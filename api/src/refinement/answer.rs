//! What a Chat Completions server said: sections, a refusal, or nothing that can be used. Takes what compatible servers
//! put around the JSON; judges none of its words.
use lapidary_contract::RefinementFailureCode;
use lapidary_contract::domain::RefinedSection;
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use super::language_model::Trouble;
use crate::generation::model_answer::is_storable;
use crate::generation::model_error::{Hints, ModelError};

#[derive(Deserialize)]
struct Suggested {
    sections: Vec<RefinedSection>,
}

/// What a success says, and what it says it used.
pub fn read(bytes: &[u8], hints: Hints) -> (Result<Vec<RefinedSection>, Trouble>, Option<Value>) {
    let Ok(body) = serde_json::from_slice::<Value>(bytes) else {
        return (Err(Trouble::bad_answer("the answer is not JSON")), None);
    };
    let usage = body.get("usage").cloned().filter(is_storable);
    if let Some(told) = body.get("error").or_else(|| body.get("detail")).filter(|told| !told.is_null()) {
        return (Err(ModelError::answered(StatusCode::OK, Some(told), hints).into()), usage);
    }
    (sections(&body), usage)
}

fn sections(body: &Value) -> Result<Vec<RefinedSection>, Trouble> {
    let choice = body.get("choices").and_then(|choices| choices.get(0));
    let member = |name: &str| choice.and_then(|choice| choice.get("message")).and_then(|message| message.get(name));
    let finish = choice.and_then(|choice| choice.get("finish_reason")).and_then(Value::as_str).unwrap_or_default();
    let has_refused = member("refusal").and_then(Value::as_str).is_some_and(|words| !words.is_empty());
    if has_refused || finish == "content_filter" {
        // Its words may quote the prompt: they stay there.
        return Err(Trouble::new(RefinementFailureCode::Refused, "the language model refused"));
    }
    let content = match member("content") {
        Some(Value::String(text)) => text.clone(),
        // Some give pieces: {"type": "text", "text": "…"}.
        Some(Value::Array(parts)) => {
            parts.iter().filter_map(|part| part.get("text").and_then(Value::as_str)).collect::<Vec<_>>().concat()
        }
        _ => return Err(Trouble::bad_answer("the answer has no content")),
    };
    let found = json_in(&content).and_then(|json| {
        let whole = serde_json::from_str::<Suggested>(json).map(|suggested| suggested.sections);
        whole.or_else(|_| serde_json::from_str::<Vec<RefinedSection>>(json)).ok()
    });
    found.ok_or_else(|| Trouble::bad_answer(format!("the content is not the JSON asked for, finished by {finish:.20}")))
}

/// The JSON in a text: behind what a model thought aloud, out of a fence of ```, without the words around it.
fn json_in(text: &str) -> Option<&str> {
    let said = text.rsplit_once("</think>").map_or(text, |(_, said)| said);
    let start = said.find(['{', '['])?;
    let end = said.rfind(['}', ']'])?;
    said.get(start..=end)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read_content(content: Value) -> Result<usize, RefinementFailureCode> {
        let body = json!({"choices": [{"finish_reason": "stop", "message": {"content": content, "refusal": null}}]});
        let (found, _) = read(body.to_string().as_bytes(), Hints::default());
        found.map(|sections| sections.len()).map_err(|trouble| trouble.code)
    }

    #[test]
    fn the_json_is_found_in_whatever_is_around_it() {
        let json = r#"{"sections":[{"name":"Ice","values":["a"]}]}"#;
        for content in [
            json!(json),
            json!(format!("```json\n{json}\n```")),
            json!(format!("Here you are:\n\n```\n{json}\n```\nEnjoy.")),
            json!(format!("<think>Perhaps {{this}}?</think>{json}")),
            json!(r#"[{"name":"Ice","values":["a"]}]"#),
            json!([{"type": "text", "text": &json[..9]}, {"type": "text", "text": &json[9..]}]),
        ] {
            assert_eq!(read_content(content.clone()), Ok(1), "{content}");
        }
        for content in [json!(""), json!("{"), json!("}{"), json!("[1]"), json!({"sections": []}), Value::Null] {
            assert_eq!(read_content(content.clone()), Err(RefinementFailureCode::BadAnswer), "{content}");
        }
    }

    #[test]
    fn a_refusal_is_one_however_it_is_said() {
        let refused = json!({"choices": [{"finish_reason": "stop", "message": {"content": null, "refusal": "No."}}]});
        let filtered = json!({"choices": [{"finish_reason": "content_filter", "message": {"content": ""}}]});
        let blocked = json!({"error": {"code": "content_filter", "message": "x"}});
        for body in [refused, filtered, blocked] {
            let (found, _) = read(body.to_string().as_bytes(), Hints::default());
            assert_eq!(found.expect_err("a refusal").code, RefinementFailureCode::Refused, "{body}");
        }
    }
}
