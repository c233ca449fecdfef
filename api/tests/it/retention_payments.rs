//! What of a purchase keeps it: each thing that moved within seven years does so alone.
use lapidary::promises::retention::run;
use sqlx::{AssertSqlSafe, Executor, PgConnection};
use uuid::Uuid;

use crate::crash::number;
use crate::harness;
use crate::isolation::ids_of;
use crate::retention::job;

/// What happened within seven years, beside nothing else.
const MOVED: [(&str, &str); 6] = [
    ("it was paid", "update purchases set paid_at = now() - interval '2500 days' where id = '{id}'"),
    (
        "the vendor told of it",
        "insert into payment_events (id, kind, heard_by, created_at, received_at, purchase_id)
         values ('{id}', 'charge.refunded', 'webhook', now() - interval '3650 days', now() - interval '2500 days', '{id}')",
    ),
    ("its gems came", "purchase"),
    ("its gems were taken back", "claw_back"),
    ("its gems came again", "restore"),
    ("its gems paid a debt", "debt_settlement"),
];

fn happened(what: &str, id: Uuid, account: &str) -> String {
    if what.contains(' ') {
        return what.replace("{id}", &id.to_string());
    }
    format!(
        "insert into gem_transfers (id, account_id, debit, credit, amount, kind, reference, created_at)
         values (gen_random_uuid(), '{account}', 'sales', 'bought', 1, '{what}', '{id}', now() - interval '2500 days')"
    )
}

/// Ten years ago, and never paid.
async fn begun(sql: &mut PgConnection, account: &str) -> Uuid {
    let id = Uuid::now_v7();
    let text = format!(
        "insert into purchases (id, account_id, idempotency_key, fingerprint, request_id, pack, gems, amount, currency,
           catalogue_version, status, created_at)
         values ('{id}', '{account}', '{id}', 'x', 'r', 'pouch', 400, 499, 'usd', '1', 'expired', now() - interval '3650 days')"
    );
    sql.execute(AssertSqlSafe(text)).await.expect("a purchase");
    id
}

async fn is_there(sql: &mut PgConnection, id: Uuid) -> bool {
    let found = sqlx::query_scalar("select exists (select from purchases where id = $1)").bind(id).fetch_one(sql).await;
    found.expect("a look")
}

#[actix_web::test]
async fn each_thing_that_moved_within_seven_years_keeps_its_purchase_and_no_other() {
    let app = harness::start().await;
    app.person("Ada Lovelace").await;
    let (_, account) = ids_of(&app, "ada.lovelace@example.test").await;
    let mut sql = app.sql().await;
    let nothing = begun(&mut sql, &account).await;
    let mut kept = Vec::new();
    for (why, what) in MOVED {
        let id = begun(&mut sql, &account).await;
        sql.execute(AssertSqlSafe(happened(what, id, &account))).await.expect("it moved");
        kept.push((why, id));
    }
    sql.execute(
        "insert into payment_events (id, kind, heard_by, created_at, received_at)
         values ('late', 'charge.refunded', 'reconcile', now() - interval '3650 days', now() - interval '1 day')",
    )
    .await
    .expect("an event");
    run::one(&app.app, job("payments"), app.app.clock.now()).await.expect("it runs");
    assert!(!is_there(&mut sql, nothing).await, "nothing of it moved");
    for (why, id) in &kept {
        assert!(is_there(&mut sql, *id).await, "{why}");
    }
    let late = "select count(*) from payment_events where id = 'late'";
    assert_eq!(number(&app, late).await, 1, "it was heard of yesterday, whenever it happened");
    // The books of this account were made up.
    for text in [
        "delete from payment_events",
        "alter table gem_transfers disable trigger user",
        "delete from gem_transfers where reference in (select id from purchases)",
        "alter table gem_transfers enable trigger user",
        "delete from purchases",
    ] {
        sql.execute(text).await.expect("as it was");
    }
}
