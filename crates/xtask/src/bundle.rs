//! From the compiled program to the files of the page: cut into parts, bound to JavaScript, made small, named by what they
//! hold. Knows nothing of what a part shows.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cargo;
use crate::failure::{Failure, OnPath, Result, said};
use crate::index::{Built, Index, tight};
use crate::lean;
use crate::linked;
use crate::process;
use crate::say::Step;
use crate::tools::page_tools::PageTools;

/// What is written into the folder of the page.
type Files = BTreeMap<String, Vec<u8>>;

/// Fills `into`, which is emptied first.
pub fn bundle(step: &mut Step, tools: &PageTools, program: &Path, into: &Path) -> Result<()> {
    let web = cargo::root().join("web");
    let index = Index::of(&text(&web.join("index.html"))?);
    let work = emptied(&cargo::scratch_folder()?.join("page"))?;
    step.progress("cutting the program into parts");
    let (cut, bound) = (work.join("cut"), work.join("bound"));
    process::capture(Command::new(&tools.splitter).arg(program).arg(&cut).args(["--out-name", "page"]))?;
    let mut bind = Command::new(&tools.wasm_bindgen);
    bind.args(["--target", "web", "--no-typescript", "--keep-lld-exports", "--no-demangle", "--remove-name-section"]);
    bind.args(["--remove-producers-section", "--out-name", "page", "--out-dir"]).arg(&bound).arg(cut.join("page.wasm"));
    process::capture(&mut bind)?;
    let small = emptied(&work.join("small"))?;
    let whole = bound.join("page_bg.wasm");
    let parts = parts_of(&cut)?;
    for part in std::iter::once(&whole).chain(&parts) {
        let name = part.file_name().unwrap_or_default();
        step.progress(&format!("making {} small", name.display()));
        optimise(tools, &index, part, &small.join(name))?;
    }
    let names: Vec<String> = parts.iter().filter_map(|part| part.file_stem()?.to_str().map(str::to_owned)).collect();
    let here: Vec<String> = names.iter().map(|name| format!("./{name}.wasm")).collect();
    let glue = linked::join(&text(&bound.join("page.js"))?, &text(&cut.join("__wasm_split.js"))?);
    let mut glue = lean::bare(&glue);
    let mut wasm = bytes(&small.join("page_bg.wasm"))?;
    if let Some((shorter, names)) = lean::imports_renamed(&wasm) {
        glue = lean::renamed(&glue, &names);
        wasm = shorter;
    }
    let parts = here.iter().map(|part| bytes(&small.join(part))).collect::<Result<Vec<_>>>()?;
    // One name for all: a browser must never pair a part with another build's program.
    let build = lean::digest(&parts.iter().map(Vec::as_slice).chain([glue.as_bytes(), &wasm]).collect::<Vec<_>>());
    let mut files = Files::new();
    for ((name, here), part) in names.iter().zip(&here).zip(parts) {
        let named = format!("{}-{build}.wasm", name.trim_start_matches("split_"));
        glue = glue.replace(&format!("\"{here}\""), &format!("\"./{named}\""));
        files.insert(named, part);
    }
    let built = Built {
        sheet: sheet(&index, &web, &mut files)?,
        icon: icon(&index, &web, &mut files)?,
        script: format!("lapidary-{build}.js"),
        program: format!("lapidary-{build}.wasm"),
    };
    files.insert(built.script.clone(), glue.into_bytes());
    files.insert(built.program.clone(), wasm);
    files.insert("index.html".to_owned(), index.filled(&built).into_bytes());
    let into = emptied(into)?;
    for (name, bytes) in files {
        let file = into.join(name);
        std::fs::write(&file, bytes).on("write", &file)?;
    }
    Ok(())
}

/// The parts beside the program itself.
fn parts_of(cut: &Path) -> Result<Vec<PathBuf>> {
    let mut parts = Vec::new();
    for entry in std::fs::read_dir(cut).on("read", cut)? {
        let path = entry.on("read", cut)?.path();
        let is_part = path.file_name().is_some_and(|name| name != "page.wasm");
        if is_part && path.extension().is_some_and(|kind| kind == "wasm") {
            parts.push(path);
        }
    }
    parts.sort();
    Ok(parts)
}

fn optimise(tools: &PageTools, index: &Index, from: &Path, to: &Path) -> Result<()> {
    let Some(program) = &tools.wasm_opt else { return std::fs::copy(from, to).map(drop).on("copy", from) };
    process::capture(Command::new(program).args(index.optimising()).arg(from).arg("-o").arg(to)).map(drop)
}

/// Style sheets compress far better together, and one request is quicker than twenty.
fn sheet(index: &Index, web: &Path, files: &mut Files) -> Result<String> {
    let mut styles = String::new();
    for sheet in index.sheets() {
        styles.push_str(&tight(&text(&web.join(sheet))?));
    }
    let name = format!("page-{}.css", lean::digest(&[styles.as_bytes()]));
    files.insert(name.clone(), styles.into_bytes());
    Ok(name)
}

fn icon(index: &Index, web: &Path, files: &mut Files) -> Result<String> {
    let Some(icon) = index.icon() else { return said("web/index.html names no icon.") };
    let bytes = bytes(&web.join(icon))?;
    let (stem, kind) = icon.rsplit_once('.').unwrap_or((icon, ""));
    let name = format!("{stem}-{}.{kind}", lean::digest(&[&bytes]));
    files.insert(name.clone(), bytes);
    Ok(name)
}

fn emptied(folder: &Path) -> Result<PathBuf> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(Failure::Said(format!("Could not empty {}: {error}.", folder.display())));
        }
        _ => {}
    }
    std::fs::create_dir_all(folder).on("create", folder)?;
    Ok(folder.to_owned())
}

fn text(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).on("read", path)
}

fn bytes(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).on("read", path)
}
