//! What was found, as a table for people and as JSON for programs. A row without its reference is not judged.
use std::fmt::Write;
use std::process::Command;

use super::cpu;
use crate::cargo;
use crate::process;

/// What a row is held against.
#[derive(Clone, Copy)]
pub enum Budget {
    AtMost(f64),
    RatioAtLeast(f64),
    RatioAtMost(f64),
}

pub struct Row {
    pub name: String,
    pub unit: &'static str,
    pub measured: Option<f64>,
    /// What it is compared with, and its figure.
    pub reference: Option<(&'static str, f64)>,
    /// Median of the rounds' own ratios.
    pub ratio: Option<f64>,
    pub budget: Option<Budget>,
    pub note: String,
}

impl Row {
    pub fn new(name: impl Into<String>, unit: &'static str, budget: Budget) -> Self {
        Self { budget: Some(budget), ..Self::without_budget(name, unit) }
    }

    /// Shown, and never judged.
    pub fn without_budget(name: impl Into<String>, unit: &'static str) -> Self {
        let name = name.into();
        Self { name, unit, measured: None, reference: None, ratio: None, budget: None, note: String::new() }
    }

    pub fn measured(mut self, figure: f64) -> Self {
        self.measured = Some(figure);
        self
    }

    pub fn beside(mut self, what: &'static str, figure: f64, ratio: f64) -> Self {
        (self.reference, self.ratio) = (Some((what, figure)), Some(ratio));
        self
    }

    pub fn is_within(&self) -> Option<bool> {
        match self.budget? {
            Budget::AtMost(most) => self.measured.map(|figure| figure <= most),
            Budget::RatioAtLeast(least) => self.ratio.map(|ratio| ratio >= least),
            Budget::RatioAtMost(most) => self.ratio.map(|ratio| ratio <= most),
        }
    }

    fn budget_text(&self) -> String {
        match self.budget {
            None => "-".into(),
            Some(Budget::AtMost(most)) => format!("≤ {} {}", figure(most), self.unit),
            Some(Budget::RatioAtLeast(least)) => format!("≥ {:.0} %", least * 100.0),
            Some(Budget::RatioAtMost(most)) => format!("≤ {most:.1} ×"),
        }
    }

    fn ratio_text(&self) -> String {
        match (self.ratio, self.budget) {
            (None, _) => "-".into(),
            (Some(ratio), Some(Budget::RatioAtMost(_))) => format!("{ratio:.2} ×"),
            (Some(ratio), _) => format!("{:.0} %", ratio * 100.0),
        }
    }

    fn cells(&self) -> [String; 6] {
        let measured = self.measured.map_or_else(|| "-".into(), |found| format!("{} {}", figure(found), self.unit));
        let reference = self.reference.map_or_else(|| "-".into(), |(what, found)| format!("{what} {}", figure(found)));
        let within = match self.is_within() {
            Some(true) => "yes",
            Some(false) => "NO",
            None => "not judged",
        };
        [self.name.clone(), measured, reference, self.ratio_text(), self.budget_text(), within.into()]
    }

    fn json(&self) -> String {
        let number = |found: Option<f64>| found.map_or_else(|| "null".into(), |found| format!("{found:.4}"));
        let (kind, limit) = match self.budget {
            None => ("none", None),
            Some(Budget::AtMost(most)) => ("measured_at_most", Some(most)),
            Some(Budget::RatioAtLeast(least)) => ("ratio_at_least", Some(least)),
            Some(Budget::RatioAtMost(most)) => ("ratio_at_most", Some(most)),
        };
        format!(
            r#"{{"row":{},"measured":{},"unit":{},"reference":{},"reference_of":{},"ratio":{},"budget":{{"kind":"{kind}","limit":{}}},"within":{},"note":{}}}"#,
            quoted(&self.name),
            number(self.measured),
            quoted(self.unit),
            number(self.reference.map(|(_, found)| found)),
            self.reference.map_or_else(|| "null".into(), |(what, _)| quoted(what)),
            number(self.ratio),
            number(limit),
            self.is_within().map_or("null".into(), |within| within.to_string()),
            quoted(&self.note),
        )
    }
}

/// Rows, and the machine they were found on.
pub struct Table {
    pub rows: Vec<Row>,
    load_before: String,
    load_after: String,
}

impl Table {
    pub fn begin() -> Self {
        Self { rows: Vec::new(), load_before: cpu::load_average(), load_after: String::new() }
    }

    pub fn end(&mut self) {
        self.load_after = cpu::load_average();
    }

    pub fn text(&self) -> String {
        let head = ["row", "measured", "reference", "ratio", "budget", "within?"].map(str::to_owned);
        let lines: Vec<[String; 6]> = std::iter::once(head).chain(self.rows.iter().map(Row::cells)).collect();
        let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..6).map(width).collect();
        let mut text = String::new();
        for (index, line) in lines.iter().enumerate() {
            let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
            let _ = writeln!(text, "| {} |", cells.collect::<Vec<_>>().join(" | "));
            if index == 0 {
                let rules = widths.iter().map(|width| "-".repeat(*width));
                let _ = writeln!(text, "| {} |", rules.collect::<Vec<_>>().join(" | "));
            }
        }
        text.push('\n');
        for row in self.rows.iter().filter(|row| !row.note.is_empty()) {
            let _ = writeln!(text, "{}: {}", row.name, row.note);
        }
        let _ = writeln!(text, "{}", self.machine());
        text
    }

    pub fn json(&self) -> String {
        let rows: Vec<String> = self.rows.iter().map(Row::json).collect();
        format!(r#"{{"rows":[{}],"machine":{}}}"#, rows.join(",\n"), quoted(&self.machine()))
    }

    fn machine(&self) -> String {
        let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
        let commit =
            process::capture(Command::new("git").args(["rev-parse", "--short", "HEAD"]).current_dir(cargo::root()))
                .unwrap_or_default();
        let (before, after) = (&self.load_before, &self.load_after);
        format!("{cores} cores, load {before} before and {after} after, commit {}", commit.trim())
    }
}

fn figure(found: f64) -> String {
    match found {
        found if found >= 100.0 => format!("{found:.0}"),
        found if found >= 10.0 => format!("{found:.1}"),
        found => format!("{found:.2}"),
    }
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            letter if letter.is_control() => quoted.push(' '),
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

/// The middle one, which one bad moment of the machine does not move.
pub fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match (sorted.get(middle), sorted.len() % 2) {
        (None, _) => f64::NAN,
        (Some(upper), 1) => *upper,
        (Some(upper), _) => (sorted[middle - 1] + upper) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_and_of_nothing_there_is_none() {
        assert_eq!(median(&[9.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 9.0]), 3.0);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn a_row_without_its_reference_is_not_judged() {
        let row = Row::new("me", "req/s", Budget::RatioAtLeast(0.4)).measured(900.0);
        assert_eq!(row.is_within(), None);
        assert_eq!(row.beside("pgbench", 2000.0, 0.45).is_within(), Some(true));
        assert_eq!(Row::new("start", "s", Budget::AtMost(0.5)).measured(0.51).is_within(), Some(false));
    }

    #[test]
    fn a_row_without_a_budget_shows_its_ratio_and_no_verdict() {
        let row = Row::without_budget("webhooks", "req/s").measured(300.0).beside("TPC-B", 1200.0, 0.25);
        let cells = ["webhooks", "300 req/s", "TPC-B 1200", "25 %", "-", "not judged"].map(str::to_owned);
        assert_eq!(row.cells(), cells);
        assert!(row.json().contains(r#""ratio":0.2500,"budget":{"kind":"none","limit":null},"within":null"#));
    }

    #[test]
    fn both_forms_say_the_same() {
        let mut table = Table::begin();
        table.rows.push(Row::new("a \"row\"", "ms", Budget::AtMost(2.0)).measured(1.5));
        assert!(table.text().contains("| a \"row\" | 1.50 ms  |"), "{}", table.text());
        let json = r#"{"row":"a \"row\"","measured":1.5000,"unit":"ms","reference":null,"reference_of":null,"ratio":null,"budget":{"kind":"measured_at_most","limit":2.0000},"within":true,"note":""}"#;
        assert!(table.json().contains(json), "{}", table.json());
    }
}
