//! Acts of operators: each way to do one is bound to the row it leaves, who is suspended has nothing done for them any more, and
//! nobody can do to themselves what another one would see.
use std::collections::BTreeSet;

use chrono::TimeDelta;
use clap::CommandFactory;
use lapidary::auth::{key_command, people};
use lapidary::config::{Cli, CodesAct, PeopleAct};
use lapidary::gems::code_command::{self, NewCodeArgs};
use lapidary::moderation::flag_command::{self, FlagsAct};
use lapidary::promises::erasure;
use lapidary::work::queue;
use lapidary_contract::OperatorAct;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::admin::{adjust, flag, operator};
use crate::crash::number;
use crate::harness::{self, Answer, Person, TestApp};
use crate::ledger_rows::actor;

/// Where each act is done: routes that change something, or show what is a person's own; and commands.
fn places(act: OperatorAct) -> &'static [&'static str] {
    match act {
        OperatorAct::MakeOperator => &["people make-operator"],
        OperatorAct::RemoveOperator => &["people remove-operator"],
        OperatorAct::Suspend => &["POST /v1/admin/people/{id}/suspend", "people suspend"],
        OperatorAct::Restore => &["POST /v1/admin/people/{id}/restore", "people restore"],
        OperatorAct::AdjustGems => &["POST /v1/admin/people/{id}/gem-adjustments"],
        OperatorAct::ReadRequests => &["GET /v1/admin/people/{id}/requests"],
        OperatorAct::CloseFlag => &["POST /v1/admin/flags/{id}/close", "flags close"],
        OperatorAct::CreateCode => &["codes create"],
        OperatorAct::RevokeCode => &["codes revoke"],
        OperatorAct::Erase => &["people erase"],
        OperatorAct::RotateKeys | OperatorAct::ForgetKey => &["keys rotate"],
    }
}

/// What leaves no row: it decides nothing about anybody.
const NO_ACTS: &[&str] = &[
    "GET /v1/admin/audit-log",
    "GET /v1/admin/flags",
    "GET /v1/admin/people",
    "GET /v1/admin/people/{id}",
    "codes list",
    "doctor",
    "flags list",
    "margin",
    "migrate",
    "openapi",
    "people find",
    // What it does the server does every few minutes.
    "retention",
    "serve",
    "work",
];

fn commands(of: &clap::Command, before: &str, found: &mut BTreeSet<String>) {
    for one in of.get_subcommands() {
        let name = format!("{before}{}", one.get_name());
        match one.has_subcommands() {
            true => commands(one, &format!("{name} "), found),
            false => drop(found.insert(name)),
        }
    }
}

#[actix_web::test]
async fn every_route_and_command_of_operators_is_an_act_or_says_that_it_is_none() {
    let app = harness::start().await;
    let mut found = BTreeSet::new();
    commands(&Cli::command(), "", &mut found);
    let document: Value = app.browser().get("/openapi.json").await.json();
    for (path, item) in document["paths"].as_object().expect("paths") {
        if path.starts_with("/v1/admin/") {
            let methods = item.as_object().expect("methods").keys().filter(|name| *name != "parameters");
            found.extend(methods.map(|method| format!("{} {path}", method.to_uppercase())));
        }
    }
    let acts = OperatorAct::ALL.into_iter().flat_map(places);
    let listed: BTreeSet<String> = acts.chain(NO_ACTS).map(|place| (*place).to_owned()).collect();
    assert_eq!(found, listed);
    for act in OperatorAct::ALL {
        assert_eq!(OperatorAct::from_name(act.name()), Some(act));
        sqlx::query("insert into audit_log (id, act, created_at) values ($1, $2, now())")
            .bind(Uuid::now_v7())
            .bind(act.name())
            .execute(&mut app.sql().await)
            .await
            .expect("the database knows it");
    }
}

async fn acts(operator: &Person<'_>) -> Vec<Value> {
    let list = operator.get("/v1/admin/audit-log?limit=100").await.expect_status(200).json();
    list["data"].as_array().expect("acts").clone()
}

async fn by_command(app: &TestApp, act: PeopleAct) {
    assert!(people::apply(act, &app.app.db, &app.app.clock).await.expect("done"));
}

/// One after the other, and after each its row is the newest.
#[actix_web::test]
async fn each_act_leaves_its_own_row_wherever_it_is_done() {
    let app = harness::start().await;
    let (ada, grace) = (operator(&app, "Ada Lovelace").await, app.person("Grace Hopper").await);
    let (db, id) = (&app.app.db, actor(&grace).await.person_id);
    let why = json!({"reason": "A test", "gems": 1});
    let reason = json!({"reason": "A test"});
    let (one, other) = (flag(&app, id).await, flag(&app, id).await);
    let mut left = 1;
    for place in OperatorAct::ALL.into_iter().flat_map(places) {
        let now = app.app.clock.now();
        let path = place.rsplit(' ').next().expect("a path").replace("{id}", &id.to_string());
        match *place {
            "people make-operator" => by_command(&app, PeopleAct::MakeOperator { person_id: id }).await,
            "people remove-operator" => by_command(&app, PeopleAct::RemoveOperator { person_id: id }).await,
            "people suspend" => by_command(&app, PeopleAct::Suspend { person_id: id }).await,
            "people restore" => by_command(&app, PeopleAct::Restore { person_id: id }).await,
            "POST /v1/admin/people/{id}/suspend" | "POST /v1/admin/people/{id}/restore" => {
                drop(ada.post(&path, &reason).await.expect_status(200));
            }
            "POST /v1/admin/people/{id}/gem-adjustments" => drop(adjust(&ada, id, "k", &why).await.expect_status(201)),
            "GET /v1/admin/people/{id}/requests" => drop(ada.get(&path).await.expect_status(200)),
            "POST /v1/admin/flags/{id}/close" => {
                let closed = ada.request(Method::POST, &format!("/v1/admin/flags/{one}/close")).send().await;
                assert!(Answer::of(closed).await.status < 300);
            }
            "flags close" => drop(flag_command::apply(FlagsAct::Close { id: other }, db, now).await.expect("closed")),
            "codes create" => {
                let asked = NewCodeArgs { gems: 7, uses: 1, expires_at: None, note: String::new() };
                code_command::apply(CodesAct::Create(asked), db, now).await.expect("a code");
            }
            "codes revoke" => {
                let id = sqlx::query_scalar("select id from redeem_codes").fetch_one(&mut app.sql().await).await;
                code_command::apply(CodesAct::Revoke { id: id.expect("one") }, db, now).await.expect("revoked");
            }
            "people erase" => {
                let settings = &app.app.settings;
                erasure::command::erase(&id.to_string(), false, settings, db, &app.app.clock).await.expect("begun");
            }
            "keys rotate" => {
                key_command::rotate(&app.app.auth.keys, db, false).await.expect("rotated");
            }
            other => panic!("how is {other} done?"),
        }
        left += 1;
        let all = acts(&ada).await;
        assert_eq!(all.len(), left, "{place}");
        let named = OperatorAct::from_name(all[0]["act"].as_str().expect("an act")).expect("a known one");
        assert!(places(named).contains(place), "{place} is told as {named:?}");
        let is_by_screen = place.contains(" /v1/");
        assert_eq!(all[0]["operator_id"].is_null(), !is_by_screen, "{place}");
        assert!(all[0]["subject"].is_string(), "{place}");
    }
}

#[actix_web::test]
async fn a_key_that_is_given_up_is_written_down_too() {
    let app = harness::start().await;
    let ada = operator(&app, "Ada Lovelace").await;
    let lost: Uuid =
        sqlx::query_scalar("select id from sealed_keys").fetch_one(&mut app.sql().await).await.expect("a key");
    let mut settings = app.app.settings.clone();
    settings.master_key = "//////////////////////////////////////////8=".to_owned();
    let alone = lapidary::auth::Auth::build(&settings).expect("sign-in");
    key_command::rotate(&alone.keys, &app.app.db, true).await.expect("rotated");
    let forgotten = "select subject from audit_log where act = 'forget_key' and operator_id is null";
    let about: Vec<Uuid> = sqlx::query_scalar(forgotten).fetch_all(&mut app.sql().await).await.expect("rows");
    assert_eq!(about, [lost]);
    assert_eq!(number(&app, "select count(*) from audit_log where act = 'rotate_keys'").await, 1);
    drop(ada);
}

fn fox() -> Value {
    json!({"prompt": "A fox", "quality": "low", "size": "816x816"})
}

async fn details(operator: &Person<'_>, id: Uuid) -> Value {
    operator.get(&format!("/v1/admin/people/{id}")).await.expect_status(200).json()
}

#[actix_web::test]
async fn what_waits_for_who_is_suspended_ends_with_its_gems_back_and_reaches_no_model() {
    for by_screen in [true, false] {
        let app = harness::start().await;
        let (ada, grace) = (operator(&app, "Ada Lovelace").await, app.person("Grace Hopper").await);
        let (id, before) = (actor(&grace).await.person_id, grace.remaining().await);
        for _ in 0..3 {
            grace.submit(&fox()).await.expect_status(202);
        }
        let running = queue::claim(&app.app).await.expect("the queue").expect("a job");
        if by_screen {
            let path = format!("/v1/admin/people/{id}/suspend");
            let told = ada.post(&path, &json!({"reason": "Abuse"})).await.expect_status(200).json();
            assert_eq!(told["counts"]["unfinished"], 1, "what runs is told to stop");
        } else {
            by_command(&app, PeopleAct::Suspend { person_id: id }).await;
            app.work().await;
            assert_eq!(details(&ada, id).await["counts"]["unfinished"], 3, "nothing of theirs is begun any more");
            erasure::sweep(&app.app).await.expect("a sweep");
        }
        assert_eq!(queue::heartbeat(&app.app, &running).await.expect("a beat"), queue::Beat::Cancelled);
        // Its process is gone before it has called anybody.
        app.app.clock.advance(TimeDelta::seconds(queue::LEASE_SECONDS + 1));
        queue::sweep(&app.app).await.expect("a sweep");
        app.work().await;
        assert_eq!(app.openai.requests().len(), 0, "by screen: {by_screen}");
        let after = details(&ada, id).await;
        assert_eq!((&after["counts"]["unfinished"], &after["gems"]["held"]), (&json!(0), &json!(0)));
        assert_eq!(after["gems"]["remaining"], before);
        by_command(&app, PeopleAct::Restore { person_id: id }).await;
        assert_eq!(app.browser().sign_in("github", "Grace Hopper").await, "/studio");
    }
}

#[actix_web::test]
async fn work_of_who_is_erased_by_command_ends_with_the_next_sweep() {
    let app = harness::start().await;
    let (ada, grace) = (operator(&app, "Ada Lovelace").await, app.person("Grace Hopper").await);
    let id = actor(&grace).await.person_id;
    grace.submit(&fox()).await.expect_status(202);
    let (settings, db, clock) = (&app.app.settings, &app.app.db, &app.app.clock);
    erasure::command::erase(&id.to_string(), false, settings, db, clock).await.expect("begun");
    app.work().await;
    erasure::sweep(&app.app).await.expect("a sweep");
    let after = details(&ada, id).await;
    assert_eq!((&after["counts"]["unfinished"], &after["gems"]["held"]), (&json!(0), &json!(0)));
    assert_eq!((&after["person"]["state"], app.openai.requests().len()), (&json!("closing"), 0));
    let found = people::find("grace.hopper@example.test", db).await.expect("found");
    assert!(found.contains("to be erased"), "{found}");
}

#[actix_web::test]
async fn an_operator_suspends_another_whose_screens_close_at_once() {
    let app = harness::start().await;
    let (ada, grace) = (operator(&app, "Ada Lovelace").await, operator(&app, "Grace Hopper").await);
    let id = actor(&grace).await.person_id;
    grace.get("/v1/admin/people").await.expect_status(200);
    let path = format!("/v1/admin/people/{id}/suspend");
    ada.post(&path, &json!({"reason": "Gave gems to friends"})).await.expect_status(200);
    grace.get("/v1/admin/people").await.expect_problem(401, "unauthenticated");
    grace.browser.post_ours("/v1/auth/refresh").await.expect_problem(403, "suspended");
    let newest = acts(&ada).await[0].clone();
    assert_eq!((&newest["act"], &newest["subject"]), (&json!("suspend"), &json!(id)));
}

#[actix_web::test]
async fn nobody_gives_gems_to_themselves_or_erases_whose_acts_they_were() {
    let app = harness::start().await;
    let ada = operator(&app, "Ada Lovelace").await;
    let (id, before) = (actor(&ada).await.person_id, ada.gems().await);
    for gems in [1_000_000, -1] {
        let refused = adjust(&ada, id, "mine", &json!({"gems": gems, "reason": "For me"})).await;
        refused.expect_problem(409, "illegal-transition");
    }
    assert_eq!(ada.gems().await, before);
    let refused = ada.delete("/v1/me").await.expect_problem(409, "illegal-transition");
    assert!(refused["detail"].as_str().expect("words").contains("remove-operator"), "{refused}");
    let (settings, db, clock) = (&app.app.settings, &app.app.db, &app.app.clock);
    let refused = erasure::command::erase("ada.lovelace@example.test", true, settings, db, clock).await;
    assert!(refused.expect_err("refused").to_string().contains("remove-operator"));
    by_command(&app, PeopleAct::RemoveOperator { person_id: id }).await;
    ada.get("/v1/admin/people").await.expect_problem(403, "forbidden");
    ada.delete("/v1/me").await.expect_status(202);
    assert!(!people::apply(PeopleAct::RemoveOperator { person_id: Uuid::now_v7() }, db, clock).await.expect("nobody"));
}
