//! The page's bytes on the wire: a `.br` beside each file worth compressing, what the first view of the main job loads and
//! what every page weighs together.
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::failure::{OnPath, Result, said};

const COMPRESSED: [&str; 6] = ["wasm", "js", "css", "html", "svg", "json"];
const WEIGHED: [&str; 4] = ["wasm", "js", "css", "html"];
/// Below this the headers weigh more than what is saved.
const WORTH_BYTES: u64 = 1_000;
/// All of the first view, for the main job: landing, sign-in, studio, gallery, image.
pub const MAIN_JOB_KB: u64 = 250;
/// The parts that are loaded later with it.
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
#[derive(Clone, Copy)]
pub struct Weight {
    /// What index.html links, and itself.
    pub main_job: u64,
    pub every_page: u64,
}

pub fn weigh(folder: &Path) -> Result<Weight> {
    let index = folder.join("index.html");
    let linked = std::fs::read_to_string(&index).on("read", &index)?;
    let mut weight = Weight { main_job: 0, every_page: 0 };
    for file in files(folder, &WEIGHED)? {
        let bytes = sent(&file)?;
        weight.every_page += bytes;
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        if file == index || linked.contains(&format!("/{name}")) {
            weight.main_job += bytes;
        }
    }
    Ok(weight)
}

fn sent(file: &Path) -> Result<u64> {
    let compressed = beside(file);
    let sent = if compressed.is_file() { &compressed } else { file };
    Ok(std::fs::metadata(sent).on("read", sent)?.len())
}

/// A page over its budget is a failure, as a test that fails is one.
pub fn check(folder: &Path) -> Result<()> {
    let Weight { main_job, every_page } = weigh(folder)?;
    if main_job > MAIN_JOB_KB * 1_000 || every_page > EVERY_PAGE_KB * 1_000 {
        return said(format!("The page is too heavy: {}.", report(folder)?));
    }
    Ok(())
}

/// `231 kB brotli of 250 for the main job, 312 of 400 with every page (wasm 291, js 12, css 8, html 1)`.
pub fn report(folder: &Path) -> Result<String> {
    let mut parts = Vec::new();
    for kind in WEIGHED {
        let bytes = files(folder, &[kind])?.iter().map(|file| sent(file)).sum::<Result<u64>>()?;
        parts.push(format!("{kind} {}", kilobytes(bytes)));
    }
    let Weight { main_job, every_page } = weigh(folder)?;
    let is_over = main_job > MAIN_JOB_KB * 1_000 || every_page > EVERY_PAGE_KB * 1_000;
    Ok(format!(
        "{} kB brotli of {MAIN_JOB_KB} for the main job, {} of {EVERY_PAGE_KB} with every page ({}){}",
        kilobytes(main_job),
        kilobytes(every_page),
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
        let wanted = "1 kB brotli of 250 for the main job, 1 of 400 with every page (wasm 0, js 1, css 1, html 1)";
        assert_eq!(weight, wanted);
    }

    #[test]
    fn the_main_job_is_what_the_page_links_and_the_rest_comes_later() {
        let folder = std::env::temp_dir().join(format!("xtask-weight-job-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        for (name, bytes) in [("index.html", "<script src=/a.js>"), ("a.js", "12345"), ("rest-1.wasm", "1234567890")] {
            std::fs::write(folder.join(name), bytes).unwrap();
        }
        let weight = weigh(&folder).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!((weight.main_job, weight.every_page), (23, 33));
    }
}
