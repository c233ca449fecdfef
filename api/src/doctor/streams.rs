//! Streams of events through PUBLIC_URL, as a browser has them: a proxy that collects an answer before it passes it on
//! shows nothing until the end.
use std::time::{Duration, Instant};

use super::{Examination, Finding, unanswered};
use crate::http::event_stream::{PROBE_EVENTS, PROBE_PAUSE};

const CHECK: &str = "streams";

/// For an origin at which a Lapidary answers.
pub(super) async fn check(all: &Examination, origin: &str) -> Finding {
    let mut heard = listen(all, origin).await;
    // A busy machine may be late once.
    if heard.as_ref().is_ok_and(|heard| heard.is_held_back()) {
        heard = listen(all, origin).await;
    }
    let hint = "Switch buffering off for /v1/events and /v1/generations/{id}/events (nginx: `proxy_buffering off`), \
                and let answers take minutes there.";
    match heard {
        Err(says) => Finding::wrong(CHECK, says, hint),
        Ok(heard) if heard.events != PROBE_EVENTS => {
            let says = format!("of a stream of {PROBE_EVENTS} events {} came through {origin}", heard.events);
            Finding::wrong(CHECK, says, hint)
        }
        Ok(heard) if heard.is_held_back() => {
            let says = format!("a proxy buffers event streams: all events came through {origin} at once, at the end");
            Finding::wrong(CHECK, says, hint)
        }
        Ok(_) => Finding::right(CHECK, format!("events come through {origin} one by one")),
    }
}

struct Heard {
    events: u32,
    /// Between the first event and the last.
    spread: Duration,
}

impl Heard {
    fn is_held_back(&self) -> bool {
        self.events > 1 && self.spread < PROBE_PAUSE
    }
}

async fn listen(all: &Examination, origin: &str) -> Result<Heard, String> {
    let cut = |error: reqwest::Error| format!("a stream through {origin} is cut: {}", unanswered(error));
    let mut answer = all.http.get(format!("{origin}/health/stream")).send().await.map_err(cut)?;
    let kind = answer.headers().get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("text/event-stream") {
        return Err(format!("{origin}/health/stream answers {} and no stream", answer.status().as_u16()));
    }
    let (mut text, mut arrivals) = (Vec::new(), Vec::new());
    while let Some(chunk) = answer.chunk().await.map_err(cut)? {
        text.extend_from_slice(&chunk);
        let ends = text.windows(2).filter(|end| *end == b"\n\n").count();
        arrivals.resize(ends, Instant::now());
    }
    let spread = match (arrivals.first(), arrivals.last()) {
        (Some(first), Some(last)) => last.duration_since(*first),
        _ => Duration::ZERO,
    };
    Ok(Heard { events: u32::try_from(arrivals.len()).unwrap_or(u32::MAX), spread })
}
