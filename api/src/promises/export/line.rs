//! A row of an export as a line of CSV: the same values as in its JSON, in the same order.
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;

use crate::gems::csv::{self, Field};

/// Members of an object, in its order.
struct Members(Vec<Value>);

impl<'de> serde::Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(InOrder)
    }
}

struct InOrder;

impl<'de> Visitor<'de> for InOrder {
    type Value = Members;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let mut members = Vec::new();
        while let Some((_, value)) = map.next_entry::<serde::de::IgnoredAny, Value>()? {
            members.push(value);
        }
        Ok(Members(members))
    }
}

pub fn head(names: &[&str]) -> String {
    csv::line(names.iter().copied().map(Field::Plain))
}

/// Lists and objects stand in their cell as JSON.
pub fn of(object: &str) -> Result<String, serde_json::Error> {
    let Members(values) = serde_json::from_str(object)?;
    let cells: Vec<(bool, String)> = values
        .into_iter()
        .map(|value| match value {
            Value::Null => (true, String::new()),
            Value::Bool(_) | Value::Number(_) => (true, value.to_string()),
            Value::String(text) => (false, text),
            Value::Array(_) | Value::Object(_) => (false, value.to_string()),
        })
        .collect();
    Ok(csv::line(cells.iter().map(|(is_ours, text)| if *is_ours { Field::Plain(text) } else { Field::Text(text) })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_keeps_its_order_and_no_cell_runs_in_a_spreadsheet() {
        let row =
            r#"{"z": "=1+1", "a": -3, "m": null, "is": true, "list": [{"b": "@x"}], "text": "two\nlines, \"so\""}"#;
        assert_eq!(of(row).unwrap(), "\"'=1+1\",-3,,true,\"[{\"\"b\"\":\"\"@x\"\"}]\",\"two\nlines, \"\"so\"\"\"\r\n");
        assert_eq!(head(&["z", "a"]), "z,a\r\n");
        assert!(of("[1]").is_err());
    }
}
