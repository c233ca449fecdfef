//! Building the page: cargo first, so that its progress is heard, then Trunk, then brotli beside every file worth it.
//! Nothing happens when no source changed since the last build.
use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cargo;
use crate::failure::{OnPath, Result, said};
use crate::lean;
use crate::process;
use crate::say::Step;
use crate::tools::page_tools::PageTools;
use crate::weight;

/// Everything the page is made of.
const SOURCES: [&str; 8] = [
    "web",
    "crates/contract",
    "crates/domain",
    ".cargo/config.toml",
    "Cargo.lock",
    "Cargo.toml",
    "Trunk.toml",
    "rust-toolchain.toml",
];

pub fn folder() -> PathBuf {
    cargo::root().join("web/dist")
}

pub fn build(step: &mut Step, tools: &PageTools) -> Result<()> {
    let scratch = cargo::scratch_folder()?;
    let stamp = scratch.join("page.stamp");
    let fingerprint = format!("{:016x} {:?}", fingerprint(&cargo::root())?, tools.wasm_opt);
    let index = folder().join("index.html");
    if index.is_file() && std::fs::read_to_string(&stamp).is_ok_and(|known| known == fingerprint) {
        step.say("nothing changed");
        return Ok(());
    }
    let _ = std::fs::remove_file(&stamp);
    let log = scratch.join("page.log");
    let mut compile = cargo::cargo();
    compile.args([
        "build",
        "--locked",
        "-p",
        "lapidary-web",
        "--target",
        "wasm32-unknown-unknown",
        "--profile",
        "page",
    ]);
    cargo::run(step, "compiling the page", &mut compile, &log)?;
    bundle(step, tools, &scratch.join("trunk.log"))?;
    lean::trim(&folder())?;
    weight::compress(&folder(), |name| step.progress(&format!("compressing {name}")))?;
    std::fs::write(&stamp, fingerprint).on("write", &stamp)?;
    step.done(&format!("built; {}", weight::report(&folder())?));
    Ok(())
}

fn bundle(step: &mut Step, tools: &PageTools, log: &Path) -> Result<()> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(tools.links.clone()).chain(std::env::split_paths(&path)));
    let Ok(path) = path else { return said(format!("{} cannot stand on PATH.", tools.links.display())) };
    let mut trunk = Command::new(&tools.trunk);
    trunk.arg("build").current_dir(cargo::root()).env("PATH", path);
    // Everything is here: a tool Trunk would fetch by itself is one we chose wrongly.
    trunk.args(["--offline", "--skip-version-check"]);
    // Trunk reads these as its own flags and fails on values that others understand.
    trunk.env_remove("NO_COLOR").env_remove("CARGO_TERM_COLOR");
    match &tools.wasm_opt {
        Some(version) => trunk.env("TRUNK_TOOLS_WASM_OPT", version),
        // Only a release build calls wasm-opt; Trunk.toml names the profile, so nothing else changes.
        None => trunk.arg("--release=false"),
    };
    let status = process::follow(&mut trunk, log, |_| step.progress("bundling"))?;
    if status.success() {
        return Ok(());
    }
    said(format!("Trunk could not build the page; the end of {}:\n{}", log.display(), process::tail(log, 40)))
}

/// A number that changes with any name or byte of the sources.
fn fingerprint(root: &Path) -> Result<u64> {
    let mut files = Vec::new();
    for source in SOURCES {
        let path = root.join(source);
        if path.is_dir() {
            collect(&path, &mut files)?;
        } else if path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        hasher.write(file.as_os_str().as_encoded_bytes());
        hasher.write(&std::fs::read(&file).on("read", &file)?);
    }
    Ok(hasher.finish())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(folder).on("read", folder)? {
        let path = entry.on("read", folder)?.path();
        if path.is_file() {
            files.push(path);
        } else if path.file_name().is_some_and(|name| name != "dist" && name != "target") {
            collect(&path, files)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_changed_source_is_noticed_and_the_built_page_is_not_a_source() {
        let root = std::env::temp_dir().join(format!("xtask-page-{}", std::process::id()));
        std::fs::create_dir_all(root.join("web/src")).unwrap();
        std::fs::create_dir_all(root.join("web/dist")).unwrap();
        std::fs::write(root.join("web/src/main.rs"), "fn main() {}").unwrap();
        let first = fingerprint(&root).unwrap();
        std::fs::write(root.join("web/dist/index.html"), "built").unwrap();
        let built = fingerprint(&root).unwrap();
        std::fs::write(root.join("web/src/main.rs"), "fn main() { }").unwrap();
        let changed = fingerprint(&root).unwrap();
        std::fs::remove_dir_all(&root).unwrap();
        assert_eq!(first, built);
        assert_ne!(built, changed);
    }
}
