//! What an archive says of its images: as JSON for programs, as CSV for spreadsheets, and a word for whoever opens it.
use lapidary_contract::domain::Attribute;
use serde::Serialize;

use super::work_queries::Pictured;
use crate::gems::csv::{self, Field};

const COLUMNS: &[&str] = &[
    "file",
    "id",
    "created_at",
    "prompt",
    "attributes",
    "revised_prompt",
    "model",
    "quality",
    "width",
    "height",
    "bytes",
    "price_gems",
    "ai_generated",
    "digital_source_type",
];

/// One image of `manifest.json`.
#[derive(Serialize)]
struct Line<'a> {
    file: &'a str,
    id: uuid::Uuid,
    generation_id: uuid::Uuid,
    created_at: String,
    prompt: &'a str,
    attributes: &'a [Attribute],
    revised_prompt: Option<&'a str>,
    model: &'a str,
    quality: &'a str,
    width: i32,
    height: i32,
    bytes: i64,
    content_type: &'a str,
    price_gems: i64,
    ai_generated: bool,
    digital_source_type: &'a str,
}

pub fn json(file: &str, image: &Pictured, is_first: bool) -> Result<String, serde_json::Error> {
    let attributes = attributes(image);
    let line = serde_json::to_string(&Line {
        file,
        id: image.id,
        generation_id: image.generation_id,
        created_at: time(image),
        prompt: &image.prompt,
        attributes: &attributes,
        revised_prompt: image.revised_prompt.as_deref(),
        model: &image.model,
        quality: &image.quality,
        width: image.width,
        height: image.height,
        bytes: image.bytes,
        content_type: &image.content_type,
        price_gems: image.price_gems,
        ai_generated: true,
        digital_source_type: &image.digital_source_type,
    })?;
    Ok(format!("{}{line}", if is_first { "" } else { ",\n" }))
}

pub fn csv_head() -> String {
    csv::line(COLUMNS.iter().copied().map(Field::Plain))
}

pub fn csv_line(file: &str, image: &Pictured) -> String {
    let chosen: Vec<String> =
        attributes(image).into_iter().map(|chosen| format!("{}: {}", chosen.section, chosen.value)).collect();
    let number = |number: i64| number.to_string();
    csv::line([
        Field::Text(file),
        Field::Plain(&image.id.to_string()),
        Field::Plain(&time(image)),
        Field::Text(&image.prompt),
        Field::Text(&chosen.join("; ")),
        Field::Text(image.revised_prompt.as_deref().unwrap_or_default()),
        Field::Text(&image.model),
        Field::Text(&image.quality),
        Field::Plain(&number(image.width.into())),
        Field::Plain(&number(image.height.into())),
        Field::Plain(&number(image.bytes)),
        Field::Plain(&number(image.price_gems)),
        Field::Plain("true"),
        Field::Plain(&image.digital_source_type),
    ])
}

pub fn readme(images: usize, made_on: chrono::NaiveDate) -> String {
    format!(
        "Images from Lapidary, {made_on}\r\n\r\n\
         {images} images were asked for. Each is the original, exactly as the model gave it; Content Credentials in it are \
         untouched.\r\n\
         manifest.json and manifest.csv say of each file what it was made from: prompt, attributes, model, quality, size, \
         gems and date.\r\n\
         Every image here was made by AI; the manifests give its IPTC digital source type. Say so where you show them.\r\n"
    )
}

fn attributes(image: &Pictured) -> Vec<Attribute> {
    serde_json::from_value(image.attributes.clone()).unwrap_or_default()
}

fn time(image: &Pictured) -> String {
    image.created_at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}
