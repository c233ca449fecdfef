//! `/metrics` of the real binary: after one main job each number is exactly that job's; and the chain of ids that leads
//! from an answer to the log and to the model's own request.
use std::collections::BTreeMap;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use futures_util::stream::{FuturesUnordered, StreamExt};
use lapidary_sandbox::faults::Fault;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::Connection;

use crate::harness::{self, Answer, Person, TestApp};
use crate::process::Process;

/// A request's for a connection and for a lock.
const PATIENCE: Duration = Duration::from_secs(4);

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port()
}

pub async fn scrape(port: u16) -> BTreeMap<String, f64> {
    let text = reqwest::get(format!("http://127.0.0.1:{port}/metrics")).await.expect("metrics").text().await;
    let text = text.expect("text");
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').expect("a number");
            (name.to_owned(), value.parse().expect("a number"))
        })
        .collect()
}

/// Submits to the process and waits on its own stream; gives the generation and the submit's request id.
pub async fn make_there(
    person: &Person<'_>,
    process: &Process,
    extra: &[(&str, &str)],
    body: &Value,
) -> (Value, String) {
    let there = |method: Method, path: &str| {
        person.browser.client.request(method, format!("{}{path}", process.url)).bearer_auth(&person.token)
    };
    let mut request = there(Method::POST, "/v1/generations").header("Idempotency-Key", "one").json(body);
    for (name, value) in extra {
        request = request.header(*name, *value);
    }
    let queued = Answer::of(request.send().await).await.expect_status(202);
    let (request_id, id) = (queued.header("x-request-id").to_owned(), queued.json()["id"].clone());
    let path = format!("/v1/generations/{}", id.as_str().expect("an id"));
    let events = there(Method::GET, &format!("{path}/events")).send().await.expect("events");
    events.text().await.expect("the stream ends with the generation");
    let made = Answer::of(there(Method::GET, &path).send().await).await.expect_status(200).json();
    (made, request_id)
}

#[actix_web::test]
async fn after_one_job_every_number_is_that_jobs() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let port = free_port();
    let listen = format!("--metrics-listen=127.0.0.1:{port}");
    let process = Process::serve(&app, &[&listen, "--database-connections=7"]).await;
    let (made, _) = make_there(&person, &process, &[], &json!({"prompt": "A fox", "quality": "low"})).await;
    assert_eq!(made["status"], "succeeded");
    for path in ["/v1/nothing-here", "/v1/nor-here"] {
        let answer = reqwest::get(format!("{}{path}", process.url)).await.expect("an answer");
        assert_eq!(answer.status(), 404);
    }
    let numbers = scrape(port).await;
    let price = made["price_gems"].as_f64().expect("a price");
    let bytes = made["images"][0]["bytes"].as_f64().expect("bytes");
    let model = made["model"].as_str().expect("a model");
    let model_calls = format!("lapidary_model_seconds_count{{model=\"{model}\",outcome=\"made\"}}");
    let request = |method: &str, route: &str, status: &str| {
        format!("lapidary_request_seconds_count{{method=\"{method}\",route=\"{route}\",status=\"{status}\"}}")
    };
    for (name, value) in [
        ("lapidary_gems_total{kind=\"hold\"}".to_owned(), price),
        ("lapidary_gems_total{kind=\"capture\"}".to_owned(), price),
        ("lapidary_generations_total{status=\"succeeded\",failure=\"none\"}".to_owned(), 1.0),
        (format!("lapidary_provider_cost_microusd_total{{model=\"{model}\"}}"), 5_920.0),
        ("lapidary_images_total".to_owned(), 1.0),
        ("lapidary_image_bytes_total".to_owned(), bytes),
        (model_calls, 1.0),
        (request("POST", "/v1/generations", "2xx"), 1.0),
        (request("GET", "/v1/generations/{id}", "2xx"), 1.0),
        (request("GET", "-", "4xx"), 2.0),
        ("lapidary_queue_depth".to_owned(), 0.0),
        ("lapidary_leases_running".to_owned(), 0.0),
        ("lapidary_streams_open".to_owned(), 0.0),
        ("lapidary_database_up".to_owned(), 1.0),
        ("lapidary_pool_waiting{pool=\"person\"}".to_owned(), 0.0),
        ("lapidary_pool_connections_max{pool=\"person\"}".to_owned(), 7.0),
    ] {
        assert_eq!(numbers.get(&name), Some(&value), "{name} of {numbers:#?}");
    }
    assert!(!numbers.contains_key("lapidary_gems_total{kind=\"release\"}"), "nothing was given back");
    for name in [
        "process_resident_memory_bytes",
        "process_open_fds",
        "lapidary_pool_wait_seconds_count{pool=\"person\"}",
        "lapidary_pool_connections{pool=\"house\"}",
    ] {
        assert!(numbers.get(name).is_some_and(|value| *value >= 1.0), "{name}");
    }
    let public = reqwest::get(format!("{}/metrics", process.url)).await.expect("an answer").text().await;
    assert!(!public.expect("text").contains("lapidary_gems_total"), "the public port must not tell");
}

#[actix_web::test]
async fn every_name_of_a_number_is_explained_in_the_readme() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| std::fs::read_to_string(root.join(path)).expect(path);
    let readme = read("../README.md");
    let code = read("src/metrics.rs") + &read("src/metrics/sample.rs");
    let mut names = 0;
    for name in code.split('"').filter(|word| word.starts_with("lapidary_") || word.starts_with("process_")) {
        assert!(readme.contains(&format!("`{name}`")), "{name} is not in the README");
        names += 1;
    }
    assert!(names > 20, "only {names} names were found");
}

#[actix_web::test]
async fn a_request_id_leads_from_the_page_to_the_log_and_to_the_models_own() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let mut process = Process::serve(&app, &[]).await;
    let (made, request_id) = make_there(&person, &process, &[], &json!({"prompt": "A fox", "quality": "low"})).await;
    assert_eq!(made["request_id"], request_id, "the page shows it");
    assert!(process.terminate().await.success());
    let log = process.logged();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let about = |line: &&Value| [&line["fields"], &line["span"]].iter().any(|part| part["request_id"] == request_id);
    let mine: Vec<&Value> = lines.iter().filter(about).collect();
    let said = |text: &str| mine.iter().find(|line| line["fields"]["message"] == text);
    let request = said("request").expect("the line of the request");
    assert_eq!(request["fields"]["status"], 202);
    assert_eq!(request["span"]["generation_id"], made["id"], "the request leads to the generation");
    let ended = said("generation ended").expect("the line of the run");
    let span = &ended["span"];
    assert_eq!(
        (&span["name"], &span["request_id"], &span["generation_id"]),
        (&json!("run"), &made["request_id"], &made["id"])
    );
    assert_eq!(span["model_request_id"], ended["fields"]["model_request_id"], "from then on every line has it");
    let model_request_id = ended["fields"]["model_request_id"].as_str().expect("the model's request id");
    let known: String = sqlx::query_scalar("select model_request_id from generations where id = $1::uuid")
        .bind(made["id"].as_str())
        .fetch_one(&mut app.sql().await)
        .await
        .expect("a row");
    assert_eq!(model_request_id, known);
}

/// With a filter that lets only warnings through, in the format for people.
#[actix_web::test]
async fn every_line_of_a_run_has_both_ids_whatever_the_filter() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let mut process = Process::serve(&app, &["--log-filter=warn", "--log-format=pretty"]).await;
    app.fault(Fault::always("openai", "moderation_blocked"));
    let (made, request_id) = make_there(&person, &process, &[], &json!({"prompt": "A fox", "quality": "low"})).await;
    assert_eq!(made["status"], "failed", "{made}");
    assert!(process.terminate().await.success());
    let ids = format!("run{{request_id=\"{request_id}\" generation_id={}", made["id"].as_str().expect("an id"));
    let log = process.logged();
    let line = log.lines().find(|line| line.contains("the model gave no image")).expect(&log);
    assert!(line.contains(&ids), "{line}");
}

/// One connection, held up by a lock: one request waits with it, 32 for it, and everyone else is told to come back.
#[actix_web::test]
async fn who_finds_no_place_in_the_crowd_is_counted() {
    let app = harness::start().await;
    let port = free_port();
    let listen = format!("--metrics-listen=127.0.0.1:{port}");
    let process = Process::serve(&app, &[&listen, "--database-connections=1", "--worker-slots=0"]).await;
    for name in ["Ada Lovelace", "Grace Hopper", "Linus Pauling", "Telkes Mária"] {
        let person = app.person(name).await;
        let before = scrape(port).await;
        let Some(after) = crowd(&app, &person, &process, port).await else { continue };
        let number = |of: &BTreeMap<String, f64>, name: &str| of.get(name).copied().unwrap_or(0.0);
        let refusals = "lapidary_pool_refusals_total{pool=\"person\",why=\"crowded\"}";
        assert_eq!(number(&after, refusals) - number(&before, refusals), 7.0, "{after:#?}");
        assert_eq!(number(&after, "lapidary_pool_waiting{pool=\"person\"}"), 32.0, "{after:#?}");
        return;
    }
    panic!("this machine never got 40 requests through within the patience of the first");
}

/// The numbers while 40 wait or are refused; none when the first may have lost its patience meanwhile.
async fn crowd(app: &TestApp, person: &Person<'_>, process: &Process, port: u16) -> Option<BTreeMap<String, f64>> {
    let (mut sql, mut watching) = (app.sql().await, app.sql().await);
    let mut tx = sql.begin().await.expect("a transaction");
    sqlx::query("select from gem_accounts for update").execute(&mut *tx).await.expect("a lock");
    let url = format!("{}/v1/generations", process.url);
    let ask = |number: u32| {
        let request = person.browser.client.post(&url).bearer_auth(&person.token);
        let request = request.header("Idempotency-Key", number.to_string());
        tokio::spawn(request.json(&json!({"prompt": "A fox", "quality": "low"})).send())
    };
    let asked_at = Instant::now();
    let first = ask(0);
    // It has the connection then, and gave its place back.
    let waits = "select exists (select from pg_stat_activity
                   where datname = current_database() and wait_event_type = 'Lock')";
    let mut beat = tokio::time::interval(Duration::from_millis(20));
    while !sqlx::query_scalar::<_, bool>(waits).fetch_one(&mut watching).await.expect("an answer") {
        beat.tick().await;
        if asked_at.elapsed() > PATIENCE {
            break;
        }
    }
    let mut others: FuturesUnordered<_> = (1..40).map(ask).collect();
    let mut refused = Vec::new();
    for _ in 0..7 {
        refused.push(others.next().await.expect("an answer").expect("a task").expect("an answer"));
    }
    let numbers = scrape(port).await;
    let is_in_time = asked_at.elapsed() < PATIENCE;
    tx.rollback().await.expect("the lock is gone");
    first.await.expect("a task").expect("an answer");
    while others.next().await.is_some() {}
    if !is_in_time {
        return None;
    }
    for answer in refused {
        assert_eq!(answer.status(), 503);
        assert!(answer.headers().contains_key("retry-after"));
    }
    Some(numbers)
}
