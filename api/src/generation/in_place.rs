//! Base64 that is decoded where it lies: a picture of many megabytes is never in memory as text and as bytes at once.
use std::ops::Range;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Characters decoded at once: whole groups of four.
const PIECE: usize = 8 * 1024;
/// Some servers leave the padding away.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Where the bytes are then. They are shorter than their text: they overtake nothing that is still to be read.
pub fn decode(buffer: &mut [u8], range: Range<usize>) -> Option<Range<usize>> {
    let mut decoded = [0; PIECE / 4 * 3 + 3];
    let (mut read, mut written) = (range.start, range.start);
    while read < range.end {
        let end = range.end.min(read + PIECE);
        let length = BASE64.decode_slice(buffer.get(read..end)?, &mut decoded).ok()?;
        buffer.get_mut(written..written + length)?.copy_from_slice(decoded.get(..length)?);
        (read, written) = (end, written + length);
    }
    Some(range.start..written)
}

/// The same for text that lies elsewhere; some servers wrap its lines.
pub fn decode_apart(text: &str) -> Option<Vec<u8>> {
    let text: String = text.chars().filter(|letter| !letter.is_whitespace()).collect();
    BASE64.decode(text).ok()
}
