//! What `serve` and `work` refuse beside the settings: found out while they start, so that the start waits for nobody.
//! Only what is certain ends the process; a vendor that does not answer is told in the log.
use std::sync::Arc;

use super::{Examination, Finding, Mark, REQUEST_PATIENCE, bucket, database};
use crate::app::{App, vendor_client};

/// These are promises: there is no serving without them.
const PROMISES: [&str; 4] = ["schema", "isolation", "encryption", "privacy"];

/// The first broken promise, in a sentence; the process has been told to stop then.
pub async fn judge(app: Arc<App>) -> Option<String> {
    let http = vendor_client(REQUEST_PATIENCE).ok()?;
    let all = Examination { settings: app.settings.clone(), clock: app.clock.clone(), http };
    let (database, first) = tokio::join!(database::check(&all), bucket::check(&all));
    // A storage has bad moments: it is believed when it says so twice.
    let stored = if first.iter().any(is_broken) { bucket::check(&all).await } else { first };
    for finding in database.iter().chain(&stored).filter(|finding| finding.mark == Mark::Wrong) {
        if is_broken(finding) {
            let sentence = format!("{}: {}. {}", finding.check, finding.says, finding.hint);
            tracing::error!(check = finding.check, says = finding.says, "a promise would be broken: stopping");
            if app.stop.is_serving() {
                app.stop.go_on();
            }
            return Some(sentence);
        }
        tracing::warn!(check = finding.check, "something is wrong at the start: `lapidary doctor` says more");
    }
    None
}

fn is_broken(finding: &Finding) -> bool {
    finding.mark == Mark::Wrong && PROMISES.contains(&finding.check)
}
