//! `expand[]`: ids in an answer become the objects they name. Four levels at most; what cannot be expanded is refused.
use serde_json::Value;

use super::book::{Book, text};
use super::refusal::Refusal;
use super::sessions;
use super::shapes::shown;

const MOST_LEVELS: usize = 4;

/// Per kind of object, the fields that hold an id and may hold the object.
const EXPANDABLE: [(&str, &[&str]); 8] = [
    ("checkout.session", &["payment_intent", "customer", "invoice"]),
    ("payment_intent", &["latest_charge", "customer"]),
    ("charge", &["payment_intent", "customer", "balance_transaction", "failure_balance_transaction"]),
    ("refund", &["charge", "payment_intent", "customer", "balance_transaction", "failure_balance_transaction"]),
    ("dispute", &["charge", "payment_intent"]),
    ("invoice", &["customer", "latest_revision", "default_payment_method"]),
    ("customer", &["default_source"]),
    ("balance_transaction", &["source"]),
];

pub fn expand(book: &Book, answer: &mut Value, paths: &[String]) -> Result<(), Refusal> {
    for path in paths {
        let steps: Vec<&str> = path.split('.').collect();
        if steps.len() > MOST_LEVELS {
            let message = format!("You cannot expand more than {MOST_LEVELS} levels of a property ({path}).");
            return Err(Refusal::invalid(message).about("expand"));
        }
        walk(book, answer, &steps, path)?;
    }
    Ok(())
}

fn walk(book: &Book, object: &mut Value, steps: &[&str], path: &str) -> Result<(), Refusal> {
    let Some((step, rest)) = steps.split_first() else { return Ok(()) };
    let kind = text(object, "object").to_owned();
    if kind == "list" && *step == "data" {
        let items = object["data"].as_array_mut().into_iter().flatten();
        return items.into_iter().try_for_each(|item| walk(book, item, rest, path));
    }
    if kind == "checkout.session" && *step == "line_items" {
        object["line_items"] = sessions::line_items(book, text(object, "id"));
        return walk(book, &mut object["line_items"], rest, path);
    }
    let known = EXPANDABLE.iter().find(|(known, _)| *known == kind).map_or(&[][..], |(_, fields)| fields);
    if !known.contains(step) {
        let hint = if kind == "list" {
            format!(" You may want to try expanding 'data.{path}' instead.")
        } else {
            String::new()
        };
        return Err(Refusal::invalid(format!("This property cannot be expanded ({path}).{hint}")).about("expand"));
    }
    let field = &mut object[*step];
    if let Some(named) = field.as_str().and_then(|id| book.get(id)) {
        *field = shown(named);
    }
    if field.is_object() { walk(book, field, rest, path) } else { Ok(()) }
}
