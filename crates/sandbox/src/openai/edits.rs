//! What an edit is made from: the files of a form, or data URLs in JSON, each held to the vendor's rules. And the picture that
//! becomes of it: the new words' colours over the old picture, only where the mask lets them.
use std::sync::Arc;

use base64::{Engine, prelude::BASE64_STANDARD};
use image::{DynamicImage, ImageFormat, RgbaImage, imageops};
use serde_json::{Map, Value, json};

use super::{multipart, refusal::Refusal};

const IMAGES_MAX: usize = 16;
const IMAGE_BYTES_MAX: usize = 50_000_000;
const MASK_BYTES_MAX: usize = 4_000_000;
const DATA_URL_MAX: usize = 20_971_520;
/// What the vendor asks for reading one picture, at most.
pub const IMAGE_TOKENS: u64 = 1_100;

/// What came beside the fields.
#[derive(Debug)]
pub struct Edit {
    pub images: Vec<RgbaImage>,
    mask: Option<RgbaImage>,
    /// Not as JSON.
    pub is_form: bool,
}

/// The fields as JSON would have them, and the files.
pub struct Form<'a> {
    pub fields: Map<String, Value>,
    files: Vec<multipart::Part<'a>>,
}

pub fn read_form<'a>(content_type: &str, body: &'a [u8]) -> Result<Form<'a>, Refusal> {
    let parts = multipart::read(content_type, body).ok_or_else(|| {
        Refusal::new(400, "invalid_request_error", "", "We could not parse the form data of your request.")
    })?;
    let (mut fields, mut files) = (Map::new(), Vec::new());
    for part in parts {
        if part.filename.is_some() {
            files.push(part);
            continue;
        }
        let text = String::from_utf8_lossy(part.bytes).into_owned();
        let value = match part.name.as_str() {
            "n" | "partial_images" | "output_compression" => text.parse::<i64>().map_or(json!(text), |it| json!(it)),
            "stream" => text.parse::<bool>().map_or(json!(text), |it| json!(it)),
            _ => json!(text),
        };
        if fields.insert(part.name.clone(), value).is_some() {
            let text = format!("Duplicate parameter: '{}'.", part.name);
            return Err(Refusal::invalid(&part.name, "duplicate_parameter", text));
        }
    }
    Ok(Form { fields, files })
}

impl Form<'_> {
    /// What a test may look at.
    pub fn described(&self) -> Value {
        let files = self.files.iter().map(|file| {
            json!({"name": file.name, "filename": file.filename, "content_type": file.content_type, "bytes": file.bytes.len()})
        });
        let mut all = self.fields.clone();
        all.insert("files".into(), files.collect());
        all.into()
    }

    /// The older dialect knows one `image` only.
    pub fn edit(&self, takes_many: bool) -> Result<Edit, Refusal> {
        let (mut images, mut mask) = (Vec::new(), None);
        for file in &self.files {
            match file.name.as_str() {
                "image" if images.is_empty() => images.push(("image", file)),
                "image[]" if takes_many => images.push(("image", file)),
                "mask" if mask.is_none() => mask = Some(file),
                name => return Err(Refusal::unknown_parameter(name)),
            }
        }
        let images: Result<Vec<_>, _> = images
            .into_iter()
            .map(|(name, file)| {
                let format = format_of(name, file.bytes, IMAGE_BYTES_MAX)?;
                let said = file.content_type.as_deref();
                if said.is_some_and(|said| said != format.to_mime_type()) {
                    let text = format!("Invalid file '{name}': unsupported mimetype ('{}').", said.unwrap_or_default());
                    return Err(Refusal::invalid(name, "unsupported_file_mimetype", text));
                }
                decoded(name, file.bytes)
            })
            .collect();
        edit(images?, mask.map(|file| file.bytes), true)
    }
}

/// `images: [{image_url}]` and `mask: {image_url}` are taken out of the body.
pub fn of_json(body: &mut Map<String, Value>) -> Result<Edit, Refusal> {
    let images = body.remove("images").unwrap_or_default();
    let Some(images) = images.as_array() else { return Err(missing("images")) };
    let images: Result<Vec<_>, _> =
        images.iter().map(|one| data_url("images", one).and_then(|bytes| decoded("images", &bytes))).collect();
    let mask = body.remove("mask").filter(|mask| !mask.is_null());
    let mask = mask.map(|mask| data_url("mask", &mask)).transpose()?;
    edit(images?, mask.as_deref(), false)
}

fn data_url(name: &str, value: &Value) -> Result<Vec<u8>, Refusal> {
    let refuse = |text: &str| Refusal::invalid(name, "invalid_value", format!("Invalid '{name}': {text}"));
    let url = match (value.get("image_url").and_then(Value::as_str), value.get("file_id")) {
        (Some(url), None) => url,
        _ => return Err(refuse("expected exactly one of 'image_url' and 'file_id'.")),
    };
    if url.len() > DATA_URL_MAX {
        return Err(refuse("string too long."));
    }
    let known = ["image/png", "image/jpeg", "image/webp"];
    let data = url.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,"));
    let data = data.filter(|(mime, _)| known.contains(mime)).map(|(_, data)| data);
    let data = data.ok_or_else(|| refuse("expected a data URL of a PNG, JPEG or WebP image."))?;
    BASE64_STANDARD.decode(data).map_err(|_| refuse("the data URL is not base64."))
}

fn missing(name: &str) -> Refusal {
    Refusal::invalid(name, "missing_required_parameter", format!("Missing required parameter: '{name}'."))
}

fn edit(images: Vec<RgbaImage>, mask: Option<&[u8]>, is_form: bool) -> Result<Edit, Refusal> {
    let first = images.first().ok_or_else(|| missing(if is_form { "image" } else { "images" }))?.dimensions();
    if images.len() > IMAGES_MAX {
        let text = format!("Invalid 'image': array too long. Expected an array with maximum length {IMAGES_MAX}.");
        return Err(Refusal::invalid("image", "array_above_max_length", text));
    }
    let Some(bytes) = mask else { return Ok(Edit { images, mask: None, is_form }) };
    let refuse = |text: &str| Refusal::invalid("mask", "invalid_mask", text);
    if format_of("mask", bytes, MASK_BYTES_MAX)? != ImageFormat::Png {
        return Err(refuse("The mask must be a PNG."));
    }
    let mask = image::load_from_memory(bytes).map_err(|_| refuse("The mask could not be read."))?;
    if !mask.color().has_alpha() {
        return Err(refuse("Invalid mask image format - mask image must have an alpha channel."));
    }
    let mask = mask.into_rgba8();
    if mask.dimensions() != first {
        return Err(refuse("Invalid mask image format - mask size does not match image size."));
    }
    Ok(Edit { images, mask: Some(mask), is_form })
}

fn format_of(name: &str, bytes: &[u8], less_than: usize) -> Result<ImageFormat, Refusal> {
    if bytes.len() >= less_than {
        let text = format!("Invalid file '{name}': the file is too large.");
        return Err(Refusal::new(400, "invalid_request_error", "file_too_large", text).about(name));
    }
    let known = [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP];
    image::guess_format(bytes).ok().filter(|format| known.contains(format)).ok_or_else(|| {
        let text =
            format!("Invalid file '{name}': unsupported file type. Supported: image/png, image/jpeg, image/webp.");
        Refusal::invalid(name, "unsupported_file_mimetype", text)
    })
}

fn decoded(name: &str, bytes: &[u8]) -> Result<RgbaImage, Refusal> {
    format_of(name, bytes, IMAGE_BYTES_MAX)?;
    let text = || format!("Invalid file '{name}': the image could not be read.");
    image::load_from_memory(bytes)
        .map(DynamicImage::into_rgba8)
        .map_err(|_| Refusal::invalid(name, "invalid_image", text()))
}

/// The first picture, in the light of the new one; the others as small prints in a corner.
pub fn blend(edit: &Arc<Edit>, painted: &mut RgbaImage) {
    let (width, height) = painted.dimensions();
    let filled = |picture: &RgbaImage, filter| {
        let picture = DynamicImage::from(picture.clone());
        picture.resize_to_fill(width, height, filter).into_rgba8()
    };
    let Some(first) = edit.images.first() else { return };
    let old = filled(first, imageops::FilterType::Triangle);
    let mask = edit.mask.as_ref().map(|mask| filled(mask, imageops::FilterType::Nearest));
    for (x, y, pixel) in painted.enumerate_pixels_mut() {
        let was = old.get_pixel(x, y);
        let may_change = mask.as_ref().is_none_or(|mask| mask.get_pixel(x, y).0[3] < 128);
        if !may_change {
            *pixel = *was;
            continue;
        }
        for (new, old) in pixel.0.iter_mut().zip(was.0).take(3) {
            *new = ((u32::from(*new) * 11 + u32::from(old) * 9) / 20) as u8;
        }
    }
    let edge = (width.min(height) / 8).max(1);
    for (place, other) in edit.images.iter().skip(1).enumerate() {
        let print = imageops::thumbnail(other, edge, edge);
        let left = i64::from(edge / 4) + i64::try_from(place).unwrap_or(0) * i64::from(edge + edge / 8);
        imageops::overlay(painted, &print, left, i64::from(edge / 4));
    }
}
