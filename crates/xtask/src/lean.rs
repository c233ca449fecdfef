//! What wasm-bindgen leaves: comments and indents go from the glue, and the names by which glue and WASM call each other
//! become short. Changes no behaviour; what it does not understand it leaves alone.
use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher;

/// Without comments that fill lines, without indents. A text over several lines would be changed by that: then nothing is.
pub fn bare(glue: &str) -> String {
    let mut lines = Vec::new();
    let mut is_comment = false;
    for line in glue.lines().map(str::trim) {
        if is_comment || line.starts_with("/*") {
            is_comment = !line.ends_with("*/");
            continue;
        }
        if line.is_empty() || line.starts_with("//") {
            continue;
        }
        if line.matches('`').count() % 2 == 1 {
            return glue.to_owned();
        }
        lines.push(line);
    }
    lines.join("\n")
}

/// The module with short names of its imported functions, and each name's short one.
pub fn imports_renamed(wasm: &[u8]) -> Option<(Vec<u8>, HashMap<String, String>)> {
    const IMPORTS: u8 = 2;
    let mut rest = wasm.get(8..)?;
    let mut result = wasm.get(..8)?.to_vec();
    let mut names = HashMap::new();
    while let Some((kind, after)) = rest.split_first() {
        let (length, after) = number(after)?;
        let (body, after) = after.split_at_checked(length)?;
        let body = if *kind == IMPORTS { section_renamed(body, &mut names)? } else { body.to_vec() };
        result.push(*kind);
        push_number(&mut result, body.len());
        result.extend(body);
        rest = after;
    }
    Some((result, names))
}

fn section_renamed(body: &[u8], names: &mut HashMap<String, String>) -> Option<Vec<u8>> {
    const FUNCTION: u8 = 0;
    let (count, mut rest) = number(body)?;
    let mut result = Vec::new();
    push_number(&mut result, count);
    for at in 0..count {
        let (module, after) = text(rest)?;
        let (name, after) = text(after)?;
        let (kind, after) = after.split_first()?;
        let (place, after) = number(after)?;
        if *kind != FUNCTION {
            return None;
        }
        // A letter first: the glue has them as the names of members.
        let short = names.entry(name.to_owned()).or_insert_with(|| format!("f{at}")).clone();
        for word in [module, &short] {
            push_number(&mut result, word.len());
            result.extend(word.as_bytes());
        }
        result.push(FUNCTION);
        push_number(&mut result, place);
        rest = after;
    }
    Some(result)
}

/// Only whole words that open a member, `name: function`, are names of imports.
pub fn renamed(glue: &str, names: &HashMap<String, String>) -> String {
    let lines = glue.lines().map(|line| match line.split_once(": ") {
        Some((name, rest)) if names.contains_key(name) => format!("{}: {rest}", names[name]),
        _ => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn text(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (length, rest) = number(bytes)?;
    let (text, rest) = rest.split_at_checked(length)?;
    Some((std::str::from_utf8(text).ok()?, rest))
}

/// LEB128, as WASM writes its numbers.
fn number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0;
    for (at, byte) in bytes.iter().enumerate().take(5) {
        value |= usize::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some((value, bytes.get(at + 1..)?));
        }
    }
    None
}

fn push_number(bytes: &mut Vec<u8>, mut value: usize) {
    while value > 0x7f {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

pub fn digest(parts: &[&[u8]]) -> String {
    let mut hasher = DefaultHasher::new();
    parts.iter().for_each(|part| hasher.write(part));
    format!("{:016x}", hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn glue_and_program_get_the_same_short_names() {
        let mut wasm = b"\0asm\x01\0\0\0".to_vec();
        let body = [&[2, 1][..], b"m", &[4], b"long", &[0, 0x80, 0x01, 1], b"m", &[5], b"other", &[0, 3]].concat();
        wasm.extend([2, body.len() as u8]);
        wasm.extend(&body);
        wasm.extend([3, 1, 7]);
        let (shorter, names) = imports_renamed(&wasm).unwrap();
        let body = [&[2, 1][..], b"m", &[2], b"f0", &[0, 0x80, 0x01, 1], b"m", &[2], b"f1", &[0, 3]].concat();
        let wanted = [&b"\0asm\x01\0\0\0"[..], &[2, body.len() as u8], &body, &[3, 1, 7]].concat();
        assert_eq!(shorter, wanted);
        assert_eq!(
            renamed("long: function() {\nlonger: 1, long\nother: () => {", &names),
            "f0: function() {\nlonger: 1, long\nf1: () => {"
        );
    }

    #[test]
    fn only_comments_and_indents_leave_the_glue() {
        assert_eq!(bare("/**\n * @returns {x}\n */\n  a `b`\n\n  // why\n  c"), "a `b`\nc");
        let over_lines = "  a `one\n  two`";
        assert_eq!(bare(over_lines), over_lines);
    }
}
