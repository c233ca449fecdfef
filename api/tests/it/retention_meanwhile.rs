//! What happens while a job of retention runs: things come back, storage keeps something, work is not finished. Nothing of
//! that is lost, and what stays for a while goes later.
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use lapidary::doctor::bucket;
use lapidary::generation::settle::{self, Delivered, Outcome};
use lapidary::images::orphans;
use lapidary::promises::retention::{Done, run};
use lapidary::work::queue;
use lapidary_sandbox::faults::Fault;
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, Executor};
use uuid::Uuid;

use crate::crash::{number, with_own_store};
use crate::harness::{self, TestApp};
use crate::ledger_rows::actor;
use crate::retention::job;

async fn runs(app: &TestApp, kind: &str, now: DateTime<Utc>) -> Done {
    run::one(&app.app, job(kind), now).await.expect("it runs").expect("counts")
}

/// The keys below a folder of this name.
async fn keys(app: &TestApp, folder: &str) -> Vec<String> {
    let page = app.app.store.list("users/", None, 1_000).await.expect("a list");
    page.objects.into_iter().map(|listed| listed.object.key).filter(|key| key.contains(folder)).collect()
}

/// As if this upload had been deleted so many hours ago.
async fn deleted_for(app: &TestApp, id: &str, hours: i64) {
    let sql = "update reference_images set deleted_at = now() - $2 * interval '1 hour' where id = $1::uuid";
    sqlx::query(sql).bind(id).bind(hours).execute(&mut app.sql().await).await.expect("deleted");
}

/// Runs the job until it waits for a row that is being changed, then lets the change be.
async fn runs_while(app: &TestApp, kind: &str, now: DateTime<Utc>, change: &'static str) -> Done {
    let mut other = app.sql().await;
    let mut tx = other.begin().await.expect("a transaction");
    tx.execute(change).await.expect("changed");
    let waits = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    let lets_go = async {
        let (mut beat, mut looks) = (tokio::time::interval(Duration::from_millis(10)), 0);
        while number(app, waits).await == 0 {
            beat.tick().await;
            looks += 1;
            assert!(looks < 1_000, "it never comes to that row");
        }
        tx.commit().await.expect("committed");
    };
    tokio::join!(runs(app, kind, now), lets_go).0
}

#[actix_web::test]
async fn an_upload_that_comes_back_while_it_is_thrown_away_stays() {
    let (app, store) = with_own_store(&[]).await;
    let person = app.person("Ada Lovelace").await;
    person.reference(40, 30, 0).await;
    let later = app.app.clock.now() + TimeDelta::days(2);
    let alive = "select count(*) from reference_images where deleted_at is null";
    for is_stuck in [false, true] {
        app.sql().await.execute("update reference_images set deleted_at = now()").await.expect("deleted");
        if is_stuck {
            store.faults.set(Fault::once("s3", "partial_delete").with("AccessDenied"));
        }
        let done = runs_while(&app, "references", later, "update reference_images set deleted_at = null").await;
        assert_eq!((done.deleted, done.failed), (0, i64::from(is_stuck)));
        assert_eq!(number(&app, alive).await, 1, "stuck: {is_stuck}");
    }
}

#[actix_web::test]
async fn an_upload_that_storage_keeps_is_tried_again_tomorrow_and_keeps_no_other() {
    let (app, store) = with_own_store(&[]).await;
    let person = app.person("Ada Lovelace").await;
    let (first, second) = (person.reference(40, 30, 0).await, person.reference(40, 30, 1).await);
    for (id, hours) in [(&first, 2), (&second, 1)] {
        deleted_for(&app, id, hours).await;
    }
    let now = app.app.clock.now() + TimeDelta::days(1);
    store.faults.set(Fault::once("s3", "partial_delete").with("AccessDenied"));
    assert_eq!(runs(&app, "references", now).await, Done { seen: 2, deleted: 1, failed: 1 });
    let left = "select count(*) from reference_images where id = $1::uuid";
    let left: i64 = sqlx::query_scalar(left).bind(&first).fetch_one(&mut app.sql().await).await.expect("a count");
    assert_eq!((left, number(&app, "select count(*) from reference_images").await), (1, 1));
    assert_eq!(runs(&app, "references", now + TimeDelta::hours(23)).await, Done::default());
    // Its thumbnail alone keeps it, too.
    store.faults.set(Fault { skip: 1, ..Fault::once("s3", "partial_delete").with("AccessDenied") });
    assert_eq!(runs(&app, "references", now + TimeDelta::hours(25)).await, Done { seen: 1, deleted: 0, failed: 1 });
    assert_eq!(runs(&app, "references", now + TimeDelta::hours(50)).await.deleted, 1);
    assert_eq!(keys(&app, "/references/").await, Vec::<String>::new());
}

#[actix_web::test]
async fn an_image_in_the_trash_stays_a_row_while_storage_keeps_any_of_its_objects() {
    let (app, store) = with_own_store(&[]).await;
    let person = app.person("Ada Lovelace").await;
    let made = person.make(&json!({"prompt": "A fox", "quality": "low"})).await;
    person.delete(&format!("/v1/images/{}", made["images"][0]["id"].as_str().expect("an id"))).await.expect_status(204);
    person.make(&json!({"prompt": "Another fox", "quality": "low"})).await;
    let mut now = app.app.clock.now() + TimeDelta::days(31);
    for skip in 0..3 {
        store.faults.set(Fault { skip, ..Fault::once("s3", "partial_delete").with("AccessDenied") });
        assert_eq!(runs(&app, "trash", now).await, Done { seen: 1, deleted: 0, failed: 1 }, "the object after {skip}");
        assert_eq!(runs(&app, "trash", now + TimeDelta::minutes(50)).await, Done::default(), "others go first");
        now += TimeDelta::minutes(70);
    }
    assert_eq!(number(&app, "select count(*) from images where erase_tried_at is not null").await, 1);
    assert_eq!(runs(&app, "trash", now).await.deleted, 1);
    assert_eq!(keys(&app, "/images/").await.len(), 3, "the other one's");
}

#[actix_web::test]
async fn an_image_that_comes_back_while_the_trash_is_emptied_stays_a_row() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let made = person.make(&json!({"prompt": "A fox", "quality": "low"})).await;
    person.delete(&format!("/v1/images/{}", made["images"][0]["id"].as_str().expect("an id"))).await.expect_status(204);
    let later = app.app.clock.now() + TimeDelta::days(31);
    runs_while(&app, "trash", later, "update images set deleted_at = null").await;
    assert_eq!(number(&app, "select count(*) from images where deleted_at is null").await, 1);
    assert_eq!(number(&app, "select sum(erased_gems)::bigint from generations").await, 0);
}

#[actix_web::test]
async fn objects_of_a_deleted_upload_lie_there_for_a_day_and_those_of_a_listed_one_for_good() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    person.reference(40, 30, 0).await;
    for hours in [20, 25] {
        let id = person.reference(40, 30, hours).await;
        deleted_for(&app, &id, hours.into()).await;
    }
    assert_eq!(runs(&app, "references", app.app.clock.now()).await, Done { seen: 1, deleted: 1, failed: 0 });
    assert_eq!(keys(&app, "/references/").await.len(), 4);
}

#[actix_web::test]
async fn a_deleted_upload_waits_for_its_own_persons_work_whether_that_waits_or_runs() {
    let app = harness::start().await;
    let (ada, grace) = (app.person("Ada Lovelace").await, app.person("Grace Hopper").await);
    let others = [grace.reference(40, 30, 0).await, grace.reference(40, 30, 1).await];
    let reference = ada.reference(40, 30, 0).await;
    let body = json!({"prompt": "A fox", "quality": "low", "references": [{"reference_id": reference}]});
    ada.submit(&body).await.expect_status(202);
    ada.delete(&format!("/v1/references/{reference}")).await.expect_status(204);
    let others_objects = format!("users/{}/references/", actor(&grace).await.person_id);
    let adas = format!("users/{}/references/", actor(&ada).await.person_id);
    app.app.clock.advance(TimeDelta::days(2));
    for (other, is_running) in others.iter().zip([false, true]) {
        deleted_for(&app, other, 25).await;
        let job = if is_running { queue::claim(&app.app).await.expect("the queue") } else { None };
        assert_eq!(job.is_some(), is_running);
        orphans::sweep(&app.app, false).await.expect("a sweep").expect("a report");
        assert_eq!(keys(&app, &others_objects).await.len(), if is_running { 0 } else { 2 }, "somebody else's go");
        assert_eq!(runs(&app, "references", app.app.clock.now()).await.deleted, 1);
        assert_eq!(keys(&app, &adas).await.len(), 2, "running: {is_running}");
        if let Some(job) = job {
            app.openai.only_sketch();
            lapidary::generation::run::run(&app.app, &job).await.expect("a run");
        }
    }
    assert_eq!(number(&app, "select count(*) from images").await, 1, "it was made from what was kept");
    assert_eq!(runs(&app, "references", app.app.clock.now()).await.deleted, 1);
    assert_eq!(keys(&app, &adas).await, Vec::<String>::new());
}

/// The row of an archive that came to nothing long ago; `rest` says what of it still lies in storage.
async fn old_archive(app: &TestApp, person: Uuid, id: Uuid, rest: &str) {
    let text = format!(
        "insert into image_archives (id, person_id, fingerprint, request_id, status, image_ids, attempt, created_at, finished_at,
           object_key, upload_id)
         values ('{id}', '{person}', 'x', 'r', 'failed', '{{}}', 1, now() - interval '40 days', now() - interval '40 days', {rest})"
    );
    app.sql().await.execute(AssertSqlSafe(text)).await.expect("a row");
}

#[actix_web::test]
async fn the_row_of_an_archive_stays_until_storage_has_let_go_of_it() {
    let (app, store) = with_own_store(&[]).await;
    let ada = app.person("Ada Lovelace").await;
    let (person, stuck, lucky) = (actor(&ada).await.person_id, Uuid::now_v7(), Uuid::now_v7());
    for id in [stuck, lucky] {
        let key = format!("users/{person}/archives/{id}/1.zip");
        app.app.store.put(&key, vec![1_u8], "application/zip").await.expect("an object");
        old_archive(&app, person, id, &format!("'{key}', null")).await;
    }
    let now = app.app.clock.now();
    store.faults.set(Fault::once("s3", "partial_delete").with("AccessDenied"));
    assert_eq!(runs(&app, "archives", now).await, Done { seen: 2, deleted: 1, failed: 1 });
    let left = "select count(*) from image_archives where object_key is not null";
    assert_eq!((number(&app, left).await, keys(&app, "/archives/").await.len()), (1, 1));
    assert_eq!(runs(&app, "archives", now).await, Done { seen: 1, deleted: 1, failed: 0 });
    assert_eq!(number(&app, "select count(*) from image_archives").await, 0);
    // The same with an upload that came to no end.
    let (id, none) = (Uuid::now_v7(), Done { seen: 1, deleted: 0, failed: 1 });
    let key = format!("users/{person}/archives/{id}/1.zip");
    let upload = app.app.store.begin_upload(&key, "application/zip", 1_000).await.expect("begun").id.clone();
    old_archive(&app, person, id, &format!("null, '{upload}'")).await;
    store.faults.set(Fault::always("s3", "refuse"));
    assert_eq!(runs(&app, "archives", now).await, none);
    assert_eq!(number(&app, "select count(*) from image_archives").await, 1);
    store.faults.clear();
    assert_eq!(runs(&app, "archives", now).await.deleted, 1);
    assert_eq!(number(&app, "select count(*) from image_archives").await, 0);
    assert!(app.app.store.unended_uploads("users/", now + TimeDelta::days(1)).await.expect("a list").is_empty());
}

async fn swept(app: &TestApp, is_dry_run: bool) -> i64 {
    orphans::sweep(&app.app, is_dry_run).await.expect("a sweep").expect("a report").counts.deleted
}

#[actix_web::test]
async fn what_somebodys_running_work_has_stored_is_no_orphan_however_old_it_is() {
    let app = harness::start().await;
    let (ada, grace) = (app.person("Ada Lovelace").await, app.person("Grace Hopper").await);
    ada.submit(&json!({"prompt": "A slow fox", "quality": "low"})).await.expect_status(202);
    let job = queue::claim(&app.app).await.expect("the queue").expect("a job");
    // Storage tells whole seconds.
    let before = "update generations set started_at = started_at - interval '1 minute'";
    app.sql().await.execute(before).await.expect("it runs for a while");
    for person in [&ada, &grace] {
        let key = format!("users/{}/images/{}/1/original.png", actor(person).await.person_id, Uuid::now_v7());
        app.app.store.put(&key, vec![1_u8], "image/png").await.expect("an object");
    }
    app.app.clock.advance(TimeDelta::hours(25));
    assert_eq!((swept(&app, false).await, keys(&app, "/images/").await.len()), (1, 1));
    assert_eq!(keys(&app, &format!("{}/images/", job.person_id)).await.len(), 1, "what it stored is kept");
    settle::settle(&app.app, &job, &Delivered::default(), &Outcome::Cancelled).await.expect("over");
    assert_eq!((swept(&app, false).await, keys(&app, "/images/").await.len()), (1, 0));
}

#[actix_web::test]
async fn what_a_look_at_the_bucket_left_there_goes_after_a_day_and_not_in_a_sweep_that_only_looks() {
    let app = harness::start().await;
    let folder = format!("{}/", bucket::FOLDER);
    app.app.store.put(&format!("{folder}x"), vec![1_u8], "text/plain").await.expect("an object");
    let left = async || app.app.store.list(&folder, None, 9).await.expect("a list").objects.len();
    swept(&app, false).await;
    assert_eq!(left().await, 1, "somebody may be looking");
    app.app.clock.advance(TimeDelta::hours(25));
    swept(&app, true).await;
    assert_eq!(left().await, 1);
    swept(&app, false).await;
    assert_eq!(left().await, 0);
}
