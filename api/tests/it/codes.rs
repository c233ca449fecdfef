//! Codes give free gems once to each person, their last use to one of all who try, and nothing when they are over.
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::future::join_all;
use lapidary::config::CodesAct;
use lapidary::gems::code_command::{self, NewCodeArgs};
use serde_json::{Value, json};
use sqlx::Executor;
use uuid::Uuid;

use crate::harness::{self, Answer, Person, TestApp};
use crate::ledger_rows::{actor, buy, refund, spend_bought};
use crate::process::BINARY;
use crate::sse::Events;

async fn command(app: &TestApp, act: CodesAct) -> Result<String, String> {
    code_command::apply(act, &app.app.db, app.app.clock.now()).await.map_err(|error| error.to_string())
}

pub fn of(gems: i64, uses: i32) -> NewCodeArgs {
    NewCodeArgs { gems, uses, expires_at: None, note: "for a test".into() }
}

pub async fn code(app: &TestApp, asked: NewCodeArgs) -> String {
    command(app, CodesAct::Create(asked)).await.expect("a code")
}

async fn list(app: &TestApp) -> String {
    command(app, CodesAct::List).await.expect("a list")
}

/// Of the newest.
async fn id(app: &TestApp) -> Uuid {
    list(app).await.split_whitespace().next().expect("an id").parse().expect("a uuid")
}

pub async fn redeem(person: &Person<'_>, code: &str) -> Answer {
    person.post("/v1/gems/redemptions", &json!({"code": code})).await
}

#[track_caller]
fn refused(answer: Answer, code: &str) -> String {
    let problem = answer.expect_problem(422, "invalid");
    assert_eq!(
        (problem["errors"][0]["pointer"].as_str(), problem["errors"][0]["code"].as_str()),
        (Some("/code"), Some(code))
    );
    problem["errors"][0]["detail"].as_str().expect("plain words").to_owned()
}

#[actix_web::test]
async fn a_code_gives_its_gems_and_the_statement_and_the_stream_say_so() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let code = code(&app, of(30, 1)).await;
    let before = person.gems().await;
    let mut stream = Events::open(&person, "/v1/events", None).await;
    let said = redeem(&person, &format!(" {} ", code.to_lowercase().replace('-', " "))).await.expect_status(201).json();
    assert_eq!((&said["gems"], &said["balance"]), (&json!(30), &person.gems().await));
    let told = stream.until(|event| event.is("gems_changed")).await;
    assert_eq!(told.data["gems"], said["balance"]);
    let row = person.get("/v1/gems/transfers").await.json()["data"][0].clone();
    assert_eq!((&row["kind"], &row["change"], &row["reference"]), (&json!("redemption"), &json!(30), &said["id"]));
    assert_eq!(row["is_free"], true);
    let number = |value: &Value| value.as_i64().expect("a number");
    assert_eq!(number(&said["balance"]["free"]), number(&before["free"]) + 30);
    assert_eq!(said["balance"]["bought"], before["bought"]);
}

/// Connections that wait for a lock.
async fn waiting(app: &TestApp) -> i64 {
    sqlx::query_scalar(
        "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()",
    )
    .fetch_one(&mut app.sql().await)
    .await
    .expect("a count")
}

#[actix_web::test]
async fn the_last_use_of_a_code_goes_to_one_of_fifty_at_once() {
    let app = harness::start().await;
    let names: Vec<String> = (0..25).map(|number| format!("Person {number}")).collect();
    let mut people = Vec::new();
    for name in &names {
        people.push(app.person(name).await);
    }
    let code = code(&app, of(30, 1)).await;
    // Somebody is just using it: whoever comes meanwhile stands at the same place.
    let mut first = app.sql().await;
    first.execute("begin; select id from redeem_codes for update").await.expect("a lock");
    let mut beat = tokio::time::interval(Duration::from_millis(10));
    let let_go = async {
        while waiting(&app).await < 5 {
            beat.tick().await;
        }
        first.execute("commit").await.expect("let go");
    };
    // Each tries twice at once.
    let tries = join_all(people.iter().flat_map(|person| [redeem(person, &code), redeem(person, &code)]));
    let (answers, ()) = tokio::join!(tries, let_go);
    let status = |wanted: u16| answers.iter().filter(|answer| answer.status == wanted).count();
    assert_eq!((status(201), status(200), status(422)), (1, 1, 48), "one person has it, and asked again");
    let winner = answers.iter().position(|answer| answer.status == 201).expect("a winner") / 2;
    for (number, answer) in answers.into_iter().enumerate().filter(|(number, _)| number / 2 != winner) {
        assert_eq!(refused(answer, "used_up_code"), "This code is used up.", "{number}");
    }
    let mut gems = Vec::new();
    for person in &people {
        gems.push(person.remaining().await);
    }
    assert_eq!(gems.iter().filter(|gems| **gems == 80).count(), 1);
    assert_eq!((gems[winner], gems.iter().filter(|gems| **gems == 50).count()), (80, 24));
    assert!(list(&app).await.contains("used 1 of 1  used up"));
}

#[actix_web::test]
async fn a_repeated_redemption_gives_once() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let code = code(&app, of(30, 5)).await;
    let answers = join_all((0..20).map(|_| redeem(&person, &code))).await;
    let created = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!((created, answers.iter().filter(|answer| answer.status == 200).count()), (1, 19));
    let ids: std::collections::HashSet<String> = answers.iter().map(|answer| answer.json()["id"].to_string()).collect();
    assert_eq!(ids.len(), 1, "all are one redemption");
    assert_eq!(person.remaining().await, 80);
    assert!(list(&app).await.contains("30 gems  used 1 of 5"), "{}", list(&app).await);
    let revoked = CodesAct::Revoke { id: id(&app).await };
    command(&app, revoked).await.expect("revoked");
    redeem(&person, &code).await.expect_status(200);
    assert_eq!(person.remaining().await, 80, "what was given stays, and nothing is added");
}

#[actix_web::test]
async fn an_expired_revoked_used_up_or_unknown_code_says_which_and_gives_nothing() {
    let app = harness::start().await;
    let (person, other) = (app.person("Ada Lovelace").await, app.person("Grace Hopper").await);
    let expired = NewCodeArgs { expires_at: Some(app.app.clock.now() + TimeDelta::minutes(3)), ..of(30, 9) };
    let expired = code(&app, expired).await;
    let used_up = code(&app, of(30, 1)).await;
    redeem(&other, &used_up).await.expect_status(201);
    let revoked = code(&app, of(30, 9)).await;
    command(&app, CodesAct::Revoke { id: id(&app).await }).await.expect("revoked");
    redeem(&other, &expired).await.expect_status(201);
    app.app.clock.advance(TimeDelta::minutes(3));
    let mut sentences = std::collections::HashSet::new();
    for (code, why) in [
        (expired.as_str(), "expired_code"),
        (&revoked, "revoked_code"),
        (&used_up, "used_up_code"),
        ("00000-00000-00000-00000", "unknown_code"),
        ("hello", "unknown_code"),
        ("", "unknown_code"),
        (&format!("{used_up}0"), "unknown_code"),
    ] {
        sentences.insert(refused(redeem(&person, code).await, why));
    }
    assert_eq!(sentences.len(), 4, "each in words of its own: {sentences:?}");
    assert_eq!(person.remaining().await, 50);
    let lines = list(&app).await;
    for state in ["  expired  ", "  revoked  ", "  used up  "] {
        assert!(lines.contains(state), "{state}: {lines}");
    }
    for code in [&expired, &revoked, &used_up] {
        assert!(!lines.contains(code.as_str()), "a list shows no code");
    }
    let none = person.post("/v1/gems/redemptions", &json!({})).await.expect_problem(422, "invalid");
    assert_eq!(none["errors"][0]["pointer"], "/code");
}

#[actix_web::test]
async fn free_gems_by_code_never_settle_debt() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let me = actor(&person).await;
    let posting = buy(&app, me, 100, app.app.clock.now()).await;
    spend_bought(&app, me, 60).await;
    assert_eq!(refund(&app, posting).await, 60);
    let code = code(&app, of(90, 1)).await;
    let said = redeem(&person, &code).await.expect_status(201).json();
    let balance = &said["balance"];
    assert_eq!((&balance["debt"], &balance["free"], &balance["bought"]), (&json!(60), &json!(90), &json!(0)));
    let fox = json!({"prompt": "A fox", "quality": "low"});
    let refused = person.submit(&fox).await.expect_problem(402, "insufficient-gems");
    assert_eq!((&refused["debt"], &refused["available"]), (&json!(60), &json!(0)), "until it is settled");
    buy(&app, me, 70, app.app.clock.now()).await;
    let gems = person.gems().await;
    assert_eq!((&gems["debt"], &gems["free"], &gems["bought"]), (&json!(0), &json!(90), &json!(10)));
    person.submit(&fox).await.expect_status(202);
    app.work().await;
}

#[actix_web::test]
async fn the_operators_command_makes_lists_and_revokes_codes_and_logs_it_without_them() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let run = |words: &[&str]| {
        let done =
            std::process::Command::new(BINARY).arg("codes").args(&app.arguments).args(words).output().expect("it runs");
        let text = |bytes| String::from_utf8(bytes).expect("text").trim().to_owned();
        (done.status.success(), text(done.stdout), text(done.stderr))
    };
    let (done, code, log) = run(&["create", "--gems=25", "--uses=2", "--expires=2999-01-31", "--note=A fair"]);
    assert!(done && code.len() == 23, "{code} {log}");
    assert!(log.contains("a redeem code was made") && log.contains("A fair") && !log.contains(&code), "{log}");
    assert_eq!(redeem(&person, &code).await.expect_status(201).json()["gems"], 25);
    let (done, lines, _) = run(&["list"]);
    assert!(done && lines.contains("25 gems  used 1 of 2  until 2999-02-01 00:00 UTC"), "{lines}");
    let id = lines.split_whitespace().next().expect("an id").to_owned();
    let (done, said, log) = run(&["revoke", &id]);
    assert!(done && log.contains("a redeem code was revoked"), "{log}");
    assert_eq!(said, format!("{id} is revoked"));
    let (done, _, log) = run(&["revoke", &Uuid::now_v7().to_string()]);
    assert!(!done && log.contains("no code has the id"), "{log}");
    for words in [
        &["create", "--gems=0"][..],
        &["create", "--gems=5", "--uses=0"],
        &["create", "--gems=5", "--expires=2020-01-01"],
    ] {
        let (done, said, log) = run(words);
        assert!(!done && said.is_empty() && !log.is_empty(), "{words:?}: {log}");
    }
}
