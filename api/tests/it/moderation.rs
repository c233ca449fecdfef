//! What is refused, before anything is held and by models: told whole, never charged, and counted.
use std::net::TcpListener;

use chrono::TimeDelta;
use futures_util::future::join_all;
use lapidary::clock::Clock;
use lapidary::doctor;
use lapidary::moderation::flag_command::{FlagsAct, apply};
use lapidary::moderation::refusals;
use lapidary_sandbox::faults::{Fault, Faults};
use lapidary_sandbox::openai;
use serde_json::{Value, json};

use crate::doctor::settings;
use crate::harness::{self, Person, TestApp};

const GORE: &str = "A fox and gore";

fn fox(prompt: &str) -> Value {
    json!({"prompt": prompt, "quality": "low"})
}

async fn start(extra: &[&str]) -> TestApp {
    let extra: Vec<String> = extra.iter().map(|flag| (*flag).to_owned()).collect();
    harness::start_with(&[extra, vec!["--moderation=on".to_owned()]].concat()).await
}

async fn count(app: &TestApp, table: &str) -> i64 {
    let statement = format!("select count(*) from {table}");
    sqlx::query_scalar(sqlx::AssertSqlSafe(statement)).fetch_one(&mut app.sql().await).await.expect("a count")
}

async fn refused(person: &Person<'_>) {
    person.submit(&fox(GORE)).await.expect_problem(422, "prompt-refused");
}

#[actix_web::test]
async fn a_refused_prompt_holds_nothing_uses_no_key_and_is_recorded_without_its_words() {
    let app = start(&[]).await;
    let person = app.person("Ada Lovelace").await;
    let before = person.gems().await;
    let answer = person.submit_with("one", &fox(GORE)).await;
    let request_id = answer.header("x-request-id").to_owned();
    let problem = answer.expect_problem(422, "prompt-refused");
    assert_eq!(problem["stage"], "before_making");
    assert_eq!(problem["categories"], json!(["violence", "violence/graphic"]));
    assert_eq!((person.gems().await, count(&app, "generations").await), (before, 0));
    let (row, stage, about): (String, String, String) =
        sqlx::query_as("select r::text, stage, request_id from refusals r")
            .fetch_one(&mut app.sql().await)
            .await
            .expect("one row");
    assert_eq!((stage.as_str(), about), ("before_making", request_id));
    assert!(!row.contains("fox"), "{row}");
    person.submit_with("one", &fox("A fox")).await.expect_status(202);
    app.work().await;
    assert!(app.openai.requests().iter().all(|request| request.prompt.as_deref() == Some("A fox")), "no model saw it");
}

#[actix_web::test]
async fn what_is_looked_at_is_what_the_model_would_read() {
    let app = start(&[]).await;
    let person = app.person("Ada Lovelace").await;
    let attributes = json!([{"section": "Mood", "value": "gore"}]);
    for body in [
        json!({"prompt": "A fox", "quality": "low", "attributes": attributes}),
        json!({"prompt": "A fox", "quality": "low", "composed_prompt": "gore"}),
    ] {
        person.submit(&body).await.expect_problem(422, "prompt-refused");
    }
    let own_words = json!({"prompt": GORE, "quality": "low", "composed_prompt": "A fox"});
    person.submit(&own_words).await.expect_status(202);
    let quote = person.post("/v1/quotes", &json!({"prompt": "A fox", "attributes": attributes})).await.json();
    assert_eq!(app.openai.moderated(), [quote["composed_prompt"].as_str().expect("a text"), "gore", "A fox"]);
    app.work().await;
}

#[actix_web::test]
async fn a_refinement_of_a_refused_prompt_holds_nothing_either() {
    let app = start(&[]).await;
    let person = app.person("Ada Lovelace").await;
    let before = person.gems().await;
    crate::refinements::refine(&person, &json!({"prompt": GORE})).await.expect_problem(422, "prompt-refused");
    assert_eq!((person.gems().await, count(&app, "refinements").await, count(&app, "refusals").await), (before, 0, 1));
    crate::refinements::refine(&person, &json!({"prompt": "A fox"})).await.expect_status(200);
}

#[actix_web::test]
async fn nobody_looks_where_it_is_not_turned_on() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    assert_eq!(person.make(&fox(GORE)).await["status"], "succeeded");
    assert_eq!(app.openai.moderated(), Vec::<String>::new());
}

#[actix_web::test]
async fn a_retry_of_what_was_accepted_is_never_looked_at_again() {
    let app = start(&[]).await;
    let person = app.person("Ada Lovelace").await;
    let first = person.submit_with("one", &fox("A fox")).await.expect_status(202).json();
    app.fault(Fault::always("moderation", "flag"));
    let again = person.submit_with("one", &fox("A fox")).await.expect_status(202).json();
    assert_eq!(first["id"], again["id"]);
    person.submit_with("one", &fox("A wolf")).await.expect_problem(422, "idempotency-key-reused");
    assert_eq!((app.openai.moderated().len(), count(&app, "refusals").await), (1, 0));
    app.work().await;
}

#[actix_web::test]
async fn what_nobody_could_look_at_passes_or_not_as_the_operator_says() {
    let (open, closed) = (start(&[]).await, start(&["--moderation-when-down=refuse"]).await);
    let (ada, grace) = (open.person("Ada Lovelace").await, closed.person("Grace Hopper").await);
    let before = grace.gems().await;
    for kind in ["server_error", "rate_limited", "junk", "no_results"] {
        open.fault(Fault::once("moderation", kind));
        ada.submit(&fox("A fox")).await.expect_status(202);
        closed.fault(Fault::once("moderation", kind));
        let answer = grace.submit(&fox("A fox")).await;
        assert_eq!(answer.header("retry-after"), "10", "{kind}");
        answer.expect_problem(503, "unavailable");
    }
    assert_eq!((grace.gems().await, count(&closed, "generations").await), (before, 0));
    assert_eq!(count(&closed, "refusals").await, 0, "that is nobody's fault");
    grace.submit(&fox("A fox")).await.expect_status(202);
    open.work().await;
    closed.work().await;
}

/// One connection: whoever held it while the service thinks would hold up everyone.
#[actix_web::test]
async fn a_slow_look_holds_no_transaction() {
    let app = start(&["--database-connections=1"]).await;
    let person = app.person("Ada Lovelace").await;
    app.fault(Fault::once("moderation", "hang").with(600));
    let body = fox("A fox");
    let mut slow = std::pin::pin!(person.submit(&body));
    let meanwhile = async {
        let mut beat = tokio::time::interval(std::time::Duration::from_millis(20));
        while app.openai.moderated().is_empty() {
            beat.tick().await;
        }
        person.gems().await
    };
    tokio::select! {
        _ = &mut slow => panic!("it waits for the service"),
        gems = meanwhile => assert_eq!(gems["held"], 0),
    }
    slow.await.expect_status(202);
    app.work().await;
}

#[actix_web::test]
async fn a_key_goes_to_its_own_server_alone() {
    let other = openai::start(TcpListener::bind("127.0.0.1:0").expect("a port"), Faults::default()).await.expect("it");
    let base = format!("--moderation-base-url={}", other.base_url);
    let refuse = "--moderation-when-down=refuse";
    let app = start(&[&base, refuse]).await;
    let person = app.person("Ada Lovelace").await;
    person.submit(&fox("A fox")).await.expect_problem(503, "unavailable");
    let key = format!("--moderation-api-key={}", other.api_key);
    let app = start(&[&base, refuse, &key]).await;
    let person = app.person("Ada Lovelace").await;
    person.submit(&fox("A fox")).await.expect_status(202);
    assert_eq!((other.moderated().len(), app.openai.moderated().len()), (1, 0));
    app.work().await;
    let report = doctor::examine(settings(&app, &[]), Clock::default()).await.text();
    assert!(report.contains("✓ moderation: the service looks at prompts"), "{report}");
    let wrong = doctor::examine(settings(&app, &["--moderation-api-key=sk-wrong-wrong"]), Clock::default()).await;
    assert!(wrong.text().contains("✗ moderation: the service does not look at prompts"), "{}", wrong.text());
    assert!(!wrong.text().contains("sk-wrong"));
}

#[actix_web::test]
async fn a_models_refusal_is_told_with_stage_categories_and_the_providers_id_and_costs_nothing() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let before = person.gems().await;
    let details = json!({"categories": ["self-harm"], "moderation_stage": "output"});
    let filter = json!({"hate": {"filtered": true}, "violence": {"filtered": false}});
    let inner = json!({"code": "ResponsibleAIPolicyViolation", "content_filter_results": filter});
    let azure = json!({"error": {"code": "contentFilter", "message": "…", "inner_error": inner}});
    let blocked = json!({"error": {"code": "moderation_blocked", "message": "No.", "moderation_details": details}});
    let emptied = json!({"created": 1, "data": [], "moderation_details": {"categories": ["sexual"], "moderation_stage": "input"}});
    let cases = [
        ("moderation_blocked", json!("violence, sexual"), "unknown", json!(["sexual", "violence"])),
        ("content_policy_violation", Value::Null, "unknown", Value::Null),
        ("answer_with", json!({"status": 400, "body": blocked}), "output", json!(["self-harm"])),
        ("answer_with", json!({"status": 400, "body": azure}), "unknown", json!(["hate"])),
        ("answer_with", json!({"status": 200, "body": emptied}), "input", json!(["sexual"])),
        ("stream_error", json!("moderation_blocked"), "unknown", Value::Null),
    ];
    for (at, (kind, value, stage, categories)) in cases.iter().enumerate() {
        app.fault(Fault::once("openai", kind).with(value.clone()));
        let done = person.make(&json!({"prompt": "A fox", "quality": "medium"})).await;
        let failure = &done["failure"];
        assert_eq!(
            (&done["status"], &failure["code"]),
            (&json!("failed"), &json!("refused")),
            "{kind} {value}: {done}"
        );
        assert_eq!((&failure["refusal"]["stage"], &failure["refusal"]["categories"]), (&json!(stage), categories));
        let id = failure["refusal"]["provider_request_id"].as_str().expect("an id");
        assert!(id.starts_with("req_"), "{id}");
        assert_eq!(count(&app, "refusals").await, i64::try_from(at + 1).expect("few"));
        assert_eq!(app.openai.requests().len(), at + 1, "a refusal is not asked again");
    }
    assert_eq!(person.gems().await, before);
    let list = person.get("/v1/generations").await.json();
    assert_eq!(list["data"][0]["failure"]["refusal"]["stage"], "unknown");
    let rows: Vec<String> =
        sqlx::query_scalar("select r::text from refusals r").fetch_all(&mut app.sql().await).await.expect("rows");
    assert!(rows.iter().all(|row| !row.contains("fox")), "{rows:?}");
}

async fn flags(app: &TestApp) -> Vec<(i32, bool)> {
    sqlx::query_as("select refusals, closed_at is null from flags order by created_at")
        .fetch_all(&mut app.sql().await)
        .await
        .expect("flags")
}

#[actix_web::test]
async fn repeated_refusals_raise_one_flag_that_counts_on_until_an_operator_has_looked() {
    let app = start(&["--flag-after-refusals=3"]).await;
    let (person, other) = (app.person("Ada Lovelace").await, app.person("Grace Hopper").await);
    refused(&other).await;
    refused(&person).await;
    refused(&person).await;
    assert_eq!(flags(&app).await, []);
    // By whom it was refused makes no difference.
    app.fault(Fault::once("openai", "moderation_blocked"));
    assert_eq!(person.make(&fox("A fox")).await["status"], "failed");
    assert_eq!(flags(&app).await, [(3, true)]);
    refused(&person).await;
    assert_eq!(flags(&app).await, [(4, true)]);
    let said = |act| apply(act, &app.app.db, app.app.clock.now());
    let list = said(FlagsAct::List { all: false }).await.expect("a list");
    assert!(list.contains("ada.lovelace@example.test  4 refusals  violence, violence/graphic"), "{list}");
    assert!(!list.contains("grace") && !list.contains("fox"), "{list}");
    let id = list.split_whitespace().next().and_then(|id| id.parse().ok()).expect("an id");
    said(FlagsAct::Close { id }).await.expect("closed");
    assert_eq!(said(FlagsAct::List { all: false }).await.expect("a list"), "there are no flags");
    assert!(said(FlagsAct::List { all: true }).await.expect("a list").contains("closed"));
    assert!(said(FlagsAct::Close { id: uuid::Uuid::now_v7() }).await.is_err());
    for _ in 0..2 {
        refused(&person).await;
        assert_eq!(flags(&app).await, [(4, false)], "what was looked at counts no more");
    }
    refused(&person).await;
    assert_eq!(flags(&app).await, [(4, false), (3, true)]);
}

#[actix_web::test]
async fn refusals_of_yesterday_raise_no_flag_and_those_of_last_month_are_forgotten() {
    let app = start(&["--flag-after-refusals=2"]).await;
    let mut person = app.person("Ada Lovelace").await;
    refused(&person).await;
    app.app.clock.advance(TimeDelta::hours(25));
    person.token = person.browser.refresh().await.expect("a token");
    refused(&person).await;
    assert_eq!((flags(&app).await, count(&app, "refusals").await), (vec![], 2));
    let now = app.app.clock.now();
    refusals::forget(&app.app, now + TimeDelta::days(29)).await.expect("it forgets");
    assert_eq!(count(&app, "refusals").await, 1);
    refusals::forget(&app.app, now + TimeDelta::days(31)).await.expect("it forgets");
    assert_eq!(count(&app, "refusals").await, 0);
}

#[actix_web::test]
async fn many_refusals_at_once_raise_exactly_one_flag() {
    let app = start(&["--flag-after-refusals=10"]).await;
    let person = app.person("Ada Lovelace").await;
    join_all((0..14).map(|_| refused(&person))).await;
    assert_eq!(flags(&app).await, [(14, true)]);
}
