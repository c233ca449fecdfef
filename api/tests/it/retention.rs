//! What must go in time goes, what must stay stays, for every job of the list; each run leaves its trace; and each table of the
//! database says how long its rows live.
use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use lapidary::promises::retention::tables::{Stay, TABLES};
use lapidary::promises::retention::{JOBS, Job, forget, payments, references, run};
use lapidary::requests::days;
use serde_json::json;
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use crate::harness::{self, TestApp};

/// Whose rows they are.
pub struct Owner {
    pub person: Uuid,
    image: Uuid,
    endpoint: Uuid,
}

/// A row of this table, as old as `$4` says. `$1` is its person, `$2` the id of an image, `$3` that of an endpoint, `$5` an
/// id of its own and `$6` a text of its own.
#[derive(Clone)]
pub struct Case {
    pub kind: &'static str,
    pub table: &'static str,
    /// Since the date that counts.
    pub after: TimeDelta,
    pub insert: &'static str,
    /// Whether the row with `$1` as its id is there.
    pub is_there: &'static str,
}

pub const BY_ID: &str = "id = $1";

fn cases() -> Vec<Case> {
    [of_people(), of_the_house()].concat()
}

fn of_people() -> Vec<Case> {
    let case = |kind, table, after, insert, is_there| Case { kind, table, after, insert, is_there };
    let days = TimeDelta::days;
    vec![
        case("request_log", "request_log", days(31), "insert into request_log
            (id, created_at, person_id, method, route, status, latency_micros)
            values ($5, $4, $1, 'GET', '/v1/me', 200, 1)", BY_ID),
        case("events", "events", days(1), "insert into events (person_id, kind, subject, created_at)
            values ($1, 'image', $5, $4)", "subject = $1"),
        case("sign_in", "sessions", days(7), "insert into sessions values
            ($5, $1, 'github', 'idle', $4, $4, $4 + interval '30 days', null)", BY_ID),
        case("sign_in", "sessions", days(30), "insert into sessions values
            ($5, $1, 'github', 'in use', $4, now(), $4 + interval '30 days', null)", BY_ID),
        case("sign_in", "refresh_tokens", days(7), "with s as (insert into sessions values
            ($5, $1, 'github', 'idle', $4, $4, $4 + interval '30 days', null) returning id)
            insert into refresh_tokens select sha256($6::bytea), id, $4 from s", "session_id = $1"),
        case("sign_in", "sign_in_attempts", TimeDelta::minutes(70), "insert into sign_in_attempts
            (state_hash, browser_hash, provider, nonce, pkce_verifier, return_to, session_id, created_at, expires_at)
            values (sha256($6::bytea), 'x', 'github', 'n', 'p', '/', $5, $4, $4 + interval '10 minutes')", "session_id = $1"),
        case("sign_in", "pending_identities", TimeDelta::minutes(10), "insert into pending_identities values
            (sha256($6::bytea), jsonb_build_object('id', $5), $4 + interval '10 minutes')", "identity->>'id' = $1::text"),
        case("sign_in", "revocations", TimeDelta::hours(1), "insert into revocations (session_id, created_at)
            values ($5, $4)", "session_id = $1"),
        case("erasures", "erasures", days(30), "insert into erasures
            (id, kind, status, token_hash, step, created_at, due_at, finished_at, next_try_at)
            values ($5, 'images', 'finished', sha256($6::bytea), 'done', $4, $4, $4, $4)", BY_ID),
        case("unconfirmed", "people", days(1), "insert into people (id, email, email_normalised, created_at)
            values ($5, $6, $6, $4)", BY_ID),
        case("api_keys", "api_keys", days(30), "insert into api_keys
            (id, person_id, name, start, key_hash, scopes, free_gems_only, created_at, revoked_at)
            values ($5, $1, 'revoked', 'lap_', sha256($6::bytea), '{gems:read}', true, $4, $4)", BY_ID),
        case("api_keys", "api_keys", days(30), "insert into api_keys
            (id, person_id, name, start, key_hash, scopes, free_gems_only, created_at, expires_at)
            values ($5, $1, 'expired', 'lap_', sha256($6::bytea), '{gems:read}', true, $4, $4)", BY_ID),
        case("shares", "share_links", days(30), "insert into share_links
            (id, person_id, image_id, token_hash, token_sealed, shows_prompt, created_at, revoked_at)
            values ($5, $1, $2, sha256($6::bytea), 'x', false, $4, $4)", BY_ID),
        case("shares", "share_links", days(30), "insert into share_links
            (id, person_id, image_id, token_hash, token_sealed, shows_prompt, created_at, expires_at)
            values ($5, $1, $2, sha256($6::bytea), 'x', false, $4, $4)", BY_ID),
        case("notices", "notices", forget::NOTICES_KEPT, "insert into notices (id, person_id, kind, subject, created_at, read_at)
            values ($5, $1, 'refunded', $5, $4, $4)", BY_ID),
        case("refusals", "refusals", days(30), "insert into refusals (id, person_id, stage, categories, request_id, created_at)
            values ($5, $1, 'input', '[]', 'r', $4)", BY_ID),
        case("flags", "flags", forget::FLAGS_KEPT, "insert into flags values ($5, $1, $6, 10, $4, $4, $4)", BY_ID),
        case("webhook_deliveries", "webhook_deliveries", days(30), "insert into webhook_deliveries
            (id, endpoint_id, person_id, event_type, subject, part, data, status, next_attempt_at, created_at, finished_at)
            values ($5, $3, $1, 'image.made', $5, 0, '{}', 'delivered', $4, $4, $4)", BY_ID),
        case("webhook_deliveries", "webhook_secrets", TimeDelta::zero(), "insert into webhook_secrets
            values ($5, $3, $1, 'x', $4, $4)", BY_ID),
    ]
}

fn of_the_house() -> Vec<Case> {
    let case = |kind, table, after, insert, is_there| Case { kind, table, after, insert, is_there };
    let days = TimeDelta::days;
    vec![
        case("archives", "image_archives", days(7), "insert into image_archives (id, person_id, fingerprint, request_id, status,
            image_ids, object_key, bytes, created_at, finished_at, expires_at)
            values ($5, $1, 'x', 'r', 'ready', '{}', 'users/' || $1::text || '/archives/' || $5::text || '/1.zip', 1, $4, $4,
              $4 + interval '7 days')", "id = $1 and status = 'ready' and object_key is not null"),
        case("archives", "image_archives", days(30), "insert into image_archives (id, person_id, fingerprint, request_id, status,
            image_ids, created_at, finished_at) values ($5, $1, 'x', 'r', 'expired', '{}', $4, $4)", BY_ID),
        case("references", "reference_images", references::UNUSED_KEPT, "insert into reference_images (id, person_id,
            object_prefix, extension, content_type, bytes, width, height, thumbhash, is_mask, fingerprint, created_at)
            values ($5, $1, 'users/' || $1::text || '/references/' || $5::text, 'png', 'image/png', 1, 1, 1, '', true,
              sha256($6::bytea), $4)", "id = $1 and deleted_at is null"),
        case("references", "reference_images", references::DELETED_KEPT, "insert into reference_images (id, person_id,
            object_prefix, extension, content_type, bytes, width, height, thumbhash, is_mask, fingerprint, created_at, deleted_at)
            values ($5, $1, 'users/' || $1::text || '/references/' || $5::text, 'png', 'image/png', 1, 1, 1, '', false,
              sha256($6::bytea), $4, $4)", BY_ID),
        case("payments", "purchases", payments::KEPT, "insert into purchases (id, account_id, idempotency_key, fingerprint,
            request_id, pack, gems, amount, currency, catalogue_version, status, created_at)
            select $5, account_id, $6, 'x', 'r', 'pouch', 400, 499, 'usd', '1', 'expired', $4
            from account_links where person_id = $1", BY_ID),
        case("payments", "payment_events", payments::KEPT, "insert into payment_events (id, kind, heard_by, created_at, received_at)
            values ($5::text, 'charge.refunded', 'webhook', $4, $4)", "id = $1::text"),
        case("payments", "payment_customers", payments::KEPT, "with a as (insert into gem_accounts (id, created_at) values ($5, $4) returning id)
            insert into payment_customers select id, $6, $4 from a", "account_id = $1"),
        case("audit_log", "audit_log", payments::KEPT, "insert into audit_log (id, act, subject, created_at)
            values ($5, 'suspend', $1, $4)", BY_ID),
        case("traces", "sweep_runs", forget::TRACES_KEPT, "insert into sweep_runs (id, kind, is_dry_run, started_at, finished_at)
            values ($5, 'margins', false, $4, $4)", BY_ID),
        case("traces", "reconcile_runs", forget::TRACES_KEPT, "insert into reconcile_runs (id, started_at, finished_at, events_until)
            values ($5, $4, $4, $4)", BY_ID),
    ]
}

/// Jobs whose rows have objects, shown by tests of their own.
const SHOWN_APART: [(&str, &str); 3] = [
    ("trash", "images_in_the_trash_go_after_thirty_days_with_their_objects"),
    ("objects", "the_sweep_looks_before_it_deletes_and_counts_previews_apart"),
    ("previews", "the_sweep_looks_before_it_deletes_and_counts_previews_apart"),
];

pub async fn owner(app: &TestApp) -> Owner {
    let person = app.person("Ada Lovelace").await;
    let made = person.make(&json!({"prompt": "A fox", "quality": "low"})).await;
    let hook = person.post("/v1/webhook-endpoints", &json!({"url": "http://127.0.0.1:9/hook"})).await.json();
    let id = |value: &serde_json::Value| value.as_str().expect("an id").parse::<Uuid>().expect("a uuid");
    let (ada, _) = crate::isolation::ids_of(app, "ada.lovelace@example.test").await;
    Owner { person: ada.parse().expect("a uuid"), image: id(&made["images"][0]["id"]), endpoint: id(&hook["id"]) }
}

pub async fn plant(sql: &mut PgConnection, owner: &Owner, case: &Case, at: DateTime<Utc>) -> Uuid {
    let id = Uuid::now_v7();
    // Every parameter has a type and a use, whatever the statement needs.
    let given = "with given as (select $1::uuid, $2::uuid, $3::uuid, $4::timestamptz, $5::uuid, $6::text)";
    let insert = case.insert.trim_start();
    let text = match insert.strip_prefix("with ") {
        Some(rest) => format!("{given}, {rest}"),
        None => format!("{given} {insert}"),
    };
    sqlx::query(AssertSqlSafe(text))
        .bind(owner.person)
        .bind(owner.image)
        .bind(owner.endpoint)
        .bind(at)
        .bind(id)
        .bind(id.to_string())
        .execute(sql)
        .await
        .unwrap_or_else(|error| panic!("{} of {}: {error}", case.table, case.kind));
    id
}

pub async fn is_there(sql: &mut PgConnection, case: &Case, id: Uuid) -> bool {
    let text = format!("select exists (select from {} where {})", case.table, case.is_there);
    sqlx::query_scalar(AssertSqlSafe(text)).bind(id).fetch_one(sql).await.expect("a look")
}

pub fn job(kind: &str) -> &'static Job {
    Job::of(kind).unwrap_or_else(|| panic!("no job {kind}"))
}

#[actix_web::test]
async fn what_is_over_goes_and_what_is_not_stays_for_every_job() {
    let app = harness::start().await;
    let owner = owner(&app).await;
    let (now, mut sql) = (app.app.clock.now(), app.sql().await);
    let mut planted = Vec::new();
    for case in cases() {
        let step = if case.after >= TimeDelta::days(2) { TimeDelta::days(1) } else { TimeDelta::minutes(5) };
        let (over, young) = (now - case.after - step, now - case.after + step);
        if case.table == "request_log" {
            for at in [over, young] {
                days::make(&app.app.db, at.date_naive()).await.expect("a day");
            }
        }
        let (over, young) = (plant(&mut sql, &owner, &case, over).await, plant(&mut sql, &owner, &case, young).await);
        planted.push((case, over, young));
    }
    let read = "insert into notices (id, person_id, kind, created_at, read_at) values ($1, $2, 'policy', $3, $3)";
    let ancient = now - TimeDelta::days(3000);
    let policy = Uuid::now_v7();
    sqlx::query(read).bind(policy).bind(owner.person).bind(ancient).execute(&mut sql).await.expect("a policy");
    for kind in planted.iter().map(|(case, ..)| case.kind).collect::<BTreeSet<_>>() {
        let done = run::one(&app.app, job(kind), now).await.expect("it runs").expect("counts");
        assert!(done.deleted > 0 && done.failed == 0, "{kind}: {done:?}");
        let again = run::one(&app.app, job(kind), now).await.expect("it runs").expect("counts");
        assert_eq!(again.deleted, 0, "{kind} goes on with what must stay");
    }
    for (case, over, young) in &planted {
        assert!(!is_there(&mut sql, case, *over).await, "{} of {}: what is over is still there", case.table, case.kind);
        assert!(is_there(&mut sql, case, *young).await, "{} of {}: what must stay is gone", case.table, case.kind);
    }
    let kept: bool = sqlx::query_scalar("select exists (select from notices where id = $1)")
        .bind(policy)
        .fetch_one(&mut sql)
        .await
        .expect("a look");
    assert!(kept, "which policy somebody acknowledged stays with them");
}

#[test]
fn every_job_of_the_list_is_shown_by_a_case() {
    let shown: BTreeSet<&str> =
        cases().iter().map(|case| case.kind).chain(SHOWN_APART.iter().map(|(kind, _)| *kind)).collect();
    let listed: BTreeSet<&str> = JOBS.iter().map(|job| job.kind).collect();
    assert_eq!(listed.len(), JOBS.len(), "two jobs of one kind");
    assert_eq!(shown, listed);
    assert!(JOBS.iter().all(|job| job.removes.len() > 9 && job.at_least_every > TimeDelta::zero()));
}

#[actix_web::test]
async fn every_table_of_the_database_says_how_long_its_rows_live() {
    let app = harness::start().await;
    let found: BTreeSet<String> = sqlx::query_scalar::<_, String>(
        "select relname::text from pg_class
         where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition
           and relname <> '_sqlx_migrations'",
    )
    .fetch_all(&mut app.sql().await)
    .await
    .expect("tables")
    .into_iter()
    .collect();
    let listed: BTreeSet<String> = TABLES.iter().map(|(table, _)| (*table).to_owned()).collect();
    assert_eq!(found, listed, "a table without a rule, or a rule without a table");
    assert!(TABLES.is_sorted_by_key(|(table, _)| *table) && TABLES.len() == listed.len());
    let cases = cases();
    for (table, stay) in TABLES {
        match stay {
            Stay::Job(kind) => {
                let is_shown = cases.iter().any(|case| case.table == *table && case.kind == *kind);
                assert!(is_shown, "nothing shows that the job {kind} removes rows of {table}");
            }
            Stay::Person(why) | Stay::Always(why) => assert!(why.len() > 9, "{table} does not say why its rows stay"),
        }
    }
}
