//! How long a file and a function may be, and that every Rust file opens by saying what it owns.
use super::Complaints;
use super::tree::{SourceFile, Tree, words};

const FILE: usize = 350;
const TEST_FILE: usize = 500;
const FUNCTION: usize = 70;
const OPENING: usize = 6;

pub fn check(tree: &Tree) -> Complaints {
    tree.of_kind(&["rs", "css", "sql"])
        .flat_map(|file| [length(file), opening(file), functions(file)].concat())
        .collect()
}

fn length(file: &SourceFile) -> Complaints {
    let limit = if file.is_test() { TEST_FILE } else { FILE };
    let lines = file.text.lines().count();
    let sentence = format!("{lines} lines, {limit} are allowed: find the two nouns in it.");
    if lines > limit { vec![file.at(limit + 1, &sentence)] } else { Vec::new() }
}

fn opening(file: &SourceFile) -> Complaints {
    if file.rust.is_none() {
        return Vec::new();
    }
    match file.text.lines().take_while(|line| line.starts_with("//!")).count() {
        1..=OPENING => Vec::new(),
        0 => vec![file.at(1, "the file does not open with //! saying what it owns.")],
        lines => vec![file.at(1, &format!("the opening has {lines} lines, {OPENING} are allowed."))],
    }
}

fn functions(file: &SourceFile) -> Complaints {
    let Some(rust) = &file.rust else { return Vec::new() };
    let mut complaints = Vec::new();
    for (name, from, to) in bodies(&rust.code) {
        let lines = to - from + 1;
        if lines > FUNCTION {
            complaints.push(file.at(from, &format!("`{name}` has {lines} lines, {FUNCTION} are allowed.")));
        }
    }
    complaints
}

/// Name, first and last line of every function that has a body.
fn bodies(code: &str) -> Vec<(String, usize, usize)> {
    let mut found = Vec::new();
    let mut all = words(code).peekable();
    while let Some((at, word)) = all.next() {
        let Some((name_at, name)) = all.peek().copied() else { break };
        let between = code.get(at + word.len()..name_at).unwrap_or("(");
        if word != "fn" || !between.chars().all(|letter| letter.is_whitespace() || letter == '#') {
            continue;
        }
        if let Some(end) = end_of_body(code, name_at) {
            let line = |at: usize| code.get(..at).unwrap_or_default().matches('\n').count() + 1;
            found.push((name.to_owned(), line(at), line(end)));
        }
    }
    found
}

/// Where the brace closes that opens first outside of parentheses; none for a signature alone.
fn end_of_body(code: &str, from: usize) -> Option<usize> {
    let (mut parentheses, mut braces) = (0, 0);
    for (offset, letter) in code.get(from..)?.char_indices() {
        match letter {
            '(' | '[' => parentheses += 1,
            ')' | ']' => parentheses -= 1,
            ';' if parentheses == 0 && braces == 0 => return None,
            '{' if parentheses == 0 || braces > 0 => braces += 1,
            '}' if braces > 0 => {
                braces -= 1;
                if braces == 0 {
                    return Some(from + offset);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::tree::of;
    use super::*;

    #[test]
    fn a_long_file_is_told_and_a_test_file_may_be_longer() {
        let text = format!("//! Owns lines.\n{}", "\n".repeat(FILE));
        assert_eq!(check(&of(&[("api/src/a.rs", &text)])).len(), 1);
        assert!(check(&of(&[("api/tests/a.rs", &text)])).is_empty());
        assert_eq!(check(&of(&[("web/styles/a.css", &text)])).len(), 1);
    }

    #[test]
    fn a_long_function_is_told_with_its_name_and_a_short_one_is_not() {
        let body = "    let x = [1; 2];\n".repeat(FUNCTION);
        let text = format!(
            "//! Owns two.\nfn short(a: [u8; 2]) {{ }}\npub fn long(\n    a: u8,\n) {{\n{body}}}\nfn none();\n"
        );
        let complaints = check(&of(&[("api/src/a.rs", &text)]));
        assert_eq!(complaints, ["api/src/a.rs:3: `long` has 74 lines, 70 are allowed."]);
    }

    #[test]
    fn a_function_pointer_is_no_function() {
        assert!(bodies("type Rule = fn(&Tree) -> Complaints; struct A { run: fn(u8) } ").is_empty());
    }

    #[test]
    fn a_file_that_does_not_say_what_it_owns_is_told() {
        assert_eq!(check(&of(&[("api/src/a.rs", "use a::b;\n")])).len(), 1);
        assert_eq!(check(&of(&[("api/src/a.rs", &"//! word\n".repeat(7))])).len(), 1);
    }
}
