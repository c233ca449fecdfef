//! Building the page: cargo, then what makes files of its program, then brotli beside every file worth it.
//! Nothing happens when no source changed since the last build.
use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher;
use std::path::{Path, PathBuf};

use crate::arguments::Arguments;
use crate::bundle;
use crate::cargo;
use crate::failure::{OnPath, Result};
use crate::say::{Step, Steps};
use crate::tools::page_tools::{self, PageTools};
use crate::weight;

const TARGET: &str = "wasm32-unknown-unknown";
const PROFILE: &str = "page";

/// Everything the page is made of.
const SOURCES: [&str; 11] = [
    "web",
    "crates/contract",
    "crates/domain",
    "crates/xtask/src/bundle.rs",
    "crates/xtask/src/index.rs",
    "crates/xtask/src/lean.rs",
    "crates/xtask/src/linked.rs",
    ".cargo/config.toml",
    "Cargo.lock",
    "Cargo.toml",
    "rust-toolchain.toml",
];

pub fn folder() -> PathBuf {
    cargo::root().join("web/dist")
}

pub fn run(given: Arguments) -> Result<()> {
    given.nothing_left()?;
    let log = cargo::scratch_folder()?.join("tools.log");
    let mut steps = Steps::new(page_tools::STEPS + 1);
    let tools = page_tools::prepare(&mut steps, &log)?;
    build(&mut steps.next("Page"), &tools)
}

pub fn build(step: &mut Step, tools: &PageTools) -> Result<()> {
    let scratch = cargo::scratch_folder()?;
    let stamp = scratch.join("page.stamp");
    let fingerprint = format!("{:016x} {tools:?}", fingerprint(&cargo::root())?);
    let index = folder().join("index.html");
    if index.is_file() && std::fs::read_to_string(&stamp).is_ok_and(|known| known == fingerprint) {
        step.say("nothing changed");
        return Ok(());
    }
    let _ = std::fs::remove_file(&stamp);
    let log = scratch.join("page.log");
    let mut compile = cargo::cargo();
    compile.args(["rustc", "--locked", "-p", "lapidary-web", "--features", "parts", "--target", TARGET]);
    // The splitter follows the linker's relocations and names; none of them reaches the page.
    compile.args(["--profile", PROFILE, "--", "-C", "strip=none", "-C", "link-arg=--emit-relocs"]);
    cargo::run(step, "compiling the page", &mut compile, &log)?;
    let program = cargo::target_folder()?.join(TARGET).join(PROFILE).join("lapidary-web.wasm");
    bundle::bundle(step, tools, &program, &folder())?;
    weight::compress(&folder(), |name| step.progress(&format!("compressing {name}")))?;
    std::fs::write(&stamp, fingerprint).on("write", &stamp)?;
    step.done(&format!("built; {}", weight::report(&folder())?));
    Ok(())
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
