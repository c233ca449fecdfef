//! The files the rules read: everything of ours in the repository, nothing that is built, fetched or hidden.
use std::path::Path;

use super::rust_text::RustText;
use crate::failure::{OnPath, Result};

const NOT_OURS: [&str; 6] = ["target", "dist", "node_modules", "vendor", "vendored", "__pycache__"];
const READ: [&str; 10] = ["rs", "css", "sql", "toml", "md", "html", "js", "mjs", "py", "lock"];

pub struct Tree {
    pub files: Vec<SourceFile>,
    /// Names at the top, dot-files left out.
    pub top: Vec<String>,
}

pub struct SourceFile {
    /// From the root, with `/`.
    pub path: String,
    pub text: String,
    /// For .rs files.
    pub rust: Option<RustText>,
}

impl Tree {
    pub fn read(root: &Path) -> Result<Self> {
        let mut tree = Self { files: Vec::new(), top: Vec::new() };
        tree.walk(root, "")?;
        tree.files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(tree)
    }

    fn walk(&mut self, folder: &Path, prefix: &str) -> Result<()> {
        for entry in std::fs::read_dir(folder).on("read", folder)? {
            let path = entry.on("read", folder)?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.starts_with('.') || NOT_OURS.contains(&name.as_str()) {
                continue;
            }
            if prefix.is_empty() {
                self.top.push(name.clone());
            }
            if path.is_dir() {
                self.walk(&path, &format!("{prefix}{name}/"))?;
            } else if path.extension().is_some_and(|kind| READ.iter().any(|read| kind == *read)) {
                let bytes = std::fs::read(&path).on("read", &path)?;
                self.files.push(SourceFile::new(&format!("{prefix}{name}"), &String::from_utf8_lossy(&bytes)));
            }
        }
        Ok(())
    }

    pub fn of_kind<'a>(&'a self, kinds: &'a [&str]) -> impl Iterator<Item = &'a SourceFile> {
        self.files.iter().filter(|file| kinds.contains(&file.kind()))
    }

    pub fn get(&self, path: &str) -> Option<&SourceFile> {
        self.files.iter().find(|file| file.path == path)
    }
}

impl SourceFile {
    pub fn new(path: &str, text: &str) -> Self {
        let rust = path.ends_with(".rs").then(|| RustText::read(text));
        Self { path: path.to_owned(), text: text.to_owned(), rust }
    }

    pub fn kind(&self) -> &str {
        self.path.rsplit_once('.').map_or("", |(_, kind)| kind)
    }

    pub fn is_test(&self) -> bool {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        self.path.contains("/tests/") || name == "tests.rs" || name.ends_with("_tests.rs")
    }

    pub fn at(&self, line: usize, sentence: &str) -> String {
        format!("{}:{line}: {sentence}", self.path)
    }
}

/// Words of letters, digits and `_`, with the column they begin at.
pub fn words(line: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_inside = |letter: char| letter.is_alphanumeric() || letter == '_';
    let mut rest = 0;
    std::iter::from_fn(move || {
        let start = rest + line.get(rest..)?.find(is_inside)?;
        let tail = line.get(start..)?;
        let end = start + tail.find(|letter| !is_inside(letter)).unwrap_or(tail.len());
        rest = end;
        Some((start, line.get(start..end)?))
    })
}

#[cfg(test)]
pub fn of(files: &[(&str, &str)]) -> Tree {
    let files = files.iter().map(|(path, text)| SourceFile::new(path, text)).collect();
    Tree { files, top: Vec::new() }
}
