//! Lists: newest first, `limit`, `starting_after`, `ending_before`, `created[gte]` and equality with a field.
use serde_json::{Value, json};

use super::book::{Book, text};
use super::params::Params;
use super::refusal::Refusal;
use super::shapes::shown;

const MOST: i64 = 100;
const USUAL: i64 = 10;

/// Filters that name an object of their own: it must exist.
const NAMES: [(&str, &str); 3] = [("payment_intent", "payment_intent"), ("charge", "charge"), ("customer", "customer")];

struct Frame {
    limit: usize,
    starting_after: Option<String>,
    ending_before: Option<String>,
    created: Vec<(String, i64)>,
}

/// A page of a kind of object; `fields` are the parameters that must equal the field of their name.
pub fn list(book: &Book, kind: &str, mut params: Params, url: &str, fields: &[&str]) -> Result<Value, Refusal> {
    let mut wanted = Vec::new();
    for field in fields {
        let Some(value) = params.text(field)? else { continue };
        if let Some((_, named)) = NAMES.iter().find(|(name, _)| name == field) {
            book.named(named, &value, field)?;
        }
        wanted.push((*field, value));
    }
    page(book.all(kind), params, url, |object| {
        object["deleted"] != true && wanted.iter().all(|(field, value)| text(object, field) == value)
    })
}

/// A page of what `accepts` lets pass, out of objects that come oldest first.
pub fn page(all: &[Value], params: Params, url: &str, accepts: impl Fn(&Value) -> bool) -> Result<Value, Refusal> {
    let frame = Frame::read(params)?;
    let place = |id: &Option<String>, param: &str| match id {
        None => Ok(None),
        Some(id) => match all.iter().position(|object| text(object, "id") == id) {
            None => Err(Refusal::no_such_param("object", id, param)),
            at => Ok(at),
        },
    };
    let older_than = place(&frame.starting_after, "starting_after")?.unwrap_or(all.len());
    let newer_than = place(&frame.ending_before, "ending_before")?;
    let within = all.iter().enumerate().rev().filter(|(at, object)| {
        *at < older_than && newer_than.is_none_or(|limit| *at > limit) && accepts(object) && frame.is_created_in(object)
    });
    let newest_first: Vec<&Value> = within.map(|(_, object)| object).collect();
    let has_more = newest_first.len() > frame.limit;
    // Backwards, the page is what lies next to the cursor.
    let skipped = if newer_than.is_some() { newest_first.len().saturating_sub(frame.limit) } else { 0 };
    let slice = newest_first.iter().skip(skipped).take(frame.limit);
    let data: Vec<Value> = slice.map(|object| shown(object)).collect();
    Ok(json!({ "object": "list", "data": data, "has_more": has_more, "url": url }))
}

impl Frame {
    fn read(mut params: Params) -> Result<Self, Refusal> {
        let limit = params.integer("limit")?.unwrap_or(USUAL);
        if !(1..=MOST).contains(&limit) {
            let text = format!("Invalid limit: must be between 1 and {MOST}, but is {limit}");
            return Err(Refusal::invalid(text).code("parameter_invalid_integer").about("limit"));
        }
        let (starting_after, ending_before) = (params.text("starting_after")?, params.text("ending_before")?);
        if starting_after.is_some() && ending_before.is_some() {
            return Err(Refusal::invalid("You cannot parameterize both starting_after and ending_before."));
        }
        let created = created(&mut params)?;
        params.nothing_left()?;
        Ok(Self { limit: usize::try_from(limit).unwrap_or(1), starting_after, ending_before, created })
    }

    fn is_created_in(&self, object: &Value) -> bool {
        let at = object["created"].as_i64().unwrap_or_default();
        self.created.iter().all(|(side, limit)| match side.as_str() {
            "gt" => at > *limit,
            "gte" => at >= *limit,
            "lt" => at < *limit,
            "lte" => at <= *limit,
            _ => at == *limit,
        })
    }
}

/// `created=…` or `created[gt|gte|lt|lte]=…`.
fn created(params: &mut Params) -> Result<Vec<(String, i64)>, Refusal> {
    if !params.is_tree("created") {
        return Ok(params.integer("created")?.map(|at| ("eq".to_owned(), at)).into_iter().collect());
    }
    let Some(mut range) = params.object("created")? else { return Ok(Vec::new()) };
    let mut sides = Vec::new();
    for side in ["gt", "gte", "lt", "lte"] {
        if let Some(at) = range.integer(side)? {
            sides.push((side.to_owned(), at));
        }
    }
    range.nothing_left()?;
    Ok(sides)
}

/// A list inside an object, whole.
pub fn whole(data: Vec<Value>, url: &str) -> Value {
    json!({ "object": "list", "data": data, "has_more": false, "url": url })
}
