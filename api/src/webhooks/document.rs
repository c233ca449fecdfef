//! What is sent, for the OpenAPI document's `webhooks`: one entry a type of event.
use lapidary_contract::{GemsAreLow, GenerationEnded, ImageCreated, PurchaseChanged, WebhookEventType, WebhookTested};
use utoipa::PartialSchema;
use utoipa::ToSchema;
use utoipa::openapi::path::{
    HttpMethod, Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn, PathItem,
};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{KnownFormat, Object, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{ContentBuilder, OpenApi, Paths, Ref, Required, ResponseBuilder};

/// Adds the section, and the schemas it names.
pub fn add_to(document: &mut OpenApi) {
    let components = document.components.get_or_insert_with(Default::default);
    let mut schemas = Vec::new();
    GenerationEnded::schemas(&mut schemas);
    ImageCreated::schemas(&mut schemas);
    PurchaseChanged::schemas(&mut schemas);
    schemas.extend([
        (GenerationEnded::name().into_owned(), GenerationEnded::schema()),
        (ImageCreated::name().into_owned(), ImageCreated::schema()),
        (GemsAreLow::name().into_owned(), GemsAreLow::schema()),
        (PurchaseChanged::name().into_owned(), PurchaseChanged::schema()),
        (WebhookTested::name().into_owned(), WebhookTested::schema()),
    ]);
    for (name, schema) in schemas {
        components.schemas.entry(name).or_insert(schema);
    }
    let mut webhooks = Paths::new();
    for kind in WebhookEventType::ALL {
        webhooks.paths.insert(kind.name().to_owned(), PathItem::new(HttpMethod::Post, operation(kind)));
    }
    document.webhooks = Some(webhooks);
}

/// The name of the schema of its `data`, and when it is sent.
fn about(kind: WebhookEventType) -> (String, &'static str) {
    match kind {
        WebhookEventType::GenerationSucceeded => (
            GenerationEnded::name().into_owned(),
            "A generation ended and delivered at least one image: `status` says whether it was all of them.",
        ),
        WebhookEventType::GenerationFailed => (
            GenerationEnded::name().into_owned(),
            "A generation ended without an image: it failed or was cancelled, and its gems are back.",
        ),
        WebhookEventType::ImageCreated => {
            (ImageCreated::name().into_owned(), "An image is stored, told once its generation has ended.")
        }
        WebhookEventType::GemsLow => (GemsAreLow::name().into_owned(), "Fewer than 20 gems are left."),
        WebhookEventType::PurchasePaid => {
            (PurchaseChanged::name().into_owned(), "The gems of a purchase were credited.")
        }
        WebhookEventType::PurchaseRefunded => (
            PurchaseChanged::name().into_owned(),
            "Money of a paid purchase was refunded: once each time that more of it was.",
        ),
        WebhookEventType::Test => (WebhookTested::name().into_owned(), "You asked for it, to try your receiver."),
    }
}

fn operation(kind: WebhookEventType) -> Operation {
    let (data, when) = about(kind);
    let body = ContentBuilder::new().schema(Some(message(kind, &data))).build();
    OperationBuilder::new()
        .tag("webhooks")
        .summary(Some(kind.name()))
        .description(Some(format!(
            "{when} Answer with 2xx within 15 seconds. It may come more than once and in any order: the `webhook-id` is \
             the same each time. It holds ids and facts, no prompt and no link: read the resource with your key."
        )))
        .operation_id(Some(format!("on_{}", kind.name().replace('.', "_"))))
        .parameter(header("webhook-id", "The same at every attempt: what you have seen before you can pass over."))
        .parameter(header("webhook-timestamp", "Unix seconds of this attempt. Refuse what is more than 5 minutes off."))
        .parameter(header(
            "webhook-signature",
            "`v1,` and base64(HMAC-SHA256(secret, `{webhook-id}.{webhook-timestamp}.{body}`)), the secret being what comes \
             after `whsec_`, decoded. Two of them, separated by a space, while a secret is being replaced.",
        ))
        .request_body(Some(
            RequestBodyBuilder::new().required(Some(Required::True)).content("application/json", body).build(),
        ))
        .response("2XX", ResponseBuilder::new().description("You have it.").build())
        .response("410", ResponseBuilder::new().description("You want no more: the endpoint is switched off.").build())
        .response(
            "429",
            ResponseBuilder::new().description("Not now: `Retry-After` is kept to, up to a day. So with 503.").build(),
        )
        .response(
            "default",
            ResponseBuilder::new().description("It is sent again: ten attempts over three days.").build(),
        )
        .build()
}

fn header(name: &str, description: &str) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::True)
        .description(Some(description))
        .schema(Some(Object::with_type(Type::String)))
        .build()
}

fn message(kind: WebhookEventType, data: &str) -> Object {
    let moment = ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
        .description(Some("When it happened."));
    ObjectBuilder::new()
        .property("type", ObjectBuilder::new().schema_type(Type::String).enum_values(Some([kind.name()])))
        .property("timestamp", moment)
        .property("data", Ref::from_schema_name(data))
        .required("type")
        .required("timestamp")
        .required("data")
        .build()
}
