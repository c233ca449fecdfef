//! From an uploaded file to a picture and nothing else: dimensions are known before anything is decoded, the pixels are
//! turned as they are seen and written anew, so that EXIF, GPS, XMP, comments and whatever else came along are gone.
//! CPU only: call it where blocking is allowed.
use std::io::Cursor;

use actix_web::web::Bytes;
use fast_image_resize::Resizer;
use image::codecs::{jpeg, png};
use image::metadata::Orientation;
use image::{DynamicImage, ExtendedColorType, ImageDecoder, ImageEncoder, ImageFormat, ImageReader, Limits};
use lapidary_contract::domain::ViolationCode;
use lapidary_contract::domain::limits::{
    MASK_BYTES_MAX, REFERENCE_BYTES_MAX, REFERENCE_EDGE_MAX, REFERENCE_PIXELS_MAX,
};
use webp::{PixelLayout, WebPConfig};

use super::container::{self, Kind};
use crate::images::derive;

/// Bytes one decode may take: the most pixels there may be, four bytes each, and room to work.
const DECODE_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Of 100: what is written anew should not show it.
const JPEG_QUALITY: u8 = 95;
const WEBP_QUALITY: f32 = 95.0;
const THUMBNAIL_EDGE: u32 = 512;
const THUMBNAIL_QUALITY: f32 = 78.0;
/// libwebp's effort, 0 to 6.
const EFFORT: i32 = 1;
/// Beyond so many pixels a PNG is written quickly rather than small.
const SMALL_PNG_PIXELS: u64 = 8_000_000;
/// A colour profile is a few hundred bytes; what is far more is none that we keep.
const PROFILE_MAX: usize = 4_096;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clean {
    pub bytes: Bytes,
    pub content_type: &'static str,
    /// Without a dot.
    pub extension: &'static str,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// WebP, longer edge at most 512 pixels.
    pub thumbnail: Bytes,
    /// Base64.
    pub thumbhash: String,
}

/// Why a file is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unclean {
    /// Neither PNG, JPEG nor WebP.
    UnknownType,
    Wrong(ViolationCode),
}

fn unreadable(_: impl std::fmt::Debug) -> Unclean {
    Unclean::Wrong(ViolationCode::Unreadable)
}

/// A mask is a PNG that shines through somewhere.
pub fn clean(bytes: &[u8], is_mask: bool) -> Result<Clean, Unclean> {
    let kind = container::walk(bytes)?;
    if is_mask && kind != Kind::Png {
        return Err(Unclean::Wrong(ViolationCode::NotAMask));
    }
    let (pixels, profile) = decode(bytes, kind)?;
    if is_mask && !pixels.color().has_alpha() {
        return Err(Unclean::Wrong(ViolationCode::NotAMask));
    }
    let mut resizer = Resizer::new();
    let small = derive::shrink(&pixels, THUMBNAIL_EDGE, &mut resizer).map_err(unreadable)?;
    let small = small.as_ref().unwrap_or(&pixels);
    let (thumbnail, thumbhash) =
        (webp(small, THUMBNAIL_QUALITY, false)?, derive::thumbhash(small, &mut resizer).map_err(unreadable)?);
    let (content_type, extension) = match kind {
        Kind::Png => ("image/png", "png"),
        Kind::Jpeg => ("image/jpeg", "jpg"),
        Kind::WebP { .. } => ("image/webp", "webp"),
    };
    let bytes = match kind {
        Kind::Png => png(&pixels, profile)?,
        Kind::Jpeg => jpeg(&pixels, profile)?,
        Kind::WebP { is_lossless } => webp(&pixels, WEBP_QUALITY, is_lossless)?,
    };
    if bytes.len() > if is_mask { MASK_BYTES_MAX } else { REFERENCE_BYTES_MAX } {
        return Err(Unclean::Wrong(ViolationCode::TooLarge));
    }
    let (width, height) = (pixels.width(), pixels.height());
    let (bytes, thumbnail) = (bytes.into(), thumbnail.into());
    Ok(Clean { bytes, content_type, extension, width, height, thumbnail, thumbhash })
}

/// As it is seen, in eight bits, with alpha only where something shines through; and its colour profile.
fn decode(bytes: &[u8], kind: Kind) -> Result<(DynamicImage, Option<Vec<u8>>), Unclean> {
    let format = match kind {
        Kind::Png => ImageFormat::Png,
        Kind::Jpeg => ImageFormat::Jpeg,
        Kind::WebP { .. } => ImageFormat::WebP,
    };
    let mut limits = Limits::default();
    limits.max_alloc = Some(DECODE_BYTES_MAX);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits.clone());
    let mut decoder = reader.into_decoder().map_err(unreadable)?;
    let (width, height) = decoder.dimensions();
    let is_too_large = width.max(height) > REFERENCE_EDGE_MAX
        || u64::from(width) * u64::from(height) > REFERENCE_PIXELS_MAX
        || decoder.total_bytes() > DECODE_BYTES_MAX;
    if is_too_large {
        return Err(Unclean::Wrong(ViolationCode::TooLarge));
    }
    decoder.set_limits(limits).map_err(unreadable)?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let profile = decoder.icc_profile().ok().flatten().filter(|profile| profile.len() <= PROFILE_MAX);
    let mut pixels = DynamicImage::from_decoder(decoder).map_err(unreadable)?;
    pixels = if pixels.color().has_alpha() { pixels.into_rgba8().into() } else { pixels.into_rgb8().into() };
    let is_opaque = |pixels: &DynamicImage| {
        pixels.as_rgba8().is_some_and(|pixels| pixels.pixels().all(|pixel| pixel.0.last() == Some(&u8::MAX)))
    };
    if is_opaque(&pixels) {
        pixels = pixels.into_rgb8().into();
    }
    pixels.apply_orientation(orientation);
    Ok((pixels, profile))
}

fn layout(pixels: &DynamicImage) -> ExtendedColorType {
    if pixels.color().has_alpha() { ExtendedColorType::Rgba8 } else { ExtendedColorType::Rgb8 }
}

fn png(pixels: &DynamicImage, profile: Option<Vec<u8>>) -> Result<Vec<u8>, Unclean> {
    let mut bytes = Vec::new();
    let is_large = u64::from(pixels.width()) * u64::from(pixels.height()) > SMALL_PNG_PIXELS;
    let compression = if is_large { png::CompressionType::Fast } else { png::CompressionType::Default };
    let mut encoder = png::PngEncoder::new_with_quality(&mut bytes, compression, png::FilterType::Adaptive);
    if let Some(profile) = profile {
        encoder.set_icc_profile(profile).map_err(unreadable)?;
    }
    encoder.write_image(pixels.as_bytes(), pixels.width(), pixels.height(), layout(pixels)).map_err(unreadable)?;
    Ok(bytes)
}

fn jpeg(pixels: &DynamicImage, profile: Option<Vec<u8>>) -> Result<Vec<u8>, Unclean> {
    let mut bytes = Vec::new();
    let mut encoder = jpeg::JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY);
    if let Some(profile) = profile {
        encoder.set_icc_profile(profile).map_err(unreadable)?;
    }
    encoder.write_image(pixels.as_bytes(), pixels.width(), pixels.height(), layout(pixels)).map_err(unreadable)?;
    Ok(bytes)
}

fn webp(pixels: &DynamicImage, quality: f32, is_lossless: bool) -> Result<Vec<u8>, Unclean> {
    let layout = if pixels.color().has_alpha() { PixelLayout::Rgba } else { PixelLayout::Rgb };
    let mut config = WebPConfig::new().map_err(unreadable)?;
    config.lossless = i32::from(is_lossless);
    // Without losses this is effort; colours under what is wholly transparent stay.
    config.quality = if is_lossless { 30.0 } else { quality };
    config.exact = i32::from(is_lossless);
    config.method = EFFORT;
    let encoder = webp::Encoder::new(pixels.as_bytes(), layout, pixels.width(), pixels.height());
    encoder.encode_advanced(&config).map(|bytes| bytes.to_vec()).map_err(unreadable)
}

#[cfg(test)]
pub mod pictures {
    //! Small pictures for tests, as files.
    use std::io::Cursor;

    use image::{DynamicImage, ImageFormat, Rgb, RgbImage};

    pub fn picture(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| Rgb([(x * 7 % 256) as u8, (y * 5 % 256) as u8, ((x + y) % 256) as u8]))
    }

    pub fn written(picture: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Vec::new();
        picture.into().write_to(&mut Cursor::new(&mut bytes), format).expect("written");
        bytes
    }

    pub fn png(width: u32, height: u32) -> Vec<u8> {
        written(picture(width, height), ImageFormat::Png)
    }

    pub fn jpeg(width: u32, height: u32) -> Vec<u8> {
        written(picture(width, height), ImageFormat::Jpeg)
    }

    pub fn webp(width: u32, height: u32, is_lossless: bool) -> Vec<u8> {
        if is_lossless {
            return written(picture(width, height), ImageFormat::WebP);
        }
        webp::Encoder::from_rgb(picture(width, height).as_raw(), width, height).encode(80.0).to_vec()
    }

    /// Puts a segment behind the start of a JPEG.
    pub fn with_segment(jpeg: &[u8], code: u8, data: &[u8]) -> Vec<u8> {
        let length = u16::try_from(data.len() + 2).expect("short").to_be_bytes();
        [&jpeg[..2], &[0xff, code], &length, data, &jpeg[2..]].concat()
    }

    /// EXIF, big-endian: lies on its side (orientation 6), taken at 48° north.
    pub fn exif() -> Vec<u8> {
        let mut tiff = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x02".to_vec();
        tiff.extend_from_slice(b"\x01\x12\0\x03\0\0\0\x01\0\x06\0\0");
        tiff.extend_from_slice(b"\x88\x25\0\x04\0\0\0\x01\0\0\0\x26\0\0\0\0");
        tiff.extend_from_slice(b"\0\x02\0\x01\0\x02\0\0\0\x02N\0\0\0\0\x02\0\x05\0\0\0\x03\0\0\0\x44\0\0\0\0");
        tiff.extend_from_slice(b"\0\0\0\x30\0\0\0\x01\0\0\0\x08\0\0\0\x01\0\0\0\0\0\0\0\x01GPSSECRET");
        tiff
    }
}

#[cfg(test)]
mod tests {
    use image::{Rgba, RgbaImage};

    use super::pictures::{exif, picture, with_segment, written};
    use super::*;

    fn holds(bytes: &[u8], text: &[u8]) -> bool {
        bytes.windows(text.len()).any(|window| window == text)
    }

    #[test]
    fn what_a_camera_wrote_is_gone_and_the_picture_stands_upright() {
        let plain = pictures::jpeg(60, 40);
        let told = with_segment(&plain, 0xfe, b"a comment SECRET");
        let told = with_segment(&told, 0xe1, b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta SECRET/>");
        let told = with_segment(&told, 0xe1, &exif());
        assert!(holds(&told, b"GPSSECRET"));
        let clean = clean(&told, false).expect("a picture");
        assert_eq!((clean.width, clean.height, clean.content_type), (40, 60, "image/jpeg"));
        for gone in [&b"SECRET"[..], b"Exif", b"xmpmeta"] {
            assert!(!holds(&clean.bytes, gone) && !holds(&clean.thumbnail, gone));
        }
        // Orientation 6: what was the left edge is the top, and what was the bottom is the left.
        let (before, after) =
            (image::load_from_memory(&plain).expect("read"), image::load_from_memory(&clean.bytes).expect("read"));
        let (was, is) = (before.to_rgb8().get_pixel(5, 30).0, after.to_rgb8().get_pixel(39 - 30, 5).0);
        assert!(was.iter().zip(is).all(|(a, b)| a.abs_diff(b) < 24), "{was:?} {is:?}");
    }

    #[test]
    fn text_in_a_png_and_in_a_webp_is_gone() {
        let plain = pictures::png(30, 20);
        let mut chunk = b"tEXtComment\0SECRET".to_vec();
        let mut crc = u32::MAX;
        for byte in &chunk {
            crc ^= u32::from(*byte);
            for _ in 0..8 {
                crc = if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
            }
        }
        let length = u32::try_from(chunk.len() - 4).expect("short").to_be_bytes();
        chunk.extend_from_slice(&(!crc).to_be_bytes());
        let told = [&plain[..33], &length, &chunk, &plain[33..]].concat();
        let clean_png = clean(&told, false).expect("a picture");
        assert!(holds(&told, b"SECRET") && !holds(&clean_png.bytes, b"SECRET"));
        assert_eq!(image::load_from_memory(&clean_png.bytes).expect("read").to_rgb8(), picture(30, 20));
        let lossless = clean(&pictures::webp(30, 20, true), false).expect("a picture");
        assert_eq!(image::load_from_memory(&lossless.bytes).expect("read").to_rgb8(), picture(30, 20));
    }

    #[test]
    fn a_mask_is_a_png_that_shines_through() {
        let mask = |alpha| {
            written(
                RgbaImage::from_fn(20, 20, |x, _| Rgba([0, 0, 0, if x < 9 { alpha } else { 255 }])),
                ImageFormat::Png,
            )
        };
        let cleaned = clean(&mask(0), true).expect("a mask");
        let pixels = image::load_from_memory(&cleaned.bytes).expect("read").into_rgba8();
        assert_eq!((pixels.get_pixel(3, 3).0[3], pixels.get_pixel(12, 3).0[3]), (0, 255));
        let no_mask = Err(Unclean::Wrong(ViolationCode::NotAMask));
        assert_eq!(clean(&mask(255), true), no_mask);
        assert_eq!(clean(&pictures::jpeg(20, 20), true), no_mask);
    }

    #[test]
    fn a_picture_whose_pixels_are_broken_is_unreadable() {
        let mut broken = pictures::png(300, 200);
        let middle = broken.len() / 2;
        broken[middle..middle + 40].fill(0x55);
        assert_eq!(clean(&broken, false), Err(Unclean::Wrong(ViolationCode::Unreadable)));
    }
}
