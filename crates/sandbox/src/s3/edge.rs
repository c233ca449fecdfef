//! What every request meets first: faults, CORS, proof of who asks; and what every answer takes along.
//! It must never let an unsigned request through.
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Uri};
use s3s::Body;
use s3s::access::{S3Access, S3AccessContext};
use s3s::service::S3Service;
use s3s::{S3Result, s3_error};

use super::refusal::{Refusal, escape};
use super::sigv4::{self, Clock, Keys, Proof};
use super::uri;
use crate::faults::{Fault, Faults};
use crate::took::Took;

const VENDOR: &str = "s3";
const HANG_SECONDS: f64 = 60.0;

#[derive(Clone)]
pub(super) struct Edge {
    pub(super) store: S3Service,
    pub(super) keys: Arc<Keys>,
    pub(super) clock: Clock,
    pub(super) faults: Faults,
}

/// Put on a request whose presigned URL was verified here.
#[derive(Clone, Copy)]
struct Verified;

/// Lets in what was verified, by the edge or by the store.
pub(super) struct Gate;

#[async_trait::async_trait]
impl S3Access for Gate {
    async fn check(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        if context.credentials().is_some() || context.extensions_mut().get::<Verified>().is_some() {
            return Ok(());
        }
        Err(s3_error!(AccessDenied, "Access Denied"))
    }
}

impl Edge {
    pub(super) async fn answer(self, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
        let took = Took::begins("s3");
        let method = request.method().clone();
        let path = request.uri().path().to_owned();
        let origin = request.headers().contains_key(header::ORIGIN);
        let response = if method == Method::OPTIONS { preflight(request.headers()) } else { self.serve(request).await };
        let mut response = signed_off(response, &method, &path).await;
        // What a client whose clock is wrong goes by.
        if let Ok(date) = HeaderValue::from_str(&self.clock.now().format("%a, %d %b %Y %H:%M:%S GMT").to_string()) {
            response.headers_mut().insert(header::DATE, date);
        }
        if origin && (method == Method::GET || method == Method::HEAD) {
            allow_any_origin(response.headers_mut());
        }
        took.ends();
        Ok(response)
    }

    async fn serve(&self, mut request: Request<Incoming>) -> Response<Body> {
        let fault = self.fault(&request);
        let refusal = match fault.as_ref().map(|fault| (fault.kind.as_str(), &fault.value)) {
            Some(("slow_down", _)) => Some(Refusal::slow_down()),
            Some(("internal_error", _)) => Some(Refusal::internal_error()),
            Some(("error_in_200", _)) => Some(Refusal::internal_error().with_status(StatusCode::OK)),
            Some(("refuse" | "refuse_put", value)) => {
                Some(Refusal::with_code(value.as_str().unwrap_or("AccessDenied")))
            }
            Some(("hang", value)) => {
                tokio::time::sleep(Duration::from_secs_f64(value.as_f64().unwrap_or(HANG_SECONDS).max(0.0))).await;
                None
            }
            _ => None,
        };
        if let Some(refusal) = refusal {
            return refuse(refusal, request).await;
        }
        let (mut parts, body) = request.into_parts();
        let proof = sigv4::check(&parts, &self.keys, &self.clock);
        if matches!(proof, Ok(Proof::Presigned)) {
            parts.uri = without_signature(&parts.uri);
            parts.extensions.insert(Verified);
        }
        request = Request::from_parts(parts, body);
        if let Err(refusal) = proof {
            return refuse(refusal, request).await;
        }
        match self.store.call(request.map(Body::from)).await {
            Ok(mut response) => match fault.as_ref().map(|fault| fault.kind.as_str()) {
                Some("cut_body") => cut(response).await,
                Some("cut_put") => broken(),
                Some("unencrypted_put" | "unencrypted_head") => {
                    response.headers_mut().remove("x-amz-server-side-encryption");
                    response
                }
                _ => response,
            },
            Err(error) => {
                tracing::error!(?error, "the store failed");
                Refusal::internal_error().into_response()
            }
        }
    }

    fn fault(&self, request: &Request<Incoming>) -> Option<Fault> {
        let method = request.method();
        self.faults.take_where(VENDOR, |kind| match kind {
            "slow_down" | "internal_error" | "hang" | "refuse" => true,
            "refuse_put" | "cut_put" | "unencrypted_put" | "error_in_200" => method == Method::PUT,
            "unencrypted_head" => method == Method::HEAD,
            "cut_body" => method == Method::GET,
            _ => false,
        })
    }
}

/// Reads the body to its end first: an answer on top of unread bytes may be lost in a connection reset.
async fn refuse(refusal: Refusal, request: Request<Incoming>) -> Response<Body> {
    let mut body = request.into_body();
    while let Some(Ok(_)) = body.frame().await {}
    refusal.into_response()
}

fn without_signature(uri: &Uri) -> Uri {
    let query = uri::unsigned_query(uri.query().unwrap_or_default());
    let path_and_query = if query.is_empty() { uri.path().to_owned() } else { format!("{}?{query}", uri.path()) };
    Uri::try_from(path_and_query).unwrap_or_else(|_| uri.clone())
}

/// A yes that never arrives: the connection breaks where its body should begin.
fn broken() -> Response<Body> {
    let frames = stream::iter([Err::<Frame<Bytes>, _>(std::io::Error::other("cut by a fault"))]);
    let mut response = Response::new(Body::http_body_unsync(StreamBody::new(frames)));
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from_static("1000"));
    response
}

/// Half of the promised bytes, then the connection breaks.
async fn cut(response: Response<Body>) -> Response<Body> {
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.map(|whole| whole.to_bytes()).unwrap_or_default();
    let half = bytes.slice(..bytes.len() / 2);
    let frames = stream::iter([Ok(Frame::data(half)), Err(std::io::Error::other("cut by a fault"))]);
    Response::from_parts(parts, Body::http_body_unsync(StreamBody::new(frames)))
}

/// Request ids on every answer and in every error, as the vendor's support would ask for them.
async fn signed_off(mut response: Response<Body>, method: &Method, path: &str) -> Response<Body> {
    let request_id = uuid::Uuid::now_v7().simple().to_string().to_uppercase();
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert("x-amz-request-id", value.clone());
        response.headers_mut().insert("x-amz-id-2", value);
    }
    if response.status() == StatusCode::NOT_MODIFIED {
        *response.body_mut() = Body::empty();
    }
    if response.status().as_u16() < 400 || method == Method::HEAD {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let bytes = body.collect().await.map(|whole| whole.to_bytes()).unwrap_or_default();
    let more = format!(
        "<Resource>{}</Resource><RequestId>{request_id}</RequestId><HostId>{request_id}</HostId></Error>",
        escape(path)
    );
    let xml = String::from_utf8_lossy(&bytes).replace("</Error>", &more);
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(Bytes::from(xml)))
}

fn preflight(asked: &HeaderMap) -> Response<Body> {
    let method = asked.get(header::ACCESS_CONTROL_REQUEST_METHOD).and_then(|value| value.to_str().ok());
    if !matches!(method, Some("GET" | "HEAD")) {
        let message = "CORSResponse: This CORS request is not allowed.";
        return Refusal::new(StatusCode::FORBIDDEN, "AccessForbidden", message).into_response();
    }
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    allow_any_origin(headers);
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, HEAD"));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("3000"));
    if let Some(names) = asked.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
    }
    response
}

fn allow_any_origin(headers: &mut HeaderMap) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("ETag, x-amz-request-id"));
    headers.insert(header::VARY, HeaderValue::from_static("Origin, Access-Control-Request-Headers"));
}
