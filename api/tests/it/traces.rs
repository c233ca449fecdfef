//! Traces, as a collector receives them: OTLP over HTTP on a port of its own, read without a library of ours.
use std::collections::BTreeMap;
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

/// Fields of a protobuf message that have a length: all that is read here. Several exports in a row are one message.
fn fields(mut bytes: &[u8]) -> Vec<(u64, &[u8])> {
    fn varint(bytes: &mut &[u8]) -> u64 {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = bytes.split_first().expect("a varint");
            *bytes = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        number
    }
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes);
        match tag & 7 {
            0 => drop(varint(&mut bytes)),
            1 => bytes = &bytes[8..],
            5 => bytes = &bytes[4..],
            _ => {
                let length = usize::try_from(varint(&mut bytes)).expect("a length");
                let (field, rest) = bytes.split_at(length);
                all.push((tag >> 3, field));
                bytes = rest;
            }
        }
    }
    all
}

fn of(bytes: &[u8], number: u64) -> Vec<&[u8]> {
    fields(bytes).into_iter().filter(|field| field.0 == number).map(|field| field.1).collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

/// As opentelemetry/proto/trace/v1/trace.proto has it; of the attributes those that are text.
#[derive(Debug)]
struct Span {
    name: String,
    trace: Vec<u8>,
    id: Vec<u8>,
    parent: Vec<u8>,
    attributes: BTreeMap<String, String>,
}

fn spans(received: &[u8]) -> Vec<Span> {
    let scopes = of(received, 1).into_iter().flat_map(|resource| of(resource, 2));
    let spans = scopes.flat_map(|scope| of(scope, 2));
    let first = |span: &[u8], number| of(span, number).first().map(|field| field.to_vec()).unwrap_or_default();
    spans
        .map(|span| Span {
            name: text(&first(span, 5)),
            trace: first(span, 1),
            id: first(span, 2),
            parent: first(span, 4),
            attributes: of(span, 9)
                .into_iter()
                .filter_map(|pair| Some((text(&first(pair, 1)), text(of(&first(pair, 2), 1).first()?))))
                .collect(),
        })
        .collect()
}

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

fn traceparent() -> String {
    format!("00-{TRACE}-00f067aa0ba902b7-01")
}

/// Two processes, since the one that answers need not be the one that runs.
#[actix_web::test]
async fn a_main_job_is_one_trace_through_every_process_and_tells_nothing_private() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let (endpoint, received, handle) = collector().await;
    let endpoint = format!("--otlp-endpoint={endpoint}");
    let mut process = Process::serve(&app, &[&endpoint, "--worker-slots=0"]).await;
    let mut worker = Process::work(&app, &[&endpoint, "--worker-slots=1"]);
    let body = json!({"prompt": "Zanzibarine quokka", "quality": "low"});
    let parent = traceparent();
    let (made, request_id) = make_there(&person, &process, &[("traceparent", &parent)], &body).await;
    assert_eq!(made["status"], "succeeded", "{made}");
    assert!(process.terminate().await.success());
    assert!(worker.terminate().await.success());
    let received = received.lock().expect("the spans").clone();
    handle.stop(false).await;
    let all = spans(&received);
    let trace: Vec<u8> = (0..16).map(|at| u8::from_str_radix(&TRACE[at * 2..at * 2 + 2], 16).expect("hex")).collect();
    let named = |name: &str| {
        let found: Vec<&Span> = all.iter().filter(|span| span.trace == trace && span.name == name).collect();
        assert_eq!(found.len(), 1, "spans {name} in the caller's trace: {all:#?}");
        found[0]
    };
    let (request, run) = (named("request"), named("run"));
    assert_eq!(request.attributes["route"], "/v1/generations");
    assert_eq!(run.parent, request.id, "the run goes on where its request was");
    for span in [request, run] {
        assert_eq!(span.attributes["request_id"], request_id);
        assert_eq!(made["id"], span.attributes["generation_id"].as_str());
    }
    for name in ["model", "store", "settle"] {
        assert_eq!(named(name).parent, run.id, "{name} is a part of the run");
    }
    let known: String = sqlx::query_scalar("select model_request_id from generations")
        .fetch_one(&mut app.sql().await)
        .await
        .expect("a row");
    assert_eq!([&run.attributes["model_request_id"], &named("model").attributes["model_request_id"]], [&known, &known]);
    for secret in ["quokka", "ada.lovelace", person.token.as_str(), "AAECAwQFBgc"] {
        assert!(!contains(&received, secret.as_bytes()), "{secret} is in a span");
    }
}

#[actix_web::test]
async fn without_a_collector_a_callers_trace_is_kept_and_none_is_invented() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let submit = |key: &str, traceparent: Option<&str>| {
        let request = person.request(reqwest::Method::POST, "/v1/generations").header("Idempotency-Key", key);
        let request = traceparent.into_iter().fold(request, |request, value| request.header("traceparent", value));
        request.json(&json!({"prompt": "A fox", "quality": "low"})).send()
    };
    let ours = traceparent();
    for (key, parent) in [("one", Some(ours.as_str())), ("two", None), ("three", Some("00-quokka-1"))] {
        assert_eq!(submit(key, parent).await.expect("an answer").status(), 202);
    }
    let kept: Vec<Option<String>> = sqlx::query_scalar("select traceparent from generations order by created_at")
        .fetch_all(&mut app.sql().await)
        .await
        .expect("rows");
    assert_eq!(kept, [Some(ours), None, None]);
    app.work().await;
}
