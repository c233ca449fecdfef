//! The moderation service, where one is turned on: it looks at a text of ours and says that nothing speaks against it.
use super::{Examination, Finding};
use crate::config::WhenDown;
use crate::http::request_log::chain;
use crate::moderation::client::Moderation;

const CHECK: &str = "moderation";
/// Whatever the service thinks of pictures, it does not mind this.
const HARMLESS: &str = "A fox crossing a frozen river";

pub(super) async fn check(all: &Examination) -> Vec<Finding> {
    let moderation = match Moderation::new(&all.settings) {
        Ok(Some(moderation)) => moderation,
        Ok(None) => return vec![Finding::right(CHECK, "prompts are not looked at beforehand: MODERATION is off")],
        Err(error) => return vec![Finding::wrong(CHECK, format!("no HTTP client can be made: {error}"), "")],
    };
    vec![match moderation.look(HARMLESS).await {
        Ok(looked) if looked.categories.is_empty() => Finding::right(CHECK, "the service looks at prompts"),
        Ok(looked) => {
            let says = format!("the service refuses a harmless prompt: {}", looked.categories.join(", "));
            Finding::odd(CHECK, says, "Look at MODERATION_BASE_URL and MODERATION_MODEL.")
        }
        Err(error) => {
            let then = match all.settings.moderation.moderation_when_down {
                WhenDown::Allow => "until it answers, prompts pass",
                WhenDown::Refuse => "until it answers, nothing can be made",
            };
            let says = format!("the service does not look at prompts, and {then}: {}", chain(&error));
            Finding::wrong(CHECK, says, "Look at MODERATION_BASE_URL, MODERATION_API_KEY and MODERATION_MODEL.")
        }
    }]
}
