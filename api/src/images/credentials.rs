//! Whether an original carries Content Credentials (C2PA): a manifest store where each format keeps one. Only looks: whether the
//! seal holds is for whoever checks it against the bytes, which are never altered. Bounded, and never panics.

/// The type of a JUMBF box that is a C2PA manifest store.
const MANIFEST_STORE: &[u8] = b"c2pa\x00\x11\x00\x10\x80\x00\x00\xaa\x00\x38\x9b\x71";
/// Chunks or segments looked at; no picture has as many before its credentials.
const PIECES_MAX: usize = 100_000;

/// False for what is no PNG, JPEG or WebP.
pub fn has_content_credentials(original: &[u8]) -> bool {
    if let Some(chunks) = original.strip_prefix(b"\x89PNG\r\n\x1a\n") {
        pieces(chunks, png_chunk).any(|(name, data)| name == b"caBX" && is_manifest_store(data))
    } else if let Some(segments) = original.strip_prefix(b"\xff\xd8") {
        pieces(segments, jpeg_segment).any(|(marker, data)| {
            // APP11: `JP`, the number of the box (2 bytes), of the piece of it (4 bytes), then the box.
            let boxed = data.strip_prefix(b"JP").and_then(|data| data.get(6..));
            marker == [0xff, 0xeb] && boxed.is_some_and(is_manifest_store)
        })
    } else if let Some(chunks) = original.strip_prefix(b"RIFF").and_then(|rest| rest.get(4..)?.strip_prefix(b"WEBP")) {
        pieces(chunks, riff_chunk).any(|(name, data)| name == b"C2PA" && is_manifest_store(data))
    } else {
        false
    }
}

/// A box (length, `jumb`) that begins with its description (length, `jumd`, type).
fn is_manifest_store(data: &[u8]) -> bool {
    data.get(4..8) == Some(b"jumb") && data.get(12..16) == Some(b"jumd") && data.get(16..32) == Some(MANIFEST_STORE)
}

/// Name, data, and what follows.
type Piece<'a> = (&'a [u8], &'a [u8], &'a [u8]);

fn pieces<'a>(
    mut rest: &'a [u8],
    next: impl Fn(&'a [u8]) -> Option<Piece<'a>>,
) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
    let all = std::iter::from_fn(move || {
        let (name, data, after) = next(rest)?;
        rest = after;
        Some((name, data))
    });
    all.take(PIECES_MAX)
}

/// Length, name, data, checksum.
fn png_chunk(bytes: &[u8]) -> Option<Piece<'_>> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (name, rest) = rest.split_at_checked(4)?;
    let (data, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    Some((name, data, rest.get(4..)?))
}

/// Marker, then a length that counts itself. After the start of a scan come pixels: credentials stand before.
fn jpeg_segment(bytes: &[u8]) -> Option<Piece<'_>> {
    let (marker, rest) = bytes.split_at_checked(2)?;
    if marker == [0xff, 0xda] || marker.first() != Some(&0xff) {
        return None;
    }
    // A marker may be filled up with more of its first byte.
    if marker == [0xff, 0xff] {
        return Some((marker, &[], bytes.get(1..)?));
    }
    let (length, rest) = rest.split_first_chunk::<2>()?;
    let (data, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)).checked_sub(2)?)?;
    Some((marker, data, rest))
}

/// Name, length, data; the next one begins at an even offset.
fn riff_chunk(bytes: &[u8]) -> Option<Piece<'_>> {
    let (name, rest) = bytes.split_at_checked(4)?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let (data, rest) = rest.split_at_checked(length)?;
    Some((name, data, rest.get(length % 2..).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use image::{DynamicImage, ImageFormat, RgbImage};

    /// Signed by c2patool's library with a certificate made for this; its own reader finds their seals whole.
    const SIGNED: [&[u8]; 3] = [
        include_bytes!("../../tests/fixtures/credentials/signed.png"),
        include_bytes!("../../tests/fixtures/credentials/signed.jpg"),
        include_bytes!("../../tests/fixtures/credentials/signed.webp"),
    ];

    #[test]
    fn credentials_are_found_in_every_format_and_in_no_plain_picture() {
        for signed in SIGNED {
            assert!(has_content_credentials(signed));
        }
        let picture = DynamicImage::from(RgbImage::new(40, 30));
        for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP] {
            let mut bytes = Vec::new();
            picture.write_to(&mut Cursor::new(&mut bytes), format).expect("written");
            assert!(!has_content_credentials(&bytes), "{format:?}");
        }
    }

    #[test]
    fn a_name_alone_is_no_credentials() {
        for (at, signed) in SIGNED.iter().enumerate() {
            let mut bytes = signed.to_vec();
            let store = bytes.windows(16).position(|bytes| bytes == MANIFEST_STORE).expect("a manifest store");
            bytes[store] = b'x';
            assert!(!has_content_credentials(&bytes), "{at}");
        }
        assert!(!has_content_credentials(b"\x89PNG\r\n\x1a\n\0\0\0\x04caBXc2pa\0\0\0\0"));
    }

    #[test]
    fn a_length_that_lies_ends_the_search() {
        for bytes in
            [&b"\x89PNG\r\n\x1a\n\xff\xff\xff\xffcaBX"[..], b"\xff\xd8\xff\xeb\0\0", b"RIFF\0\0\0\0WEBPC2PA\xff"]
        {
            assert!(!has_content_credentials(bytes));
        }
        assert!(!has_content_credentials(&[&b"\xff\xd8"[..], &[0xff; 1_000_000]].concat()));
    }

    #[test]
    fn no_cut_and_no_damage_makes_it_panic() {
        for signed in SIGNED {
            for at in 0..signed.len() {
                has_content_credentials(&signed[..at]);
                for damage in [0x01, 0x7f, 0x80, 0xff] {
                    let mut bytes = signed.to_vec();
                    bytes[at] ^= damage;
                    has_content_credentials(&bytes);
                }
            }
        }
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let starts: [&[u8]; 5] = [b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8", b"RIFF\0\0\0\0WEBP", b"RIFF"];
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        for round in 0..200_000_usize {
            let mut bytes = starts[round % starts.len()].to_vec();
            for _ in 0..round % 60 {
                // xorshift; zeros often, so that lengths are small and the search goes on.
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                bytes.push(if state.is_multiple_of(3) { 0 } else { (state >> 32) as u8 });
            }
            has_content_credentials(&bytes);
        }
    }
}
