//! `cargo xtask tidy`: the rules of the house as a program. Every rule names the place and what to do; each has a
//! test with an example that breaks it.
mod bans;
mod lengths;
mod manifests;
mod names;
mod page_rules;
mod paths;
mod rust_text;
mod sql;
mod tree;
mod walls;

use crate::arguments::Arguments;
use crate::cargo;
use crate::failure::{Failure, Result, said};
use crate::openapi;
use crate::process;
use tree::Tree;

/// What a rule has against the repository, a line each: `path:line: sentence`.
type Complaints = Vec<String>;

pub fn run(given: Arguments) -> Result<()> {
    given.nothing_left()?;
    check()?;
    openapi::check()?;
    println!("Tidy.");
    Ok(())
}

/// The text, the dependency graph, WASM compilation. Nothing here builds the API.
pub fn check() -> Result<()> {
    let mut complaints = of_text(&Tree::read(&cargo::root())?);
    let slow: [fn() -> Result<Complaints>; 3] = [walls::check, bans::check, compiles_to_wasm];
    for rule in slow {
        match rule() {
            Ok(found) => complaints.extend(found),
            Err(failure) => complaints.push(failure.to_string()),
        }
        if process::is_interrupted() {
            return Err(Failure::Interrupted);
        }
    }
    if complaints.is_empty() {
        return Ok(());
    }
    said(format!("{}\n{} complaints.", complaints.join("\n"), complaints.len()))
}

/// The rules that only read files.
fn of_text(tree: &Tree) -> Complaints {
    let rules: [fn(&Tree) -> Complaints; 7] = [
        lengths::check,
        names::check,
        sql::check,
        page_rules::check,
        paths::check_top_level,
        paths::check_readme,
        manifests::check,
    ];
    rules.iter().flat_map(|rule| rule(tree)).collect()
}

fn compiles_to_wasm() -> Result<Complaints> {
    let mut check = cargo::cargo();
    check.args(["check", "--quiet", "--locked", "-p", "lapidary-domain", "-p", "lapidary-contract"]);
    process::capture(check.args(["--target", "wasm32-unknown-unknown"]))?;
    Ok(Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_keeps_its_own_rules() {
        let mut complaints = of_text(&Tree::read(&cargo::root()).unwrap());
        complaints.extend(walls::check().unwrap());
        complaints.extend(bans::check().unwrap());
        assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
    }
}
