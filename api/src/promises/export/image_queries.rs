//! What the person made: generations, images and what stands around them, as rows and as files. Read as the person.
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::table::{Asked, Table, table};
use crate::archives::work_queries::Pictured;

pub const TABLES: &[Table] = &[
    table!("generations", "What you asked for: prompt, what the model read, attributes, settings, price, and how it went.",
        Person, Person, "t.created_at", "t.id",
        select "t.id, t.request_id, t.idempotency_key, t.status, t.prompt, t.composed_prompt, t.attributes, t.model, t.width,
            t.height, t.quality, t.count, t.background, t.output_format, t.made_from, t.mask_id,
            t.share_gems * t.count as price_gems, t.share_gems, t.held_free, t.held_bought, t.captured_gems, t.erased_gems,
            t.catalogue_version, t.failure_code, t.refusal, t.model_request_id, t.model_answers, t.api_key_id, t.called_by,
            t.called_at, t.joins, t.created_at, t.started_at, t.cancel_requested_at, t.finished_at"
        from "generations t", "t.person_id = $1"),
    table!("images", "Your images as the database has them, those in the trash too (they have a deleted_at).", Person, Person,
        "t.created_at", "t.id",
        select "t.id, t.generation_id, t.position, t.prompt, t.attributes, t.revised_prompt, t.model, t.quality, t.extension,
            t.content_type, t.bytes, t.width, t.height, t.thumbhash, t.price_gems, t.usage, t.is_favourite,
            t.has_content_credentials, t.digital_source_type, t.created_at, t.deleted_at"
        from "images t", "t.person_id = $1"),
    table!("refinements", "Suggestions that you asked for: the prompt, what was suggested, and the price.", Person, Person,
        "t.created_at", "t.id",
        select "t.id, t.request_id, t.idempotency_key, t.status, t.prompt, t.attributes, t.seen_sections, t.sections,
            t.price_gems, t.held_free, t.held_bought, t.captured_gems, t.failure_code, t.model_request_id, t.usage,
            t.api_key_id, t.created_at, t.finished_at"
        from "refinements t", "t.person_id = $1"),
    table!("presets", "Attributes that you keep together under a name.", Person, Person, "t.created_at", "t.id",
        select "t.id, t.name, t.attributes, t.created_at, t.updated_at" from "presets t", "t.person_id = $1"),
    table!("collections", "Your collections by name; collection_images says what is in them.", Person, Person,
        "t.created_at", "t.id",
        select "t.id, t.name, t.created_at" from "collections t", "t.person_id = $1"),
    table!("collection_images", "Which image is in which collection, and since when.", Person, Person, "t.added_at",
        "md5(t.collection_id::text || t.image_id::text)::uuid",
        select "t.collection_id, c.name as collection, t.image_id, t.added_at"
        from "collections c join collection_images t on t.collection_id = c.id", "c.person_id = $1"),
    table!("share_links", "Links by which others see an image of yours, and how often. Never the link.", Person, Person,
        "t.created_at", "t.id",
        select "t.id, t.image_id, t.shows_prompt, t.view_count, t.created_at, t.expires_at, t.revoked_at, t.last_viewed_at"
        from "share_links t", "t.person_id = $1"),
    table!("references", "Pictures and masks that you uploaded; the files are in the folder references.", Person, Person,
        "t.created_at", "t.id",
        select "t.id, t.extension, t.content_type, t.bytes, t.width, t.height, t.thumbhash, t.is_mask, t.is_passing,
            t.created_at, t.deleted_at"
        from "reference_images t", "t.person_id = $1"),
];

/// An image as the export takes it along.
pub struct Kept {
    pub image: Pictured,
    pub is_in_trash: bool,
}

/// Oldest first, those in the trash among them.
pub async fn images(conn: &mut PgConnection, asked: Asked) -> Result<Vec<Kept>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select id, generation_id, object_prefix, extension, content_type, bytes, width, height, price_gems, created_at,
             prompt, attributes, model, quality, revised_prompt, digital_source_type,
             deleted_at is not null as "is_in_trash!"
           from images where person_id = $1 and (created_at, id) > ($2, $3) and created_at <= $4
           order by created_at, id limit $5"#,
        asked.whose,
        asked.after_at,
        asked.after_id,
        asked.until,
        asked.rows
    )
    .fetch_all(conn)
    .await?;
    let kept = rows.into_iter().map(|row| Kept {
        is_in_trash: row.is_in_trash,
        image: Pictured {
            id: row.id,
            generation_id: row.generation_id,
            object_prefix: row.object_prefix,
            extension: row.extension,
            content_type: row.content_type,
            bytes: row.bytes,
            width: row.width,
            height: row.height,
            price_gems: row.price_gems,
            created_at: row.created_at,
            prompt: row.prompt,
            attributes: row.attributes,
            model: row.model,
            quality: row.quality,
            revised_prompt: row.revised_prompt,
            digital_source_type: row.digital_source_type,
        },
    });
    Ok(kept.collect())
}

pub struct Uploaded {
    pub id: Uuid,
    pub object_prefix: String,
    pub extension: String,
    pub is_mask: bool,
    pub created_at: DateTime<Utc>,
}

/// What was uploaded and not deleted since.
pub async fn uploads(conn: &mut PgConnection, asked: Asked) -> Result<Vec<Uploaded>, sqlx::Error> {
    sqlx::query_as!(
        Uploaded,
        "select id, object_prefix, extension, is_mask, created_at from reference_images
         where person_id = $1 and deleted_at is null and (created_at, id) > ($2, $3) and created_at <= $4
         order by created_at, id limit $5",
        asked.whose,
        asked.after_at,
        asked.after_id,
        asked.until,
        asked.rows
    )
    .fetch_all(conn)
    .await
}

/// Where the person's own picture lies.
pub async fn picture(conn: &mut PgConnection, person_id: Uuid) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar!("select picture_key from people where id = $1", person_id).fetch_one(conn).await
}
