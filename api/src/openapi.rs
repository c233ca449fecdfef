//! The OpenAPI document, made from the routes themselves.
use actix_web::App as ActixApp;
use utoipa::openapi::path::{Operation, Parameter, ParameterIn};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{Modify, OpenApi};
use utoipa_actix_web::AppExt;

use crate::server;

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
        (name = "gems", description = "The balance and what moved it."),
        (name = "catalogue", description = "Models, prices, built-in attributes, and what something would cost."),
        (name = "generations", description = "Asking for images and following how it goes."),
        (name = "images", description = "What was made."),
        (name = "payments", description = "Packs, checkouts and purchases.")
    )
)]
struct Document;

const BINARY: SchemaFormat = SchemaFormat::KnownFormat(KnownFormat::Binary);

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        // No licence was chosen: an empty name would say that one was.
        openapi.info.license = None;
        let components = openapi.components.get_or_insert_with(Default::default);
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        components.add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

/// Everything under `/v1`.
pub fn document() -> utoipa::openapi::OpenApi {
    let (_, routes) = ActixApp::new().into_utoipa_app().configure(server::routes).split_for_parts();
    let mut document = Document::openapi();
    document.merge(routes);
    for path in document.paths.paths.values_mut() {
        let methods = [&mut path.get, &mut path.post, &mut path.put, &mut path.patch, &mut path.delete];
        methods.into_iter().flatten().for_each(say_what_any_may_answer);
    }
    document
}

/// Answers of the doors in front of the routes: said here once instead of at each.
fn say_what_any_may_answer(operation: &mut Operation) {
    let needs_age = operation
        .tags
        .iter()
        .flatten()
        .any(|tag| matches!(tag.as_str(), "gems" | "generations" | "images" | "payments"));
    for parameter in operation.parameters.iter_mut().flatten() {
        if let RefOr::T(parameter) = parameter
            && parameter.name == "Idempotency-Key"
        {
            // As the extractor takes it: what is around it is cut off, so nothing blank at its ends.
            let key = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[!-~]{1,255}$"));
            parameter.schema = Some(RefOr::T(key.into()));
        }
    }
    let parameters = operation.parameters.iter().flatten().filter_map(|it| match it {
        RefOr::T(parameter) => Some(parameter),
        RefOr::Ref(_) => None,
    });
    let asks = |of: &dyn Fn(&Parameter) -> bool| parameters.clone().any(of);
    let has_query = asks(&|it| it.parameter_in == ParameterIn::Query);
    let has_limit = asks(&|it| it.name == "limit" || it.name == "q");
    if let Some(RefOr::T(body)) = &mut operation.request_body {
        // Bytes: a schema says nothing of them, and makers of clients want one.
        let bytes = || RefOr::T(ObjectBuilder::new().schema_type(Type::String).format(Some(BINARY)).into());
        for content in body.content.values_mut() {
            if let RefOr::T(content) = content {
                content.schema.get_or_insert_with(bytes);
            }
        }
    }
    let answers = &mut operation.responses.responses;
    answers.values_mut().for_each(frame_events);
    for (status, answer) in answers.iter_mut() {
        if let RefOr::T(answer) = answer
            && answer.description.is_empty()
        {
            answer.description = usual_words(status).into();
        }
    }
    if has_query {
        answers.entry("400".into()).or_insert_with(|| problem("The query or its cursor cannot be read."));
    }
    if has_limit {
        answers.entry("422".into()).or_insert_with(|| problem("A value of the query is out of its range."));
    }
    if needs_age && answers.contains_key("401") {
        answers
            .entry("403".into())
            .or_insert_with(|| problem("The age is not confirmed yet, or the person is suspended."));
    }
    answers.entry("503".into()).or_insert_with(|| problem("Not now, for a moment: `Retry-After` says when."));
}

/// What a status means where a route has nothing of its own to say about it.
fn usual_words(status: &str) -> &'static str {
    match status {
        "200" => "As asked.",
        "201" => "Made.",
        "202" => "Accepted; it goes on by itself.",
        "204" => "Done; there is nothing to say.",
        "303" => "It stands at `Location`.",
        "304" => "It is as the tag in `If-None-Match` says.",
        "400" => "The request cannot be read, or a header that it needs is missing.",
        "401" => "The token or key is missing, wrong, expired or revoked.",
        "402" => "Not enough gems, or a cap is in the way. Nothing was held.",
        "403" => "Not for this person, or not with this key.",
        "404" => "There is nothing here, or it is somebody else's.",
        "409" => "Not possible in the state that it is in.",
        "413" => "The body is too large.",
        "415" => "The body's content type is not read here.",
        "422" => "Some values are not right: `errors` says which.",
        "429" => "Too many: `Retry-After` says when to come again.",
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

fn problem(description: &str) -> RefOr<Response> {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    RefOr::T(ResponseBuilder::new().description(description).content("application/problem+json", content).build())
}

/// As the committed openapi.yaml.
pub fn yaml(document: &utoipa::openapi::OpenApi) -> Result<String, String> {
    document.to_yaml().map_err(|error| error.to_string())
}
