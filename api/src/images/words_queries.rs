//! SQL of what images are found by. House only.
use sqlx::PgPool;
use uuid::Uuid;

/// What the words of an image are cut from.
pub struct Said {
    pub person_id: Uuid,
    pub prompt: String,
    pub attributes: serde_json::Value,
    pub model: String,
    pub quality: String,
}

pub struct Uncut {
    pub id: Uuid,
    pub said: Said,
}

pub async fn is_any_uncut(house: &PgPool) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(r#"select exists (select from images where search is null) as "is_any!""#)
        .fetch_one(house)
        .await
}

pub async fn uncut(house: &PgPool, limit: i64) -> Result<Vec<Uncut>, sqlx::Error> {
    let rows = sqlx::query!(
        "select id, person_id, prompt, attributes, model, quality from images where search is null order by id limit $1",
        limit
    )
    .fetch_all(house)
    .await?;
    let uncut = rows.into_iter().map(|row| {
        let said = Said {
            person_id: row.person_id,
            prompt: row.prompt,
            attributes: row.attributes,
            model: row.model,
            quality: row.quality,
        };
        Uncut { id: row.id, said }
    });
    Ok(uncut.collect())
}

/// `tokens` are arrays of texts, one for each id.
pub async fn keep(house: &PgPool, ids: &[Uuid], tokens: &[serde_json::Value]) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update images i set search = array_to_tsvector(array(select jsonb_array_elements_text(cut.tokens)))
         from unnest($1::uuid[], $2::jsonb[]) as cut (id, tokens)
         where i.id = cut.id and i.search is null",
        ids,
        tokens
    )
    .execute(house)
    .await?;
    Ok(())
}
