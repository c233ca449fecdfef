//! SQL of presets.
use lapidary_contract::Preset;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::http::error::{ApiError, ApiResult};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    Done,
    /// Another preset of the person is called that.
    NameTaken,
}

impl Written {
    /// After a taken name the transaction is over.
    fn of(done: Result<impl Sized, sqlx::Error>) -> Result<Self, sqlx::Error> {
        match done {
            Ok(_) => Ok(Self::Done),
            Err(sqlx::Error::Database(error)) if error.constraint() == Some("presets_name_unique") => {
                Ok(Self::NameTaken)
            }
            Err(error) => Err(error),
        }
    }
}

pub async fn count(conn: &mut PgConnection, person_id: Uuid) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(r#"select count(*) as "count!" from presets where person_id = $1"#, person_id)
        .fetch_one(conn)
        .await
}

pub async fn add(conn: &mut PgConnection, person_id: Uuid, preset: &Preset) -> ApiResult<Written> {
    let attributes = serde_json::to_value(&preset.attributes).map_err(ApiError::internal)?;
    let done = sqlx::query!(
        "insert into presets (id, person_id, name, attributes, created_at, updated_at) values ($1, $2, $3, $4, $5, $5)",
        preset.id,
        person_id,
        preset.name,
        attributes,
        preset.created_at
    )
    .execute(conn)
    .await;
    Ok(Written::of(done)?)
}

struct Row {
    id: Uuid,
    name: String,
    attributes: serde_json::Value,
    created_at: chrono::DateTime<chrono::Utc>,
    updated_at: chrono::DateTime<chrono::Utc>,
}

impl Row {
    fn preset(self) -> ApiResult<Preset> {
        Ok(Preset {
            id: self.id,
            name: self.name,
            attributes: serde_json::from_value(self.attributes).map_err(ApiError::internal)?,
            created_at: self.created_at,
            updated_at: self.updated_at,
        })
    }
}

pub async fn list(conn: &mut PgConnection, person_id: Uuid) -> ApiResult<Vec<Preset>> {
    let rows = sqlx::query_as!(
        Row,
        "select id, name, attributes, created_at, updated_at from presets where person_id = $1 order by lower(name), id",
        person_id
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::preset).collect()
}

/// Until the transaction ends nobody else changes it.
pub async fn lock(conn: &mut PgConnection, person_id: Uuid, id: Uuid) -> ApiResult<Option<Preset>> {
    let row = sqlx::query_as!(
        Row,
        "select id, name, attributes, created_at, updated_at from presets where person_id = $1 and id = $2 for update",
        person_id,
        id
    )
    .fetch_optional(conn)
    .await?;
    row.map(Row::preset).transpose()
}

pub async fn replace(conn: &mut PgConnection, person_id: Uuid, preset: &Preset) -> ApiResult<Written> {
    let attributes = serde_json::to_value(&preset.attributes).map_err(ApiError::internal)?;
    let done = sqlx::query!(
        "update presets set name = $3, attributes = $4, updated_at = $5 where person_id = $1 and id = $2",
        person_id,
        preset.id,
        preset.name,
        attributes,
        preset.updated_at
    )
    .execute(conn)
    .await;
    Ok(Written::of(done)?)
}

pub async fn delete(conn: &mut PgConnection, person_id: Uuid, id: Uuid) -> Result<bool, sqlx::Error> {
    let done =
        sqlx::query!("delete from presets where person_id = $1 and id = $2", person_id, id).execute(conn).await?;
    Ok(done.rows_affected() > 0)
}
