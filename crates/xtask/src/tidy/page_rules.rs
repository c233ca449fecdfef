//! What holds under web/ alone: colours stand in the tokens, and one file speaks to the network.
use super::Complaints;
use super::tree::{SourceFile, Tree, words};

const TOKENS: &str = "web/styles/tokens.css";
const FUNCTIONS: [&str; 10] = ["rgb", "rgba", "hsl", "hsla", "hwb", "lab", "lch", "oklab", "oklch", "color"];
/// The one door, and the stream that every tab shares.
const NETWORK: [&str; 2] = ["web/src/http", "web/src/live"];
const SPEAKERS: [&str; 5] = ["fetch", "gloo_net", "XmlHttpRequest", "EventSource", "WebSocket"];

pub fn check(tree: &Tree) -> Complaints {
    let ours = tree.files.iter().filter(|file| file.path.starts_with("web/"));
    ours.flat_map(|file| [colours(file), network(file)].concat()).collect()
}

fn colours(file: &SourceFile) -> Complaints {
    if file.path == TOKENS || !matches!(file.kind(), "css" | "html" | "rs") {
        return Vec::new();
    }
    let texts: Vec<(usize, String)> = match &file.rust {
        Some(rust) => rust.strings.clone(),
        None => file.text.lines().enumerate().map(|(number, line)| (number + 1, line.to_owned())).collect(),
    };
    let mut complaints = Vec::new();
    for (line, text) in texts {
        // A browser's own frame is coloured before any style is read.
        if file.kind() == "html" && text.contains("theme-color") {
            continue;
        }
        complaints.extend(colour(&text).map(|found| file.at(line, &format!("`{found}` belongs into {TOKENS}."))));
    }
    complaints
}

/// The first colour in a text: `#` with 3, 4, 6 or 8 hexadecimal digits, or a colour function.
fn colour(text: &str) -> Option<String> {
    for (at, word) in words(text) {
        let before = text.get(..at).unwrap_or_default();
        let after = text.get(at + word.len()..).unwrap_or_default();
        let is_hex = matches!(word.len(), 3 | 4 | 6 | 8) && word.chars().all(|letter| letter.is_ascii_hexdigit());
        if is_hex && before.ends_with('#') && !before.ends_with("&#") {
            return Some(format!("#{word}"));
        }
        if after.starts_with('(') && FUNCTIONS.contains(&word) && !before.ends_with('-') {
            return Some(format!("{word}("));
        }
    }
    None
}

fn network(file: &SourceFile) -> Complaints {
    let Some(rust) = &file.rust else { return Vec::new() };
    if NETWORK.iter().any(|door| file.path.strip_prefix(door).is_some_and(|rest| rest.starts_with(['.', '/']))) {
        return Vec::new();
    }
    let mut complaints = Vec::new();
    for (number, line) in rust.code.lines().enumerate() {
        let speaks =
            words(line).map(|(_, word)| word).find(|word| SPEAKERS.contains(word) || word.starts_with("fetch_with"));
        complaints.extend(
            speaks.map(|word| file.at(number + 1, &format!("`{word}`: only web/src/http.rs speaks to the network."))),
        );
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::super::tree::of;
    use super::*;

    #[test]
    fn a_colour_outside_the_tokens_is_told() {
        for (path, text) in [
            ("web/styles/shell.css", "a { color: #fff; }"),
            ("web/styles/shell.css", "a { color: oklch(70% 0.1 200); }"),
            ("web/src/a.rs", "//! A.\nlet a = \"color: rgb(0 0 0)\";"),
            ("web/index.html", "<body style=\"background:#12ab34\">"),
        ] {
            assert_eq!(check(&of(&[(path, text)])).len(), 1, "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_a_colour_is_not_told() {
        for (path, text) in [
            (TOKENS, ":root { --ink: #111; }"),
            ("web/styles/a.css", "#main { color: var(--ink); background-color: var(--frame); }"),
            ("web/src/a.rs", "//! A.\n#[add]\nfn a() { thumb_hash_to_rgba(b); let s = \"&#8212; #gallery\"; }"),
            ("web/index.html", "<meta name=\"theme-color\" content=\"#faf9f7\">"),
        ] {
            assert!(check(&of(&[(path, text)])).is_empty(), "{text}");
        }
    }

    #[test]
    fn only_one_file_speaks_to_the_network() {
        let code = "//! A.\n// fetch\nuse gloo_net::http::Request;\nwindow.fetch_with_str(\"fetch\");\n";
        assert_eq!(check(&of(&[("web/src/gallery/list.rs", code)])).len(), 2);
        assert!(check(&of(&[("web/src/http.rs", code)])).is_empty());
        assert!(check(&of(&[("web/src/live.rs", code)])).is_empty());
    }
}
