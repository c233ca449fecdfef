//! What a generation is made from: a person's own uploads and pictures, resolved to their objects when it is asked for, in
//! the same transaction. Reads no bytes.
use lapidary_contract::domain::limits::REFERENCES_BYTES_MAX;
use lapidary_contract::domain::{Violation, ViolationCode};
use lapidary_contract::{CreateGeneration, MadeFrom};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

use super::material_queries::{self as queries, Found};
use crate::http::error::{ApiError, ApiResult};
use crate::images::queries::Objects;

/// One of them, as the table keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Material {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reference_id: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    image_id: Option<Uuid>,
    /// Of its original in the bucket.
    pub key: String,
    pub content_type: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_mask: bool,
}

/// As the table keeps them; none where it cannot be read.
pub fn read(made_from: &serde_json::Value) -> Option<Vec<Material>> {
    Vec::deserialize(made_from).ok()
}

/// As their person named them.
pub fn named(made_from: &serde_json::Value) -> Option<Vec<MadeFrom>> {
    let all = read(made_from)?.into_iter().filter(|one| !one.is_mask);
    Some(all.map(|one| MadeFrom { reference_id: one.reference_id, image_id: one.image_id }).collect())
}

/// Everything that is wrong with what was asked for, or what the table will keep. Holds the uploads: nobody deletes one
/// between this and the row that names it.
pub async fn resolve(
    conn: &mut PgConnection,
    person_id: Uuid,
    request: &CreateGeneration,
) -> ApiResult<Result<serde_json::Value, Vec<Violation>>> {
    let asked = &request.references;
    let uploads: Vec<Uuid> = asked.iter().filter_map(|one| one.reference_id).collect();
    let pictures: Vec<Uuid> = asked.iter().filter_map(|one| one.image_id).collect();
    let masks: Vec<Uuid> = request.mask_id.into_iter().collect();
    let uploads = queries::uploads(conn, person_id, &uploads, false).await?;
    let pictures = queries::pictures(conn, person_id, &pictures).await?;
    let masks = queries::uploads(conn, person_id, &masks, true).await?;
    let mut violations = Vec::new();
    let mut chosen: Vec<(MadeFrom, &Found)> = Vec::new();
    for (index, one) in asked.iter().enumerate() {
        let (found, member) = match (one.reference_id, one.image_id) {
            (Some(id), None) => (uploads.iter().find(|known| known.id == id), "/reference_id"),
            (None, Some(id)) => (pictures.iter().find(|known| known.id == id), "/image_id"),
            _ => {
                violations.push(Violation::new(format!("/references/{index}"), ViolationCode::OneOfTwo));
                continue;
            }
        };
        match found {
            Some(found) => chosen.push((one.clone(), found)),
            None => violations.push(Violation::new(format!("/references/{index}{member}"), ViolationCode::NotYours)),
        }
    }
    let mask = masks.first();
    match (mask, chosen.first()) {
        (None, _) if request.mask_id.is_some() => violations.push(Violation::new("/mask_id", ViolationCode::NotYours)),
        (Some(mask), Some((_, first))) if (mask.width, mask.height) != (first.width, first.height) => {
            violations.push(Violation::new("/mask_id", ViolationCode::OtherSize));
        }
        _ => {}
    }
    let bytes = chosen.iter().map(|(_, found)| *found).chain(mask).map(|found| found.bytes.unsigned_abs());
    if bytes.sum::<u64>() > REFERENCES_BYTES_MAX {
        violations.push(Violation::new("/references", ViolationCode::TooLarge));
    }
    if !violations.is_empty() {
        return Ok(Err(violations));
    }
    let mask = mask.map(|mask| material(MadeFrom { reference_id: request.mask_id, image_id: None }, mask, true));
    let materials: Vec<Material> =
        chosen.into_iter().map(|(one, found)| material(one, found, false)).chain(mask).collect();
    serde_json::to_value(materials).map(Ok).map_err(ApiError::internal)
}

fn material(one: MadeFrom, found: &Found, is_mask: bool) -> Material {
    let key = Objects::at(found.object_prefix.clone(), found.extension.clone()).original();
    let MadeFrom { reference_id, image_id } = one;
    Material { reference_id, image_id, key, content_type: found.content_type.clone(), is_mask }
}
