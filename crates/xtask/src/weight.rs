//! The page's bytes on the wire: a `.br` beside each file worth compressing, and what the first visit weighs.
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::failure::{OnPath, Result};

const COMPRESSED: [&str; 6] = ["wasm", "js", "css", "html", "svg", "json"];
const WEIGHED: [&str; 4] = ["wasm", "js", "css", "html"];
/// Below this the headers weigh more than what is saved.
const WORTH_BYTES: u64 = 1_000;
/// All of the first view, for the main job.
const BUDGET_KB: u64 = 250;
const QUALITY: u32 = 11;
const WINDOW: u32 = 22;

/// Writes `FILE.br` beside every file that has none as new as itself.
pub fn compress(folder: &Path, mut tell: impl FnMut(&str)) -> Result<()> {
    for file in files(folder, &COMPRESSED)? {
        let about = std::fs::metadata(&file).on("read", &file)?;
        let compressed = beside(&file);
        let made = std::fs::metadata(&compressed).and_then(|about| about.modified()).ok();
        if about.len() < WORTH_BYTES || made.is_some_and(|made| about.modified().is_ok_and(|changed| made >= changed)) {
            continue;
        }
        tell(&file.file_name().unwrap_or_default().to_string_lossy());
        let bytes = std::fs::read(&file).on("read", &file)?;
        let mut writer = brotli::CompressorWriter::new(Vec::new(), 1 << 16, QUALITY, WINDOW);
        writer.write_all(&bytes).on("compress", &file)?;
        std::fs::write(&compressed, writer.into_inner()).on("write", &compressed)?;
    }
    Ok(())
}

/// Of everything a first visit loads.
pub fn brotli_bytes(folder: &Path) -> Result<u64> {
    WEIGHED.iter().map(|kind| weight_of(folder, kind)).sum()
}

fn weight_of(folder: &Path, kind: &str) -> Result<u64> {
    let mut weight = 0;
    for file in files(folder, &[kind])? {
        let compressed = beside(&file);
        let sent = if compressed.is_file() { compressed } else { file };
        weight += std::fs::metadata(&sent).on("read", &sent)?.len();
    }
    Ok(weight)
}

/// `231 kB brotli of 250 (wasm 210, js 12, css 8, html 1)`.
pub fn report(folder: &Path) -> Result<String> {
    let mut parts = Vec::new();
    for kind in WEIGHED {
        parts.push(format!("{kind} {}", kilobytes(weight_of(folder, kind)?)));
    }
    let total = brotli_bytes(folder)?;
    let verdict = if total > BUDGET_KB * 1_000 { ": OVER ITS BUDGET" } else { "" };
    Ok(format!("{} kB brotli of {BUDGET_KB} ({}){verdict}", kilobytes(total), parts.join(", ")))
}

fn kilobytes(bytes: u64) -> u64 {
    bytes.div_ceil(1_000)
}

fn beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".br");
    name.into()
}

fn files(folder: &Path, kinds: &[&str]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).on("read", folder)? {
        let path = entry.on("read", folder)?.path();
        if path.is_dir() {
            found.extend(files(&path, kinds)?);
        } else if path.extension().is_some_and(|kind| kinds.iter().any(|wanted| kind == *wanted)) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn what_is_compressed_unpacks_to_itself_and_small_files_are_left_alone() {
        let folder = std::env::temp_dir().join(format!("xtask-weight-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let text = "a quiet frame ".repeat(500);
        std::fs::write(folder.join("page.css"), &text).unwrap();
        std::fs::write(folder.join("small.js"), "1").unwrap();
        compress(&folder, |_| {}).unwrap();
        let mut unpacked = String::new();
        let packed = std::fs::File::open(folder.join("page.css.br")).unwrap();
        brotli::Decompressor::new(packed, 4096).read_to_string(&mut unpacked).unwrap();
        let again = std::cell::Cell::new(0);
        compress(&folder, |_| again.set(again.get() + 1)).unwrap();
        let weight = report(&folder).unwrap();
        let small_is_left = !folder.join("small.js.br").exists();
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(unpacked, text);
        assert_eq!(again.get(), 0, "an unchanged file was compressed again");
        assert!(small_is_left);
        assert_eq!(weight, "1 kB brotli of 250 (wasm 0, js 1, css 1, html 0)");
    }
}
