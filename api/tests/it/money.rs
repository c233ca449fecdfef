//! PRODUCT §3 over HTTP: nobody is charged twice, for nothing, or more than shown.
use futures_util::future::join_all;
use lapidary_sandbox::faults::Fault;
use serde_json::{Value, json};

use crate::harness::{self, Person};

fn fox() -> Value {
    json!({"prompt": "A fox crossing a frozen river", "quality": "low"})
}

async fn price(person: &Person<'_>, body: &Value) -> i64 {
    person.post("/v1/quotes", body).await.expect_status(200).json()["price_gems"].as_i64().expect("a price")
}

/// Leaves gems for exactly one image of this price.
async fn leave_gems_for_one(person: &Person<'_>, price: i64) {
    let mut sql = person.app.sql().await;
    let me = person.get("/v1/me").await.json()["id"].as_str().expect("an id").to_owned();
    let account: uuid::Uuid = sqlx::query_scalar("select account_id from account_links where person_id = $1::uuid")
        .bind(me)
        .fetch_one(&mut sql)
        .await
        .expect("an account");
    let free = person.remaining().await;
    sqlx::query(
        "with row as (
           insert into gem_transfers (id, account_id, debit, credit, amount, kind, reference, created_at)
           values (gen_random_uuid(), $1, 'free', 'forfeited', $2, 'forfeit', gen_random_uuid(), now()) returning amount)
         update gem_accounts set free = free - row.amount from row where id = $1",
    )
    .bind(account)
    .bind(free - price)
    .execute(&mut sql)
    .await
    .expect("fewer gems");
}

#[actix_web::test]
async fn a_hundred_parallel_submits_with_gems_for_one_image_accept_one() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let price = price(&person, &fox()).await;
    leave_gems_for_one(&person, price).await;
    let body = fox();
    let answers = join_all((0..100).map(|_| person.submit(&body))).await;
    let accepted = answers.iter().filter(|answer| answer.status == 202).count();
    let refused = answers.iter().filter(|answer| answer.status == 402).count();
    assert_eq!((accepted, refused), (1, 99));
    app.work().await;
    let gems = person.gems().await;
    assert_eq!((gems["remaining"].as_i64(), gems["used"].as_i64()), (Some(0), Some(price)));
}

#[actix_web::test]
async fn twenty_retries_of_one_key_at_once_charge_once() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let before = person.remaining().await;
    let body = fox();
    let answers = join_all((0..20).map(|_| person.submit_with("one-key", &body))).await;
    let ids: std::collections::HashSet<String> =
        answers.into_iter().map(|answer| answer.expect_status(202).json()["id"].to_string()).collect();
    assert_eq!(ids.len(), 1, "all twenty are one request");
    app.work().await;
    assert_eq!(person.remaining().await, before - price(&person, &body).await);
}

#[actix_web::test]
async fn a_key_used_for_another_request_is_refused() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    person.submit_with("key", &fox()).await.expect_status(202);
    let other = json!({"prompt": "A whale above the clouds", "quality": "low"});
    person.submit_with("key", &other).await.expect_problem(422, "idempotency-key-reused");
    person.submit_with("\"key\"", &fox()).await.expect_status(202);
    app.work().await;
}

#[actix_web::test]
async fn a_retry_after_the_end_answers_with_the_result() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    person.submit_with("key", &fox()).await.expect_status(202);
    app.work().await;
    let again = person.submit_with("key", &fox()).await.expect_status(202).json();
    assert_eq!(again["status"], "succeeded");
    assert_eq!(again["images"].as_array().map(Vec::len), Some(1));
}

#[actix_web::test]
async fn the_price_shown_is_the_price_charged() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let body = json!({"prompt": "Three boats", "quality": "low", "count": 3});
    let before = person.remaining().await;
    let quoted = price(&person, &body).await;
    let done = person.make(&body).await;
    assert_eq!((done["price_gems"].as_i64(), done["captured_gems"].as_i64()), (Some(quoted), Some(quoted)));
    assert_eq!(person.remaining().await, before - quoted);
}

#[actix_web::test]
async fn a_failed_or_refused_generation_leaves_the_balance_as_it_was() {
    let app = harness::start_with(&["--model-timeout-seconds=2".into()]).await;
    let person = app.person("Ada Lovelace").await;
    let before = person.gems().await;
    for (kind, code) in [
        ("moderation_blocked", "refused"),
        ("content_policy_violation", "refused"),
        ("billing_hard_limit", "operator_quota"),
        ("quota_exhausted", "operator_quota"),
        ("model_not_found", "model_gone"),
        ("invalid_api_key", "operator_configuration"),
        ("empty_data", "bad_answer"),
        ("junk_html", "bad_answer"),
        ("invalid_b64", "bad_answer"),
        ("not_an_image", "bad_answer"),
        ("huge_image", "bad_answer"),
        ("error_detail", "request_refused"),
        ("private_url", "bad_answer"),
        ("hang", "timeout"),
    ] {
        app.fault(Fault::once("openai", kind).with(10));
        let done = person.make(&fox()).await;
        assert_eq!((done["status"].as_str(), done["failure"]["code"].as_str()), (Some("failed"), Some(code)), "{kind}");
        assert!(done["failure"]["message"].as_str().is_some_and(|text| text.len() > 20), "{kind}: no plain words");
        assert_eq!(person.gems().await, before, "{kind}");
        app.forget_providers().await;
    }
}

#[actix_web::test]
async fn an_image_that_cannot_be_stored_is_not_charged() {
    let app = harness::start_with(&["--s3-bucket=missing".into()]).await;
    let person = app.person("Ada Lovelace").await;
    let before = person.gems().await;
    let done = person.make(&fox()).await;
    assert_eq!(done["failure"]["code"], "storage");
    assert_eq!(person.gems().await, before);
}

#[actix_web::test]
async fn fewer_images_than_asked_cost_fewer_gems() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let body = json!({"prompt": "Three boats", "quality": "low", "count": 3});
    let before = person.remaining().await;
    app.fault(Fault::once("openai", "fewer_images"));
    let done = person.make(&body).await;
    assert_eq!(done["status"], "partly_succeeded");
    assert_eq!(done["images"].as_array().map(Vec::len), Some(2));
    let share = price(&person, &fox()).await;
    assert_eq!(person.remaining().await, before - 2 * share);
}

#[actix_web::test]
async fn a_busy_model_is_asked_again_and_charged_once() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let before = person.remaining().await;
    app.fault(Fault::once("openai", "rate_limited"));
    app.fault(Fault::once("openai", "overloaded"));
    let queued = person.submit(&fox()).await.expect_status(202).json();
    let id = queued["id"].as_str().expect("an id");
    for _ in 0..2 {
        app.work().await;
        assert_eq!(person.generation(id).await["status"], "queued", "it waits for its next attempt");
        app.app.clock.advance(chrono::TimeDelta::seconds(60));
    }
    app.work().await;
    assert_eq!(person.generation(id).await["status"], "succeeded");
    assert_eq!(person.remaining().await, before - price(&person, &fox()).await);
}

#[actix_web::test]
async fn every_gem_that_moved_is_in_the_statement() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    person.make(&fox()).await;
    app.fault(Fault::once("openai", "moderation_blocked"));
    person.make(&fox()).await;
    let rows = person.get("/v1/gems/transfers").await.expect_status(200).json();
    let rows = rows["data"].as_array().expect("rows").clone();
    let kinds: Vec<&str> = rows.iter().filter_map(|row| row["kind"].as_str()).collect();
    assert_eq!(kinds, ["release", "hold", "capture", "hold", "grant"]);
    let sum: i64 = rows.iter().filter_map(|row| row["change"].as_i64()).sum();
    assert_eq!(sum, person.remaining().await);
}

#[actix_web::test]
async fn a_retry_is_answered_even_when_the_catalogue_has_changed_meanwhile() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let body = json!({"prompt": "A fox", "model": "gpt-image-1.5", "quality": "low", "size": "1024x1536"});
    let first = person.submit_with("key", &body).await.expect_status(202).json();
    app.work().await;
    // The model's last day passes; the size is not its replacement's business any more.
    app.app.clock.advance(chrono::TimeDelta::days(9));
    let token = person.browser.refresh().await;
    assert!(token.is_none(), "a week of silence ends a session: sign in again");
    let again = app.browser();
    assert_eq!(again.sign_in("github", "Ada Lovelace").await, "/studio");
    let token = again.refresh().await.expect("a token");
    let person = Person { app: &app, browser: again, token };
    let gone = json!({"prompt": "A fox", "model": "gone", "quality": "low"});
    let mut sql = app.sql().await;
    let statement = "update generations set idempotency_key = 'gone', fingerprint = $1 where idempotency_key = 'key'";
    sqlx::query(statement).bind(fingerprint(&gone)).execute(&mut sql).await.expect("an update");
    let replayed = person.submit_with("gone", &gone).await.expect_status(202).json();
    assert_eq!(replayed["id"], first["id"]);
    person.submit_with("other", &gone).await.expect_problem(422, "invalid");
}

/// As the server takes it: SHA-256 of the parsed request, absent members left out.
fn fingerprint(body: &Value) -> Vec<u8> {
    let parsed: lapidary_contract::CreateGeneration = serde_json::from_value(body.clone()).expect("a request");
    let canonical = serde_json::to_vec(&parsed).expect("JSON");
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &canonical).as_ref().to_vec()
}

#[actix_web::test]
async fn a_retry_is_answered_although_it_has_used_up_the_gems_itself() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    leave_gems_for_one(&person, price(&person, &fox()).await).await;
    let body = fox();
    let answers = join_all((0..20).map(|_| person.submit_with("key", &body))).await;
    let first = answers.first().expect("an answer").json();
    for answer in answers {
        assert_eq!(answer.header("gems-remaining"), "0");
        assert_eq!(answer.expect_status(202).json()["id"], first["id"]);
    }
    let other = json!({"prompt": "A whale above the clouds", "quality": "low"});
    person.submit_with("key", &other).await.expect_problem(422, "idempotency-key-reused");
    person.submit_with("other", &fox()).await.expect_problem(402, "insufficient-gems");
    app.work().await;
    assert_eq!(person.submit_with("key", &fox()).await.expect_status(202).json()["status"], "succeeded");
}

#[actix_web::test]
async fn a_retry_gives_back_what_it_held_before_it_was_known_as_one() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let first = person.submit_with("key", &fox()).await.expect_status(202);
    let held = person.gems().await;
    assert_eq!(
        (&held["held"], held["remaining"].to_string().as_str()),
        (&first.json()["price_gems"], first.header("gems-remaining"))
    );
    let again = person.submit_with("key", &fox()).await.expect_status(202);
    let other = json!({"prompt": "A whale above the clouds", "quality": "low"});
    person.submit_with("key", &other).await.expect_problem(422, "idempotency-key-reused");
    assert_eq!(person.gems().await, held);
    assert_eq!(again.header("gems-remaining"), first.header("gems-remaining"));
    let rows = person.get("/v1/gems/transfers").await.json();
    let holds = rows["data"].as_array().expect("rows").iter().filter(|row| row["kind"] == "hold").count();
    assert_eq!(holds, 1);
}

#[actix_web::test]
async fn what_a_submit_answers_is_what_a_look_at_it_shows() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let body = json!({"prompt": "  A fox ", "attributes": [{"section": "Light", "value": "golden hour"}], "count": 2});
    let answered = person.submit_with("key", &body).await.expect_status(202).json();
    let mut shown = person.generation(answered["id"].as_str().expect("an id")).await;
    // A submit waits for no estimate.
    let members = shown.as_object_mut().expect("an object");
    for member in ["queue_position", "estimated_seconds"] {
        members.remove(member);
    }
    assert_eq!(answered, shown);
    assert_eq!(person.submit_with("key", &body).await.expect_status(202).json(), shown);
}

/// As if so many were waiting that cost nothing.
async fn let_wait(person: &Person<'_>, many: i32) {
    sqlx::query(
        "insert into generations (id, person_id, account_id, idempotency_key, fingerprint, request_id, status, prompt,
           composed_prompt, attributes, model, width, height, quality, count, share_gems, catalogue_version,
           available_at, created_at)
         select gen_random_uuid(), l.person_id, l.account_id, 'waits ' || n, '', '', 'queued', '', '', '[]', 'gpt-image-2', 1, 1,
           'low', 1, 0, '', now() + interval '1 year', now()
         from account_links l, generate_series(1, $1) n",
    )
    .bind(many)
    .execute(&mut person.app.sql().await)
    .await
    .expect("they wait");
}

#[actix_web::test]
async fn no_more_wait_than_may_however_many_come_at_once_and_who_is_refused_has_held_and_used_nothing() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let price = price(&person, &fox()).await;
    let_wait(&person, 497).await;
    let before = person.remaining().await;
    let keys: Vec<String> = (0..10).map(|number| format!("key {number}")).collect();
    let body = fox();
    let answers = join_all(keys.iter().map(|key| person.submit_with(key, &body))).await;
    let (mut accepted, mut refused) = (Vec::new(), Vec::new());
    for (answer, key) in answers.into_iter().zip(&keys) {
        if answer.status == 202 {
            accepted.push(key);
        } else {
            answer.expect_problem(429, "too-many-waiting");
            refused.push(key);
        }
    }
    assert_eq!(accepted.len(), 3);
    assert_eq!(person.remaining().await, before - 3 * price);
    person.submit_with(accepted.first().expect("a key"), &fox()).await.expect_status(202);
    app.work().await;
    person.submit_with(refused.first().expect("a key"), &fox()).await.expect_status(202);
    app.work().await;
}

#[actix_web::test]
async fn submits_cancels_runs_and_sweeps_of_one_person_do_not_cross() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    join_all((0..40).map(|_| person.get("/v1/gems"))).await;
    let before = person.remaining().await;
    let body = fox();
    let submits = join_all((0..40).map(|number| {
        let (person, body) = (&person, &body);
        async move {
            let answer = person.submit(body).await;
            assert!([202, 402].contains(&answer.status), "{answer:?}");
            if answer.status == 202 && number % 2 == 0 {
                let path = format!("/v1/generations/{}/cancel", answer.json()["id"].as_str().expect("an id"));
                let cancelled = person.post(&path, &json!({})).await;
                assert!([200, 409].contains(&cancelled.status), "{cancelled:?}");
            }
        }
    }));
    let sweeps = async {
        for _ in 0..20 {
            lapidary::work::queue::sweep(&app.app).await.expect("a sweep");
        }
    };
    tokio::join!(submits, app.work(), app.work(), sweeps);
    app.work().await;
    let gems = person.gems().await;
    let (remaining, used) = (gems["remaining"].as_i64().expect("gems"), gems["used"].as_i64().expect("gems"));
    assert_eq!((remaining + used, gems["held"].as_i64()), (before, Some(0)));
}
