//! The page's bytes on the wire: a `.br` beside each file worth compressing, what the first view loads, and what its parts
//! add to it.
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::failure::{OnPath, Result, said};

const COMPRESSED: [&str; 6] = ["wasm", "js", "css", "html", "svg", "json"];
const WEIGHED: [&str; 4] = ["wasm", "js", "css", "html"];
/// Below this the headers weigh more than what is saved.
const WORTH_BYTES: u64 = 1_000;
/// All that is loaded before the first view is there: landing, sign-in, studio.
pub const FIRST_VIEW_KB: u64 = 250;
/// With the parts that follow it.
pub const EVERY_PAGE_KB: u64 = 400;
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

/// Bytes on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weight {
    /// What index.html links, and itself.
    pub first_view: u64,
    /// With the part that shows pictures, for whoever begins in the gallery.
    pub gallery: u64,
    pub every_page: u64,
}

impl Weight {
    fn is_over(self) -> bool {
        self.first_view > FIRST_VIEW_KB * 1_000
    }
}

pub fn weigh(folder: &Path) -> Result<Weight> {
    let index = folder.join("index.html");
    let linked = std::fs::read_to_string(&index).on("read", &index)?;
    let mut weight = Weight { first_view: 0, gallery: 0, every_page: 0 };
    for file in files(folder, &WEIGHED)? {
        let bytes = sent(&file)?;
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let is_first = file == index || linked.contains(&format!("/{name}"));
        // What parts share lies in chunks.
        let is_gallery = name.starts_with("pictures-") || name.starts_with("chunk_");
        weight.every_page += bytes;
        weight.gallery += if is_first || is_gallery { bytes } else { 0 };
        weight.first_view += if is_first { bytes } else { 0 };
    }
    Ok(weight)
}

fn sent(file: &Path) -> Result<u64> {
    let compressed = beside(file);
    let sent = if compressed.is_file() { &compressed } else { file };
    Ok(std::fs::metadata(sent).on("read", sent)?.len())
}

/// A first view over its budget is a failure, as a test that fails is one.
pub fn check(folder: &Path) -> Result<()> {
    if weigh(folder)?.is_over() {
        return said(format!("The page is too heavy: {}.", report(folder)?));
    }
    Ok(())
}

/// `231 kB brotli of 250 for the first view, 290 in the gallery, 380 of 400 with every page (wasm 359, js 12, css 8, html 1)`.
pub fn report(folder: &Path) -> Result<String> {
    let mut parts = Vec::new();
    for kind in WEIGHED {
        let bytes = files(folder, &[kind])?.iter().map(|file| sent(file)).sum::<Result<u64>>()?;
        parts.push(format!("{kind} {}", kilobytes(bytes)));
    }
    let weight = weigh(folder)?;
    let is_over = weight.is_over() || weight.every_page > EVERY_PAGE_KB * 1_000;
    Ok(format!(
        "{} kB brotli of {FIRST_VIEW_KB} for the first view, {} in the gallery, {} of {EVERY_PAGE_KB} with every page \
         ({}){}",
        kilobytes(weight.first_view),
        kilobytes(weight.gallery),
        kilobytes(weight.every_page),
        parts.join(", "),
        if is_over { ": OVER ITS BUDGET" } else { "" }
    ))
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
        std::fs::write(folder.join("index.html"), "<link href=/page.css>").unwrap();
        let weight = report(&folder).unwrap();
        let small_is_left = !folder.join("small.js.br").exists();
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(unpacked, text);
        assert_eq!(again.get(), 0, "an unchanged file was compressed again");
        assert!(small_is_left);
        let wanted = "1 kB brotli of 250 for the first view, 1 in the gallery, 1 of 400 with every page (wasm 0, js 1, \
             css 1, html 1)";
        assert_eq!(weight, wanted);
    }

    #[test]
    fn the_first_view_is_what_the_page_links_and_the_parts_come_later() {
        let folder = std::env::temp_dir().join(format!("xtask-weight-parts-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
        for (name, text) in [("index.html", "<script src=/a.js>"), ("a.js", "12345"), ("later-1.wasm", "1234567890")] {
            write(name, text);
        }
        write("pictures-1.wasm", "12");
        write("chunk_3-1.wasm", "1");
        let light = (weigh(&folder).unwrap(), check(&folder).is_ok());
        write("a.js", &"1".repeat(250_001));
        let is_heavy = check(&folder).is_err();
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(light, (Weight { first_view: 23, gallery: 26, every_page: 36 }, true));
        assert!(is_heavy, "a page over its budget passed");
    }
}
