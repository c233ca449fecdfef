//! How the jobs of retention run: with objects, with money, in two processes, killed half-way, failing; and what their traces say.
use std::sync::Arc;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use lapidary::app::App;
use lapidary::clock::Clock;
use lapidary::gems::audit;
use lapidary::images::orphans;
use lapidary::promises::retention::report::Report;
use lapidary::promises::retention::trace_queries::{self, Trace};
use lapidary::promises::retention::{Done, Standing, payments, run};
use lapidary_sandbox::faults::Fault;
use serde_json::json;
use sqlx::{AssertSqlSafe, Executor};
use uuid::Uuid;

use crate::crash::{number, with_own_store};
use crate::harness::{self, Person, TestApp};
use crate::payments::{Begun, buy, intent_of};
use crate::process::BINARY;
use crate::retention::job;

async fn trace(app: &TestApp, kind: &str) -> Option<Trace> {
    let all = trace_queries::last(app.app.db.house()).await.expect("traces");
    all.into_iter().find(|trace| trace.kind == kind)
}

async fn keys(app: &TestApp) -> Vec<String> {
    let page = app.app.store.list("users/", None, 1_000).await.expect("a list");
    page.objects.into_iter().map(|listed| listed.object.key).collect()
}

#[actix_web::test]
async fn images_in_the_trash_go_after_thirty_days_with_their_objects() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let now = app.app.clock.now();
    let mut ids = Vec::new();
    for days in [31, 29] {
        let made = person.make(&json!({"prompt": "A fox", "quality": "low"})).await;
        let id = made["images"][0]["id"].as_str().expect("an id").to_owned();
        person.delete(&format!("/v1/images/{id}")).await.expect_status(204);
        sqlx::query("update images set deleted_at = $2 where id = $1::uuid")
            .bind(&id)
            .bind(now - TimeDelta::days(days))
            .execute(&mut app.sql().await)
            .await
            .expect("back-dated");
        ids.push(id);
    }
    let objects = keys(&app).await.len();
    let done = run::one(&app.app, job("trash"), now).await.expect("it runs");
    assert_eq!(done, Some(Done { seen: 1, deleted: 1, failed: 0 }));
    let left: Vec<String> =
        sqlx::query_scalar("select id::text from images").fetch_all(&mut app.sql().await).await.expect("images");
    assert_eq!(left, [ids[1].clone()]);
    assert_eq!(keys(&app).await.len(), objects - 3, "an original and two thumbnails");
}

/// As if all of a purchase had happened `days` before now.
async fn age(app: &TestApp, begun: &Begun, days: TimeDelta) {
    let by = format!("interval '{} seconds'", days.num_seconds());
    let mut sql = app.sql().await;
    for text in [
        "alter table gem_transfers disable trigger user".to_owned(),
        format!(
            "update purchases set created_at = created_at - {by}, paid_at = paid_at - {by}, read_at = read_at - {by}
             where id = '{}'",
            begun.id
        ),
        format!(
            "update payment_events set created_at = created_at - {by}, received_at = received_at - {by}
             where purchase_id = '{}'",
            begun.id
        ),
        format!(
            "update payment_customers set created_at = created_at - {by}
             where account_id = (select account_id from purchases where id = '{}')",
            begun.id
        ),
        format!("update gem_transfers set created_at = created_at - {by} where reference = '{}'", begun.id),
        "alter table gem_transfers enable trigger user".to_owned(),
    ] {
        sql.execute(AssertSqlSafe(text)).await.expect("back-dated");
    }
}

async fn payment_rows(app: &TestApp, person: &Person<'_>) -> [i64; 3] {
    let account = crate::ledger_rows::actor(person).await.account_id;
    let mut counts = [0; 3];
    for (at, text) in [
        "select count(*) from purchases where account_id = $1",
        "select count(*) from payment_events e join purchases p on p.id = e.purchase_id where p.account_id = $1",
        "select count(*) from payment_customers where account_id = $1",
    ]
    .iter()
    .enumerate()
    {
        let count = sqlx::query_scalar(*text).bind(account).fetch_one(&mut app.sql().await).await;
        counts[at] = count.expect("a count");
    }
    counts
}

#[actix_web::test]
async fn payments_go_seven_years_after_their_money_moved_last_and_the_ledger_stays_clean() {
    let app = harness::start().await;
    let (old, young, refunded) =
        (app.person("Ada Lovelace").await, app.person("Grace Hopper").await, app.person("Alan Turing").await);
    let day = TimeDelta::days(1);
    for (person, age_of) in
        [(&old, payments::KEPT + day), (&young, payments::KEPT - day), (&refunded, payments::KEPT + day)]
    {
        let begun = buy(person, "pouch").await;
        age(&app, &begun, age_of).await;
        if std::ptr::eq(person, &refunded) {
            app.stripe.refund(&intent_of(&app, &begun), Some(100)).expect("refunded");
            app.stripe.all_is_delivered().await;
        }
    }
    // Who bought before and after: what is left of the account is whole.
    let later = buy(&old, "pouch").await;
    let gems = old.gems().await;
    let transfers = number(&app, "select count(*) from gem_transfers").await;
    let now = app.app.clock.now();
    let done = run::one(&app.app, job("payments"), now).await.expect("it runs").expect("counts");
    let [purchases, events, customers] = payment_rows(&app, &old).await;
    assert_eq!((purchases, customers), (1, 1), "only the later purchase is left, and its customer");
    assert!(events > 0 && done.deleted >= 2, "{done:?}");
    for person in [&young, &refunded] {
        let [purchases, events, customers] = payment_rows(&app, person).await;
        assert!(purchases == 1 && events > 0 && customers == 1, "its money moved within seven years");
    }
    assert_eq!(old.gems().await, gems, "the balance is the ledger's, and the ledger stays");
    assert_eq!(number(&app, "select count(*) from gem_transfers").await, transfers);
    assert_eq!(audit::audit(app.app.db.house()).await.expect("an audit"), Vec::<String>::new());
    let statement = old.get("/v1/gems/transfers").await.expect_status(200).json();
    assert_eq!(statement["data"].as_array().expect("rows").len(), 3);
    // The last purchase of an account takes the customer along; what the vendor tells of it then concerns nobody.
    age(&app, &later, payments::KEPT + day).await;
    run::one(&app.app, job("payments"), now).await.expect("it runs");
    assert_eq!(payment_rows(&app, &old).await, [0, 0, 0]);
    assert_eq!(audit::audit(app.app.db.house()).await.expect("an audit"), Vec::<String>::new());
    app.stripe
        .refund(app.stripe.object(&later.session).expect("a session")["payment_intent"].as_str().expect("an id"), None)
        .expect("refunded");
    app.stripe.all_is_delivered().await;
    assert_eq!(old.gems().await, gems);
    let begun = buy(&old, "pouch").await;
    assert_eq!(payment_rows(&app, &old).await[0], 1, "{begun:?}: whoever comes back buys as before");
}

#[actix_web::test]
async fn a_purchase_that_somebody_reads_right_now_waits_for_the_next_round() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let begun = buy(&person, "pouch").await;
    age(&app, &begun, payments::KEPT + TimeDelta::days(1)).await;
    let mut reading = app.app.db.begin_house().await.expect("a transaction");
    reading.execute("select from purchases for update").await.expect("locked");
    let now = app.app.clock.now();
    let done = run::one(&app.app, job("payments"), now).await.expect("it runs");
    assert_eq!(done, Some(Done::default()));
    reading.rollback().await.expect("read");
    run::one(&app.app, job("payments"), now).await.expect("it runs");
    assert_eq!(payment_rows(&app, &person).await[0], 0);
}

async fn old_events(app: &TestApp, count: i32) {
    app.app.db.house().execute("delete from events").await.expect("none");
    sqlx::query(
        "insert into events (person_id, kind, subject, created_at)
         select p.id, 'image', p.id, now() - interval '2 days' from people p, generate_series(1, $1)",
    )
    .bind(count)
    .execute(&mut app.sql().await)
    .await
    .expect("events");
}

#[actix_web::test]
async fn two_processes_at_once_remove_each_row_once_and_leave_one_trace() {
    let app = harness::start().await;
    app.person("Ada Lovelace").await;
    old_events(&app, 30_000).await;
    let other = App::build(app.app.settings.clone(), Clock::default()).await.expect("an app");
    let now = app.app.clock.now();
    let (one, two) = tokio::join!(run::one(&app.app, job("events"), now), run::one(&other, job("events"), now));
    let deleted = [one, two].map(|done| done.expect("it runs").expect("counts").deleted);
    assert_eq!(deleted.iter().sum::<i64>(), 30_000, "{deleted:?}");
    let told = trace(&app, "events").await.expect("a trace");
    assert_eq!((told.deleted, told.failed, told.finished_at.is_some()), (30_000, 0, true));
    assert_eq!(number(&app, "select count(*) from sweep_runs where kind = 'events'").await, 1);
    // All of them at once, whatever they do.
    tokio::join!(run::all(&app.app), run::all(&other));
    other.db.close().await;
    let twice =
        "select count(*) from (select from sweep_runs where day is not null group by kind, day having count(*) > 1) t";
    assert_eq!(number(&app, twice).await, 0);
    assert_eq!(number(&app, "select count(*) from sweep_runs where failed > 0").await, 0);
}

#[actix_web::test]
async fn a_job_that_is_killed_half_way_keeps_what_it_did_and_goes_on() {
    let app = harness::start().await;
    app.person("Ada Lovelace").await;
    old_events(&app, 25_000).await;
    let mut sql = app.sql().await;
    for text in [
        "create sequence pieces",
        "create function killed() returns trigger language plpgsql as $$ begin
           if nextval('pieces') > 1 then raise 'killed'; end if; return null; end $$",
        "create trigger killed before delete on events for each statement execute function killed()",
    ] {
        sql.execute(text).await.expect("set up");
    }
    let now = app.app.clock.now();
    run::one(&app.app, job("events"), now).await.expect_err("it is killed");
    assert_eq!(number(&app, "select count(*) from events").await, 15_000, "one piece is done for good");
    let told = trace(&app, "events").await.expect("a trace");
    assert_eq!((told.finished_at, told.failed, told.failed_at.is_some()), (None, 1, true));
    sql.execute("drop trigger killed on events").await.expect("alive again");
    run::one(&app.app, job("events"), now).await.expect("it goes on");
    assert_eq!(number(&app, "select count(*) from events").await, 0);
    assert!(trace(&app, "events").await.expect("a trace").finished_at.is_some());
}

#[actix_web::test]
async fn a_job_that_goes_on_failing_says_so_and_becomes_stale() {
    let app = harness::start().await;
    let mut sql = app.sql().await;
    let events = job("events");
    let start = app.app.clock.now().trunc_subsecs(0);
    let report = async |now: DateTime<Utc>| {
        let traces = trace_queries::last(app.app.db.house()).await.expect("traces");
        Report::of(&traces, now)
    };
    assert!(report(start).await.not_yet().contains(&"events"));
    run::one(&app.app, events, start).await.expect("it runs");
    assert_eq!(events.standing(trace(&app, "events").await.expect("a trace").finished_at, start), Standing::Kept);
    for text in [
        "create function refuse() returns trigger language plpgsql as $$ begin raise 'not now'; end $$",
        "create trigger refuse before delete on events for each statement execute function refuse()",
    ] {
        sql.execute(text).await.expect("set up");
    }
    let mut now = start;
    for _ in 0..40 {
        now += TimeDelta::hours(1);
        run::one(&app.app, events, now).await.expect_err("it fails");
    }
    let told = trace(&app, "events").await.expect("a trace");
    let moved = |at: Option<DateTime<Utc>>| (at.expect("a time") - start).num_seconds();
    assert_eq!((moved(told.finished_at), moved(told.failed_at), told.failed), (0, 40 * 3600, 40));
    assert!(report(now).await.stale().contains(&"events"));
    assert_eq!(number(&app, "select count(*) from sweep_runs where kind = 'events'").await, 1, "failures are no rows");
    sql.execute("drop trigger refuse on events").await.expect("mended");
    run::one(&app.app, events, now).await.expect("it runs");
    assert!(report(now).await.stale().is_empty());
}

#[actix_web::test]
async fn traces_are_one_row_a_kind_and_day_and_the_newest_outlives_all() {
    let app = harness::start().await;
    app.person("Ada Lovelace").await;
    let first = "2027-03-01T10:00:00Z".parse::<DateTime<Utc>>().expect("a time");
    let mut sql = app.sql().await;
    for (hours, rows) in [(0, 3), (1, 4), (24, 5)] {
        let now = first + TimeDelta::hours(hours);
        sqlx::query(
            "insert into events (person_id, kind, subject, created_at)
             select p.id, 'image', p.id, $1 from people p, generate_series(1, $2)",
        )
        .bind(now - TimeDelta::days(2))
        .bind(rows)
        .execute(&mut sql)
        .await
        .expect("events");
        run::one(&app.app, job("events"), now).await.expect("it runs");
    }
    let rows = "select deleted, started_at, finished_at from sweep_runs where kind = 'events' order by day";
    let rows: Vec<(i64, DateTime<Utc>, DateTime<Utc>)> = sqlx::query_as(rows).fetch_all(&mut sql).await.expect("rows");
    let at = |hours: i64| first + TimeDelta::hours(hours);
    // The events of the person's own making are of today, before all this.
    assert!(rows[0].0 >= 7, "{rows:?}");
    assert_eq!((rows[0].1, rows[0].2), (at(0), at(1)));
    assert_eq!((rows.len(), rows[1].0, rows[1].2), (2, 5, at(24)));
    let (later, day) = (first + TimeDelta::days(3_000), TimeDelta::days(1));
    run::one(&app.app, job("traces"), later).await.expect("it runs");
    let told = trace(&app, "events").await.expect("the newest stays");
    assert_eq!(told.finished_at, Some(at(24)));
    assert_eq!(number(&app, "select count(*) from sweep_runs where kind = 'events'").await, 1);
    assert_eq!(job("events").standing(told.finished_at, later + day), Standing::Stale);
}

#[actix_web::test]
async fn the_sweep_looks_before_it_deletes_and_counts_previews_apart() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let made = person.make(&json!({"prompt": "A fox", "quality": "low"})).await;
    let owner = crate::ledger_rows::actor(&person).await.person_id;
    for key in [
        format!("users/{owner}/previews/{}/1-0.webp", made["id"].as_str().expect("an id")),
        format!("users/{owner}/images/{}/1/original.png", Uuid::now_v7()),
    ] {
        app.app.store.put(&key, vec![1_u8], "image/png").await.expect("an object");
    }
    let known = keys(&app).await.len();
    app.app.clock.advance(TimeDelta::hours(25));
    orphans::daily(&app.app).await.expect("a round");
    assert_eq!(keys(&app).await.len(), known, "where nothing was deleted lately, it only looks");
    assert_eq!(number(&app, "select deleted from sweep_runs where is_dry_run").await, 2);
    assert!(trace(&app, "objects").await.is_none() && trace(&app, "previews").await.is_none());
    app.app.clock.advance(TimeDelta::hours(12));
    orphans::daily(&app.app).await.expect("a round");
    assert_eq!(keys(&app).await.len(), known, "an operator has a day to see what would go");
    app.app.clock.advance(TimeDelta::hours(13));
    run::one(&app.app, job("objects"), app.app.clock.now()).await.expect("a round");
    assert_eq!(keys(&app).await.len(), known - 2);
    let (objects, previews) =
        (trace(&app, "objects").await.expect("a trace"), trace(&app, "previews").await.expect("a trace"));
    assert_eq!((objects.deleted, previews.deleted), (2, 1));
    assert!(objects.finished_at.expect("a time") > app.app.clock.now() - TimeDelta::minutes(10));
    // From then on it deletes each day.
    app.app
        .store
        .put(&format!("users/{owner}/previews/{}/1-1.webp", Uuid::now_v7()), vec![1_u8], "image/png")
        .await
        .expect("put");
    app.app.clock.advance(TimeDelta::hours(25));
    orphans::daily(&app.app).await.expect("a round");
    assert_eq!(keys(&app).await.len(), known - 2);
    // A copy of the database that is days old: what came after it is no orphan to delete unseen.
    app.app
        .store
        .put(&format!("users/{owner}/images/{}/1/original.png", Uuid::now_v7()), vec![1_u8], "image/png")
        .await
        .expect("put");
    app.app.clock.advance(TimeDelta::days(4));
    orphans::daily(&app.app).await.expect("a round");
    assert_eq!(keys(&app).await.len(), known - 1);
}

#[actix_web::test]
async fn uploads_and_archives_whose_objects_are_gone_are_told() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let made = person.make(&json!({"prompt": "A fox", "quality": "low"})).await;
    person.reference(40, 30, 0).await;
    person.post("/v1/image-archives", &json!({"image_ids": [made["images"][0]["id"]]})).await.expect_status(202);
    while lapidary::archives::run::step(&app.app).await.expect("a step") {}
    app.app.clock.advance(TimeDelta::hours(25));
    let counts = async || orphans::sweep(&app.app, true).await.expect("a sweep").expect("a report").counts;
    let found = counts().await;
    assert_eq!((found.missing, found.deleted), (0, 0), "a row knows each");
    let lost: Vec<String> = keys(&app).await.into_iter().filter(|key| !key.contains("/images/")).collect();
    app.app.store.delete_many(&lost).await.expect("deleted by somebody else");
    assert_eq!(counts().await.missing, 3, "an upload, its thumbnail, an archive: {lost:?}");
}

#[actix_web::test]
async fn uploads_that_came_to_no_end_are_ended_after_a_day() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let key = format!("users/{}/archives/{}/1.zip", crate::ledger_rows::actor(&person).await.person_id, Uuid::now_v7());
    let upload = app.app.store.begin_upload(&key, "application/zip", 1_000).await.expect("begun");
    let (id, later) = (upload.id.clone(), app.app.clock.now() + TimeDelta::hours(1));
    drop(upload);
    let unended = async || app.app.store.unended_uploads("users/", later).await.expect("a list");
    assert_eq!(unended().await, [(key, id)]);
    let swept =
        async |is_dry: bool| orphans::sweep(&app.app, is_dry).await.expect("a sweep").expect("a report").counts.deleted;
    assert_eq!(swept(false).await, 0, "an upload of today may belong to somebody");
    app.app.clock.advance(TimeDelta::hours(25));
    assert_eq!((swept(true).await, unended().await.len()), (1, 1));
    assert_eq!((swept(false).await, unended().await.len()), (1, 0));
}

#[actix_web::test]
async fn what_storage_keeps_is_counted_as_failed_and_a_storage_that_is_away_as_a_failed_run() {
    let (app, store) = with_own_store(&[]).await;
    let person = app.person("Ada Lovelace").await;
    let made = person.make(&json!({"prompt": "A fox", "quality": "low"})).await;
    person.delete(&format!("/v1/images/{}", made["images"][0]["id"].as_str().expect("an id"))).await.expect_status(204);
    let now = app.app.clock.now() + TimeDelta::days(31);
    store.faults.set(Fault::once("s3", "partial_delete").with("AccessDenied"));
    let done = run::one(&app.app, job("trash"), now).await.expect("it runs");
    assert_eq!(done, Some(Done { seen: 1, deleted: 0, failed: 1 }));
    let finished = trace(&app, "trash").await.expect("a trace").finished_at;
    store.faults.set(Fault::always("s3", "refuse"));
    let later = now + TimeDelta::hours(3);
    run::one(&app.app, job("trash"), later).await.expect_err("the storage is away");
    let told = trace(&app, "trash").await.expect("a trace");
    assert_eq!((told.finished_at, told.failed), (finished, 2));
    assert_eq!(job("trash").standing(told.finished_at, later), Standing::Stale);
    store.faults.clear();
    run::one(&app.app, job("trash"), later).await.expect("it runs");
    assert_eq!(number(&app, "select count(*) from images").await, 0);
}

#[actix_web::test]
async fn an_upload_that_unfinished_work_may_need_stays_and_goes_afterwards_with_its_objects() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let reference = person.reference(40, 30, 0).await;
    let body = json!({"prompt": "A fox", "quality": "low", "references": [{"reference_id": reference}]});
    person.submit(&body).await.expect_status(202);
    person.delete(&format!("/v1/references/{reference}")).await.expect_status(204);
    let later = app.app.clock.now() + TimeDelta::days(2);
    let run = async || run::one(&app.app, job("references"), later).await.expect("it runs").expect("counts").deleted;
    assert_eq!(run().await, 0, "it waits for what is made from it");
    assert!(keys(&app).await.iter().any(|key| key.contains("/references/")));
    app.openai.only_sketch();
    app.work().await;
    assert_eq!(run().await, 1);
    assert!(!keys(&app).await.iter().any(|key| key.contains("/references/")));
}

#[actix_web::test]
async fn the_operator_reads_the_traces_runs_what_is_due_and_doctor_names_what_is_stale() {
    let app = harness::start().await;
    app.person("Ada Lovelace").await;
    old_events(&app, 10).await;
    let ran = |words: &[&str]| {
        let done = std::process::Command::new(BINARY).arg("retention").args(&app.arguments).args(words).output();
        let done = done.expect("it runs");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).expect("text")
    };
    let said = ran(&[]);
    assert!(said.contains("· events") && said.contains("not yet"), "{said}");
    assert_eq!(number(&app, "select count(*) from events").await, 10, "only to look changes nothing");
    let said = ran(&["--dry-run"]);
    assert!(said.contains("would be deleted"), "{said}");
    let said = ran(&["--run"]);
    assert!(said.contains("✓ events") && said.contains("10 gone that day"), "{said}");
    assert_eq!(number(&app, "select count(*) from events").await, 0);
    let finding = async |app: &Arc<App>| {
        let report = lapidary::doctor::examine(app.settings.clone(), Clock::default()).await;
        let found = report.findings.into_iter().find(|finding| finding.check == "retention").expect("a finding");
        format!("{:?} {}", found.mark, found.says)
    };
    let said = finding(&app.app).await;
    assert!(said.starts_with("Right") && said.contains("not yet: objects"), "{said}");
    sqlx::query("update sweep_runs set finished_at = finished_at - interval '3 days' where kind = 'trash'")
        .execute(&mut app.sql().await)
        .await
        .expect("back-dated");
    assert_eq!(finding(&app.app).await, "Odd these have not run for too long: trash");
}
