//! What is seen of the promises: everything here looks at the thing itself, and none of it says a person, a key or a secret.
//! Looks run beside each other, each with its own patience; what does not answer is stale, never kept.
pub mod audit;
mod database;
pub mod jobs;
mod keys;
mod objects;
mod page;
pub(super) mod queries;
mod retention;
mod set_up;

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::{BoxFuture, join_all};
use lapidary_contract::{Evidence, PromiseState};

use crate::app::App;

const PATIENCE: Duration = Duration::from_secs(15);

/// One thing seen, and the promises it speaks for.
pub struct Seen {
    pub of: &'static [&'static str],
    pub evidence: Evidence,
}

impl Seen {
    fn new(
        of: &'static [&'static str],
        what: impl Into<String>,
        state: PromiseState,
        value: impl Into<String>,
    ) -> Self {
        Self { of, evidence: Evidence { what: what.into(), value: value.into(), at: None, state } }
    }

    pub fn kept(of: &'static [&'static str], what: impl Into<String>, value: impl Into<String>) -> Self {
        Self::new(of, what, PromiseState::Kept, value)
    }

    pub fn stale(of: &'static [&'static str], what: impl Into<String>, value: impl Into<String>) -> Self {
        Self::new(of, what, PromiseState::Stale, value)
    }

    pub fn broken(of: &'static [&'static str], what: impl Into<String>, value: impl Into<String>) -> Self {
        Self::new(of, what, PromiseState::Broken, value)
    }

    /// Kept or broken.
    pub fn judged(
        of: &'static [&'static str],
        what: impl Into<String>,
        is_kept: bool,
        value: impl Into<String>,
    ) -> Self {
        let state = if is_kept { PromiseState::Kept } else { PromiseState::Broken };
        Self::new(of, what, state, value)
    }

    pub fn declared(of: &'static [&'static str], what: impl Into<String>, value: impl Into<String>) -> Self {
        Self::new(of, what, PromiseState::Declared, value)
    }

    pub fn at(mut self, at: Option<DateTime<Utc>>) -> Self {
        self.evidence.at = at;
        self
    }
}

/// Why a look came to nothing; only the log hears it.
type Blind = Box<dyn std::error::Error + Send + Sync>;
type Looking<'a> = BoxFuture<'a, Result<Vec<Seen>, Blind>>;

/// Everything, by the promise it speaks for.
pub async fn look(app: &App, now: DateTime<Utc>) -> BTreeMap<&'static str, Vec<Evidence>> {
    let looks: [(&'static [&'static str], &'static str, Looking<'_>); 9] = [
        (&["P1"], "The database's columns", Box::pin(database::columns(app))),
        (&["P7"], "The connection to the database", Box::pin(database::connection(app))),
        (&["P7"], "Whether people are kept apart", Box::pin(database::isolation(app))),
        (&["P7"], "The keys that sign", Box::pin(keys::look(app, now))),
        (&["P2", "P7", "P9"], "The storage of pictures", Box::pin(objects::look(app))),
        (&["P4", "P8", "P9", "P10", "P12", "P14"], "Traces of jobs", Box::pin(retention::look(app, now))),
        (&["P4", "P9", "P10", "P12"], "What should be gone", Box::pin(retention::overdue(app, now))),
        (&["P3", "P5"], "The audit of the ledger", Box::pin(audit::look(app, now))),
        (&["P13"], "Versions of the policies", Box::pin(set_up::policies(app, now))),
    ];
    let seen = join_all(looks.map(|(of, what, looking)| async move {
        match tokio::time::timeout(PATIENCE, looking).await {
            Ok(Ok(seen)) => seen,
            Ok(Err(error)) => unseen(of, what, &error.to_string()),
            Err(_) => unseen(of, what, "it took too long"),
        }
    }))
    .await;
    let mut all: BTreeMap<&'static str, Vec<Evidence>> = BTreeMap::new();
    for Seen { of, evidence } in seen.into_iter().flatten().chain(page::look(app)).chain(set_up::look(app)) {
        of.iter().for_each(|id| all.entry(id).or_default().push(evidence.clone()));
    }
    all
}

fn unseen(of: &'static [&'static str], what: &'static str, why: &str) -> Vec<Seen> {
    tracing::debug!(what, why, "a promise could not be looked at");
    vec![Seen::stale(of, what, "Could not be looked at just now")]
}
