//! One file of an export is one query: which columns, from where, whose. Each is read a page at a time, in the order of time,
//! up to the moment at which the export began. Knows no zip.
use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use sqlx::PgConnection;
use uuid::Uuid;

/// Which of the two pools reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wall {
    /// As the person: the database shows nothing of others, and no column that a person may not read.
    Person,
    /// As the owner of the tables, by its predicate alone: no person may read these.
    House,
}

/// Whose id the rows carry: the ledger and what is paid know the account only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    Person,
    Account,
}

/// Where a page begins and what ends it.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// The person's id or the account's.
    pub whose: Uuid,
    pub after_at: DateTime<Utc>,
    pub after_id: Uuid,
    pub until: DateTime<Utc>,
    pub rows: i64,
}

/// One row as a JSON object, with its place in the order.
pub struct Line {
    pub at: DateTime<Utc>,
    pub id: Uuid,
    pub line: String,
}

pub type Page<'a> = BoxFuture<'a, Result<Vec<Line>, sqlx::Error>>;

pub struct Table {
    /// Of its files, without their endings.
    pub name: &'static str,
    /// For whoever opens the zip.
    pub about: &'static str,
    pub wall: Wall,
    pub whose: Whose,
    /// As SQL has them.
    pub columns: &'static str,
    pub read: for<'a> fn(&'a mut PgConnection, Asked) -> Page<'a>,
}

/// Everything, in the order in which it stands in the zip.
pub fn all() -> impl Iterator<Item = &'static Table> {
    let person = super::account_queries::TABLES.iter().chain(super::image_queries::TABLES);
    person.chain(super::activity_queries::TABLES).chain(super::house_queries::TABLES)
}

impl Table {
    /// Names of the columns: what stands behind the last blank or point of each, outside of parentheses.
    pub fn names(&self) -> Vec<&'static str> {
        let (mut depth, mut from, mut names) = (0_i32, 0, Vec::new());
        let name = |text: &'static str| text.trim().rsplit([' ', '.', '\n']).next().unwrap_or_default();
        for (at, letter) in self.columns.char_indices() {
            match letter {
                '(' => depth += 1,
                ')' => depth -= 1,
                ',' if depth == 0 => {
                    names.push(name(self.columns.get(from..at).unwrap_or_default()));
                    from = at + 1;
                }
                _ => {}
            }
        }
        names.push(name(self.columns.get(from..).unwrap_or_default()));
        names
    }
}

/// `at` and `id` are the order; of all tables together no two rows of one table have both the same.
macro_rules! table {
    ($name:literal, $about:literal, $wall:ident, $whose:ident, $at:literal, $id:literal,
     select $columns:literal from $from:literal, $predicate:literal) => {
        $crate::promises::export::table::Table {
            name: $name,
            about: $about,
            wall: $crate::promises::export::table::Wall::$wall,
            whose: $crate::promises::export::table::Whose::$whose,
            columns: $columns,
            read: |conn, asked| {
                Box::pin(async move {
                    sqlx::query_as!(
                        $crate::promises::export::table::Line,
                        "select "
                            + $at
                            + r#" as "at!", "#
                            + $id
                            + r#" as "id!", row_to_json(line)::text as "line!" from "#
                            + $from
                            + " cross join lateral (select "
                            + $columns
                            + ") line where "
                            + $predicate
                            + " and ("
                            + $at
                            + ", "
                            + $id
                            + ") > ($2, $3) and "
                            + $at
                            + " <= $4 order by "
                            + $at
                            + ", "
                            + $id
                            + " limit $5",
                        asked.whose,
                        asked.after_at,
                        asked.after_id,
                        asked.until,
                        asked.rows
                    )
                    .fetch_all(conn)
                    .await
                })
            },
        }
    };
}
pub(super) use table;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_has_a_name_of_its_own_a_sentence_and_columns_that_are_named() {
        let mut names = std::collections::BTreeSet::new();
        for table in all() {
            assert!(names.insert(table.name), "{} stands here twice", table.name);
            assert!(table.about.ends_with('.') && table.about.len() > 20, "{}", table.name);
            let columns = table.names();
            let is_name = |name: &&str| !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
            assert!(columns.iter().all(is_name), "{}: {columns:?}", table.name);
            let secrets = ["hash", "sealed", "fingerprint", "secret", "token", "verifier"];
            let is_secret = |name: &&str| name.split('_').any(|word| secrets.contains(&word));
            assert!(!columns.iter().any(is_secret), "{}: {columns:?}", table.name);
        }
    }
}
