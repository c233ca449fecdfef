//! An erasure that dies anywhere is ended by the next process: at each await of the job, and by SIGKILL at each of its steps.
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use chrono::TimeDelta;
use lapidary::promises::erasure::run;
use lapidary_contract::ErasureStep;

use crate::crash::number;
use crate::erasure::{ask, audit, receipt};
use crate::erasure_trail::{leave, objects, rows_of};
use crate::harness::{self, TestApp};
use crate::process::Process;

/// Drops it after so many looks at it: whatever it waited for never comes.
async fn cut<T>(looks: usize, work: impl Future<Output = T>) -> Option<T> {
    let (mut work, mut left) = (pin!(work), looks);
    std::future::poll_fn(move |context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        work.as_mut().poll(context).map(Some)
    })
    .await
}

#[actix_web::test]
async fn an_erasure_that_dies_at_any_await_is_ended_by_the_next_one() {
    let app = harness::start().await;
    let (ada, grace) = (app.person("Ada Lovelace").await, app.person("Grace Hopper").await);
    let (trail, other) = (leave(&app, &ada, "Ada Lovelace").await, leave(&app, &grace, "Grace Hopper").await);
    let before = (rows_of(&app, other.person, other.account).await, objects(&app, other.person).await);
    let asked = ask(&ada).await;
    let mut deaths = 0;
    while number(&app, "select count(*) from erasures where finished_at is null").await > 0 {
        deaths += 1;
        assert!(deaths < 400, "it never ends");
        if cut(deaths, run::step(&app.app)).await.is_none() {
            audit(&app).await;
        }
        // The lease of who is gone, and the pause after a failure.
        app.app.clock.advance(run::LEASE + TimeDelta::hours(1));
    }
    // How many awaits become one look depends on the machine; far fewer would mean that little was cut.
    assert!(deaths > 10, "only {deaths}");
    let found = trail.found(&app).await;
    assert!(found.is_empty(), "{found:#?}");
    assert_eq!((rows_of(&app, other.person, other.account).await, objects(&app, other.person).await), before);
    let receipt = receipt(&app, &asked).await.expect_status(200).json();
    assert_eq!(receipt["status"], "finished");
}

/// Whoever writes this step down waits in the middle of it, until `let_go`.
async fn hold_at(app: &TestApp, step: ErasureStep) -> sqlx::PgConnection {
    let mut holder = app.sql().await;
    sqlx::query("select pg_advisory_lock(4712)").execute(&mut holder).await.expect("a lock");
    for statement in [
        "create or replace function hold_step() returns trigger language plpgsql as $$
         begin perform pg_advisory_xact_lock_shared(4712); return new; end $$".to_owned(),
        "drop trigger if exists hold_step on erasures".to_owned(),
        format!(
            "create trigger hold_step before update on erasures for each row when (new.step = '{}' and old.step <> new.step)
             execute function hold_step()", step.name()),
    ] {
        sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&mut holder).await.expect("set up");
    }
    holder
}

async fn until_held(app: &TestApp, process: &Process) {
    let waiting = "select count(*) from pg_locks where locktype = 'advisory' and objid = 4712 and not granted";
    let mut beat = tokio::time::interval(Duration::from_millis(20));
    for _ in 0..1_500 {
        beat.tick().await;
        if number(app, waiting).await > 0 {
            return;
        }
    }
    panic!("it never came to that step: {}", process.logged());
}

#[actix_web::test]
async fn an_erasure_whose_process_is_killed_at_each_step_is_ended_by_the_next_process() {
    let app = harness::start().await;
    let (ada, grace) = (app.person("Ada Lovelace").await, app.person("Grace Hopper").await);
    let (trail, other) = (leave(&app, &ada, "Ada Lovelace").await, leave(&app, &grace, "Grace Hopper").await);
    let mut before = (rows_of(&app, other.person, other.account).await, objects(&app, other.person).await);
    let asked = ask(&ada).await;
    for step in ErasureStep::ALL.into_iter().skip(1) {
        let holder = hold_at(&app, step).await;
        // Without slots: nobody makes Grace's archive meanwhile.
        let process = Process::serve(&app, &["--worker-slots=0"]).await;
        until_held(&app, &process).await;
        process.signal("KILL");
        drop(process);
        drop(holder);
        audit(&app).await;
        // As if its lease were over.
        let over = "update erasures set lease_until = null where finished_at is null";
        sqlx::query(over).execute(&mut app.sql().await).await.expect("time passes");
    }
    sqlx::query("drop trigger hold_step on erasures").execute(&mut app.sql().await).await.expect("dropped");
    crate::erasure::erase(&app).await;
    let found = trail.found(&app).await;
    assert!(found.is_empty(), "{found:#?}");
    let mut after = (rows_of(&app, other.person, other.account).await, objects(&app, other.person).await);
    // Each process reads purchases again when it starts: how often is written down there.
    let purchases = [&mut before.0, &mut after.0].map(|rows| rows.remove("purchases").map(|(rows, _)| rows));
    assert_eq!(purchases[0], purchases[1]);
    assert_eq!(after, before);
    assert_eq!(receipt(&app, &asked).await.json()["status"], "finished");
    assert!(number(&app, "select attempt::bigint from erasures").await >= 6);
    audit(&app).await;
}
