//! What this installation is set up to do, said as it is: providers, limits, moderation, contact, and the policies in force.
use chrono::{DateTime, TimeDelta, Utc};
use lapidary_contract::domain::limits::WAITING_MAX;

use super::{Blind, Seen};
use crate::app::App;
use crate::config::{WhenDown, is_loopback};
use crate::promises::data::processors::{self, Role};
use crate::promises::numbers;
use crate::promises::policy::{queries, versions};

/// Within it everybody is told of a version that holds.
const TOLD_WITHIN: TimeDelta = TimeDelta::days(2);

pub fn look(app: &App) -> Vec<Seen> {
    let mut seen = vec![at_rest(app), models(app), sold(app), links(), contact(app)];
    let names: Vec<String> = app.auth.provider_names().into_iter().map(|(_, name)| name).collect();
    seen.push(Seen::kept(&["P1"], "Ways to sign in", names.join(", ")));
    seen.extend(limits(app));
    seen
}

fn at_rest(app: &App) -> Seen {
    let what = "Encryption of the database's disk";
    let words = app.settings.database_at_rest.as_deref().map(str::trim).filter(|words| !words.is_empty());
    match words {
        Some(words) => Seen::declared(&["P7"], what, words),
        None => Seen::stale(&["P7"], what, "Nobody has said how it is done"),
    }
}

fn models(app: &App) -> Seen {
    let hosts: Vec<String> = processors::all(app)
        .into_iter()
        .filter(|(role, _)| *role == Role::Pictures)
        .map(|(_, it)| format!("{}: {}", it.name, it.place))
        .collect();
    Seen::kept(&["P6"], "Where prompts go to become pictures", hosts.join(". "))
}

fn sold(app: &App) -> Seen {
    let value = match app.payments {
        Some(_) => format!("At the provider's own page ({})", processors::place(&app.settings.stripe_api_url)),
        None => "Nothing is sold here".to_owned(),
    };
    Seen::kept(&["P5"], "Where you pay", value)
}

fn links() -> Seen {
    let days = numbers::link_days();
    Seen::judged(&["P9"], "Life of a link to a picture", days <= 7, format!("{days} days at most"))
}

/// At a loopback address whoever asks sits before the machine.
fn contact(app: &App) -> Seen {
    let (of, what) = (&["P15"], "Address of support");
    let contact = app.settings.support_contact.as_deref().map(str::trim).filter(|text| !text.is_empty());
    match contact {
        Some(contact) => Seen::kept(of, what, contact),
        None if is_loopback(&app.settings.public_url) => Seen::kept(of, what, "None: only this machine is served"),
        None => Seen::broken(of, what, "None"),
    }
}

fn limits(app: &App) -> [Seen; 3] {
    let of = &["P14"];
    let settings = &app.settings;
    let often = format!(
        "{} a minute for a person or a key, {} for an address that is not signed in; {} a minute that cost gems",
        settings.limits.requests_per_minute,
        settings.limits.requests_per_minute_signed_out,
        settings.limits.spends_per_minute
    );
    let much = format!("{} run for one person, {WAITING_MAX} wait", settings.running_per_person);
    let looked = match (&app.moderation, settings.moderation.moderation_when_down) {
        (None, _) => "Not before they reach a model: each model has its own safety system",
        (Some(_), WhenDown::Allow) => {
            "Before anything is made; while nobody can look, the model's own safety system does"
        }
        (Some(_), WhenDown::Refuse) => "Before anything is made; while nobody can look, nothing is made",
    };
    [
        Seen::kept(of, "Requests", often),
        Seen::kept(of, "Generations at once", much),
        Seen::kept(of, "Whether prompts are looked at", looked),
    ]
}

/// Those in force: written down as they are shown, and told to everybody.
pub async fn policies(app: &App, now: DateTime<Utc>) -> Result<Vec<Seen>, Blind> {
    let of = &["P13"];
    let mut conn = app.db.house().acquire().await?;
    let mut seen = Vec::new();
    for version in versions::in_force(versions::ALL, now) {
        let what = match version.kind {
            lapidary_contract::PolicyKind::Privacy => "Privacy policy",
            lapidary_contract::PolicyKind::Terms => "Terms",
        };
        let name = version.version;
        let told = queries::told(&mut conn, version.id()).await?;
        seen.push(match told {
            None => Seen::stale(of, what, format!("Version {name} is not written down yet")),
            Some(told) if told.text_hash != version.text_hash() => {
                Seen::broken(of, what, format!("Version {name} has other words than when it was published"))
            }
            Some(told) => match told.told_at {
                Some(at) => Seen::kept(of, what, format!("Version {name}; everybody has been told")).at(Some(at)),
                None if now - told.created_at <= TOLD_WITHIN => {
                    Seen::kept(of, what, format!("Version {name}; people are being told"))
                }
                None => Seen::stale(of, what, format!("Version {name}; not everybody has been told")),
            },
        });
    }
    Ok(seen)
}
