//! SQL of share links. Whoever opens one is nobody we know: that look runs as the house, by the token alone.
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::queries::Objects;

pub struct NewShareLink<'a> {
    pub id: Uuid,
    pub image_id: Uuid,
    pub hash: &'a [u8],
    pub sealed: &'a [u8],
    pub shows_prompt: bool,
    pub expires_at: Option<DateTime<Utc>>,
}

pub struct Row {
    pub id: Uuid,
    pub image_id: Uuid,
    pub token_sealed: Vec<u8>,
    pub shows_prompt: bool,
    pub view_count: i64,
    pub is_in_trash: bool,
    pub created_at: DateTime<Utc>,
    pub expires_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
    pub last_viewed_at: Option<DateTime<Utc>>,
}

/// True when it is in the trash. Whoever else changes it, or its links, waits.
pub async fn lock_image(conn: &mut PgConnection, person_id: Uuid, id: Uuid) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select deleted_at is not null as "is_in_trash!" from images where person_id = $1 and id = $2
           for no key update"#,
        person_id,
        id
    )
    .fetch_one(conn)
    .await
}

pub async fn count_active(
    conn: &mut PgConnection,
    person_id: Uuid,
    image_id: Uuid,
    now: DateTime<Utc>,
) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from share_links
           where person_id = $1 and image_id = $2 and revoked_at is null and (expires_at is null or expires_at > $3)"#,
        person_id,
        image_id,
        now
    )
    .fetch_one(conn)
    .await
}

pub async fn add(
    conn: &mut PgConnection,
    person_id: Uuid,
    new: &NewShareLink<'_>,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into share_links (id, person_id, image_id, token_hash, token_sealed, shows_prompt, created_at, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        new.id,
        person_id,
        new.image_id,
        new.hash,
        new.sealed,
        new.shows_prompt,
        now,
        new.expires_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// All of an image, or one.
pub async fn list(
    conn: &mut PgConnection,
    person_id: Uuid,
    image_id: Uuid,
    only: Option<Uuid>,
) -> Result<Vec<Row>, sqlx::Error> {
    sqlx::query_as!(
        Row,
        r#"select s.id, s.image_id, s.token_sealed, s.shows_prompt, s.view_count,
             i.deleted_at is not null as "is_in_trash!", s.created_at, s.expires_at, s.revoked_at, s.last_viewed_at
           from share_links s join images i on i.id = s.image_id
           where s.person_id = $1 and s.image_id = $2 and ($3::uuid is null or s.id = $3)
           order by s.created_at desc, s.id desc"#,
        person_id,
        image_id,
        only
    )
    .fetch_all(conn)
    .await
}

pub async fn seal_again(conn: &mut PgConnection, person_id: Uuid, id: Uuid, sealed: &[u8]) -> Result<(), sqlx::Error> {
    sqlx::query!("update share_links set token_sealed = $3 where person_id = $1 and id = $2", person_id, id, sealed)
        .execute(conn)
        .await?;
    Ok(())
}

pub struct Sealed {
    pub id: Uuid,
    pub token_sealed: Vec<u8>,
}

/// Everybody's, by id.
pub async fn sealed_after(house: &PgPool, after: Uuid, limit: i64) -> Result<Vec<Sealed>, sqlx::Error> {
    sqlx::query_as!(Sealed, "select id, token_sealed from share_links where id > $1 order by id limit $2", after, limit)
        .fetch_all(house)
        .await
}

/// Unless somebody else did meanwhile.
pub async fn replace_seal(house: &PgPool, id: Uuid, before: &[u8], after: &[u8]) -> Result<u64, sqlx::Error> {
    let done =
        sqlx::query!("update share_links set token_sealed = $3 where id = $1 and token_sealed = $2", id, before, after)
            .execute(house)
            .await?;
    Ok(done.rows_affected())
}

/// False when there is none. What was revoked before stays revoked then.
pub async fn revoke(
    conn: &mut PgConnection,
    person_id: Uuid,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let revoked = sqlx::query!(
        "update share_links set revoked_at = coalesce(revoked_at, $3) where person_id = $1 and id = $2",
        person_id,
        id,
        now
    );
    Ok(revoked.execute(conn).await?.rows_affected() > 0)
}

pub struct Seen {
    pub objects: Objects,
    pub content_type: String,
    pub width: i32,
    pub height: i32,
    pub thumbhash: String,
    pub has_content_credentials: bool,
    pub digital_source_type: String,
    pub created_at: DateTime<Utc>,
    /// This and what follows: only where its person shows it.
    pub prompt: Option<String>,
    pub attributes: serde_json::Value,
    pub model: Option<String>,
}

/// Counts the look. Nothing of who was suspended or is about to be erased, and nothing from the trash.
pub async fn look(house: &PgPool, token_hash: &[u8], now: DateTime<Utc>) -> Result<Seen, sqlx::Error> {
    let row = sqlx::query!(
        r#"update share_links s
           set view_count = s.view_count + 1, last_viewed_at = $2
           from images i join people p on p.id = i.person_id
           where s.token_hash = $1 and s.revoked_at is null and (s.expires_at is null or s.expires_at > $2)
             and i.id = s.image_id and i.deleted_at is null and p.suspended_at is null and p.closing_at is null
           returning i.object_prefix, i.extension, i.content_type, i.width, i.height, i.thumbhash,
             i.has_content_credentials, i.digital_source_type, i.created_at,
             case when s.shows_prompt then i.prompt end as prompt,
             case when s.shows_prompt then i.attributes else '[]' end as "attributes!",
             case when s.shows_prompt then i.model end as model"#,
        token_hash,
        now
    )
    .fetch_one(house)
    .await?;
    Ok(Seen {
        objects: Objects::at(row.object_prefix, row.extension),
        content_type: row.content_type,
        width: row.width,
        height: row.height,
        thumbhash: row.thumbhash,
        has_content_credentials: row.has_content_credentials,
        digital_source_type: row.digital_source_type,
        created_at: row.created_at,
        prompt: row.prompt,
        attributes: row.attributes,
        model: row.model,
    })
}
