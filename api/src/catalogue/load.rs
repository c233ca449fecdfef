//! Reads the catalogue: the shipped one, or the file that replaces it. What is wrong stops the start with file, line and
//! reason; nothing is repaired or guessed.
use std::path::Path;

use chrono::NaiveDate;
use lapidary_domain::Catalogue;

const SHIPPED: &str = include_str!("../../catalogue.toml");
const SHIPPED_NAME: &str = "the shipped catalogue.toml";

#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    #[error("{file}: {reason}")]
    Unreadable { file: String, reason: std::io::Error },
    /// Each line reads `file:line: reason`.
    #[error("{}", faults.join("\n"))]
    Faulty { faults: Vec<String> },
}

/// `file` replaces the shipped one as a whole.
pub fn load(file: Option<&Path>, today: NaiveDate) -> Result<Catalogue, CatalogueError> {
    let Some(path) = file else {
        return parse(SHIPPED_NAME, SHIPPED, today);
    };
    let name = path.display().to_string();
    match std::fs::read_to_string(path) {
        Ok(text) => parse(&name, &text, today),
        Err(reason) => Err(CatalogueError::Unreadable { file: name, reason }),
    }
}

fn parse(file: &str, text: &str, today: NaiveDate) -> Result<Catalogue, CatalogueError> {
    let at = |line: usize, reason: &str| format!("{file}:{line}: {reason}");
    let catalogue: Catalogue = toml::from_str(text).map_err(|error| {
        let line = error.span().map_or(1, |span| line_of_byte(text, span.start));
        CatalogueError::Faulty { faults: vec![at(line, error.message())] }
    })?;
    let faults = catalogue.faults(today);
    if faults.is_empty() {
        return Ok(catalogue);
    }
    Err(CatalogueError::Faulty { faults: faults.iter().map(|fault| at(line_of_fault(text, fault), fault)).collect() })
}

fn line_of_byte(text: &str, byte: usize) -> usize {
    text.bytes().take(byte).filter(|byte| *byte == b'\n').count() + 1
}

/// A fault begins with what it is about (a key, or `model "id"`, `section "name"`, …): its line is where that is said.
fn line_of_fault(text: &str, fault: &str) -> usize {
    let key = fault.split_whitespace().next().unwrap_or_default();
    let name = fault.split('"').nth(1).map(|name| format!("\"{name}\""));
    let says = |line: &str| {
        let line = line.trim_start();
        let Some(name) = &name else { return line.starts_with(key) };
        let begins = match key {
            "default_model" => line.starts_with(key),
            "section" => line.starts_with("name"),
            _ => ["id", "aliases", "{"].iter().any(|start| line.starts_with(start)),
        };
        begins && line.contains(name)
    };
    text.lines().position(says).map_or(1, |index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn today() -> NaiveDate {
        "2026-11-23".parse().expect("a date")
    }

    #[track_caller]
    fn refused(text: &str, expected: &[&str]) {
        match parse("my.toml", text, today()) {
            Err(CatalogueError::Faulty { faults }) => assert_eq!(faults, expected),
            other => panic!("{other:?}"),
        }
    }

    fn line_with(text: &str, wanted: &str) -> usize {
        text.lines().position(|line| line.contains(wanted)).expect(wanted) + 1
    }

    #[test]
    fn the_shipped_catalogue_is_used_when_nothing_replaces_it() {
        assert_eq!(load(None, today()).expect("it loads").default_model, "gpt-image-2.5-flare");
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = load(Some(Path::new("/nowhere/my.toml")), today()).expect_err("refused");
        assert!(error.to_string().starts_with("/nowhere/my.toml: "), "{error}");
    }

    #[test]
    fn broken_toml_is_refused_with_its_line() {
        refused("version = \"1\"\nmodels = [[\n", &["my.toml:2: unclosed array, expected `]`"]);
        let typo = SHIPPED.replace("welcome_gems = 50", "welcome_gem = 50");
        let line = line_with(&typo, "welcome_gem = 50");
        match parse("my.toml", &typo, today()) {
            Err(CatalogueError::Faulty { faults }) => {
                assert!(faults[0].starts_with(&format!("my.toml:{line}: unknown field `welcome_gem`")), "{faults:?}");
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_wrong_type_is_refused_with_its_line() {
        let wrong = SHIPPED.replace("default_size = \"1024x1024\"", "default_size = \"large\"");
        let line = line_with(&wrong, "default_size = \"large\"");
        let reason = "a size is written as width x height in pixels, for example 1024x1536";
        refused(&wrong, &[&format!("my.toml:{line}: {reason}")]);
    }

    #[test]
    fn a_fault_of_meaning_is_refused_where_its_subject_stands() {
        let faulty = SHIPPED
            .replace("default_model = \"gpt-image-2.5-flare\"", "default_model = \"gpt-image-9\"")
            .replace("name = \"Mood\"", "name = \"Light\"")
            .replace("welcome_gems = 50", "welcome_gems = -1");
        let [gems, default, light] =
            ["welcome_gems = -1", "default_model = \"", "name = \"Light\""].map(|text| line_with(&faulty, text));
        refused(
            &faulty,
            &[
                &format!("my.toml:{gems}: welcome_gems is below zero"),
                &format!("my.toml:{default}: default_model \"gpt-image-9\" leads to no model that can be used today"),
                &format!("my.toml:{light}: section \"Light\" is there twice"),
            ],
        );
    }

    #[test]
    fn a_fault_of_a_model_is_refused_at_its_id() {
        let faulty = SHIPPED.replacen("default_quality = \"medium\"", "default_quality = \"best\"", 1);
        let line = line_with(&faulty, "id = \"gpt-image-2.5-flare\"");
        let reason = "model \"gpt-image-2.5-flare\": default_quality is not one of its qualities";
        refused(&faulty, &[&format!("my.toml:{line}: {reason}")]);
    }
}
