//! SQL of collections. Every statement names the person, beside the policy that would hide others anyway.
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::queries::Objects;

pub struct Row {
    pub id: Uuid,
    pub name: String,
    pub created_at: DateTime<Utc>,
    /// Without those in the trash.
    pub image_count: i64,
    /// Of the image that came last.
    pub cover: Option<Objects>,
    pub cover_thumbhash: Option<String>,
}

/// All, or one.
pub async fn list(conn: &mut PgConnection, person_id: Uuid, only: Option<Uuid>) -> Result<Vec<Row>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select c.id, c.name, c.created_at, n.image_count as "image_count!",
             v.object_prefix as "object_prefix?", v.extension as "extension?", v.thumbhash as "thumbhash?"
           from collections c
           cross join lateral (
             select count(*) as image_count from collection_images ci join images i on i.id = ci.image_id
             where ci.collection_id = c.id and i.deleted_at is null
           ) n
           left join lateral (
             select i.object_prefix, i.extension, i.thumbhash
             from collection_images ci join images i on i.id = ci.image_id
             where ci.collection_id = c.id and i.deleted_at is null
             order by ci.added_at desc, i.id desc limit 1
           ) v on true
           where c.person_id = $1 and ($2::uuid is null or c.id = $2)
           order by lower(c.name), c.id"#,
        person_id,
        only
    )
    .fetch_all(conn)
    .await?;
    let row = rows.into_iter().map(|row| Row {
        id: row.id,
        name: row.name,
        created_at: row.created_at,
        image_count: row.image_count,
        cover: row.object_prefix.zip(row.extension).map(|(prefix, extension)| Objects::at(prefix, extension)),
        cover_thumbhash: row.thumbhash,
    });
    Ok(row.collect())
}

pub async fn count(conn: &mut PgConnection, person_id: Uuid) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(r#"select count(*) as "count!" from collections where person_id = $1"#, person_id)
        .fetch_one(conn)
        .await
}

/// False when the name is taken.
pub async fn add(
    conn: &mut PgConnection,
    person_id: Uuid,
    id: Uuid,
    name: &str,
    now: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let added = sqlx::query!(
        "insert into collections (id, person_id, name, created_at) values ($1, $2, $3, $4)
         on conflict (person_id, lower(name)) do nothing",
        id,
        person_id,
        name,
        now
    )
    .execute(conn)
    .await?;
    Ok(added.rows_affected() > 0)
}

/// False when the name is taken by another one: the caller's transaction is over then.
pub async fn rename(conn: &mut PgConnection, person_id: Uuid, id: Uuid, name: &str) -> Result<bool, sqlx::Error> {
    let renamed =
        sqlx::query!("update collections set name = $3 where person_id = $1 and id = $2", person_id, id, name)
            .execute(conn)
            .await;
    match renamed {
        Err(sqlx::Error::Database(error)) if error.constraint() == Some("collections_name_unique") => Ok(false),
        renamed => renamed.map(|_| true),
    }
}

/// True when it was there.
pub async fn remove(conn: &mut PgConnection, person_id: Uuid, id: Uuid) -> Result<bool, sqlx::Error> {
    let gone = sqlx::query!("delete from collections where person_id = $1 and id = $2", person_id, id);
    Ok(gone.execute(conn).await?.rows_affected() > 0)
}

/// It stays until the transaction ends; not found where it is not this person's.
pub async fn lock(conn: &mut PgConnection, person_id: Uuid, id: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query!("select id from collections where person_id = $1 and id = $2 for key share", person_id, id)
        .fetch_one(conn)
        .await?;
    Ok(())
}

/// Gives how many were not in it.
pub async fn add_images(
    conn: &mut PgConnection,
    person_id: Uuid,
    id: Uuid,
    images: &[Uuid],
    now: DateTime<Utc>,
) -> Result<i64, sqlx::Error> {
    let added = sqlx::query!(
        "insert into collection_images (collection_id, image_id, person_id, added_at)
         select $2, i.id, $1, $4 from images i where i.person_id = $1 and i.id = any($3) and i.deleted_at is null
         on conflict on constraint collection_images_pk do nothing",
        person_id,
        id,
        images,
        now
    )
    .execute(conn)
    .await?;
    Ok(i64::try_from(added.rows_affected()).unwrap_or(i64::MAX))
}

/// Gives how many were in it.
pub async fn remove_images(
    conn: &mut PgConnection,
    person_id: Uuid,
    id: Uuid,
    images: &[Uuid],
) -> Result<i64, sqlx::Error> {
    let removed = sqlx::query!(
        "delete from collection_images where person_id = $1 and collection_id = $2 and image_id = any($3)",
        person_id,
        id,
        images
    )
    .execute(conn)
    .await?;
    Ok(i64::try_from(removed.rows_affected()).unwrap_or(i64::MAX))
}
