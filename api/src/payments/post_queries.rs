//! SQL of the posting of a reading. Runs as the house: what money did is nobody's to write.
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use super::post::{After, Heard};
use super::reading::Reading;

/// Where a reading stands among the readings of its purchase, and what it reads.
pub struct Ticket {
    pub number: i32,
    pub checkout_session: Option<String>,
}

/// Begins a reading. A statement of its own: whoever reads next must see it.
pub async fn take_ticket(house: impl PgExecutor<'_>, id: Uuid) -> Result<Option<Ticket>, sqlx::Error> {
    sqlx::query_as!(
        Ticket,
        "update purchases set reading = reading + 1 where id = $1 returning reading as number, checkout_session",
        id
    )
    .fetch_optional(house)
    .await
}

/// As the ledger has it, while others wait.
pub struct Locked {
    pub id: Uuid,
    pub account_id: Uuid,
    pub gems: i64,
    pub amount: i64,
    pub currency: String,
    pub status: String,
    pub credited_gems: i64,
    pub clawed_back_gems: i64,
    pub parts: i32,
    pub refunded_amount: i64,
    pub disputed_amount: i64,
    pub lost_disputes: i32,
    pub posted_reading: i32,
}

pub async fn lock(conn: &mut PgConnection, id: Uuid) -> Result<Option<Locked>, sqlx::Error> {
    sqlx::query_as!(
        Locked,
        "select id, account_id, gems, amount, currency, status, credited_gems, clawed_back_gems, parts, refunded_amount,
           disputed_amount, lost_disputes, posted_reading
         from purchases where id = $1 for update",
        id
    )
    .fetch_optional(conn)
    .await
}

/// Whoever removes the person waits until what is posted is committed.
pub async fn owner(conn: &mut PgConnection, account_id: Uuid) -> Result<Option<Uuid>, sqlx::Error> {
    sqlx::query_scalar!("select person_id from account_links where account_id = $1 for share", account_id)
        .fetch_optional(conn)
        .await
}

/// Whether anything that is shown has changed.
pub(super) async fn write(
    conn: &mut PgConnection,
    before: &Locked,
    reading: &Reading,
    after: &After<'_>,
) -> Result<bool, sqlx::Error> {
    let is_credited = after.goal.credited > 0;
    let paid_at = is_credited.then(|| reading.paid_at.unwrap_or(after.now));
    // Whose ids these are is sure only where the payment names this purchase.
    let is_named = reading.reference.as_deref() == Some(before.id.to_string().as_str());
    let row = sqlx::query!(
        r#"with before as (
             select id, status, credited_gems, clawed_back_gems, refunded_amount, disputed_amount, lost_disputes,
               billing_email, trouble
             from purchases where id = $1
           )
           update purchases p
           set status = $2, credited_gems = $3, clawed_back_gems = $4, parts = $5, charged_amount = $6,
             refunded_amount = $7, disputed_amount = $8, lost_disputes = $9, billing_email = coalesce($10, p.billing_email),
             trouble = $11, posted_reading = $12, read_at = $13, paid_at = coalesce(p.paid_at, $14),
             checkout_session = case when $15 then coalesce(p.checkout_session, $16) else p.checkout_session end,
             payment_intent = case when $15 then coalesce($17, p.payment_intent) else p.payment_intent end
           from before b
           where p.id = b.id
           returning (b.status, b.credited_gems, b.clawed_back_gems, b.refunded_amount, b.disputed_amount, b.lost_disputes,
               b.billing_email, b.trouble)
             is distinct from (p.status, p.credited_gems, p.clawed_back_gems, p.refunded_amount, p.disputed_amount,
               p.lost_disputes, p.billing_email, p.trouble) as "has_changed!""#,
        before.id,
        after.status.name(),
        after.goal.credited,
        after.goal.clawed_back,
        after.parts,
        reading.charged,
        reading.refunded,
        reading.disputed,
        reading.lost_disputes,
        after.billing_email,
        after.trouble,
        after.ticket,
        after.now,
        paid_at,
        is_named,
        reading.session,
        reading.payment_intent
    )
    .fetch_one(conn)
    .await?;
    Ok(row.has_changed)
}

pub async fn is_known(house: impl PgExecutor<'_>, event_id: &str) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(r#"select exists (select from payment_events where id = $1) as "is_known!""#, event_id)
        .fetch_one(house)
        .await
}

/// Once each, whoever hears of it.
pub async fn remember(
    conn: &mut PgConnection,
    heard: Heard<'_>,
    purchase_id: Option<Uuid>,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into payment_events (id, kind, purchase_id, heard_by, created_at, received_at)
         values ($1, $2, $3, $4, $5, $6) on conflict on constraint payment_events_pk do nothing",
        heard.id,
        heard.kind,
        purchase_id,
        heard.by,
        heard.created_at,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Of a purchase that has changed, what its person's programs hear of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct News {
    pub is_paid: bool,
    /// More money was refunded than before; of which posting.
    pub refunded: Option<i32>,
}

pub(super) async fn record_event(
    conn: &mut PgConnection,
    person_id: Uuid,
    id: Uuid,
    news: News,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "select record_event($1, 'purchase', $2),
           case when $3::boolean then emit_webhook($1, 'purchase.paid', $2, $5) end as paid,
           case when $4::integer is not null then emit_webhook($1, 'purchase.refunded', $2, $5, $4) end as refunded",
        person_id,
        id,
        news.is_paid,
        news.refunded,
        now
    )
    .fetch_one(conn)
    .await?;
    Ok(())
}
