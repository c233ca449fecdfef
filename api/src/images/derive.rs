//! From the bytes of an original to what is shown before it: type by sniffing, two WebP thumbnails, a ThumbHash.
//! CPU only: call it where blocking is allowed. Never changes the original, never decodes before the limits were checked.
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fast_image_resize::Resizer;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};
use webp::{PixelLayout, WebPConfig};

use super::mark::mark;

/// Pixels of the longer edge at most.
const EDGE_MAX: u32 = 8_192;
/// Pixels at most.
const PIXELS_MAX: u64 = 40_000_000;
/// Bytes one decode may take: all the pixels there may be, four bytes each, and room to work.
const DECODE_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Pixels of the longer edge.
const THUMBNAIL_EDGE: u32 = 512;
const PREVIEW_EDGE: u32 = 1_280;
/// Of what is shown while a picture is made.
const SKETCH_EDGE: u32 = 768;
const THUMBHASH_EDGE: u32 = 100;
const THUMBNAIL_QUALITY: f32 = 78.0;
const PREVIEW_QUALITY: f32 = 80.0;
const SKETCH_QUALITY: f32 = 70.0;
/// libwebp's effort, 0 to 6. From 3 on a megapixel takes 100 ms and more, for 7 % fewer bytes.
const EFFORT: i32 = 1;

#[derive(Clone, Copy)]
enum ImageKind {
    Png,
    Jpeg,
    WebP,
}

/// What the first bytes of an original say; the rest may still be broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Found by looking at the bytes.
    pub content_type: &'static str,
    /// Without a dot.
    pub extension: &'static str,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

/// What is made from an original; the original itself is stored as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Derived {
    pub original: Look,
    /// WebP, longer edge at most 512 pixels.
    pub thumbnail: Vec<u8>,
    /// WebP, longer edge at most 1,280 pixels.
    pub preview: Vec<u8>,
    /// Base64.
    pub thumbhash: String,
}

#[derive(Debug, thiserror::Error)]
pub enum NotAnImage {
    #[error("the bytes are neither PNG, JPEG nor WebP")]
    UnknownType,
    #[error("{width} x {height} pixels are more than is read")]
    TooLarge { width: u32, height: u32 },
    #[error("the bytes cannot be read as a picture: {0}")]
    Broken(String),
}

impl ImageKind {
    fn sniff(bytes: &[u8]) -> Option<Self> {
        match image::guess_format(bytes).ok()? {
            ImageFormat::Png => Some(Self::Png),
            ImageFormat::Jpeg => Some(Self::Jpeg),
            ImageFormat::WebP => Some(Self::WebP),
            _ => None,
        }
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::WebP => "image/webp",
        }
    }

    fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::WebP => "webp",
        }
    }

    fn format(self) -> ImageFormat {
        match self {
            Self::Png => ImageFormat::Png,
            Self::Jpeg => ImageFormat::Jpeg,
            Self::WebP => ImageFormat::WebP,
        }
    }
}

/// Reads the header only.
pub fn look(bytes: &[u8]) -> Result<Look, NotAnImage> {
    let kind = ImageKind::sniff(bytes).ok_or(NotAnImage::UnknownType)?;
    let (width, height) = reader(bytes, kind).into_dimensions().map_err(broken)?;
    if width.max(height) > EDGE_MAX || u64::from(width) * u64::from(height) > PIXELS_MAX {
        return Err(NotAnImage::TooLarge { width, height });
    }
    Ok(Look { content_type: kind.content_type(), extension: kind.extension(), width, height })
}

/// A rough look at a picture under way: WebP, longer edge at most 768 pixels.
pub fn sketch(bytes: &[u8]) -> Result<Vec<u8>, NotAnImage> {
    look(bytes)?;
    let rough = decode(bytes)?;
    let small = shrink(&rough, SKETCH_EDGE, &mut Resizer::new())?;
    encode(small.as_ref().unwrap_or(&rough), SKETCH_QUALITY)
}

/// Decodes once, then only makes smaller: a thumbnail is never larger than its original.
pub fn derive(bytes: &[u8]) -> Result<Derived, NotAnImage> {
    let look = look(bytes)?;
    let original = decode(bytes)?;
    let mut resizer = Resizer::new();
    let large = shrink(&original, PREVIEW_EDGE, &mut resizer)?;
    let large = large.as_ref().unwrap_or(&original);
    let small = shrink(large, THUMBNAIL_EDGE, &mut resizer)?;
    let small = small.as_ref().unwrap_or(large);
    Ok(Derived {
        original: look,
        thumbnail: encode(small, THUMBNAIL_QUALITY)?,
        preview: encode(large, PREVIEW_QUALITY)?,
        thumbhash: thumbhash(small, &mut resizer)?,
    })
}

fn broken(error: impl std::fmt::Display) -> NotAnImage {
    NotAnImage::Broken(error.to_string())
}

fn reader(bytes: &[u8], kind: ImageKind) -> ImageReader<std::io::Cursor<&[u8]>> {
    let mut reader = ImageReader::with_format(std::io::Cursor::new(bytes), kind.format());
    let mut limits = Limits::default();
    limits.max_alloc = Some(DECODE_BYTES_MAX);
    reader.limits(limits);
    reader
}

/// RGB, or RGBA where something shines through. Only what [`look`] allowed.
fn decode(bytes: &[u8]) -> Result<DynamicImage, NotAnImage> {
    let kind = ImageKind::sniff(bytes).ok_or(NotAnImage::UnknownType)?;
    let mut decoder = reader(bytes, kind).into_decoder().map_err(broken)?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(DECODE_BYTES_MAX);
    limits.reserve(decoder.total_bytes()).map_err(broken)?;
    decoder.set_limits(limits).map_err(broken)?;
    let decoded = DynamicImage::from_decoder(decoder).map_err(broken)?;
    if !decoded.color().has_alpha() {
        return Ok(decoded.into_rgb8().into());
    }
    let pixels = decoded.into_rgba8();
    if pixels.pixels().all(|pixel| pixel.0.last() == Some(&u8::MAX)) {
        return Ok(DynamicImage::from(pixels).into_rgb8().into());
    }
    Ok(pixels.into())
}

/// `None` when it is small enough already.
pub fn shrink(image: &DynamicImage, edge: u32, resizer: &mut Resizer) -> Result<Option<DynamicImage>, NotAnImage> {
    let long = image.width().max(image.height());
    if long <= edge {
        return Ok(None);
    }
    let scaled = |length: u32| {
        let rounded = (u64::from(length) * u64::from(edge) + u64::from(long) / 2) / u64::from(long);
        u32::try_from(rounded).unwrap_or(edge).max(1)
    };
    let mut smaller = DynamicImage::new(scaled(image.width()), scaled(image.height()), image.color());
    resizer.resize(image, &mut smaller, None).map_err(broken)?;
    Ok(Some(smaller))
}

fn encode(image: &DynamicImage, quality: f32) -> Result<Vec<u8>, NotAnImage> {
    let layout = if image.color().has_alpha() { PixelLayout::Rgba } else { PixelLayout::Rgb };
    let mut config = WebPConfig::new().map_err(|()| broken("libwebp of another version"))?;
    config.quality = quality;
    config.method = EFFORT;
    let encoder = webp::Encoder::new(image.as_bytes(), layout, image.width(), image.height());
    let encoded = encoder.encode_advanced(&config).map_err(|error| NotAnImage::Broken(format!("{error:?}")))?;
    mark(&encoded, image.width(), image.height()).ok_or_else(|| broken("libwebp wrote no WebP"))
}

/// Base64.
pub fn thumbhash(image: &DynamicImage, resizer: &mut Resizer) -> Result<String, NotAnImage> {
    let tiny = shrink(image, THUMBHASH_EDGE, resizer)?;
    let pixels = tiny.as_ref().unwrap_or(image).to_rgba8();
    let edge = |length: u32| usize::try_from(length).map_err(broken);
    let hash = thumbhash::rgba_to_thumb_hash(edge(pixels.width())?, edge(pixels.height())?, pixels.as_raw());
    Ok(STANDARD.encode(hash))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use image::{Rgb, RgbImage, Rgba, RgbaImage};

    use super::*;

    fn picture(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| Rgb([(x % 256) as u8, (y % 256) as u8, ((x * y) % 199) as u8]))
    }

    fn written(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Vec::new();
        picture.write_to(&mut Cursor::new(&mut bytes), format).expect("written");
        bytes
    }

    fn size_of(webp: &[u8]) -> (u32, u32) {
        let read = image::load_from_memory_with_format(webp, ImageFormat::WebP).expect("a WebP picture");
        (read.width(), read.height())
    }

    /// A PNG of this size, as its header says; there are no pixels in it.
    fn only_a_header(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = written(&picture(1, 1).into(), ImageFormat::Png);
        bytes[16..20].copy_from_slice(&width.to_be_bytes());
        bytes[20..24].copy_from_slice(&height.to_be_bytes());
        let mut crc = u32::MAX;
        for byte in &bytes[12..29] {
            crc ^= u32::from(*byte);
            for _ in 0..8 {
                crc = if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
            }
        }
        bytes[29..33].copy_from_slice(&(!crc).to_be_bytes());
        bytes
    }

    #[test]
    fn the_type_is_what_the_bytes_are() {
        let picture = DynamicImage::from(picture(64, 48));
        for (format, content_type, extension) in [
            (ImageFormat::Png, "image/png", "png"),
            (ImageFormat::Jpeg, "image/jpeg", "jpg"),
            (ImageFormat::WebP, "image/webp", "webp"),
        ] {
            let derived = derive(&written(&picture, format)).expect(extension);
            let look = Look { content_type, extension, width: 64, height: 48 };
            assert_eq!(derived.original, look);
        }
    }

    #[test]
    fn thumbnails_keep_the_shape_and_are_never_larger_than_the_original() {
        for (original, thumbnail, preview) in [
            ((1024, 1536), (341, 512), (853, 1280)),
            ((2048, 2048), (512, 512), (1280, 1280)),
            ((600, 400), (512, 341), (600, 400)),
            ((3000, 1000), (512, 171), (1280, 427)),
            ((8192, 2), (512, 1), (1280, 1)),
            ((1, 1), (1, 1), (1, 1)),
        ] {
            let bytes = written(&picture(original.0, original.1).into(), ImageFormat::Png);
            let derived = derive(&bytes).expect("a picture");
            assert_eq!((derived.original.width, derived.original.height), original);
            assert!(sketch(&bytes).map(|small| size_of(&small)).expect("a sketch").0 <= SKETCH_EDGE);
            assert_eq!((size_of(&derived.thumbnail), size_of(&derived.preview)), (thumbnail, preview), "{original:?}");
            assert!((5..=25).contains(&STANDARD.decode(&derived.thumbhash).expect("base64").len()));
        }
    }

    #[test]
    fn what_shines_through_still_does_and_opaque_alpha_is_dropped() {
        let alpha_of = |alpha: u8| {
            let picture = RgbaImage::from_fn(700, 700, |x, _| Rgba([200, 10, 10, if x < 350 { alpha } else { 255 }]));
            let derived = derive(&written(&picture.into(), ImageFormat::Png)).expect("a picture");
            image::load_from_memory(&derived.thumbnail).expect("a thumbnail")
        };
        assert!(!alpha_of(255).color().has_alpha());
        let see_through = alpha_of(0).into_rgba8();
        assert_eq!(see_through.get_pixel(10, 10).0[3], 0);
        assert_eq!(see_through.get_pixel(500, 10).0[3], 255);
    }

    #[test]
    fn a_thumbnail_looks_like_its_original() {
        let original =
            RgbImage::from_fn(1600, 1600, |x, _| if x < 800 { Rgb([220, 30, 30]) } else { Rgb([30, 30, 220]) });
        let derived = derive(&written(&original.into(), ImageFormat::Png)).expect("a picture");
        for webp in [&derived.thumbnail, &derived.preview] {
            let small = image::load_from_memory(webp).expect("a thumbnail").into_rgb8();
            let [red, _, _] = small.get_pixel(small.width() / 4, small.height() / 2).0;
            let [_, _, blue] = small.get_pixel(small.width() * 3 / 4, small.height() / 2).0;
            assert!(red > 200 && blue > 200, "{red} {blue}");
        }
    }

    #[test]
    fn a_bomb_is_refused_by_its_header() {
        for (width, height) in [(30_000, 30_000), (8_193, 1), (8_192, 8_192), (u32::MAX / 2, u32::MAX / 2)] {
            match derive(&only_a_header(width, height)) {
                Err(NotAnImage::TooLarge { width: w, height: h }) => assert_eq!((w, h), (width, height)),
                Err(NotAnImage::Broken(_)) if width > 1_000_000 => {}
                other => panic!("{width} x {height}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_truncated_picture_is_refused() {
        for format in [ImageFormat::Png, ImageFormat::WebP] {
            let whole = written(&picture(300, 200).into(), format);
            for length in [12, 40, whole.len() / 2, whole.len() - 40] {
                assert!(derive(&whole[..length]).is_err(), "{format:?} cut at {length}");
            }
        }
    }

    #[test]
    fn what_is_no_png_jpeg_or_webp_is_refused() {
        let gif = b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";
        for bytes in [&b""[..], b"x", b"{\"error\":\"busy\"}", b"<svg xmlns='http://www.w3.org/2000/svg'/>", gif] {
            assert!(matches!(derive(bytes), Err(NotAnImage::UnknownType)));
        }
    }
}
