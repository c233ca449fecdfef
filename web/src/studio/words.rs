//! What the studio says about a generation: its state, its wait, its end. Words only.
use lapidary_contract::{FailureCode, Generation};
use lapidary_domain::GenerationStatus;

fn pictures(count: usize) -> String {
    if count == 1 { "1 picture".to_owned() } else { format!("{count} pictures") }
}

/// `0:42`, `12:05`. A clock that is behind the server's says `0:00`.
pub fn elapsed(seconds: i64) -> String {
    let seconds = seconds.max(0);
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

/// The state of unfinished work and how long it has lasted.
pub fn waiting(generation: &Generation, now: i64) -> String {
    let since = generation.started_at.unwrap_or(generation.created_at).timestamp();
    let lasted = elapsed(now - since);
    match (generation.status, generation.queue_position) {
        (GenerationStatus::Running, _) => format!("Being made · {lasted}"),
        (_, None | Some(0)) => format!("Next in line · {lasted}"),
        (_, Some(before)) => format!("In line, {before} before it · {lasted}"),
    }
}

/// How long one of these usually takes, in seconds: the middle of those that are done.
pub fn usual_seconds(done: &[Generation], like: &Generation) -> Option<i64> {
    let times = done
        .iter()
        .filter(|other| other.model == like.model && other.quality == like.quality)
        .filter(|other| other.status == GenerationStatus::Succeeded)
        .filter_map(|other| Some((other.finished_at? - other.started_at?).num_seconds().max(1)));
    let mut lasted: Vec<i64> = Vec::new();
    times.for_each(|seconds| lasted.insert(lasted.partition_point(|known| *known < seconds), seconds));
    lasted.get(lasted.len() / 2).copied()
}

/// `usually 40 s`, `usually 2 min`.
pub fn usually(seconds: i64) -> String {
    match seconds {
        ..90 => format!("usually {seconds} s"),
        _ => format!("usually {} min", (seconds + 30) / 60),
    }
}

/// What came of a finished one that did not deliver everything; `None` when there is nothing to say.
pub fn outcome(generation: &Generation) -> Option<String> {
    let back = match generation.price_gems - generation.captured_gems {
        0 => String::new(),
        1 => " 1 gem is back.".to_owned(),
        gems => format!(" {gems} gems are back."),
    };
    let why = generation.failure.as_ref().map(|failure| failure.message.trim().to_owned());
    match generation.status {
        GenerationStatus::Queued | GenerationStatus::Running | GenerationStatus::Succeeded => None,
        GenerationStatus::Failed => {
            let why = why.unwrap_or_else(|| FailureCode::Internal.sentence().to_owned());
            Some(format!("{why}{back}"))
        }
        GenerationStatus::Cancelled if generation.captured_gems > 0 => {
            Some(format!("Cancelled. What was ready is kept.{back}"))
        }
        GenerationStatus::Cancelled => Some(format!("Cancelled.{back}")),
        GenerationStatus::PartlySucceeded => {
            let why = why.map(|why| format!(" {why}")).unwrap_or_default();
            Some(format!("Not all of the {} arrived.{why}{back}", pictures(generation.count as usize)))
        }
    }
}

/// Whether asking for the very same again can end otherwise.
pub fn can_repeat(generation: &Generation) -> bool {
    match (generation.status, generation.failure.as_ref().map(|failure| failure.code)) {
        (GenerationStatus::Cancelled, _) => true,
        (_, Some(FailureCode::Refused | FailureCode::RequestRefused | FailureCode::ModelGone)) => false,
        (status, _) => matches!(status, GenerationStatus::Failed | GenerationStatus::PartlySucceeded),
    }
}

/// For a screen reader, when the state changes.
pub fn announcement(generation: &Generation) -> String {
    let about: String = generation.prompt.chars().take(60).collect();
    match generation.status {
        GenerationStatus::Queued => format!("In line: {about}"),
        GenerationStatus::Running => format!("Being made: {about}"),
        GenerationStatus::Succeeded => format!("{} ready: {about}", pictures(generation.images.len())),
        _ => outcome(generation).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generation(status: &str, more: &str) -> Generation {
        let text = format!(
            r#"{{"id":"0197f5a0-0000-7000-8000-000000000001","status":"{status}","prompt":"A fox","composed_prompt":"A fox",
            "attributes":[],"model":"m","size":"1024x1024","quality":"medium","count":2,"price_gems":20,"captured_gems":0,
            "request_id":"r","images":[],"created_at":"2026-11-23T10:00:00Z"{more}}}"#
        );
        serde_json::from_str(&text).expect("a generation")
    }

    #[test]
    fn a_failed_one_says_that_the_gems_are_back() {
        let failed = generation("failed", r#","failure":{"code":"timeout","message":"It took too long."}"#);
        assert_eq!(outcome(&failed).as_deref(), Some("It took too long. 20 gems are back."));
        assert!(can_repeat(&failed));
    }

    #[test]
    fn a_refused_prompt_is_not_offered_again_unchanged() {
        let refused = generation("failed", r#","failure":{"code":"refused","message":"No."}"#);
        assert!(!can_repeat(&refused));
    }

    #[test]
    fn the_place_in_line_is_said_in_words() {
        let now = generation("queued", "").created_at.timestamp() + 65;
        assert_eq!(waiting(&generation("queued", r#","queue_position":3"#), now), "In line, 3 before it · 1:05");
        assert_eq!(waiting(&generation("queued", ""), now - 70), "Next in line · 0:00");
    }
}
