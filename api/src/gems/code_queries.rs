//! SQL of redeem codes. Runs as the house: nobody may look through the codes, and using one gives gems.
use chrono::{DateTime, Utc};
use lapidary_domain::{Gems, ViolationCode};
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

pub struct CodeRow {
    pub id: Uuid,
    pub gems: Gems,
    pub uses: i32,
    pub uses_max: i32,
    pub note: String,
    pub created_at: DateTime<Utc>,
    pub expires_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
}

impl CodeRow {
    /// Why it gives nothing to whoever has not used it yet.
    pub fn refusal(&self, now: DateTime<Utc>) -> Option<ViolationCode> {
        if self.revoked_at.is_some() {
            Some(ViolationCode::RevokedCode)
        } else if self.expires_at.is_some_and(|at| at <= now) {
            Some(ViolationCode::ExpiredCode)
        } else if self.uses >= self.uses_max {
            Some(ViolationCode::UsedUpCode)
        } else {
            None
        }
    }
}

/// Whoever else wants to use it waits, and then sees what is left.
pub async fn lock(conn: &mut PgConnection, code_hash: &[u8]) -> Result<Option<CodeRow>, sqlx::Error> {
    sqlx::query_as!(
        CodeRow,
        "select id, gems, uses, uses_max, note, created_at, expires_at, revoked_at from redeem_codes
         where code_hash = $1 for no key update",
        code_hash
    )
    .fetch_optional(conn)
    .await
}

pub struct RedemptionRow {
    pub id: Uuid,
    pub gems: Gems,
    pub created_at: DateTime<Utc>,
}

pub async fn earlier(
    conn: &mut PgConnection,
    code_id: Uuid,
    account_id: Uuid,
) -> Result<Option<RedemptionRow>, sqlx::Error> {
    sqlx::query_as!(
        RedemptionRow,
        "select id, gems, created_at from redemptions where code_id = $1 and account_id = $2",
        code_id,
        account_id
    )
    .fetch_optional(conn)
    .await
}

/// Counts the use and writes down whose it was. The caller has locked the code.
pub async fn use_once(
    conn: &mut PgConnection,
    code: &CodeRow,
    account_id: Uuid,
    now: DateTime<Utc>,
) -> Result<RedemptionRow, sqlx::Error> {
    sqlx::query_as!(
        RedemptionRow,
        "with used as (update redeem_codes set uses = uses + 1 where id = $2 returning id, gems)
         insert into redemptions (id, code_id, account_id, gems, created_at)
         select $1, used.id, $3, used.gems, $4 from used
         returning id, gems, created_at",
        Uuid::now_v7(),
        code.id,
        account_id,
        now
    )
    .fetch_one(conn)
    .await
}

pub async fn record_event(conn: &mut PgConnection, person_id: Uuid, id: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query!("select record_event($1, 'gems', $2)", person_id, id).fetch_one(conn).await?;
    Ok(())
}

pub struct NewCode<'a> {
    pub id: Uuid,
    pub code_hash: &'a [u8],
    pub gems: Gems,
    pub uses_max: i32,
    pub note: &'a str,
    pub expires_at: Option<DateTime<Utc>>,
    pub now: DateTime<Utc>,
}

pub async fn add(house: impl PgExecutor<'_>, new: &NewCode<'_>) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into redeem_codes (id, code_hash, gems, uses_max, note, created_at, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7)",
        new.id,
        new.code_hash,
        new.gems,
        new.uses_max,
        new.note,
        new.now,
        new.expires_at
    )
    .execute(house)
    .await?;
    Ok(())
}

/// Newest first.
pub async fn all(house: impl PgExecutor<'_>) -> Result<Vec<CodeRow>, sqlx::Error> {
    sqlx::query_as!(
        CodeRow,
        "select id, gems, uses, uses_max, note, created_at, expires_at, revoked_at from redeem_codes
         order by created_at desc, id desc"
    )
    .fetch_all(house)
    .await
}

/// Again changes nothing. False: there is none of this id.
pub async fn revoke(house: impl PgExecutor<'_>, id: Uuid, now: DateTime<Utc>) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!("update redeem_codes set revoked_at = coalesce(revoked_at, $2) where id = $1", id, now)
        .execute(house)
        .await?;
    Ok(done.rows_affected() == 1)
}
