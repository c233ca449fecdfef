//! Operators: who they are, whom they find, what they do to people and gems, and the trace that each act leaves.
use futures_util::future::join_all;
use lapidary::auth::people;
use lapidary::config::{CodesAct, PeopleAct};
use lapidary::gems::code_command::{self, NewCodeArgs};
use lapidary::moderation::flag_command::{self, FlagsAct};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::Executor;
use uuid::Uuid;

use crate::harness::{self, Answer, Person, TestApp};

async fn id_of(person: &Person<'_>) -> Uuid {
    person.get("/v1/me").await.json()["id"].as_str().expect("an id").parse().expect("a uuid")
}

pub async fn operator<'a>(app: &'a TestApp, name: &str) -> Person<'a> {
    let person = app.person(name).await;
    let act = PeopleAct::MakeOperator { person_id: id_of(&person).await };
    assert!(people::apply(act, &app.app.db, &app.app.clock).await.expect("made"));
    person
}

pub async fn adjust(operator: &Person<'_>, id: Uuid, key: &str, body: &Value) -> Answer {
    let path = format!("/v1/admin/people/{id}/gem-adjustments");
    let request = operator.request(Method::POST, &path).header("Idempotency-Key", key);
    Answer::of(request.json(body).send().await).await
}

async fn acts(operator: &Person<'_>, query: &str) -> Vec<Value> {
    let list = operator.get(&format!("/v1/admin/audit-log{query}")).await.expect_status(200).json();
    list["data"].as_array().expect("acts").clone()
}

pub async fn flag(app: &TestApp, person_id: Uuid) -> Uuid {
    let id = Uuid::now_v7();
    sqlx::query(
        "insert into flags (id, person_id, kind, refusals, created_at, updated_at) values ($1, $2, $3, 10, now(), now())",
    )
    .bind(id)
    .bind(person_id)
    .bind(format!("refusals-{id}"))
    .execute(&mut app.sql().await)
    .await
    .expect("a flag");
    id
}

#[actix_web::test]
async fn every_route_of_operators_is_refused_to_everybody_else_before_anything_is_read() {
    let app = harness::start().await;
    let (ada, grace) = (operator(&app, "Ada Lovelace").await, app.person("Grace Hopper").await);
    let id = id_of(&ada).await;
    let document: Value = ada.browser.get("/openapi.json").await.json();
    let mut tried = 0;
    for (path, item) in document["paths"].as_object().expect("paths") {
        if !path.starts_with("/v1/admin/") {
            continue;
        }
        for method in item.as_object().expect("methods").keys().filter(|name| *name != "parameters") {
            let method: Method = method.to_uppercase().parse().expect("a method");
            for id in [id.to_string(), "not-an-id".into()] {
                let path = path.replace("{id}", &id);
                let answer = Answer::of(grace.request(method.clone(), &path).send().await).await;
                answer.expect_problem(403, "forbidden");
                let nobody = app.browser().client.request(method.clone(), format!("{}{path}", app.url)).send().await;
                Answer::of(nobody).await.expect_problem(401, "unauthenticated");
            }
            tried += 1;
        }
    }
    assert!(tried >= 9, "only {tried} routes were tried");
    assert_eq!(acts(&ada, "").await.len(), 1, "only that she was made one");
}

#[actix_web::test]
async fn an_operator_is_one_until_the_database_says_otherwise() {
    let app = harness::start().await;
    let ada = operator(&app, "Ada Lovelace").await;
    ada.get("/v1/admin/people").await.expect_status(200);
    app.sql().await.execute("update people set is_operator = false").await.expect("done");
    ada.get("/v1/admin/people").await.expect_problem(403, "forbidden");
}

#[actix_web::test]
async fn people_are_found_by_address_id_provider_account_and_request() {
    let app = harness::start().await;
    let (ada, grace) = (operator(&app, "Ada Lovelace").await, app.person("Grace Hopper").await);
    let id = id_of(&grace).await.to_string();
    let made = grace.submit(&json!({"prompt": "Zanzibarine quokka", "quality": "low"})).await.expect_status(202);
    app.work().await;
    let refined = crate::refinements::refine(&grace, &json!({"prompt": "A fox"})).await.expect_status(200);
    let other = grace.get("/v1/gems").await;
    let subject: String = sqlx::query_scalar("select subject from identities where person_id = $1::uuid")
        .bind(&id)
        .fetch_one(&mut app.sql().await)
        .await
        .expect("an identity");
    let forget = "delete from request_log where route <> '/v1/gems'";
    app.app.request_log.flush(&app.app.db).await.expect("written");
    app.sql().await.execute(forget).await.expect("forgotten");
    for q in [
        "%20Grace.Hopper@Example.test",
        &id,
        &subject,
        other.header("x-request-id"),
        made.header("x-request-id"),
        refined.header("x-request-id"),
    ] {
        let found = ada.get(&format!("/v1/admin/people?q={q}")).await.expect_status(200).json();
        let ids: Vec<&Value> = found["data"].as_array().expect("people").iter().map(|person| &person["id"]).collect();
        assert_eq!(ids, [&json!(id)], "{q}");
    }
    for q in ["nobody@example.test", "grace", &Uuid::now_v7().to_string()] {
        let found = ada.get(&format!("/v1/admin/people?q={q}")).await.expect_status(200).json();
        assert_eq!(found["data"], json!([]), "{q}");
    }
    let all = ada.get("/v1/admin/people?limit=1").await.expect_status(200).json();
    let next = format!("/v1/admin/people?limit=1&cursor={}", all["next_cursor"].as_str().expect("a cursor"));
    let rest = ada.get(&next).await.expect_status(200).json();
    assert_eq!(all["data"][0]["id"], json!(id), "newest first");
    assert_eq!((&rest["data"][0]["email"], &rest["next_cursor"]), (&json!("ada.lovelace@example.test"), &Value::Null));
    ada.get("/v1/admin/people?q=%00").await.expect_problem(422, "invalid");
    let details = ada.get(&format!("/v1/admin/people/{id}")).await.expect_status(200);
    let text = String::from_utf8(details.body.clone()).expect("text");
    assert!(!text.contains("quokka") && !text.contains("http"), "{text}");
    let details = details.json();
    assert_eq!(details["gems"], grace.gems().await);
    assert_eq!((&details["counts"]["images"], &details["counts"]["sessions"]), (&json!(1), &json!(1)));
    assert_eq!(
        (&details["identities"][0]["subject"], &details["person"]["state"]),
        (&json!(subject), &json!("active"))
    );
    ada.get(&format!("/v1/admin/people/{}", Uuid::now_v7())).await.expect_problem(404, "not-found");
}

#[actix_web::test]
async fn a_suspension_by_screen_holds_at_once_until_restored_and_never_for_oneself() {
    let app = harness::start().await;
    let (ada, grace) = (operator(&app, "Ada Lovelace").await, app.person("Grace Hopper").await);
    let (own, id) = (id_of(&ada).await, id_of(&grace).await);
    let why = json!({"reason": " Ticket 4711 "});
    let suspend = |id: Uuid| format!("/v1/admin/people/{id}/suspend");
    for (body, code) in [(json!({"reason": "  "}), "required"), (json!({"reason": "x".repeat(501)}), "too_long")] {
        let problem = ada.post(&suspend(id), &body).await.expect_problem(422, "invalid");
        assert_eq!(
            (&problem["errors"][0]["pointer"], &problem["errors"][0]["code"]),
            (&json!("/reason"), &json!(code))
        );
    }
    ada.post(&suspend(own), &why).await.expect_problem(409, "illegal-transition");
    ada.post(&suspend(Uuid::now_v7()), &why).await.expect_problem(404, "not-found");
    grace.get("/v1/gems").await.expect_status(200);
    let suspended = ada.post(&suspend(id), &why).await.expect_status(200);
    assert_eq!(suspended.json()["person"]["state"], "suspended");
    grace.get("/v1/gems").await.expect_problem(401, "unauthenticated");
    grace.browser.post_ours("/v1/auth/refresh").await.expect_problem(403, "suspended");
    // Other processes hear of it from the feed.
    let told: i64 = sqlx::query_scalar(
        "select count(*) from revocations r join sessions s on s.id = r.session_id where s.person_id = $1",
    )
    .bind(id)
    .fetch_one(&mut app.sql().await)
    .await
    .expect("a count");
    assert_eq!(told, 1);
    ada.post(&format!("/v1/admin/people/{id}/restore"), &why).await.expect_status(200);
    assert_eq!(app.browser().sign_in("github", "Grace Hopper").await, "/studio");
    let about = acts(&ada, &format!("?subject={id}")).await;
    let told: Vec<_> = about.iter().map(|act| (act["act"].as_str(), act["reason"].as_str())).collect();
    assert_eq!(told, [(Some("restore"), Some("Ticket 4711")), (Some("suspend"), Some("Ticket 4711"))]);
    assert_eq!(about[1]["request_id"], suspended.header("x-request-id"));
    assert_eq!(
        (&about[1]["operator_id"], &about[1]["operator_email"]),
        (&json!(own), &json!("ada.lovelace@example.test"))
    );
}

#[actix_web::test]
async fn gems_are_given_and_taken_exactly_once_a_key_and_never_below_zero() {
    let app = harness::start().await;
    let (ada, grace) = (operator(&app, "Ada Lovelace").await, app.person("Grace Hopper").await);
    let (id, another) = (id_of(&grace).await, id_of(&app.person("Katherine Johnson").await).await);
    let give = json!({"gems": 20, "reason": "The outage of Monday"});
    let same = join_all((0..8).map(|_| adjust(&ada, id, "one", &give))).await;
    assert_eq!(same.iter().filter(|answer| answer.status == 201).count(), 1);
    assert_eq!(same.iter().filter(|answer| answer.status == 200).count(), 7);
    let adjustment = same[0].json();
    assert!(same.iter().all(|answer| answer.json()["id"] == adjustment["id"]));
    assert_eq!(grace.remaining().await, 70);
    // The same key for somebody or something else is another request.
    for (person, body) in [(id, json!({"gems": 21, "reason": "The outage of Monday"})), (another, give.clone())] {
        adjust(&ada, person, "one", &body).await.expect_problem(422, "idempotency-key-reused");
    }
    crate::payments::buy(&grace, "pouch").await;
    let before = grace.gems().await;
    let bought = before["bought"].as_i64().expect("gems");
    let take = adjust(&ada, id, "two", &json!({"gems": -75, "reason": "By mistake"})).await.expect_status(201).json();
    assert_eq!((&take["balance"]["free"], &take["balance"]["bought"]), (&json!(0), &json!(bought - 5)));
    assert_eq!(take["balance"]["purchased"], before["purchased"], "what was paid for stays so");
    let too_much = adjust(&ada, id, "three", &json!({"gems": -bought, "reason": "All"})).await;
    let problem = too_much.expect_problem(422, "invalid");
    assert_eq!(
        (&problem["errors"][0]["pointer"], &problem["errors"][0]["code"]),
        (&json!("/gems"), &json!("out_of_range"))
    );
    for gems in [0, 1_000_001, -1_000_001, i64::MIN, i64::MAX] {
        adjust(&ada, id, "four", &json!({"gems": gems, "reason": "x"})).await.expect_problem(422, "invalid");
    }
    let path = format!("/v1/admin/people/{id}/gem-adjustments");
    ada.post(&path, &give).await.expect_problem(400, "idempotency-key-required");
    adjust(&ada, Uuid::now_v7(), "five", &give).await.expect_problem(404, "not-found");
    assert_eq!(grace.remaining().await, bought - 5);
    let statement = grace.get("/v1/gems/transfers").await.expect_status(200).json();
    let rows = statement["data"].as_array().expect("rows").iter().filter(|row| row["kind"] == "adjustment");
    let changes: Vec<i64> = rows.map(|row| row["change"].as_i64().expect("gems")).collect();
    assert_eq!(changes.iter().sum::<i64>(), 20 - 75, "{changes:?}");
    assert!(!statement.to_string().contains("outage"), "the reason is the operators' own");
    let done: Vec<Value> = acts(&ada, &format!("?subject={id}")).await.iter().map(|act| act["gems"].clone()).collect();
    assert_eq!(done, [json!(-75), json!(20)], "what moved nothing leaves no trace");
}

#[actix_web::test]
async fn every_act_leaves_a_row_by_screen_and_by_command_line() {
    let app = harness::start().await;
    let (ada, grace) = (operator(&app, "Ada Lovelace").await, app.person("Grace Hopper").await);
    let (own, id) = (id_of(&ada).await, id_of(&grace).await);
    let (db, now) = (&app.app.db, app.app.clock.now());
    for act in [PeopleAct::Suspend { person_id: id }, PeopleAct::Restore { person_id: id }] {
        assert!(people::apply(act, db, &app.app.clock).await.expect("done"));
    }
    assert!(
        !people::apply(PeopleAct::Restore { person_id: Uuid::now_v7() }, db, &app.app.clock).await.expect("nobody")
    );
    let by_screen = flag(&app, id).await;
    let by_command = flag(&app, id).await;
    let flags = ada.get("/v1/admin/flags").await.expect_status(200).json();
    assert_eq!(flags["data"].as_array().map(Vec::len), Some(2));
    ada.request(Method::POST, &format!("/v1/admin/flags/{by_screen}/close")).send().await.expect("closed");
    flag_command::apply(FlagsAct::Close { id: by_command }, db, now).await.expect("closed");
    flag_command::apply(FlagsAct::Close { id: Uuid::now_v7() }, db, now).await.expect_err("there is none");
    assert_eq!(ada.get("/v1/admin/flags").await.json()["data"], json!([]));
    assert_eq!(ada.get("/v1/admin/flags?closed=true").await.json()["data"].as_array().map(Vec::len), Some(2));
    let asked = NewCodeArgs { gems: 7, uses: 1, expires_at: None, note: "for a fair".into() };
    let code = code_command::apply(CodesAct::Create(asked), db, now).await.expect("a code");
    let code_id: Uuid =
        sqlx::query_scalar("select id from redeem_codes").fetch_one(&mut app.sql().await).await.expect("one");
    code_command::apply(CodesAct::Revoke { id: code_id }, db, now).await.expect("revoked");
    code_command::apply(CodesAct::Revoke { id: Uuid::now_v7() }, db, now).await.expect_err("there is none");
    let read = ada.get(&format!("/v1/admin/people/{id}/requests?limit=5")).await.expect_status(200).json();
    assert!(read["data"].as_array().is_some_and(|rows| !rows.is_empty()));
    assert!(!read.to_string().contains(&own.to_string()));
    adjust(&ada, id, "one", &json!({"gems": 1, "reason": "x"})).await.expect_status(201);
    let told: Vec<(String, Option<Uuid>, bool)> = acts(&ada, "")
        .await
        .iter()
        .rev()
        .map(|act| {
            let subject = act["subject"].as_str().map(|id| id.parse().expect("a uuid"));
            (act["act"].as_str().expect("an act").to_owned(), subject, act["operator_id"].is_null())
        })
        .collect();
    let expected = [
        ("make_operator", own, true),
        ("suspend", id, true),
        ("restore", id, true),
        ("close_flag", by_screen, false),
        ("close_flag", by_command, true),
        ("create_code", code_id, true),
        ("revoke_code", code_id, true),
        ("read_requests", id, false),
        ("adjust_gems", id, false),
    ];
    let mut expected: Vec<_> = expected.map(|(act, id, by_command)| (act.to_owned(), Some(id), by_command)).into();
    let mut found = told.clone();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
    let whole: Vec<String> =
        sqlx::query_scalar("select a::text from audit_log a").fetch_all(&mut app.sql().await).await.expect("rows");
    assert!(!whole.iter().any(|row| row.contains(&code)), "a code is shown once, and not here");
}

#[actix_web::test]
async fn nobody_changes_the_audit_log() {
    let app = harness::start().await;
    let _ada = operator(&app, "Ada Lovelace").await;
    let mut sql = app.sql().await;
    for statement in ["update audit_log set act = act", "delete from audit_log", "truncate audit_log"] {
        let error = sql.execute(statement).await.expect_err("refused");
        assert!(error.to_string().contains("append-only"), "{error}");
    }
}
