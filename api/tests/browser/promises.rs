//! The promises as people read them: by keyboard, unfolded, on a narrow screen; and a new policy that is read and answered.
use lapidary::promises::policy::{tell, versions};
use serde_json::json;

use crate::every_page::Looks;
use crate::stage::{Stage, enter};
use crate::tab::Look;

#[actix_web::test]
async fn the_promises_are_read_and_unfolded_by_keyboard() {
    let stage = Stage::set().await;
    let tab = stage.chrome.tab(Look::PHONE).await;
    tab.open(&stage.at("/promises")).await;
    tab.see("heading", "How they are kept").await;
    tab.see("heading", "Who you are Kept").await;
    tab.see("heading", "Kept apart, and encrypted Not seen lately").await;
    let first = "document.querySelector('#P1 details')";
    assert_eq!(tab.eval(&format!("{first}.open")).await, false);
    tab.until("document.querySelector('#P1 summary').focus() === undefined", "the first fold has the focus").await;
    tab.key("Enter", false).await;
    tab.until(&format!("{first}.open && {first}.innerText.includes('GitHub, Google')"), "what was seen unfolds").await;
    tab.key("Tab", false).await;
    tab.until("document.activeElement.closest('#P2 summary')", "the next fold is one step away").await;
    tab.see("heading", "Who else gets something").await;
    tab.see("heading", "Privacy policy").await;
    tab.until("document.documentElement.scrollWidth <= innerWidth", "nothing is wider than the screen").await;
    tab.open(&stage.at("/terms")).await;
    tab.see("heading", "Gems").await;
    tab.until("document.body.innerText.includes('in force since')", "the terms have a version").await;
    assert_eq!(tab.complaints(0), Vec::<String>::new());
    stage.clear().await;
}

#[actix_web::test]
async fn a_new_policy_is_told_quietly_until_it_is_read() {
    let stage = Stage::set().await;
    let mut tab = stage.chrome.tab(Look::WIDE).await;
    enter(&tab, &stage.app.url, "GitHub", "Ada Lovelace").await;
    tab.see("textbox", "What do you want to see?").await;
    tab.miss("button", "I have read it").await;
    let mut sql = stage.app.sql().await;
    sqlx::query("delete from policy_acknowledgements where policy_id = $1")
        .bind(versions::ALL.iter().find(|it| it.kind.name() == "privacy").expect("a policy").id())
        .execute(&mut sql)
        .await
        .expect("as before it was there");
    tell::tell(&stage.app.app, stage.app.app.clock.now()).await.expect("told");
    tab.reload().await;
    tab.see("button", "I have read it").await;
    tab.until("document.body.innerText.includes('The privacy policy has changed')", "it is said").await;
    tab.see("textbox", "What do you want to see?").await;
    let mut looks = Looks::new();
    looks.take(&mut tab, "policy-banner").await;
    assert_eq!(looks.faults, Vec::<String>::new());
    tab.press("link", "Read what changed").await;
    tab.see("heading", "Privacy policy").await;
    tab.press("button", "I have read it").await;
    tab.miss("button", "I have read it").await;
    tab.until("document.activeElement && document.activeElement !== document.body", "the focus is kept").await;
    tab.reload().await;
    tab.see("heading", "Privacy policy").await;
    tab.miss("button", "I have read it").await;
    let read: i64 = sqlx::query_scalar("select count(*) from policy_acknowledgements where way = 'reading'")
        .fetch_one(&mut sql)
        .await
        .expect("a count");
    assert_eq!(json!(read), 1);
    stage.clear().await;
}
