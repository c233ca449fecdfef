//! Several calls and several tabs at once: one refresh for all of them, one stream, and news in every tab.
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::stage::{Stage, enter, see_gems, see_picture};
use crate::tab::{Look, Tab, text};

const PROMPT: &str = "Paper lanterns over a canal";

fn answers(tab: &Tab, since: usize, status: u64) -> usize {
    let heard = tab.heard(since).into_iter();
    heard.filter(|it| it.method == "Network.responseReceived" && it.params["response"]["status"] == status).count()
}

fn asked(tab: &Tab, since: usize, path: &str) -> usize {
    tab.requests(since).iter().filter(|(_, address)| address.ends_with(path)).count()
}

/// The request that Chromium holds back for us.
async fn held(tab: &Tab, since: usize) -> String {
    for _ in 0..500 {
        let held = tab.heard(since).into_iter().find(|event| event.method == "Fetch.requestPaused");
        if let Some(held) = held {
            return text(&held.params, "requestId");
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("nothing asked for a fresh token");
}

#[actix_web::test]
async fn nine_parallel_401s_make_one_refresh() {
    let stage = Stage::set().await;
    let tab = stage.chrome.tab(Look::WIDE).await;
    enter(&tab, &stage.app.url, "GitHub", "Ada Lovelace").await;
    see_gems(&tab, 50).await;
    tab.settle().await;
    stage.app.app.clock.advance(TimeDelta::minutes(11));
    let since = tab.cdp.moment();
    let patterns = json!({"patterns": [{"urlPattern": "*/v1/auth/refresh"}]});
    tab.call("Fetch.enable", patterns).await;
    // The refresh waits until nine calls have been refused, so that all nine need it at the same time.
    let mut refused = 0;
    for page in ["Gallery", "Gems", "Account", "Studio"].into_iter().cycle().take(40) {
        tab.press("link", page).await;
        tab.until("!document.querySelector('a[aria-current=page]')?.matches(':hover:active')", "it is pressed").await;
        refused = answers(&tab, since, 401);
        if refused >= 9 {
            break;
        }
    }
    assert!(refused >= 9, "only {refused} calls were refused, which shows nothing");
    let request = held(&tab, since).await;
    tab.call("Fetch.continueRequest", json!({"requestId": request})).await;
    tab.call("Fetch.disable", json!({})).await;
    tab.settle().await;
    assert_eq!(asked(&tab, since, "/v1/auth/refresh"), 1);
    tab.press("link", "Gems").await;
    tab.see("heading", "Gems").await;
    tab.until("document.body.innerText.includes('50')", "the balance is read with the fresh token").await;
    assert_eq!(asked(&tab, since, "/v1/auth/refresh"), 1);
    stage.clear().await;
}

/// Streams that began and have not ended.
fn open_streams(tabs: &[&Tab]) -> usize {
    let of_tab = |tab: &&Tab| {
        let mut open: Vec<Value> = Vec::new();
        for event in tab.heard(0) {
            let id = event.params["requestId"].clone();
            match event.method.as_str() {
                "Network.responseReceived"
                    if text(&event.params["response"], "url").ends_with("/v1/events")
                        && event.params["response"]["status"] == 200 =>
                {
                    open.push(id);
                }
                "Network.loadingFinished" | "Network.loadingFailed" => open.retain(|known| *known != id),
                "Page.frameNavigated" => open.clear(),
                _ => {}
            }
        }
        open.len()
    };
    tabs.iter().map(of_tab).sum()
}

#[actix_web::test]
async fn an_open_tab_learns_what_another_one_did() {
    let mut stage = Stage::set().await;
    let first = stage.chrome.tab(Look::WIDE).await;
    enter(&first, &stage.app.url, "GitHub", "Ada Lovelace").await;
    let second = stage.chrome.tab(Look::WIDE).await;
    second.open(&stage.at("/gallery")).await;
    second.see("heading", "No pictures yet").await;
    second.eval("window.isSame = true").await;
    stage.start_work();
    first.press("textbox", "What do you want to see?").await;
    first.write(PROMPT).await;
    first.press("button", "Generate · *").await;
    see_picture(&second, PROMPT).await;
    see_picture(&first, PROMPT).await;
    assert_eq!(second.eval("window.isSame").await, true, "it was reloaded");
    assert_eq!(open_streams(&[&first, &second]), 1, "each tab reads a stream of its own");
    // The tab that reads the stream goes; the other one takes over.
    first.press("link", PROMPT).await;
    first.press("button", "Delete").await;
    second.miss("link", PROMPT).await;
    first.close().await;
    let third = stage.chrome.tab(Look::WIDE).await;
    third.open(&stage.at("/gallery/trash")).await;
    third.press("button", "Restore").await;
    see_picture(&second, PROMPT).await;
    assert_eq!(open_streams(&[&second, &third]), 1);
    stage.clear().await;
}
