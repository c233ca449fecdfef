//! The control port: where vendors live, and which faults they show. For people (a page) and for tests (JSON).
//! No vendor depends on it; without it nothing fails.
use std::net::TcpListener;

use actix_web::dev::ServerHandle;
use actix_web::http::header::{CONTENT_SECURITY_POLICY, HeaderMap};
use actix_web::{App, Either, HttpRequest, HttpResponse, HttpServer, web};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::faults::{Fault, Faults};

/// What a vendor can be asked to show. The page offers these; a vendor ignores a kind it does not know.
const KINDS: [(&str, &[&str]); 6] = [
    ("openai", crate::openai::KINDS),
    ("chat", crate::openai::CHAT_KINDS),
    ("s3", crate::s3::KINDS),
    ("stripe", crate::stripe::KINDS),
    (
        "github",
        &[
            "slow",
            "hang",
            "server_error",
            "denied",
            "wrong_state",
            "bad_verification_code",
            "missing_email_scope",
            "no_verified_mail",
            "public_email_null",
            "renamed_login",
            "rate_limited",
            "junk_html",
        ],
    ),
    (
        "oidc",
        &[
            "slow",
            "hang",
            "server_error",
            "access_denied",
            "wrong_state",
            "wrong_iss",
            "wrong_aud",
            "wrong_at_hash",
            "userinfo_wrong_sub",
            "discovery_down",
            "discovery_issuer_mismatch",
            "junk_discovery",
            "jwks_down",
            "junk_jwks",
            "junk",
        ],
    ),
];

/// A running control port. It stops when dropped.
#[derive(Debug)]
pub struct Control {
    pub url: String,
    server: ServerHandle,
}

impl Drop for Control {
    fn drop(&mut self) {
        drop(self.server.stop(false));
    }
}

struct State {
    faults: Faults,
    addresses: Map<String, Value>,
}

/// A fault as a form sends it: everything is text.
#[derive(Deserialize)]
struct FaultForm {
    vendor: String,
    kind: String,
    times: u32,
    #[serde(default)]
    value: String,
}

impl From<FaultForm> for Fault {
    fn from(form: FaultForm) -> Self {
        let text = form.value.trim();
        let value = match serde_json::from_str(text) {
            Ok(value) => value,
            Err(_) if text.is_empty() => Value::Null,
            Err(_) => Value::String(text.to_owned()),
        };
        Self { times: form.times, ..Self::once(&form.vendor, &form.kind).with(value) }
    }
}

/// `addresses` is shown as it is, secrets included: they open nothing but this sandbox.
pub async fn start(listener: TcpListener, faults: Faults, addresses: Map<String, Value>) -> std::io::Result<Control> {
    let url = format!("http://{}", listener.local_addr()?);
    let state = web::Data::new(State { faults, addresses });
    let server = HttpServer::new(move || App::new().app_data(state.clone()).configure(routes))
        .workers(1)
        .shutdown_timeout(0)
        .disable_signals()
        .listen(listener)?
        .run();
    let control = Control { url, server: server.handle() };
    tokio::spawn(server);
    Ok(control)
}

fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/", web::get().to(page))
        .route("/addresses", web::get().to(addresses))
        .route("/faults/clear", web::post().to(clear_from_page))
        .service(
            web::resource("/faults")
                .route(web::get().to(list_faults))
                .route(web::post().to(set_fault))
                .route(web::delete().to(clear_faults)),
        );
}

async fn addresses(state: web::Data<State>) -> HttpResponse {
    HttpResponse::Ok().json(&state.addresses)
}

async fn list_faults(state: web::Data<State>) -> HttpResponse {
    HttpResponse::Ok().json(state.faults.list())
}

async fn set_fault(
    request: HttpRequest,
    state: web::Data<State>,
    given: Either<web::Json<Fault>, web::Form<FaultForm>>,
) -> HttpResponse {
    let (fault, from_page) = match given {
        Either::Left(json) => (json.into_inner(), false),
        Either::Right(form) => (form.into_inner().into(), true),
    };
    if is_from_elsewhere(request.headers()) {
        return HttpResponse::Forbidden().body("only from this page");
    }
    let vendors: Vec<&str> = KINDS.iter().map(|(vendor, _)| *vendor).collect();
    if !vendors.contains(&fault.vendor.as_str()) {
        return HttpResponse::UnprocessableEntity().json(json!({ "error": "unknown vendor", "vendors": vendors }));
    }
    state.faults.set(fault);
    if from_page { to_page() } else { HttpResponse::Created().json(state.faults.list()) }
}

async fn clear_faults(state: web::Data<State>) -> HttpResponse {
    state.faults.clear();
    HttpResponse::NoContent().finish()
}

async fn clear_from_page(request: HttpRequest, state: web::Data<State>) -> HttpResponse {
    if is_from_elsewhere(request.headers()) {
        return HttpResponse::Forbidden().body("only from this page");
    }
    state.faults.clear();
    to_page()
}

/// Another site's page in the same browser must not break anybody's demo.
pub(crate) fn is_from_elsewhere(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site").map(|site| site.as_bytes());
    !matches!(site, None | Some(b"same-origin" | b"none"))
}

fn to_page() -> HttpResponse {
    HttpResponse::SeeOther().insert_header(("location", "/")).finish()
}

async fn page(state: web::Data<State>) -> HttpResponse {
    let rows = |pairs: &Map<String, Value>| -> String {
        let cell = |value: &Value| match value.as_str() {
            Some(link) if link.starts_with("http") => format!("<a href=\"{0}\">{0}</a>", escape(link)),
            Some(text) => escape(text),
            None => escape(&value.to_string()),
        };
        pairs.iter().map(|(name, value)| format!("<tr><th>{}<td>{}", escape(name), cell(value))).collect()
    };
    let faults = state.faults.list();
    let set: String = match faults.is_empty() {
        true => "<p>None: every vendor does its best.".into(),
        false => faults
            .iter()
            .map(|fault| format!("<li><code>{}</code>", escape(&serde_json::to_string(fault).unwrap_or_default())))
            .collect(),
    };
    let options: String = KINDS.iter().map(|(vendor, _)| format!("<option>{vendor}")).collect();
    let kinds: String = KINDS
        .iter()
        .flat_map(|(vendor, kinds)| kinds.iter().map(move |kind| format!("<option value=\"{kind}\">{vendor}")))
        .collect();
    let html = PAGE
        .replace("{addresses}", &rows(&state.addresses))
        .replace("{set}", &set)
        .replace("{vendors}", &options)
        .replace("{kinds}", &kinds);
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'"))
        .body(html)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

const PAGE: &str = include_str!("control.html");
