//! Whether what must go in time went lately, as the jobs' traces say. Runs none of them.
use sqlx::{Connection, PgConnection};

use super::{Examination, Finding};
use crate::promises::retention::report::Report;
use crate::promises::retention::trace_queries;

const CHECK: &str = "retention";

pub(super) async fn check(all: &Examination) -> Vec<Finding> {
    let traces = async {
        let mut conn = PgConnection::connect(&all.settings.database_url).await?;
        let traces = trace_queries::last(&mut conn).await;
        conn.close().await?;
        traces
    };
    let Ok(traces) = traces.await else {
        return vec![Finding::odd(CHECK, "whether old things go in time cannot be told", "")];
    };
    let report = Report::of(&traces, all.clock.now());
    let (stale, unseen) = (report.stale(), report.not_yet());
    vec![if !stale.is_empty() {
        let says = format!("these have not run for too long: {}", stale.join(", "));
        Finding::odd(CHECK, says, "`serve` and `work` run them: look whether one is up, and at its log.")
    } else if !unseen.is_empty() {
        Finding::right(CHECK, format!("whatever ran was in time; not yet: {}", unseen.join(", ")))
    } else {
        Finding::right(CHECK, "everything that must go in time went lately")
    }]
}
