//! Outgoing webhooks: tried again at their times, given up, resumed, and never in each other's way.
use std::sync::Arc;

use chrono::TimeDelta;
use lapidary::webhooks::{forget, plan, run, work_queries};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::crash::number;
use crate::harness::{self, Person, TestApp};
use crate::webhook_receiver::{self as receiver, NEVER, Receiver, endpoint, post_empty, read, renew};

async fn step(app: &TestApp) -> usize {
    run::step(&app.app).await.expect("a step")
}

/// Nothing is due shortly before that time, by more than a crowded machine needs to look; then it is, jitter and all.
async fn wait_through(app: &TestApp, seconds: i64) {
    let shortly = (seconds / 20).max(4);
    app.app.clock.advance(TimeDelta::seconds(seconds - shortly));
    assert_eq!(step(app).await, 0, "too early before {seconds}");
    app.app.clock.advance(TimeDelta::seconds(shortly + seconds / 10 + 1));
}

async fn notices(person: &Person<'_>) -> Vec<Value> {
    let list = read(person, "/v1/me/notices").await;
    let of = |notice: &&Value| notice["kind"] == "webhook_disabled";
    list["data"].as_array().expect("notices").iter().filter(of).cloned().collect()
}

#[actix_web::test]
async fn ten_attempts_under_one_id_then_it_is_given_up_and_switched_off_with_a_notice() {
    let app = harness::start().await;
    let mut person = app.person("Ada Lovelace").await;
    let receiver = Receiver::start();
    let (path, secret) = endpoint(&person, &receiver, &[]).await;
    let delivery = receiver::test(&person, &path).await;
    (0..10).for_each(|_| receiver.answer(500));
    assert_eq!(step(&app).await, 1);
    let waiting = read(&person, &delivery).await;
    assert_eq!((&waiting["status"], &waiting["attempts"][0]["response_status"]), (&json!("pending"), &json!(500)));
    assert!(waiting["next_attempt_at"].is_string() && read(&person, &path).await["failing_since"].is_string());
    for seconds in plan::DELAYS_SECONDS {
        wait_through(&app, seconds).await;
        assert_eq!(step(&app).await, 1, "after {seconds}");
    }
    let heard = receiver.heard();
    assert_eq!(heard.len(), 10);
    assert!(heard.iter().all(|one| one.id == heard[0].id && one.body == heard[0].body && one.is_signed_with(&secret)));
    assert!(heard.windows(2).all(|two| two[0].timestamp < two[1].timestamp), "the time is the attempt's");
    renew(&mut person).await;
    let failed = read(&person, &delivery).await;
    assert_eq!((&failed["status"], failed["attempts"].as_array().map(Vec::len)), (&json!("failed"), Some(10)));
    assert_eq!(failed["attempts"][9]["error"], "It answered with 500. Only 2xx counts as delivered.");
    let off = read(&person, &path).await;
    assert_eq!((&off["status"], &off["disabled_reason"]), (&json!("disabled"), &json!("failing")));
    let told = notices(&person).await;
    assert_eq!((told.len(), path.ends_with(told[0]["subject"].as_str().expect("an id"))), (1, true));
    app.app.clock.advance(TimeDelta::days(2));
    assert_eq!(step(&app).await, 0);
    renew(&mut person).await;
    post_empty(&person, &format!("{path}/test")).await.expect_problem(409, "illegal-transition");
    post_empty(&person, &format!("{delivery}/resend")).await.expect_problem(409, "illegal-transition");
    let on = person.patch(&path, &json!({"status": "enabled"})).await.expect_status(200).json();
    assert!(on["disabled_reason"].is_null() && on["failing_since"].is_null(), "{on}");
    post_empty(&person, &format!("{delivery}/resend")).await.expect_status(202);
    assert_eq!(step(&app).await, 1);
    let again = receiver.heard();
    assert_eq!((again.len(), &again[10].id, &again[10].body), (11, &heard[0].id, &heard[0].body));
    assert_eq!(read(&person, &delivery).await["status"], "delivered");
}

#[actix_web::test]
async fn an_endpoint_that_takes_anything_in_between_stays_on() {
    let app = harness::start().await;
    let mut person = app.person("Ada Lovelace").await;
    let receiver = Receiver::start();
    let (path, _) = endpoint(&person, &receiver, &[]).await;
    let delivery = receiver::test(&person, &path).await;
    for (place, seconds) in std::iter::once(0).chain(plan::DELAYS_SECONDS).enumerate() {
        app.app.clock.advance(TimeDelta::seconds(seconds + seconds / 10 + 1));
        receiver.answer(500);
        assert_eq!(step(&app).await, 1, "{place}");
        if place == 8 {
            renew(&mut person).await;
            receiver::test(&person, &path).await;
            assert_eq!(step(&app).await, 1);
            assert!(read(&person, &path).await["failing_since"].is_null());
        }
    }
    renew(&mut person).await;
    assert_eq!(read(&person, &delivery).await["status"], "failed");
    assert_eq!(read(&person, &path).await["status"], "enabled");
    assert_eq!(notices(&person).await.len(), 0);
}

#[actix_web::test]
async fn gone_switches_off_at_once_and_what_waited_counts_as_failed() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let receiver = Receiver::start();
    let (path, _) = endpoint(&person, &receiver, &[]).await;
    let waiting = receiver::test(&person, &path).await;
    receiver.answer(500);
    assert_eq!(step(&app).await, 1);
    let last = receiver::test(&person, &path).await;
    receiver.answer(410);
    assert_eq!(step(&app).await, 1);
    let off = read(&person, &path).await;
    assert_eq!((&off["status"], &off["disabled_reason"]), (&json!("disabled"), &json!("gone")));
    for delivery in [&waiting, &last] {
        assert_eq!(read(&person, delivery).await["status"], "failed");
    }
    assert_eq!(notices(&person).await.len(), 1);
    app.app.clock.advance(TimeDelta::minutes(9));
    assert_eq!(step(&app).await, 0);
    assert_eq!(receiver.heard().len(), 2);
}

#[actix_web::test]
async fn a_receiver_that_asks_for_patience_gets_it() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let receiver = Receiver::start();
    let (path, _) = endpoint(&person, &receiver, &[]).await;
    let delivery = receiver::test(&person, &path).await;
    receiver.answer_with(429, &[("retry-after", "120")]);
    assert_eq!(step(&app).await, 1);
    app.app.clock.advance(TimeDelta::seconds(110));
    assert_eq!(step(&app).await, 0, "its wish counts, not the five seconds");
    app.app.clock.advance(TimeDelta::seconds(15));
    receiver.answer_with(503, &[("retry-after", "99999999")]);
    assert_eq!(step(&app).await, 1);
    let waiting = read(&person, &delivery).await;
    let at =
        |value: &Value| value.as_str().expect("a time").parse::<chrono::DateTime<chrono::Utc>>().expect("RFC 3339");
    let wait = at(&waiting["next_attempt_at"]) - at(&waiting["attempts"][1]["at"]);
    assert!((wait - TimeDelta::hours(24)).abs() < TimeDelta::minutes(1), "a day at most: {wait}");
}

#[actix_web::test]
async fn what_a_killed_process_was_sending_is_sent_again_under_the_same_id() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let receiver = Receiver::start();
    let (path, _) = endpoint(&person, &receiver, &[]).await;
    let delivery = receiver::test(&person, &path).await;
    // Sent, and killed before that could be written down.
    receiver.answer(NEVER);
    let killed = Arc::clone(&app.app);
    let killed = actix_web::rt::spawn(async move { run::step(&killed).await });
    receiver.until(1).await;
    killed.abort();
    assert!(killed.await.is_err());
    assert_eq!(step(&app).await, 0, "it is still leased");
    app.app.clock.advance(run::LEASE + TimeDelta::seconds(1));
    assert_eq!(step(&app).await, 1);
    let heard = receiver.heard();
    assert_eq!((heard.len(), &heard[0].id, &heard[0].body), (2, &heard[1].id, &heard[1].body));
    assert_eq!(read(&person, &delivery).await["status"], "delivered");
}

#[actix_web::test]
async fn what_another_one_has_by_now_a_late_sender_does_not_settle() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let receiver = Receiver::start();
    let (path, _) = endpoint(&person, &receiver, &[]).await;
    let delivery = receiver::test(&person, &path).await;
    let (house, now) = (app.app.db.house(), app.app.clock.now());
    let bounds = work_queries::Bounds { per_endpoint: 4, per_person: 8, per_person_troubled: 4 };
    let claim = async |at| work_queries::claim(house, at, run::LEASE, bounds, 10, 10).await.expect("the queue").pop();
    let late = claim(now).await.expect("a job");
    assert!(claim(now).await.is_none());
    let newer = claim(now + run::LEASE + TimeDelta::seconds(1)).await.expect("the same job");
    assert_eq!((newer.id, newer.attempt), (late.id, late.attempt + 1));
    work_queries::delivered(house, &late, &json!({}), false, now).await.expect("dropped");
    assert!(work_queries::failed(house, &late, &json!({}), None, false, now).await.expect("dropped").is_none());
    let row = read(&person, &delivery).await;
    assert_eq!((&row["status"], &row["attempts"]), (&json!("pending"), &json!([])));
}

#[actix_web::test]
async fn a_receiver_that_never_answers_delays_nobody_else() {
    let app = harness::start().await;
    let (slow, quick) = (app.person("Ada Lovelace").await, app.person("Grace Hopper").await);
    let (stuck, fine) = (Receiver::start(), Receiver::start());
    // They answered quickly until now: of those that never did a person has no more than four at a time.
    for _ in 0..5 {
        let (path, _) = endpoint(&slow, &stuck, &[]).await;
        receiver::test(&slow, &path).await;
    }
    while step(&app).await > 0 {}
    let known = stuck.heard().len();
    for _ in 0..2 {
        slow.make(&json!({"prompt": "A fox", "quality": "low", "count": 4})).await;
    }
    (0..50).for_each(|_| stuck.answer(NEVER));
    app.app.clock.follow(app.app.db.house()).await.expect("the time");
    let (open, told) = watch::channel(true);
    let sender = actix_web::rt::spawn(run::work(Arc::clone(&app.app), told));
    stuck.until(known + 8).await;
    let (path, _) = endpoint(&quick, &fine, &[]).await;
    for count in 1..=5 {
        receiver::test(&quick, &path).await;
        assert_eq!(fine.until(count).await.len(), count);
    }
    assert_eq!(stuck.heard().len(), known + 8, "one person's are never more than eight at a time");
    open.send_replace(false);
    sender.await.expect("it ends");
    let held = "select count(*) from webhook_deliveries where lease_until is not null";
    assert_eq!(number(&app, held).await, 0, "what was on its way is given back");
    assert_eq!(number(&app, "select max(tries)::bigint from webhook_deliveries where status = 'pending'").await, 0);
}

#[actix_web::test]
async fn a_redirect_is_not_followed_wherever_it_leads() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let (receiver, inside) = (Receiver::start(), Receiver::start());
    let (path, _) = endpoint(&person, &receiver, &[]).await;
    for status in [301, 302, 307, 308] {
        let delivery = receiver::test(&person, &path).await;
        receiver.answer_with(status, &[("location", &inside.url)]);
        assert_eq!(step(&app).await, 1);
        let attempt = read(&person, &delivery).await["attempts"][0].clone();
        assert_eq!(attempt["response_status"], status);
        assert!(attempt["error"].as_str().expect("words").contains("Redirects are not followed"), "{attempt}");
    }
    assert_eq!((receiver.heard().len(), inside.heard().len()), (4, 0));
}

#[actix_web::test]
async fn an_address_is_judged_at_each_attempt_not_only_when_it_was_written_down() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let receiver = Receiver::start();
    let (path, _) = endpoint(&person, &receiver, &[]).await;
    let delivery = receiver::test(&person, &path).await;
    let port = receiver.url.rsplit(':').next().and_then(|rest| rest.split('/').next()).expect("a port").to_owned();
    let closed = [app.arguments.clone(), vec!["--webhooks-allow-private=off".to_owned()]].concat();
    let closed: Vec<String> = closed.into_iter().filter(|flag| flag != "--webhooks-allow-private=on").collect();
    let strict = harness::start_with(&closed).await;
    let mut sql = app.sql().await;
    // What an operator allowed once, or a name that leads elsewhere by now.
    for (url, words) in [
        (receiver.url.clone(), "Its address is not one that may be sent to."),
        (format!("https://127.0.0.1:{port}/"), "Its address is not public."),
        (format!("https://localhost:{port}/"), "Its address is not public."),
    ] {
        sqlx::query("update webhook_endpoints set url = $1").bind(&url).execute(&mut sql).await.expect("changed");
        assert_eq!(step(&strict).await, 1);
        strict.app.clock.advance(TimeDelta::days(2));
        let row: Value =
            sqlx::query_scalar("select attempts->-1 from webhook_deliveries").fetch_one(&mut sql).await.expect("a row");
        assert_eq!((&row["error"], row.get("response_status")), (&json!(words), None), "{url}");
    }
    assert_eq!(receiver.heard().len(), 0);
    assert_eq!(read(&person, &delivery).await["attempts"].as_array().map(Vec::len), Some(3));
}

#[actix_web::test]
async fn switched_off_by_hand_it_tells_nothing_and_tests_are_not_a_hammer() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let receiver = Receiver::start();
    let (path, _) = endpoint(&person, &receiver, &[]).await;
    let waiting = receiver::test(&person, &path).await;
    let off = person.patch(&path, &json!({"status": "disabled"})).await.json();
    assert_eq!(off["disabled_reason"], "by_person");
    assert_eq!(read(&person, &waiting).await["status"], "failed");
    assert_eq!(step(&app).await, 0);
    person.patch(&path, &json!({"status": "enabled"})).await.expect_status(200);
    let mut accepted = 1;
    let refused = loop {
        let answer = post_empty(&person, &format!("{path}/test")).await;
        if answer.status != 202 {
            break answer;
        }
        accepted += 1;
    };
    // One more every six seconds: a crowded machine may get it.
    assert!((10..=12).contains(&accepted), "{accepted}");
    let wait: u64 = refused.header("retry-after").parse().expect("seconds");
    assert!((1..=6).contains(&wait), "{wait}");
    refused.expect_problem(429, "rate-limited");
    while step(&app).await > 0 {}
    assert_eq!(receiver.heard().len(), accepted - 1);
    let page = read(&person, &format!("{path}/deliveries?limit=4")).await;
    let cursor = page["next_cursor"].as_str().expect("a cursor");
    assert_eq!(page["data"].as_array().map(Vec::len), Some(4));
    let rest = read(&person, &format!("{path}/deliveries?limit=100&cursor={cursor}")).await;
    assert_eq!((rest["data"].as_array().map(Vec::len), &rest["next_cursor"]), (Some(accepted - 4), &Value::Null));
    assert_eq!(notices(&person).await.len(), 0, "who does it by hand knows");
}

#[actix_web::test]
async fn the_log_is_kept_for_thirty_days() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let receiver = Receiver::start();
    let (path, _) = endpoint(&person, &receiver, &[]).await;
    receiver::test(&person, &path).await;
    step(&app).await;
    let now = app.app.clock.now();
    forget::forget(&app.app, now + TimeDelta::days(29)).await.expect("forgotten");
    assert_eq!(number(&app, "select count(*) from webhook_deliveries").await, 1);
    forget::forget(&app.app, now + TimeDelta::days(30) + TimeDelta::seconds(1)).await.expect("forgotten");
    assert_eq!(number(&app, "select count(*) from webhook_deliveries").await, 0);
    assert_eq!(number(&app, "select count(*) from webhook_secrets").await, 1, "the current secret stays");
}
