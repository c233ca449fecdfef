//! The whole way in one go: a vague idea is refined, made with live looks, varied and edited, then found again, collected,
//! zipped, shared, and opened by somebody who is not signed in.
use crate::gallery::{collect_and_zip, search, share};
use crate::stage::{Stage, enter, price_on_button, see_gems, see_picture};
use crate::studio::{PROMPT, SUGGESTED, generate_and_vary, suggested, write_prompt};
use crate::tab::{Look, Tab};

#[actix_web::test]
async fn from_a_vague_idea_to_a_shared_picture_on_a_phone() {
    whole_way(Look::PHONE).await;
}

#[actix_web::test]
async fn from_a_vague_idea_to_a_shared_picture_on_a_wide_screen() {
    whole_way(Look::WIDE).await;
}

async fn whole_way(look: Look) {
    let mut stage = Stage::set().await;
    stage.start_work();
    let tab = stage.chrome.tab(look).await;
    enter(&tab, &stage.app.url, "GitHub", "Ada Lovelace").await;
    write_prompt(&tab, look).await;
    tab.press("button", "Refine · 3 gems").await;
    tab.until(&format!("{SUGGESTED} === 3"), "three sections unfold").await;
    let value = suggested(&tab, 0).await;
    tab.press("button", &value).await;
    let left = generate_and_vary(&stage, &tab).await;
    edit(&tab, left).await;
    let asked = stage.app.openai.requests();
    assert_eq!(asked.iter().filter(|it| it.path == "/v1/images/edits").count(), 1, "the last was made from another");
    tab.press("link", "Gallery").await;
    search(&tab, "fox", "3 pictures,").await;
    collect_and_zip(&tab, "Foxes").await;
    share(&tab).await;
    assert_eq!(tab.complaints(0), Vec::<String>::new());
    stage.clear().await;
}

/// From the picture's own page back into the studio, with the picture to start from.
async fn edit(tab: &Tab, left: i64) {
    tab.press("link", PROMPT).await;
    tab.press("link", "Edit").await;
    tab.see("button", "Remove picture 1").await;
    let price = price_on_button(tab).await;
    tab.press("button", "Generate · *").await;
    see_gems(tab, left - price).await;
    tab.until(
        "document.querySelectorAll('.generation .tile .picture__image.is-loaded').length === 3",
        "the edit is beside the others",
    )
    .await;
    see_picture(tab, PROMPT).await;
}
