//! The margin as a table or as CSV. Whole microusd inside; rounds only where it writes dollars.
use lapidary_domain::cost::GemWorth;

use super::queries::Made;
use crate::gems::csv::{self, Field};

/// What was made in some days, and what a gem is worth at least.
#[derive(Clone, Debug)]
pub struct Report {
    pub days: u32,
    pub rows: Vec<Made>,
    /// Absent where no pack is sold for US dollars.
    pub worth: Option<GemWorth>,
}

const HEADINGS: [&str; 10] =
    ["model", "quality", "images", "gems", "free", "bought", "worth", "cost", "margin", "from usage"];

impl Report {
    fn total(&self) -> Made {
        let sum = |of: fn(&Made) -> i64| self.rows.iter().map(of).sum();
        Made {
            model: "all".to_owned(),
            quality: String::new(),
            images: sum(|row| row.images),
            gems: sum(|row| row.gems),
            free: sum(|row| row.free),
            bought: sum(|row| row.bought),
            cost_microusd: sum(|row| row.cost_microusd),
            by_usage: sum(|row| row.by_usage),
            unknown: sum(|row| row.unknown),
        }
    }

    fn worth(&self, gems: i64) -> Option<i64> {
        self.worth.map(|worth| worth.microusd(gems))
    }

    /// For people: right-aligned columns, a line of sums, and what to know when reading it.
    pub fn text(&self) -> String {
        if self.rows.is_empty() {
            return format!("no image was made in the last {} days", self.days);
        }
        let total = self.total();
        let mut lines = vec![HEADINGS.map(str::to_owned)];
        lines.extend(self.rows.iter().chain([&total]).map(|row| self.cells(row)));
        let widths: Vec<usize> = (0..HEADINGS.len())
            .map(|column| lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max())
            .map(|width| width.unwrap_or(0))
            .collect();
        let mut text: Vec<String> = lines.iter().map(|line| aligned(line, &widths)).collect();
        text.extend(self.notes(&total));
        text.join("\n")
    }

    fn cells(&self, row: &Made) -> [String; 10] {
        let worth = self.worth(row.gems);
        let known = row.images - row.unknown;
        [
            row.model.clone(),
            row.quality.clone(),
            row.images.to_string(),
            row.gems.to_string(),
            row.free.to_string(),
            row.bought.to_string(),
            worth.map_or_else(|| "?".to_owned(), dollars),
            dollars(row.cost_microusd),
            worth.map_or_else(|| "?".to_owned(), |worth| dollars(worth - row.cost_microusd)),
            format!("{} %", if known == 0 { 0 } else { row.by_usage * 100 / known }),
        ]
    }

    fn notes(&self, total: &Made) -> Vec<String> {
        let mut notes = vec![String::new()];
        match self.worth {
            Some(_) => notes.push(format!(
                "Worth: all gems at the cheapest pack. Free ones brought nothing: paid were at least {} USD.",
                self.worth(total.bought).map(dollars).unwrap_or_default()
            )),
            None => notes.push("No pack is sold for US dollars: what gems are worth cannot be compared.".to_owned()),
        }
        notes.push("Without generations of which an image was erased.".to_owned());
        if total.unknown > 0 {
            notes.push(format!("Of {} images nobody knows the cost: they count as free of cost.", total.unknown));
        }
        notes
    }

    /// For programs: amounts in millionths of a US dollar, empty where they are not known.
    pub fn csv(&self) -> String {
        let headings = [
            "model",
            "quality",
            "images",
            "gems",
            "free_gems",
            "bought_gems",
            "worth_microusd",
            "cost_microusd",
            "margin_microusd",
            "images_by_usage",
            "images_without_cost",
        ];
        let mut text = csv::line(headings.map(Field::Plain));
        for row in &self.rows {
            let worth = self.worth(row.gems);
            let number = |number: Option<i64>| number.map(|number| number.to_string()).unwrap_or_default();
            let numbers = [
                Some(row.images),
                Some(row.gems),
                Some(row.free),
                Some(row.bought),
                worth,
                Some(row.cost_microusd),
                worth.map(|worth| worth - row.cost_microusd),
                Some(row.by_usage),
                Some(row.unknown),
            ]
            .map(number);
            let names = [Field::Text(&row.model), Field::Text(&row.quality)];
            text.push_str(&csv::line(names.into_iter().chain(numbers.iter().map(|text| Field::Plain(text)))));
        }
        text
    }
}

/// Names to the left, numbers to the right.
fn aligned(line: &[String], widths: &[usize]) -> String {
    let cells =
        line.iter().zip(widths).enumerate().map(|(column, (cell, width))| {
            if column < 2 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
    cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
}

/// To a hundredth of a cent: one image of some models costs half a cent.
fn dollars(microusd: i64) -> String {
    let sign = if microusd < 0 { "-" } else { "" };
    let hundredths = (microusd.unsigned_abs() + 50) / 100;
    format!("{sign}{}.{:04}", hundredths / 10_000, hundredths % 10_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let row = |model: &str, gems: i64, cost_microusd: i64| Made {
            model: model.to_owned(),
            quality: "low".to_owned(),
            images: 10,
            gems,
            free: gems - 3,
            bought: 3,
            cost_microusd,
            by_usage: 9,
            unknown: 1,
        };
        let catalogue = crate::catalogue::load(None, "2026-11-29".parse().expect("a day")).expect("the shipped one");
        let rows = vec![row("a", 10, 58_800), row("=b", 20, 400_000)];
        Report { days: 30, rows, worth: GemWorth::of(&catalogue) }
    }

    #[test]
    fn a_table_says_what_a_model_brought_and_what_it_cost() {
        let text = report().text();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "model  quality  images  gems  free  bought   worth    cost   margin  from usage");
        assert_eq!(lines[1], "a      low          10    10     7       3  0.1000  0.0588   0.0412       100 %");
        assert_eq!(lines[2], "=b     low          10    20    17       3  0.2000  0.4000  -0.2001       100 %");
        assert_eq!(lines[3], "all                 20    30    24       6  0.2999  0.4588  -0.1589       100 %");
        assert!(text.contains("paid were at least 0.0600 USD"), "{text}");
        assert!(text.contains("Of 2 images nobody knows the cost"), "{text}");
    }

    #[test]
    fn csv_is_in_whole_numbers_and_runs_nothing() {
        let csv = report().csv();
        let lines: Vec<&str> = csv.lines().collect();
        assert_eq!(lines[1], "\"a\",\"low\",10,10,7,3,99975,58800,41175,9,1");
        assert_eq!(lines[2], "\"'=b\",\"low\",10,20,17,3,199950,400000,-200050,9,1");
    }

    #[test]
    fn without_a_price_in_dollars_nothing_is_compared() {
        let report = Report { worth: None, ..report() };
        assert!(report.text().contains('?'));
        assert!(report.csv().contains(",3,,58800,,9,1"));
    }
}
