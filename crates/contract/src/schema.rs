//! How the domain's types look in openapi.yaml: the domain itself knows no OpenAPI.
use utoipa::ToSchema;

/// A chosen property of a picture.
#[derive(ToSchema)]
#[schema(example = json!({"section": "Light", "value": "golden hour"}))]
pub struct Attribute {
    #[schema(min_length = 1, max_length = 60)]
    pub section: String,
    #[schema(min_length = 1, max_length = 120)]
    pub value: String,
}

/// A section of suggested attributes.
#[derive(ToSchema)]
pub struct RefinedSection {
    #[schema(max_length = 60)]
    pub name: String,
    /// Ten, each of up to 60 characters.
    pub values: Vec<String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum GenerationStatus {
    Queued,
    Running,
    Succeeded,
    PartlySucceeded,
    Failed,
    Cancelled,
}

/// A section of built-in attributes.
#[derive(ToSchema)]
pub struct Section {
    pub name: String,
    pub hint: String,
    pub values: Vec<String>,
}

/// The rule for sizes beside the listed ones.
#[derive(ToSchema)]
pub struct FreeSize {
    pub multiple: u32,
    pub pixels_min: u64,
    pub pixels_max: u64,
    pub edge_max: u32,
    pub ratio_max: u32,
}

/// What a long composed prompt costs beside the image.
#[derive(ToSchema)]
pub struct PromptSurcharge {
    /// Bytes of UTF-8 that cost nothing.
    pub included_bytes: usize,
    /// Each further beginning piece of so many bytes costs one gem.
    pub bytes_per_gem: usize,
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum ViolationCode {
    Required,
    TooLong,
    TooMany,
    OutOfRange,
    ContainsNul,
    Duplicate,
    Unknown,
    NotAvailable,
    WrongType,
    UnknownField,
    NoPrice,
    UnknownTimeZone,
    UnknownCode,
    ExpiredCode,
    RevokedCode,
    UsedUpCode,
    NotYours,
    OneOfTwo,
    TooLarge,
    OtherSize,
    Unreadable,
    Animated,
    HasMore,
    NotAMask,
    NotHttps,
    NotPublic,
}
