//! Reads the fields of a JSON body as strictly as the vendor does: wrong types and ranges are named, never coerced.
use serde_json::{Map, Value};

use super::refusal::Refusal;

/// A request's fields. `null` counts as absent.
pub struct Fields<'a>(pub &'a Map<String, Value>);

impl Fields<'_> {
    /// Refuses every field that is not named here.
    pub fn only(&self, known: &[&str]) -> Result<(), Refusal> {
        match self.0.keys().find(|name| !known.contains(&name.as_str())) {
            Some(stranger) => Err(Refusal::unknown_parameter(stranger)),
            None => Ok(()),
        }
    }

    fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    pub fn text(&self, name: &str) -> Result<Option<&str>, Refusal> {
        let Some(value) = self.get(name) else { return Ok(None) };
        value.as_str().map(Some).ok_or_else(|| wrong_type(name, "a string", value))
    }

    pub fn flag(&self, name: &str) -> Result<bool, Refusal> {
        let Some(value) = self.get(name) else { return Ok(false) };
        value.as_bool().ok_or_else(|| wrong_type(name, "a boolean", value))
    }

    pub fn integer(&self, name: &str, least: i64, most: i64) -> Result<Option<i64>, Refusal> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let number = value.as_i64().ok_or_else(|| wrong_type(name, "an integer", value))?;
        let refuse = |code: &str, side: &str, sign: &str, limit: i64| {
            let text = format!(
                "Invalid '{name}': integer {side} value. Expected a value {sign} {limit}, but got {number} instead."
            );
            Err(Refusal::invalid(name, code, text))
        };
        if number < least {
            refuse("integer_below_min_value", "below minimum", ">=", least)
        } else if number > most {
            refuse("integer_above_max_value", "above maximum", "<=", most)
        } else {
            Ok(Some(number))
        }
    }

    /// One of a list; the first is the default.
    pub fn choice(&self, name: &str, allowed: &[&'static str]) -> Result<&'static str, Refusal> {
        let first = allowed.first().copied().unwrap_or_default();
        let Some(text) = self.text(name)? else { return Ok(first) };
        allowed.iter().find(|one| **one == text).copied().ok_or_else(|| Refusal::value(name, text, allowed))
    }

    /// The prompt: required, not empty, at most `most` Unicode scalar values.
    pub fn prompt(&self, most: usize) -> Result<String, Refusal> {
        let Some(prompt) = self.text("prompt")? else {
            let text = "Missing required parameter: 'prompt'.";
            return Err(Refusal::invalid("prompt", "missing_required_parameter", text));
        };
        let length = prompt.chars().count();
        if length == 0 {
            let text = "Invalid 'prompt': empty string. Expected a string with minimum length 1, but got an empty string instead.";
            return Err(Refusal::invalid("prompt", "empty_string", text));
        }
        if length > most {
            let text = format!(
                "Invalid 'prompt': string too long. Expected a string with maximum length {most}, but got a string with length {length} instead."
            );
            return Err(Refusal::invalid("prompt", "string_above_max_length", text));
        }
        Ok(prompt.to_owned())
    }
}

pub fn wrong_type(name: &str, expected: &str, got: &Value) -> Refusal {
    let got = match got {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a decimal number",
        Value::Number(_) => "an integer",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    Refusal::invalid(
        name,
        "invalid_type",
        format!("Invalid type for '{name}': expected {expected}, but got {got} instead."),
    )
}
