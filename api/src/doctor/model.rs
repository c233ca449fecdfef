//! The model's provider: the key is taken, and every model of the catalogue is there and stays.
use std::collections::HashSet;

use chrono::TimeDelta;
use lapidary_domain::{Catalogue, Model};
use reqwest::StatusCode;
use serde_json::Value;

use super::{Examination, Finding, unanswered};
use crate::catalogue;

const CHECK: &str = "model";
const SOON: TimeDelta = TimeDelta::days(60);

pub(super) async fn check(all: &Examination) -> Vec<Finding> {
    let base = all.settings.openai_base_url.as_str().trim_end_matches('/').to_owned();
    let mut request = all.http.get(format!("{base}/models"));
    if let Some(key) = &all.settings.openai_api_key {
        request = request.bearer_auth(key);
    }
    let answer = match request.send().await {
        Ok(answer) => answer,
        Err(error) => {
            let says = format!("nobody answers at {base}: {}", unanswered(error));
            return vec![Finding::wrong(CHECK, says, "Look at OPENAI_BASE_URL and at the way out of this machine.")];
        }
    };
    let listed = match answer.status() {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            let (says, hint) = match &all.settings.openai_api_key {
                Some(_) => (format!("{base} refuses the key"), "Set OPENAI_API_KEY to one that is not revoked."),
                None => (format!("{base} wants a key"), "Set OPENAI_API_KEY."),
            };
            return vec![Finding::wrong(CHECK, says, hint)];
        }
        status if status.is_success() => answer.json::<Value>().await.unwrap_or_default(),
        status => {
            let says = format!("{base}/models answers with {}", status.as_u16());
            return vec![Finding::odd(CHECK, says, "Several compatible servers list no models; does yours?")];
        }
    };
    let mut found = vec![Finding::right(CHECK, format!("{base} answers and takes the key"))];
    if let Ok(catalogue) = catalogue::load(all.settings.catalogue_file.as_deref(), all.clock.today()) {
        found.extend(of_catalogue(all, &catalogue, &listed));
    }
    found
}

fn of_catalogue(all: &Examination, catalogue: &Catalogue, listed: &Value) -> Vec<Finding> {
    let today = all.clock.today();
    let listed: HashSet<&str> = listed
        .get("data")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|model| model.get("id")?.as_str())
        .collect();
    let usable =
        |model: &&Model| model.available.is_none_or(|day| day <= today) && model.retires.is_none_or(|day| day > today);
    let mut found = Vec::new();
    for model in catalogue.models.iter().filter(usable) {
        // Another server's are not in this list.
        if model.base_url.is_none() && !listed.is_empty() && !listed.contains(model.wire_model.as_str()) {
            let says = format!("{} is in the catalogue and not among the provider's models", model.wire_model);
            found.push(Finding::odd(CHECK, says, "Take it out with CATALOGUE_FILE, or get access to it."));
        }
        if let Some(day) = model.retires.filter(|day| *day <= today + SOON) {
            let says = format!("{} retires on {day}", model.name);
            let hint = match &model.replacement {
                Some(next) => format!("From then on {next} answers in its place."),
                None => "Name its replacement in the catalogue.".to_owned(),
            };
            found.push(Finding::odd(CHECK, says, hint));
        }
    }
    found
}
