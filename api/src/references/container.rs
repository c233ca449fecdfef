//! Walks the container of a picture from its first byte to its last: what kind it is, whether it moves, and whether
//! something else hides behind it. Decodes nothing.
use super::clean::Unclean;
use lapidary_contract::domain::ViolationCode;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Png,
    Jpeg,
    /// Lossy or not: it is written again as it was.
    WebP {
        is_lossless: bool,
    },
}

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

pub fn walk(bytes: &[u8]) -> Result<Kind, Unclean> {
    if bytes.starts_with(PNG) {
        return png(bytes);
    }
    if bytes.starts_with(b"\xff\xd8\xff") {
        return jpeg(bytes);
    }
    if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        return webp(bytes);
    }
    Err(Unclean::UnknownType)
}

fn cut() -> Unclean {
    Unclean::Wrong(ViolationCode::Unreadable)
}

fn number<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], Unclean> {
    bytes.get(at..at.saturating_add(N)).and_then(|piece| piece.try_into().ok()).ok_or_else(cut)
}

fn length(number: u32) -> Result<usize, Unclean> {
    usize::try_from(number).map_err(|_| cut())
}

/// Length, name, data, checksum; from IHDR to IEND.
fn png(bytes: &[u8]) -> Result<Kind, Unclean> {
    let mut at = PNG.len();
    loop {
        let data = length(u32::from_be_bytes(number(bytes, at)?))?;
        let name: [u8; 4] = number(bytes, at.saturating_add(4))?;
        let next = at.saturating_add(12).saturating_add(data);
        if next > bytes.len() {
            return Err(cut());
        }
        match &name {
            b"acTL" => return Err(Unclean::Wrong(ViolationCode::Animated)),
            b"IEND" => return ends(bytes, next).map(|()| Kind::Png),
            _ => at = next,
        }
    }
}

/// Chunks in a RIFF of exactly this length.
fn webp(bytes: &[u8]) -> Result<Kind, Unclean> {
    let end = length(u32::from_le_bytes(number(bytes, 4)?))?.saturating_add(8);
    if end > bytes.len() {
        return Err(cut());
    }
    ends(bytes, end)?;
    let (mut at, mut kind) = (12, None);
    while at < end {
        let name: [u8; 4] = number(bytes, at)?;
        let data = length(u32::from_le_bytes(number(bytes, at.saturating_add(4))?))?;
        match &name {
            b"ANIM" | b"ANMF" => return Err(Unclean::Wrong(ViolationCode::Animated)),
            b"VP8 " => kind = Some(Kind::WebP { is_lossless: false }),
            b"VP8L" => kind = Some(Kind::WebP { is_lossless: true }),
            _ => {}
        }
        // Chunks begin at even offsets.
        at = at.saturating_add(8).saturating_add(data).saturating_add(data % 2);
    }
    if at > end.saturating_add(1) {
        return Err(cut());
    }
    kind.ok_or_else(cut)
}

/// Segments up to a scan, the scan's entropy-coded bytes, and so on until the end of the image.
fn jpeg(bytes: &[u8]) -> Result<Kind, Unclean> {
    let mut at = 2;
    loop {
        let [mark, code]: [u8; 2] = number(bytes, at)?;
        match (mark, code) {
            // Any number of fill bytes may stand before a marker.
            (0xff, 0xff) => at += 1,
            (0xff, 0xd9) => return ends_as_phones_do(bytes, at + 2).map(|()| Kind::Jpeg),
            (0xff, 0x01 | 0xd0..=0xd7) => at += 2,
            (0xff, 0x02..=0xfe) => {
                let data = usize::from(u16::from_be_bytes(number(bytes, at + 2)?));
                if data < 2 {
                    return Err(cut());
                }
                at = at.saturating_add(2).saturating_add(data);
                if code == 0xda {
                    at = after_scan(bytes, at)?;
                }
            }
            _ => return Err(cut()),
        }
    }
}

/// The first marker that is neither a stuffed zero nor a restart.
fn after_scan(bytes: &[u8], from: usize) -> Result<usize, Unclean> {
    let scan = bytes.get(from..).ok_or_else(cut)?;
    let marker = scan.windows(2).position(|pair| matches!(pair, [0xff, 0x01..=0xcf | 0xd8..=0xfe]));
    marker.map(|at| from.saturating_add(at)).ok_or_else(cut)
}

fn ends(bytes: &[u8], at: usize) -> Result<(), Unclean> {
    match bytes.get(at..) {
        Some([] | [0]) => Ok(()),
        Some(_) => Err(Unclean::Wrong(ViolationCode::HasMore)),
        None => Err(cut()),
    }
}

/// Cameras put more pictures behind the first (CIPA DC-007: a gain map, a depth map), and one maker a list of its own that
/// ends in SEFT. Nobody's photograph is refused for that; none of it is kept. Everything else is refused.
fn ends_as_phones_do(bytes: &[u8], at: usize) -> Result<(), Unclean> {
    let more = bytes.get(at..).ok_or_else(cut)?;
    let is_padding = more.iter().all(|byte| *byte == 0);
    let holds_a_program =
        [&b"PK\x03\x04"[..], b"%PDF-", b"<html", b"<script", b"<svg", b"<?php", b"MZ\x90", b"\x7fELF"]
            .iter()
            .any(|sign| more.windows(sign.len()).any(|window| window.eq_ignore_ascii_case(sign)));
    let is_usual = more.starts_with(b"\xff\xd8\xff") || more.ends_with(b"SEFT");
    if is_padding || (is_usual && !holds_a_program) { Ok(()) } else { Err(Unclean::Wrong(ViolationCode::HasMore)) }
}

#[cfg(test)]
mod tests {
    use super::super::clean::pictures::{jpeg, png, webp};
    use super::*;

    fn refused(bytes: &[u8]) -> Option<ViolationCode> {
        match walk(bytes) {
            Ok(_) => None,
            Err(Unclean::Wrong(code)) => Some(code),
            Err(Unclean::UnknownType) => panic!("an unknown type"),
        }
    }

    #[test]
    fn whole_pictures_are_walked_to_their_end() {
        assert_eq!(walk(&png(30, 20)), Ok(Kind::Png));
        assert_eq!(walk(&jpeg(30, 20)), Ok(Kind::Jpeg));
        assert_eq!(walk(&webp(30, 20, true)), Ok(Kind::WebP { is_lossless: true }));
        assert_eq!(walk(&webp(30, 20, false)), Ok(Kind::WebP { is_lossless: false }));
    }

    #[test]
    fn what_is_cut_anywhere_is_unreadable() {
        for whole in [png(30, 20), jpeg(30, 20), webp(30, 20, true), webp(30, 20, false)] {
            for length in [13, 20, whole.len() / 2, whole.len() - 2] {
                assert_eq!(refused(&whole[..length]), Some(ViolationCode::Unreadable), "cut at {length}");
            }
        }
    }

    #[test]
    fn what_stands_behind_the_picture_is_refused_unless_cameras_put_it_there() {
        for whole in [png(30, 20), jpeg(30, 20), webp(30, 20, true)] {
            for more in [&b"PK\x03\x04zip"[..], b"<html><script>alert(1)</script>", b"%PDF-1.7", b"GIF89a", b"MZ\x90"] {
                assert_eq!(refused(&[&whole, more].concat()), Some(ViolationCode::HasMore));
            }
        }
        let photograph = jpeg(30, 20);
        for more in [&b"\0\0\0\0"[..], &jpeg(8, 8), b"\0\0Image_UTC_Data1\0\0SEFT"] {
            assert_eq!(refused(&[&photograph, more].concat()), None);
        }
        let hidden = [&photograph[..], &jpeg(8, 8), b"PK\x03\x04zip"].concat();
        assert_eq!(refused(&hidden), Some(ViolationCode::HasMore));
    }

    #[test]
    fn what_is_no_picture_we_take_is_of_an_unknown_type() {
        let svg = b"<svg xmlns='http://www.w3.org/2000/svg'/>";
        for bytes in
            [&b""[..], b"GIF89a\x01\0\x01\0", svg, b"%PDF-1.7", b"<!doctype html>", b"PK\x03\x04", b"RIFF\0\0\0\0WAVE"]
        {
            assert_eq!(walk(bytes), Err(Unclean::UnknownType));
        }
    }
}
