//! A valid request for a completion. What the vendor refuses is refused here, in its words and codes.
use actix_web::http::header::HeaderMap;
use serde_json::{Map, Value};

use super::super::fields::{Fields, wrong_type};
use super::super::refusal::Refusal;
use super::schema;

const MODELS: &[&str] = &["gpt-5.4-nano", "gpt-5.4-nano-2026-03-17", "gpt-5.4-mini", "gpt-5.4"];

const KNOWN: &[&str] = &[
    "audio",
    "frequency_penalty",
    "function_call",
    "functions",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "messages",
    "metadata",
    "modalities",
    "model",
    "n",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_retention",
    "reasoning_effort",
    "response_format",
    "safety_identifier",
    "seed",
    "service_tier",
    "stop",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "user",
    "verbosity",
    "web_search_options",
];

const ROLES: &[&str] = &["system", "assistant", "user", "function", "tool", "developer"];

/// How the answer must look.
#[derive(Clone, Debug, PartialEq)]
pub enum Format {
    Text,
    Object,
    Schema(Value),
}

#[derive(Clone, Debug)]
pub struct Ask {
    pub model: String,
    pub format: Format,
    /// What the last user says.
    pub words: String,
    /// Characters of all messages.
    pub length: u64,
}

pub fn read(headers: &HeaderMap, json: Option<Value>) -> Result<Ask, Refusal> {
    let mime = headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if mime.split(';').next().is_none_or(|mime| mime.trim() != "application/json") {
        let text = format!("Invalid Content-Type header ({mime}), expected application/json.");
        return Err(Refusal::new(400, "invalid_request_error", "unsupported_content_type", text));
    }
    let Some(Value::Object(body)) = json else {
        let text = "We could not parse the JSON body of your request. The API expects a JSON payload.";
        return Err(Refusal::new(400, "invalid_request_error", "", text));
    };
    let fields = Fields(&body);
    let missing = |name: &str| {
        let text = format!("Missing required parameter: '{name}'.");
        Refusal::invalid(name, "missing_required_parameter", text)
    };
    let model = fields.text("model")?.ok_or_else(|| missing("model"))?;
    fields.only(KNOWN)?;
    if !MODELS.contains(&model) {
        return Err(Refusal::model_not_found(model));
    }
    for (name, instead) in [("max_tokens", "max_completion_tokens"), ("functions", "tools"), ("stop", "nothing")] {
        if fields.has(name) {
            let text =
                format!("Unsupported parameter: '{name}' is not supported with this model. Use '{instead}' instead.");
            return Err(Refusal::invalid(name, "unsupported_parameter", text));
        }
    }
    if fields.flag("stream")? {
        return Err(Refusal::invalid("stream", "unsupported_value", "The sandbox's language model does not stream."));
    }
    fields.integer("n", 1, 128)?;
    let messages = body.get("messages").ok_or_else(|| missing("messages"))?;
    let said = messages_of(messages)?;
    let format = format_of(&body, &said)?;
    let words = said.iter().rev().find(|(role, _)| role == "user").map(|(_, text)| text.clone()).unwrap_or_default();
    let length = said.iter().map(|(_, text)| text.chars().count() as u64).sum();
    Ok(Ask { model: model.to_owned(), format, words, length })
}

/// Role and text of each.
fn messages_of(value: &Value) -> Result<Vec<(String, String)>, Refusal> {
    let Some(messages) = value.as_array() else { return Err(wrong_type("messages", "an array of objects", value)) };
    if messages.is_empty() {
        let text =
            "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.";
        return Err(Refusal::invalid("messages", "empty_array", text));
    }
    messages.iter().enumerate().map(|(at, message)| message_of(at, message)).collect()
}

fn message_of(at: usize, message: &Value) -> Result<(String, String), Refusal> {
    let name = format!("messages[{at}]");
    let Some(members) = message.as_object() else { return Err(wrong_type(&name, "an object", message)) };
    let (role, content) = (format!("{name}.role"), format!("{name}.content"));
    let missing = |name: &str| {
        Refusal::invalid(name, "missing_required_parameter", format!("Missing required parameter: '{name}'."))
    };
    let spoken = members.get("role").ok_or_else(|| missing(&role))?;
    let spoken = spoken.as_str().ok_or_else(|| wrong_type(&role, "a string", spoken))?;
    if !ROLES.contains(&spoken) {
        return Err(Refusal::value(&role, spoken, ROLES));
    }
    if let Some(stranger) = members.keys().find(|key| !matches!(key.as_str(), "role" | "content" | "name" | "refusal"))
    {
        return Err(Refusal::unknown_parameter(&format!("{name}.{stranger}")));
    }
    let text = match members.get("content") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => parts
            .iter()
            .enumerate()
            .map(|(part, value)| part_of(&format!("{content}[{part}]"), value))
            .collect::<Result<Vec<_>, _>>()?
            .join("\n"),
        None | Some(Value::Null) => return Err(missing(&content)),
        Some(other) => return Err(wrong_type(&content, "a string or an array of objects", other)),
    };
    Ok((spoken.to_owned(), text))
}

fn part_of(name: &str, part: &Value) -> Result<String, Refusal> {
    match (part["type"].as_str(), part["text"].as_str()) {
        (Some("text"), Some(text)) => Ok(text.to_owned()),
        (Some("text"), None) => Err(wrong_type(&format!("{name}.text"), "a string", &part["text"])),
        (kind, _) => Err(Refusal::value(&format!("{name}.type"), kind.unwrap_or_default(), &["text"])),
    }
}

fn format_of(body: &Map<String, Value>, said: &[(String, String)]) -> Result<Format, Refusal> {
    let Some(wanted) = body.get("response_format").filter(|it| !it.is_null()) else { return Ok(Format::Text) };
    let Some(members) = wanted.as_object() else { return Err(wrong_type("response_format", "an object", wanted)) };
    match members.get("type").and_then(Value::as_str) {
        Some("text") => Ok(Format::Text),
        Some("json_object") => {
            if said.iter().any(|(_, text)| text.to_lowercase().contains("json")) {
                return Ok(Format::Object);
            }
            let text =
                "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.";
            Err(Refusal::invalid("messages", "", text))
        }
        Some("json_schema") => schema::read(members.get("json_schema")).map(Format::Schema),
        Some(other) => Err(Refusal::value("response_format.type", other, &["json_object", "json_schema", "text"])),
        None => {
            let text = "Missing required parameter: 'response_format.type'.";
            Err(Refusal::invalid("response_format.type", "missing_required_parameter", text))
        }
    }
}
