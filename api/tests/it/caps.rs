//! A person's own caps are kept exactly, on that person's clock, and refused requests leave nothing behind.
use chrono::{DateTime, Datelike, NaiveTime, TimeDelta, Timelike, Utc};
use futures_util::future::join_all;
use lapidary_sandbox::faults::Fault;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{self, Answer, Person};
use crate::ledger_rows::{actor, buy, give, refund, spend_bought};

fn fox() -> Value {
    json!({"prompt": "A fox crossing a frozen river", "quality": "low", "count": 2})
}

async fn price(person: &Person<'_>) -> i64 {
    person.post("/v1/quotes", &fox()).await.expect_status(200).json()["price_gems"].as_i64().expect("a price")
}

async fn put(person: &Person<'_>, body: &Value) -> Answer {
    Answer::of(person.request(Method::PUT, "/v1/gems/caps").json(body).send().await).await
}

async fn set(person: &Person<'_>, body: &Value) -> Value {
    put(person, body).await.expect_status(200).json()
}

async fn caps(person: &Person<'_>) -> Value {
    person.get("/v1/gems/caps").await.expect_status(200).json()
}

fn time(problem: &Value) -> DateTime<Utc> {
    problem["resets_at"].as_str().expect("a time").parse().expect("RFC 3339")
}

#[actix_web::test]
async fn a_daily_cap_under_200_parallel_submits_is_kept_exactly() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    give(&app, actor(&person).await, 5_000).await;
    let (before, price) = (person.remaining().await, price(&person).await);
    // Seven fit, and what is left is one gem too few for the eighth.
    set(&person, &json!({"daily_gems": price * 8 - 1, "time_zone": "Europe/Berlin"})).await;
    let body = fox();
    let submit = || async {
        loop {
            let answer = person.submit(&body).await;
            // A crowded machine may ask to come again; that holds nothing.
            if answer.status != 503 {
                return answer;
            }
        }
    };
    let answers = join_all((0..200).map(|_| submit())).await;
    let accepted = answers.iter().filter(|answer| answer.status == 202).count();
    assert_eq!((accepted, answers.len()), (7, 200));
    for refused in answers.into_iter().filter(|answer| answer.status != 202) {
        let problem = refused.expect_problem(402, "gem-cap-reached");
        assert_eq!(problem["available"], price - 1, "all seven were seen by whoever was refused");
    }
    let gems = person.gems().await;
    assert_eq!((&gems["held"], &gems["remaining"]), (&json!(price * 7), &json!(before - price * 7)));
    assert_eq!(caps(&person).await["used_today"], price * 7);
    app.work().await;
    assert_eq!(caps(&person).await["used_today"], price * 7, "captured or held is the same");
    assert_eq!(person.get("/v1/generations?limit=100").await.json()["data"].as_array().map(Vec::len), Some(7));
}

/// The instant of the next midnight, said by people who live there; summers in St John's are an hour ahead.
fn is_midnight(zone: &str, at: DateTime<Utc>) -> bool {
    let at = at.time();
    match zone {
        "Pacific/Kiritimati" => at == NaiveTime::from_hms_opt(10, 0, 0).expect("a time"),
        _ => [2, 3].contains(&at.hour()) && (at.minute(), at.second()) == (30, 0),
    }
}

#[actix_web::test]
async fn caps_reset_at_the_persons_midnight_and_say_when() {
    for zone in ["Pacific/Kiritimati", "America/St_Johns"] {
        let app = harness::start().await;
        let mut person = app.person("Ada Lovelace").await;
        let price = price(&person).await;
        set(&person, &json!({"daily_gems": price, "time_zone": zone})).await;
        person.submit(&fox()).await.expect_status(202);
        app.work().await;
        let refused = person.submit(&fox()).await.expect_problem(402, "gem-cap-reached");
        assert_eq!((&refused["required"], &refused["available"]), (&json!(price), &json!(0)));
        let (now, resets_at) = (app.app.clock.now(), time(&refused));
        assert!(is_midnight(zone, resets_at), "{zone}: {resets_at}");
        assert!(resets_at > now && resets_at - now <= TimeDelta::hours(25), "{zone}: {resets_at}");
        // Long enough before that nothing between here and there takes as long.
        app.app.clock.advance(resets_at - app.app.clock.now() - TimeDelta::minutes(4));
        person.token = person.browser.refresh().await.expect("a token");
        let still = person.submit(&fox()).await.expect_problem(402, "gem-cap-reached");
        assert_eq!(time(&still), resets_at, "{zone}: the same midnight");
        assert_eq!(caps(&person).await["used_today"], price);
        app.app.clock.advance(resets_at - app.app.clock.now());
        person.submit(&fox()).await.expect_status(202);
        let anew = caps(&person).await;
        assert_eq!(anew["used_today"], price, "{zone}: a new day");
        app.work().await;
    }
}

#[actix_web::test]
async fn a_day_begins_where_clocks_go_back_over_midnight_or_leave_it_out() {
    let app = harness::start().await;
    for (midnight, zone, begins) in [
        ("2026-06-01", "Pacific/Kiritimati", "2026-05-31T10:00:00Z"),
        ("2026-01-01", "America/St_Johns", "2026-01-01T03:30:00Z"),
        ("2026-07-01", "America/St_Johns", "2026-07-01T02:30:00Z"),
        ("2025-10-26", "Atlantic/Azores", "2025-10-26T00:00:00Z"),
        ("2025-10-27", "Atlantic/Azores", "2025-10-27T01:00:00Z"),
        ("2025-03-30", "Asia/Beirut", "2025-03-29T22:00:00Z"),
        ("2025-03-31", "Asia/Beirut", "2025-03-30T21:00:00Z"),
        ("2026-03-29", "Europe/Berlin", "2026-03-28T23:00:00Z"),
    ] {
        let said: DateTime<Utc> = sqlx::query_scalar("select first_moment($1::date::timestamp, $2)")
            .bind(midnight.parse::<chrono::NaiveDate>().expect("a date"))
            .bind(zone)
            .fetch_one(&mut app.sql().await)
            .await
            .expect("a time");
        assert_eq!(said, begins.parse::<DateTime<Utc>>().expect("a time"), "{midnight} in {zone}");
    }
}

#[actix_web::test]
async fn the_cap_of_the_month_ends_with_the_month_and_the_last_cap_in_the_way_says_when() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let price = price(&person).await;
    set(&person, &json!({"monthly_gems": price, "time_zone": "UTC"})).await;
    person.submit(&fox()).await.expect_status(202);
    app.work().await;
    let of_month = person.submit(&fox()).await.expect_problem(402, "gem-cap-reached");
    let next = time(&of_month);
    assert_eq!((next.day(), next.time()), (1, NaiveTime::MIN));
    assert!(next > app.app.clock.now() && next - app.app.clock.now() <= TimeDelta::days(31));
    let said = set(&person, &json!({"daily_gems": price, "monthly_gems": price + 1, "time_zone": "UTC"})).await;
    assert_eq!((&said["used_today"], &said["used_this_month"]), (&json!(price), &json!(price)));
    let both = person.submit(&fox()).await.expect_problem(402, "gem-cap-reached");
    assert_eq!((time(&both), &both["available"]), (next, &json!(0)), "tomorrow the month would still be in the way");
    set(&person, &json!({"daily_gems": price, "monthly_gems": price * 9, "time_zone": "UTC"})).await;
    let of_day = time(&person.submit(&fox()).await.expect_problem(402, "gem-cap-reached"));
    assert_eq!(of_day, (app.app.clock.today() + chrono::Days::new(1)).and_time(NaiveTime::MIN).and_utc());
}

#[actix_web::test]
async fn a_cap_that_would_be_passed_comes_after_insufficient_gems_and_holds_nothing() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let me = actor(&person).await;
    let price = price(&person).await;
    set(&person, &json!({"daily_gems": price - 1, "time_zone": "UTC"})).await;
    let before = person.gems().await;
    let refused = person.submit_with("key", &fox()).await.expect_problem(402, "gem-cap-reached");
    assert_eq!((&refused["required"], &refused["available"]), (&json!(price), &json!(price - 1)));
    assert_eq!(person.gems().await, before, "nothing is held");
    assert_eq!(person.get("/v1/generations").await.json()["data"], json!([]));
    assert_eq!(person.get("/v1/gems/transfers").await.json()["data"].as_array().map(Vec::len), Some(1));
    set(&person, &json!({"time_zone": "UTC"})).await;
    person.submit_with("key", &fox()).await.expect_status(202);
    app.work().await;
    set(&person, &json!({"daily_gems": 1, "time_zone": "UTC"})).await;
    let posting = buy(&app, me, 30, app.app.clock.now()).await;
    spend_bought(&app, me, 30).await;
    let poor = person.submit(&fox()).await.expect_problem(402, "insufficient-gems");
    assert_eq!((&poor["available"], poor.get("resets_at")), (&json!(0), None));
    refund(&app, posting).await;
    assert_eq!(person.submit(&fox()).await.expect_problem(402, "insufficient-gems")["debt"], 30);
}

#[actix_web::test]
async fn a_retry_is_answered_although_it_has_used_up_the_cap_itself() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    set(&person, &json!({"daily_gems": price(&person).await, "time_zone": "UTC"})).await;
    let body = fox();
    let answers = join_all((0..20).map(|_| person.submit_with("key", &body))).await;
    let first = answers.first().expect("an answer").json();
    for answer in answers {
        assert_eq!(answer.expect_status(202).json()["id"], first["id"]);
    }
    let other = json!({"prompt": "A whale above the clouds", "quality": "low"});
    person.submit_with("key", &other).await.expect_problem(422, "idempotency-key-reused");
    person.submit_with("other", &fox()).await.expect_problem(402, "gem-cap-reached");
    app.work().await;
}

#[actix_web::test]
async fn what_was_not_delivered_counts_against_no_cap() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let price = price(&person).await;
    set(&person, &json!({"daily_gems": price, "monthly_gems": price, "time_zone": "UTC"})).await;
    app.fault(Fault::once("openai", "moderation_blocked"));
    assert_eq!(person.make(&fox()).await["status"], "failed");
    assert_eq!(caps(&person).await["used_today"], 0);
    assert_eq!(person.make(&fox()).await["status"], "succeeded");
    let said = caps(&person).await;
    assert_eq!((&said["used_today"], &said["used_this_month"]), (&json!(price), &json!(price)));
    person.submit(&fox()).await.expect_problem(402, "gem-cap-reached");
}

#[actix_web::test]
async fn caps_are_read_as_they_were_set_and_what_is_none_is_refused() {
    let app = harness::start().await;
    let (person, other) = (app.person("Ada Lovelace").await, app.person("Grace Hopper").await);
    let none =
        json!({"daily_gems": null, "monthly_gems": null, "time_zone": "UTC", "used_today": 0, "used_this_month": 0});
    assert_eq!(caps(&person).await, none);
    let said =
        set(&person, &json!({"daily_gems": 40, "monthly_gems": 1_000_000, "time_zone": "America/St_Johns"})).await;
    assert_eq!((&said["daily_gems"], &said["monthly_gems"]), (&json!(40), &json!(1_000_000)));
    assert_eq!(caps(&person).await, said);
    assert_eq!(caps(&other).await, none, "one's caps are nobody else's");
    for zone in ["Mars/Olympus", "europe/berlin", "+03:00", "CEST", "", "posix/Europe/Berlin", "localtime", "UTC\u{0}"]
    {
        let problem = put(&person, &json!({"daily_gems": 5, "time_zone": zone})).await.expect_problem(422, "invalid");
        assert_eq!(problem["errors"][0]["pointer"], "/time_zone", "{zone}");
        assert_eq!(problem["errors"][0]["code"], "unknown_time_zone");
    }
    for (body, pointer) in [
        (json!({"daily_gems": 0, "time_zone": "UTC"}), "/daily_gems"),
        (json!({"daily_gems": -1, "time_zone": "UTC"}), "/daily_gems"),
        (json!({"monthly_gems": 1_000_001, "time_zone": "UTC"}), "/monthly_gems"),
        (json!({"monthly_gems": "5", "time_zone": "UTC"}), "/monthly_gems"),
        (json!({"daily_gems": 5}), "/time_zone"),
        (json!({"daily_gems": 5, "time_zone": "UTC", "weekly_gems": 5}), "/weekly_gems"),
    ] {
        let problem = put(&person, &body).await.expect_problem(422, "invalid");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{body}");
    }
    assert_eq!(caps(&person).await, said, "what is refused changes nothing");
}
