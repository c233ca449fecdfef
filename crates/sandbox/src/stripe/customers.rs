//! Customers: create, read, change, delete. A deleted one keeps its id and says only that it is gone.
use serde_json::{Value, json};

use super::book::{Book, new_id, now};
use super::listing;
use super::params::{Params, given_metadata, merge_metadata};
use super::refusal::Refusal;
use super::shapes::{self, make, shown};

const KIND: &str = "customer";
const TEXTS: [&str; 3] = ["description", "name", "phone"];

pub fn create(book: &mut Book, mut params: Params) -> Result<Value, Refusal> {
    let (mut fields, metadata) = (given(&mut params)?, given_metadata(params.metadata()?));
    params.nothing_left()?;
    fields["metadata"] = metadata;
    let id = open(book, fields);
    Ok(shown(book.find(KIND, &id)?))
}

/// Also the hosted page opens customers, when it was asked to.
pub fn open(book: &mut Book, mut fields: Value) -> String {
    let id = new_id("cus_", 14);
    fields["id"] = json!(id);
    fields["created"] = json!(now());
    fields["invoice_prefix"] = json!(new_id("", 8).to_uppercase());
    book.put(make(shapes::CUSTOMER, fields));
    book.announce("customer.created", &id);
    id
}

pub fn update(book: &mut Book, id: &str, mut params: Params) -> Result<Value, Refusal> {
    let mut metadata = living(book, id)?["metadata"].clone();
    let mut fields = given(&mut params)?;
    if let Some(given) = params.metadata()? {
        merge_metadata(&mut metadata, given);
        fields["metadata"] = metadata;
    }
    params.nothing_left()?;
    let before = book.change(id, fields);
    if before.as_object().is_some_and(|fields| !fields.is_empty()) {
        book.announce_change("customer.updated", id, before);
    }
    retrieve(book, id)
}

fn given(params: &mut Params) -> Result<Value, Refusal> {
    let mut fields = json!({});
    for name in TEXTS {
        if let Some(value) = params.emptyable(name)? {
            fields[name] = value;
        }
    }
    if let Some(email) = params.email("email")? {
        fields["email"] = json!(email);
    }
    let locales = params.texts("preferred_locales")?;
    if !locales.is_empty() {
        fields["preferred_locales"] = json!(locales);
    }
    Ok(fields)
}

fn living<'a>(book: &'a Book, id: &str) -> Result<&'a Value, Refusal> {
    let customer = book.find(KIND, id)?;
    if customer["deleted"] == true { Err(Refusal::no_such(KIND, id)) } else { Ok(customer) }
}

pub fn retrieve(book: &Book, id: &str) -> Result<Value, Refusal> {
    Ok(shown(book.find(KIND, id)?))
}

pub fn delete(book: &mut Book, id: &str, params: Params) -> Result<Value, Refusal> {
    params.nothing_left()?;
    living(book, id)?;
    book.announce("customer.deleted", id);
    let stone = json!({ "id": id, "object": KIND, "deleted": true });
    book.put(stone.clone());
    Ok(stone)
}

pub fn list(book: &Book, params: Params) -> Result<Value, Refusal> {
    listing::list(book, KIND, params, "/v1/customers", &["email"])
}
