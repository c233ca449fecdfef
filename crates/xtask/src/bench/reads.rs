//! `GET /v1/me` and `GET /v1/gems` beside pgbench running the same transaction on the same server, in turns.
use std::time::Duration;

use super::load::Pace;
use super::pgbench::Pgbench;
use super::stage::Stage;
use super::table::{Budget, Row, median};
use super::{CONNECTIONS, http, load, people};
use crate::failure::Result;
use crate::say::Step;

/// Beside pgbench at the same concurrency.
const LEAST: f64 = 0.4;

/// What the route asks the database, word for word.
fn select(part: &str) -> String {
    let (person, account) = (people::PERSON_PREFIX, people::ACCOUNT_PREFIX);
    match part {
        "me" => format!(
            "select email, name, picture_key, age_confirmed_at is not null, is_operator, created_at
             from people where id = ('{person}' || :n)::uuid"
        ),
        _ => format!(
            "select free, bought, held_free, held_bought, debt, used, purchased
             from gem_accounts where id = ('{account}' || :n)::uuid"
        ),
    }
}

fn script(part: &str) -> String {
    let (person, account) = (people::PERSON_PREFIX, people::ACCOUNT_PREFIX);
    let (first, last) = (people::BASE + 1, people::BASE + people::COUNT as u64);
    let select = select(part).replace('\n', " ");
    format!(
        "\\set n random({first}, {last})\nbegin;\n\
         select set_config('lapidary.person', '{person}' || :n, true), set_config('lapidary.account', '{account}' || :n, true);\n\
         {select};\ncommit;\n"
    )
}

pub fn measure(stage: &mut Stage, step: &mut Step, part: &str, quick: bool) -> Result<Vec<Row>> {
    stage.serve(&[])?;
    let asks: Vec<Vec<u8>> = people::authorizations(stage)?
        .iter()
        .map(|line| http::request("GET", &format!("/v1/{part}"), &[line], ""))
        .collect();
    let ours = |time| {
        load::run(stage.port, CONNECTIONS, time, 200, |dice, request| {
            request.extend_from_slice(&asks[dice.below(asks.len())]);
        })
    };
    ours(Duration::from_secs(1))?;
    let script = script(part);
    let found =
        in_turns(step, quick, &stage.pgbench, ours, |pgbench, time| pgbench.of_people(&script, time), || stage.cpu())?;
    let row = Row::new(format!("GET /v1/{part}"), "req/s", Budget::RatioAtLeast(LEAST));
    Ok(vec![found.filled_in(row, "pgbench")])
}

/// Ours and the reference's, a pair a round.
pub struct Turns {
    pairs: Vec<(f64, Option<f64>)>,
    /// Processor microseconds of the API, of PostgreSQL for it, and of PostgreSQL for the reference; of one each.
    micros: [f64; 3],
    missing: Option<String>,
}

impl Turns {
    pub fn filled_in(&self, row: Row, reference: &'static str) -> Row {
        let ours: Vec<f64> = self.pairs.iter().map(|(ours, _)| *ours).collect();
        let mut row = row.measured(median(&ours));
        let theirs: Vec<f64> = self.pairs.iter().filter_map(|(_, theirs)| *theirs).collect();
        let ratios: Vec<f64> = self.pairs.iter().filter_map(|(ours, theirs)| Some(ours / (*theirs)?)).collect();
        if !theirs.is_empty() {
            row = row.beside(reference, median(&theirs), median(&ratios));
        }
        let shown: Vec<String> = ratios.iter().map(|ratio| format!("{:.0} %", ratio * 100.0)).collect();
        let [api, database, alone] = self.micros;
        row.note = match &self.missing {
            Some(missing) => missing.clone(),
            None => format!(
                "rounds {}; CPU for one: API {api:.0} µs, PostgreSQL {database:.0} µs; PostgreSQL for one of {reference} {alone:.0} µs",
                shown.join(", ")
            ),
        };
        row
    }
}

/// How many rounds there are, and how long a turn of one is.
pub fn rounds(quick: bool) -> (usize, Duration) {
    if quick { (2, Duration::from_secs(2)) } else { (5, Duration::from_secs(5)) }
}

pub fn in_turns(
    step: &mut Step,
    quick: bool,
    pgbench: &std::result::Result<Pgbench, String>,
    ours: impl Fn(Duration) -> Result<Pace>,
    theirs: impl Fn(&Pgbench, Duration) -> Result<f64>,
    cpu: impl Fn() -> Result<(f64, f64)>,
) -> Result<Turns> {
    let (rounds, time) = rounds(quick);
    let mut turns = Turns { pairs: Vec::new(), micros: [0.0; 3], missing: pgbench.as_ref().err().cloned() };
    let mut all = Vec::new();
    for round in 1..=rounds {
        step.progress(&format!("round {round} of {rounds}"));
        let before = cpu()?;
        let pace = ours(time)?;
        let between = cpu()?;
        let reference = pgbench.as_ref().ok().map(|pgbench| theirs(pgbench, time)).transpose()?;
        let after = cpu()?;
        turns.pairs.push((pace.rate, reference));
        let each = |seconds: f64, done: f64| seconds * 1e6 / done;
        all.push([
            each(between.0 - before.0, pace.done as f64),
            each(between.1 - before.1, pace.done as f64),
            each(after.1 - between.1, reference.unwrap_or(f64::NAN) * time.as_secs_f64()),
        ]);
    }
    for (index, micros) in turns.micros.iter_mut().enumerate() {
        *micros = median(&all.iter().map(|figures| figures[index]).collect::<Vec<_>>());
    }
    Ok(turns)
}
