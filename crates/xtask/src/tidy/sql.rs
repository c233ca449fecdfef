//! SQL is written in lower case, in migrations and in queries alike.
use super::Complaints;
use super::tree::{Tree, words};

const OPENINGS: [&str; 12] =
    ["select", "insert", "update", "delete", "with", "create", "alter", "drop", "grant", "lock", "set", "begin"];
const KEYWORDS: [&str; 44] = [
    "SELECT",
    "INSERT",
    "UPDATE",
    "DELETE",
    "FROM",
    "WHERE",
    "JOIN",
    "CREATE",
    "TABLE",
    "ALTER",
    "DROP",
    "INDEX",
    "AND",
    "OR",
    "NOT",
    "NULL",
    "PRIMARY",
    "REFERENCES",
    "CHECK",
    "CONSTRAINT",
    "DEFAULT",
    "VALUES",
    "INTO",
    "RETURNING",
    "ORDER",
    "GROUP",
    "BY",
    "LIMIT",
    "COMMIT",
    "GRANT",
    "REVOKE",
    "POLICY",
    "FUNCTION",
    "LANGUAGE",
    "AS",
    "IS",
    "WITH",
    "CASE",
    "WHEN",
    "THEN",
    "ELSE",
    "EXISTS",
    "UNIQUE",
    "CONFLICT",
];

pub fn check(tree: &Tree) -> Complaints {
    let mut complaints = Vec::new();
    for file in tree.of_kind(&["sql"]) {
        for (number, line) in without_comments(&file.text).lines().enumerate() {
            complaints.extend(shouted(line).map(|word| file.at(number + 1, &sentence(word))));
        }
    }
    for file in tree.of_kind(&["rs"]) {
        let strings = file.rust.iter().flat_map(|rust| &rust.strings);
        for (line, said) in strings.filter(|(_, said)| is_query(said)) {
            complaints.extend(shouted(&without_comments(said)).map(|word| file.at(*line, &sentence(word))));
        }
    }
    complaints
}

fn sentence(word: &str) -> String {
    format!("`{word}` shouts: SQL is written in lower case.")
}

fn is_query(said: &str) -> bool {
    let mut all = words(said).map(|(_, word)| word.to_lowercase());
    let opens = all.next().is_some_and(|first| OPENINGS.contains(&first.as_str()));
    opens && all.any(|word| KEYWORDS.contains(&word.to_uppercase().as_str()))
}

fn shouted(line: &str) -> impl Iterator<Item = &str> {
    words(line).map(|(_, word)| word).filter(|word| KEYWORDS.contains(word))
}

/// Blanks `-- …`, `/* … */` and `'…'`; lines stay.
fn without_comments(sql: &str) -> String {
    let mut kept = String::new();
    let mut rest = sql;
    while let Some(letter) = rest.chars().next() {
        let skipped = if rest.starts_with("--") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if letter == '\'' {
            rest.get(1..).and_then(|inside| inside.find('\'')).map_or(rest.len(), |end| end + 2)
        } else {
            kept.push(letter);
            rest = rest.get(letter.len_utf8()..).unwrap_or_default();
            continue;
        };
        let (comment, after) = rest.split_at(skipped);
        kept.extend(comment.chars().filter(|letter| *letter == '\n'));
        rest = after;
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::super::tree::of;
    use super::*;

    #[test]
    fn a_shouting_migration_is_told() {
        let sql = "-- WHY: money\ncreate table a (b text check (b <> 'NOT NULL'));\nALTER TABLE a ADD c int;\n";
        let complaints = check(&of(&[("migrations/1.sql", sql)]));
        assert_eq!(complaints.len(), 2, "{complaints:?}");
        assert!(complaints[0].starts_with("migrations/1.sql:3: `ALTER`"));
    }

    #[test]
    fn a_shouting_query_is_told_and_other_strings_may_shout() {
        let code = "//! Owns.\nlet a = \"SELECT 1 FROM b\";\nlet c = \"select 1 from b\";\nlet d = \"DELETE\";\nlet e = \"You may NOT\";\n";
        let complaints = check(&of(&[("api/src/a.rs", code)]));
        assert_eq!(complaints.len(), 2, "{complaints:?}");
    }
}
