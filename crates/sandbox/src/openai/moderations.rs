//! `POST /v1/moderations`: as strict as the vendor, and deterministic: a few English words stand for what its models see.
//! What goes wrong is asked for as faults of the vendor `moderation`.
use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Map, Value, json};

use super::{
    State,
    fields::Fields,
    locked,
    refusal::Refusal,
    routes::{check_key, read_json},
};

/// Every kind of fault of the vendor `moderation`.
pub const KINDS: &[&str] = &["server_error", "rate_limited", "hang", "junk", "no_results", "flag"];

const MODELS: &[&str] = &["omni-moderation-latest", "omni-moderation-2024-09-26"];
/// The vendor's categories, and the words that stand for them here.
const CATEGORIES: &[(&str, &[&str])] = &[
    ("harassment", &["harassing"]),
    ("harassment/threatening", &[]),
    ("hate", &["hateful"]),
    ("hate/threatening", &[]),
    ("illicit", &["bombmaking"]),
    ("illicit/violent", &["bombmaking"]),
    ("self-harm", &["selfharm"]),
    ("self-harm/instructions", &[]),
    ("self-harm/intent", &[]),
    ("sexual", &["obscene"]),
    ("sexual/minors", &[]),
    ("violence", &["massacre", "gore"]),
    ("violence/graphic", &["gore"]),
];

pub async fn moderate(
    state: web::Data<State>,
    request: HttpRequest,
    body: Result<web::Bytes, actix_web::Error>,
) -> HttpResponse {
    let answer = async {
        check_key(request.headers())?;
        let json = body.as_ref().ok().and_then(|body| serde_json::from_slice(body).ok());
        let texts = read_order(&read_json(request.headers(), json)?)?;
        locked(&state.moderated).extend(texts.clone());
        answer(&state, &texts).await
    };
    answer.await.unwrap_or_else(|refusal| refusal.answer())
}

async fn answer(state: &State, texts: &[String]) -> Result<HttpResponse, Refusal> {
    let fault = state.faults.take("moderation");
    let mut forced = None;
    if let Some(fault) = &fault {
        match fault.kind.as_str() {
            "server_error" => return Err(Refusal::new(500, "server_error", "", "The server had an error.")),
            "rate_limited" => {
                let text = "You've exceeded the rate limit, please slow down and try again after 1 second.";
                return Err(Refusal::new(429, "requests", "rate_limit_exceeded", text).header("retry-after", 1));
            }
            "hang" => tokio::time::sleep(Duration::from_secs(fault.value.as_u64().unwrap_or(600))).await,
            "junk" => {
                return Ok(HttpResponse::Ok().content_type("text/html").body("<!doctype html><title>Hello</title>"));
            }
            "no_results" => return Ok(HttpResponse::Ok().json(json!({"id": "modr-none", "results": []}))),
            // `value`: the category.
            _ => forced = Some(fault.value.as_str().unwrap_or("violence")),
        }
    }
    let results: Vec<Value> = texts.iter().map(|text| verdict(text, forced)).collect();
    let id = format!("modr-{}", uuid::Uuid::now_v7().simple());
    Ok(HttpResponse::Ok().json(json!({"id": id, "model": MODELS[1], "results": results})))
}

/// One text or several, plain or as parts of a message.
fn read_order(body: &Map<String, Value>) -> Result<Vec<String>, Refusal> {
    let fields = Fields(body);
    fields.only(&["input", "model"])?;
    fields.choice("model", MODELS)?;
    let refuse =
        || Refusal::invalid("input", "invalid_type", "Invalid type for 'input': expected text, or a list of it.");
    let one = |value: &Value| match value {
        Value::String(text) => Ok(text.clone()),
        Value::Object(part) if part.get("type") == Some(&json!("text")) => {
            part.get("text").and_then(Value::as_str).map(str::to_owned).ok_or_else(refuse)
        }
        _ => Err(refuse()),
    };
    let texts = match body.get("input") {
        None | Some(Value::Null) => {
            let text = "Missing required parameter: 'input'.";
            return Err(Refusal::invalid("input", "missing_required_parameter", text));
        }
        Some(Value::Array(all)) => all.iter().map(one).collect::<Result<Vec<_>, _>>()?,
        Some(one_text) => vec![one(one_text)?],
    };
    if texts.is_empty() || texts.iter().any(String::is_empty) {
        return Err(Refusal::invalid("input", "empty_string", "Invalid 'input': it is empty."));
    }
    Ok(texts)
}

fn verdict(text: &str, forced: Option<&str>) -> Value {
    let lower = text.to_lowercase();
    let words: Vec<&str> = lower.split(|letter: char| !letter.is_alphanumeric()).collect();
    let is = |name: &str, signs: &[&str]| forced == Some(name) || signs.iter().any(|sign| words.contains(sign));
    let categories: Map<String, Value> =
        CATEGORIES.iter().map(|(name, signs)| ((*name).to_owned(), json!(is(name, signs)))).collect();
    let score = |is: &Value| json!(if *is == json!(true) { 0.97 } else { 0.0001 });
    let scores: Map<String, Value> = categories.iter().map(|(name, is)| (name.clone(), score(is))).collect();
    let inputs: Map<String, Value> = categories.keys().map(|name| (name.clone(), json!(["text"]))).collect();
    let flagged = categories.values().any(|is| *is == json!(true));
    json!({
        "flagged": flagged,
        "categories": categories,
        "category_scores": scores,
        "category_applied_input_types": inputs,
    })
}
