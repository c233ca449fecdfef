//! What lies at the top of the repository, and that README speaks only of what is there.
use super::Complaints;
use super::tree::Tree;
use crate::cargo;

const TOP: [&str; 11] = [
    "Cargo.toml",
    "Cargo.lock",
    "README.md",
    "Trunk.toml",
    "openapi.yaml",
    "rust-toolchain.toml",
    "api",
    "web",
    "crates",
    "migrations",
    "deploy",
];

pub fn check_top_level(tree: &Tree) -> Complaints {
    let extra = tree.top.iter().filter(|name| !TOP.contains(&name.as_str()));
    extra.map(|name| format!("{name}: does not belong at the top; DESIGN names what does.")).collect()
}

pub fn check_readme(tree: &Tree) -> Complaints {
    let root = cargo::root();
    let Some(readme) = tree.get("README.md") else { return vec!["README.md: is missing.".into()] };
    let mut complaints = Vec::new();
    for (number, line) in readme.text.lines().enumerate() {
        for path in paths(line).into_iter().filter(|path| !root.join(path).exists()) {
            complaints.push(readme.at(number + 1, &format!("`{path}` is not there.")));
        }
    }
    complaints
}

/// Links to files, and words in backticks or in the map of the tree that begin with a folder or file of the top.
fn paths(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    for target in line.split("](").skip(1).filter_map(|rest| rest.split([')', ' ', '#']).next()) {
        if !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:") {
            found.push(target.to_owned());
        }
    }
    let is_breaking = |letter: char| letter.is_whitespace() || "`()[],;:\"'|".contains(letter);
    for word in line.split(is_breaking).map(|word| word.trim_end_matches(['.', '/'])) {
        let first = word.split('/').next().unwrap_or_default();
        let is_pattern = word.contains(['*', '{', '…', '<', '$', '=']);
        if word.contains('/') && !is_pattern && TOP.contains(&first) {
            found.push(word.to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::tree::of;
    use super::*;

    #[test]
    fn a_stranger_at_the_top_is_told() {
        let tree = Tree { files: Vec::new(), top: vec!["api".into(), "scripts".into(), "README.md".into()] };
        assert_eq!(check_top_level(&tree).len(), 1);
    }

    #[test]
    fn a_path_that_is_not_there_is_told() {
        let text = "See `crates/xtask/src/main.rs`, `crates/nowhere/` and [this](api/absent.md), not `api/src/*.rs`.\n";
        let complaints = check_readme(&of(&[("README.md", text)]));
        assert_eq!(complaints.len(), 3, "{complaints:?}");
        assert!(complaints.iter().any(|complaint| complaint.contains("`crates/nowhere`")));
        assert!(!complaints.iter().any(|complaint| complaint.contains("xtask")));
    }
}
