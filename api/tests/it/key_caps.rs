//! What a key may spend: its daily cap is kept exactly and resets at its person's midnight, and one for free gems never
//! touches bought ones.
use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc, Weekday};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::api_keys::{Caller, key_with};
use crate::harness::{self, Answer, Person};
use crate::ledger_rows::{actor, buy, give, refund};
use crate::process::Process;

fn fox() -> Value {
    json!({"prompt": "A fox crossing a frozen river", "quality": "low", "count": 2})
}

async fn price(person: &Person<'_>) -> i64 {
    person.post("/v1/quotes", &fox()).await.expect_status(200).json()["price_gems"].as_i64().expect("a price")
}

async fn spender<'a>(person: &Person<'a>, limits: Value) -> Caller<'a> {
    let mut body = json!({"name": "Nightly", "scopes": ["generations:read", "generations:write"]});
    for (name, value) in limits.as_object().expect("limits") {
        body[name] = value.clone();
    }
    key_with(person, &body).await
}

async fn refine(caller: &Caller<'_>) -> Answer {
    let request = caller.request(Method::POST, "/v1/refinements").header("Idempotency-Key", Uuid::now_v7().to_string());
    Answer::of(request.json(&json!({"prompt": "A fox"})).send().await).await
}

async fn set_zone(person: &Person<'_>, caps: Value) {
    let request = person.request(Method::PUT, "/v1/gems/caps").json(&caps);
    Answer::of(request.send().await).await.expect_status(200);
}

fn resets_at(problem: &Value) -> DateTime<Utc> {
    problem["resets_at"].as_str().expect("a time").parse().expect("RFC 3339")
}

#[actix_web::test]
async fn a_daily_cap_of_a_key_under_100_parallel_submits_is_kept_exactly() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    give(&app, actor(&person).await, 5_000).await;
    let price = price(&person).await;
    // Five fit, and what is left is one gem too few for the sixth.
    let caller = spender(&person, json!({"daily_gems": price * 6 - 1})).await;
    let body = fox();
    let submit = || async {
        loop {
            let answer = caller.submit(&body).await;
            // A crowded machine may ask to come again; that holds nothing.
            if answer.status != 503 {
                return answer;
            }
        }
    };
    let answers = join_all((0..100).map(|_| submit())).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 202).count(), 5);
    for refused in answers.into_iter().filter(|answer| answer.status != 202) {
        assert_eq!(refused.expect_problem(402, "gem-cap-reached")["available"], price - 1);
    }
    assert_eq!(person.gems().await["held"], price * 5);
    // The cap is the key's alone.
    person.submit(&fox()).await.expect_status(202);
    spender(&person, json!({})).await.submit(&fox()).await.expect_status(202);
    app.work().await;
    caller.submit(&fox()).await.expect_problem(402, "gem-cap-reached");
}

#[actix_web::test]
async fn a_cap_of_a_key_resets_at_its_persons_midnight() {
    let app = harness::start().await;
    let mut person = app.person("Ada Lovelace").await;
    give(&app, actor(&person).await, 1_000).await;
    let price = price(&person).await;
    for (zone, hour) in [("UTC", 0), ("Pacific/Kiritimati", 10)] {
        // The clock has moved further than a token lives.
        person.token = person.browser.refresh().await.expect("an access token");
        set_zone(&person, json!({"time_zone": zone})).await;
        let caller = spender(&person, json!({"daily_gems": price})).await;
        caller.submit_with(&format!("first in {zone}"), &fox()).await.expect_status(202);
        let refused = caller.submit(&fox()).await.expect_problem(402, "gem-cap-reached");
        let midnight = resets_at(&refused);
        assert_eq!(midnight.format("%H:%M:%S").to_string(), format!("{hour:02}:00:00"), "{zone}");
        assert!(midnight > app.app.clock.now() && midnight - app.app.clock.now() <= TimeDelta::hours(24));
        assert_eq!(resets_at(&refine(&caller).await.expect_problem(402, "gem-cap-reached")), midnight);
        // What used the cap up is still answered.
        caller.submit_with(&format!("first in {zone}"), &fox()).await.expect_status(202);
        app.work().await;
        app.app.clock.advance(midnight - app.app.clock.now());
        caller.submit(&fox()).await.expect_status(202);
        caller.submit(&fox()).await.expect_problem(402, "gem-cap-reached");
        app.work().await;
    }
}

#[actix_web::test]
async fn two_processes_keep_a_cap_of_a_key_and_one_of_its_person_exactly() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    give(&app, actor(&person).await, 5_000).await;
    let price = price(&person).await;
    let processes =
        [Process::serve(&app, &["--worker-slots=0"]).await, Process::serve(&app, &["--worker-slots=0"]).await];
    // The person's is used up by both keys together: three of the one, and then four of the other.
    set_zone(&person, json!({"daily_gems": price * 8 - 1, "time_zone": "UTC"})).await;
    for (cap, fit, left) in [(price * 4 - 1, 3, price - 1), (price * 100, 4, price - 1)] {
        let caller = spender(&person, json!({"daily_gems": cap})).await;
        let submit = async |number: usize| {
            loop {
                let request = person.browser.client.post(format!("{}/v1/generations", processes[number % 2].url));
                let request = request.bearer_auth(&caller.key).header("Idempotency-Key", Uuid::now_v7().to_string());
                let answer = Answer::of(request.json(&fox()).send().await).await;
                // A crowded machine may ask to come again; that holds nothing.
                if answer.status != 503 {
                    return answer;
                }
            }
        };
        let answers = join_all((0..100).map(submit)).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 202).count(), fit);
        for refused in answers.into_iter().filter(|answer| answer.status != 202) {
            assert_eq!(refused.expect_problem(402, "gem-cap-reached")["available"], left);
        }
    }
    assert_eq!(person.gems().await["held"], price * 7);
    app.work().await;
}

/// When clocks in Berlin are changed next: 01:00 UTC on the last Sunday of a month.
fn next_change(today: NaiveDate, month: u32) -> NaiveDate {
    let of = |year| {
        let last = NaiveDate::from_ymd_opt(year, month, 31).expect("a day");
        last.iter_days().rev().take(7).find(|day| day.weekday() == Weekday::Sun).expect("a Sunday")
    };
    let this_year = of(today.year());
    if this_year > today + TimeDelta::days(2) { this_year } else { of(today.year() + 1) }
}

#[actix_web::test]
async fn days_of_23_and_of_25_hours_have_one_cap_each_for_a_key_and_for_its_person() {
    let app = harness::start().await;
    let (ada, grace) = (app.person("Ada Lovelace").await, app.person("Grace Hopper").await);
    let price = price(&ada).await;
    for person in [&ada, &grace] {
        give(&app, actor(person).await, 1_000).await;
    }
    set_zone(&ada, json!({"time_zone": "Europe/Berlin"})).await;
    set_zone(&grace, json!({"daily_gems": price, "time_zone": "Europe/Berlin"})).await;
    let callers = [spender(&ada, json!({"daily_gems": price})).await, spender(&grace, json!({})).await];
    let clock = &app.app.clock;
    for (month, ahead, hours) in [(3, 1, 23), (10, 2, 25)] {
        let sunday = next_change(clock.today(), month).and_hms_opt(0, 0, 0).expect("midnight").and_utc();
        let begins = sunday - TimeDelta::hours(ahead);
        let ends = begins + TimeDelta::hours(hours);
        let early = TimeDelta::minutes(5);
        for (at, fits, next) in
            [(begins - early, true, begins), (begins, true, ends), (ends - early, false, ends), (ends, true, ends)]
        {
            clock.advance(at - clock.now());
            for caller in &callers {
                if fits {
                    caller.submit(&fox()).await.expect_status(202);
                }
                let refused = caller.submit(&fox()).await.expect_problem(402, "gem-cap-reached");
                let expected = if at == ends { ends + TimeDelta::hours(24) } else { next };
                assert_eq!(resets_at(&refused), expected, "at {at}");
            }
            app.work().await;
        }
    }
}

#[actix_web::test]
async fn what_was_not_delivered_counts_against_no_cap_of_a_key_and_refinements_do() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let price = price(&person).await;
    let caller = spender(&person, json!({"daily_gems": price + 3})).await;
    app.fault(lapidary_sandbox::faults::Fault::once("openai", "moderation_blocked"));
    caller.submit(&fox()).await.expect_status(202);
    app.work().await;
    caller.submit(&fox()).await.expect_status(202);
    app.work().await;
    refine(&caller).await.expect_status(200);
    let refused = refine(&caller).await.expect_problem(402, "gem-cap-reached");
    assert_eq!(refused["available"], 0);
}

#[actix_web::test]
async fn of_two_caps_in_the_way_the_smaller_and_the_later_one_are_told() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let foxes = json!({"prompt": "A fox", "quality": "low", "count": 4});
    let quote = person.post("/v1/quotes", &foxes).await.expect_status(200).json();
    let price = quote["price_gems"].as_i64().expect("a price");
    assert!(price > 2, "what the month leaves is more than what the key's day does");
    set_zone(&person, json!({"monthly_gems": price * 2 - 1, "time_zone": "UTC"})).await;
    let caller = spender(&person, json!({"daily_gems": price + 1})).await;
    caller.submit(&foxes).await.expect_status(202);
    let refused = caller.submit(&foxes).await.expect_problem(402, "gem-cap-reached");
    assert_eq!(refused["available"], 1);
    assert_eq!(resets_at(&refused).format("%d").to_string(), "01");
    app.work().await;
}

#[actix_web::test]
async fn a_key_for_free_gems_never_touches_bought_ones() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let me = actor(&person).await;
    let posting = buy(&app, me, 500, app.app.clock.now()).await;
    let (price, free) = (price(&person).await, 50);
    let caller = spender(&person, json!({"free_gems_only": true})).await;
    let fits = free / price;
    for _ in 0..fits {
        caller.submit(&fox()).await.expect_status(202);
    }
    let refused = caller.submit(&fox()).await.expect_problem(402, "insufficient-gems");
    let left = free - fits * price;
    assert_eq!((&refused["required"], &refused["available"]), (&json!(price), &json!(left)));
    assert_eq!(person.gems().await["bought"], 500);
    person.submit(&fox()).await.expect_status(202);
    app.work().await;
    assert_eq!(person.gems().await["bought"], 500 - (price - left), "the person themselves spends both");
    refund(&app, posting).await;
    let owing = caller.submit(&fox()).await.expect_problem(402, "insufficient-gems");
    assert_eq!((&owing["available"], owing["debt"].as_i64().expect("gems") > 0), (&json!(0), true));
}
