//! What `GET /v1/events` says: the resource as it is now, never a difference.
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::export::Export;
use crate::gallery::ImageArchive;
use crate::gems::GemBalance;
use crate::generation::Generation;
use crate::payments::Purchase;
use crate::status::Availability;

/// The data of one server-sent event. Its `id` is the cursor for `Last-Event-ID`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "snake_case", try_from = "FlatEvent")]
pub enum LiveEvent {
    /// A generation changed its state; the balance stands beside it because both change in one transaction.
    GenerationChanged { generation: Box<Generation>, gems: GemBalance },
    /// An image was favoured, put in the trash or taken back; read it again.
    ImageChanged { image_id: Uuid },
    /// The balance changed for another reason.
    GemsChanged { gems: GemBalance },
    /// A purchase changed its state; the balance stands beside it because both change in one transaction.
    PurchaseChanged { purchase: Box<Purchase>, gems: GemBalance },
    /// A notice came or was read.
    NoticesChanged { unread: i64 },
    /// An archive was asked for, goes on, is ready or is gone.
    ArchiveChanged { archive: Box<ImageArchive> },
    /// An export was asked for, goes on, is ready or is gone. API keys do not hear of it.
    ExportChanged { export: Box<Export> },
    /// A provider stopped or began to deliver again; also the first event of a stream while one does not. It has no id.
    StatusChanged { status: Availability },
    /// Too much was missed: read everything again.
    Reset,
}

/// How an event is read. An enum tagged inside would read everything in it by a second set of functions, which weigh
/// 30 kB in the page.
#[derive(Deserialize)]
struct FlatEvent {
    #[serde(rename = "type")]
    kind: String,
    generation: Option<Box<Generation>>,
    gems: Option<GemBalance>,
    image_id: Option<Uuid>,
    status: Option<Availability>,
    purchase: Option<Box<Purchase>>,
    unread: Option<i64>,
    archive: Option<Box<ImageArchive>>,
    export: Option<Box<Export>>,
}

impl TryFrom<FlatEvent> for LiveEvent {
    type Error = &'static str;

    fn try_from(flat: FlatEvent) -> Result<Self, Self::Error> {
        if let ("status_changed", Some(status)) = (flat.kind.as_str(), flat.status) {
            return Ok(Self::StatusChanged { status });
        }
        if let ("purchase_changed", Some(purchase), Some(gems)) = (flat.kind.as_str(), flat.purchase, flat.gems) {
            return Ok(Self::PurchaseChanged { purchase, gems });
        }
        if let ("notices_changed", Some(unread)) = (flat.kind.as_str(), flat.unread) {
            return Ok(Self::NoticesChanged { unread });
        }
        if let ("archive_changed", Some(archive)) = (flat.kind.as_str(), flat.archive) {
            return Ok(Self::ArchiveChanged { archive });
        }
        if let ("export_changed", Some(export)) = (flat.kind.as_str(), flat.export) {
            return Ok(Self::ExportChanged { export });
        }
        match (flat.kind.as_str(), flat.generation, flat.gems, flat.image_id) {
            ("generation_changed", Some(generation), Some(gems), _) => Ok(Self::GenerationChanged { generation, gems }),
            ("image_changed", _, _, Some(image_id)) => Ok(Self::ImageChanged { image_id }),
            ("gems_changed", _, Some(gems), _) => Ok(Self::GemsChanged { gems }),
            ("reset", ..) => Ok(Self::Reset),
            _ => Err("this is no event"),
        }
    }
}
