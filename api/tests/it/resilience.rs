//! What goes on when something beside us breaks for a moment: dead connections, parallel submits, refused writes.
use futures_util::future::join_all;
use serde_json::json;

use crate::harness::{self, Answer};

#[actix_web::test]
async fn parallel_submits_of_one_person_do_not_deadlock() {
    let app = harness::start().await;
    app.openai.only_sketch();
    let person = app.person("Ada Lovelace").await;
    let body = json!({"prompt": "A fox", "quality": "low"});
    // Every connection is open: the submits really meet.
    join_all((0..40).map(|_| person.get("/v1/gems"))).await;
    let price = person.post("/v1/quotes", &body).await.json()["price_gems"].as_i64().expect("a price");
    let affordable = person.remaining().await / price;
    let answers = join_all((0..40).map(|_| person.submit(&body))).await;
    let accepted = answers.iter().filter(|answer| answer.status == 202).count();
    let refused = answers.iter().filter(|answer| answer.status == 402).count();
    assert_eq!(i64::try_from(accepted).expect("a number"), affordable.min(40));
    assert_eq!(accepted + refused, 40);
    app.work().await;
}

#[actix_web::test]
async fn a_restart_of_the_database_is_noticed_by_nobody() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    join_all((0..40).map(|_| person.get("/v1/gems"))).await;
    let mut sql = app.sql().await;
    sqlx::query(
        "select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and pid <> pg_backend_pid()",
    )
    .execute(&mut sql)
    .await
    .expect("connections are closed");
    for answer in join_all((0..20).map(|_| person.get("/v1/gems"))).await {
        answer.expect_status(200);
    }
    assert!(person.browser.refresh().await.is_some(), "the other pool goes on too");
}

#[actix_web::test]
async fn a_settlement_that_fails_once_keeps_what_was_made() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let mut sql = app.sql().await;
    // A sequence does not roll back: only the first try fails.
    for statement in [
        "create sequence tries",
        "create function refuse_once() returns trigger language plpgsql as
         $$ begin if nextval('tries') = 1 then raise 'not now'; end if; return new; end $$",
        "create trigger refuse_once before insert on images for each row execute function refuse_once()",
    ] {
        sqlx::query(statement).execute(&mut sql).await.expect("set up");
    }
    let done = person.make(&json!({"prompt": "A fox", "quality": "low"})).await;
    assert_eq!(done["status"], "succeeded");
    assert_eq!(app.openai.requests().len(), 1, "the model was asked once");
}

#[actix_web::test]
async fn a_head_request_is_answered_like_a_get_without_its_body() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    for path in ["/v1/gems", "/v1/catalogue", "/health/live", "/openapi.json", "/v1/events"] {
        let answer = Answer::of(person.request(reqwest::Method::HEAD, path).send().await).await.expect_status(200);
        assert!(answer.body.is_empty(), "{path}");
        assert!(!answer.header("x-request-id").is_empty());
    }
    let missing = Answer::of(person.request(reqwest::Method::HEAD, "/v1/nothing").send().await).await;
    assert_eq!(missing.status, 404);
    // The connection goes on after the head of a stream.
    person.get("/v1/gems").await.expect_status(200);
}
