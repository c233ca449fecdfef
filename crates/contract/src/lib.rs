//! The wire between the API, the page and everyone else: one module a feature, serde only.
//! Knows no server, no database and no browser; feature `openapi` adds the schemas.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::as_conversions,
        clippy::print_stdout
    )
)]

pub mod api_key;
pub mod auth;
pub mod catalogue;
pub mod erasure;
pub mod event;
pub mod export;
pub mod gallery;
pub mod gems;
pub mod generation;
pub mod image;
pub mod list;
pub mod me;
mod moment;
pub mod notice;
pub mod operator;
pub mod payments;
pub mod policy;
pub mod preset;
pub mod problem;
pub mod promise;
pub mod reference;
pub mod refinement;
pub mod request;
#[cfg(feature = "openapi")]
pub mod schema;
pub mod status;
pub mod webhook;

pub use api_key::{API_KEY_PREFIX, ApiKey, CreateApiKey, Scope};
pub use auth::{AccessToken, AuthProvider, LinkStarted, SignInFailure};
pub use catalogue::CatalogueBody;
pub use erasure::{
    ErasedCount, Erasure, ErasureKind, ErasureOutlook, ErasureReceipt, ErasureStatus, ErasureStep, Stays, WouldGo,
};
pub use event::LiveEvent;
pub use export::Export;
pub use gallery::{
    ArchiveStatus, AttributeFacet, BulkAction, ChangeImages, ChangedImages, Collection, CollectionImages,
    CreateImageArchive, CreateShareLink, FacetCount, ImageArchive, ImageBlock, ImageBlocks, ImageFacets,
    ImageNeighbours, NameCollection, ShareLink, SharedImage,
};
pub use gems::{
    DayOfGems, GemBalance, GemCaps, GemStatistics, ModelOfGems, RedeemCode, Redemption, SetGemCaps, Transfer,
    TransferKind,
};
pub use generation::{CreateGeneration, Failure, FailureCode, Generation, MadeFrom, Quote, Refusal, RefusalStage};
pub use image::{DownloadUrl, Image, UpdateImage};
pub use lapidary_domain as domain;
pub use list::List;
pub use me::{Identity, Me, Session, UpdateMe};
pub use notice::{Notice, NoticeKind};
pub use operator::{
    AdjustGems, AuditEntry, Flag, GemAdjustment, OperatorAct, OperatorReason, PersonCounts, PersonDetails,
    PersonIdentity, PersonState, PersonSummary,
};
pub use payments::{Checkout, CreateCheckout, GemPack, GemPacks, PortalLink, Purchase, PurchaseStatus, Receipt};
pub use policy::{Policy, PolicyKind};
pub use preset::{CreatePreset, Preset, UpdatePreset};
pub use problem::{FieldError, Problem, ProblemType};
pub use promise::{DataCategory, DataMap, Evidence, Processor, Promise, PromiseState, Promises};
pub use reference::Reference;
pub use refinement::{CreateRefinement, Refinement, RefinementFailure, RefinementFailureCode, RefinementStatus};
pub use request::{LoggedRequest, RequestDetails, RequestStage, RequestedGeneration, RequestedRefinement};
pub use status::{Availability, PausedModel};
pub use webhook::{
    CreateWebhookEndpoint, GemsAreLow, GenerationEnded, ImageCreated, PurchaseChanged, UpdateWebhookEndpoint,
    WebhookAttempt, WebhookDelivery, WebhookDeliveryStatus, WebhookDisabledReason, WebhookEndpoint, WebhookEventType,
    WebhookStatus, WebhookTested,
};

/// Header a browser must send with `POST /v1/auth/refresh` and `POST /v1/auth/logout`; its value is `1`.
pub const REFRESH_HEADER: &str = "X-Lapidary-Refresh";
