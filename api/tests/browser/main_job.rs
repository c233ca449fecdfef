//! The main job, from the landing page to a picture that was deleted and came back, in both sizes; and what a closed
//! tab and a restart do to it: nothing.
use serde_json::{Value, json};

use crate::stage::{Elsewhere, Stage, enter, price_on_button, see_gems, see_picture, sign_in};
use crate::tab::{Look, Size, Tab, text};

const PROMPT: &str = "A lighthouse in a storm, 灯台, напротив скал";
const PICKED: [&str; 2] = ["Cinematic still", "Golden hour"];

#[actix_web::test]
async fn the_main_job_from_sign_in_to_undo_on_a_phone() {
    main_job(Look::PHONE).await;
}

#[actix_web::test]
async fn the_main_job_from_sign_in_to_undo_on_a_wide_screen() {
    main_job(Look::WIDE).await;
}

async fn main_job(look: Look) {
    let mut stage = Stage::set().await;
    let tab = stage.chrome.tab(look).await;
    enter(&tab, &stage.app.url, "GitHub", "Ada Lovelace").await;
    see_gems(&tab, 50).await;
    compose(&tab, look.size).await;
    let price = price_on_button(&tab).await;
    tab.press("button", "Generate · *").await;
    tab.until("document.body.innerText.includes('In line')", "it waits in line").await;
    let document = tab.eval("window.isSame = true").await;
    stage.start_work();
    see_picture(&tab, PROMPT).await;
    see_gems(&tab, 50 - price).await;
    assert_eq!(tab.eval("window.isSame").await, document, "the page was reloaded on the way");
    tab.press("link", "Gallery").await;
    see_picture(&tab, PROMPT).await;
    tab.reload().await;
    see_picture(&tab, PROMPT).await;
    see_gems(&tab, 50 - price).await;
    tab.press("link", PROMPT).await;
    tab.press("button", "Download").await;
    let saved = stage.chrome.downloaded().await;
    assert_eq!(saved, original(&stage).await, "what was downloaded is not the original");
    let address = tab.eval("location.pathname").await;
    tab.press("button", "Delete").await;
    tab.miss("link", PROMPT).await;
    // The picture goes at once; the way back is offered when the server has it in the trash.
    tab.see("button", "Undo").await;
    assert_eq!(trashed(&stage).await, 1, "nothing went to the trash");
    tab.press("button", "Undo").await;
    tab.until("document.body.innerText.includes('Back in the gallery')", "the server has it back").await;
    tab.see("button", "Download").await;
    assert_eq!(tab.eval("location.pathname").await, address, "Undo does not lead back to the picture");
    tab.press("link", "Gallery").await;
    tab.reload().await;
    see_picture(&tab, PROMPT).await;
    assert_eq!(trashed(&stage).await, 0, "it is still in the trash");
    assert_eq!(tab.complaints(0), Vec::<String>::new());
    stage.clear().await;
}

/// Prompt and two built-in attributes; what the model will read has all three.
async fn compose(tab: &Tab, size: Size) {
    tab.press("textbox", "What do you want to see?").await;
    tab.write(PROMPT).await;
    if size == Size::Phone {
        tab.press("button", "Options*").await;
    }
    tab.press("button", "Style*").await;
    tab.press("button", PICKED[0]).await;
    tab.press("button", "Light*").await;
    tab.press("button", PICKED[1]).await;
    tab.press("button", "What the model will read*").await;
    // What unfolds may still be on its way.
    tab.until("document.querySelector('mark')", "the words are marked").await;
    let marked = "[...document.querySelectorAll('mark')].map((it) => it.textContent)";
    assert_eq!(tab.eval(marked).await, json!(PICKED));
    let read = tab.eval("document.getElementById('reading').innerText").await;
    assert!(read.as_str().is_some_and(|text| text.contains(PROMPT)), "the model would not read the prompt: {read}");
}

/// The bytes of the person's only picture, as storage has them.
async fn original(stage: &Stage) -> Vec<u8> {
    let image = images(stage, "/v1/images").await;
    let url = image["data"][0]["url"].as_str().expect("an address").to_owned();
    reqwest::get(url).await.expect("an answer").bytes().await.expect("bytes").to_vec()
}

async fn trashed(stage: &Stage) -> usize {
    images(stage, "/v1/images?trash=true").await["data"].as_array().map_or(0, Vec::len)
}

/// Read with the person's own session, from outside of Chromium.
async fn images(stage: &Stage, path: &str) -> Value {
    let browser = stage.app.browser();
    browser.sign_in("github", "Ada Lovelace").await;
    let token = browser.refresh().await.expect("a token");
    let answer = browser.client.get(stage.at(path)).bearer_auth(token).send().await.expect("an answer");
    answer.json().await.expect("a list")
}

#[actix_web::test]
async fn continue_with_google_works_too() {
    let stage = Stage::set().await;
    let tab = stage.chrome.tab(Look::WIDE).await;
    enter(&tab, &stage.app.url, "Google", "Grace Hopper").await;
    see_gems(&tab, 50).await;
    assert_eq!(tab.eval("location.pathname").await, "/studio");
    stage.clear().await;
}

#[actix_web::test]
async fn a_denied_sign_in_says_so_and_offers_the_way_in() {
    let stage = Stage::set().await;
    let tab = stage.chrome.tab(Look::PHONE).await;
    tab.open(&stage.at("/sign-in")).await;
    tab.press("link", "Continue with GitHub").await;
    tab.press("button", "Deny").await;
    tab.see("heading", "Sign-in was cancelled").await;
    tab.see("link", "Continue with GitHub").await;
    assert_eq!(tab.eval("document.body.innerText.includes('Request')").await, true, "there is no request id to copy");
    stage.clear().await;
}

#[actix_web::test]
async fn a_closed_tab_and_a_restart_keep_the_picture() {
    let mut stage = Stage::set().await;
    let tab = stage.chrome.tab(Look::WIDE).await;
    enter(&tab, &stage.app.url, "GitHub", "Ada Lovelace").await;
    tab.press("textbox", "What do you want to see?").await;
    tab.write(PROMPT).await;
    tab.press("button", "Generate · *").await;
    tab.until("document.body.innerText.includes('In line')", "it waits in line").await;
    tab.close().await;
    stage.start_work();
    let back = stage.chrome.tab(Look::WIDE).await;
    back.open(&stage.at("/gallery")).await;
    see_picture(&back, PROMPT).await;
    // A process that remembers nothing: only database and storage are the same.
    let restarted = Elsewhere::start(&stage.app, "localhost").await;
    back.open(&restarted.at("/gallery")).await;
    see_picture(&back, PROMPT).await;
    restarted.stop().await;
    stage.clear().await;
}

#[actix_web::test]
async fn signing_out_leaves_nothing_behind() {
    let stage = Stage::set().await;
    let tab = stage.chrome.tab(Look::WIDE).await;
    enter(&tab, &stage.app.url, "GitHub", "Ada Lovelace").await;
    tab.press("link", "Account").await;
    tab.press("button", "Sign out").await;
    tab.see("link", "Make your first picture").await;
    let cookies = tab.call("Network.getCookies", json!({"urls": [stage.app.url]})).await;
    let kept = cookies["cookies"].as_array().into_iter().flatten().map(|it| text(it, "name"));
    // The other cookie binds a sign-in attempt to this browser; it says nothing about anybody and goes by itself.
    assert_eq!(kept.filter(|name| name != "lapidary_sign_in").collect::<Vec<_>>(), Vec::<String>::new());
    tab.open(&stage.at("/gallery")).await;
    tab.see("heading", "Sign in to Lapidary").await;
    sign_in(&tab, &stage.app.url, "GitHub", "Ada Lovelace").await;
    see_gems(&tab, 50).await;
    stage.clear().await;
}
