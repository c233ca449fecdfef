//! What the sign-in methods of one person are in the database. The signed-in person reads and parts them under their own
//! policies; signing in follows them on the house pool.
use chrono::{DateTime, Utc};
use sqlx::PgExecutor;
use uuid::Uuid;

use super::sign_in::Proven;

pub struct IdentityRow {
    pub id: Uuid,
    pub provider: String,
    pub email: String,
    pub created_at: DateTime<Utc>,
    pub last_used_at: DateTime<Utc>,
}

/// Oldest first.
pub async fn identities(conn: impl PgExecutor<'_>, person_id: Uuid) -> Result<Vec<IdentityRow>, sqlx::Error> {
    sqlx::query_as!(
        IdentityRow,
        "select id, provider, email, created_at, last_used_at from identities
         where person_id = $1 order by created_at, id",
        person_id
    )
    .fetch_all(conn)
    .await
}

/// Whatever changes who is whom comes one after the other; a sign-in or a refresh of this person waits too.
pub async fn lock_person(conn: impl PgExecutor<'_>, person_id: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query!("select id from people where id = $1 for update", person_id).fetch_optional(conn).await?;
    Ok(())
}

pub async fn delete(conn: impl PgExecutor<'_>, person_id: Uuid, id: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query!("delete from identities where person_id = $1 and id = $2", person_id, id).execute(conn).await?;
    Ok(())
}

/// Whether an address came with one of the person's sign-in methods.
pub async fn has_address(
    conn: impl PgExecutor<'_>,
    person_id: Uuid,
    email_normalised: &str,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select exists (
             select from identities where person_id = $1 and email_normalised = $2
           ) as "has_address!""#,
        person_id,
        email_normalised
    )
    .fetch_one(conn)
    .await
}

/// The main address becomes another one, if it is the one that goes.
pub async fn replace_email(
    conn: impl PgExecutor<'_>,
    person_id: Uuid,
    gone: &str,
    email: &str,
    email_normalised: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update people set email = $3, email_normalised = $4 where id = $1 and email = $2",
        person_id,
        gone,
        email,
        email_normalised
    )
    .execute(conn)
    .await?;
    Ok(())
}

pub async fn touch(conn: impl PgExecutor<'_>, identity: &Proven, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update identities set last_used_at = $3 where issuer = $1 and subject = $2",
        identity.issuer,
        identity.subject,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// An address may change at the provider; the person's follows when it came from there.
pub async fn follow_email(
    conn: impl PgExecutor<'_>,
    identity: &Proven,
    email_normalised: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "with before as (
           select id, person_id, email from identities
           where issuer = $1 and subject = $2 and (email <> $3 or email_normalised <> $4)
         ),
         moved as (
           update identities i set email = $3, email_normalised = $4 from before where i.id = before.id
         )
         update people p set email = $3, email_normalised = $4 from before
         where p.id = before.person_id and p.email = before.email",
        identity.issuer,
        identity.subject,
        identity.email,
        email_normalised
    )
    .execute(conn)
    .await?;
    Ok(())
}
