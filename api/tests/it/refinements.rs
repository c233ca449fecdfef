//! Refinements: delivered whole and paid once, or failed with every gem back, whatever the language model does.
use std::net::TcpListener;
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::future::join_all;
use lapidary::refinement::settle;
use lapidary_sandbox::faults::{Fault, Faults};
use lapidary_sandbox::openai;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{self, Answer, Person, TestApp};
use crate::ledger_rows::{actor, buy, give, refund, spend_bought};

fn fox() -> Value {
    json!({"prompt": "A fox crossing a frozen river"})
}

async fn refine_with(person: &Person<'_>, key: &str, body: &Value) -> Answer {
    loop {
        let request = person.request(reqwest::Method::POST, "/v1/refinements").header("Idempotency-Key", key);
        let answer = Answer::of(request.json(body).send().await).await;
        // A crowded machine may ask to come again; with the same key it is the same request.
        if answer.status != 503 {
            return answer;
        }
    }
}

pub async fn refine(person: &Person<'_>, body: &Value) -> Answer {
    refine_with(person, &Uuid::now_v7().to_string(), body).await
}

async fn refined(person: &Person<'_>, body: &Value) -> Value {
    refine(person, body).await.expect_status(200).json()
}

fn names(refinement: &Value) -> Vec<String> {
    let sections = refinement["sections"].as_array().expect("sections");
    sections.iter().map(|section| section["name"].as_str().expect("a name").to_owned()).collect()
}

fn asked(app: &TestApp) -> usize {
    app.openai.requests().iter().filter(|request| request.path.ends_with("/chat/completions")).count()
}

/// Until the language model was asked so often.
async fn until_asked(app: &TestApp, times: usize) {
    let mut beat = tokio::time::interval(Duration::from_millis(10));
    while asked(app) < times {
        beat.tick().await;
    }
}

#[actix_web::test]
async fn a_refinement_gives_three_new_sections_of_ten_values_for_three_gems() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let before = person.remaining().await;
    let answer = refine(&person, &fox()).await.expect_status(200);
    assert_eq!((answer.header("gems-cost"), answer.header("gems-remaining")), ("3", &*(before - 3).to_string()));
    let made = answer.json();
    assert_eq!(
        (&made["status"], &made["price_gems"], &made["captured_gems"]),
        (&json!("succeeded"), &json!(3), &json!(3))
    );
    assert_eq!(made["sections"].as_array().map(Vec::len), Some(3));
    for section in made["sections"].as_array().expect("sections") {
        assert_eq!(section["values"].as_array().map(Vec::len), Some(10), "{section}");
    }
    assert_eq!(made["request_id"], answer.header("x-request-id"));
    assert!(made["failure"].is_null() && !made["finished_at"].is_null());
    let id = made["id"].as_str().expect("an id");
    assert_eq!(person.get(&format!("/v1/refinements/{id}")).await.expect_status(200).json(), made);
    let gems = person.gems().await;
    assert_eq!((&gems["remaining"], &gems["held"], &gems["used"]), (&json!(before - 3), &json!(0), &json!(3)));
}

#[actix_web::test]
async fn sections_seen_and_values_picked_do_not_come_again() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let mut seen: Vec<String> = Vec::new();
    for round in 0..4 {
        let mut body = fox();
        body["seen_sections"] = json!(seen);
        body["attributes"] = json!([{"section": "Light", "value": "Mossy"}, {"section": "Edges", "value": "soft"}]);
        let made = refined(&person, &body).await;
        let new = names(&made);
        assert_eq!(new.len(), 3, "round {round}: {made}");
        assert!(
            new.iter().all(|name| !seen.contains(name) && name != "Edges"),
            "round {round}: {new:?} after {seen:?}"
        );
        assert!(!made["sections"].to_string().to_lowercase().contains("\"mossy\""), "round {round}");
        seen.extend(new);
    }
}

#[actix_web::test]
async fn what_is_suggested_is_in_the_script_of_the_prompt() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    for (prompt, from, to) in [
        ("A fox crossing a frozen river", 'A', 'z'),
        ("一只狐狸走过结冰的河", '\u{4e00}', '\u{9fff}'),
        ("凍った川をわたるキツネ", '\u{3040}', '\u{9fff}'),
        ("ثعلب يعبر نهرا متجمدا", '\u{600}', '\u{6ff}'),
        ("Лиса переходит замёрзшую реку", '\u{400}', '\u{4ff}'),
    ] {
        let made = refined(&person, &json!({"prompt": prompt})).await;
        assert_eq!(names(&made).len(), 3, "{prompt}: {made}");
        for section in made["sections"].as_array().expect("sections") {
            let texts = section["values"].as_array().expect("values").iter().chain([&section["name"]]);
            for text in texts.map(|text| text.as_str().expect("text")) {
                let is_theirs =
                    |letter: char| !letter.is_alphabetic() || (from..=to).contains(&letter) || letter == 'ー';
                assert!(text.chars().all(is_theirs), "{prompt}: {text}");
            }
        }
    }
}

/// Each fault, what it is called, and how often the model is asked.
#[actix_web::test]
async fn a_refinement_that_fails_gives_its_gems_back() {
    let app = harness::start_with(&["--refinement-timeout-seconds=1".to_owned()]).await;
    let person = app.person("Ada Lovelace").await;
    let null = Value::Null;
    let gems = person.gems().await;
    for (kind, value, code, calls) in [
        ("refusal", null.clone(), "refused", 1),
        ("content_filter", null.clone(), "refused", 1),
        ("content_filter_error", null.clone(), "refused", 1),
        ("bad_request", null.clone(), "operator_configuration", 1),
        ("invalid_api_key", null.clone(), "operator_configuration", 1),
        ("forbidden", null.clone(), "operator_configuration", 1),
        ("model_not_found", null.clone(), "operator_configuration", 1),
        ("html_error", json!(404), "operator_configuration", 1),
        ("rate_limited", json!(60), "model_busy", 1),
        ("rate_limited", null.clone(), "model_busy", 1),
        ("quota_exhausted", null.clone(), "operator_quota", 1),
        ("server_error", null.clone(), "model_busy", 1),
        ("overloaded", null.clone(), "model_busy", 1),
        ("html_error", json!(502), "model_busy", 1),
        ("hang", json!(5), "timeout", 1),
        ("slow_body", json!(5), "timeout", 1),
        ("cut_body", null.clone(), "bad_answer", 1),
        ("junk_html", null.clone(), "bad_answer", 1),
        ("error_in_200", null.clone(), "model_busy", 1),
        ("empty_choices", null.clone(), "bad_answer", 1),
        ("null_content", null.clone(), "bad_answer", 1),
        ("cut_content", null.clone(), "bad_answer", 1),
        ("junk_content", null.clone(), "bad_answer", 1),
        ("junk_content", json!("x".repeat(300_000)), "bad_answer", 1),
        ("few_sections", null.clone(), "bad_answer", 1),
        ("few_values", null.clone(), "bad_answer", 1),
        ("duplicate_values", null.clone(), "bad_answer", 1),
        ("long_values", null.clone(), "bad_answer", 1),
        ("nul_values", null.clone(), "bad_answer", 1),
        ("repeat_sections", null.clone(), "bad_answer", 1),
    ] {
        let before = asked(&app);
        app.fault(Fault::once("chat", kind).with(value.clone()));
        let answer = refine(&person, &fox()).await.expect_status(200);
        assert_eq!(answer.header("gems-cost"), "0", "{kind}");
        let failed = answer.json();
        assert_eq!(
            (failed["status"].as_str(), failed["failure"]["code"].as_str()),
            (Some("failed"), Some(code)),
            "{kind} {value}"
        );
        assert!(failed["failure"]["message"].as_str().is_some_and(|words| words.contains("gems are back")), "{kind}");
        assert_eq!((&failed["sections"], &failed["captured_gems"]), (&json!([]), &json!(0)), "{kind}");
        assert_eq!(person.gems().await, gems, "{kind}");
        assert_eq!(asked(&app) - before, calls, "{kind}: calls");
    }
    let last = refined(&person, &fox()).await;
    assert_eq!(last["status"], "succeeded", "nothing of it stays");
}

#[actix_web::test]
async fn what_can_be_understood_or_asked_once_more_is_delivered() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    for (kind, value, calls) in [
        ("fenced", Value::Null, 1),
        ("thinking", Value::Null, 1),
        ("parts", Value::Null, 1),
        ("slow_body", json!(0.2), 1),
        // A moment's limit passes by itself.
        ("rate_limited", json!(0.1), 2),
    ] {
        let before = asked(&app);
        app.fault(Fault::once("chat", kind).with(value));
        assert_eq!(refined(&person, &fox()).await["status"], "succeeded", "{kind}");
        assert_eq!(asked(&app) - before, calls, "{kind}: calls");
    }
}

/// A server may know schemas, only that JSON is wanted, or neither: what it refused once it is not asked again.
#[actix_web::test]
async fn a_server_that_knows_no_schema_is_asked_in_another_way() {
    for (kind, calls) in [("no_json_schema", 2), ("no_response_format", 3)] {
        let app = harness::start().await;
        let person = app.person("Ada Lovelace").await;
        app.fault(Fault::always("chat", kind));
        assert_eq!(refined(&person, &fox()).await["status"], "succeeded", "{kind}");
        assert_eq!(asked(&app), calls, "{kind}: calls");
        assert_eq!(refined(&person, &fox()).await["status"], "succeeded", "{kind}");
        assert_eq!(asked(&app), calls + 1, "{kind}: it is remembered");
    }
}

#[actix_web::test]
async fn a_retried_refinement_charges_once_and_another_request_with_its_key_is_refused() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let before = person.remaining().await;
    let body = fox();
    let answers = join_all((0..20).map(|_| refine_with(&person, "one-key", &body))).await;
    let ids: std::collections::HashSet<String> =
        answers.into_iter().map(|answer| answer.expect_status(200).json()["id"].to_string()).collect();
    assert_eq!((ids.len(), asked(&app)), (1, 1), "all twenty are one request");
    let again = refine_with(&person, "one-key", &body).await.expect_status(200);
    assert_eq!((again.header("gems-cost"), again.json()["status"].as_str()), ("3", Some("succeeded")));
    assert_eq!(person.remaining().await, before - 3);
    let other = json!({"prompt": "A whale above the clouds"});
    refine_with(&person, "one-key", &other).await.expect_problem(422, "idempotency-key-reused");
    person.post("/v1/refinements", &body).await.expect_problem(400, "idempotency-key-required");
    assert_eq!(person.remaining().await, before - 3);
}

#[actix_web::test]
async fn a_retry_while_the_first_still_runs_is_told_so() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let before = person.remaining().await;
    app.fault(Fault::once("chat", "hang").with(1.0));
    let body = fox();
    let retry = async {
        until_asked(&app, 1).await;
        refine_with(&person, "key", &body).await.expect_status(200)
    };
    let (first, second) = tokio::join!(refine_with(&person, "key", &body), retry);
    assert_eq!(second.json()["status"], "running");
    assert_eq!((second.header("gems-cost"), second.header("gems-remaining")), ("3", &*(before - 3).to_string()));
    assert_eq!(first.expect_status(200).json()["status"], "succeeded");
    assert_eq!(asked(&app), 1);
}

#[actix_web::test]
async fn a_hundred_parallel_refinements_on_gems_for_one_deliver_one() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let me = actor(&person).await;
    let spare = person.remaining().await - 4;
    crate::ledger_rows::made_at(&app, me, app.app.clock.now(), "gpt-image-2", spare, 1).await;
    let body = fox();
    let answers = join_all((0..100).map(|_| refine(&person, &body))).await;
    let delivered = answers.iter().filter(|answer| answer.status == 200).count();
    let refused = answers.iter().filter(|answer| answer.status == 402).count();
    assert_eq!((delivered, refused, asked(&app)), (1, 99, 1));
    assert_eq!(person.remaining().await, 1);
}

#[actix_web::test]
async fn whoever_goes_away_in_the_middle_leaves_no_gem_behind() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let before = person.remaining().await;
    app.fault(Fault::once("chat", "hang").with(0.5));
    let body = fox();
    tokio::select! {
        answer = refine_with(&person, "key", &body) => panic!("it was not to be waited for: {answer:?}"),
        () = until_asked(&app, 1) => {}
    }
    let mut beat = tokio::time::interval(Duration::from_millis(50));
    let ended = loop {
        beat.tick().await;
        let now = refine_with(&person, "key", &body).await.expect_status(200).json();
        if now["status"] != "running" {
            break now;
        }
    };
    assert_eq!((&ended["status"], asked(&app)), (&json!("succeeded"), 1));
    assert_eq!(person.remaining().await, before - 3);
}

/// What a process leaves that dies: a row whose lease ends. Its late answer changes nothing.
#[actix_web::test]
async fn a_refinement_whose_process_is_gone_gives_its_gems_back() {
    let app = harness::start().await;
    let mut person = app.person("Ada Lovelace").await;
    let before = person.gems().await;
    app.fault(Fault::once("chat", "hang").with(1.0));
    let body = fox();
    let lost = async {
        until_asked(&app, 1).await;
        settle::sweep(&app.app).await.expect("a sweep");
        let running: i64 = sqlx::query_scalar("select count(*) from refinements where status = 'running'")
            .fetch_one(&mut app.sql().await)
            .await
            .expect("a count");
        assert_eq!(running, 1, "its lease is not over");
        app.app.clock.advance(TimeDelta::seconds(91));
        settle::sweep(&app.app).await.expect("a sweep");
    };
    let request = person.request(reqwest::Method::POST, "/v1/refinements").header("Idempotency-Key", "key").json(&body);
    let (_, ()) = tokio::join!(request.send(), lost);
    person.token = person.browser.refresh().await.expect("a token");
    let ended = refine_with(&person, "key", &body).await.expect_status(200).json();
    assert_eq!((ended["status"].as_str(), ended["failure"]["code"].as_str()), (Some("failed"), Some("internal")));
    assert_eq!(person.gems().await, before);
}

#[actix_web::test]
async fn another_persons_refinement_is_not_there() {
    let app = harness::start().await;
    let (owner, stranger) = (app.person("Ada Lovelace").await, app.person("Grace Hopper").await);
    let made = refine_with(&owner, "key", &fox()).await.expect_status(200).json();
    let path = format!("/v1/refinements/{}", made["id"].as_str().expect("an id"));
    stranger.get(&path).await.expect_problem(404, "not-found");
    let theirs = refine_with(&stranger, "key", &fox()).await.expect_status(200).json();
    assert_ne!(theirs["id"], made["id"], "a key is its person's own");
    app.browser().get(&path).await.expect_problem(401, "unauthenticated");
}

#[actix_web::test]
async fn what_is_wrong_with_a_refinement_is_said_before_anything_is_held() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let before = person.gems().await;
    for (body, pointer, code) in [
        (json!({"prompt": "  "}), "/prompt", "required"),
        (json!({"prompt": "x".repeat(4_001)}), "/prompt", "too_long"),
        (json!({"prompt": "a\u{0}b"}), "/prompt", "contains_nul"),
        (json!({"attributes": []}), "/prompt", "required"),
        (json!({"prompt": "x", "colour": 1}), "/colour", "unknown_field"),
        (json!({"prompt": "x", "attributes": [{"section": "", "value": "y"}]}), "/attributes/0/section", "required"),
        (json!({"prompt": "x", "seen_sections": vec!["y"; 201]}), "/seen_sections", "too_many"),
        (json!({"prompt": "x", "seen_sections": ["y".repeat(61)]}), "/seen_sections/0", "too_long"),
    ] {
        let problem = refine(&person, &body).await.expect_problem(422, "invalid");
        assert_eq!((&problem["errors"][0]["pointer"], &problem["errors"][0]["code"]), (&json!(pointer), &json!(code)));
    }
    assert_eq!((person.gems().await, asked(&app)), (before, 0));
}

#[actix_web::test]
async fn debt_and_a_cap_are_in_the_way_of_a_refinement_as_of_everything() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let set = |daily: i64| json!({"daily_gems": daily, "time_zone": "UTC"});
    let put = |body: Value| person.request(reqwest::Method::PUT, "/v1/gems/caps").json(&body).send();
    put(set(5)).await.expect("an answer").error_for_status().expect("set");
    assert_eq!(refined(&person, &fox()).await["status"], "succeeded");
    let problem = refine(&person, &fox()).await.expect_problem(402, "gem-cap-reached");
    assert_eq!(problem["available"], 2, "what a refinement took counts");
    put(json!({"time_zone": "UTC"})).await.expect("an answer").error_for_status().expect("removed");
    let me = actor(&person).await;
    let posting = buy(&app, me, 100, app.app.clock.now()).await;
    spend_bought(&app, me, 40).await;
    assert_eq!(refund(&app, posting).await, 40);
    give(&app, me, 50).await;
    let problem = refine(&person, &fox()).await.expect_problem(402, "insufficient-gems");
    assert_eq!((&problem["required"], &problem["available"], &problem["debt"]), (&json!(3), &json!(0), &json!(40)));
}

#[actix_web::test]
async fn the_statement_and_the_statistics_know_a_refinement_by_its_name() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    refined(&person, &fox()).await;
    let rows = person.get("/v1/gems/transfers").await.expect_status(200).json();
    let of_it: Vec<(&str, &str)> = rows["data"]
        .as_array()
        .expect("rows")
        .iter()
        .filter(|row| !row["about"].is_null())
        .map(|row| (row["kind"].as_str().expect("a kind"), row["about"].as_str().expect("words")))
        .collect();
    let words = "Refinement: A fox crossing a frozen river";
    assert_eq!(of_it, [("capture", words), ("hold", words)]);
    let file = Answer::of(
        person.request(reqwest::Method::GET, "/v1/gems/transfers").header("Accept", "text/csv").send().await,
    );
    assert!(String::from_utf8(file.await.body).expect("text").contains(&format!("\"{words}\"")));
    let statistics = person.get("/v1/gems/statistics?days=1").await.expect_status(200).json();
    assert_eq!(statistics["models"], json!([{"model": "refinement", "used": 3, "images": 0}]));
    assert_eq!((&statistics["days"][0]["used"], &statistics["days"][0]["images"]), (&json!(3), &json!(0)));
}

/// The image provider's key is for the image provider: a language model elsewhere has its own, or none.
#[actix_web::test]
async fn a_key_goes_to_its_own_server_alone() {
    let other =
        openai::start(TcpListener::bind("127.0.0.1:0").expect("a port"), Faults::default()).await.expect("a vendor");
    let base = format!("--refinement-base-url={}", other.base_url);
    let app = harness::start_with(std::slice::from_ref(&base)).await;
    let person = app.person("Ada Lovelace").await;
    assert_eq!(refined(&person, &fox()).await["failure"]["code"], "operator_configuration");
    let heard = other.requests();
    assert_eq!(heard.iter().map(|request| request.has_authorization).collect::<Vec<_>>(), [false]);
    let own = format!("--refinement-api-key={}", other.api_key);
    let app = harness::start_with(&[base, own]).await;
    let person = app.person("Ada Lovelace").await;
    assert_eq!(refined(&person, &fox()).await["status"], "succeeded");
    assert_eq!(asked(&app), 0, "the image provider heard nothing of it");
}
