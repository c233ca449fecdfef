//! The OpenAPI document, made from the routes themselves.
use actix_web::App as ActixApp;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{Modify, OpenApi};
use utoipa_actix_web::AppExt;

use crate::server;

mod doors;
mod edges;
mod usual;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Lapidary",
        description = "Turns an idea into a picture. Errors are problems (RFC 9457), and each `type` is a page that says what to do; lists are `{data, next_cursor}`, with the next page in `Link` too; times are RFC 3339 in UTC; ids are UUIDv7. Whole answers have an `ETag`; each answer has an `X-Request-Id`, and says with `RateLimit` what is left of the limits."
    ),
    modifiers(&Bearer),
    components(schemas(lapidary_contract::LiveEvent)),
    security(("bearer" = [])),
    tags(
        (name = "auth", description = "Signing in and out, with GitHub or Google. A browser is sent to `start`, comes back signed in and holds a refresh cookie that scripts cannot read; `refresh` turns it into an access token of ten minutes. A program needs none of this: it uses an API key."),
        (name = "me", description = "The signed-in person: name, age, sessions, ways to sign in, notices, the log of what was asked in your name with what each request took, and an export or the end of the account."),
        (name = "keys", description = "API keys: what programs sign in with, in place of an access token. A key does what its scopes say, may end by itself, may be held to so many gems a day or to free ones only. It is shown once, when it is made; revoked, it stops everywhere within a second."),
        (name = "gems", description = "The balance and what moved it. What a generation may cost is held when it is accepted; what came of it is captured when it ends, and the rest released. Every movement is a transfer that stays. Caps by day and month hold your own programs back."),
        (name = "catalogue", description = "Models, prices, built-in attributes, and what something would cost: the same rules as at acceptance, so a quote is the price."),
        (name = "generations", description = "Asking for images and following how it goes: `POST /v1/generations` answers at once, and `GET /v1/generations/{id}`, its events, or a webhook tell the end. Send an `Idempotency-Key`, and a repeated request is the same generation and costs once. What fails costs nothing."),
        (name = "images", description = "What was made: searched, sorted into collections, shared by links that you can revoke, zipped, thrown away and restored for 30 days. Addresses of pictures are signed, work for a while and need no token; the pictures themselves are private."),
        (name = "payments", description = "Packs, checkouts and purchases. A checkout is paid on Stripe's page; the gems come with Stripe's word that it is paid, once, however often that is said. `sync` asks for it where it is late."),
        (name = "webhooks", description = "Hearing of what happens without asking: messages to addresses of yours, signed as Standard Webhooks are, tried again for about a day, with a log in which each can be sent once more. They hold ids and facts, never a prompt and never a link to a picture."),
        (name = "promises", description = "What is kept about people, what never happens, and the evidence that code keeps to it: numbers that were counted, the latest check of each promise, the policy in all its versions."),
        (name = "openai", description = "OpenAI's wire: its SDKs work with `base_url` set to `/openai/v1` and a key of yours. Errors have its shape. Under it is the same path as under `/v1`: the same prices, limits and gallery."),
        (name = "operator", description = "For operators, signed in by a session: people, flags, and the log of what operators did. Each act that changes something takes a reason and leaves a line there.")
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
        for operation in edges::operations(path) {
            say_what_any_may_answer(operation);
            usual::fill(operation);
        }
    }
    edges::describe(&mut document);
    doors::describe(&mut document);
    edges::finish(&mut document);
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
}

fn problem(description: &str) -> RefOr<Response> {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    RefOr::T(ResponseBuilder::new().description(description).content("application/problem+json", content).build())
}

/// As the committed openapi.yaml.
pub fn yaml(document: &utoipa::openapi::OpenApi) -> Result<String, String> {
    document.to_yaml().map_err(|error| error.to_string())
}
