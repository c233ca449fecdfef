//! Pictures from words.
pub fn paint(prompt: &str, width: u32, height: u32, variant: u32, _quality: &str) -> image::RgbaImage {
    let s = prompt.bytes().fold(variant, |a, b| a.wrapping_mul(31).wrapping_add(u32::from(b)));
    image::RgbaImage::from_fn(width, height, |x, y| image::Rgba([(x ^ s) as u8, (y ^ (s >> 8)) as u8, (s >> 16) as u8, 255]))
}
