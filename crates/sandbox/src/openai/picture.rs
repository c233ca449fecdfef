//! From an order to encoded bytes. Runs on blocking threads only.
use std::io::Cursor;

use image::{DynamicImage, ImageEncoder, ImageError, RgbaImage, codecs, imageops};

use super::edits;
use super::order::{Format, Order};
use crate::painter;

/// Paints picture number `variant` of an order, or only sketches it.
pub fn paint(order: &Order, variant: u32, is_sketch: bool) -> RgbaImage {
    let mut picture = match is_sketch {
        true => sketch(order, variant),
        false => painter::paint(&order.prompt, order.width, order.height, variant, order.quality),
    };
    if let Some(edit) = &order.edit {
        edits::blend(edit, &mut picture);
    }
    if order.is_transparent {
        cut_out(&mut picture);
    }
    picture
}

/// Squares of colours that only this prompt and number have: another picture of another weight for each, in no time.
fn sketch(order: &Order, variant: u32) -> RgbaImage {
    const EDGE: u32 = 64;
    let mut hash = order
        .prompt
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    hash = hash.wrapping_add(u64::from(variant)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    RgbaImage::from_fn(order.width, order.height, |x, y| {
        let place = u64::from(x / EDGE) << 32 | u64::from(y / EDGE);
        let mixed = (hash ^ place.wrapping_mul(0xbf58_476d_1ce4_e5b9)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let [red, green, blue, ..] = mixed.to_be_bytes();
        image::Rgba([red, green, blue, 255])
    })
}

/// What a stream shows before the picture is done: number `step` of `steps`, softer the earlier it is.
pub fn partial(picture: &RgbaImage, step: u32, steps: u32) -> RgbaImage {
    let grain = 12 * (steps - step.min(steps)).max(1);
    let (width, height) = picture.dimensions();
    let rough = imageops::thumbnail(picture, (width / grain).max(2), (height / grain).max(2));
    imageops::resize(&rough, width, height, imageops::FilterType::CatmullRom)
}

pub fn encode(picture: &RgbaImage, format: Format, compression: u8) -> Result<Vec<u8>, ImageError> {
    let mut bytes = Vec::new();
    match format {
        Format::Png => {
            let has_alpha = picture.pixels().any(|pixel| pixel.0[3] < 255);
            let opaque = (!has_alpha).then(|| DynamicImage::from(picture.clone()).into_rgb8());
            let encoder = codecs::png::PngEncoder::new(Cursor::new(&mut bytes));
            match &opaque {
                Some(rgb) => encoder.write_image(rgb, rgb.width(), rgb.height(), image::ExtendedColorType::Rgb8)?,
                None => {
                    encoder.write_image(picture, picture.width(), picture.height(), image::ExtendedColorType::Rgba8)?
                }
            }
        }
        Format::Jpeg => {
            let rgb = DynamicImage::from(picture.clone()).into_rgb8();
            let quality = compression.clamp(5, 96);
            codecs::jpeg::JpegEncoder::new_with_quality(Cursor::new(&mut bytes), quality).encode_image(&rgb)?;
        }
        Format::Webp => {
            let quality = f32::from(compression.clamp(5, 96));
            let encoder = webp::Encoder::from_rgba(picture, picture.width(), picture.height());
            bytes.extend_from_slice(&encoder.encode(quality));
        }
    }
    Ok(bytes)
}

/// A transparent background: the scene stands in a soft round frame.
fn cut_out(picture: &mut RgbaImage) {
    let (width, height) = (picture.width() as f32, picture.height() as f32);
    for (x, y, pixel) in picture.enumerate_pixels_mut() {
        let (dx, dy) = ((x as f32 + 0.5) / width * 2.0 - 1.0, (y as f32 + 0.5) / height * 2.0 - 1.0);
        let wave = 0.02 * ((dy.atan2(dx) * 7.0).sin() + (dy.atan2(dx) * 3.0).cos());
        let edge = ((0.93 + wave - dx.hypot(dy)) / 0.06).clamp(0.0, 1.0);
        pixel.0[3] = (edge * edge * (3.0 - 2.0 * edge) * 255.0) as u8;
    }
}

/// A PNG whose header claims 30000 × 30000 pixels: whoever believes it allocates gigabytes.
pub fn bomb() -> Vec<u8> {
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut header = Vec::new();
    header.extend_from_slice(&30_000_u32.to_be_bytes());
    header.extend_from_slice(&30_000_u32.to_be_bytes());
    header.extend_from_slice(&[8, 6, 0, 0, 0]);
    chunk(&mut png, b"IHDR", &header);
    chunk(&mut png, b"IDAT", &[0x78, 0x01, 0x03, 0x00, 0x00, 0x00, 0x00, 0x01]);
    chunk(&mut png, b"IEND", &[]);
    png
}

fn chunk(png: &mut Vec<u8>, name: &[u8; 4], data: &[u8]) {
    png.extend_from_slice(&u32::try_from(data.len()).unwrap_or(0).to_be_bytes());
    let start = png.len();
    png.extend_from_slice(name);
    png.extend_from_slice(data);
    let sum = crc32(&png[start..]);
    png.extend_from_slice(&sum.to_be_bytes());
}

fn crc32(data: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in data {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    !crc
}
