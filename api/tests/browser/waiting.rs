//! How waiting looks: rough looks before the picture, what a screen reader finds, cancelling, a provider that pauses,
//! and a line that goes and comes back.
use std::time::Duration;

use chrono::TimeDelta;
use lapidary_sandbox::faults::Fault;
use serde_json::{Value, json};

use crate::stage::{Stage, enter, see_gems, see_picture};
use crate::tab::{Look, Tab};

const PROMPT: &str = "A fox crossing a frozen river";
/// The catalogue's default.
const MODEL: &str = "gpt-image-2.5-flare";
/// Long enough that each rough look is seen.
const THINKING: Duration = Duration::from_secs(5);

async fn generate(tab: &Tab) {
    tab.press("textbox", "What do you want to see?").await;
    tab.select_all().await;
    tab.write(PROMPT).await;
    tab.press("button", "Generate · *").await;
}

async fn said(tab: &Tab) -> Value {
    tab.eval("[...document.querySelectorAll('[role=status]')].map((it) => it.innerText).join('\\n')").await
}

#[actix_web::test]
async fn a_rough_look_is_seen_before_the_picture_and_nothing_moves_for_who_wants_stillness() {
    let mut stage = Stage::set().await;
    stage.app.openai.set_speed(THINKING);
    let tab = stage.chrome.tab(Look::WIDE).await;
    enter(&tab, &stage.app.url, "GitHub", "Ada Lovelace").await;
    stage.start_work();
    generate(&tab).await;
    tab.see("progressbar", &format!("Progress of “{PROMPT}”")).await;
    let tile = "document.querySelector('.generation .tile').getBoundingClientRect()";
    let place = tab.eval(&format!("{tile}.height")).await;
    tab.until("document.querySelector('.tile__look')?.naturalWidth > 0", "a rough look is shown").await;
    assert_eq!(tab.eval(&format!("{tile}.height")).await, place, "the look moved what was there");
    assert_eq!(tab.eval("document.querySelector('a.tile')").await, Value::Null, "the picture was there before");
    assert_eq!(tab.eval("document.getAnimations().length").await, 0, "something moves with reduced motion");
    let words = tab.eval("document.querySelector('[role=progressbar]').ariaValueText").await;
    assert!(words.as_str().is_some_and(|words| words.starts_with("Being made")), "{words}");
    see_picture(&tab, PROMPT).await;
    assert_eq!(tab.eval(&format!("{tile}.height")).await, place, "the picture moved what was there");
    let heard = said(&tab).await;
    assert!(heard.as_str().is_some_and(|it| it.contains(&format!("Your picture of “{PROMPT}” is ready."))), "{heard}");
    assert_eq!(tab.complaints(0), Vec::<String>::new());
    stage.clear().await;
}

#[actix_web::test]
async fn cancelling_says_so_at_once_and_keeps_the_focus() {
    let stage = Stage::set().await;
    let tab = stage.chrome.tab(Look::WIDE).await;
    enter(&tab, &stage.app.url, "GitHub", "Ada Lovelace").await;
    generate(&tab).await;
    let cancel = tab.see("button", &format!("Cancel “{PROMPT}”")).await;
    tab.press("button", &cancel).await;
    tab.see("button", &format!("Try again: “{PROMPT}”")).await;
    tab.until("document.activeElement.closest('.generation')", "the focus stays with what was cancelled").await;
    see_gems(&tab, 50).await;
    stage.clear().await;
}

#[actix_web::test]
async fn while_a_provider_pauses_there_is_one_note_and_it_goes_by_itself() {
    let mut stage = Stage::set_with_two_providers().await;
    let tab = stage.chrome.tab(Look::WIDE).await;
    enter(&tab, &stage.app.url, "GitHub", "Ada Lovelace").await;
    stage.app.fault(Fault::always("openai", "server_error"));
    generate(&tab).await;
    tab.see("button", "Cancel *").await;
    let person = stage.app.person("Ada Lovelace").await;
    for _ in 0..5 {
        person.submit(&json!({"prompt": "A bowl of lemons", "quality": "low"})).await.expect_status(202);
    }
    for _ in 0..5 {
        stage.app.work().await;
        if stage.app.app.providers.is_paused(MODEL) {
            break;
        }
        stage.app.app.clock.advance(TimeDelta::seconds(20));
    }
    tab.reload().await;
    tab.until("document.querySelectorAll('.note--paused').length === 1", "one note says that it pauses").await;
    let note = tab.eval("document.querySelector('.note--paused').innerText").await;
    assert!(note.as_str().is_some_and(|it| it.contains("gems are only held")), "{note}");
    assert_eq!(tab.eval("document.querySelectorAll('.generation__end.is-failed').length").await, 0);
    tab.until("document.querySelector('.note--paused button')", "another model is offered").await;
    let other = tab.eval("document.querySelector('.note--paused button').innerText").await;
    tab.press("button", other.as_str().expect("another model is offered")).await;
    tab.until("!document.querySelector('.note--paused button')", "another model is chosen").await;
    stage.app.faults.clear();
    stage.app.app.clock.advance(TimeDelta::seconds(120));
    stage.start_work();
    tab.until("!document.querySelector('.note--paused')", "the note goes by itself").await;
    // The first one asked for is the last in the list, and a picture is loaded when it comes into sight.
    tab.until("document.querySelectorAll('.generation a.tile').length === 6", "all that waited is made").await;
    tab.eval("[...document.querySelectorAll('.generation a.tile')].at(-1).scrollIntoView()").await;
    see_picture(&tab, PROMPT).await;
    stage.clear().await;
}

#[actix_web::test]
async fn a_line_that_comes_back_brings_what_was_missed() {
    let stage = Stage::set().await;
    let tab = stage.chrome.tab(Look::WIDE).await;
    enter(&tab, &stage.app.url, "GitHub", "Ada Lovelace").await;
    line(&tab, false).await;
    tab.until("document.querySelector('.note')?.innerText.includes('You are offline')", "it says so").await;
    let bottom = tab.eval("document.querySelector('.composer__generate').getBoundingClientRect().bottom").await;
    assert!(bottom.as_f64().is_some_and(|bottom| bottom <= 800.0), "Generate is out of the window: {bottom}");
    tab.press("link", "Gallery").await;
    let person = stage.app.person("Ada Lovelace").await;
    person.make(&json!({"prompt": PROMPT, "quality": "low"})).await;
    line(&tab, true).await;
    see_picture(&tab, PROMPT).await;
    tab.until("!document.querySelector('.note')", "the note goes").await;
    stage.clear().await;
}

async fn line(tab: &Tab, is_there: bool) {
    let state = json!({"offline": !is_there, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1});
    tab.call("Network.emulateNetworkConditions", state).await;
}

#[actix_web::test]
async fn a_part_of_the_page_that_does_not_arrive_says_so_and_comes_when_it_is_asked_for_again() {
    let stage = Stage::set().await;
    let tab = stage.chrome.tab(Look::WIDE).await;
    tab.call("Network.setBlockedURLs", json!({"urls": ["*/later-*.wasm"]})).await;
    enter(&tab, &stage.app.url, "GitHub", "Ada Lovelace").await;
    see_gems(&tab, 50).await;
    tab.press("link", "Gems").await;
    tab.until("document.body.innerText.includes('This part of the page did not arrive')", "it says what is missing")
        .await;
    tab.see("button", "Reload the page").await;
    tab.call("Network.setBlockedURLs", json!({"urls": []})).await;
    tab.press("button", "Try again").await;
    tab.see("heading", "Statement").await;
    stage.clear().await;
}
