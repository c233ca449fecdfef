//! What some stories need in the ledger without waiting for it to happen: gems given, bought, spent and owed, and work
//! that was done on another day. Everything adds up, as the audit at the end of each test wants it.
use chrono::{DateTime, Utc};
use lapidary::db::Actor;
use lapidary::gems::ledger::{self, Held, Posting, Reserved, Wanted};
use lapidary::http::rate::Rate;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::harness::{Person, TestApp};

pub async fn actor(person: &Person<'_>) -> Actor {
    let person_id = person.get("/v1/me").await.json()["id"].as_str().expect("an id").parse().expect("a uuid");
    let account_id = sqlx::query_scalar("select account_id from account_links where person_id = $1")
        .bind(person_id)
        .fetch_one(&mut person.app.sql().await)
        .await
        .expect("an account");
    Actor { person_id, account_id }
}

pub async fn give(app: &TestApp, actor: Actor, gems: i64) {
    let now = app.app.clock.now();
    ledger::grant(&mut app.sql().await, actor.account_id, Uuid::now_v7(), gems, now).await.expect("granted");
}

/// Spends all free gems and this many bought ones.
pub async fn spend_bought(app: &TestApp, actor: Actor, gems: i64) {
    let free: i64 = sqlx::query_scalar("select free from gem_accounts where id = $1")
        .bind(actor.account_id)
        .fetch_one(&mut app.sql().await)
        .await
        .expect("a balance");
    made_at(app, actor, app.app.clock.now(), "gpt-image-2", free + gems, 1).await;
}

/// A paid purchase of this many gems; its posting.
pub async fn buy(app: &TestApp, actor: Actor, gems: i64, at: DateTime<Utc>) -> Posting {
    let mut sql = app.sql().await;
    let purchase_id = Uuid::now_v7();
    sqlx::query(
        "insert into purchases (id, account_id, idempotency_key, fingerprint, request_id, pack, gems, amount, currency,
           catalogue_version, status, credited_gems, parts, charged_amount, created_at, paid_at)
         values ($1, $2, $1::text, '', 'test', 'starter', $3, 499, 'usd', 'test', 'paid', $3, 1, 499, $4, $4)",
    )
    .bind(purchase_id)
    .bind(actor.account_id)
    .bind(gems)
    .bind(at)
    .execute(&mut sql)
    .await
    .expect("a purchase");
    let posting = Posting { account_id: actor.account_id, purchase_id, part: 1, gems };
    ledger::purchase(&mut sql, posting, at).await.expect("credited");
    posting
}

/// All of a purchase is refunded; what is owed then.
pub async fn refund(app: &TestApp, posting: Posting) -> i64 {
    let mut sql = app.sql().await;
    sqlx::query(
        "update purchases set clawed_back_gems = gems, refunded_amount = charged_amount, parts = 2 where id = $1",
    )
    .bind(posting.purchase_id)
    .execute(&mut sql)
    .await
    .expect("refunded");
    ledger::claw_back(&mut sql, Posting { part: 2, ..posting }, app.app.clock.now()).await.expect("clawed back").owed
}

/// A generation that was asked for and delivered at this time, its images erased since; paid with free gems.
pub async fn made_at(app: &TestApp, actor: Actor, at: DateTime<Utc>, model: &str, share: i64, images: i64) {
    let mut sql = app.sql().await;
    let (id, gems) = (Uuid::now_v7(), share * images);
    sqlx::query(
        "insert into generations (id, person_id, account_id, idempotency_key, fingerprint, request_id, status, prompt,
           composed_prompt, attributes, model, width, height, quality, count, share_gems, captured_gems, erased_gems,
           catalogue_version, available_at, created_at, started_at, finished_at)
         values ($1, $2, $3, $1::text, '', 'test', 'succeeded', $9, $9, '[]', $4, 1024, 1024, 'low', $5, $6, $7,
           $7, 'test', $8, $8, $8, $8)",
    )
    .bind(id)
    .bind(actor.person_id)
    .bind(actor.account_id)
    .bind(model)
    .bind(i32::try_from(images).expect("few"))
    .bind(share)
    .bind(gems)
    .bind(at)
    .bind("Written by hand")
    .execute(&mut sql)
    .await
    .expect("a generation");
    let hold = hold(&mut sql, actor.account_id, gems, id, at).await.expect("enough gems").hold;
    ledger::settle(&mut sql, actor.account_id, hold, gems, id, at).await.expect("captured");
}

/// Holds gems on whichever day it was. `None`: there are too few.
pub async fn hold(
    sql: &mut PgConnection,
    account_id: Uuid,
    price: i64,
    reference: Uuid,
    now: DateTime<Utc>,
) -> Option<Held> {
    let forget = sqlx::query("update gem_accounts set spends_until = null where id = $1").bind(account_id);
    forget.execute(&mut *sql).await.expect("forgotten");
    let wanted = Wanted { account_id, price, reference, is_free_only: false, rate: Rate::new("spends", 1), now };
    match ledger::hold(sql, &wanted).await.expect("an answer").0 {
        Reserved::Held(held) => Some(held),
        Reserved::TooFew(_) => None,
        Reserved::TooOften(_) => panic!("the turns were forgotten"),
    }
}
