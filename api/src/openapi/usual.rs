//! What routes do not say each for themselves: the shape of an idempotency key, bytes, events of a stream, what a status
//! means where there is nothing more to say of it.
use utoipa::openapi::path::{Operation, Parameter, ParameterIn};
use utoipa::openapi::request_body::RequestBody;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Response};

use super::problem;

const BINARY: SchemaFormat = SchemaFormat::KnownFormat(KnownFormat::Binary);

pub fn fill(operation: &mut Operation) {
    let (mut has_query, mut has_range) = (false, false);
    for parameter in operation.parameters.iter_mut().flatten() {
        if let RefOr::T(parameter) = parameter {
            has_query |= parameter.parameter_in == ParameterIn::Query;
            has_range |= parameter.name == "limit" || parameter.name == "q";
            shape_key(parameter);
        }
    }
    if let Some(RefOr::T(body)) = &mut operation.request_body {
        name_bytes(body);
    }
    let answers = &mut operation.responses.responses;
    answers.values_mut().for_each(frame_events);
    if has_query {
        answers.entry("400".into()).or_insert_with(|| problem("The query or its cursor cannot be read."));
    }
    if has_range {
        answers.entry("422".into()).or_insert_with(|| problem("A value of the query is out of its range."));
    }
    for (status, answer) in answers.iter_mut() {
        if let RefOr::T(answer) = answer
            && answer.description.is_empty()
        {
            answer.description = usual_words(status).into();
        }
    }
}

/// As the extractor takes it: what is around it is cut off, so nothing blank at its ends.
fn shape_key(parameter: &mut Parameter) {
    if parameter.name == "Idempotency-Key" {
        let key = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[!-~]{1,255}$"));
        parameter.schema = Some(RefOr::T(key.into()));
    }
}

/// A schema says nothing of bytes, and makers of clients want one.
fn name_bytes(body: &mut RequestBody) {
    let bytes = || RefOr::T(ObjectBuilder::new().schema_type(Type::String).format(Some(BINARY)).into());
    for content in body.content.values_mut() {
        if let RefOr::T(content) = content {
            content.schema.get_or_insert_with(bytes);
        }
    }
}

/// What a status means where a route has nothing of its own to say about it.
fn usual_words(status: &str) -> &'static str {
    match status {
        "200" => "As asked.",
        "201" => "Made.",
        "202" => "Accepted; it goes on by itself.",
        "204" => "Done; there is nothing to say.",
        "303" => "It stands at `Location`.",
        "400" => "The request cannot be read, or a header that it needs is missing.",
        "401" => "The token or key is missing, wrong, expired or revoked.",
        "402" => "Not enough gems, or a cap is in the way. Nothing was held.",
        "403" => "Not for this person, or not with this key.",
        "404" => "There is nothing here, or it is somebody else's.",
        "409" => "Not possible in the state that it is in.",
        "413" => "The body is too large.",
        "415" => "The body's content type is not read here.",
        "422" => "Some values are not right: `errors` says which.",
        // The door says it, with its limits.
        "429" => "",
        "502" => "A service that we depend on failed.",
        _ => "See the problem's `type`.",
    }
}

/// A stream is events, and what the document names is the JSON in the `data` of each.
fn frame_events(answer: &mut RefOr<Response>) {
    let RefOr::T(answer) = answer else { return };
    let Some(RefOr::T(content)) = answer.content.get_mut("text/event-stream") else { return };
    let text = |words: &str| ObjectBuilder::new().schema_type(Type::String).description(Some(words));
    let event = ObjectBuilder::new()
        .description(Some("One event; the server sends comments between them so that a silent line is a dead one."))
        .property("id", text("For `Last-Event-ID`: what came after it is sent again."))
        .property("event", text("Absent: `message`."))
        .property("data", text("A `LiveEvent` as JSON in one line.").content_media_type("application/json"))
        .required("data");
    content.schema = Some(RefOr::T(event.into()));
}
