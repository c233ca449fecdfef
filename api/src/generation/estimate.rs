//! How long it will take, from how long it took: medians of recent generations, kept in memory, and the place in the queue.
//! Shows nobody anything of others but how many wait.
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use chrono::{DateTime, TimeDelta, Utc};
use lapidary_contract::Generation;
use lapidary_contract::domain::{GenerationStatus, limits};
use uuid::Uuid;

use crate::app::App;

/// How far back, and how many of the newest.
const HISTORY: TimeDelta = TimeDelta::hours(24);
const HISTORY_MAX: i64 = 2_000;
/// Waiting rows that a place is counted over; whoever is behind more is far enough behind.
const COUNTED_MAX: i64 = 10_000;
/// What takes longer than usual is never said to be finished.
const LEAST_SECONDS: i64 = 3;

/// Medians in seconds.
#[derive(Default)]
pub struct Estimates(RwLock<History>);

#[derive(Default)]
struct History {
    by_quality: HashMap<String, HashMap<String, i64>>,
    by_model: HashMap<String, i64>,
    of_all: Option<i64>,
}

impl Estimates {
    /// Reads the recent past again, as every process does twice a minute.
    pub async fn refresh(&self, app: &App) -> Result<(), sqlx::Error> {
        let rows = sqlx::query!(
            r#"select model, quality, ceil(extract(epoch from finished_at - started_at))::bigint as "seconds!"
               from generations where status = 'succeeded' and finished_at > $1 and started_at is not null
               order by finished_at desc limit $2"#,
            app.clock.now() - HISTORY,
            HISTORY_MAX
        )
        .fetch_all(app.db.house())
        .await?;
        let history = History::of(rows.into_iter().map(|row| (row.model, row.quality, row.seconds)));
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = history;
        Ok(())
    }

    fn seconds(&self, generation: &Generation, line: Option<&Line>, now: DateTime<Utc>) -> Option<u32> {
        let history = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let usual = history.usual(&generation.model, &generation.quality)?;
        let left = match (line, generation.started_at) {
            (Some(line), _) => {
                let each = history.of_all.unwrap_or(usual);
                usual.saturating_add(line.ahead.saturating_mul(each) / line.running.max(1))
            }
            (None, Some(started_at)) => usual - (now - started_at).num_seconds(),
            (None, None) => usual,
        };
        u32::try_from(left.max(LEAST_SECONDS)).ok()
    }
}

impl History {
    fn of(rows: impl Iterator<Item = (String, String, i64)>) -> Self {
        let (mut by_quality, mut by_model) = (HashMap::<_, HashMap<_, Vec<_>>>::new(), HashMap::<_, Vec<_>>::new());
        let mut all = Vec::new();
        for (model, quality, seconds) in rows {
            by_quality.entry(model.clone()).or_default().entry(quality).or_default().push(seconds);
            by_model.entry(model).or_default().push(seconds);
            all.push(seconds);
        }
        let medians = |of: HashMap<String, Vec<i64>>| {
            of.into_iter().filter_map(|(key, values)| Some((key, median(values)?))).collect()
        };
        Self {
            by_quality: by_quality.into_iter().map(|(model, qualities)| (model, medians(qualities))).collect(),
            by_model: medians(by_model),
            of_all: median(all),
        }
    }

    fn usual(&self, model: &str, quality: &str) -> Option<i64> {
        let exact = self.by_quality.get(model).and_then(|qualities| qualities.get(quality));
        exact.or_else(|| self.by_model.get(model)).copied()
    }
}

fn median(mut values: Vec<i64>) -> Option<i64> {
    values.sort_unstable();
    values.get(values.len() / 2).copied()
}

/// A place in the queue.
struct Line {
    ahead: i64,
    running: i64,
}

/// Fills in place and remaining time of what is not finished: one query for all that wait, none for the rest.
pub async fn fill(app: &App, person_id: Uuid, generations: Vec<&mut Generation>) -> Result<(), sqlx::Error> {
    let waits = |generation: &Generation| generation.status == GenerationStatus::Queued;
    let waiting: Vec<Uuid> = generations.iter().filter(|one| waits(one)).map(|one| one.id).collect();
    let lines = if waiting.is_empty() { HashMap::new() } else { lines(app, person_id, &waiting).await? };
    let now = app.clock.now();
    for generation in generations {
        match generation.status {
            GenerationStatus::Queued => {
                let Some(line) = lines.get(&generation.id) else { continue };
                generation.queue_position = u32::try_from(line.ahead).ok();
                // Nobody knows when a provider comes back.
                if !app.providers.is_paused(&generation.model) {
                    generation.estimated_seconds = app.estimates.seconds(generation, Some(line), now);
                }
            }
            GenerationStatus::Running => {
                generation.estimated_seconds = app.estimates.seconds(generation, None, now);
            }
            GenerationStatus::Succeeded
            | GenerationStatus::PartlySucceeded
            | GenerationStatus::Failed
            | GenerationStatus::Cancelled => {}
        }
    }
    Ok(())
}

/// People take turns: before a person's n-th come their own n − 1, and of everyone else n at most. What waits for a paused
/// provider stands in nobody's way.
async fn lines(app: &App, person_id: Uuid, ids: &[Uuid]) -> Result<HashMap<Uuid, Line>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"with mine as (
             select id, row_number() over (order by created_at, id) as place
             from generations where person_id = $1 and status = 'queued'
           ),
           others as (
             select least(waiting, $5) as waiting, count(*) as people from (
               select count(*) as waiting from (
                 select person_id from generations
                 where status = 'queued' and person_id <> $1 and model <> all($3) limit $4
               ) w group by person_id
             ) p group by 1
           )
           select m.id, (m.place - 1 + coalesce((select sum(o.people * least(o.waiting, m.place)) from others o), 0))::bigint
               as "ahead!",
             (select count(*) from generations where status = 'running') as "running!"
           from mine m where m.id = any($2)"#,
        person_id,
        ids,
        &app.providers.paused_models(),
        COUNTED_MAX,
        limits::WAITING_MAX
    )
    .fetch_all(app.db.house())
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, Line { ahead: row.ahead, running: row.running })).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_of_the_quality_and_otherwise_of_the_model() {
        let row = |model: &str, quality: &str, seconds| (model.to_owned(), quality.to_owned(), seconds);
        let rows =
            [row("a", "low", 2), row("a", "low", 90), row("a", "low", 4), row("a", "high", 60), row("b", "low", 9)];
        let history = History::of(rows.into_iter());
        assert_eq!(history.usual("a", "low"), Some(4));
        assert_eq!(history.usual("a", "max"), Some(60));
        assert_eq!(history.usual("c", "low"), None);
        assert_eq!(history.of_all, Some(9));
    }
}
