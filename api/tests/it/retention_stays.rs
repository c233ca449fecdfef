//! One condition decides about each of these rows: those that look as if they were over and must stay, and those that go
//! although they look as if they stayed. `$4` is now; each row says itself how old it is.
use std::collections::BTreeSet;

use chrono::TimeDelta;
use lapidary::gems::ledger;
use lapidary::promises::retention::{Done, JOBS, references, run};
use sqlx::Executor;
use uuid::Uuid;

use crate::crash::number;
use crate::harness;
use crate::retention::{BY_ID, Case, is_there, job, owner, plant};

struct Row {
    case: Case,
    stays: bool,
    why: &'static str,
}

fn row(kind: &'static str, table: &'static str, stays: bool, why: &'static str, insert: &'static str) -> Row {
    Row { case: Case { kind, table, after: TimeDelta::zero(), insert, is_there: BY_ID }, stays, why }
}

fn of_people() -> Vec<Row> {
    vec![
        row("shares", "share_links", true, "a link without an end has none, however old", "insert into share_links
            (id, person_id, image_id, token_hash, token_sealed, shows_prompt, created_at)
            values ($5, $1, $2, sha256($6::bytea), 'x', false, $4 - interval '3000 days')"),
        row("shares", "share_links", false, "revoked a month ago, it is over, whatever date it had", "insert into share_links
            (id, person_id, image_id, token_hash, token_sealed, shows_prompt, created_at, revoked_at, expires_at)
            values ($5, $1, $2, sha256($6::bytea), 'x', false, $4 - interval '90 days', $4 - interval '31 days',
              $4 + interval '90 days')"),
        row("shares", "share_links", false, "expired a month ago, it is over, whoever revokes it now", "insert into share_links
            (id, person_id, image_id, token_hash, token_sealed, shows_prompt, created_at, revoked_at, expires_at)
            values ($5, $1, $2, sha256($6::bytea), 'x', false, $4 - interval '90 days', $4, $4 - interval '31 days')"),
        row("notices", "notices", true, "nobody has read it", "insert into notices (id, person_id, kind, subject, created_at)
            values ($5, $1, 'refunded', $5, $4 - interval '3000 days')"),
        row("notices", "notices", true, "it was read yesterday", "insert into notices (id, person_id, kind, subject, created_at, read_at)
            values ($5, $1, 'refunded', $5, $4 - interval '3000 days', $4 - interval '1 day')"),
        row("flags", "flags", true, "nobody has closed it", "insert into flags
            values ($5, $1, $6, 10, $4 - interval '3000 days', $4 - interval '3000 days', null)"),
        row("flags", "flags", true, "it was closed yesterday", "insert into flags
            values ($5, $1, $6, 10, $4 - interval '3000 days', $4 - interval '3000 days', $4 - interval '1 day')"),
        row("api_keys", "api_keys", true, "a key without an end has none, however old", "insert into api_keys
            (id, person_id, name, start, key_hash, scopes, free_gems_only, created_at)
            values ($5, $1, 'old', 'lap_', sha256($6::bytea), '{gems:read}', true, $4 - interval '3000 days')"),
        row("unconfirmed", "people", true, "whoever is suspended may not come back as somebody new", "insert into people
            (id, email, email_normalised, created_at, suspended_at) values ($5, $6, $6, $4 - interval '99 days', $4)"),
        row("unconfirmed", "people", true, "they said how old they are", "insert into people
            (id, email, email_normalised, created_at, age_confirmed_at) values ($5, $6, $6, $4 - interval '99 days', $4)"),
        row("webhook_deliveries", "webhook_secrets", true, "it signs until it is replaced", "with e as (
              insert into webhook_endpoints (id, person_id, url, description, event_types, status, created_at, updated_at)
              values ($5, $1, 'http://127.0.0.1:9/' || $6, '', '{}', 'enabled', $4, $4) returning id)
            insert into webhook_secrets select $5, id, $1, 'x', $4 - interval '3000 days', null from e"),
        row("erasures", "erasures", true, "it goes on until it is finished", "insert into erasures
            (id, kind, status, token_hash, person_id, step, created_at, due_at, next_try_at)
            values ($5, 'account', 'waiting', sha256($6::bytea), $5, 'sessions', $4 - interval '99 days',
              $4 + interval '1 day', $4 + interval '1 day')"),
        row("erasures", "erasures", true, "it was finished yesterday", "insert into erasures
            (id, kind, status, token_hash, step, created_at, due_at, finished_at, next_try_at)
            values ($5, 'account', 'finished', sha256($6::bytea), 'done', $4 - interval '99 days', $4 - interval '92 days',
              $4 - interval '1 day', $4)"),
    ]
}

fn with_objects() -> Vec<Row> {
    let upload = |stays, why, insert, is_there| {
        let mut row = row("references", "reference_images", stays, why, insert);
        row.case.is_there = is_there;
        row
    };
    vec![
        row("archives", "image_archives", true, "it waits to be made", "insert into image_archives
            (id, person_id, fingerprint, request_id, status, image_ids, created_at)
            values ($5, $1, 'x', 'r', 'queued', '{}', $4 - interval '99 days')"),
        row("archives", "image_archives", false, "nothing came of it", "insert into image_archives
            (id, person_id, fingerprint, request_id, status, image_ids, created_at, finished_at)
            values ($5, $1, 'x', 'r', 'failed', '{}', $4 - interval '31 days', $4 - interval '31 days')"),
        row("archives", "image_archives", true, "it is listed for a month", "insert into image_archives
            (id, person_id, fingerprint, request_id, status, image_ids, created_at, finished_at)
            values ($5, $1, 'x', 'r', 'failed', '{}', $4 - interval '29 days', $4 - interval '29 days')"),
        upload(true, "its person put it there", "insert into reference_images
            (id, person_id, object_prefix, extension, content_type, bytes, width, height, thumbhash, is_mask, fingerprint, created_at)
            values ($5, $1, 'users/' || $1::text || '/references/' || $5::text, 'png', 'image/png', 1, 1, 1, '', false,
              sha256($6::bytea), $4 - interval '3000 days')", "id = $1 and deleted_at is null"),
        upload(false, "it came along with a request and was not used again", "insert into reference_images
            (id, person_id, object_prefix, extension, content_type, bytes, width, height, thumbhash, is_mask, is_passing,
              fingerprint, created_at)
            values ($5, $1, 'users/' || $1::text || '/references/' || $5::text, 'png', 'image/png', 1, 1, 1, '', false, true,
              sha256($6::bytea), $4 - interval '31 days')", "id = $1 and deleted_at is null"),
        upload(true, "it is deleted since then and no later", "insert into reference_images
            (id, person_id, object_prefix, extension, content_type, bytes, width, height, thumbhash, is_mask, fingerprint,
              created_at, deleted_at)
            values ($5, $1, 'users/' || $1::text || '/references/' || $5::text, 'png', 'image/png', 1, 1, 1, '', true,
              sha256($6::bytea), $4 - interval '99 days', $4 - interval '20 hours')",
            "id = $1 and deleted_at < now() - interval '19 hours'"),
    ]
}

/// Each of a kind of its own, but the reconciliations: of them one says how far the vendor's events were read.
fn of_traces() -> Vec<Row> {
    vec![
        row("traces", "sweep_runs", true, "the newest of its kind, though there are newer ones of others", "insert into sweep_runs
            (id, kind, is_dry_run, started_at, finished_at)
            values ($5, $6, false, $4 - interval '3000 days', $4 - interval '3000 days')"),
        row("traces", "sweep_runs", true, "it can be compared with the year before", "insert into sweep_runs
            (id, kind, is_dry_run, started_at, finished_at) values ($5, $6, false, $4 - interval '399 days', $4),
              (gen_random_uuid(), $6, false, $4 - interval '1 day', $4)"),
        row("traces", "sweep_runs", true, "the last that came to its end", "insert into sweep_runs
            (id, kind, is_dry_run, started_at, finished_at) values ($5, $6, false, $4 - interval '500 days', $4),
              (gen_random_uuid(), $6, false, $4 - interval '450 days', null)"),
        row("traces", "sweep_runs", false, "it never came to its end and a later one did", "insert into sweep_runs
            (id, kind, is_dry_run, started_at, finished_at) values ($5, $6, false, $4 - interval '500 days', null),
              (gen_random_uuid(), $6, false, $4 - interval '450 days', $4)"),
        row("traces", "reconcile_runs", true, "nobody has read further", "insert into reconcile_runs
            (id, started_at, finished_at, events_until) values ($5, $4 - interval '500 days', $4, $4 - interval '480 days')"),
        row("traces", "reconcile_runs", false, "it has not read as far", "insert into reconcile_runs
            (id, started_at, finished_at, events_until) values ($5, $4 - interval '460 days', $4, $4 - interval '490 days')"),
        row("traces", "reconcile_runs", false, "it has read nothing", "insert into reconcile_runs
            (id, started_at, finished_at) values ($5, $4 - interval '450 days', $4)"),
        row("traces", "reconcile_runs", true, "it is not a year old", "insert into reconcile_runs
            (id, started_at, finished_at) values ($5, $4 - interval '300 days', $4)"),
    ]
}

#[actix_web::test]
async fn each_condition_decides_about_a_row_of_its_own() {
    let app = harness::start().await;
    let owner = owner(&app).await;
    let (now, mut sql) = (app.app.clock.now(), app.sql().await);
    let rows = || [of_people(), with_objects(), of_traces()].into_iter().flatten();
    let mut planted = Vec::new();
    for row in rows() {
        let id = plant(&mut sql, &owner, &row.case, now).await;
        planted.push((row, id));
    }
    for kind in rows().map(|row| row.case.kind).collect::<BTreeSet<_>>() {
        let done = run::one(&app.app, job(kind), now).await.expect("it runs").expect("counts");
        assert_eq!(done.failed, 0, "{kind}");
    }
    let mut wrong = Vec::new();
    for (Row { case, stays, why }, id) in &planted {
        if is_there(&mut sql, case, *id).await != *stays {
            wrong.push(format!("{}: {why}", case.table));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[actix_web::test]
async fn reconciliations_that_read_nothing_go_although_none_says_how_far_they_came() {
    let app = harness::start().await;
    let old = "insert into reconcile_runs (id, started_at) values (gen_random_uuid(), now() - interval '450 days')";
    app.sql().await.execute(old).await.expect("a run");
    run::one(&app.app, job("traces"), app.app.clock.now()).await.expect("it runs");
    assert_eq!(number(&app, "select count(*) from reconcile_runs").await, 0);
}

/// What the pages and the policies say. Whoever changes one of these changes what was promised.
#[test]
fn everything_stays_as_long_as_was_said() {
    let said = [
        ("request_log", 30),
        ("events", 1),
        ("sign_in", 7),
        ("unconfirmed", 1),
        ("api_keys", 30),
        ("shares", 30),
        ("notices", 180),
        ("refusals", 30),
        ("flags", 365),
        ("webhook_deliveries", 30),
        ("erasures", 30),
        ("trash", 30),
        ("archives", 7),
        ("references", 30),
        ("payments", 2557),
        ("audit_log", 2557),
        ("traces", 400),
        ("objects", 1),
        ("previews", 1),
    ];
    assert_eq!(JOBS.iter().map(|job| (job.kind, job.after.num_days())).collect::<Vec<_>>(), said);
    assert!(JOBS.iter().all(|job| job.after == TimeDelta::days(job.after.num_days())), "whole days");
    assert_eq!(references::DELETED_KEPT, TimeDelta::days(1));
}

#[actix_web::test]
async fn an_account_whose_gems_moved_outlives_its_unconfirmed_person() {
    let app = harness::start().await;
    app.person("Grace Hopper").await;
    let browser = app.browser();
    assert!(!browser.sign_in("github", "Ada Lovelace").await.is_empty());
    let account: Uuid = sqlx::query_scalar(
        "select l.account_id from account_links l join people p on p.id = l.person_id where p.age_confirmed_at is null",
    )
    .fetch_one(&mut app.sql().await)
    .await
    .expect("an account");
    let mut tx = app.app.db.begin_house().await.expect("a transaction");
    let now = app.app.clock.now();
    ledger::grant(&mut tx, account, Uuid::now_v7(), 5, now).await.expect("granted");
    tx.commit().await.expect("committed");
    let done = run::one(&app.app, job("unconfirmed"), now + TimeDelta::hours(25)).await.expect("it runs");
    assert_eq!(done, Some(Done { seen: 1, deleted: 1, failed: 0 }), "who has confirmed is not even looked at");
    assert_eq!(number(&app, "select count(*) from people").await, 1);
    assert_eq!(number(&app, "select count(*) from gem_accounts").await, 2, "the books keep what moved");
}

#[actix_web::test]
async fn that_an_archive_expired_is_told_once() {
    let app = harness::start().await;
    app.person("Ada Lovelace").await;
    let old = "with a as (select id as person, gen_random_uuid() as id from people)
        insert into image_archives (id, person_id, fingerprint, request_id, status, image_ids, object_key, bytes, created_at,
          finished_at, expires_at)
        select id, person, 'x', 'r', 'ready', '{}', 'users/' || person || '/archives/' || id || '/1.zip', 1,
          now() - interval '8 days', now() - interval '8 days', now() - interval '1 day' from a";
    app.sql().await.execute(old).await.expect("an archive");
    for _ in 0..2 {
        run::one(&app.app, job("archives"), app.app.clock.now()).await.expect("it runs");
        assert_eq!(number(&app, "select count(*) from events where kind = 'archive'").await, 1);
    }
}
