//! Models come and go: which of a catalogue end soon, who answers then, and whether that one stays.
use chrono::{NaiveDate, TimeDelta};

use crate::catalogue::{Catalogue, Model};

/// Days before a model's end from which on its operator is warned.
pub const SOON_DAYS: i64 = 60;

/// Something an operator should prepare for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending<'a> {
    pub model: &'a Model,
    /// When it ends itself, if that is soon, and in how many days.
    pub retires: Option<(NaiveDate, i64)>,
    /// Who answers for it from then on.
    pub heir: Option<&'a Model>,
    /// When the replacement that the catalogue names ends, if that is soon: another one should be named.
    pub replacement_retires: Option<NaiveDate>,
}

/// Days until a model cannot be used any more; zero once it is. `None`: no end is known.
pub fn days_left(model: &Model, today: NaiveDate) -> Option<i64> {
    Some((model.retires? - today).num_days().max(0))
}

/// In the order of the catalogue; empty when nothing ends soon.
pub fn endings(catalogue: &Catalogue, today: NaiveDate) -> Vec<Ending<'_>> {
    let soon = |model: &Model| model.retires.filter(|day| *day > today && *day <= today + TimeDelta::days(SOON_DAYS));
    let ending = |model| ending(catalogue, today, model, soon);
    catalogue.models.iter().filter_map(ending).collect()
}

fn ending<'a>(
    catalogue: &'a Catalogue,
    today: NaiveDate,
    model: &'a Model,
    soon: impl Fn(&Model) -> Option<NaiveDate>,
) -> Option<Ending<'a>> {
    let retires = soon(model).map(|day| (day, (day - today).num_days()));
    let replacement = model.replacement.as_deref().and_then(|id| catalogue.model(id));
    let replacement_retires = replacement.and_then(&soon);
    if retires.is_none() && replacement_retires.is_none() {
        return None;
    }
    let day = retires.map_or(today, |(day, _)| day);
    let heir = catalogue.resolve(&model.id, day).filter(|heir| heir.id != model.id);
    Some(Ending { model, retires, heir, replacement_retires })
}

impl Ending<'_> {
    /// What is the matter, without a full stop.
    pub fn sentence(&self) -> String {
        let mut parts = Vec::new();
        if let Some((day, days)) = self.retires {
            let days = if days == 1 { "tomorrow".to_owned() } else { format!("in {days} days") };
            parts.push(format!("{} retires on {day}, {days}", self.model.name));
        }
        if let Some(day) = self.replacement_retires {
            let replacement = self.model.replacement.as_deref().unwrap_or_default();
            parts.push(format!("{replacement}, which replaces {}, retires on {day}", self.model.id));
        }
        parts.join("; ")
    }

    /// What to do.
    pub fn advice(&self) -> String {
        match (self.heir, self.replacement_retires) {
            (_, Some(_)) => format!("Name another replacement of {} in the catalogue.", self.model.id),
            (Some(heir), None) => format!("From then on {} answers in its place.", heir.id),
            (None, None) => format!("Name a replacement of {} that can be used by then.", self.model.id),
        }
    }
}
