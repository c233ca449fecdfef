//! Where the page's requests go: to us, to the storage, and to the provider while signing in. Asked under a host name
//! that is not localhost, with every page visited.
use std::collections::BTreeSet;

use crate::stage::{Elsewhere, Stage, enter, see_picture};
use crate::tab::{Look, Tab};

const PROMPT: &str = "A fox crossing a frozen river";
const OUTSIDE: [&str; 7] =
    ["/", "/sign-in", "/sign-in?failure=denied", "/promises", "/terms", "/docs/", "/nothing-here"];
const INSIDE: [&str; 10] = [
    "/studio",
    "/gallery",
    "/gallery?favourite=true",
    "/gallery/trash",
    "/gems",
    "/notices",
    "/account",
    "/promises",
    "/terms",
    "/nothing-here",
];

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

/// Writes, generates and waits for the picture.
async fn make(tab: &Tab, prompt: &str) {
    tab.press("textbox", "What do you want to see?").await;
    // The last prompt stays, to be worked on.
    tab.select_all().await;
    tab.write(prompt).await;
    tab.press("button", "Generate · *").await;
    see_picture(tab, prompt).await;
}

async fn visit(tab: &Tab, there: &Elsewhere, paths: &[&str]) {
    for path in paths {
        tab.open(&there.at(path)).await;
        tab.settle().await;
    }
}

#[actix_web::test]
async fn no_request_leaves_our_origin_and_the_storage() {
    let mut stage = Stage::set().await;
    stage.start_work();
    let there = Elsewhere::start(&stage.app, "lapidary.localhost").await;
    let storage = stage.app.app.store.public_origin().await;
    let tab = stage.chrome.tab(Look::WIDE).await;
    visit(&tab, &there, &OUTSIDE).await;
    assert_eq!(strangers(&tab, 0, &[&there.url]), BTreeSet::new(), "before signing in");
    let since = tab.cdp.moment();
    enter(&tab, &there.url, "GitHub", "Ada Lovelace").await;
    tab.settle().await;
    assert_eq!(strangers(&tab, since, &[&there.url, &storage, &there.providers[0]]), BTreeSet::new(), "signing in");
    let since = tab.cdp.moment();
    make(&tab, "A picture for the trash").await;
    tab.press("link", "A picture for the trash").await;
    tab.press("button", "Delete").await;
    tab.see("button", "Undo").await;
    tab.open(&there.at("/studio")).await;
    make(&tab, PROMPT).await;
    tab.press("link", PROMPT).await;
    tab.see("button", "Download").await;
    tab.reload().await;
    tab.settle().await;
    visit(&tab, &there, &INSIDE).await;
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
    there.stop().await;
    stage.clear().await;
}
