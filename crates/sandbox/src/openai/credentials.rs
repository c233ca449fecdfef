//! Content Credentials as the GPT image models put them into their pictures: a C2PA manifest store where each format keeps one.
//! Of the right structure and without a claim or a signature: nobody can take a sandbox's picture for a sealed one.
use super::order::Format;

const LABEL: &str = "urn:c2pa:00000000-0000-4000-8000-000000000000:sandbox";
const ACTIONS: &str = concat!(
    r#"{"actions":[{"action":"c2pa.created","softwareAgent":"Lapidary's sandbox","#,
    r#""digitalSourceType":"http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"}]}"#
);

/// The same picture with credentials; as it was where it is none of this format.
pub fn embed(picture: Vec<u8>, format: Format) -> Vec<u8> {
    let store = manifest_store();
    match format {
        // Behind the header, which is 25 bytes and the first chunk.
        Format::Png if picture.len() > 33 => {
            let mut chunk = Vec::new();
            super::picture::chunk(&mut chunk, b"caBX", &store);
            insert(picture, 33, &chunk)
        }
        Format::Jpeg if picture.len() > 2 => {
            // APP11: `JP`, the box's number, the piece's number, the box.
            let data = [&b"JP\x02\x11\0\0\0\x01"[..], &store].concat();
            let length = u16::try_from(data.len() + 2).unwrap_or(u16::MAX).to_be_bytes();
            insert(picture, 2, &[&b"\xff\xeb"[..], &length, &data].concat())
        }
        Format::Webp if picture.len() > 12 => in_webp(picture, &store),
        Format::Png | Format::Jpeg | Format::Webp => picture,
    }
}

fn insert(mut picture: Vec<u8>, at: usize, piece: &[u8]) -> Vec<u8> {
    let rest = picture.split_off(at);
    picture.extend_from_slice(piece);
    picture.extend_from_slice(&rest);
    picture
}

fn in_webp(mut picture: Vec<u8>, store: &[u8]) -> Vec<u8> {
    picture.extend_from_slice(b"C2PA");
    picture.extend_from_slice(&u32::try_from(store.len()).unwrap_or(0).to_le_bytes());
    picture.extend_from_slice(store);
    if !store.len().is_multiple_of(2) {
        picture.push(0);
    }
    let length = u32::try_from(picture.len() - 8).unwrap_or(0).to_le_bytes();
    picture[4..8].copy_from_slice(&length);
    picture
}

/// Store → manifest → assertions → what was done.
fn manifest_store() -> Vec<u8> {
    let actions = superbox(b"json", "c2pa.actions", &jumbf(b"json", ACTIONS.as_bytes()));
    let assertions = superbox(b"c2as", "c2pa.assertions", &actions);
    superbox(b"c2pa", "c2pa", &superbox(b"c2ma", LABEL, &assertions))
}

/// Says first what it is: its type (four letters in a UUID of JUMBF's), that it can be asked for, its label.
fn superbox(kind: &[u8; 4], label: &str, content: &[u8]) -> Vec<u8> {
    const REST_OF_TYPE: &[u8; 12] = b"\x00\x11\x00\x10\x80\x00\x00\xaa\x00\x38\x9b\x71";
    let description = [&kind[..], REST_OF_TYPE, b"\x03", label.as_bytes(), b"\0"].concat();
    jumbf(b"jumb", &[&jumbf(b"jumd", &description)[..], content].concat())
}

fn jumbf(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len() + 8).unwrap_or(0).to_be_bytes();
    [&length[..], kind, data].concat()
}
