//! Traces, as a collector receives them: OTLP over HTTP on a port of its own, read without a library of ours.
use std::sync::{Arc, Mutex};

use actix_web::{App, HttpResponse, HttpServer, web};
use serde_json::json;

use crate::harness;
use crate::metrics::make_there;
use crate::process::Process;

type Received = Arc<Mutex<Vec<u8>>>;

async fn collector() -> (String, Received, actix_web::dev::ServerHandle) {
    let received = Received::default();
    let shared = web::Data::from(Arc::new(received.clone()));
    let server = HttpServer::new(move || {
        let take = |bytes: web::Bytes, received: web::Data<Received>| async move {
            received.lock().expect("the spans").extend_from_slice(&bytes);
            HttpResponse::Ok().finish()
        };
        App::new().app_data(shared.clone()).route("/v1/traces", web::post().to(take))
    });
    let server = server.workers(1).bind("127.0.0.1:0").expect("a port");
    let address = server.addrs().first().copied().expect("an address");
    let server = server.run();
    let handle = server.handle();
    actix_web::rt::spawn(server);
    (format!("http://{address}"), received, handle)
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

#[actix_web::test]
async fn a_submit_is_a_span_of_the_callers_trace_and_tells_nothing_private() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let (endpoint, received, handle) = collector().await;
    let mut process = Process::serve(&app, &[&format!("--otlp-endpoint={endpoint}")]).await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let parent = format!("00-{trace}-00f067aa0ba902b7-01");
    let body = json!({"prompt": "Zanzibarine quokka", "quality": "low"});
    let (made, request_id) = make_there(&person, &process, &[("traceparent", &parent)], &body).await;
    assert!(process.terminate().await.success());
    let spans = received.lock().expect("the spans").clone();
    handle.stop(false).await;
    let ids: Vec<u8> = (0..16).map(|at| u8::from_str_radix(&trace[at * 2..at * 2 + 2], 16).expect("hex")).collect();
    assert!(contains(&spans, &ids), "no span is in the caller's trace");
    for word in [&request_id, made["id"].as_str().expect("an id"), "/v1/generations"] {
        assert!(contains(&spans, word.as_bytes()), "{word} is in no span");
    }
    for secret in ["quokka", "ada.lovelace", person.token.as_str(), "AAECAwQFBgc"] {
        assert!(!contains(&spans, secret.as_bytes()), "{secret} is in a span");
    }
}
