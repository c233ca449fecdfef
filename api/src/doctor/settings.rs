//! The settings as `serve` would judge them, without asking anybody.
use std::str::FromStr;

use tracing_subscriber::EnvFilter;

use super::{Examination, Finding};
use crate::catalogue;
use crate::config::{Switch, is_loopback};
use crate::page::Page;

pub(super) async fn check(all: &Examination) -> Vec<Finding> {
    let settings = &all.settings;
    let mut found = vec![match settings.check() {
        Ok(()) => Finding::right("settings", "they keep every promise"),
        Err(error) => Finding::wrong("settings", error.to_string(), "`lapidary serve` refuses to start like this."),
    }];
    found.push(match catalogue::load(settings.catalogue_file.as_deref(), all.clock.today()) {
        Ok(catalogue) => Finding::right("catalogue", format!("version {} is sound", catalogue.version)),
        Err(error) => Finding::wrong("catalogue", error.to_string(), "Mend the file that CATALOGUE_FILE names."),
    });
    found.push(match Page::load(settings.page_dir.as_deref(), "", settings.support_contact.as_deref()) {
        Ok(Some(_)) => Finding::right("page", "it is there"),
        Ok(None) => Finding::odd(
            "page",
            "there is none: only the API is served",
            "Build with feature embed-page, or name the built page with PAGE_DIR.",
        ),
        Err(error) => Finding::wrong("page", format!("it cannot be read: {error}"), "Look at PAGE_DIR."),
    });
    found.push(match settings.support_contact.as_deref().map(str::trim).filter(|contact| !contact.is_empty()) {
        Some(contact) => Finding::right("support", format!("people are told to write to {contact}")),
        None => Finding::odd("support", "people are told nobody to write to", "Set SUPPORT_CONTACT."),
    });
    if let Err(error) = EnvFilter::from_str(&settings.log_filter) {
        found.push(Finding::odd("logs", format!("LOG_FILTER is not one: {error}"), "Until then `info` is used."));
    }
    if settings.programs.webhooks_allow_private == Switch::On && !is_loopback(&settings.public_url) {
        found.push(Finding::odd(
            "webhooks",
            "they may go to private addresses: whoever signs in can reach into this server's network",
            "Leave WEBHOOKS_ALLOW_PRIVATE off, unless you know everybody who signs in.",
        ));
    }
    if let Some(words) = &settings.database_at_rest {
        found.push(Finding::right("disk", format!("the database's disk is declared to be encrypted: {words}")));
    }
    found
}
