//! The tasks of a tab's main thread, as the browser traces them: how long each took by the clock, and how much of that it
//! worked. On a machine that does other things besides, the rest was waiting for a processor.
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::tab::{Tab, text};

const PATIENCE: Duration = Duration::from_secs(60);
/// Shorter ones are counted and not described.
const WORTH_MICROSECONDS: f64 = 20_000.0;
const TASK: &str = "RunTask";
const CATEGORIES: [&str; 3] = ["devtools.timeline", "disabled-by-default-devtools.timeline", "__metadata"];

/// Both in milliseconds.
#[derive(Clone, Debug)]
pub struct Task {
    pub by_clock: f64,
    pub worked: f64,
    /// What took longest in it: by the clock, and worked.
    parts: Vec<String>,
}

impl Task {
    pub fn words(&self) -> String {
        format!("{:.0} ms of work in {:.0}: {}", self.worked, self.by_clock, self.parts.join(", "))
    }
}

pub struct Watch<'a> {
    tab: &'a Tab,
    since: usize,
}

impl<'a> Watch<'a> {
    pub async fn start(tab: &'a Tab) -> Self {
        let since = tab.cdp.moment();
        let config = json!({"includedCategories": CATEGORIES, "recordMode": "recordUntilFull"});
        tab.call("Tracing.start", json!({"transferMode": "ReportEvents", "traceConfig": config})).await;
        Self { tab, since }
    }

    /// Every task since the start.
    pub async fn end(self) -> Vec<Task> {
        self.tab.call("Tracing.end", json!({})).await;
        let until = Instant::now() + PATIENCE;
        let heard = loop {
            let heard = self.tab.cdp.heard(&self.tab.session, self.since);
            if let Some(complete) = heard.iter().find(|event| event.method == "Tracing.tracingComplete") {
                assert_eq!(complete.params["dataLossOccurred"], false, "the trace is whole");
                break heard;
            }
            assert!(Instant::now() < until, "the trace never came");
            tokio::time::sleep(Duration::from_millis(500)).await;
        };
        let chunks = heard.iter().filter(|event| event.method == "Tracing.dataCollected");
        let events: Vec<&Value> = chunks.filter_map(|event| event.params["value"].as_array()).flatten().collect();
        let mains: Vec<_> = events.iter().filter(|event| is_main(event)).map(|event| thread(event)).collect();
        let tasks = events.iter().filter(|event| event["name"] == TASK && mains.contains(&thread(event)));
        tasks.map(|task| described(&events, task)).collect()
    }
}

fn is_main(event: &Value) -> bool {
    event["name"] == "thread_name" && event["args"]["name"] == "CrRendererMain"
}

fn thread(event: &Value) -> (&Value, &Value) {
    (&event["pid"], &event["tid"])
}

fn described(events: &[&Value], task: &Value) -> Task {
    let (from, took) = (number(task, "ts"), number(task, "dur"));
    let known = Task { by_clock: took / 1e3, worked: number(task, "tdur") / 1e3, parts: Vec::new() };
    if took < WORTH_MICROSECONDS {
        return known;
    }
    let is_within = |event: &&&Value| {
        event["tid"] == task["tid"]
            && event["name"] != TASK
            && number(event, "ts") >= from
            && number(event, "ts") + number(event, "dur") <= from + took
    };
    let mut parts: Vec<&Value> = events.iter().filter(is_within).copied().collect();
    parts.sort_by(|one, other| number(other, "dur").total_cmp(&number(one, "dur")));
    let parts = parts.iter().take(12).map(|part| {
        format!("{} {:.1} ({:.1})", text(part, "name"), number(part, "dur") / 1e3, number(part, "tdur") / 1e3)
    });
    Task { parts: parts.collect(), ..known }
}

fn number(event: &Value, name: &str) -> f64 {
    event[name].as_f64().unwrap_or_default()
}
