//! Findings, and how they are shown. Judges nothing.
use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    Right,
    /// Works, or cannot be told; worth a look.
    Odd,
    Wrong,
}

#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    pub check: &'static str,
    pub mark: Mark,
    /// One sentence.
    pub says: String,
    /// What to do; empty when there is nothing to do.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub hint: String,
}

impl Finding {
    pub fn right(check: &'static str, says: impl Into<String>) -> Self {
        Self { check, mark: Mark::Right, says: says.into(), hint: String::new() }
    }

    pub fn odd(check: &'static str, says: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { check, mark: Mark::Odd, says: says.into(), hint: hint.into() }
    }

    pub fn wrong(check: &'static str, says: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { check, mark: Mark::Wrong, says: says.into(), hint: hint.into() }
    }
}

#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub findings: Vec<Finding>,
}

impl Report {
    pub fn of(findings: Vec<Finding>) -> Self {
        Self { findings }
    }

    /// The same, with none of these words in it.
    pub fn without(mut self, secrets: &[String]) -> Self {
        for finding in &mut self.findings {
            for secret in secrets {
                finding.says = finding.says.replace(secret.as_str(), "…");
                finding.hint = finding.hint.replace(secret.as_str(), "…");
            }
        }
        self
    }

    pub fn wrong(&self) -> usize {
        self.findings.iter().filter(|finding| finding.mark == Mark::Wrong).count()
    }

    pub fn text(&self) -> String {
        let lines = self.findings.iter().map(|finding| {
            let mark = match finding.mark {
                Mark::Right => "✓",
                Mark::Odd => "!",
                Mark::Wrong => "✗",
            };
            let hint = if finding.hint.is_empty() { String::new() } else { format!("\n  → {}", finding.hint) };
            format!("{mark} {}: {}{hint}", finding.check, finding.says)
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}
