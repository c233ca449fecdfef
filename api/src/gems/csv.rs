//! Lines of CSV (RFC 4180) that a spreadsheet shows and never runs.

/// One value of a line.
pub enum Field<'a> {
    /// Ours: digits, names, times.
    Plain(&'a str),
    /// A person's: may look like a formula, or hold anything else.
    Text(&'a str),
}

pub fn line<'a>(fields: impl IntoIterator<Item = Field<'a>>) -> String {
    let fields: Vec<String> = fields.into_iter().map(written).collect();
    format!("{}\r\n", fields.join(","))
}

fn written(field: Field<'_>) -> String {
    match field {
        Field::Plain(text) => text.to_owned(),
        Field::Text("") => String::new(),
        // Always quoted: a spreadsheet that splits at other characters than commas cannot find a formula inside.
        Field::Text(text) => {
            let mark = if may_run(text) { "'" } else { "" };
            format!("\"{mark}{}\"", text.replace('"', "\"\""))
        }
    }
}

/// Whether a spreadsheet takes the text for a formula: by its first character, after white space and controls that it may
/// skip, the full-width forms included, which some of them read alike.
fn may_run(text: &str) -> bool {
    let first = text.chars().next();
    let visible = text.chars().find(|letter| !letter.is_whitespace() && !letter.is_control() && *letter != '\u{feff}');
    first.is_some_and(char::is_control)
        || visible.is_some_and(|letter| matches!(letter, '=' | '+' | '-' | '@' | '|' | '%' | '＝' | '＋' | '－' | '＠'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_formula_is_text_and_quotes_are_doubled() {
        for (text, written) in [
            ("a fox", "\"a fox\"\r\n"),
            ("a \"fox\", twice", "\"a \"\"fox\"\", twice\"\r\n"),
            ("=HYPERLINK(\"x\")", "\"'=HYPERLINK(\"\"x\"\")\"\r\n"),
            ("  +1", "\"'  +1\"\r\n"),
            ("-1", "\"'-1\"\r\n"),
            ("@SUM(A1)", "\"'@SUM(A1)\"\r\n"),
            ("\t=1", "\"'\t=1\"\r\n"),
            ("\r=1", "\"'\r=1\"\r\n"),
            ("＝1", "\"'＝1\"\r\n"),
            ("two\nlines", "\"two\nlines\"\r\n"),
            ("", "\r\n"),
        ] {
            assert_eq!(line([Field::Text(text)]), written, "{text:?}");
        }
        assert_eq!(line([Field::Plain("a"), Field::Plain("-1")]), "a,-1\r\n");
    }
}
