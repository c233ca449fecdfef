//! The words after a command: `--flag`, `--name value`, and plain ones. An unknown word is an answer, never ignored.
use crate::failure::{Result, said};

#[derive(Debug)]
pub struct Arguments(Vec<String>);

impl Arguments {
    pub fn new(words: impl IntoIterator<Item = String>) -> Self {
        Self(words.into_iter().collect())
    }

    pub fn flag(&mut self, name: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|word| word != name);
        self.0.len() < before
    }

    /// `--name value` or `--name=value`.
    pub fn value(&mut self, name: &str) -> Result<Option<String>> {
        if let Some(at) = self.0.iter().position(|word| word == name) {
            self.0.remove(at);
            if at < self.0.len() {
                return Ok(Some(self.0.remove(at)));
            }
            return said(format!("{name} wants a value."));
        }
        let opening = format!("{name}=");
        let at = self.0.iter().position(|word| word.starts_with(&opening));
        Ok(at.map(|at| self.0.remove(at).split_off(opening.len())))
    }

    /// The one word that is left, if any.
    pub fn word(&mut self) -> Option<String> {
        let at = self.0.iter().position(|word| !word.starts_with('-'))?;
        Some(self.0.remove(at))
    }

    pub fn nothing_left(self) -> Result<()> {
        match self.0.first() {
            None => Ok(()),
            Some(word) => said(format!("I do not know {word}; `cargo xtask` alone tells what there is.")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Arguments {
        Arguments::new(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn values_are_taken_in_both_spellings() {
        let mut given = words("--port 81 --data=here --fresh");
        assert_eq!(given.value("--port").unwrap().as_deref(), Some("81"));
        assert_eq!(given.value("--data").unwrap().as_deref(), Some("here"));
        assert!(given.flag("--fresh") && !given.flag("--fresh"));
        given.nothing_left().unwrap();
    }

    #[test]
    fn a_missing_value_and_an_unknown_word_are_told() {
        assert!(words("--port").value("--port").is_err());
        assert!(words("--prot 81").nothing_left().unwrap_err().to_string().contains("--prot"));
    }
}
