//! What the manifests name is used: a dependency nobody mentions is weight, and two versions of one tool are a trap.
use std::collections::BTreeSet;

use super::Complaints;
use super::tree::{Tree, words};
use crate::cargo;

/// Named only to turn a feature on, as `manifest: dependency`.
const FOR_A_FEATURE: [&str; 0] = [];

pub fn check(tree: &Tree) -> Complaints {
    let mut complaints = unused_of_workspace(tree);
    for manifest in tree.files.iter().filter(|file| file.path.ends_with("/Cargo.toml")) {
        let folder = manifest.path.trim_end_matches("Cargo.toml");
        let sources = tree.files.iter().filter(|file| file.path.starts_with(folder));
        let used: BTreeSet<&str> = sources
            .filter_map(|file| file.rust.as_ref())
            .flat_map(|rust| words(&rust.code).map(|(_, word)| word))
            .collect();
        for (line, name) in dependencies(&manifest.text) {
            let is_excused = FOR_A_FEATURE.contains(&format!("{}: {name}", manifest.path).as_str());
            if !is_excused && !used.contains(name.replace('-', "_").as_str()) {
                complaints.push(manifest.at(line, &format!("{name} is used nowhere in {folder}.")));
            }
        }
    }
    complaints.extend(wasm_bindgen(tree));
    complaints
}

/// Names in `[dependencies]` and its kin, with their lines.
fn dependencies(manifest: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut inside = false;
    for (number, line) in manifest.lines().enumerate() {
        if let Some(section) = line.trim().strip_prefix('[') {
            let section = section.trim_end_matches(']');
            inside = section.ends_with("dependencies");
            if let Some((kind, name)) = section.rsplit_once('.')
                && kind.ends_with("dependencies")
            {
                found.push((number + 1, name));
            }
        } else if inside && let Some((name, _)) = line.split_once(['=', '.', ' ']).filter(|(name, _)| is_name(name)) {
            found.push((number + 1, name));
        }
    }
    found
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_')
}

fn unused_of_workspace(tree: &Tree) -> Complaints {
    let Some(workspace) = tree.get("Cargo.toml") else { return Vec::new() };
    let members = tree.files.iter().filter(|file| file.path.ends_with("/Cargo.toml"));
    let taken: BTreeSet<&str> = members.flat_map(|file| dependencies(&file.text)).map(|(_, name)| name).collect();
    let unused = dependencies(&workspace.text).into_iter().filter(|(_, name)| !taken.contains(name));
    unused.map(|(line, name)| workspace.at(line, &format!("no crate takes {name} from the workspace."))).collect()
}

/// Trunk takes wasm-bindgen only in the version Trunk.toml names; the code is bound to the one in Cargo.lock.
fn wasm_bindgen(tree: &Tree) -> Complaints {
    let (Some(trunk), Some(lock)) = (tree.get("Trunk.toml"), tree.get("Cargo.lock")) else { return Vec::new() };
    let locked = cargo::packages(&lock.text).into_iter().find(|(name, _)| name == "wasm-bindgen");
    let told = trunk.text.lines().enumerate().find(|(_, line)| line.starts_with("wasm_bindgen"));
    match (told, locked) {
        (Some((number, line)), Some((_, version))) if !line.contains(&format!("\"{version}\"")) => {
            vec![trunk.at(number + 1, &format!("Cargo.lock has wasm-bindgen {version}."))]
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tree::of;
    use super::*;

    const MANIFEST: &str = "[package]\nname = \"a\"\n[dependencies]\nserde = \"1\"\nactix-web = { workspace = true }\n[dev-dependencies]\nurl.workspace = true\n";

    #[test]
    fn a_dependency_nobody_mentions_is_told() {
        let tree = of(&[("api/Cargo.toml", MANIFEST), ("api/src/lib.rs", "//! url\nuse actix_web::App; use serde;")]);
        let complaints = check(&tree);
        assert_eq!(complaints, ["api/Cargo.toml:7: url is used nowhere in api/."]);
    }

    #[test]
    fn a_workspace_dependency_nobody_takes_is_told() {
        let workspace = "[workspace.dependencies]\nserde = \"1\"\nunused = \"1\"\n";
        let source = ("api/src/lib.rs", "use actix_web::App; use serde; use url;");
        let complaints = check(&of(&[("Cargo.toml", workspace), ("api/Cargo.toml", MANIFEST), source]));
        assert_eq!(complaints, ["Cargo.toml:3: no crate takes unused from the workspace."]);
    }

    #[test]
    fn trunk_and_the_lock_file_name_one_wasm_bindgen() {
        let lock = ("Cargo.lock", "name = \"wasm-bindgen\"\nversion = \"0.2.130\"\n");
        assert_eq!(check(&of(&[lock, ("Trunk.toml", "[tools]\nwasm_bindgen = \"0.2.99\"\n")])).len(), 1);
        assert!(check(&of(&[lock, ("Trunk.toml", "[tools]\nwasm_bindgen = \"0.2.130\"\n")])).is_empty());
    }
}
