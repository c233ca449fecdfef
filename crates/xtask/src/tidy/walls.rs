//! Which crate may know which: DESIGN's walls, checked against what cargo really resolves.
use std::collections::BTreeSet;

use super::Complaints;
use crate::cargo;
use crate::failure::Result;
use crate::process;

/// A crate, how its dependencies are listed, and what may stand among them.
struct Wall {
    package: &'static str,
    words: &'static [&'static str],
    rule: Rule,
}

enum Rule {
    /// Nothing but these.
    Only(&'static [&'static str]),
    /// None whose name begins so.
    Never(&'static [&'static str]),
    /// None of ours but these.
    OfOursOnly(&'static [&'static str]),
}

const OURS: [&str; 6] =
    ["lapidary", "lapidary-web", "lapidary-contract", "lapidary-domain", "lapidary-sandbox", "xtask"];
const NORMAL: &[&str] = &["-e", "normal,build", "--all-features"];
const ALL_KINDS: &[&str] = &["-e", "normal,build,dev"];

const WALLS: [Wall; 7] = [
    Wall {
        package: "lapidary-domain",
        words: &["-e", "normal,build", "--depth", "1"],
        rule: Rule::Only(&["lapidary-domain", "chrono", "serde", "thiserror", "uuid"]),
    },
    Wall {
        package: "lapidary-contract",
        words: NORMAL,
        rule: Rule::Never(&["tokio", "sqlx", "actix", "hyper", "reqwest", "getrandom"]),
    },
    Wall { package: "lapidary-contract", words: ALL_KINDS, rule: Rule::OfOursOnly(&["lapidary-domain"]) },
    Wall {
        package: "lapidary-web",
        words: &["-e", "normal,build", "--target", "wasm32-unknown-unknown"],
        rule: Rule::OfOursOnly(&["lapidary-contract", "lapidary-domain"]),
    },
    Wall { package: "lapidary", words: NORMAL, rule: Rule::OfOursOnly(&["lapidary-contract", "lapidary-domain"]) },
    Wall { package: "lapidary-sandbox", words: ALL_KINDS, rule: Rule::OfOursOnly(&[]) },
    Wall { package: "xtask", words: ALL_KINDS, rule: Rule::OfOursOnly(&[]) },
];

pub fn check() -> Result<Complaints> {
    let mut complaints = Vec::new();
    for wall in &WALLS {
        let mut tree = cargo::cargo();
        tree.args(["tree", "--locked", "--prefix", "none", "-p", wall.package]).args(wall.words);
        complaints.extend(wall.broken_by(&names(&process::capture(&mut tree)?)));
    }
    Ok(complaints)
}

pub fn names(tree: &str) -> BTreeSet<String> {
    tree.lines().filter_map(|line| line.split(' ').next()).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

impl Wall {
    fn broken_by(&self, names: &BTreeSet<String>) -> Complaints {
        let others = names.iter().filter(|name| *name != self.package);
        let intruders = others.filter(|name| {
            let name = name.as_str();
            match self.rule {
                Rule::Only(allowed) => !allowed.contains(&name),
                Rule::Never(banned) => banned.iter().any(|start| name.starts_with(start)),
                Rule::OfOursOnly(allowed) => OURS.contains(&name) && !allowed.contains(&name),
            }
        });
        intruders.map(|name| format!("{}: may not depend on {name} (DESIGN §2).", self.package)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(package: &str, with: &str) -> usize {
        let tree = format!("{package} v0.1.0 (/a/b)\nserde v1.0.0\n{with} v1.0.0 (*)\n");
        WALLS.iter().filter(|wall| wall.package == package).map(|wall| wall.broken_by(&names(&tree)).len()).sum()
    }

    #[test]
    fn each_wall_holds() {
        for (package, intruder) in [
            ("lapidary-domain", "rand"),
            ("lapidary-contract", "tokio-util"),
            ("lapidary-contract", "sqlx-core"),
            ("lapidary-contract", "lapidary"),
            ("lapidary-web", "lapidary"),
            ("lapidary", "lapidary-sandbox"),
            ("lapidary", "xtask"),
            ("lapidary-sandbox", "lapidary-domain"),
            ("xtask", "lapidary-contract"),
        ] {
            assert_eq!(broken(package, intruder), 1, "{package} may depend on {intruder}");
        }
    }

    #[test]
    fn what_is_allowed_passes() {
        for (package, friend) in
            [("lapidary-domain", "uuid"), ("lapidary-contract", "lapidary-domain"), ("lapidary", "lapidary-contract")]
        {
            assert_eq!(broken(package, friend), 0, "{package} may not depend on {friend}");
        }
    }
}
