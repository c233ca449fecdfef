//! Where the page's requests go: to us, to the storage, and to the provider while signing in. Asked under a host name
//! that is not localhost, with every page visited.
use std::collections::BTreeSet;

use serde_json::json;

use crate::harness::Person;
use crate::stage::{Elsewhere, Stage, see_gems, see_picture, sign_in};
use crate::tab::{Look, Tab};

const PROMPT: &str = "A fox crossing a frozen river";

/// Addresses of other origins than these that were asked for since a moment.
fn strangers(tab: &Tab, since: usize, allowed: &[&str]) -> BTreeSet<String> {
    let ours: Vec<_> = allowed.iter().map(|it| url::Url::parse(it).expect("an address").origin()).collect();
    let asked = tab.requests(since).into_iter().map(|(_, address)| address);
    let is_stranger = |address: &String| match url::Url::parse(address) {
        // These never leave the browser.
        Ok(url) if matches!(url.scheme(), "data" | "blob" | "about") => false,
        Ok(url) => !ours.contains(&url.origin()),
        Err(_) => true,
    };
    asked.filter(is_stranger).collect()
}

async fn image_id(person: &Person<'_>) -> String {
    let made = person.make(&json!({"prompt": PROMPT, "quality": "low"})).await;
    made["images"][0]["id"].as_str().expect("a picture").to_owned()
}

#[actix_web::test]
async fn no_request_leaves_our_origin_and_the_storage() {
    let stage = Stage::set().await;
    let person = stage.app.person("Ada Lovelace").await;
    let id = image_id(&person).await;
    let deleted = image_id(&person).await;
    person.delete(&format!("/v1/images/{deleted}")).await.expect_status(204);
    let there = Elsewhere::start(&stage.app, "lapidary.localhost").await;
    let storage = stage.app.app.store.public_origin().await;
    let tab = stage.chrome.tab(Look::WIDE).await;
    for path in ["/", "/sign-in", "/sign-in?failure=denied", "/promises", "/terms", "/docs/", "/nothing-here"] {
        tab.open(&there.at(path)).await;
        tab.settle().await;
    }
    assert_eq!(strangers(&tab, 0, &[&there.url]), BTreeSet::new(), "before signing in");
    let since = tab.cdp.moment();
    sign_in(&tab, &there.url, "GitHub", "Ada Lovelace").await;
    see_gems(&tab, 50 - spent(&person).await).await;
    tab.settle().await;
    assert_eq!(strangers(&tab, since, &[&there.url, &storage, &there.providers[0]]), BTreeSet::new(), "signing in");
    let since = tab.cdp.moment();
    let image = format!("/images/{id}");
    for path in ["/studio", "/gallery", "/gallery?favourite=true", "/gallery/trash", &image, "/gems", "/account"] {
        tab.open(&there.at(path)).await;
        tab.settle().await;
    }
    for path in ["/promises", "/terms", "/nothing-here"] {
        tab.open(&there.at(path)).await;
        tab.settle().await;
    }
    tab.open(&there.at("/gallery")).await;
    see_picture(&tab, PROMPT).await;
    tab.open(&there.at("/docs/")).await;
    tab.press("button", "Use my session").await;
    tab.until("document.body.innerText.includes('carry your session')", "the session is used").await;
    assert_eq!(strangers(&tab, since, &[&there.url, &storage]), BTreeSet::new(), "signed in");
    let asked = tab.requests(since);
    let from_storage = asked.iter().filter(|(_, address)| address.starts_with(&storage)).count();
    assert!(from_storage > 2, "no picture came from the storage, so this test saw nothing");
    assert_eq!(tab.complaints(0), Vec::<String>::new());
    drop(there);
    stage.clear().await;
}

async fn spent(person: &Person<'_>) -> i64 {
    person.gems().await["used"].as_i64().expect("a number")
}
