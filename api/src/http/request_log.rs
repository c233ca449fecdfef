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
use actix_web::{Error, FromRequest, HttpMessage, HttpRequest, dev};
use lapidary_contract::domain::limits::BODY_MAX;
use tracing::field::Empty;
use tracing::{Instrument, Span};
use uuid::Uuid;

use super::error::ApiError;
use super::limits;
use crate::metrics::{self, OpenStream};
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

/// Middleware around everything.
pub async fn observe(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    let request_id = Uuid::now_v7().to_string();
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
    let as_problem: Render =
        if openai::is_spoken_at(response.request().path()) { openai::error::response } else { ApiError::response };
    let mut response = if let Some(error) = response.response().error() {
        let rendered = answer_to(error, &request_id, as_problem);
        response.into_response(rendered)
    } else if response.status() == StatusCode::PAYLOAD_TOO_LARGE {
        let rendered = as_problem(&ApiError::PayloadTooLarge { max_bytes: BODY_MAX }, &request_id);
        response.into_response(rendered)
    } else {
        response
    };
    limits::say(&mut response);
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        headers.insert(X_REQUEST_ID, value);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("strict-origin-when-cross-origin"));
    log(&response, &span, &request_id, started);
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
fn answer_to(error: &Error, request_id: &str, render: Render) -> actix_web::HttpResponse<BoxBody> {
    let Some(api_error) = error.as_error::<ApiError>() else {
        return render(&foreign(error, request_id), request_id);
    };
    if api_error.problem_type().status() >= 500 {
        tracing::error!(request_id, error = %chain(api_error), "request failed");
    }
    render(api_error, request_id)
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

fn log(response: &ServiceResponse<BoxBody>, span: &Span, request_id: &str, started: Instant) {
    let request = response.request();
    // The pattern, not the path: ids in paths belong to people.
    let route = request.match_pattern().unwrap_or_else(|| "-".into());
    let (status, seconds) = (response.status().as_u16(), started.elapsed().as_secs_f64());
    span.record("route", route.as_str());
    span.record("status", status);
    if let Some(id) = accepted(response) {
        span.record("generation_id", id);
    }
    tracing::info!(
        request_id,
        method = %request.method(),
        route,
        status,
        millis = format_args!("{:.1}", seconds * 1000.0),
        "request"
    );
    metrics::request_ended(request.method(), route, status, seconds);
}

/// The generation that this request began.
fn accepted(response: &ServiceResponse<BoxBody>) -> Option<&str> {
    let place = response.headers().get(header::LOCATION).filter(|_| response.status() == StatusCode::ACCEPTED)?;
    place.to_str().ok()?.strip_prefix("/v1/generations/")
}
