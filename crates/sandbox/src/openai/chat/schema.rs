//! The JSON schemas that strict structured outputs take, and an answer that fits one.
use serde_json::{Map, Value, json};

use super::super::fields::wrong_type;
use super::super::refusal::Refusal;

/// Levels of nesting the vendor takes.
const DEPTH_MAX: usize = 10;

/// `response_format.json_schema`; gives the schema.
pub fn read(format: Option<&Value>) -> Result<Value, Refusal> {
    let at = |member: &str| format!("response_format.json_schema{member}");
    let missing = |member: &str| {
        let name = at(member);
        let text = format!("Missing required parameter: '{name}'.");
        Refusal::invalid(&name, "missing_required_parameter", text)
    };
    let format = format.ok_or_else(|| missing(""))?;
    let Some(members) = format.as_object() else { return Err(wrong_type(&at(""), "an object", format)) };
    if let Some(stranger) =
        members.keys().find(|key| !matches!(key.as_str(), "name" | "schema" | "strict" | "description"))
    {
        return Err(Refusal::unknown_parameter(&at(&format!(".{stranger}"))));
    }
    let name = members.get("name").and_then(Value::as_str).ok_or_else(|| missing(".name"))?;
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-';
    if name.is_empty() || name.len() > 64 || !name.chars().all(is_plain) {
        let text = format!(
            "Invalid '{}': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'.",
            at(".name")
        );
        return Err(Refusal::invalid(&at(".name"), "invalid_value", text));
    }
    let schema = members.get("schema").ok_or_else(|| missing(".schema"))?;
    if members.get("strict").and_then(Value::as_bool) == Some(true) {
        let refuse = |why: String| {
            Err(Refusal::invalid("response_format", "", format!("Invalid schema for response_format '{name}': {why}")))
        };
        if schema["type"] != "object" {
            return refuse(format!(
                "schema must be a JSON Schema of 'type: \"object\"', got 'type: {}'.",
                schema["type"]
            ));
        }
        if let Err(why) = check(schema, "()", 0) {
            return refuse(why);
        }
    }
    Ok(schema.clone())
}

fn check(schema: &Value, context: &str, depth: usize) -> Result<(), String> {
    if depth > DEPTH_MAX {
        return Err("too many levels of nesting.".into());
    }
    match schema["type"].as_str() {
        Some("object") => {
            if schema.get("additionalProperties") != Some(&Value::Bool(false)) {
                return Err(format!(
                    "In context={context}, 'additionalProperties' is required to be supplied and to be false."
                ));
            }
            let none = Map::new();
            let properties = schema["properties"].as_object().unwrap_or(&none);
            let required: Vec<&str> =
                schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            if let Some(name) = properties.keys().find(|name| !required.contains(&name.as_str())) {
                return Err(format!(
                    "In context={context}, 'required' is required to be supplied and to be an array including every key in properties. Missing '{name}'."
                ));
            }
            properties
                .iter()
                .try_for_each(|(name, inner)| check(inner, &format!("('properties', '{name}')"), depth + 1))
        }
        Some("array") if schema.get("items").is_none() => {
            Err(format!("In context={context}, array schema missing items."))
        }
        Some("array") => check(&schema["items"], &format!("{context}, 'items'"), depth + 1),
        Some("string" | "number" | "integer" | "boolean" | "null") => Ok(()),
        _ if schema.get("anyOf").is_some() || schema["type"].is_array() || schema.get("enum").is_some() => Ok(()),
        _ => Err(format!("In context={context}, schema must have a 'type' key.")),
    }
}

/// The least that fits a schema nobody foresaw.
pub fn least(schema: &Value) -> Value {
    if let Some(first) = schema["enum"].as_array().and_then(|known| known.first()) {
        return first.clone();
    }
    match schema["type"].as_str() {
        Some("object") => {
            let members = schema["properties"].as_object().into_iter().flatten();
            members.map(|(name, inner)| (name.clone(), least(inner))).collect::<Map<_, _>>().into()
        }
        Some("array") => json!([least(&schema["items"])]),
        Some("number" | "integer") => json!(1),
        Some("boolean") => json!(true),
        Some("string") => json!("gem"),
        _ => Value::Null,
    }
}
