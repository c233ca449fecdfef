//! What sign-in reads and writes of people, identities and attempts. Sign-in does not know yet who asks, so nearly all
//! of it runs on the house pool; what a signed-in person reads of themselves runs under their own policies.
use chrono::{DateTime, Utc};
use sqlx::types::Json;
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use super::address;
use super::sign_in::Proven;
use crate::db::Actor;

pub struct Attempt {
    pub browser_hash: Vec<u8>,
    pub nonce: String,
    pub pkce_verifier: String,
    pub return_to: String,
    pub pending: Option<Proven>,
    /// The session that wants to link what comes back.
    pub session_id: Option<Uuid>,
    pub expires_at: DateTime<Utc>,
}

pub async fn insert_attempt(
    conn: impl PgExecutor<'_>,
    state_hash: &[u8],
    provider: &str,
    attempt: &Attempt,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into sign_in_attempts
           (state_hash, browser_hash, provider, nonce, pkce_verifier, return_to, pending_identity, session_id,
            created_at, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        state_hash,
        attempt.browser_hash,
        provider,
        attempt.nonce,
        attempt.pkce_verifier,
        attempt.return_to,
        attempt.pending.as_ref().map(Json) as _,
        attempt.session_id,
        now,
        attempt.expires_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Whoever asks second finds nothing.
pub async fn take_attempt(
    conn: impl PgExecutor<'_>,
    state_hash: &[u8],
    provider: &str,
) -> Result<Option<Attempt>, sqlx::Error> {
    let row = sqlx::query!(
        r#"delete from sign_in_attempts where state_hash = $1 and provider = $2
           returning browser_hash, nonce, pkce_verifier, return_to,
             pending_identity as "pending: Json<Proven>", session_id, expires_at"#,
        state_hash,
        provider
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Attempt {
        browser_hash: row.browser_hash,
        nonce: row.nonce,
        pkce_verifier: row.pkce_verifier,
        return_to: row.return_to,
        pending: row.pending.map(|pending| pending.0),
        session_id: row.session_id,
        expires_at: row.expires_at,
    }))
}

/// Where this browser last wanted to go with this provider: our own note, whatever the answer's state is.
pub async fn last_return_to(
    conn: impl PgExecutor<'_>,
    browser_hash: &[u8],
    provider: &str,
    now: DateTime<Utc>,
) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar!(
        "select return_to from sign_in_attempts
         where browser_hash = $1 and provider = $2 and expires_at > $3 and session_id is null
         order by created_at desc limit 1",
        browser_hash,
        provider,
        now
    )
    .fetch_optional(conn)
    .await
}

pub async fn keep_pending(
    conn: impl PgExecutor<'_>,
    browser_hash: &[u8],
    identity: &Proven,
    expires_at: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into pending_identities (browser_hash, identity, expires_at) values ($1, $2, $3)
         on conflict (browser_hash) do update set identity = excluded.identity, expires_at = excluded.expires_at",
        browser_hash,
        Json(identity) as _,
        expires_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

pub async fn pending(
    conn: impl PgExecutor<'_>,
    browser_hash: &[u8],
    now: DateTime<Utc>,
) -> Result<Option<Proven>, sqlx::Error> {
    let found = sqlx::query_scalar!(
        r#"select identity as "identity: Json<Proven>" from pending_identities
           where browser_hash = $1 and expires_at > $2"#,
        browser_hash,
        now
    )
    .fetch_optional(conn)
    .await?;
    Ok(found.map(|identity| identity.0))
}

pub async fn take_pending(
    conn: impl PgExecutor<'_>,
    browser_hash: &[u8],
    now: DateTime<Utc>,
) -> Result<Option<Proven>, sqlx::Error> {
    let taken = sqlx::query!(
        r#"delete from pending_identities where browser_hash = $1
           returning identity as "identity: Json<Proven>", expires_at"#,
        browser_hash
    )
    .fetch_optional(conn)
    .await?;
    Ok(taken.filter(|row| row.expires_at > now).map(|row| row.identity.0))
}

/// Sign-ins with the same address wait for each other, so that two first ones do not both find nobody.
pub async fn lock_email(conn: impl PgExecutor<'_>, normalised: &str) -> Result<(), sqlx::Error> {
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended($1, 11))", normalised).execute(conn).await?;
    Ok(())
}

pub struct KnownPerson {
    pub id: Uuid,
    pub email_normalised: String,
    pub is_suspended: bool,
    pub is_confirmed: bool,
    pub has_picture: bool,
}

/// The row stays as it is until the transaction ends: a suspension comes before or after, never between.
pub async fn person_of_identity(
    conn: impl PgExecutor<'_>,
    issuer: &str,
    subject: &str,
) -> Result<Option<KnownPerson>, sqlx::Error> {
    sqlx::query_as!(
        KnownPerson,
        r#"select p.id, p.email_normalised, p.suspended_at is not null as "is_suspended!",
             p.age_confirmed_at is not null as "is_confirmed!", p.picture_key is not null as "has_picture!"
           from identities i join people p on p.id = i.person_id
           where i.issuer = $1 and i.subject = $2
           for share of p"#,
        issuer,
        subject
    )
    .fetch_optional(conn)
    .await
}

/// The first sign-in method of whoever has an address, as theirs or by a linked method.
pub struct FirstWay {
    pub provider: String,
    pub is_suspended: bool,
}

/// A suspended account comes first: another provider is no way round it.
pub async fn first_way_of_email(conn: impl PgExecutor<'_>, normalised: &str) -> Result<Option<FirstWay>, sqlx::Error> {
    sqlx::query_as!(
        FirstWay,
        r#"select i.provider, p.suspended_at is not null as "is_suspended!"
           from people p join identities i on i.person_id = p.id
           where p.id in (
             select id from people where email_normalised = $1
             union select person_id from identities where email_normalised = $1
           ) order by p.suspended_at is null, p.created_at, i.created_at limit 1"#,
        normalised
    )
    .fetch_optional(conn)
    .await
}

pub struct NewPerson<'a> {
    pub id: Uuid,
    pub account_id: Uuid,
    pub email_normalised: &'a str,
    pub identity: &'a Proven,
    pub is_separate: bool,
    pub now: DateTime<Utc>,
}

pub async fn insert_person(conn: &mut PgConnection, new: &NewPerson<'_>) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into people (id, email, email_normalised, name, is_separate, created_at) values ($1, $2, $3, $4, $5, $6)",
        new.id,
        new.identity.email,
        new.email_normalised,
        new.identity.name.as_deref(),
        new.is_separate,
        new.now
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!("insert into gem_accounts (id, created_at) values ($1, $2)", new.account_id, new.now)
        .execute(&mut *conn)
        .await?;
    sqlx::query!("insert into account_links (person_id, account_id) values ($1, $2)", new.id, new.account_id)
        .execute(conn)
        .await?;
    Ok(())
}

/// False: the identity belongs to somebody already.
pub async fn insert_identity(
    conn: impl PgExecutor<'_>,
    person_id: Uuid,
    identity: &Proven,
    now: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        "insert into identities
           (id, person_id, provider, issuer, subject, email, email_normalised, created_at, last_used_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $8)
         on conflict on constraint identities_issuer_subject_unique do nothing",
        Uuid::now_v7(),
        person_id,
        identity.provider,
        identity.issuer,
        identity.subject,
        identity.email,
        address::normalise(&identity.email).unwrap_or_default(),
        now
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub async fn set_picture(conn: impl PgExecutor<'_>, person_id: Uuid, key: &str) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!("update people set picture_key = $2 where id = $1", person_id, key).execute(conn).await?;
    Ok(done.rows_affected() == 1)
}

pub struct MeRow {
    pub email: String,
    pub name: Option<String>,
    pub picture_key: Option<String>,
    pub is_age_confirmed: bool,
    pub is_operator: bool,
    pub created_at: DateTime<Utc>,
    pub closing_at: Option<DateTime<Utc>>,
    /// Of those asked about, the ones this person has not read.
    pub policies: Vec<Uuid>,
}

/// For [`crate::db::Db::read_as`]. The left join makes who asks known before the policy asks for it.
pub async fn me(conn: &mut PgConnection, actor: Actor, policies: &[Uuid]) -> Result<Option<MeRow>, sqlx::Error> {
    sqlx::query_as!(
        MeRow,
        r#"select email as "email!", name as "name?", picture_key as "picture_key?",
             age_confirmed_at is not null as "is_age_confirmed!", is_operator as "is_operator!", created_at as "created_at!",
             closing_at as "closing_at?", policies as "policies!"
           from (
             select own.* from (
               select set_config('lapidary.person', $1::uuid::text, true),
                 set_config('lapidary.account', $2::uuid::text, true)
             ) as asks
             left join lateral (
               select email, name, picture_key, age_confirmed_at, is_operator, created_at, closing_at,
                 array(
                   select wanted.id from unnest($3::uuid[]) as wanted (id)
                   where not exists (
                     select from policy_acknowledgements a where a.person_id = $1 and a.policy_id = wanted.id
                   )
                 ) as policies
               from people where id = $1
             ) as own on true
             offset 0
           ) as found
           where email is not null"#,
        actor.person_id,
        actor.account_id,
        policies
    )
    .fetch_optional(conn)
    .await
}

pub async fn rename(conn: impl PgExecutor<'_>, person_id: Uuid, name: Option<&str>) -> Result<(), sqlx::Error> {
    sqlx::query!("update people set name = $2 where id = $1", person_id, name).execute(conn).await?;
    Ok(())
}

/// What a token may be too old to know.
#[derive(Clone, Copy, Default)]
pub struct Now {
    pub is_confirmed: bool,
    pub is_closing: bool,
}

/// Whether this person has confirmed their age, and whether the account is about to be erased.
pub async fn now(conn: impl PgExecutor<'_>, person_id: Uuid) -> Result<Now, sqlx::Error> {
    let found = sqlx::query_as!(
        Now,
        r#"select age_confirmed_at is not null as "is_confirmed!", closing_at is not null as "is_closing!"
           from people where id = $1"#,
        person_id
    )
    .fetch_optional(conn)
    .await?;
    Ok(found.unwrap_or_default())
}
