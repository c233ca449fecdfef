//! The OpenAPI document, made from the routes themselves.
use actix_web::App as ActixApp;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{Modify, OpenApi};
use utoipa_actix_web::AppExt;

use crate::server;

mod doors;
mod usual;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Lapidary",
        description = "Turns an idea into a picture. Errors are problems (RFC 9457); lists are `{data, next_cursor}`; times are RFC 3339 in UTC; ids are UUIDv7."
    ),
    modifiers(&Bearer),
    components(schemas(lapidary_contract::LiveEvent)),
    security(("bearer" = [])),
    tags(
        (name = "auth", description = "Signing in and out."),
        (name = "me", description = "The signed-in person."),
        (name = "keys", description = "API keys: what programs sign in with."),
        (name = "gems", description = "The balance and what moved it."),
        (name = "catalogue", description = "Models, prices, built-in attributes, and what something would cost."),
        (name = "generations", description = "Asking for images and following how it goes."),
        (name = "images", description = "What was made."),
        (name = "payments", description = "Packs, checkouts and purchases."),
        (name = "webhooks", description = "Hearing of what happens without asking: signed messages to addresses of yours."),
        (name = "promises", description = "What is kept about people, what never happens, and the evidence."),
        (name = "openai", description = "OpenAI's wire: its SDKs work with `base_url` set to `/openai/v1` and a key of yours. Errors have its shape."),
        (name = "operator", description = "For operators, signed in by a session: people, flags, and the log of what operators did.")
    )
)]
struct Document;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        // No licence was chosen: an empty name would say that one was.
        openapi.info.license = None;
        let components = openapi.components.get_or_insert_with(Default::default);
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        components.add_security_scheme("bearer", SecurityScheme::Http(scheme));
        components.add_security_scheme("api_key", doors::scheme());
    }
}

/// Everything under `/v1`.
pub fn document() -> utoipa::openapi::OpenApi {
    let (_, routes) = ActixApp::new().into_utoipa_app().configure(server::routes).split_for_parts();
    let mut document = Document::openapi();
    document.merge(routes);
    crate::webhooks::document::add_to(&mut document);
    for path in document.paths.paths.values_mut() {
        let methods = [&mut path.get, &mut path.post, &mut path.put, &mut path.patch, &mut path.delete];
        for operation in methods.into_iter().flatten() {
            say_what_any_may_answer(operation);
            usual::fill(operation);
        }
    }
    doors::describe(&mut document);
    document
}

/// Answers of the doors in front of the routes: said here once instead of at each.
fn say_what_any_may_answer(operation: &mut Operation) {
    let needs_age = operation
        .tags
        .iter()
        .flatten()
        .any(|tag| matches!(tag.as_str(), "gems" | "keys" | "generations" | "images" | "payments" | "webhooks"));
    // Errors of another wire have its shape, and stand at its routes.
    let is_ours = !operation.tags.iter().flatten().any(|tag| tag == "openai");
    let answers = &mut operation.responses.responses;
    if !is_ours {
        return;
    }
    if needs_age && answers.contains_key("401") {
        answers
            .entry("403".into())
            .or_insert_with(|| problem("The age is not confirmed yet, or the person is suspended."));
    }
    answers.entry("503".into()).or_insert_with(|| problem("Not now, for a moment: `Retry-After` says when."));
}

fn problem(description: &str) -> RefOr<Response> {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    RefOr::T(ResponseBuilder::new().description(description).content("application/problem+json", content).build())
}

/// As the committed openapi.yaml.
pub fn yaml(document: &utoipa::openapi::OpenApi) -> Result<String, String> {
    document.to_yaml().map_err(|error| error.to_string())
}
