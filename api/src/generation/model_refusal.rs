//! What a model's safety system says when it refuses, in each provider's shape (wire §6, §9): the stage and the names of its
//! categories. Keeps names, never a provider's sentences: they may quote the prompt.
use lapidary_contract::{FailureCode, Refusal, RefusalStage};
use serde_json::Value;

use super::model_error::ModelError;

const CATEGORIES_MAX: usize = 20;
/// Bytes of a success without a picture; more has one.
const EMPTY_MAX: usize = 64 * 1024;
/// Bytes of a category's name; longer ones are sentences.
const NAME_MAX: usize = 40;
/// Members that stand beside an empty answer only where a safety system emptied it.
const SIGNS: [&str; 4] = ["moderation_details", "content_filter_results", "content_filter_result", "safety_violations"];

/// `told` is the error's object. The provider's request id is the caller's to add.
pub fn read(told: Option<&Value>) -> Refusal {
    let mut categories = Vec::new();
    let mut stage = RefusalStage::Unknown;
    let nested = ["innererror", "inner_error", "moderation_details"];
    let parts = nested.iter().filter_map(|name| told?.get(name)).chain(told);
    for part in parts {
        stage = match part.get("moderation_stage").and_then(Value::as_str) {
            Some("input") => RefusalStage::Input,
            Some("output") => RefusalStage::Output,
            _ => stage,
        };
        for name in ["categories", "safety_violations"] {
            let listed = part.get(name).and_then(Value::as_array).into_iter().flatten();
            categories.extend(listed.filter_map(Value::as_str).map(str::to_owned));
        }
        for name in ["content_filter_results", "content_filter_result", "contentFilter"] {
            categories.extend(filtered(part.get(name)));
        }
    }
    let message = told.and_then(|told| told.get("message")).and_then(Value::as_str).unwrap_or_default();
    categories.extend(violations(message));
    categories.retain(|name| is_a_name(name));
    categories.sort();
    categories.dedup();
    categories.truncate(CATEGORIES_MAX);
    Refusal { stage, categories, provider_request_id: None }
}

/// Of a success without a picture: whether a safety system emptied it, as some proxies say.
fn in_success(body: &Value) -> Option<Refusal> {
    let data = body.get("data").and_then(Value::as_array);
    let each = || std::iter::once(body).chain(data.into_iter().flatten());
    let sign = |part: &&Value| {
        SIGNS.iter().any(|name| part.get(name).is_some_and(|value| !value.is_null()))
            || part.get("respect_moderation") == Some(&Value::Bool(false))
            || matches!(part.get("finish_reason").and_then(Value::as_str), Some("content_filter" | "safety"))
    };
    let sign = each().find(sign)?;
    let mut refusal = read(Some(sign));
    // It was asked to make something, and what it made was not given out.
    if refusal.stage == RefusalStage::Unknown && sign.get("respect_moderation").is_some() {
        refusal.stage = RefusalStage::Output;
    }
    Some(refusal)
}

/// Why a success holds no picture. Asking again helps nobody, and nothing is charged.
pub fn of_empty(body: &[u8]) -> ModelError {
    let body: Option<Value> = if body.len() <= EMPTY_MAX { serde_json::from_slice(body).ok() } else { None };
    match body.as_ref().and_then(in_success) {
        Some(refusal) => {
            let refused = ModelError::new(FailureCode::Refused, "an empty success that names a safety system");
            ModelError { refusal: Some(Box::new(refusal)), ..refused }
        }
        None => ModelError::bad_answer("the answer holds no image"),
    }
}

/// Azure: each category with whether it was filtered.
fn filtered(results: Option<&Value>) -> Vec<String> {
    let all = results.and_then(Value::as_object).into_iter().flatten();
    let is = |value: &Value, name: &str| value.get(name) == Some(&Value::Bool(true));
    all.filter(|(_, value)| is(value, "filtered")).map(|(name, _)| name.clone()).collect()
}

/// `… safety_violations=[violence, sexual].`
fn violations(message: &str) -> Vec<String> {
    let listed = message.split_once("safety_violations=[").and_then(|(_, rest)| rest.split_once(']'));
    let names = listed.into_iter().flat_map(|(listed, _)| listed.split(','));
    names.map(|name| name.trim().trim_matches(['"', '\'']).to_owned()).collect()
}

fn is_a_name(text: &str) -> bool {
    let is_of_a_name = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '/' | '.');
    (1..=NAME_MAX).contains(&text.len()) && text.chars().all(is_of_a_name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn says(told: Value, stage: RefusalStage, categories: &[&str]) {
        let refusal = read(Some(&told));
        let categories: Vec<String> = categories.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!((refusal.stage, refusal.categories), (stage, categories));
    }

    #[test]
    fn every_providers_shape_is_understood() {
        let message = "Your request was rejected … request ID req_1. safety_violations=[violence, sexual/minors].";
        says(json!({"message": message}), RefusalStage::Unknown, &["sexual/minors", "violence"]);
        let details = json!({"categories": ["self-harm"], "moderation_stage": "output"});
        says(json!({"moderation_details": details}), RefusalStage::Output, &["self-harm"]);
        says(json!({"moderation_stage": "input", "categories": ["hate"]}), RefusalStage::Input, &["hate"]);
        let results = json!({"hate": {"filtered": false, "severity": "safe"}, "violence": {"filtered": true}});
        let azure = json!({"code": "ResponsibleAIPolicyViolation", "content_filter_results": results});
        says(json!({"code": "contentFilter", "inner_error": azure}), RefusalStage::Unknown, &["violence"]);
        says(json!({"code": "contentFilter", "innererror": azure}), RefusalStage::Unknown, &["violence"]);
        says(json!("no"), RefusalStage::Unknown, &[]);
    }

    #[test]
    fn a_sentence_is_no_category() {
        let told = json!({"categories": ["the prompt says: a fox", "x".repeat(41), "", 7, "hate"],
            "message": "safety_violations=[a fox in the snow"});
        says(told, RefusalStage::Unknown, &["hate"]);
    }

    #[test]
    fn an_empty_success_is_a_refusal_only_where_it_says_so() {
        assert_eq!(in_success(&json!({"created": 1, "data": []})), None);
        assert_eq!(in_success(&json!({"data": [{"b64_json": null}], "moderation_details": null})), None);
        let said = json!({"data": [], "moderation_details": {"categories": ["hate"], "moderation_stage": "input"}});
        assert_eq!(in_success(&said).map(|refusal| refusal.stage), Some(RefusalStage::Input));
        let withheld = json!({"data": [{"url": null, "respect_moderation": false}]});
        assert_eq!(in_success(&withheld).map(|refusal| refusal.stage), Some(RefusalStage::Output));
    }
}
