//! API keys: shown once, known by their beginning, refused when they are wrong, ended everywhere within a look at the feed.
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use lapidary::auth::people;
use lapidary::config::PeopleAct;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::Executor;

use crate::harness::{self, Answer, Person, TestApp};
use crate::isolation::{as_person, ids_of};

/// A program that has a key.
pub struct Caller<'a> {
    pub app: &'a TestApp,
    pub id: String,
    pub key: String,
    client: reqwest::Client,
}

impl<'a> Caller<'a> {
    /// The same key somewhere else.
    pub fn at<'b>(&self, app: &'b TestApp) -> Caller<'b> {
        Caller { app, id: self.id.clone(), key: self.key.clone(), client: self.client.clone() }
    }

    pub fn with(&self, key: &str) -> Caller<'a> {
        Caller { app: self.app, id: self.id.clone(), key: key.to_owned(), client: self.client.clone() }
    }

    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("{}{path}", self.app.url)).bearer_auth(&self.key)
    }

    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path).send().await).await
    }

    pub async fn submit_with(&self, key: &str, body: &Value) -> Answer {
        let request = self.request(Method::POST, "/v1/generations").header("Idempotency-Key", key);
        Answer::of(request.json(body).send().await).await
    }

    pub async fn submit(&self, body: &Value) -> Answer {
        self.submit_with(&uuid::Uuid::now_v7().to_string(), body).await
    }
}

pub async fn key_with<'a>(person: &Person<'a>, body: &Value) -> Caller<'a> {
    let made = person.post("/v1/me/api-keys", body).await.expect_status(201).json();
    let text = |name: &str| made[name].as_str().expect("text").to_owned();
    Caller { app: person.app, id: text("id"), key: text("key"), client: person.browser.client.clone() }
}

pub async fn key_of<'a>(person: &Person<'a>, scopes: &[&str]) -> Caller<'a> {
    key_with(person, &json!({"name": "Nightly", "scopes": scopes})).await
}

async fn poll(app: &TestApp) {
    app.app.auth.revocations.poll(&app.app.db).await.expect("the feed");
}

async fn revoke(person: &Person<'_>, caller: &Caller<'_>) -> Answer {
    person.delete(&format!("/v1/me/api-keys/{}", caller.id)).await
}

async fn apply(app: &TestApp, act: PeopleAct) {
    assert!(people::apply(act, &app.app.db, &app.app.clock).await.expect("applied"));
    poll(app).await;
}

#[actix_web::test]
async fn a_key_is_shown_once_and_opens_what_its_scopes_say() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let body = json!({"name": " Nightly ", "scopes": ["images:read", "gems:read", "gems:read"], "daily_gems": 40});
    let answer = person.post("/v1/me/api-keys", &body).await.expect_status(201);
    assert_eq!(answer.header("cache-control"), "no-store");
    let made = answer.json();
    let key = made["key"].as_str().expect("a key");
    assert_eq!((&made["name"], &made["scopes"]), (&json!("Nightly"), &json!(["images:read", "gems:read"])));
    let listed = person.get("/v1/me/api-keys").await.expect_status(200).json();
    assert_eq!(listed["data"][0]["start"], key[..10]);
    assert_eq!((&listed["data"][0]["daily_gems"], listed["data"][0].get("key")), (&json!(40), None));
    let kept: String =
        sqlx::query_scalar("select t::text from api_keys t").fetch_one(&mut app.sql().await).await.unwrap();
    assert!(!kept.contains(&key[10..]), "the key itself is kept: {kept}");
    let caller = key_of(&person, &["gems:read"]).await;
    assert_eq!(caller.get("/v1/gems").await.expect_status(200).json(), person.gems().await);
    let lacking = caller.get("/v1/images").await.expect_problem(403, "scope-missing");
    assert_eq!(lacking["scope"], "images:read");
    for (method, path) in
        [(Method::GET, "/v1/me/sessions"), (Method::POST, "/v1/me/api-keys"), (Method::PATCH, "/v1/me")]
    {
        let refused = Answer::of(caller.request(method, path).json(&json!({})).send().await).await;
        assert_eq!(refused.expect_problem(403, "scope-missing").get("scope"), None, "{path} takes no key");
    }
}

#[actix_web::test]
async fn wrong_expired_and_revoked_keys_are_refused() {
    let app = harness::start().await;
    let (person, other) = (app.person("Ada Lovelace").await, app.person("Grace Hopper").await);
    let caller = key_of(&person, &["gems:read"]).await;
    let unknown = lapidary::auth::api_keys::text::generate().expect("a key");
    let mut typed = caller.key.clone().into_bytes();
    typed[9] = if typed[9] == b'x' { b'y' } else { b'x' };
    for wrong in [unknown.as_str(), std::str::from_utf8(&typed).unwrap(), "lap_", "lap_x", &caller.key[..41]] {
        caller.with(wrong).get("/v1/gems").await.expect_problem(401, "unauthenticated");
    }
    let soon = app.app.clock.now() + TimeDelta::hours(1);
    let brief = key_with(&person, &json!({"name": "Brief", "scopes": ["gems:read"], "expires_at": soon})).await;
    brief.get("/v1/gems").await.expect_status(200);
    assert_eq!(revoke(&other, &caller).await.status, 404, "another's");
    caller.get("/v1/gems").await.expect_status(200);
    revoke(&person, &caller).await.expect_status(204);
    caller.get("/v1/gems").await.expect_problem(401, "unauthenticated");
    revoke(&person, &caller).await.expect_problem(404, "not-found");
    app.app.clock.advance(TimeDelta::hours(1));
    poll(&app).await;
    brief.get("/v1/gems").await.expect_problem(401, "unauthenticated");
}

#[actix_web::test]
async fn what_is_wrong_with_a_key_is_said_by_pointer() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let now = app.app.clock.now();
    let with = |name: &str, value: Value| {
        let mut body = json!({"name": "x", "scopes": ["gems:read"]});
        body[name] = value;
        body
    };
    for (body, pointer, code) in [
        (with("name", json!(" ")), "/name", "required"),
        (with("name", json!("x".repeat(81))), "/name", "too_long"),
        (with("scopes", json!([])), "/scopes", "required"),
        (with("scopes", json!(["moon:read"])), "/scopes/0", "wrong_type"),
        (with("daily_gems", json!(0)), "/daily_gems", "out_of_range"),
        (with("daily_gems", json!(1_000_001)), "/daily_gems", "out_of_range"),
        (with("expires_at", json!(now)), "/expires_at", "out_of_range"),
        (with("expires_at", json!(now + TimeDelta::days(4_000))), "/expires_at", "out_of_range"),
        (with("expires_at", json!("tomorrow")), "/expires_at", "wrong_type"),
        (with("monthly_gems", json!(5)), "/monthly_gems", "unknown_field"),
    ] {
        let problem = person.post("/v1/me/api-keys", &body).await.expect_problem(422, "invalid");
        assert_eq!(
            (&problem["errors"][0]["pointer"], &problem["errors"][0]["code"]),
            (&json!(pointer), &json!(code)),
            "{body}"
        );
    }
}

#[actix_web::test]
async fn fifty_keys_of_a_person_work_at_a_time() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let body = json!({"name": "One of many", "scopes": ["me:read"]});
    let answers = join_all((0..56).map(|_| person.post("/v1/me/api-keys", &body))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 50);
    for refused in answers.into_iter().filter(|answer| answer.status != 201) {
        assert_eq!(refused.expect_problem(422, "invalid")["errors"][0]["code"], "too_many");
    }
    let first = person.get("/v1/me/api-keys?limit=30").await.expect_status(200).json();
    let cursor = first["next_cursor"].as_str().expect("there are more");
    let second = person.get(&format!("/v1/me/api-keys?limit=30&cursor={cursor}")).await.expect_status(200).json();
    assert_eq!(second["data"].as_array().map(Vec::len), Some(20));
    let gone = first["data"][0]["id"].as_str().expect("an id");
    person.delete(&format!("/v1/me/api-keys/{gone}")).await.expect_status(204);
    person.post("/v1/me/api-keys", &body).await.expect_status(201);
}

#[actix_web::test]
async fn whoever_makes_keys_and_ends_them_at_once_is_told_to_come_back() {
    let app = harness::start().await;
    let mut person = app.person("Ada Lovelace").await;
    let body = json!({"name": "One of many", "scopes": ["me:read"]});
    person.post("/v1/me/api-keys", &body).await.expect_status(201);
    let many = "insert into api_keys (id, person_id, name, start, key_hash, scopes, free_gems_only, created_at, revoked_at)
        select gen_random_uuid(), person_id, name, start, sha256(number::text::bytea), scopes, free_gems_only, created_at,
          created_at
        from api_keys, generate_series(1, 198) number";
    app.sql().await.execute(many).await.expect("198 more");
    person.post("/v1/me/api-keys", &body).await.expect_status(201);
    let refused = person.post("/v1/me/api-keys", &body).await;
    let wait: i64 = refused.header("retry-after").parse().expect("seconds");
    assert!((86_000..=86_401).contains(&wait), "{wait}");
    refused.expect_problem(429, "rate-limited");
    app.app.clock.advance(TimeDelta::seconds(wait));
    person.token = person.browser.refresh().await.expect("an access token");
    person.post("/v1/me/api-keys", &body).await.expect_status(201);
}

#[actix_web::test]
async fn a_known_key_asks_nobody_until_something_is_heard_of_it_or_nothing_of_anything() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let caller = key_of(&person, &["me:read"]).await;
    caller.get("/v1/me").await.expect_status(200);
    let mut sql = app.sql().await;
    // Said to nobody: only who asks the database can know.
    sql.execute("update api_keys set revoked_at = now()").await.expect("revoked");
    caller.get("/v1/me").await.expect_problem(401, "unauthenticated");
    sql.execute("update api_keys set revoked_at = null").await.expect("as before");
    poll(&app).await;
    caller.get("/v1/me").await.expect_status(200);
    sql.execute("update api_keys set revoked_at = now()").await.expect("revoked");
    poll(&app).await;
    caller.get("/v1/me").await.expect_status(200);
    sql.execute("insert into revocations (session_id) select id from api_keys").await.expect("said");
    poll(&app).await;
    caller.get("/v1/me").await.expect_problem(401, "unauthenticated");
}

#[actix_web::test]
async fn a_revoked_key_is_refused_by_the_other_process_and_its_streams_end_after_one_look_at_the_feed() {
    let here = harness::start().await;
    let there = harness::start_with(&[format!("--database-url={}", here.database_url)]).await;
    let person = here.person("Ada Lovelace").await;
    let caller = key_of(&person, &["me:read", "generations:read"]).await;
    let elsewhere = caller.at(&there);
    poll(&there).await;
    elsewhere.get("/v1/me").await.expect_status(200);
    let stream = elsewhere.request(Method::GET, "/v1/events").timeout(std::time::Duration::from_secs(60));
    let mut stream = stream.send().await.expect("a stream");
    assert_eq!(stream.status(), 200);
    revoke(&person, &caller).await.expect_status(204);
    caller.get("/v1/me").await.expect_problem(401, "unauthenticated");
    poll(&there).await;
    elsewhere.get("/v1/me").await.expect_problem(401, "unauthenticated");
    while stream.chunk().await.expect("no error").is_some() {}
}

#[actix_web::test]
async fn keys_of_a_suspended_person_are_refused_and_work_again_once_restored() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let person_id = person.get("/v1/me").await.json()["id"].as_str().unwrap().parse().unwrap();
    let caller = key_of(&person, &["me:read", "generations:read"]).await;
    let revoked = key_of(&person, &["me:read"]).await;
    revoke(&person, &revoked).await.expect_status(204);
    poll(&app).await;
    caller.get("/v1/me").await.expect_status(200);
    let stream = caller.request(Method::GET, "/v1/events").timeout(std::time::Duration::from_secs(60));
    let mut stream = stream.send().await.expect("a stream");
    apply(&app, PeopleAct::Suspend { person_id }).await;
    caller.get("/v1/me").await.expect_problem(403, "suspended");
    while stream.chunk().await.expect("no error").is_some() {}
    apply(&app, PeopleAct::Restore { person_id }).await;
    caller.get("/v1/me").await.expect_status(200);
    // What was heard of it is remembered for a while: a stream must not end for it.
    let stream = caller.request(Method::GET, "/v1/events").timeout(std::time::Duration::from_secs(60));
    let mut stream = stream.send().await.expect("a stream");
    assert!(stream.chunk().await.expect("no error").is_some());
    let next = tokio::time::timeout(std::time::Duration::from_millis(600), stream.chunk()).await;
    assert!(!matches!(next, Ok(Ok(None))), "the stream of a restored key ends");
    revoked.get("/v1/me").await.expect_problem(401, "unauthenticated");
    // Its session was ended for good.
    person.get("/v1/me").await.expect_problem(401, "unauthenticated");
}

#[actix_web::test]
async fn a_stream_ends_with_its_key() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let soon = app.app.clock.now() + TimeDelta::hours(1);
    let body = json!({"name": "Brief", "scopes": ["generations:read"], "expires_at": soon});
    let (brief, lasting) = (key_with(&person, &body).await, key_of(&person, &["generations:read"]).await);
    let open = async |caller: &Caller<'_>| {
        let request = caller.request(Method::GET, "/v1/events").timeout(std::time::Duration::from_secs(60));
        request.send().await.expect("a stream")
    };
    let (mut ends, mut goes_on) = (open(&brief).await, open(&lasting).await);
    app.app.clock.advance(TimeDelta::hours(2));
    while ends.chunk().await.expect("no error").is_some() {}
    assert!(goes_on.chunk().await.expect("no error").is_some());
    let next = tokio::time::timeout(std::time::Duration::from_millis(600), goes_on.chunk()).await;
    assert!(!matches!(next, Ok(Ok(None))), "a key without an end has streams without one");
}

#[actix_web::test]
async fn the_last_use_is_written_in_passing() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let caller = key_of(&person, &["gems:read"]).await;
    let last = async || {
        app.app.auth.api_keys.write_uses(&app.app.db).await.expect("written");
        let listed = person.get("/v1/me/api-keys").await.json();
        listed["data"][0]["last_used_at"].as_str().map(|at| at.parse::<DateTime<Utc>>().expect("a time"))
    };
    assert_eq!(last().await, None);
    let before = app.app.clock.now();
    caller.get("/v1/gems").await.expect_status(200);
    let first = last().await.expect("it was used");
    assert!(first >= before);
    caller.get("/v1/gems").await.expect_status(200);
    assert_eq!(last().await, Some(first), "once a minute");
    app.app.clock.advance(TimeDelta::seconds(61));
    caller.get("/v1/images").await.expect_problem(403, "scope-missing");
    assert!(last().await.expect("it was used") >= first + TimeDelta::seconds(61));
}

#[actix_web::test]
async fn nobody_reads_the_hash_of_a_key() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    key_of(&person, &["gems:read"]).await;
    let (ada, account) = ids_of(&app, "ada.lovelace@example.test").await;
    let mut sql = as_person(&app, &ada, &account).await;
    sql.execute("select id, start from api_keys").await.expect("one's own");
    let refused = sql.execute("select key_hash from api_keys").await.expect_err("refused");
    assert!(refused.to_string().contains("permission denied"), "{refused}");
    let refused = sql.execute("update api_keys set scopes = '{gems:write}'").await.expect_err("refused");
    assert!(refused.to_string().contains("permission denied"), "{refused}");
}
