//! The request log: what stands in it and what never does, who reads it, how long it stays, what it does when it cannot be
//! written, and what a request was charged once the log has forgotten it.
use std::time::{Duration, Instant};

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use lapidary::requests::{RequestLog, Row as Logged, days};
use lapidary_sandbox::faults::Fault;
use serde_json::{Value, json};
use sqlx::{Connection, Executor, Row};
use uuid::Uuid;

use crate::harness::{self, Answer, Person, TestApp};
use crate::process::Process;

/// Every column of every row, as text.
pub async fn rows(app: &TestApp) -> Vec<String> {
    app.app.request_log.flush(&app.app.db).await.expect("written");
    let all = "select r::text from request_log r order by created_at, id";
    sqlx::query_scalar(all).fetch_all(&mut app.sql().await).await.expect("rows")
}

pub async fn row(app: &TestApp, answer: &Answer) -> Value {
    app.app.request_log.flush(&app.app.db).await.expect("written");
    let one = "select to_jsonb(r) from request_log r where id = $1::uuid";
    let found = sqlx::query_scalar(one).bind(answer.header("x-request-id"));
    found.fetch_one(&mut app.sql().await).await.expect("a row")
}

pub async fn details(person: &Person<'_>, request_id: &str) -> Value {
    person.get(&format!("/v1/me/requests/{request_id}")).await.expect_status(200).json()
}

pub async fn list(person: &Person<'_>, query: &str) -> Vec<Value> {
    let answer = person.get(&format!("/v1/me/requests{query}")).await.expect_status(200).json();
    answer["data"].as_array().expect("requests").clone()
}

async fn days_there(app: &TestApp) -> Vec<NaiveDate> {
    let names: Vec<String> = sqlx::query_scalar(
        "select relname::text from pg_inherits join pg_class c on c.oid = inhrelid
         where inhparent = 'request_log'::regclass order by 1",
    )
    .fetch_all(&mut app.sql().await)
    .await
    .expect("days");
    let day = |name: &String| NaiveDate::parse_from_str(name, "request_log_%Y%m%d").expect("a day");
    names.iter().map(day).collect()
}

fn logged_at(created_at: DateTime<Utc>) -> Logged {
    Logged {
        id: Uuid::now_v7(),
        created_at,
        person_id: None,
        api_key_id: None,
        method: "GET",
        route: "/v1/me".into(),
        status: 200,
        latency_micros: 900,
        gems: None,
        problem: None,
        generation_id: None,
    }
}

#[actix_web::test]
async fn a_row_says_how_a_request_went_and_nothing_of_what_was_asked() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let body = json!({"prompt": "Zanzibarine quokka", "quality": "low", "attributes": [{"section": "Hue", "value": "vermilion"}]});
    let made = person.submit_with("a-key-of-mine", &body).await.expect_status(202);
    app.work().await;
    let dear = json!({"prompt": "Zanzibarine quokka", "quality": "high", "count": 10});
    let too_dear = person.submit_with("another-key-of-mine", &dear).await;
    let nobody_s = Uuid::now_v7();
    let missing = person.get(&format!("/v1/images/{nobody_s}?q=quokka")).await;
    let found = person.get("/v1/images?q=quokka&limit=3").await;
    let refused = person.post("/v1/gems/redemptions", &json!({"code": "not-a-code-at-all"})).await;
    let anonymous =
        Answer::of(app.browser().client.get(format!("{}/v1/gems?secret=quokka", app.url)).send().await).await;
    for path in ["/health/live", "/openapi.json", "/v1/nothing-here"] {
        person.browser.get(path).await;
    }
    let me = person.get("/v1/me").await.json();
    let all = rows(&app).await;
    for secret in [
        "quokka",
        "vermilion",
        "a-key-of-mine",
        "another-key",
        "not-a-code",
        "ada.lovelace",
        "Ada",
        "example.test",
        "127.0.0.1",
        "localhost",
        "?",
        "secret",
        &nobody_s.to_string(),
        &person.token,
    ] {
        let told: Vec<&String> = all.iter().filter(|row| row.contains(secret)).collect();
        assert!(told.is_empty(), "{secret}: {told:?}");
    }
    for unlogged in ["/health", "openapi", "nothing-here"] {
        assert!(!all.iter().any(|row| row.contains(unlogged)), "{unlogged} is logged");
    }
    let (queued, price) = (made.json(), made.json()["price_gems"].clone());
    for (answer, method, route, status, gems, problem, generation) in [
        (&made, "POST", "/v1/generations", 202, &price, Value::Null, &queued["id"]),
        (&too_dear, "POST", "/v1/generations", 402, &Value::Null, json!("insufficient-gems"), &Value::Null),
        (&missing, "GET", "/v1/images/{id}", 404, &Value::Null, json!("not-found"), &Value::Null),
        (&found, "GET", "/v1/images", 200, &Value::Null, Value::Null, &Value::Null),
        (&refused, "POST", "/v1/gems/redemptions", 422, &Value::Null, json!("invalid"), &Value::Null),
    ] {
        let row = row(&app, answer).await;
        let expected = json!({"method": method, "route": route, "status": status, "gems": gems, "problem": problem,
            "generation_id": generation, "person_id": me["id"], "api_key_id": null});
        for (name, value) in expected.as_object().expect("members") {
            assert_eq!(&row[name], value, "{name} of {row}");
        }
        assert!(row["latency_micros"].as_i64().is_some_and(|micros| micros > 0), "{row}");
        let at: DateTime<Utc> = row["created_at"].as_str().expect("a time").parse().expect("a time");
        assert!((app.app.clock.now() - at).abs() < TimeDelta::minutes(5), "{row}");
    }
    let row = row(&app, &anonymous).await;
    assert_eq!((&row["person_id"], &row["problem"]), (&Value::Null, &json!("unauthenticated")));
}

#[actix_web::test]
async fn a_stream_is_logged_when_it_begins() {
    let app = harness::start().await;
    let person = app.person("Ada").await;
    let stream = person.request(reqwest::Method::GET, "/v1/events").send().await.expect("a stream");
    let id = stream.headers()["x-request-id"].to_str().expect("an id").to_owned();
    assert_eq!(details(&person, &id).await["logged"]["route"], "/v1/events");
    drop(stream);
}

#[actix_web::test]
async fn people_read_their_own_requests_and_nobody_else_s() {
    let app = harness::start().await;
    let (ada, grace) = (app.person("Ada Lovelace").await, app.person("Grace Hopper").await);
    let made = ada.submit(&json!({"prompt": "A fox", "quality": "low"})).await.expect_status(202);
    app.work().await;
    let missing = ada.get(&format!("/v1/images/{}", Uuid::now_v7())).await;
    grace.get("/v1/gems").await;
    let ids = |rows: &[Value]| rows.iter().map(|row| row["id"].as_str().expect("an id").to_owned()).collect::<Vec<_>>();
    let hers = ids(&list(&ada, "?limit=100").await);
    for answer in [&made, &missing] {
        let id = answer.header("x-request-id").to_owned();
        assert!(hers.contains(&id), "{id} is not in {hers:?}");
        grace.get(&format!("/v1/me/requests/{id}")).await.expect_problem(404, "not-found");
    }
    let his = ids(&list(&grace, "?limit=100").await);
    assert!(his.iter().all(|id| !hers.contains(id)));
    // Newest first, page by page, without a gap.
    let (mut paged, mut cursor) = (Vec::new(), String::new());
    loop {
        let page =
            ada.get(&format!("/v1/me/requests?limit=2&to={}{cursor}", at(&app, 0))).await.expect_status(200).json();
        paged.extend(page["data"].as_array().expect("requests").clone());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert!(paged.windows(2).all(|pair| pair[0]["created_at"].as_str() >= pair[1]["created_at"].as_str()));
    assert!(hers.iter().all(|id| ids(&paged).contains(id)), "{hers:?} in pages: {paged:?}");
}

/// So many seconds from now, as a query takes it.
fn at(app: &TestApp, seconds: i64) -> String {
    (app.app.clock.now() + TimeDelta::seconds(seconds)).format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

#[actix_web::test]
async fn requests_are_filtered_and_a_wrong_filter_is_no_wider_one() {
    let app = harness::start().await;
    let person = app.person("Ada").await;
    person.submit(&json!({"prompt": "A fox", "quality": "low"})).await.expect_status(202);
    app.work().await;
    person.get(&format!("/v1/images/{}", Uuid::now_v7())).await.expect_status(404);
    let (earlier, later) = (at(&app, -3600), at(&app, 3600));
    for (query, status, route) in [
        ("?failed=true".to_owned(), 404, "/v1/images/{id}"),
        ("?status=4xx".to_owned(), 404, "/v1/images/{id}"),
        ("?route=/v1/images/{id}".to_owned(), 404, "/v1/images/{id}"),
        (format!("?route=/v1/generations&status=2xx&from={earlier}&to={later}"), 202, "/v1/generations"),
    ] {
        let found = list(&person, &query).await;
        assert_eq!(found.len(), 1, "{query}: {found:?}");
        assert_eq!((&found[0]["status"], &found[0]["route"]), (&json!(status), &json!(route)), "{query}");
    }
    let none = Uuid::now_v7();
    for query in
        [format!("?key={none}"), format!("?from={later}"), format!("?to={earlier}"), "?failed=true&status=2xx".into()]
    {
        assert!(list(&person, &query).await.is_empty(), "{query}");
    }
    for query in ["?status=9xx", "?key=x", "?from=yesterday", "?failed=perhaps", "?cursor=x"] {
        person.get(&format!("/v1/me/requests{query}")).await.expect_problem(400, "malformed-request");
    }
    for query in ["?route=%00", "?to=0001-01-01T00:00:00Z", "?limit=0"] {
        person.get(&format!("/v1/me/requests{query}")).await.expect_problem(422, "invalid");
    }
    person.get("/v1/me/requests/not-an-id").await.expect_problem(404, "not-found");
}

#[actix_web::test]
async fn what_a_request_was_charged_is_known_after_the_log_has_forgotten_it() {
    let app = harness::start().await;
    let person = app.person("Ada").await;
    let body = json!({"prompt": "A fox", "quality": "low"});
    let made = person.submit_with("one", &body).await.expect_status(202);
    let (id, price) = (made.header("x-request-id"), made.json()["price_gems"].clone());
    let waiting = details(&person, id).await;
    assert_eq!((&waiting["charged_gems"], &waiting["held_gems"]), (&json!(0), &price));
    app.work().await;
    app.fault(Fault::once("openai", "moderation_blocked"));
    let refused = person.submit(&body).await.expect_status(202);
    app.work().await;
    let refined = crate::refinements::refine(&person, &json!({"prompt": "A fox"})).await.expect_status(200);
    let retried = person.submit_with("one", &body).await.expect_status(202);
    let too_dear = person.submit(&json!({"prompt": "A fox", "quality": "high", "count": 10})).await;
    let before = details(&person, id).await;
    assert_eq!(before["logged"]["gems"], price);
    // Two processes' housekeeping at once, a month later.
    let later = app.app.clock.now() + TimeDelta::days(32);
    let (one, other) = tokio::join!(days::keep(&app.app, later), days::keep(&app.app, later));
    one.and(other).expect("kept");
    let (after, failed) = (details(&person, id).await, details(&person, refused.header("x-request-id")).await);
    assert!(after["logged"].is_null(), "{after}");
    assert_eq!((&after["charged_gems"], &after["held_gems"], &after["released_gems"]), (&price, &json!(0), &json!(0)));
    assert_eq!(after["generation"]["status"], "succeeded");
    assert_eq!(after["generation"], before["generation"]);
    assert_eq!((&failed["charged_gems"], &failed["released_gems"]), (&json!(0), &price));
    assert_eq!(
        (&failed["failed_stage"], &failed["generation"]["failure"]["code"]),
        (&json!("model"), &json!("refused"))
    );
    let refinement = details(&person, refined.header("x-request-id")).await;
    assert_eq!(refinement["charged_gems"], refined.json()["captured_gems"]);
    assert_eq!(refinement["refinement"]["status"], "succeeded");
    // What only the log knew is gone with it.
    for answer in [&retried, &too_dear] {
        let path = format!("/v1/me/requests/{}", answer.header("x-request-id"));
        person.get(&path).await.expect_problem(404, "not-found");
    }
}

#[actix_web::test]
async fn a_retry_was_charged_to_the_request_that_began_it() {
    let app = harness::start().await;
    let person = app.person("Ada").await;
    let body = json!({"prompt": "A fox", "quality": "low"});
    let first = person.submit_with("one", &body).await.expect_status(202);
    app.work().await;
    let retried = person.submit_with("one", &body).await.expect_status(202);
    let told = details(&person, retried.header("x-request-id")).await;
    assert_eq!(told["charged_gems"], 0);
    assert_eq!(told["generation"]["request_id"], first.header("x-request-id"));
    let refused = person.submit(&json!({"prompt": "A fox", "quality": "high", "count": 10})).await;
    let told = details(&person, refused.header("x-request-id")).await;
    assert_eq!((&told["charged_gems"], &told["failed_stage"]), (&json!(0), &json!("request")));
    assert_eq!(told["logged"]["problem"], "insufficient-gems");
}

#[actix_web::test]
async fn days_are_made_ahead_and_dropped_when_they_are_over_each_with_a_trace() {
    let app = harness::start().await;
    let now = "2027-03-01T00:00:00Z".parse::<DateTime<Utc>>().expect("a time");
    let day = |ago: u64| now.date_naive().checked_sub_days(Days::new(ago)).expect("a day");
    for ago in [40, 31, 30, 1] {
        days::make(&app.app.db, day(ago)).await.expect("made");
    }
    days::keep(&app.app, now).await.expect("kept");
    let ahead = [1, 2].map(|days| now.date_naive().checked_add_days(Days::new(days)).expect("a day"));
    assert_eq!(days_there(&app).await, [day(30), day(1), day(0), ahead[0], ahead[1]]);
    days::keep(&app.app, now + TimeDelta::hours(23)).await.expect("kept");
    assert_eq!(days_there(&app).await[0], day(30), "a day stays until all of it is 30 days old");
    days::keep(&app.app, now + TimeDelta::hours(24)).await.expect("kept");
    assert_eq!(days_there(&app).await[0], day(1));
    let traces: Vec<(String, DateTime<Utc>)> = sqlx::query_as(
        "select cursor_key, finished_at from sweep_runs where kind = 'request_log_day' and deleted = 1 order by 2, 1",
    )
    .fetch_all(&mut app.sql().await)
    .await
    .expect("traces");
    let gone = |ago: u64, at: DateTime<Utc>| (day(ago).to_string(), at);
    assert_eq!(traces, [gone(40, now), gone(31, now), gone(30, now + TimeDelta::hours(24))]);
}

#[actix_web::test]
async fn a_row_without_a_day_makes_its_day_and_takes_nobody_along() {
    let app = harness::start().await;
    let now = app.app.clock.now();
    app.app.request_log.put(logged_at(now));
    app.app.request_log.put(logged_at(now + TimeDelta::days(12)));
    assert_eq!(rows(&app).await.len(), 2);
    assert_eq!(days_there(&app).await.len(), 2);
}

#[actix_web::test]
async fn a_log_that_cannot_be_written_makes_no_request_wait_and_loses_nothing_when_it_can_be_again() {
    let app = harness::start().await;
    let person = app.person("Ada").await;
    let before = rows(&app).await.len();
    let mut sql = app.sql().await;
    let mut locked = sql.begin().await.expect("a transaction");
    locked.execute("lock table request_log in access exclusive mode").await.expect("locked");
    for _ in 0..5 {
        person.get("/v1/me").await.expect_status(200);
    }
    // Whoever gives up waiting loses no row.
    app.app.request_log.catch_up(&app.app.db).await;
    locked.rollback().await.expect("unlocked");
    assert_eq!(rows(&app).await.len(), before + 5);
    assert_eq!(app.app.request_log.dropped(), 0);
}

#[actix_web::test]
async fn a_log_without_a_database_drops_what_it_has_no_room_for_and_counts_it() {
    let app = harness::start().await;
    let log = RequestLog::with_room_for(10);
    let mut sql = app.sql().await;
    let mut locked = sql.begin().await.expect("a transaction");
    locked.execute("lock table request_log in access exclusive mode").await.expect("locked");
    (0..25).for_each(|_| log.put(logged_at(app.app.clock.now())));
    assert_eq!((log.waiting(), log.dropped()), (10, 15));
    locked.rollback().await.expect("unlocked");
    log.flush(&app.app.db).await.expect("written");
    assert_eq!((log.waiting(), rows(&app).await.len()), (0, 10));
}

#[actix_web::test]
async fn a_reader_keeps_a_day_from_being_dropped_and_not_the_writer_from_writing() {
    let app = harness::start().await;
    let now = app.app.clock.now();
    days::make(&app.app.db, now.date_naive()).await.expect("made");
    let mut sql = app.sql().await;
    let mut reading = sql.begin().await.expect("a transaction");
    reading.fetch_all("select * from request_log").await.expect("rows");
    let refused = days::keep(&app.app, now + TimeDelta::days(32)).await.expect_err("somebody reads");
    assert!(refused.to_string().contains("lock timeout"), "{refused}");
    app.app.request_log.put(logged_at(now));
    assert_eq!(rows(&app).await.len(), 1);
    reading.rollback().await.expect("read");
    days::keep(&app.app, now + TimeDelta::days(32)).await.expect("kept");
    assert!(!days_there(&app).await.contains(&now.date_naive()));
}

#[actix_web::test]
async fn the_last_requests_of_a_process_are_written_before_it_ends() {
    let app = harness::start().await;
    let person = app.person("Ada").await;
    let mut process = Process::serve(&app, &[]).await;
    let there = person.browser.client.get(format!("{}/v1/gems", process.url)).bearer_auth(&person.token);
    let answer = Answer::of(there.send().await).await.expect_status(200);
    assert!(process.terminate().await.success());
    // Another process's, which this one had no part in.
    assert_eq!(details(&person, answer.header("x-request-id")).await["logged"]["route"], "/v1/gems");
}

#[actix_web::test]
async fn a_full_queue_is_written_when_the_process_ends() {
    let app = harness::start().await;
    let (log, now) = (RequestLog::default(), app.app.clock.now());
    days::make(&app.app.db, now.date_naive()).await.expect("made");
    while log.dropped() == 0 {
        log.put(logged_at(now));
    }
    let waiting = log.waiting();
    assert_eq!((waiting, log.dropped()), (20_000, 1));
    let before = rows(&app).await.len();
    log.end(&app.app.db).await;
    assert_eq!((log.waiting(), log.dropped()), (0, 1));
    assert_eq!(rows(&app).await.len(), before + waiting);
}

#[actix_web::test]
async fn somebody_too_young_leaves_no_request_behind() {
    let app = harness::start().await;
    let browser = app.browser();
    browser.sign_in("github", "Ada Lovelace").await;
    let token = browser.refresh().await.expect("a token");
    let child = Person { app: &app, browser, token };
    let id = child.get("/v1/me").await.json()["id"].as_str().expect("an id").to_owned();
    assert!(rows(&app).await.iter().any(|row| row.contains(&id)));
    child.patch("/v1/me", &json!({"age_confirmed": false})).await.expect_status(204);
    let left: Vec<String> = rows(&app).await.into_iter().filter(|row| row.contains(&id)).collect();
    assert!(left.is_empty(), "{left:?}");
}

/// Not a test of time: it shows figures. `cargo test … --test it -- --ignored --nocapture ten_thousand_rows`.
#[actix_web::test]
#[ignore = "shows figures"]
async fn figures_of_ten_thousand_rows_a_second() {
    let app = harness::start().await;
    let (_open, is_open) = tokio::sync::watch::channel(true);
    tokio::spawn(lapidary::requests::writer::work(app.app.clone(), is_open));
    let person = Uuid::now_v7();
    let make = || Logged { person_id: Some(person), gems: Some(10), ..logged_at(app.app.clock.now()) };
    let (seconds, a_beat, log) = (10_u32, 100_u32, &app.app.request_log);
    let (mut most_waiting, mut slowest, mut spent, started) = (0, Duration::ZERO, Duration::ZERO, Instant::now());
    let mut beat = tokio::time::interval(Duration::from_millis(10));
    for _ in 0..seconds * 100 {
        beat.tick().await;
        for _ in 0..a_beat {
            let row = make();
            let put = Instant::now();
            log.put(row);
            let took = put.elapsed();
            (spent, slowest) = (spent + took, slowest.max(took));
        }
        most_waiting = most_waiting.max(log.waiting());
    }
    let paced = started.elapsed();
    log.flush(&app.app.db).await.expect("written");
    let total = seconds * 100 * a_beat;
    let written: i64 =
        sqlx::query("select count(*) from request_log").fetch_one(&mut app.sql().await).await.expect("a count").get(0);
    println!(
        "{total} rows in {:.2} s ({:.0} a second): {written} written, {} dropped, {most_waiting} waited at most; a put took \
         {:.2} µs, the slowest {} µs",
        paced.as_secs_f64(),
        f64::from(total) / paced.as_secs_f64(),
        log.dropped(),
        spent.as_secs_f64() * 1e6 / f64::from(total),
        slowest.as_micros()
    );
    // As fast as it goes, so that the queue is full.
    let (burst, started) = (200_000_u32, Instant::now());
    for index in 0..burst {
        log.put(make());
        if index % 1_000 == 0 {
            tokio::task::yield_now().await;
        }
    }
    log.flush(&app.app.db).await.expect("written");
    let took = started.elapsed().as_secs_f64();
    let kept = u64::from(burst) - log.dropped();
    println!(
        "{burst} rows at once: {kept} written in {took:.2} s ({:.0} a second), the rest dropped",
        f64::from(u32::try_from(kept).expect("few")) / took
    );
}
