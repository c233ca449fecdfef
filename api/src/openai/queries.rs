//! SQL of calls in OpenAI's wire. Every statement names the person, beside the policy that would hide others anyway.
use lapidary_contract::domain::GenerationStatus;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::db::Actor;

/// What a waiting call looks at again and again.
pub struct Now {
    pub status: String,
    /// Only while it runs.
    pub preview_key: Option<String>,
}

impl Now {
    pub fn is_final(&self) -> bool {
        GenerationStatus::from_name(&self.status).is_none_or(GenerationStatus::is_final)
    }
}

/// For [`crate::db::Db::read_as`]. The left join makes who asks known before the policy asks for it.
pub async fn now(conn: &mut PgConnection, actor: Actor, id: Uuid) -> Result<Option<Now>, sqlx::Error> {
    sqlx::query_as!(
        Now,
        r#"select status as "status!", preview_key as "preview_key?"
           from (
             select own.* from (
               select set_config('lapidary.person', $1::uuid::text, true),
                 set_config('lapidary.account', $2::uuid::text, true)
             ) as asks
             left join lateral (
               select g.status, g.preview_key from generations g where g.person_id = $1 and g.id = $3
             ) as own on true
             offset 0
           ) as found
           where status is not null"#,
        actor.person_id,
        actor.account_id,
        id
    )
    .fetch_optional(conn)
    .await
}

pub struct Picture {
    pub object_prefix: String,
    pub extension: String,
    pub bytes: i64,
    pub width: i32,
    pub height: i32,
    pub revised_prompt: Option<String>,
}

/// In the order in which they were asked for; without those in the trash.
pub async fn pictures(conn: &mut PgConnection, person_id: Uuid, id: Uuid) -> Result<Vec<Picture>, sqlx::Error> {
    sqlx::query_as!(
        Picture,
        "select object_prefix, extension, bytes, width, height, revised_prompt from images
         where person_id = $1 and generation_id = $2 and deleted_at is null order by position",
        person_id,
        id
    )
    .fetch_all(conn)
    .await
}

/// What each call to the model answered: `[{"outcome", "usage"}]`.
pub async fn model_answers(conn: &mut PgConnection, person_id: Uuid, id: Uuid) -> Result<Value, sqlx::Error> {
    sqlx::query_scalar!("select model_answers from generations where person_id = $1 and id = $2", person_id, id)
        .fetch_one(conn)
        .await
}
