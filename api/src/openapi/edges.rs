//! What the edge adds to every route, and so no route says: a request's id, tags and 304, the next page's `Link`, faults of
//! ours. And last of all, what many operations answer alike is written once, and they point at it.
use std::collections::BTreeMap;

use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::{ContentBuilder, Header, ObjectBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder, Type};

use super::problem;
use crate::openai;

/// Said at fewer operations, it stays there.
const OFTEN: usize = 5;

pub fn describe(document: &mut OpenApi) {
    let components = document.components.get_or_insert_with(Default::default);
    components.headers.extend(told().map(|(name, header)| (name.to_owned(), header.into())));
    for (path, item) in &mut document.paths.paths {
        let is_read = path.starts_with("/v1/");
        if let Some(read) = item.get.as_mut().filter(|_| is_read) {
            say_what_is_kept(read);
        }
        for operation in operations(item) {
            say_what_fails(operation, openai::is_spoken_at(path));
        }
    }
}

/// After everything else that adds an answer.
pub fn finish(document: &mut OpenApi) {
    for operation in document.paths.paths.values_mut().flat_map(operations) {
        operation.responses.responses.values_mut().for_each(|answer| point(answer, "X-Request-Id"));
    }
    share(document);
}

pub fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete].into_iter().flatten()
}

/// A whole JSON answer has a tag, and a list the address of what follows.
fn say_what_is_kept(operation: &mut Operation) {
    let is_list = operation.parameters.iter().flatten().any(|it| matches!(it, RefOr::T(it) if it.name == "cursor"));
    let answers = &mut operation.responses.responses;
    let Some(whole) = answers.get_mut("200") else { return };
    if !matches!(whole, RefOr::T(it) if it.content.contains_key("application/json")) {
        return;
    }
    point(whole, "ETag");
    if is_list {
        point(whole, "Link");
    }
    let mut same = RefOr::T(Response::new("It is as the tag in `If-None-Match` says. It has no body."));
    point(&mut same, "ETag");
    answers.entry("304".into()).or_insert(same);
}

fn say_what_fails(operation: &mut Operation, is_openai: bool) {
    let failed = |words: &str| if is_openai { openai_error(words) } else { problem(words) };
    let has_body = operation.request_body.is_some();
    let answers = &mut operation.responses.responses;
    let mut add = |status: &str, words: &str| {
        answers.entry(status.into()).or_insert_with(|| failed(words));
    };
    add("500", "A fault of ours. Nothing was taken for what did not come about; `X-Request-Id` finds it.");
    add("503", "Not now, for a moment: `Retry-After` says when.");
    if has_body {
        add("413", "The body is too large.");
    }
}

fn openai_error(description: &str) -> RefOr<Response> {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("OpenAiError"))).build();
    RefOr::T(ResponseBuilder::new().description(description).content("application/json", content).build())
}

fn point(answer: &mut RefOr<Response>, header: &str) {
    if let RefOr::T(answer) = answer {
        let there = RefOr::Ref(Ref::new(format!("#/components/headers/{header}")));
        answer.headers.entry(header.into()).or_insert(there);
    }
}

fn told() -> [(&'static str, Header); 3] {
    [
        ("X-Request-Id", header("Of this request: it stands in your request log, and an operator finds it by it.")),
        ("ETag", header("Of these bytes, weak. Sent as `If-None-Match`, the answer is 304 while they are the same.")),
        ("Link", header("The next page, if there is one: `</v1/images?limit=50&cursor=…>; rel=\"next\"` (RFC 8288).")),
    ]
}

fn header(description: &str) -> Header {
    let text = ObjectBuilder::new().schema_type(Type::String);
    HeaderBuilder::new().schema(Some(text)).description(Some(description)).build()
}

/// The answer that most operations give at a status, in each shape of errors.
fn share(document: &mut OpenApi) {
    let mut counted: BTreeMap<(&'static str, String), (Response, usize)> = BTreeMap::new();
    for operation in document.paths.paths.values_mut().flat_map(operations) {
        for (status, answer) in &operation.responses.responses {
            let RefOr::T(answer) = answer else { continue };
            if let Some(name) = name_of(status, answer) {
                let key = (name, serde_json::to_string(answer).unwrap_or_default());
                counted.entry(key).or_insert_with(|| (answer.clone(), 0)).1 += 1;
            }
        }
    }
    let mut shared: BTreeMap<&'static str, (Response, usize)> = BTreeMap::new();
    for ((name, _), (answer, count)) in counted.into_iter().filter(|(_, (_, count))| *count >= OFTEN) {
        let best = shared.entry(name).or_insert_with(|| (answer.clone(), 0));
        if count > best.1 {
            *best = (answer, count);
        }
    }
    for operation in document.paths.paths.values_mut().flat_map(operations) {
        for (status, answer) in &mut operation.responses.responses {
            let RefOr::T(own) = &*answer else { continue };
            let Some(name) = name_of(status, own) else { continue };
            if shared.get(name).is_some_and(|(known, _)| known == own) {
                *answer = RefOr::Ref(Ref::new(format!("#/components/responses/{name}")));
            }
        }
    }
    let components = document.components.get_or_insert_with(Default::default);
    components.responses.extend(shared.into_iter().map(|(name, (answer, _))| (name.to_owned(), RefOr::T(answer))));
}

/// Of what is shared. Another wire's errors have its shape and are few.
fn name_of(status: &str, answer: &Response) -> Option<&'static str> {
    if status != "304" && !answer.content.contains_key("application/problem+json") {
        return None;
    }
    Some(match status {
        "304" => "NotModified",
        "400" => "Malformed",
        "401" => "Unauthenticated",
        "404" => "NotFound",
        "409" => "Conflict",
        "413" => "PayloadTooLarge",
        "415" => "UnsupportedMediaType",
        "422" => "Invalid",
        "429" => "TooManyRequests",
        "500" => "InternalError",
        "503" => "Unavailable",
        _ => return None,
    })
}

/// The answer itself, wherever it is written.
#[cfg(test)]
pub fn resolved<'a>(document: &'a serde_json::Value, answer: &'a serde_json::Value) -> &'a serde_json::Value {
    let there = answer.get("$ref").and_then(serde_json::Value::as_str).and_then(|it| it.strip_prefix('#'));
    there.and_then(|pointer| document.pointer(pointer)).unwrap_or(answer)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn document() -> Value {
        serde_json::to_value(super::super::document()).unwrap()
    }

    #[test]
    fn every_operation_says_what_the_edge_answers() {
        let document = document();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let answers = operation["responses"].as_object().unwrap();
                let shape = if path.starts_with("/openai/") { "application/json" } else { "application/problem+json" };
                for status in ["500", "503"] {
                    let answer = resolved(&document, &answers[status]);
                    assert!(answer["content"][shape].is_object(), "{method} {path} {status}");
                }
                assert_eq!(answers.contains_key("413"), operation.get("requestBody").is_some(), "{method} {path}");
                for (status, answer) in answers {
                    let answer = resolved(&document, answer);
                    assert!(answer["headers"]["X-Request-Id"].is_object(), "{method} {path} {status}");
                    assert!(!answer["description"].as_str().unwrap().is_empty(), "{method} {path} {status}");
                }
            }
        }
    }

    #[test]
    fn what_can_be_kept_has_a_tag_and_a_list_says_what_follows() {
        let document = document();
        let answers = |path: &str| document["paths"][path]["get"]["responses"].clone();
        for path in ["/v1/images", "/v1/me/requests", "/v1/admin/people"] {
            let whole = &answers(path)["200"]["headers"];
            assert!(whole["ETag"].is_object() && whole["Link"].is_object(), "{path}");
            assert!(answers(path)["304"].is_object(), "{path}");
        }
        assert!(answers("/v1/gems")["200"]["headers"].get("Link").is_none(), "it is no list");
        let stream = answers("/v1/events");
        assert!(stream["200"]["headers"].get("ETag").is_none() && stream.get("304").is_none(), "a stream has no tag");
    }

    #[test]
    fn what_is_said_often_is_written_once() {
        let document = document();
        let gems = &document["paths"]["/v1/gems"]["get"]["responses"];
        assert_eq!(gems["401"]["$ref"], "#/components/responses/Unauthenticated");
        let there = &document["components"]["responses"]["Unauthenticated"];
        assert_eq!(there["content"]["application/problem+json"]["schema"]["$ref"], "#/components/schemas/Problem");
        let openai = &document["paths"]["/openai/v1/images/generations"]["post"]["responses"];
        assert_eq!(openai["401"].get("$ref"), None, "another wire's errors have its own shape");
    }
}
