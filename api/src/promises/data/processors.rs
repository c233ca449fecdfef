//! Whoever else gets data, as this installation is set up: from its settings and its catalogue, never from a list of usual
//! ones. Says no key, and no address inside the installation's own network.
use std::collections::BTreeMap;

use lapidary_contract::Processor;
use url::Url;

use crate::app::App;
use crate::http::public;

/// What part of the work somebody does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Identity,
    Pictures,
    Refinement,
    Moderation,
    Payment,
    Storage,
    Webhooks,
}

type Known = (Role, Processor);

pub fn all(app: &App) -> Vec<Known> {
    let mut all = identity(app);
    all.extend(pictures(app));
    let settings = &app.settings;
    let refinement = settings.refinement_base_url.as_ref().unwrap_or(&settings.openai_base_url);
    all.push(known(
        Role::Refinement,
        "A language model",
        "Suggests attributes",
        place(refinement),
        &["The prompt and its attributes"],
        "When you ask it to refine a prompt",
    ));
    if app.moderation.is_some() {
        let url = settings.moderation.moderation_base_url.as_ref().unwrap_or(&settings.openai_base_url);
        let gets = &["The prompt"][..];
        let when = "Before anything is made from it";
        all.push(known(
            Role::Moderation,
            "Moderation",
            "Looks whether a prompt would hurt people",
            place(url),
            gets,
            when,
        ));
    }
    if app.payments.is_some() {
        all.push(known(
            Role::Payment,
            "Payment provider",
            "Takes payments",
            place(&settings.stripe_api_url),
            &[
                "Your e-mail address, which you can change at its page",
                "What you buy and the amount",
                "What you tell it about how you pay",
            ],
            "When you buy gems, and when money goes back",
        ));
    }
    all.push(storage(app));
    all.push(known(
        Role::Webhooks,
        "Addresses you name",
        "Hear what happens in your account",
        "set up by you".to_owned(),
        &["What you chose to be told"],
        "When that happens",
    ));
    all
}

fn known(role: Role, name: impl Into<String>, does: &str, place: String, receives: &[&str], when: &str) -> Known {
    let receives = receives.iter().map(|text| (*text).to_owned()).collect();
    (role, Processor { name: name.into(), role: does.to_owned(), place, receives, when: when.to_owned() })
}

/// Its host. What is not in the internet is nobody else's.
pub fn place(url: &Url) -> String {
    match url.host_str() {
        Some(host) if public::check_host(url).is_ok() => host.to_owned(),
        _ => "in this installation's own network".to_owned(),
    }
}

fn identity(app: &App) -> Vec<Known> {
    let settings = &app.settings;
    let address = |id: &str| match id {
        "github" => Some(settings.github_url.clone()),
        "google" => settings.google_issuer.parse().ok(),
        _ => settings.oidc_issuer.as_deref().and_then(|issuer| issuer.parse().ok()),
    };
    let named = app.auth.provider_names();
    let each = named.into_iter().map(|(id, name)| {
        let place = address(id).map_or_else(|| name.clone(), |url| place(&url));
        let gets = ["That you sign in here, and when"];
        known(Role::Identity, name, "Vouches for you", place, &gets, "When you sign in with it or link it")
    });
    each.collect()
}

/// One for each host, with the models that are asked there.
fn pictures(app: &App) -> Vec<Known> {
    let mut models: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    let today = app.clock.today();
    for model in app.catalogue.models.iter().filter(|model| model.is_available(today)) {
        let own = model.base_url.as_ref().and_then(|url| url.parse::<Url>().ok());
        let at = place(own.as_ref().unwrap_or(&app.settings.openai_base_url));
        models.entry(at).or_default().push(&model.name);
    }
    let each = models.into_iter().map(|(at, names)| {
        let name = format!("Provider of {}", names.join(", "));
        let gets = ["The prompt as it is composed", "The pictures and the mask you make it from"];
        known(Role::Pictures, name, "Draws pictures", at, &gets, "When you make a picture with one of these models")
    });
    each.collect()
}

fn storage(app: &App) -> Known {
    let settings = &app.settings;
    let address = settings.s3_public_endpoint.as_ref().or(settings.s3_endpoint.as_ref());
    let at = match address.and_then(|text| text.parse::<Url>().ok()) {
        Some(url) => place(&url),
        None => format!("Amazon S3, {}", settings.s3_region),
    };
    let gets = ["Pictures, uploads, previews, archives and your profile picture, encrypted at rest"];
    known(
        Role::Storage,
        "Storage",
        "Keeps pictures",
        at,
        &gets,
        "When one is made or uploaded, and when you look at it",
    )
}
