//! What one person's order, one broken row or one stale process may not do to everybody else who waits for a provider.
use chrono::TimeDelta;
use lapidary::generation::{give_up, run};
use lapidary::work::queue;
use lapidary_sandbox::faults::Fault;
use serde_json::{Value, json};
use tracing_subscriber::layer::SubscriberExt;

use crate::harness;
use crate::providers::{Alarms, bring_down, later, refreshed, small, status, statuses, submit};

#[actix_web::test]
async fn orders_that_are_forbidden_stop_nobody_else_and_alarm_once() {
    let alarms = Alarms::default();
    let _heard = tracing::subscriber::set_default(tracing_subscriber::registry().with(alarms.clone()));
    let app = harness::start().await;
    let (one, another) = (app.person("Ada Lovelace").await, app.person("Grace Hopper").await);
    for (kind, value) in [("forbidden", Value::Null), ("html_error", json!(403)), ("html_error", json!(404))] {
        app.fault(Fault::once("openai", kind).with(value));
        let done = one.make(&small()).await;
        assert_eq!((&done["status"], &done["failure"]["code"]), (&json!("failed"), &json!("operator_configuration")));
        assert!(status(&app).await.is_empty(), "{kind}");
    }
    assert_eq!(another.make(&small()).await["status"], "succeeded");
    assert_eq!(one.remaining().await, 50);
    assert_eq!(alarms.with("refuses an order"), 1, "an alarm, and not one for each");
    app.fault(Fault::always("openai", "forbidden"));
    submit(&one, 7).await;
    app.work().await;
    assert_eq!(status(&app).await[0]["code"], "operator_configuration");
    assert_eq!(statuses(&one).await.iter().filter(|one| *one == "queued").count(), 2, "five in a row are enough");
    assert_eq!(alarms.with("provider is paused"), 1);
}

#[actix_web::test]
async fn a_generation_that_breaks_the_provider_is_not_its_probe_for_ever() {
    let app = harness::start().await;
    let (one, another) = (app.person("Ada Lovelace").await, app.person("Grace Hopper").await);
    let poisoned = submit(&one, 2).await;
    bring_down(&app).await;
    let fresh = submit(&another, 1).await;
    later(&app, 40);
    let probe = queue::claim(&app.app).await.expect("a claim").expect("a probe");
    assert_eq!(probe.id.to_string(), fresh[0], "what failed least is asked next");
    run::run(&app.app, &probe).await.expect("a run");
    another.post(&format!("/v1/generations/{}/cancel", fresh[0]), &json!({})).await.expect_status(200);
    for pause in [80, 160, 310, 310] {
        later(&app, pause);
        app.work().await;
    }
    let (one, another) = (refreshed(one).await, refreshed(another).await);
    for id in &poisoned {
        let ended = one.generation(id).await;
        assert_eq!((&ended["status"], &ended["failure"]["code"]), (&json!("failed"), &json!("model_busy")), "{id}");
    }
    assert_eq!(one.remaining().await, 50);
    app.faults.clear();
    later(&app, 320);
    let another = refreshed(another).await;
    assert_eq!(another.make(&small()).await["status"], "succeeded");
}

#[actix_web::test]
async fn nothing_is_given_up_by_a_process_that_has_not_heard_that_the_provider_is_back() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    submit(&person, 2).await;
    bring_down(&app).await;
    later(&app, 16 * 60);
    sqlx::query("delete from providers").execute(&mut app.sql().await).await.expect("it is back");
    give_up::give_up(&app.app).await.expect("a sweep");
    assert_eq!(statuses(&refreshed(person).await).await, ["queued"; 2]);
}

#[actix_web::test]
async fn a_generation_that_cannot_be_ended_does_not_hold_up_the_others() {
    let alarms = Alarms::default();
    let _heard = tracing::subscriber::set_default(tracing_subscriber::registry().with(alarms.clone()));
    let app = harness::start().await;
    let (broken, sound) = (app.person("Ada Lovelace").await, app.person("Grace Hopper").await);
    let (stuck, ended) = (submit(&broken, 2).await, submit(&sound, 2).await);
    let mut sql = app.sql().await;
    sqlx::query(
        "update gem_accounts set held_free = 0 where id = (select account_id from generations where id = $1::uuid)",
    )
    .bind(&stuck[0])
    .execute(&mut sql)
    .await
    .expect("broken");
    for lost in [&stuck[0], &ended[0]] {
        sqlx::query("update generations set status = 'running', attempt = 6, lease_until = $2 where id = $1::uuid")
            .bind(lost)
            .bind(app.app.clock.now() - TimeDelta::seconds(1))
            .execute(&mut sql)
            .await
            .expect("lost");
    }
    queue::sweep(&app.app).await.expect("a sweep");
    assert_eq!(sound.generation(&ended[0]).await["status"], "failed");
    assert_eq!(broken.generation(&stuck[0]).await["status"], "running");
    assert_eq!(alarms.with("do not add up"), 1);
    sqlx::query(
        "insert into providers (origin, failures, paused_until, since, code, updated_at)
         values ($1, 5, $2, $2, 'model_busy', $2)",
    )
    .bind(app.openai.base_url.parse::<url::Url>().expect("a URL").origin().ascii_serialization())
    .bind(app.app.clock.now())
    .execute(&mut sql)
    .await
    .expect("down");
    app.app.providers.poll(&app.app).await.expect("the table");
    later(&app, 16 * 60);
    give_up::give_up(&app.app).await.expect("a sweep");
    let (broken, sound) = (refreshed(broken).await, refreshed(sound).await);
    assert_eq!(sound.generation(&ended[1]).await["status"], "failed");
    assert_eq!(broken.generation(&stuck[1]).await["status"], "queued");
    sqlx::query("update gem_accounts set held_free = 2 where held_free = 0 and id = (select account_id from generations where id = $1::uuid)")
        .bind(&stuck[0])
        .execute(&mut sql)
        .await
        .expect("mended");
    queue::sweep(&app.app).await.expect("a sweep");
    assert_eq!(broken.generation(&stuck[0]).await["status"], "failed", "once it adds up it ends like any other");
}

#[actix_web::test]
async fn events_of_one_sweep_are_written_in_the_order_of_people_whatever_the_order_of_accounts() {
    let app = harness::start().await;
    let (one, another) = (app.person("Ada Lovelace").await, app.person("Grace Hopper").await);
    submit(&one, 1).await;
    submit(&another, 1).await;
    let mut sql = app.sql().await;
    for statement in [
        "update generations g set account_id = o.account_id from generations o where o.id <> g.id",
        "update generations set status = 'running', attempt = 1, lease_until = '2020-01-01'",
        "delete from events",
    ] {
        sqlx::query(statement).execute(&mut sql).await.expect("set up");
    }
    queue::sweep(&app.app).await.expect("a sweep");
    let people: Vec<uuid::Uuid> =
        sqlx::query_scalar("select person_id from events order by id").fetch_all(&mut sql).await.expect("events");
    assert!(people.len() == 2 && people.is_sorted(), "{people:?}");
}

#[actix_web::test]
async fn a_provider_that_no_model_names_is_forgotten_after_a_day() {
    let app = harness::start().await;
    let mut sql = app.sql().await;
    let now = app.app.clock.now();
    sqlx::query(
        "insert into providers (origin, failures, paused_until, since, code, updated_at)
         values ('https://elsewhere.example', 5, $1, $1, 'model_busy', $1)",
    )
    .bind(now)
    .execute(&mut sql)
    .await
    .expect("a row");
    app.app.providers.poll(&app.app).await.expect("the table");
    assert!(app.app.providers.due(now + TimeDelta::minutes(1)).is_empty(), "nobody can ask it from here");
    let mut rows = async || -> i64 {
        sqlx::query_scalar("select count(*) from providers").fetch_one(&mut sql).await.expect("a count")
    };
    later(&app, 23 * 3600);
    app.app.providers.poll(&app.app).await.expect("the table");
    assert_eq!(rows().await, 1);
    later(&app, 3601);
    app.app.providers.poll(&app.app).await.expect("the table");
    assert_eq!(rows().await, 0);
}

#[actix_web::test]
async fn a_probe_whose_renewal_was_not_answered_still_counts() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    submit(&person, 2).await;
    bring_down(&app).await;
    app.faults.clear();
    later(&app, 40);
    let probe = queue::claim(&app.app).await.expect("a claim").expect("a probe");
    let renewed = "update providers set probing_until = probing_until + interval '15 seconds'";
    sqlx::query(renewed).execute(&mut app.sql().await).await.expect("renewed");
    run::run(&app.app, &probe).await.expect("a run");
    assert!(status(&app).await.is_empty());
}
