//! Every limit a person can meet, with its unit. Lengths count Unicode scalar values.

/// Characters a person may write as a prompt.
pub const PROMPT_MAX: usize = 4_000;
/// Characters of a composed prompt that is sent verbatim; a model's own `prompt_max` may be lower.
pub const COMPOSED_PROMPT_MAX: usize = 32_000;
/// Attributes of one generation.
pub const ATTRIBUTES_MAX: usize = 40;
/// Characters of an attribute's section.
pub const SECTION_MAX: usize = 60;
/// Characters of an attribute's value.
pub const VALUE_MAX: usize = 120;
/// Images of one generation, before a model's own limit.
pub const COUNT_MAX: u32 = 10;
/// Generations one person may have waiting; what runs is limited elsewhere.
pub const WAITING_MAX: i64 = 500;
/// Characters of a person's name.
pub const NAME_MAX: usize = 100;
/// Entries of one list answer, unless asked for fewer.
pub const PAGE_DEFAULT: u32 = 50;
/// Entries of one list answer at most.
pub const PAGE_MAX: u32 = 100;
/// Bytes of an idempotency key.
pub const IDEMPOTENCY_KEY_MAX: usize = 255;
/// Bytes of a JSON request body: the longest composed prompt in emoji, written as ASCII escapes, and the rest.
pub const BODY_MAX: usize = 512 * 1024;
/// Images that one generation may be made from.
pub const REFERENCES_MAX: usize = 16;
/// Bytes of an uploaded reference; the providers take less than 50 MB.
pub const REFERENCE_BYTES_MAX: usize = 50_000_000 - 1;
/// Bytes of a mask; the providers take less than 4 MB.
pub const MASK_BYTES_MAX: usize = 4_000_000 - 1;
/// Pixels (width × height) of a reference or a mask, known before any of them is decoded.
pub const REFERENCE_PIXELS_MAX: u64 = 50_000_000;
/// Pixels of the longer edge of a reference or a mask.
pub const REFERENCE_EDGE_MAX: u32 = 16_384;
/// Bytes of all that one generation is made from, its mask included.
pub const REFERENCES_BYTES_MAX: u64 = 100_000_000;
/// Uploads that one person may keep.
pub const REFERENCES_KEPT_MAX: i64 = 500;
/// Masks of one person, which nobody lists: an older one goes when a new one comes.
pub const MASKS_KEPT_MAX: i64 = 100;
/// Uploads of one person that only came along with a request: an older one goes when a new one comes.
pub const PASSING_KEPT_MAX: i64 = 500;
/// Bytes of a JSON body that brings pictures along as data URLs: it is held whole.
pub const PICTURES_JSON_MAX: usize = 64_000_000;
/// Characters of one such URL.
pub const DATA_URL_MAX: usize = 20_971_520;
/// Sections that one refinement adds.
pub const REFINEMENT_SECTIONS: usize = 3;
/// Values in each of them.
pub const REFINEMENT_VALUES: usize = 10;
/// Characters of one of them: it stands on a chip.
pub const REFINED_VALUE_MAX: usize = 60;
/// Names of sections that a refinement may be told not to repeat.
pub const SEEN_SECTIONS_MAX: usize = 200;
/// Presets of one person.
pub const PRESETS_MAX: i64 = 200;
/// Characters of the name of a preset, a collection or an API key.
pub const TITLE_MAX: usize = 80;
/// Collections of one person.
pub const COLLECTIONS_MAX: i64 = 500;
/// Characters of a search.
pub const SEARCH_MAX: usize = 200;
/// Images that one bulk request changes.
pub const BULK_MAX: usize = 500;
/// Images of one archive.
pub const ARCHIVE_IMAGES_MAX: usize = 10_000;
/// Days an archive can be downloaded.
pub const ARCHIVE_DAYS: i64 = 7;
/// Share links of one image that work at a time.
pub const SHARE_LINKS_MAX: i64 = 20;
/// Days an image stays in the trash.
pub const TRASH_DAYS: i64 = 30;
/// Days a row of the request log is kept.
pub const REQUEST_LOG_DAYS: u64 = 30;
/// Characters of an operator's reason.
pub const REASON_MAX: usize = 500;
/// Gems that an operator gives or takes at once.
pub const ADJUSTMENT_MAX: i64 = 1_000_000;
/// Seconds a presigned URL lives: seven days.
pub const PRESIGNED_URL_SECONDS: u64 = 604_800;
/// API keys of one person that work at a time.
pub const API_KEYS_MAX: i64 = 50;
/// Days from now within which an API key may expire.
pub const API_KEY_DAYS_MAX: i64 = 3_660;
/// Gems of a cap, a person's or a key's.
pub const CAP_MAX: i64 = 1_000_000;
/// Webhook endpoints of one person.
pub const WEBHOOK_ENDPOINTS_MAX: i64 = 10;
/// Bytes of a webhook's address.
pub const WEBHOOK_URL_MAX: usize = 2_000;
/// Characters of a webhook's description.
pub const WEBHOOK_DESCRIPTION_MAX: usize = 200;
/// Days a delivery of a webhook stays in its log.
pub const WEBHOOK_DELIVERY_DAYS: i64 = 30;
