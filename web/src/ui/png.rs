//! Pixels as a PNG, stored and not compressed: small enough for an address of its own. Hundreds of pictures are looked at in a
//! moment, and a background is light where a canvas each is a layer to compose and a context to clean up.
use super::thumb::Pixels;

const SIGNATURE: [u8; 8] = [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n'];
/// Eight bits of red, green, blue and alpha; nothing interlaced.
const RGBA: [u8; 5] = [8, 6, 0, 0, 0];
/// A zlib stream whose only block is the last one, and stored.
const STORED: [u8; 3] = [0x78, 0x01, 1];
const NO_FILTER: u8 = 0;

/// None for more than a stored block takes: 65,535 bytes.
pub fn png(pixels: &Pixels) -> Option<Vec<u8>> {
    let line = usize::from(pixels.width) * 4;
    let lines: Vec<u8> =
        pixels.rgba.chunks(line.max(1)).flat_map(|line| [NO_FILTER].into_iter().chain(line.iter().copied())).collect();
    let length = u16::try_from(lines.len()).ok()?;
    let mut data = STORED.to_vec();
    data.extend(length.to_le_bytes());
    data.extend((!length).to_le_bytes());
    data.extend(&lines);
    data.extend(adler32(&lines).to_be_bytes());
    let mut header = u32::from(pixels.width).to_be_bytes().to_vec();
    header.extend(u32::from(pixels.height).to_be_bytes());
    header.extend(RGBA);
    let mut file = SIGNATURE.to_vec();
    for (kind, body) in [(b"IHDR", header), (b"IDAT", data), (b"IEND", Vec::new())] {
        file.extend(u32::try_from(body.len()).ok()?.to_be_bytes());
        let checked = [kind.as_slice(), &body].concat();
        file.extend(&checked);
        file.extend(crc32(&checked).to_be_bytes());
    }
    Some(file)
}

fn crc32(bytes: &[u8]) -> u32 {
    let shifted = |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), shifted))
}

fn adler32(bytes: &[u8]) -> u32 {
    let (low, high) = bytes.iter().fold((1, 0), |(low, high), byte| {
        let low = (low + u32::from(*byte)) % 65_521;
        (low, (high + low) % 65_521)
    });
    high << 16 | low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_the_formats() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b"IEND"), 0xae42_6082);
        assert_eq!(adler32(b"Wikipedia"), 0x11e6_0398);
    }

    /// Red, and a blue half clear: the bytes that another implementation reads as these.
    #[test]
    fn two_pixels_are_a_file() {
        let file = png(&Pixels { width: 2, height: 1, rgba: vec![255, 0, 0, 255, 0, 0, 255, 128] }).unwrap();
        let hex: String = file.iter().map(|byte| format!("{byte:02x}")).collect();
        let header = "89504e470d0a1a0a0000000d4948445200000002000000010806000000f4227f8a";
        let data = "00000014494441547801010900f6ff00ff0000ff0000ff800f7a037e4a6e700c";
        assert_eq!(hex, format!("{header}{data}0000000049454e44ae426082"));
        assert!(png(&Pixels { width: 1, height: 20_000, rgba: vec![0; 80_000] }).is_none());
    }
}
