//! The data map: every kind of data about people with its places, and whoever gets some of it, as this installation is set
//! up. Reads no row of anybody.
pub mod categories;
pub mod processors;
pub mod tables;

use lapidary_contract::{DataCategory, DataMap};

use self::categories::Category;
use super::numbers::filled;
use crate::app::App;

pub fn map(app: &App) -> DataMap {
    let processors = processors::all(app);
    let named = |category: &Category| {
        let given = processors.iter().filter(|(role, _)| category.given_to.contains(role));
        let mut names: Vec<String> = given.map(|(_, processor)| processor.name.clone()).collect();
        names.dedup();
        names
    };
    let categories = categories::ALL.iter().map(|category| DataCategory {
        name: category.name.to_owned(),
        what: filled(category.what),
        why: filled(category.why),
        how_long: filled(category.how_long),
        places: places(category),
        given_to: named(category),
    });
    DataMap { categories: categories.collect(), processors: processors.iter().map(|(_, it)| it.clone()).collect() }
}

fn places(category: &Category) -> Vec<String> {
    let tables = tables::of(category.kind).map(|name| format!("table {name}"));
    tables.chain(category.folders.iter().map(|folder| format!("storage users/…/{folder}"))).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::tables::Holds;
    use super::*;

    #[test]
    fn every_kind_lies_somewhere_and_every_reason_is_one() {
        for category in &categories::ALL {
            assert!(tables::of(category.kind).next().is_some(), "{} lies nowhere", category.name);
            for text in [filled(category.what), filled(category.why), filled(category.how_long)] {
                assert!(!text.ends_with('.') && !text.contains(['{', '}']), "{}: {text}", category.name);
            }
        }
        for table in tables::ALL {
            let mut seen = HashSet::new();
            for (holds, names) in table.columns {
                assert!(names.split(' ').all(|name| seen.insert(name)), "{}: {names} stand twice", table.name);
                assert!(!matches!(holds, Holds::Nothing(reason) if reason.len() < 10), "{}: say why", table.name);
            }
        }
    }
}
