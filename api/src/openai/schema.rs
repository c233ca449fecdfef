//! How OpenAI's wire looks in openapi.yaml. Calls are read field by field in `order`; a test holds both to the same names.
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"model": "gpt-image-2.5-flare", "prompt": "A fox crossing a frozen river", "quality": "low"}))]
#[serde(deny_unknown_fields)]
pub struct OpenAiImageRequest {
    /// 1 to 32,000 characters, sent to the model as it is. Of a longer one than 4,000 the gallery shows the beginning.
    #[schema(min_length = 1, max_length = 32_000)]
    pub prompt: String,
    /// Id or alias from the catalogue; a retired one is answered by its replacement. Absent: the catalogue's default.
    pub model: Option<String>,
    /// Images to make.
    #[schema(minimum = 1, maximum = 10, default = 1)]
    pub n: Option<u32>,
    /// `WIDTHxHEIGHT` in pixels; `auto` or absent: the model's default. One that only a model which has ended could do is
    /// answered in the nearest of its replacement.
    pub size: Option<String>,
    /// Of the model's own; `standard` and `hd` are understood by all. `auto` or absent: the model's default.
    pub quality: Option<String>,
    /// `opaque`, `transparent` or `auto`.
    pub background: Option<String>,
    /// `png`, `webp` or `jpeg`, where the model can be asked.
    pub output_format: Option<String>,
    /// Only 100 is done.
    #[schema(minimum = 100, maximum = 100)]
    pub output_compression: Option<u32>,
    /// `b64_json` (the default, except for whoever names DALL·E) or `url`: presigned, for seven days. Not with `stream`.
    #[schema(inline)]
    pub response_format: Option<OpenAiResponseFormat>,
    /// Answers events. With `n` = 1 only.
    pub stream: Option<bool>,
    /// Rough pictures on the way, at most; small ones, where the model shows any. With `stream` only.
    #[schema(minimum = 0, maximum = 3)]
    pub partial_images: Option<u32>,
    /// Only `auto` is done.
    #[schema(inline)]
    pub moderation: Option<OpenAiAuto>,
    /// Only `high` is done: what a model does unless asked.
    #[schema(inline)]
    pub complexity: Option<OpenAiHigh>,
    /// Only `vivid` is done.
    #[schema(inline)]
    pub style: Option<OpenAiVivid>,
    /// Given back; the model's provider gets one of ours.
    pub safety_identifier: Option<String>,
    /// As `safety_identifier`, by its old name.
    pub user: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OpenAiResponseFormat {
    B64Json,
    Url,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OpenAiAuto {
    Auto,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OpenAiHigh {
    High,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OpenAiLow {
    Low,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OpenAiVivid {
    Vivid,
}

/// A form. Fields that stand in a generation too mean the same, as text.
#[derive(ToSchema)]
pub struct OpenAiEditForm {
    /// A picture; not needed where `image[]` is there.
    #[schema(value_type = String, format = Binary)]
    pub image: Vec<u8>,
    /// Pictures, each a part of this name.
    #[schema(rename = "image[]", value_type = Option<Vec<String>>, max_items = 16)]
    pub images: Option<Vec<Vec<u8>>>,
    /// What is transparent in it may change.
    #[schema(value_type = Option<String>, format = Binary)]
    pub mask: Option<Vec<u8>>,
    #[schema(min_length = 1, max_length = 32_000)]
    pub prompt: String,
    pub model: Option<String>,
    #[schema(minimum = 1, maximum = 10, default = 1)]
    pub n: Option<u32>,
    pub size: Option<String>,
    pub quality: Option<String>,
    pub background: Option<String>,
    pub output_format: Option<String>,
    /// Only 100 is done.
    #[schema(minimum = 100, maximum = 100)]
    pub output_compression: Option<u32>,
    #[schema(inline)]
    pub response_format: Option<OpenAiResponseFormat>,
    pub stream: Option<bool>,
    #[schema(minimum = 0, maximum = 3)]
    pub partial_images: Option<u32>,
    /// Only `auto` is done.
    #[schema(inline)]
    pub moderation: Option<OpenAiAuto>,
    /// Only `high` is done.
    #[schema(inline)]
    pub complexity: Option<OpenAiHigh>,
    /// Only `vivid` is done.
    #[schema(inline)]
    pub style: Option<OpenAiVivid>,
    /// Only `low` is done: what a model does unless asked.
    #[schema(inline)]
    pub input_fidelity: Option<OpenAiLow>,
    /// Given back; the model's provider gets one of ours.
    pub safety_identifier: Option<String>,
    /// As `safety_identifier`, by its old name.
    pub user: Option<String>,
}

/// As JSON. Fields that stand in a generation too mean the same.
#[derive(ToSchema)]
pub struct OpenAiEditRequest {
    #[schema(min_items = 1, max_items = 16)]
    pub images: Vec<OpenAiPicture>,
    pub mask: Option<OpenAiPicture>,
    #[schema(min_length = 1, max_length = 32_000)]
    pub prompt: String,
    pub model: Option<String>,
    #[schema(minimum = 1, maximum = 10, default = 1)]
    pub n: Option<u32>,
    pub size: Option<String>,
    pub quality: Option<String>,
    pub background: Option<String>,
    pub output_format: Option<String>,
    /// Only 100 is done.
    #[schema(minimum = 100, maximum = 100)]
    pub output_compression: Option<u32>,
    #[schema(inline)]
    pub response_format: Option<OpenAiResponseFormat>,
    pub stream: Option<bool>,
    #[schema(minimum = 0, maximum = 3)]
    pub partial_images: Option<u32>,
    /// Only `auto` is done.
    #[schema(inline)]
    pub moderation: Option<OpenAiAuto>,
    /// Only `high` is done.
    #[schema(inline)]
    pub complexity: Option<OpenAiHigh>,
    /// Only `vivid` is done.
    #[schema(inline)]
    pub style: Option<OpenAiVivid>,
    /// Only `low` is done: what a model does unless asked.
    #[schema(inline)]
    pub input_fidelity: Option<OpenAiLow>,
    /// Given back; the model's provider gets one of ours.
    pub safety_identifier: Option<String>,
    /// As `safety_identifier`, by its old name.
    pub user: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"image_url": "data:image/png;base64,iVBORw0KGgo="}))]
#[serde(deny_unknown_fields)]
pub struct OpenAiPicture {
    /// `data:image/png;base64,…`, up to 20,971,520 characters.
    #[schema(max_length = 20_971_520)]
    pub image_url: String,
}

#[derive(ToSchema)]
pub struct OpenAiImages {
    /// Unix time of the end.
    pub created: i64,
    pub data: Vec<OpenAiImage>,
    /// As it came out: `WIDTHxHEIGHT` in pixels.
    pub size: Option<String>,
    pub quality: Option<String>,
    pub background: Option<String>,
    pub output_format: Option<String>,
    /// As the model's provider reported it for all images together; absent where it did not, and zero in an event.
    pub usage: Option<OpenAiUsage>,
    pub safety_identifier: Option<String>,
}

#[derive(ToSchema)]
pub struct OpenAiImage {
    /// The original, base64.
    pub b64_json: Option<String>,
    pub url: Option<String>,
    /// What the model made of the prompt, where it says so.
    pub revised_prompt: Option<String>,
}

#[derive(ToSchema)]
pub struct OpenAiUsage {
    pub input_tokens: i64,
    pub output_tokens: i64,
    pub total_tokens: i64,
    pub input_tokens_details: OpenAiTokens,
    pub output_tokens_details: Option<OpenAiTokens>,
}

#[derive(ToSchema)]
pub struct OpenAiTokens {
    pub image_tokens: i64,
    pub text_tokens: i64,
}

#[derive(Serialize, ToSchema)]
pub struct OpenAiModels {
    #[schema(example = "list")]
    pub object: &'static str,
    pub data: Vec<OpenAiModel>,
}

#[derive(Serialize, ToSchema)]
pub struct OpenAiModel {
    #[schema(example = "gpt-image-2.5-flare")]
    pub id: String,
    #[schema(example = "model")]
    pub object: &'static str,
    /// Unix time since which it can be asked for; 0 where nobody knows.
    pub created: i64,
    pub owned_by: &'static str,
}

/// The body of every 4xx and 5xx under `/openai`.
#[derive(ToSchema)]
pub struct OpenAiError {
    pub error: OpenAiErrorBody,
}

#[derive(ToSchema)]
#[schema(example = json!({"message": "Invalid 'n': This is outside of what is allowed.", "type": "invalid_request_error", "param": "n", "code": "invalid_value"}))]
pub struct OpenAiErrorBody {
    /// A sentence for people.
    pub message: String,
    #[schema(rename = "type")]
    pub kind: String,
    /// The parameter that is wrong.
    #[schema(required = true)]
    pub param: Option<String>,
    /// What a program branches on.
    #[schema(required = true)]
    pub code: Option<String>,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use utoipa::PartialSchema;

    use super::super::order::{KNOWN, ONLY_EDITS};
    use super::*;

    fn documented(schema: utoipa::openapi::RefOr<utoipa::openapi::Schema>) -> BTreeSet<String> {
        let schema = serde_json::to_value(schema).expect("JSON");
        schema["properties"].as_object().expect("properties").keys().cloned().collect()
    }

    #[test]
    fn the_document_names_what_a_call_may_have() {
        // Whatever value these have is refused by name.
        let never = ["markup", "svg", "frame_count", "frame_duration_ms"];
        let known = |name: &&str| !never.contains(name);
        let read: BTreeSet<String> =
            KNOWN.into_iter().filter(known).filter(|name| !ONLY_EDITS.contains(name)).map(str::to_owned).collect();
        assert_eq!(documented(OpenAiImageRequest::schema()), read);
        for (schema, pictures) in [
            (OpenAiEditForm::schema(), &["image", "image[]", "mask"][..]),
            (OpenAiEditRequest::schema(), &["images", "mask"]),
        ] {
            let read = KNOWN.into_iter().filter(known).chain(pictures.iter().copied()).map(str::to_owned);
            assert_eq!(documented(schema), read.collect::<BTreeSet<_>>());
        }
    }
}
