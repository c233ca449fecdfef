//! What sessions, refresh tokens and revocations are in the database: hashes, never tokens.
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

pub struct NewSession<'a> {
    pub id: Uuid,
    pub person_id: Uuid,
    pub provider: &'a str,
    pub user_agent: &'a str,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

pub async fn insert_session(conn: impl PgExecutor<'_>, new: &NewSession<'_>) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into sessions (id, person_id, provider, user_agent, created_at, last_used_at, expires_at)
         values ($1, $2, $3, $4, $5, $5, $6)",
        new.id,
        new.person_id,
        new.provider,
        new.user_agent,
        new.created_at,
        new.expires_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

pub struct Copied {
    pub person_id: Uuid,
    pub expires_at: DateTime<Utc>,
}

/// Signed in when and how the other one was.
pub async fn insert_copy(
    conn: impl PgExecutor<'_>,
    id: Uuid,
    of: Uuid,
    now: DateTime<Utc>,
) -> Result<Option<Copied>, sqlx::Error> {
    sqlx::query_as!(
        Copied,
        "insert into sessions (id, person_id, provider, user_agent, created_at, last_used_at, expires_at)
         select $1, s.person_id, s.provider, s.user_agent, s.created_at, $3, s.expires_at from sessions s where s.id = $2
         returning person_id, expires_at",
        id,
        of,
        now
    )
    .fetch_optional(conn)
    .await
}

/// When the person signed in, of a session that has not ended.
pub async fn signed_in_at(conn: impl PgExecutor<'_>, id: Uuid) -> Result<Option<DateTime<Utc>>, sqlx::Error> {
    sqlx::query_scalar!("select created_at from sessions where id = $1 and revoked_at is null", id)
        .fetch_optional(conn)
        .await
}

pub async fn insert_token(
    conn: impl PgExecutor<'_>,
    hash: &[u8],
    session_id: Uuid,
    predecessor: Option<&[u8]>,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into refresh_tokens (hash, session_id, predecessor, created_at) values ($1, $2, $3, $4)",
        hash,
        session_id,
        predecessor,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

pub struct LockedSession {
    pub id: Uuid,
    pub person_id: Uuid,
    pub account_id: Uuid,
    pub email_normalised: String,
    pub last_used_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub is_revoked: bool,
    pub is_suspended: bool,
    pub is_confirmed: bool,
    pub is_closing: bool,
}

/// Parallel refreshes of one session come one after the other. The person is locked first, as a suspension does it.
pub async fn lock_session(conn: impl PgExecutor<'_>, token_hash: &[u8]) -> Result<Option<LockedSession>, sqlx::Error> {
    sqlx::query_as!(
        LockedSession,
        r#"select s.id, s.person_id, l.account_id, p.email_normalised, s.last_used_at, s.expires_at,
             s.revoked_at is not null as "is_revoked!", p.suspended_at is not null as "is_suspended!",
             p.age_confirmed_at is not null as "is_confirmed!", p.closing_at is not null as "is_closing!"
           from sessions s
             join people p on p.id = s.person_id
             join account_links l on l.person_id = s.person_id
           where s.id = (select t.session_id from refresh_tokens t where t.hash = $1)
           for share of p for update of s"#,
        token_hash
    )
    .fetch_optional(conn)
    .await
}

pub struct TokenRow {
    pub predecessor: Option<Vec<u8>>,
    pub spent_at: Option<DateTime<Utc>>,
    pub successor_used_at: Option<DateTime<Utc>>,
}

/// Read after the session is locked: an earlier statement would not see what the one before us did.
pub async fn token(conn: impl PgExecutor<'_>, hash: &[u8]) -> Result<Option<TokenRow>, sqlx::Error> {
    sqlx::query_as!(
        TokenRow,
        "select predecessor, spent_at, successor_used_at from refresh_tokens where hash = $1",
        hash
    )
    .fetch_optional(conn)
    .await
}

/// The token is spent; its predecessor, and others given for the same predecessor, have their ten seconds from now.
pub async fn spend(
    conn: &mut PgConnection,
    hash: &[u8],
    predecessor: Option<&[u8]>,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!("update refresh_tokens set spent_at = $2 where hash = $1", hash, now).execute(&mut *conn).await?;
    let Some(predecessor) = predecessor else { return Ok(()) };
    sqlx::query!(
        "update refresh_tokens set spent_at = coalesce(spent_at, $3), successor_used_at = $3
         where successor_used_at is null and hash <> $2 and (hash = $1 or predecessor = $1)",
        predecessor,
        hash,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

pub async fn touch(conn: impl PgExecutor<'_>, session_id: Uuid, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
    sqlx::query!("update sessions set last_used_at = $2 where id = $1", session_id, now).execute(conn).await?;
    Ok(())
}

/// Ends one session, and tells every process. False: it had ended before, or is not to be seen.
pub async fn end(conn: &mut PgConnection, session_id: Uuid, now: DateTime<Utc>) -> Result<bool, sqlx::Error> {
    let done =
        sqlx::query!("update sessions set revoked_at = $2 where id = $1 and revoked_at is null", session_id, now)
            .execute(&mut *conn)
            .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query!("insert into revocations (session_id) values ($1)", session_id).execute(conn).await?;
    Ok(true)
}

/// Ends every session of a person, or every other one, and tells every process.
pub async fn end_all(conn: &mut PgConnection, person_id: Uuid, but: Option<Uuid>) -> Result<Vec<Uuid>, sqlx::Error> {
    let ended = sqlx::query_scalar!(
        "update sessions set revoked_at = now()
         where person_id = $1 and revoked_at is null and id is distinct from $2 returning id",
        person_id,
        but
    )
    .fetch_all(&mut *conn)
    .await?;
    sqlx::query!("insert into revocations (session_id) select unnest($1::uuid[])", &ended).execute(conn).await?;
    Ok(ended)
}

/// The session a refresh token belongs to.
pub async fn session_of(conn: impl PgExecutor<'_>, token_hash: &[u8]) -> Result<Option<Uuid>, sqlx::Error> {
    sqlx::query_scalar!("select session_id from refresh_tokens where hash = $1", token_hash).fetch_optional(conn).await
}

pub struct SessionRow {
    pub id: Uuid,
    pub provider: String,
    pub user_agent: String,
    pub created_at: DateTime<Utc>,
    pub last_used_at: DateTime<Utc>,
}

pub async fn live_sessions(
    conn: impl PgExecutor<'_>,
    person_id: Uuid,
    idle_since: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Vec<SessionRow>, sqlx::Error> {
    sqlx::query_as!(
        SessionRow,
        "select id, provider, user_agent, created_at, last_used_at from sessions
         where person_id = $1 and revoked_at is null and expires_at > $3 and last_used_at > $2
         order by last_used_at desc, id desc limit 100",
        person_id,
        idle_since,
        now
    )
    .fetch_all(conn)
    .await
}

pub async fn is_session_live(conn: impl PgExecutor<'_>, session_id: Uuid) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select exists (
             select from sessions s join people p on p.id = s.person_id
             where s.id = $1 and s.revoked_at is null and p.suspended_at is null
           ) as "is_live!""#,
        session_id
    )
    .fetch_one(conn)
    .await
}

/// What was ended in the last hour; tokens live ten minutes.
pub async fn revocations_after(conn: impl PgExecutor<'_>, id: i64) -> Result<Vec<(i64, Uuid)>, sqlx::Error> {
    let rows = sqlx::query!(
        "select id, session_id from revocations where id > $1 and created_at > now() - interval '1 hour'",
        id
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.session_id)).collect())
}

/// Rows of one statement.
const PIECE: i64 = 10_000;

/// Removes what can serve nobody any more: what expired, and sessions that were not used since `idle_since`. Refresh tokens go
/// with their session. Gives how many rows went, without those.
pub async fn sweep(conn: &mut PgConnection, now: DateTime<Utc>, idle_since: DateTime<Utc>) -> Result<u64, sqlx::Error> {
    let mut gone = 0;
    loop {
        let piece = sweep_piece(&mut *conn, now, idle_since).await?;
        if piece == 0 {
            return Ok(gone);
        }
        gone += piece;
    }
}

async fn sweep_piece(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    idle_since: DateTime<Utc>,
) -> Result<u64, sqlx::Error> {
    // Kept for a while, so that who comes late hears that it is too late.
    let attempts = sqlx::query!(
        "delete from sign_in_attempts where state_hash in (
           select state_hash from sign_in_attempts where expires_at < $1::timestamptz - interval '1 hour' limit $2
         )",
        now,
        PIECE
    );
    let attempts = attempts.execute(&mut *conn).await?.rows_affected();
    let pending = sqlx::query!(
        "delete from pending_identities where browser_hash in (
           select browser_hash from pending_identities where expires_at < $1 limit $2
         )",
        now,
        PIECE
    );
    let pending = pending.execute(&mut *conn).await?.rows_affected();
    let sessions = sqlx::query!(
        "delete from sessions where id in (
           select id from sessions where expires_at < $1 or last_used_at < $2 limit $3 for update skip locked
         )",
        now,
        idle_since,
        PIECE
    );
    let sessions = sessions.execute(&mut *conn).await?.rows_affected();
    // Access tokens live ten minutes.
    let revocations = sqlx::query!(
        "delete from revocations where id in (
           select id from revocations where created_at < $1::timestamptz - interval '1 hour' limit $2
         )",
        now,
        PIECE
    );
    Ok(attempts + pending + sessions + revocations.execute(conn).await?.rows_affected())
}
