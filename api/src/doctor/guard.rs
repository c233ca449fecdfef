//! What `serve` and `work` refuse beside the settings: found out while they start, so that the first answer waits for
//! nobody. Only what is certain ends the process; what is odd, and a vendor that does not answer, is told in the log.
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{Examination, Finding, Mark, REQUEST_PATIENCE, Report, bucket, database, secrets};
use crate::app::{App, vendor_client};

/// These are promises: there is no serving without them.
const PROMISES: [&str; 4] = ["schema", "isolation", "encryption", "privacy"];
const ISOLATION: &str = "isolation";
const LOOKING: Duration = Duration::from_secs(15);
const AGAIN_AFTER: Duration = Duration::from_millis(250);
const AGAIN_AFTER_AT_MOST: Duration = Duration::from_secs(5);

/// The first broken promise, in a sentence; the process has been told to stop then.
pub async fn judge(app: Arc<App>) -> Option<String> {
    let http = vendor_client(REQUEST_PATIENCE).ok()?;
    let all = Examination { settings: app.settings.clone(), clock: app.clock.clone(), http };
    if let Some(broken) = judge_database(&app, &all).await {
        return Some(stop(&app, &broken));
    }
    app.is_judged.store(true, Ordering::Relaxed);
    let first = look(bucket::check(&all), &all).await;
    // A storage has bad moments: it is believed when it says so twice.
    let stored = if first.iter().any(is_broken) { look(bucket::check(&all), &all).await } else { first };
    tell(&stored);
    stored.iter().find(|finding| is_broken(finding)).map(|broken| stop(&app, broken))
}

/// First and alone: until it is known that people are kept apart, this process is not ready.
async fn judge_database(app: &App, all: &Examination) -> Option<Finding> {
    let mut pause = AGAIN_AFTER;
    while app.stop.is_serving() {
        let found = look(database::check(all), all).await;
        tell(&found);
        if let Some(broken) = found.iter().find(|finding| is_broken(finding)) {
            return Some(broken.clone());
        }
        if found.iter().any(|finding| finding.check == ISOLATION) {
            return None;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(AGAIN_AFTER_AT_MOST);
    }
    None
}

/// Without secrets, and not for ever.
async fn look(check: impl Future<Output = Vec<Finding>>, all: &Examination) -> Vec<Finding> {
    let found = tokio::time::timeout(LOOKING, check).await.unwrap_or_else(|_| {
        vec![Finding::odd(
            "start",
            format!("no end after {} seconds", LOOKING.as_secs()),
            "`lapidary doctor` says more.",
        )]
    });
    Report::of(found).without(&secrets(&all.settings)).findings
}

fn tell(found: &[Finding]) {
    for Finding { check, mark, says, hint } in found {
        match mark {
            Mark::Right => {}
            Mark::Odd => tracing::warn!(check, says, hint, "worth a look"),
            Mark::Wrong => tracing::warn!(check, says, hint, "something is wrong"),
        }
    }
}

fn stop(app: &App, broken: &Finding) -> String {
    tracing::error!(check = broken.check, says = broken.says, "a promise would be broken: stopping");
    // Where people are not kept apart, not even what runs may go on.
    let times = if broken.check == ISOLATION { 2 } else { 1 };
    if app.stop.is_serving() {
        for _ in 0..times {
            app.stop.go_on();
        }
    }
    format!("{}: {}. {}", broken.check, broken.says, broken.hint)
}

fn is_broken(finding: &Finding) -> bool {
    finding.mark == Mark::Wrong && PROMISES.contains(&finding.check)
}
