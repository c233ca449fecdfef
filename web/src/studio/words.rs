//! What the studio says about a generation: its state, its wait, its end. Words only.
use lapidary_contract::{FailureCode, Generation, RefusalStage};
use lapidary_domain::GenerationStatus;

fn pictures(count: usize) -> String {
    if count == 1 { "1 picture".to_owned() } else { format!("{count} pictures") }
}

/// `0:42`, `12:05`. A clock that is behind the server's says `0:00`.
pub fn elapsed(seconds: i64) -> String {
    let seconds = seconds.max(0);
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

/// `a few seconds`, `40 s`, `2 min`: nobody knows it better than that.
pub fn roughly(seconds: i64) -> String {
    match seconds {
        ..8 => "a few seconds".to_owned(),
        8..100 => format!("{} s", (seconds + 4) / 5 * 5),
        _ => format!("{} min", (seconds + 30) / 60),
    }
}

/// How unfinished work goes, as far as anybody knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Going {
    /// Seconds since it was started, or asked for while it waits.
    pub lasted: i64,
    /// Seconds that are probably left; none where nothing is known, below zero when it takes longer than usual.
    pub left: Option<i64>,
}

impl Going {
    /// `ends_at`: when it was said to be finished, in seconds since 1970.
    pub fn of(generation: &Generation, ends_at: Option<i64>, now: i64) -> Self {
        let since = generation.started_at.unwrap_or(generation.created_at).timestamp();
        Self { lasted: (now - since).max(0), left: ends_at.map(|at| at - now) }
    }

    /// Hundredths that are probably done. Comes near the end and never says that it is there.
    pub fn percent(self) -> Option<i64> {
        let left = self.left?;
        Some(self.lasted * 100 / (self.lasted + left.max(self.lasted / 19).max(1)))
    }
}

/// The state of unfinished work: on the page every second, so it may count.
pub fn waiting(generation: &Generation, going: Going) -> String {
    let state = state(generation);
    match (generation.status, going.left) {
        (GenerationStatus::Running, Some(..0)) => format!("{state} · longer than usual"),
        (_, Some(left)) if left >= 0 => format!("{state} · about {} left", roughly(left)),
        (GenerationStatus::Running, _) => format!("{state} · running for {}", elapsed(going.lasted)),
        _ => format!("{state} · {}", elapsed(going.lasted)),
    }
}

/// The same for who hears it: without seconds that count.
pub fn heard(generation: &Generation, going: Going) -> String {
    let state = state(generation);
    match going.left {
        Some(left) if left >= 0 => format!("{state}, about {} left", roughly(left)),
        _ => state,
    }
}

fn state(generation: &Generation) -> String {
    match (generation.status, generation.queue_position) {
        (GenerationStatus::Running, _) => "Being made".to_owned(),
        (_, None | Some(0)) => "Next in line".to_owned(),
        (_, Some(before)) => format!("In line, {before} before it"),
    }
}

/// The prompt's first words: which picture is meant.
pub fn about(generation: &Generation) -> String {
    let mut letters = generation.prompt.chars();
    let start: String = letters.by_ref().take(60).collect();
    if letters.next().is_some() { start + "…" } else { start }
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

/// With a refusal: at which stage, for what, and what its provider knows it by.
pub fn refusal(generation: &Generation) -> Option<String> {
    let refusal = generation.failure.as_ref()?.refusal.as_ref()?;
    let stage = match refusal.stage {
        RefusalStage::BeforeMaking => "Refused before anything was made",
        RefusalStage::Input => "Refused by the model before it drew",
        RefusalStage::Output => "Drawn, and withheld by the model",
        RefusalStage::Unknown => "Refused by the model",
    };
    let why =
        if refusal.categories.is_empty() { String::new() } else { format!(": {}", refusal.categories.join(", ")) };
    let id = refusal.provider_request_id.as_ref().map(|id| format!(" Its provider knows it as {id}."));
    Some(format!("{stage}{why}.{}", id.unwrap_or_default()))
}

/// Whether asking for the very same again can end otherwise, now.
pub fn can_repeat(generation: &Generation) -> bool {
    use FailureCode::{ModelGone, OperatorConfiguration, OperatorQuota, Refused, RequestRefused};
    match (generation.status, generation.failure.as_ref().map(|failure| failure.code)) {
        (GenerationStatus::Cancelled, _) => true,
        (_, Some(Refused | RequestRefused | ModelGone | OperatorQuota | OperatorConfiguration)) => false,
        (status, _) => matches!(status, GenerationStatus::Failed | GenerationStatus::PartlySucceeded),
    }
}

/// For a screen reader, when it was asked for and when it ends; what happens between is said by the progress.
pub fn announcement(generation: &Generation) -> Option<String> {
    let about = about(generation);
    Some(match generation.status {
        GenerationStatus::Queued => format!("In line: {about}"),
        GenerationStatus::Running => return None,
        GenerationStatus::Succeeded if generation.images.len() == 1 => format!("Your picture of “{about}” is ready."),
        GenerationStatus::Succeeded => {
            format!("Your {} of “{about}” are ready.", pictures(generation.images.len()))
        }
        GenerationStatus::Cancelled => outcome(generation).unwrap_or_default(),
        GenerationStatus::Failed | GenerationStatus::PartlySucceeded => {
            format!("“{about}”: {}", outcome(generation).unwrap_or_default())
        }
    })
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
    fn a_refusal_says_its_stage_its_reason_and_the_providers_id() {
        let refused = |refusal: &str| {
            let failure = format!(r#","failure":{{"code":"refused","message":"No."{refusal}}}"#);
            super::refusal(&generation("failed", &failure))
        };
        let said = refused(r#","refusal":{"stage":"output","categories":["violence"],"provider_request_id":"req_1"}"#);
        let expected = "Drawn, and withheld by the model: violence. Its provider knows it as req_1.";
        assert_eq!(said.as_deref(), Some(expected));
        assert_eq!(refused(r#","refusal":{"stage":"unknown"}"#).as_deref(), Some("Refused by the model."));
        assert_eq!(refused(""), None);
    }

    #[test]
    fn what_only_the_operator_can_mend_is_not_offered_again_now() {
        for code in ["operator_quota", "operator_configuration"] {
            let failed = generation("failed", &format!(r#","failure":{{"code":"{code}","message":"No."}}"#));
            assert!(!can_repeat(&failed), "{code}");
        }
    }

    #[test]
    fn the_place_in_line_is_said_in_words() {
        let queued = generation("queued", r#","queue_position":3"#);
        let after = |row: &Generation, seconds: i64, left: Option<i64>| {
            let now = row.created_at.timestamp() + seconds;
            Going::of(row, left.map(|left| now + left), now)
        };
        assert_eq!(waiting(&queued, after(&queued, 65, None)), "In line, 3 before it · 1:05");
        assert_eq!(waiting(&queued, after(&queued, 5, Some(38))), "In line, 3 before it · about 40 s left");
        let next = generation("queued", "");
        assert_eq!(waiting(&next, after(&next, -5, None)), "Next in line · 0:00");
    }

    #[test]
    fn running_work_says_what_is_known_and_never_more() {
        let running = generation("running", r#","started_at":"2026-11-23T10:00:10Z""#);
        let start = running.created_at.timestamp() + 10;
        assert_eq!(waiting(&running, Going::of(&running, None, start + 12)), "Being made · running for 0:12");
        let going = Going::of(&running, Some(start + 40), start + 20);
        assert_eq!(waiting(&running, going), "Being made · about 20 s left");
        assert_eq!(heard(&running, going), "Being made, about 20 s left");
        assert_eq!(going.percent(), Some(50));
        let late = Going::of(&running, Some(start + 40), start + 600);
        assert_eq!(waiting(&running, late), "Being made · longer than usual");
        assert_eq!(late.percent(), Some(95), "it never claims to be done");
        assert_eq!(Going::of(&running, None, start + 12).percent(), None);
    }

    #[test]
    fn the_end_is_announced_and_the_middle_is_not() {
        assert_eq!(announcement(&generation("running", "")), None);
        assert_eq!(announcement(&generation("queued", "")).as_deref(), Some("In line: A fox"));
        let failed = generation("failed", r#","failure":{"code":"timeout","message":"It took too long."}"#);
        assert_eq!(announcement(&failed).as_deref(), Some("“A fox”: It took too long. 20 gems are back."));
    }
}
