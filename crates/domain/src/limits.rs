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
/// Days an image stays in the trash.
pub const TRASH_DAYS: i64 = 30;
/// Seconds a presigned URL lives: seven days.
pub const PRESIGNED_URL_SECONDS: u64 = 604_800;
