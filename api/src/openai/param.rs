//! Names of parameters: what our own API points at, as OpenAI's wire calls it.

/// `/count` is called `n` in this wire, `/images/0/image_url` is `images[0].image_url`.
pub fn param(pointer: &str) -> Option<String> {
    let path = pointer.trim_start_matches(['/', '?']);
    match path.split('/').next().unwrap_or_default() {
        "" => return None,
        "count" => return Some("n".into()),
        "composed_prompt" => return Some("prompt".into()),
        "references" => return Some("image".into()),
        "mask_id" => return Some("mask".into()),
        _ => {}
    }
    let mut name = String::new();
    for part in path.split('/') {
        if part.bytes().all(|byte| byte.is_ascii_digit()) {
            name.push_str(&format!("[{part}]"));
        } else {
            name.push_str(if name.is_empty() { "" } else { "." });
            name.push_str(part);
        }
    }
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_called_as_this_wire_calls_it() {
        for (pointer, name) in [
            ("/count", Some("n")),
            ("/composed_prompt", Some("prompt")),
            ("/references/0/reference_id", Some("image")),
            ("/mask_id", Some("mask")),
            ("/images/1/image_url", Some("images[1].image_url")),
            ("/size", Some("size")),
            ("", None),
        ] {
            assert_eq!(param(pointer).as_deref(), name, "{pointer}");
        }
    }
}
