//! SQL of purchases. People read and begin their own; what money did to one is written by the house alone.
use chrono::{DateTime, Utc};
use lapidary_contract::{Checkout, Purchase, PurchaseStatus};
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use crate::http::error::{ApiError, ApiResult};
use crate::http::paging::Keyset;

pub struct NewPurchase<'a> {
    pub id: Uuid,
    pub account_id: Uuid,
    pub key: &'a str,
    pub fingerprint: &'a [u8],
    pub request_id: &'a str,
    pub pack: &'a str,
    pub gems: i64,
    pub amount: i64,
    pub currency: &'a str,
    pub catalogue_version: &'a str,
    pub now: DateTime<Utc>,
}

/// Whether it was added: false when the account's key is taken.
pub async fn add(conn: &mut PgConnection, new: &NewPurchase<'_>) -> Result<bool, sqlx::Error> {
    let added = sqlx::query!(
        "insert into purchases (id, account_id, idempotency_key, fingerprint, request_id, pack, gems, amount, currency,
           catalogue_version, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         on conflict on constraint purchases_idempotency_unique do nothing",
        new.id,
        new.account_id,
        new.key,
        new.fingerprint,
        new.request_id,
        new.pack,
        new.gems,
        new.amount,
        new.currency,
        new.catalogue_version,
        new.now
    )
    .execute(conn)
    .await?;
    Ok(added.rows_affected() > 0)
}

/// Purchases that nobody has paid yet, begun after `since`.
pub async fn open_since(conn: &mut PgConnection, account_id: Uuid, since: DateTime<Utc>) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from purchases where account_id = $1 and status = 'open' and created_at > $2"#,
        account_id,
        since
    )
    .fetch_one(conn)
    .await
}

pub struct Begun {
    pub id: Uuid,
    pub fingerprint: Vec<u8>,
    pub checkout_session: Option<String>,
    status: String,
    pub pack: String,
    pub gems: i64,
    pub amount: i64,
    pub currency: String,
    pub created_at: DateTime<Utc>,
}

impl Begun {
    pub fn checkout(&self, url: Option<String>) -> ApiResult<Checkout> {
        let status = status(self.id, &self.status)?;
        Ok(Checkout {
            id: self.id,
            status,
            url: url.filter(|_| status == PurchaseStatus::Open),
            pack: self.pack.clone(),
            gems: self.gems,
            amount: self.amount,
            currency: self.currency.clone(),
            created_at: self.created_at,
        })
    }

    pub fn is_open(&self) -> bool {
        self.status == PurchaseStatus::Open.name()
    }
}

pub async fn by_key(conn: &mut PgConnection, account_id: Uuid, key: &str) -> Result<Option<Begun>, sqlx::Error> {
    sqlx::query_as!(
        Begun,
        "select id, fingerprint, checkout_session, status, pack, gems, amount, currency, created_at
         from purchases where account_id = $1 and idempotency_key = $2",
        account_id,
        key
    )
    .fetch_optional(conn)
    .await
}

pub async fn begun(conn: &mut PgConnection, account_id: Uuid, id: Uuid) -> Result<Option<Begun>, sqlx::Error> {
    sqlx::query_as!(
        Begun,
        "select id, fingerprint, checkout_session, status, pack, gems, amount, currency, created_at
         from purchases where account_id = $1 and id = $2",
        account_id,
        id
    )
    .fetch_optional(conn)
    .await
}

/// The first page stands: a later one of the same purchase is the same by its key.
pub async fn name_session(
    conn: &mut PgConnection,
    account_id: Uuid,
    id: Uuid,
    session: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update purchases set checkout_session = $3 where account_id = $1 and id = $2 and checkout_session is null",
        account_id,
        id,
        session
    )
    .execute(conn)
    .await?;
    Ok(())
}

pub async fn customer(conn: &mut PgConnection, account_id: Uuid) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar!("select customer from payment_customers where account_id = $1", account_id)
        .fetch_optional(conn)
        .await
}

pub async fn name_customer(
    conn: &mut PgConnection,
    account_id: Uuid,
    customer: &str,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into payment_customers (account_id, customer, created_at) values ($1, $2, $3)
         on conflict on constraint payment_customers_pk do update set customer = excluded.customer",
        account_id,
        customer,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

pub async fn email(conn: &mut PgConnection, person_id: Uuid) -> Result<String, sqlx::Error> {
    sqlx::query_scalar!("select p.email from people p where p.id = $1", person_id).fetch_one(conn).await
}

struct Row {
    id: Uuid,
    status: String,
    pack: String,
    gems: i64,
    amount: i64,
    currency: String,
    credited_gems: i64,
    clawed_back_gems: i64,
    refunded_amount: i64,
    disputed_amount: i64,
    billing_email: Option<String>,
    created_at: DateTime<Utc>,
    paid_at: Option<DateTime<Utc>>,
}

/// In no order; what does not exist is missing.
pub async fn get_many(conn: &mut PgConnection, account_id: Uuid, ids: &[Uuid]) -> ApiResult<Vec<Purchase>> {
    let rows = sqlx::query_as!(
        Row,
        "select id, status, pack, gems, amount, currency, credited_gems, clawed_back_gems, refunded_amount, disputed_amount,
           billing_email, created_at, paid_at
         from purchases where account_id = $1 and id = any($2)",
        account_id,
        ids
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(purchase).collect()
}

pub async fn list(conn: &mut PgConnection, account_id: Uuid, from: Keyset, rows: i64) -> ApiResult<Vec<Purchase>> {
    let rows = sqlx::query_as!(
        Row,
        "select id, status, pack, gems, amount, currency, credited_gems, clawed_back_gems, refunded_amount, disputed_amount,
           billing_email, created_at, paid_at
         from purchases where account_id = $1 and (created_at, id) < ($2, $3)
         order by created_at desc, id desc limit $4",
        account_id,
        from.before_at,
        from.before_id,
        rows
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(purchase).collect()
}

fn purchase(row: Row) -> ApiResult<Purchase> {
    Ok(Purchase {
        id: row.id,
        status: status(row.id, &row.status)?,
        pack: row.pack,
        gems: row.gems,
        amount: row.amount,
        currency: row.currency,
        credited_gems: row.credited_gems,
        clawed_back_gems: row.clawed_back_gems,
        refunded_amount: row.refunded_amount,
        disputed_amount: row.disputed_amount,
        billing_email: row.billing_email,
        created_at: row.created_at,
        paid_at: row.paid_at,
    })
}

fn status(id: Uuid, name: &str) -> ApiResult<PurchaseStatus> {
    PurchaseStatus::from_name(name).ok_or_else(|| ApiError::internal(format!("purchase {id}: unreadable status")))
}

/// Which purchase the vendor's words lead to. Of anybody's: the vendor names no person.
pub async fn find(
    house: impl PgExecutor<'_>,
    id: Option<Uuid>,
    session: Option<&str>,
    intent: Option<&str>,
) -> Result<Option<Uuid>, sqlx::Error> {
    sqlx::query_scalar!(
        "select id from purchases where id = $1 or checkout_session = $2 or payment_intent = $3
         order by id = $1 desc nulls last limit 1",
        id,
        session,
        intent
    )
    .fetch_optional(house)
    .await
}
