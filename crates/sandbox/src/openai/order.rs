//! A valid request for pictures, in either dialect. What cannot be read strictly is refused here and nowhere later.
use std::sync::Arc;

use serde_json::{Map, Value};

use super::{
    edits::Edit,
    fields::Fields,
    models::{self, Model},
    refusal::Refusal,
};

#[derive(Clone, Debug)]
pub struct Order {
    /// None in the old dialect, which reports no usage.
    pub model: Option<&'static Model>,
    pub prompt: String,
    pub count: u32,
    pub width: u32,
    pub height: u32,
    /// Resolved: never `auto`.
    pub quality: &'static str,
    pub is_transparent: bool,
    pub format: Format,
    /// 0..=100; 100 is the best picture.
    pub compression: u8,
    /// None: one JSON answer. Some(n): a stream with n partial pictures.
    pub stream: Option<u32>,
    pub safety_identifier: Option<String>,
    /// Old dialect only: answer a URL instead of bytes.
    pub wants_url: bool,
    pub is_vivid: bool,
    /// What it is made from.
    pub edit: Option<Arc<Edit>>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Format {
    Png,
    Jpeg,
    Webp,
}

impl Format {
    pub fn name(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpeg",
            Self::Webp => "webp",
        }
    }
}

const KNOWN: &[&str] = &[
    "prompt",
    "model",
    "n",
    "size",
    "quality",
    "background",
    "output_format",
    "output_compression",
    "moderation",
    "complexity",
    "stream",
    "partial_images",
    "safety_identifier",
    "user",
    "frame_count",
    "frame_duration_ms",
    "svg",
];

impl Order {
    /// The dialect of the live GPT image models.
    pub fn of_gpt(body: &Map<String, Value>) -> Result<Self, Refusal> {
        let fields = Fields(body);
        let name = fields.text("model")?.ok_or_else(|| {
            Refusal::invalid("model", "missing_required_parameter", "Missing required parameter: 'model'.")
        })?;
        let model = models::find(name).ok_or_else(|| Refusal::model_not_found(name))?;
        fields.only(KNOWN)?;
        let prompt = fields.prompt(32_000)?;
        let count = small(fields.integer("n", 1, 10)?, 1);
        let (width, height) = size(&fields, model, &prompt)?;
        let quality = quality(&fields, model)?;
        let format = format(&fields)?;
        let is_transparent = fields.choice("background", &["auto", "opaque", "transparent"])? == "transparent";
        if is_transparent && format == Format::Jpeg {
            let text = "Transparent background is not supported for JPEG output format.";
            return Err(Refusal::invalid("background", "invalid_value", text));
        }
        let compression = compression(&fields, format)?;
        fields.choice("moderation", &["auto", "low"])?;
        if fields.has("complexity") {
            if !model.has_complexity {
                let text = format!("The model '{}' does not support the 'complexity' parameter.", model.id);
                return Err(Refusal::invalid("complexity", "unsupported_parameter", text));
            }
            fields.choice("complexity", &["high", "medium", "low"])?;
        }
        let user = fields.text("user")?.filter(|id| !id.is_empty());
        let safety_identifier =
            fields.text("safety_identifier")?.filter(|id| !id.is_empty()).or(user).map(str::to_owned);
        let stream = stream(&fields, count)?;
        Ok(Self {
            model: Some(model),
            prompt,
            count,
            width,
            height,
            quality,
            is_transparent,
            format,
            compression,
            stream,
            safety_identifier,
            wants_url: false,
            is_vivid: false,
            edit: None,
        })
    }

    /// The dialect of DALL·E 3, which compatible servers still speak.
    pub fn of_dalle(body: &Map<String, Value>) -> Result<Self, Refusal> {
        let fields = Fields(body);
        let name = fields.text("model")?.unwrap_or("dall-e-2");
        if name != "dall-e-3" {
            return Err(Refusal::model_not_found(name));
        }
        fields.only(&["prompt", "model", "n", "size", "quality", "response_format", "style", "user"])?;
        let prompt = fields.prompt(4_000)?;
        fields.integer("n", 1, 1)?;
        let (width, height) = match fields.choice("size", &["1024x1024", "1792x1024", "1024x1792"])? {
            "1792x1024" => (1792, 1024),
            "1024x1792" => (1024, 1792),
            _ => (1024, 1024),
        };
        let quality = fields.choice("quality", &["standard", "hd"])?;
        let wants_url = fields.choice("response_format", &["url", "b64_json"])? == "url";
        let is_vivid = fields.choice("style", &["vivid", "natural"])? == "vivid";
        fields.text("user")?;
        Ok(Self {
            model: None,
            prompt,
            count: 1,
            width,
            height,
            quality,
            is_transparent: false,
            format: Format::Png,
            compression: 100,
            stream: None,
            safety_identifier: None,
            wants_url,
            is_vivid,
            edit: None,
        })
    }

    /// `input_fidelity` is an edit's own field, of the older models only.
    pub fn of_edit(mut body: Map<String, Value>, edit: Edit, is_old: bool) -> Result<Self, Refusal> {
        let fidelity = Fields(&body).text("input_fidelity")?.map(str::to_owned);
        let mut order = if is_old {
            Self::of_dalle(&body)?
        } else {
            body.remove("input_fidelity");
            Self::of_gpt(&body)?
        };
        if let (Some(fidelity), Some(model)) = (fidelity, order.model) {
            let allowed: &[&str] = match model.id {
                "gpt-image-1-mini" => &["low"],
                id if id.starts_with("gpt-image-1.5") => &["low", "high"],
                id => {
                    let text = format!("The model '{id}' does not support the 'input_fidelity' parameter.");
                    return Err(Refusal::invalid("input_fidelity", "unsupported_parameter", text));
                }
            };
            if !allowed.contains(&fidelity.as_str()) {
                return Err(Refusal::value("input_fidelity", &fidelity, allowed));
            }
        }
        order.edit = Some(Arc::new(edit));
        Ok(order)
    }

    /// What its events are called.
    pub fn event(&self, end: &str) -> String {
        format!("{}.{end}", if self.edit.is_some() { "image_edit" } else { "image_generation" })
    }

    pub fn size(&self) -> String {
        format!("{}x{}", self.width, self.height)
    }

    pub fn background(&self) -> &'static str {
        if self.is_transparent { "transparent" } else { "opaque" }
    }
}

fn small(number: Option<i64>, default: u32) -> u32 {
    number.and_then(|number| u32::try_from(number).ok()).unwrap_or(default)
}

fn quality(fields: &Fields<'_>, model: &Model) -> Result<&'static str, Refusal> {
    let allowed: Vec<&'static str> = std::iter::once("auto").chain(model.qualities.iter().copied()).collect();
    Ok(match fields.choice("quality", &allowed)? {
        "auto" => "medium",
        chosen => chosen,
    })
}

fn format(fields: &Fields<'_>) -> Result<Format, Refusal> {
    for name in ["frame_count", "frame_duration_ms", "svg"] {
        if fields.has(name) {
            let text = format!(
                "'{name}' is only allowed with the output formats 'gif' and 'svg', which this organization has no access to."
            );
            return Err(Refusal::invalid(name, "unsupported_parameter", text));
        }
    }
    Ok(match fields.choice("output_format", &["png", "jpeg", "webp"])? {
        "jpeg" => Format::Jpeg,
        "webp" => Format::Webp,
        _ => Format::Png,
    })
}

fn compression(fields: &Fields<'_>, format: Format) -> Result<u8, Refusal> {
    let level = fields.integer("output_compression", 0, 100)?.unwrap_or(100);
    if format == Format::Png && level < 100 {
        let text = "Compression less than 100 is not supported for PNG output format.";
        return Err(Refusal::invalid("output_compression", "invalid_png_output_compression", text));
    }
    Ok(u8::try_from(level).unwrap_or(100))
}

fn stream(fields: &Fields<'_>, count: u32) -> Result<Option<u32>, Refusal> {
    let is_stream = fields.flag("stream")?;
    let partial = fields.integer("partial_images", 0, 3)?;
    if !is_stream {
        if partial.unwrap_or(0) > 0 {
            let text = "'partial_images' is only allowed when 'stream' is true.";
            return Err(Refusal::invalid("partial_images", "invalid_value", text));
        }
        return Ok(None);
    }
    if count > 1 {
        return Err(Refusal::invalid("n", "invalid_value", "Streaming is only supported with 'n' = 1."));
    }
    Ok(Some(small(partial, 0)))
}

fn size(fields: &Fields<'_>, model: &Model, prompt: &str) -> Result<(u32, u32), Refusal> {
    let text = fields.text("size")?.unwrap_or("auto");
    if text == "auto" {
        let words = prompt.to_lowercase();
        return Ok(if ["portrait", "vertical", "tall "].iter().any(|word| words.contains(word)) {
            (1024, 1536)
        } else if ["landscape", "panorama", "wide "].iter().any(|word| words.contains(word)) {
            (1536, 1024)
        } else {
            (1024, 1024)
        });
    }
    if !model.has_free_sizes {
        let allowed = ["1024x1024", "1024x1536", "1536x1024", "auto"];
        if !allowed.contains(&text) {
            return Err(Refusal::value("size", text, &allowed));
        }
    }
    let edge = |part: &str| part.parse::<u32>().ok().filter(|_| part.bytes().all(|byte| byte.is_ascii_digit()));
    let sides = text.split_once('x').and_then(|(w, h)| Some((edge(w)?, edge(h)?)));
    let refuse = |why: &str| Refusal::invalid("size", "invalid_value", format!("Invalid size '{text}'. {why}"));
    let (width, height) = sides.ok_or_else(|| refuse("Expected 'auto' or 'WIDTHxHEIGHT'."))?;
    if width % 16 != 0 || height % 16 != 0 || width == 0 || height == 0 {
        return Err(refuse("Width and height must both be divisible by 16."));
    }
    let (long, short) = (width.max(height), width.min(height));
    if long > 3840 {
        return Err(refuse("The longest edge must be at most 3840 pixels."));
    }
    if long > short * 3 {
        return Err(refuse("The aspect ratio must be between 1:3 and 3:1."));
    }
    if !(655_360..=8_294_400).contains(&(width * height)) {
        return Err(refuse("The total number of pixels must be between 655360 and 8294400."));
    }
    Ok((width, height))
}
