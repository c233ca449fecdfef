//! The model's provider: the key is taken, and every model of the catalogue is there and stays.
use std::collections::{BTreeSet, HashSet};

use lapidary_domain::{Catalogue, Model, life};
use reqwest::StatusCode;
use serde_json::Value;
use url::Url;

use super::{Examination, Finding, unanswered};
use crate::catalogue;

const CHECK: &str = "model";

pub(super) async fn check(all: &Examination) -> Vec<Finding> {
    let settings = &all.settings;
    let (listed, answered) = ask(all, &settings.openai_base_url, settings.openai_api_key.as_ref()).await;
    let mut found = vec![answered];
    let Ok(catalogue) = catalogue::load(settings.catalogue_file.as_deref(), all.clock.today()) else { return found };
    let others: BTreeSet<&String> = catalogue.models.iter().filter_map(|model| model.base_url.as_ref()).collect();
    for text in others {
        let Ok(base) = text.parse::<Url>() else {
            found.push(Finding::wrong(CHECK, format!("{text} of the catalogue is no URL"), "Mend CATALOGUE_FILE."));
            continue;
        };
        // The key goes where the product sends it, and nowhere else.
        let is_ours = base.origin() == settings.openai_base_url.origin();
        found.push(ask(all, &base, settings.openai_api_key.as_ref().filter(|_| is_ours)).await.1);
    }
    found.extend(of_catalogue(all, &catalogue, &listed));
    found
}

/// What it lists, and whether it answers as a model's server does.
async fn ask(all: &Examination, base: &Url, key: Option<&String>) -> (Value, Finding) {
    let base = base.as_str().trim_end_matches('/');
    let mut request = all.http.get(format!("{base}/models"));
    if let Some(key) = key {
        request = request.bearer_auth(key);
    }
    let answer = match request.send().await {
        Ok(answer) => answer,
        Err(error) => {
            let says = format!("nobody answers at {base}: {}", unanswered(error));
            let hint = "Look at OPENAI_BASE_URL or the catalogue's base_url, and at the way out of this machine.";
            return (Value::Null, Finding::wrong(CHECK, says, hint));
        }
    };
    let hint = "Several compatible servers list no models; does yours? Look at OPENAI_BASE_URL, which ends with /v1.";
    let finding = match (answer.status(), key) {
        (StatusCode::UNAUTHORIZED, Some(_)) => {
            let says = format!("{base} refuses the key");
            Finding::wrong(CHECK, says, "Set OPENAI_API_KEY to one that is not revoked.")
        }
        (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, None) => {
            let hint = "Set OPENAI_API_KEY: it is sent to OPENAI_BASE_URL alone.";
            Finding::wrong(CHECK, format!("{base} wants a key"), hint)
        }
        (StatusCode::FORBIDDEN, Some(_)) => Finding::odd(
            CHECK,
            format!("{base} does not let this key list models: whether it may make pictures cannot be told"),
            "A restricted key needs the right to make images; the right to list models is only for this look.",
        ),
        (status, _) if status.is_success() => {
            let listed = answer.json::<Value>().await.unwrap_or_default();
            if listed.get("data").is_some_and(Value::is_array) {
                return (listed, Finding::right(CHECK, format!("{base} answers and takes the key")));
            }
            Finding::odd(CHECK, format!("what {base}/models says is no list of models"), hint)
        }
        (status, _) => Finding::odd(CHECK, format!("{base}/models answers with {}", status.as_u16()), hint),
    };
    (Value::Null, finding)
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
    }
    let endings = life::endings(catalogue, today);
    found.extend(endings.iter().map(|ending| Finding::odd(CHECK, ending.sentence(), ending.advice())));
    found
}
