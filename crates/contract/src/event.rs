//! What `GET /v1/events` says: the resource as it is now, never a difference.
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::gems::GemBalance;
use crate::generation::Generation;

/// The data of one server-sent event. Its `id` is the cursor for `Last-Event-ID`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum LiveEvent {
    /// A generation changed its state; the balance stands beside it because both change in one transaction.
    GenerationChanged { generation: Box<Generation>, gems: GemBalance },
    /// An image was favoured, put in the trash or taken back; read it again.
    ImageChanged { image_id: Uuid },
    /// The balance changed for another reason.
    GemsChanged { gems: GemBalance },
    /// Too much was missed: read everything again.
    Reset,
}
