//! SQL of the gallery as a whole. Whatever is searched goes through `found_images`, which takes the person from the
//! transaction; every other statement names the person.
use std::collections::HashMap;

use chrono::{DateTime, Utc};
use lapidary_contract::{
    AttributeFacet, BulkAction, FacetCount, ImageBlock, ImageBlocks, ImageFacets, ImageNeighbours,
};
use sqlx::PgConnection;
use uuid::Uuid;

use super::filter::{ImageFilter, Shelf};
use crate::http::error::ApiResult;
use crate::http::paging::Keyset;

/// Sections of the answer, and values of each: what nobody would look through.
const SECTIONS_MAX: usize = 60;
const VALUES_MAX: usize = 100;
/// Images whose changes are told one by one.
const TOLD_MAX: usize = 20;

struct Counted {
    kind: String,
    section: String,
    value: String,
    images: i64,
}

pub async fn facets(conn: &mut PgConnection, person_id: Uuid, filter: &ImageFilter) -> ApiResult<ImageFacets> {
    let rows = match filter.shelf() {
        Some(Shelf::All) => {
            sqlx::query_as!(
                Counted,
                "select kind, section, value, images from image_counts where person_id = $1 and images > 0",
                person_id
            )
            .fetch_all(conn)
            .await?
        }
        _ => {
            sqlx::query_as!(
                Counted,
                r#"select c.kind as "kind!", c.section as "section!", c.value as "value!", count(*) as "images!"
                   from found_images($1, $2, $3, $4, $5, $6, $7, null, null, false, null) f
                   cross join lateral facets_of(f.created_at, f.is_favourite, f.model, f.attributes) c
                   group by c.kind, c.section, c.value"#,
                &filter.words,
                &filter.beginnings,
                filter.favourite,
                filter.trash,
                filter.collection,
                filter.made_from,
                filter.made_before
            )
            .fetch_all(conn)
            .await?
        }
    };
    Ok(sorted(rows))
}

fn sorted(rows: Vec<Counted>) -> ImageFacets {
    let mut facets = ImageFacets::default();
    let mut sections: HashMap<String, Vec<FacetCount>> = HashMap::new();
    for Counted { kind, section, value, images: count } in rows {
        match kind.as_str() {
            "total" => facets.total = count,
            "favourite" => facets.favourites = count,
            "model" => facets.models.push(FacetCount { value, count }),
            "month" => facets.months.push(FacetCount { value, count }),
            _ => sections.entry(section).or_default().push(FacetCount { value, count }),
        }
    }
    let most_used = |a: &FacetCount, b: &FacetCount| b.count.cmp(&a.count).then_with(|| a.value.cmp(&b.value));
    facets.models.sort_by(most_used);
    facets.months.sort_by(|a, b| b.value.cmp(&a.value));
    let mut sections: Vec<(i64, AttributeFacet)> = sections
        .into_iter()
        .map(|(section, mut values)| {
            let uses = values.iter().map(|value| value.count).sum();
            values.sort_by(most_used);
            values.truncate(VALUES_MAX);
            (uses, AttributeFacet { section, values })
        })
        .collect();
    sections.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.section.cmp(&b.1.section)));
    sections.truncate(SECTIONS_MAX);
    facets.attributes = sections.into_iter().map(|(_, section)| section).collect();
    facets
}

/// Where a block begins or ends: the place in the list, from one.
struct Edge {
    place: i64,
    at: DateTime<Utc>,
    id: Uuid,
}

/// Only the edges leave the database; of everything, its index alone is read.
pub async fn blocks(conn: &mut PgConnection, person_id: Uuid, filter: &ImageFilter) -> ApiResult<ImageBlocks> {
    let edges = match filter.shelf() {
        Some(Shelf::All) => {
            sqlx::query_as!(
                Edge,
                r#"select l.place as "place!", l.at as "at!", l.id as "id!" from (
                     select row_number() over o as place, i.created_at as at, i.id, lead(i.id) over o is null as is_last
                     from images i where i.person_id = $1 and i.deleted_at is null
                     window o as (order by i.created_at desc, i.id desc)
                   ) l where l.place % 100 in (0, 1) or l.is_last order by l.place"#,
                person_id
            )
            .fetch_all(conn)
            .await?
        }
        _ => {
            sqlx::query_as!(
                Edge,
                r#"select l.place as "place!", l.at as "at!", l.id as "id!" from (
                     select row_number() over o as place, f.at, f.id, lead(f.id) over o is null as is_last
                     from found_images($1, $2, $3, $4, $5, $6, $7, null, null, false, null) f
                     window o as (order by f.at desc, f.id desc)
                   ) l where l.place % 100 in (0, 1) or l.is_last order by l.place"#,
                &filter.words,
                &filter.beginnings,
                filter.favourite,
                filter.trash,
                filter.collection,
                filter.made_from,
                filter.made_before
            )
            .fetch_all(conn)
            .await?
        }
    };
    Ok(between(edges))
}

fn between(edges: Vec<Edge>) -> ImageBlocks {
    let mut whole = ImageBlocks::default();
    let mut cursor = None;
    for Edge { place, at, id } in edges {
        if place % 100 == 1 {
            whole.blocks.push(ImageBlock { cursor: cursor.take(), count: 0, newest_at: at, oldest_at: at });
        }
        if let Some(block) = whole.blocks.last_mut() {
            (block.count, block.oldest_at) = ((place - 1) % 100 + 1, at);
        }
        whole.total = place;
        cursor = Some(Keyset { before_at: at, before_id: id }.encode());
    }
    whole
}

/// 404 where the image is not theirs.
pub async fn neighbours(
    conn: &mut PgConnection,
    person_id: Uuid,
    filter: &ImageFilter,
    id: Uuid,
) -> ApiResult<ImageNeighbours> {
    let row = sqlx::query!(
        r#"with here as (
             select i.id, case when $6 then coalesce(i.deleted_at, i.created_at) else i.created_at end as at
             from images i where i.person_id = $1 and i.id = $2
           )
           select
             (select f.id from found_images($3, $4, $5, $6, $7, $8, $9, h.at, h.id, true, 1) f) as newer,
             (select f.id from found_images($3, $4, $5, $6, $7, $8, $9, h.at, h.id, false, 1) f) as older
           from here h"#,
        person_id,
        id,
        &filter.words,
        &filter.beginnings,
        filter.favourite,
        filter.trash,
        filter.collection,
        filter.made_from,
        filter.made_before
    )
    .fetch_one(conn)
    .await?;
    Ok(ImageNeighbours { newer: row.newer, older: row.older })
}

/// How many were otherwise before. Locked in one order, so that two of these do not cross.
pub async fn change(
    conn: &mut PgConnection,
    person_id: Uuid,
    action: BulkAction,
    ids: &[Uuid],
    now: DateTime<Utc>,
    erased_before: DateTime<Utc>,
) -> Result<i64, sqlx::Error> {
    let changed = match action {
        BulkAction::Favour | BulkAction::Unfavour => {
            sqlx::query_scalar!(
                "with mine as (
                   select i.id from images i where i.person_id = $1 and i.id = any($2) and i.is_favourite <> $3
                   order by i.id for update
                 )
                 update images i set is_favourite = $3 from mine where i.id = mine.id returning i.id",
                person_id,
                ids,
                action == BulkAction::Favour
            )
            .fetch_all(&mut *conn)
            .await?
        }
        BulkAction::Discard => {
            sqlx::query_scalar!(
                "with mine as (
                   select i.id from images i where i.person_id = $1 and i.id = any($2) and i.deleted_at is null
                   order by i.id for update
                 )
                 update images i set deleted_at = $3 from mine where i.id = mine.id returning i.id",
                person_id,
                ids,
                now
            )
            .fetch_all(&mut *conn)
            .await?
        }
        BulkAction::Restore => {
            sqlx::query_scalar!(
                "with mine as (
                   select i.id from images i where i.person_id = $1 and i.id = any($2) and i.deleted_at >= $3
                   order by i.id for update
                 )
                 update images i set deleted_at = null from mine where i.id = mine.id returning i.id",
                person_id,
                ids,
                erased_before
            )
            .fetch_all(&mut *conn)
            .await?
        }
    };
    announce(conn, person_id, &changed).await?;
    Ok(i64::try_from(changed.len()).unwrap_or(i64::MAX))
}

async fn announce(conn: &mut PgConnection, person_id: Uuid, changed: &[Uuid]) -> Result<(), sqlx::Error> {
    if changed.len() > TOLD_MAX {
        sqlx::query!("select record_event($1, 'images', $1)", person_id).fetch_one(conn).await?;
    } else if !changed.is_empty() {
        sqlx::query!("select record_event($1, 'image', c.id) from unnest($2::uuid[]) as c (id)", person_id, changed)
            .fetch_all(conn)
            .await?;
    }
    Ok(())
}
