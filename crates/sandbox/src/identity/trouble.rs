//! Faults that any server-to-server request can show: slow, silent, broken, junk. Never the person's own pages.
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;

use crate::faults::{Fault, Faults};

const SILENCE: Duration = Duration::from_secs(3600);

/// `slow` waits `value` seconds and lets the request go on; `hang` keeps silent; `server_error` answers `value` or 500.
pub async fn strike(faults: &Faults, vendor: &str) -> Option<HttpResponse> {
    let fault = faults.take_where(vendor, |kind| matches!(kind, "slow" | "hang" | "server_error"))?;
    match fault.kind.as_str() {
        "slow" => {
            tokio::time::sleep(Duration::from_secs_f64(fault.value.as_f64().unwrap_or(5.0).clamp(0.0, 3600.0))).await;
            None
        }
        "hang" => {
            tokio::time::sleep(SILENCE).await;
            Some(broken(StatusCode::GATEWAY_TIMEOUT))
        }
        _ => Some(broken(status_of(&fault, StatusCode::INTERNAL_SERVER_ERROR))),
    }
}

pub fn shows(faults: &Faults, vendor: &str, kind: &str) -> bool {
    faults.take_where(vendor, |set| set == kind).is_some()
}

/// An answer of the right status that nobody can parse: what a captive portal or a proxy says.
pub fn junk() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .body("<!doctype html><title>Sign in to the network</title><p>{\"access_token\": this is no JSON")
}

pub fn broken(status: StatusCode) -> HttpResponse {
    HttpResponse::build(status)
        .content_type("text/html; charset=utf-8")
        .body("<!doctype html><title>Something went wrong</title><p>The sandbox was asked to fail here.")
}

fn status_of(fault: &Fault, otherwise: StatusCode) -> StatusCode {
    let asked = fault.value.as_u64().and_then(|code| u16::try_from(code).ok());
    asked.and_then(|code| StatusCode::from_u16(code).ok()).unwrap_or(otherwise)
}
