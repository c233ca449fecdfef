//! Writes into a derived WebP how a model made it: IPTC DigitalSourceType in an XMP chunk.
//! Never touches an original: its own seal (C2PA) would break.

const XMP_BEFORE: &str = concat!(
    "<?xpacket begin=\"\u{feff}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>",
    "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">",
    "<rdf:Description rdf:about=\"\" xmlns:Iptc4xmpExt=\"http://iptc.org/std/Iptc4xmpExt/2008-02-29/\" ",
    "Iptc4xmpExt:DigitalSourceType=\"http://cv.iptc.org/newscodes/digitalsourcetype/",
);
const XMP_BEHIND: &str = "\"/></rdf:RDF></x:xmpmeta><?xpacket end=\"r\"?>";
const HAS_XMP: u8 = 0x04;

/// How a picture came about, in IPTC's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DigitalSourceType {
    /// A model made it of words.
    TrainedAlgorithmicMedia,
    /// A model made it of words and other images.
    CompositeWithTrainedAlgorithmicMedia,
}

impl DigitalSourceType {
    pub fn of(has_references: bool) -> Self {
        if has_references { Self::CompositeWithTrainedAlgorithmicMedia } else { Self::TrainedAlgorithmicMedia }
    }

    /// As the table and the vocabulary have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::TrainedAlgorithmicMedia => "trainedAlgorithmicMedia",
            Self::CompositeWithTrainedAlgorithmicMedia => "compositeWithTrainedAlgorithmicMedia",
        }
    }
}

/// The same picture with the mark; `None` when `webp` is no WebP file of this size.
pub fn mark(webp: &[u8], width: u32, height: u32, source: DigitalSourceType) -> Option<Vec<u8>> {
    let xmp = [XMP_BEFORE, source.name(), XMP_BEHIND].concat();
    let (riff, rest) = webp.split_first_chunk::<4>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (form, chunks) = rest.split_first_chunk::<4>()?;
    if riff != b"RIFF" || form != b"WEBP" || usize::try_from(u32::from_le_bytes(*length)).ok()? != chunks.len() + 4 {
        return None;
    }
    // libwebp writes the extended header itself only where there is alpha.
    let (flags, chunks) = match chunks.strip_prefix(b"VP8X") {
        Some(rest) => {
            let (_, rest) = rest.split_first_chunk::<4>()?;
            let (header, chunks) = rest.split_first_chunk::<10>()?;
            (*header.first()?, chunks)
        }
        None => (0, chunks),
    };
    let mut body = Vec::with_capacity(chunks.len() + xmp.len() + 32);
    body.extend_from_slice(b"WEBP");
    let mut header = vec![flags | HAS_XMP, 0, 0, 0];
    for edge in [width, height] {
        let [low, middle, high, over] = edge.checked_sub(1)?.to_le_bytes();
        if over != 0 {
            return None;
        }
        header.extend_from_slice(&[low, middle, high]);
    }
    push_chunk(&mut body, b"VP8X", &header)?;
    body.extend_from_slice(chunks);
    push_chunk(&mut body, b"XMP ", xmp.as_bytes())?;
    let mut file = Vec::with_capacity(body.len() + 8);
    push_chunk(&mut file, b"RIFF", &body)?;
    Some(file)
}

fn push_chunk(file: &mut Vec<u8>, name: &[u8; 4], data: &[u8]) -> Option<()> {
    file.extend_from_slice(name);
    file.extend_from_slice(&u32::try_from(data.len()).ok()?.to_le_bytes());
    file.extend_from_slice(data);
    // Chunks begin at even offsets.
    if data.len() % 2 == 1 {
        file.push(0);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use image::ImageDecoder;
    use image::codecs::webp::WebPDecoder;

    use super::*;

    fn marked(has_alpha: bool, source: DigitalSourceType) -> Vec<u8> {
        let pixels: Vec<u8> = (0..40 * 30 * if has_alpha { 4 } else { 3 }).map(|index| (index % 251) as u8).collect();
        let plain = if has_alpha {
            webp::Encoder::from_rgba(&pixels, 40, 30).encode(80.0)
        } else {
            webp::Encoder::from_rgb(&pixels, 40, 30).encode(80.0)
        };
        mark(&plain, 40, 30, source).expect("a WebP file")
    }

    #[test]
    fn a_marked_picture_decodes_and_says_that_a_model_made_it() {
        for (has_alpha, has_references) in [(false, false), (true, false), (false, true), (true, true)] {
            let source = DigitalSourceType::of(has_references);
            let file = marked(has_alpha, source);
            let mut decoder = WebPDecoder::new(std::io::Cursor::new(&file)).expect("a WebP file");
            assert_eq!(decoder.dimensions(), (40, 30));
            assert_eq!(decoder.color_type().has_alpha(), has_alpha);
            let xmp = decoder.xmp_metadata().expect("readable").expect("there");
            let says = format!("digitalsourcetype/{}\"/>", source.name());
            assert!(String::from_utf8(xmp).expect("UTF-8").contains(&says));
            image::load_from_memory(&file).expect("pixels");
            assert!(webp::Decoder::new(&file).decode().is_some(), "libwebp reads it too");
        }
    }

    #[test]
    fn what_is_no_webp_is_not_marked() {
        let source = DigitalSourceType::TrainedAlgorithmicMedia;
        let whole = marked(false, source);
        assert_eq!(mark(b"", 40, 30, source), None);
        assert_eq!(mark(&whole[..whole.len() - 1], 40, 30, source), None);
        assert_eq!(mark(b"RIFF\x04\0\0\0WAVE", 40, 30, source), None);
        assert_eq!(mark(&whole, 0, 30, source), None);
    }
}
