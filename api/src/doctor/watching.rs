//! Where traces go and where numbers are shown, if the operator wants them: tried as `serve` uses them.
use std::net::{SocketAddr, TcpListener};

use url::Url;

use super::{Examination, Finding, unanswered};

pub(super) async fn check(all: &Examination) -> Vec<Finding> {
    let mut found = Vec::new();
    if let Some(endpoint) = &all.settings.otlp_endpoint {
        found.push(traces(all, endpoint).await);
    }
    if let Some(address) = all.settings.metrics_listen {
        found.push(numbers(all, address).await);
    }
    found
}

/// A message without spans is a whole one.
async fn traces(all: &Examination, endpoint: &Url) -> Finding {
    // It may hold a password.
    let place = endpoint.origin().ascii_serialization();
    let hint = "Look at OTLP_ENDPOINT: a collector that takes OTLP over HTTP, without /v1/traces.";
    let request = all.http.post(format!("{}/v1/traces", endpoint.as_str().trim_end_matches('/')));
    match request.header("content-type", "application/x-protobuf").body(Vec::new()).send().await {
        Ok(answer) if answer.status().is_success() => Finding::right("traces", format!("{place} takes them")),
        Ok(answer) => {
            Finding::wrong("traces", format!("{place} refuses them with status {}", answer.status().as_u16()), hint)
        }
        Err(error) => Finding::wrong("traces", format!("nobody takes them at {place}: {}", unanswered(error)), hint),
    }
}

/// Free, or already held by a process of ours.
async fn numbers(all: &Examination, address: SocketAddr) -> Finding {
    let error = match TcpListener::bind(address) {
        Ok(_) => return Finding::right("metrics", format!("{address} is free")),
        Err(error) => error,
    };
    let shown = match all.http.get(format!("http://{address}/metrics")).send().await {
        Ok(answer) => answer.text().await.unwrap_or_default(),
        Err(_) => String::new(),
    };
    if shown.contains("lapidary_build_info") {
        return Finding::right("metrics", format!("a Lapidary shows its numbers at {address}"));
    }
    let hint = "Set METRICS_LISTEN to an address and port of this machine that nobody else has.";
    Finding::wrong("metrics", format!("{address} cannot be listened on: {error}"), hint)
}
