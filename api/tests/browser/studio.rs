//! From a vague idea to a picture that was refined, kept as a preset, and varied: in both sizes, and what was paid for is
//! still there after a reload.
use std::time::Duration;

use lapidary_sandbox::faults::Fault;
use serde_json::json;

use crate::keyboard::{is_kept, tab_to};
use crate::stage::{Stage, enter, price_on_button, see_gems, see_picture};
use crate::tab::{Look, Size, Tab, text};

pub const PROMPT: &str = "A fox crossing a frozen river";
pub const SUGGESTED: &str = "document.querySelectorAll('.suggested .section').length";

#[actix_web::test]
async fn a_vague_idea_becomes_a_picture_by_refining_it_on_a_phone() {
    refine_and_vary(Look::PHONE).await;
}

#[actix_web::test]
async fn a_vague_idea_becomes_a_picture_by_refining_it_on_a_wide_screen() {
    refine_and_vary(Look::WIDE).await;
}

pub async fn write_prompt(tab: &Tab, look: Look) {
    tab.press("textbox", "What do you want to see?").await;
    tab.write(PROMPT).await;
    if look.size == Size::Phone {
        tab.press("button", "Options*").await;
    }
}

/// The words of a suggested value, by its place in the first section.
pub async fn suggested(tab: &Tab, at: usize) -> String {
    let chip = format!("document.querySelectorAll('.suggested .section__values .chip')[{at}]?.innerText");
    tab.until(&format!("{chip}?.length > 0"), "a suggestion is in sight").await;
    let chip = tab.eval(&chip).await;
    chip.as_str().expect("words").trim().to_owned()
}

async fn refine_and_vary(look: Look) {
    let mut stage = Stage::set().await;
    stage.start_work();
    let tab = stage.chrome.tab(look).await;
    enter(&tab, &stage.app.url, "GitHub", "Ada Lovelace").await;
    see_gems(&tab, 50).await;
    write_prompt(&tab, look).await;
    tab.press("button", "Refine · 3 gems").await;
    tab.until(&format!("{SUGGESTED} === 3"), "three sections unfold").await;
    see_gems(&tab, 47).await;
    let (first, second) = (suggested(&tab, 0).await, suggested(&tab, 1).await);
    tab.press("button", &first).await;
    tab.press("button", &second).await;
    tab.press("button", "Presets*").await;
    tab.press("textbox", "Name").await;
    tab.write("Quiet winter").await;
    tab.press("button", "Save preset").await;
    tab.see("button", "Use “Quiet winter”*").await;
    tab.reload().await;
    tab.until(&format!("{SUGGESTED} === 3"), "what was paid for is still there").await;
    see_gems(&tab, 47).await;
    if look.size == Size::Phone {
        tab.press("button", "Options*").await;
    }
    tab.press("button", &format!("Remove *: {first}").replace("*", &section_of(&tab, 0).await)).await;
    tab.press("button", "Presets*").await;
    tab.press("button", "Use “Quiet winter”*").await;
    let chosen = "[...document.querySelectorAll('.chosen .chip')].map((it) => it.innerText.trim())";
    assert_eq!(tab.eval(chosen).await, json!([first, second]), "the preset brings both back");
    generate_and_vary(&stage, &tab).await;
    assert_eq!(tab.complaints(0), Vec::<String>::new());
    stage.clear().await;
}

/// The name of the section of a chosen attribute.
async fn section_of(tab: &Tab, at: usize) -> String {
    let title = tab.eval(&format!("document.querySelectorAll('.chosen .chip')[{at}].title")).await;
    title.as_str().expect("a section").to_owned()
}

/// Gives the gems that are left.
pub async fn generate_and_vary(stage: &Stage, tab: &Tab) -> i64 {
    stage.app.openai.set_speed(Duration::from_secs(2));
    let price = price_on_button(tab).await;
    tab.press("button", "Generate · *").await;
    tab.until("document.querySelector('.tile__look')?.naturalWidth > 0", "a rough look is shown").await;
    see_picture(tab, PROMPT).await;
    see_gems(tab, 47 - price).await;
    stage.app.openai.set_speed(Duration::ZERO);
    tab.press("button", "Vary*").await;
    tab.see("dialog", "Vary this picture").await;
    tab.press("button", "Low").await;
    let name = tab.see("button", "Make it · *").await;
    let gems: i64 = name.chars().filter(char::is_ascii_digit).collect::<String>().parse().expect("a price");
    assert!(gems < price, "less is asked for less: {gems} of {price}");
    tab.press("button", "Make it · *").await;
    tab.until(
        "document.querySelectorAll('.generation .tile .picture__image.is-loaded').length === 2",
        "the variation is beside it",
    )
    .await;
    see_gems(tab, 47 - price - gems).await;
    47 - price - gems
}

#[actix_web::test]
async fn a_preset_comes_by_a_link_through_a_sign_in_and_is_kept() {
    const LINK: &str = "/studio#preset=%7B%22name%22%3A%22Stilles%20Eis%22%2C%22attributes%22%3A%5B%7B%22section%22%3A%22Licht%22%2C%22value%22%3A%22d%C3%A4mmrig%22%7D%5D%7D";
    let stage = Stage::set().await;
    let tab = stage.chrome.tab(Look::WIDE).await;
    tab.open(&stage.at(LINK)).await;
    tab.press("link", "Continue with GitHub").await;
    tab.press("textbox", "Who are you?").await;
    tab.write("Ada Lovelace").await;
    tab.press("button", "Allow").await;
    tab.press("button", "I am 13 or older").await;
    tab.press("button", "Keep it").await;
    tab.until("!document.querySelector('.received')", "it was taken").await;
    tab.press("button", "Presets*").await;
    tab.press("button", "Use “Stilles Eis”*").await;
    tab.see("button", "Remove Licht: dämmrig").await;
    tab.see("button", "Copy a link to “Stilles Eis”").await;
    assert_eq!(tab.eval("location.hash + sessionStorage.getItem('lapidary-preset')").await, json!("null"));
    assert_eq!(tab.complaints(0), Vec::<String>::new());
    stage.clear().await;
}

#[actix_web::test]
async fn a_refinement_that_came_to_nothing_says_so_and_its_gems_are_back() {
    let stage = Stage::set().await;
    let tab = stage.chrome.tab(Look::WIDE).await;
    enter(&tab, &stage.app.url, "GitHub", "Ada Lovelace").await;
    write_prompt(&tab, Look::WIDE).await;
    stage.app.fault(Fault::once("chat", "few_values"));
    tab.press("button", "Refine · 3 gems").await;
    tab.until("document.body.innerText.includes('Your gems are back')", "it is said").await;
    see_gems(&tab, 50).await;
    tab.press("button", "Try again").await;
    tab.until(&format!("{SUGGESTED} === 3"), "three sections unfold").await;
    see_gems(&tab, 47).await;
    tab.press("searchbox", "Search attributes").await;
    let value = suggested(&tab, 3).await;
    tab.write(&value).await;
    tab.until("document.querySelectorAll('.section:not(.is-hidden) .chip').length === 1", "the search finds it").await;
    assert_eq!(suggested(&tab, 0).await, value);
    stage.clear().await;
}

/// A reload in the middle: the request goes on, and asking again with its key brings what was paid for.
#[actix_web::test]
async fn a_reload_in_the_middle_of_a_refinement_loses_nothing() {
    let stage = Stage::set().await;
    let tab = stage.chrome.tab(Look::WIDE).await;
    enter(&tab, &stage.app.url, "GitHub", "Ada Lovelace").await;
    write_prompt(&tab, Look::WIDE).await;
    stage.app.fault(Fault::once("chat", "hang").with(2.0));
    tab.press("button", "Refine · 3 gems").await;
    tab.until("document.querySelector('.suggested[aria-busy=true]')", "places wait for it").await;
    see_gems(&tab, 47).await;
    tab.reload().await;
    tab.until(&format!("{SUGGESTED} === 3"), "what was paid for comes").await;
    see_gems(&tab, 47).await;
    let asked = stage.app.openai.requests().iter().filter(|it| it.path.ends_with("/chat/completions")).count();
    assert_eq!(asked, 1, "it was asked for once");
    stage.clear().await;
}

#[actix_web::test]
async fn two_values_are_seen_side_by_side_for_a_price_known_before() {
    let mut stage = Stage::set().await;
    stage.start_work();
    let tab = stage.chrome.tab(Look::WIDE).await;
    enter(&tab, &stage.app.url, "GitHub", "Ada Lovelace").await;
    write_prompt(&tab, Look::WIDE).await;
    tab.press("button", "Light*").await;
    tab.press("button", "Golden hour").await;
    let price = price_on_button(&tab).await;
    tab.press("button", "Compare two*").await;
    tab.see("dialog", "Compare two").await;
    tab.press("button", "Blue hour").await;
    tab.press("button", &format!("Generate both · {} gems", 2 * price)).await;
    tab.until(
        "document.querySelectorAll('.generation.is-paired .tile .picture__image.is-loaded').length === 2",
        "both are there",
    )
    .await;
    see_gems(&tab, 50 - 2 * price).await;
    let tops = "[...document.querySelectorAll('.generation.is-paired')].map((it) => it.getBoundingClientRect().top)";
    let tops = tab.eval(tops).await;
    assert_eq!(tops[0], tops[1], "they stand in one row");
    let person = stage.app.browser();
    person.sign_in("github", "Ada Lovelace").await;
    let token = person.refresh().await.expect("a token");
    let made = person.client.get(stage.at("/v1/generations")).bearer_auth(token).send().await.expect("an answer");
    let made: serde_json::Value = made.json().await.expect("a list");
    let mut values: Vec<String> = (0..2).map(|at| text(&made["data"][at]["attributes"][0], "value")).collect();
    values.sort();
    assert_eq!(values, ["Blue hour", "Golden hour"]);
    stage.clear().await;
}

#[actix_web::test]
async fn refining_and_varying_work_by_keyboard_alone() {
    let mut stage = Stage::set().await;
    stage.start_work();
    let tab = stage.chrome.tab(Look::WIDE).await;
    enter(&tab, &stage.app.url, "GitHub", "Ada Lovelace").await;
    tab.key("n", false).await;
    tab.until("document.activeElement.id === 'prompt'", "n goes to the prompt").await;
    tab.write(PROMPT).await;
    tab_to(&tab, "button", "Refine · 3 gems").await;
    tab.key("Enter", false).await;
    tab.until(&format!("{SUGGESTED} === 3"), "three sections unfold").await;
    is_kept(&tab, "when suggestions come").await;
    let value = suggested(&tab, 0).await;
    tab_to(&tab, "button", &value).await;
    tab.key("Space", false).await;
    tab.until("document.querySelectorAll('.chosen .chip').length === 1", "it is picked").await;
    tab.key("Enter", true).await;
    see_picture(&tab, PROMPT).await;
    tab_to(&tab, "button", "Vary*").await;
    tab.key("Enter", false).await;
    tab.see("dialog", "Vary this picture").await;
    tab_to(&tab, "button", "Low").await;
    tab.key("Space", false).await;
    tab_to(&tab, "button", "Make it · *").await;
    tab.key("Enter", false).await;
    tab.until(
        "document.querySelectorAll('.generation .tile .picture__image.is-loaded').length === 2",
        "the variation is beside it",
    )
    .await;
    is_kept(&tab, "when the dialog closes").await;
    assert_eq!(tab.complaints(0), Vec::<String>::new());
    stage.clear().await;
}
