//! Models end: what was asked of them, waits for them or was made with them goes on, and the operator is warned in time.
use chrono::{NaiveDate, TimeDelta};
use lapidary::catalogue::life;
use lapidary::clock::Clock;
use lapidary::doctor;
use lapidary_sandbox::faults::Fault;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::doctor::settings;
use crate::harness::{self, Answer, Person, TestApp};
use crate::metrics::{free_port, scrape};
use crate::process::Process;

const ENDS: &str = "gpt-image-1.5";

/// The shipped catalogue, in which the three old models end on this day. Removed when dropped.
struct Catalogue(std::path::PathBuf);

impl Catalogue {
    fn ending(day: NaiveDate) -> Self {
        Self::of(&shipped().replace("retires = \"2026-12-01\"", &format!("retires = \"{day}\"")))
    }

    fn of(text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("lapidary-{}.toml", Uuid::now_v7()));
        std::fs::write(&path, text).expect("a catalogue");
        Self(path)
    }

    fn setting(&self) -> String {
        format!("--catalogue-file={}", self.0.display())
    }
}

impl Drop for Catalogue {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn shipped() -> String {
    include_str!("../../catalogue.toml").to_owned()
}

/// Without one model, and with those that it replaced replaced by another.
fn without(id: &str) -> String {
    let text = shipped();
    let start = text.find(&format!("[[models]]\nid = \"{id}\"")).expect(id);
    let length = text[start + 1..].find("\n[[").expect("a next table") + 2;
    format!("{}{}", &text[..start], &text[start + length..])
}

fn in_days(days: i64) -> NaiveDate {
    Clock::default().today() + TimeDelta::days(days)
}

fn asked(model: &str) -> Value {
    json!({"prompt": "A fox", "model": model, "quality": "low"})
}

async fn later(app: &TestApp, person: &mut Person<'_>, days: i64) {
    app.app.clock.advance(TimeDelta::days(days));
    person.token = person.browser.refresh().await.expect("a token");
}

#[actix_web::test]
async fn a_retired_model_answers_with_its_replacement_wherever_it_is_named() {
    let catalogue = Catalogue::ending(in_days(2));
    let app = harness::start_with(&[catalogue.setting()]).await;
    let mut person = app.person("Ada Lovelace").await;
    let quote = person.post("/v1/quotes", &asked(ENDS)).await.expect_status(200).json();
    assert_eq!(quote["model"], ENDS, "until its last day it answers itself");
    later(&app, &mut person, 2).await;
    for name in [ENDS, "gpt-image-1.5-2025-12-16", "chatgpt-image-latest", "gpt-image-1-mini", "dall-e-3"] {
        let quality = if name == "dall-e-3" { Value::Null } else { json!("low") };
        let body = json!({"prompt": "A fox", "model": name, "quality": quality});
        let quote = person.post("/v1/quotes", &body).await.expect_status(200).json();
        assert_eq!(quote["model"], "gpt-image-2.5-flare", "{name}");
        let queued = person.submit(&body).await.expect_status(202).json();
        assert_eq!((&queued["model"], &queued["price_gems"]), (&quote["model"], &quote["price_gems"]), "{name}");
    }
    app.work().await;
    // What the replacement cannot do is said as for any model.
    let hd = json!({"prompt": "A fox", "model": "dall-e-3", "quality": "hd"});
    for path in ["/v1/quotes", "/v1/generations"] {
        let request = person.request(Method::POST, path).header("Idempotency-Key", "hd").json(&hd);
        let problem = Answer::of(request.send().await).await.expect_problem(422, "invalid");
        assert_eq!(problem["errors"][0]["pointer"], "/quality", "{path}");
    }
    let models = person.get("/v1/catalogue").await.expect_status(200).json()["models"].clone();
    let shown = models.as_array().expect("models").iter().find(|model| model["id"] == ENDS).expect("it is shown");
    assert_eq!((&shown["is_retired"], &shown["replacement"]), (&json!(true), &json!("gpt-image-2.5-flare")));
}

#[actix_web::test]
async fn a_generation_whose_model_ends_while_it_waits_is_made_or_gives_its_gems_back() {
    let catalogue = Catalogue::ending(in_days(1));
    let app = harness::start_with(&[catalogue.setting()]).await;
    let mut person = app.person("Ada Lovelace").await;
    let [first, second] = ["first", "second"];
    for key in [first, second] {
        person.submit_with(key, &asked(ENDS)).await.expect_status(202);
    }
    later(&app, &mut person, 2).await;
    let held = person.gems().await["held"].as_i64().expect("gems");
    // The first was still answered by its provider; by the second it was gone.
    app.fault(Fault { skip: 1, ..Fault::once("openai", "model_not_found") });
    app.work().await;
    let made = person.submit_with(first, &asked(ENDS)).await.expect_status(202).json();
    assert_eq!((&made["status"], &made["model"]), (&json!("succeeded"), &json!(ENDS)));
    let gone = person.submit_with(second, &asked(ENDS)).await.expect_status(202).json();
    assert_eq!((&gone["status"], &gone["failure"]["code"]), (&json!("failed"), &json!("model_gone")));
    let gems = person.gems().await;
    let price = made["price_gems"].as_i64().expect("a price");
    assert_eq!((gems["held"].as_i64(), gems["used"].as_i64()), (Some(0), Some(price)), "of {held} that were held");
}

/// A second process on the same database, whose operator took the model out of the file.
#[actix_web::test]
async fn a_model_that_is_taken_out_of_the_catalogue_breaks_nothing_that_names_it() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let made = person.make(&asked("gpt-image-2")).await;
    let [waits, cancelled] = ["waits", "cancelled"];
    let mut ids = Vec::new();
    for key in [waits, cancelled] {
        let queued = person.submit_with(key, &asked("gpt-image-2")).await.expect_status(202).json();
        ids.push(queued["id"].as_str().expect("an id").to_owned());
    }
    let catalogue = Catalogue::of(&without("gpt-image-2"));
    let mut idle = Process::serve(&app, &[&catalogue.setting(), "--worker-slots=0"]).await;
    let ask = async |process: &Process, method: Method, path: &str, key: &str, body: Option<Value>| {
        let request = person.browser.client.request(method, format!("{}{path}", process.url));
        let request = request.bearer_auth(&person.token).header("Idempotency-Key", key);
        Answer::of(body.iter().fold(request, |request, body| request.json(body)).send().await).await
    };
    let image = made["images"][0]["id"].as_str().expect("an id");
    let (generation, queued) = (format!("/v1/generations/{}", made["id"].as_str().expect("an id")), &ids[0]);
    for path in [
        "/v1/generations",
        "/v1/images",
        "/v1/gems/statistics",
        "/v1/gems/transfers",
        "/v1/catalogue",
        "/v1/status",
        &format!("/v1/images/{image}"),
        &generation,
        &format!("{generation}/events"),
        &format!("/v1/generations/{queued}"),
    ] {
        ask(&idle, Method::GET, path, "-", None).await.expect_status(200);
    }
    let statistics = ask(&idle, Method::GET, "/v1/gems/statistics", "-", None).await.json().to_string();
    assert!(statistics.contains("gpt-image-2"), "{statistics}");
    for path in ["/v1/quotes", "/v1/generations"] {
        let problem = ask(&idle, Method::POST, path, "new", Some(asked("gpt-image-2"))).await;
        assert_eq!(problem.expect_problem(422, "invalid")["errors"][0]["pointer"], "/model");
    }
    let replayed = ask(&idle, Method::POST, "/v1/generations", waits, Some(asked("gpt-image-2"))).await;
    assert_eq!(replayed.expect_status(202).json()["id"], queued.as_str(), "a retry still finds it");
    let path = format!("/v1/generations/{}/cancel", ids[1]);
    ask(&idle, Method::POST, &path, "-", Some(json!({}))).await.expect_status(200);
    assert!(idle.terminate().await.success());
    assert!(!idle.logged().contains("\"status\":500"), "{}", idle.logged());
    let mut worker = Process::serve(&app, &[&catalogue.setting(), "--worker-slots=1"]).await;
    let ended = ask(&worker, Method::GET, &format!("/v1/generations/{queued}/events"), "-", None).await;
    ended.expect_status(200);
    let ended = person.generation(queued).await;
    assert_eq!((&ended["status"], &ended["failure"]["code"]), (&json!("failed"), &json!("model_gone")));
    let gems = person.gems().await;
    assert_eq!((&gems["held"], &gems["used"]), (&json!(0), &made["price_gems"]));
    assert!(worker.terminate().await.success());
}

#[actix_web::test]
async fn the_operator_hears_of_an_end_at_the_start_in_the_numbers_and_from_the_doctor() {
    let catalogue = Catalogue::ending(in_days(40));
    let app = harness::start().await;
    let port = free_port();
    let listen = format!("--metrics-listen=127.0.0.1:{port}");
    let mut process = Process::serve(&app, &[&catalogue.setting(), &listen]).await;
    let numbers = scrape(port).await;
    let number = |model: &str| numbers.get(&format!("lapidary_model_retires_in_days{{model=\"{model}\"}}")).copied();
    assert_eq!([number(ENDS), number("dall-e-3"), number("gpt-image-2")], [Some(40.0), Some(0.0), None]);
    assert!(process.terminate().await.success());
    let said = format!("GPT Image 1.5 retires on {}, in 40 days", in_days(40));
    let log = process.logged();
    let line = log.lines().find(|line| line.contains(&said)).expect(&log);
    assert!(line.contains("WARN") && line.contains("gpt-image-2.5-flare answers in its place"), "{line}");
    let report = doctor::examine(settings(&app, &[&catalogue.setting()]), Clock::default()).await.text();
    assert!(report.contains(&format!("! model: {said}")), "{report}");
    let far = Catalogue::ending(in_days(61));
    let report = doctor::examine(settings(&app, &[&far.setting()]), Clock::default()).await.text();
    assert!(!report.contains("GPT Image 1.5 retires"), "{report}");
}

#[actix_web::test]
async fn the_daily_look_at_ends_happens_once_a_day_and_leaves_a_trace() {
    let catalogue = Catalogue::ending(in_days(30));
    let app = harness::start_with(&[catalogue.setting()]).await;
    let now = app.app.clock.now();
    for hours in [0, 1, 23, 25, 26] {
        life::daily(&app.app, now + TimeDelta::hours(hours)).await.expect("it looks");
    }
    let traces: Vec<i64> =
        sqlx::query_scalar("select seen from sweep_runs where kind = 'models_that_end' order by started_at")
            .fetch_all(&mut app.sql().await)
            .await
            .expect("traces");
    assert_eq!(traces, [3, 3], "three models end, looked at twice");
}
