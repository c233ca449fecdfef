//! The edge: a request id for everyone, one log line and one span a request, every error as a problem. Never a query, a
//! body, a prompt, a token or an e-mail address.
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use actix_web::body::{BodySize, BoxBody, MessageBody, None as NoBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode, header};
use actix_web::middleware::Next;
use actix_web::web::Bytes;
use actix_web::{Error, FromRequest, HttpMessage, HttpRequest, dev, web};
use chrono::TimeDelta;
use lapidary_contract::ProblemType;
use lapidary_contract::domain::limits::BODY_MAX;
use tracing::field::Empty;
use tracing::{Instrument, Span};
use uuid::Uuid;

use super::error::ApiError;
use super::limits;
use crate::app::App;
use crate::auth::current_user;
use crate::metrics::{self, OpenStream};
use crate::requests::Row;
use crate::{openai, telemetry};

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What the answer, the log line and a generation carry alike.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

impl FromRequest for RequestId {
    type Error = std::convert::Infallible;
    type Future = std::future::Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let id = request.extensions().get::<Self>().cloned();
        std::future::ready(Ok(id.unwrap_or_else(|| Self(Uuid::now_v7().to_string()))))
    }
}

/// Who asked, as the extractors found out; in the request's extensions.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    pub person_id: Uuid,
    /// Of the API key, where it came with one.
    pub key_id: Option<Uuid>,
}

/// For an answer that asked for a generation and has no Location: put it into the answer's extensions. An answer that
/// is no problem but tells of one puts its [`ProblemType`] there.
#[derive(Clone, Copy, Debug)]
pub struct Began(pub Uuid);

/// Middleware around everything.
pub async fn observe(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    let id = Uuid::now_v7();
    let request_id = id.to_string();
    request.extensions_mut().insert(RequestId(request_id.clone()));
    // Routes know GET only; whatever they would say, its head is the answer.
    let is_head = request.method() == Method::HEAD;
    if is_head {
        request.head_mut().method = Method::GET;
    }
    let span = tracing::info_span!(
        "request",
        request_id,
        method = %request.method(),
        route = Empty,
        status = Empty,
        generation_id = Empty
    );
    telemetry::follow_caller(&span, request.headers());
    // Errors of handlers and extractors come as responses; the request must not be cloned before routing.
    let response = next.call(request).instrument(span.clone()).await?.map_into_boxed_body();
    let _in_span = span.enter();
    // Each wire has its own shape of errors; nothing else decides it.
    let render: Render =
        if openai::is_spoken_at(response.request().path()) { openai::error::response } else { ApiError::response };
    let (mut response, problem) = if let Some(error) = response.response().error() {
        let (rendered, problem) = answer_to(error, &request_id, render);
        (response.into_response(rendered), Some(problem))
    } else if response.status() == StatusCode::PAYLOAD_TOO_LARGE {
        let rendered = render(&ApiError::PayloadTooLarge { max_bytes: BODY_MAX }, &request_id);
        (response.into_response(rendered), Some(ProblemType::PayloadTooLarge))
    } else {
        let told = response.response().extensions().get::<ProblemType>().copied();
        (response, told)
    };
    limits::say(&mut response);
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        headers.insert(X_REQUEST_ID, value);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("strict-origin-when-cross-origin"));
    log(&response, &span, id, problem, started);
    // Dropped here: the body of a stream would never end.
    if is_head {
        return Ok(response.map_body(|_, _| BoxBody::new(NoBody::new())));
    }
    let is_stream = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream");
    Ok(if is_stream {
        response.map_body(|_, body| BoxBody::new(Stream { body, _open: OpenStream::count() }))
    } else {
        response
    })
}

/// A body that is counted while it is open.
struct Stream {
    body: BoxBody,
    _open: OpenStream,
}

impl MessageBody for Stream {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(context)
    }
}

/// How a wire says an error.
type Render = fn(&ApiError, &str) -> actix_web::HttpResponse<BoxBody>;

/// The one place where an error is logged, with its whole chain.
fn answer_to(error: &Error, request_id: &str, render: Render) -> (actix_web::HttpResponse<BoxBody>, ProblemType) {
    let Some(api_error) = error.as_error::<ApiError>() else {
        let ours = foreign(error, request_id);
        return (render(&ours, request_id), ours.problem_type());
    };
    if api_error.problem_type().status() >= 500 {
        tracing::error!(request_id, error = %chain(api_error), "request failed");
    }
    (render(api_error, request_id), api_error.problem_type())
}

/// Errors of the framework itself, said as ours.
fn foreign(error: &Error, request_id: &str) -> ApiError {
    match error.as_response_error().status_code() {
        StatusCode::NOT_FOUND => ApiError::NotFound,
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::PayloadTooLarge { max_bytes: BODY_MAX },
        StatusCode::UNSUPPORTED_MEDIA_TYPE => ApiError::UnsupportedMediaType,
        status if status.is_client_error() => ApiError::Malformed("The request cannot be read.".into()),
        _ => {
            tracing::error!(request_id, error = %error, "request failed");
            ApiError::internal(error.to_string())
        }
    }
}

/// An error with all its causes, in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

fn log(response: &ServiceResponse<BoxBody>, span: &Span, id: Uuid, problem: Option<ProblemType>, started: Instant) {
    let request = response.request();
    // The pattern, not the path: ids in paths belong to people.
    let route = current_user::pattern_of(request).unwrap_or_else(|| "-".into());
    let (status, took) = (response.status().as_u16(), started.elapsed());
    let seconds = took.as_secs_f64();
    span.record("route", route.as_str());
    span.record("status", status);
    let generation_id = began(response);
    if let Some(id) = generation_id {
        span.record("generation_id", tracing::field::display(id));
    }
    tracing::info!(
        request_id = %id,
        method = %request.method(),
        route,
        status,
        millis = format_args!("{:.1}", seconds * 1000.0),
        "request"
    );
    let caller = request.extensions().get::<Caller>().copied();
    // What was refused as too often costs its sender nothing: a row for the first of a person's or key's in a minute, none for
    // nobody's. The metrics count all of them.
    let is_worth_a_row = |app: &&web::Data<App>| {
        problem != Some(ProblemType::RateLimited)
            || caller.is_some_and(|caller| app.limits.logs_refusal(caller.key_id.unwrap_or(caller.person_id)))
    };
    let app = request.app_data::<web::Data<App>>().filter(|_| is_logged(&route));
    if let Some(app) = app.filter(is_worth_a_row) {
        let gems = response.headers().get("gems-cost").and_then(|cost| cost.to_str().ok()?.parse().ok());
        app.request_log.put(Row {
            id,
            created_at: app.clock.now() - TimeDelta::from_std(took).unwrap_or_default(),
            person_id: caller.map(|caller| caller.person_id),
            api_key_id: caller.and_then(|caller| caller.key_id),
            method: metrics::method_name(request.method()),
            route: route.clone(),
            status: i16::try_from(status).unwrap_or(0),
            latency_micros: i64::try_from(took.as_micros()).unwrap_or(i64::MAX),
            gems,
            problem: problem.map(ProblemType::slug),
            generation_id,
        });
    }
    metrics::request_ended(request.method(), route, status, seconds);
}

/// What people and programs ask of the API; not the page, health and documents.
fn is_logged(route: &str) -> bool {
    route.starts_with("/v1/") || route.starts_with("/openai/")
}

/// The generation that this request asked for.
fn began(response: &ServiceResponse<BoxBody>) -> Option<Uuid> {
    if let Some(Began(id)) = response.response().extensions().get::<Began>() {
        return Some(*id);
    }
    // Whatever became of it by the time of the answer.
    response.headers().get(header::LOCATION)?.to_str().ok()?.strip_prefix("/v1/generations/")?.parse().ok()
}
