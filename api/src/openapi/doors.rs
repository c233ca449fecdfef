//! What the document says of the doors in front of each route: which scope a key needs, and that whoever asks too often is
//! told when to come back. Made from the same table that opens them.
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Header, ObjectBuilder, OpenApi, Ref, RefOr, Response, Type};

use super::problem;
use crate::auth::scopes::{self, Door};
use crate::config::limits::{REQUESTS, REQUESTS_SIGNED_OUT, SPENDS};

/// As a parameter of `Authorization: Bearer`, like an access token.
pub fn scheme() -> SecurityScheme {
    let description = "An API key, `lap_…`, in place of an access token: made on the page or with `POST /v1/me/api-keys`, \
        it does what its scopes say. The scope that an operation needs stands beside it.";
    SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(description)).build())
}

pub fn describe(document: &mut OpenApi) {
    let components = document.components.get_or_insert_with(Default::default);
    components.headers.extend(standing().map(|(name, header)| (name.to_owned(), header.into())));
    for (method, pattern, door) in scopes::all() {
        let Some(item) = document.paths.paths.get_mut(pattern) else { continue };
        let operation = match method {
            "GET" => &mut item.get,
            "POST" => &mut item.post,
            "PUT" => &mut item.put,
            "PATCH" => &mut item.patch,
            "DELETE" => &mut item.delete,
            _ => continue,
        };
        if let Some(operation) = operation {
            say(operation, door);
        }
    }
}

fn say(operation: &mut Operation, door: Door) {
    match door {
        Door::Scope(scope) => {
            let session = SecurityRequirement::new("bearer", Vec::<String>::new());
            operation.security = Some(vec![session, SecurityRequirement::new("api_key", [scope.name()])]);
            refuse(operation, &format!("The API key lacks the scope `{}`", scope.name()));
        }
        Door::Session => refuse(operation, "An API key was sent, and none is taken here"),
        Door::Public => {}
        Door::Unlimited => return,
    }
    say_how_often(operation, door);
}

/// Adds to what a 403 may mean.
fn refuse(operation: &mut Operation, why: &str) {
    let known = operation.responses.responses.entry("403".into()).or_insert_with(|| problem(""));
    if let RefOr::T(response) = known {
        let before = std::mem::take(&mut response.description);
        response.description = if before.is_empty() { format!("{why}.") } else { format!("{why}. {before}") };
    }
}

fn say_how_often(operation: &mut Operation, door: Door) {
    let answers = &mut operation.responses.responses;
    let limits = limits(door, answers.contains_key("402"));
    if let RefOr::T(refused) = answers.entry("429".into()).or_insert_with(|| problem("")) {
        let seconds = header(Type::Integer, "Seconds until it is worth asking again. It wins over `RateLimit`.");
        refused.headers.insert("Retry-After".into(), seconds.into());
        let own = std::mem::take(&mut refused.description);
        refused.description = if own.is_empty() { limits } else { format!("{own} {limits}") };
    }
    for answer in answers.values_mut() {
        if let RefOr::T(answer) = answer {
            say_standing(answer);
        }
    }
}

/// As they are unless the operator sets others; `RateLimit-Policy` tells which hold.
fn limits(door: Door, is_paid: bool) -> String {
    let (requests, whose) = match door {
        Door::Public => (REQUESTS_SIGNED_OUT, "address in a minute"),
        Door::Scope(_) => (REQUESTS, "key or session in a minute (all keys of yours together: four times as many)"),
        Door::Session | Door::Unlimited => (REQUESTS, "session in a minute"),
    };
    let spends = format!(" It also counts as one of {SPENDS} `spends` a minute of your account; 402 is decided first.");
    let spends = if is_paid { spends.as_str() } else { "" };
    format!(
        "Asked too often, or too much waits: `Retry-After` says when to come back. \
         It counts as one of {requests} `requests` of your {whose}, unless the operator set another number.{spends}"
    )
}

fn say_standing(answer: &mut Response) {
    for name in ["RateLimit", "RateLimit-Policy"] {
        answer.headers.insert(name.into(), RefOr::Ref(Ref::new(format!("#/components/headers/{name}"))));
    }
}

/// What the headers of every answer mean, said once.
fn standing() -> [(&'static str, Header); 2] {
    let standing = "What is left of each limit (`r`), and the seconds (`t`) until all of it is there again, or the next where \
        none is left: `\"requests\";r=1199;t=1`. A request that spends says `spends` too. `keys` in place of `requests` is \
        what all of your keys may ask together, where that is tighter than what the key may.";
    let policy =
        "The limits: so many (`q`) within so many seconds (`w`), and as many at once: `\"requests\";q=1200;w=60`.";
    [("RateLimit", header(Type::String, standing)), ("RateLimit-Policy", header(Type::String, policy))]
}

fn header(kind: Type, description: &str) -> Header {
    HeaderBuilder::new().schema(Some(ObjectBuilder::new().schema_type(kind))).description(Some(description)).build()
}

#[cfg(test)]
mod tests {
    use lapidary_contract::Scope;
    use serde_json::{Value, json};

    use super::super::edges::resolved;
    use super::*;

    fn document() -> Value {
        serde_json::to_value(super::super::document()).unwrap()
    }

    #[test]
    fn each_operation_names_the_scope_that_opens_it() {
        let document = document();
        let submit = &document["paths"]["/v1/generations"]["post"];
        assert_eq!(submit["security"], json!([{"bearer": []}, {"api_key": [Scope::GenerationsWrite.name()]}]));
        for door in ["/v1/me/sessions", "/v1/me/api-keys"] {
            assert_eq!(document["paths"][door]["get"].get("security"), None, "{door}: as the whole document");
        }
        assert!(document["components"]["headers"]["RateLimit"]["schema"].is_object());
        assert_eq!(document["security"], json!([{"bearer": []}]));
        assert_eq!(document["components"]["securitySchemes"]["api_key"]["scheme"], "bearer");
    }

    #[test]
    fn whatever_is_limited_says_so() {
        let document = document();
        for (method, pattern, door) in scopes::all().filter(|(_, _, door)| *door != Door::Unlimited) {
            let answers = &document["paths"][pattern][method.to_lowercase()]["responses"];
            let refused = resolved(&document, &answers["429"]);
            assert!(refused["headers"]["Retry-After"].is_object(), "{method} {pattern}");
            let words = refused["description"].as_str().unwrap();
            let limit = if door == Door::Public { "`requests` of your address" } else { "`requests` of your" };
            assert!(words.contains(limit), "{method} {pattern}: {words}");
            assert_eq!(words.contains("`spends`"), answers.get("402").is_some(), "{method} {pattern}: {words}");
            for answer in answers.as_object().unwrap().values().map(|answer| resolved(&document, answer)) {
                assert!(answer["headers"]["RateLimit"].is_object(), "{method} {pattern}");
            }
            assert!(door == Door::Public || answers.get("403").is_some(), "{method} {pattern}");
        }
    }
}
