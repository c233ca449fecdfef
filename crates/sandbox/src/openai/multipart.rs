//! Reads multipart/form-data as strictly as it must be written: every part named, every boundary where it belongs.

#[derive(Debug, PartialEq)]
pub struct Part<'a> {
    pub name: String,
    pub filename: Option<String>,
    pub content_type: Option<String>,
    pub bytes: &'a [u8],
}

/// `None`: it is no such body.
pub fn read<'a>(content_type: &str, body: &'a [u8]) -> Option<Vec<Part<'a>>> {
    let (_, boundary) = content_type.split_once("boundary=")?;
    let boundary = boundary.split(';').next()?.trim().trim_matches('"');
    let delimiter = format!("\r\n--{boundary}");
    let mut rest = body.strip_prefix(delimiter.trim_start().as_bytes())?;
    let mut parts = Vec::new();
    loop {
        if rest.starts_with(b"--") {
            return Some(parts);
        }
        let part = rest.strip_prefix(b"\r\n")?;
        let end = find(part, delimiter.as_bytes())?;
        parts.push(part_of(part.get(..end)?)?);
        rest = part.get(end + delimiter.len()..)?;
    }
}

fn part_of(part: &[u8]) -> Option<Part<'_>> {
    let end = find(part, b"\r\n\r\n")?;
    let head = std::str::from_utf8(part.get(..end)?).ok()?;
    let (mut name, mut filename, mut content_type) = (None, None, None);
    for line in head.split("\r\n") {
        let (header, value) = line.split_once(':')?;
        match header.to_ascii_lowercase().as_str() {
            "content-disposition" => {
                for piece in value.split(';').map(str::trim) {
                    match piece.split_once('=') {
                        Some(("name", text)) => name = Some(text.trim_matches('"').to_owned()),
                        Some(("filename", text)) => filename = Some(text.trim_matches('"').to_owned()),
                        _ => {}
                    }
                }
            }
            "content-type" => content_type = Some(value.trim().to_owned()),
            _ => {}
        }
    }
    Some(Part { name: name?, filename, content_type, bytes: part.get(end + 4..)? })
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    let first = *needle.first()?;
    let mut from = 0;
    loop {
        let at = from + haystack.get(from..)?.iter().position(|byte| *byte == first)?;
        if haystack.get(at..)?.starts_with(needle) {
            return Some(at);
        }
        from = at + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_keep_their_bytes_and_a_body_that_is_cut_is_none() {
        let body =
            b"--x\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\n2\r\n--x\r\nContent-Disposition: form-data; \
            name=\"image[]\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\n\r\n\0--x\r\n--x--\r\n";
        let parts = read("multipart/form-data; boundary=x", body).expect("parts");
        assert_eq!((parts[0].name.as_str(), parts[0].bytes), ("n", &b"2"[..]));
        assert_eq!((parts[1].filename.as_deref(), parts[1].bytes), (Some("a.png"), &b"\r\n\0--x"[..]));
        assert_eq!(read("multipart/form-data; boundary=x", &body[..body.len() - 10]), None);
        assert_eq!(read("multipart/form-data; boundary=y", body), None);
    }
}
