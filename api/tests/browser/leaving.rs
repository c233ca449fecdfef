//! Taking everything along and leaving: an export, a deletion that is taken back, and one that is not.
use crate::every_page::Looks;
use crate::stage::{Stage, enter};
use crate::tab::{Look, Tab};

async fn says(tab: &Tab, words: &str) {
    let shown = format!("document.body.innerText.includes({})", serde_json::Value::from(words));
    tab.until(&shown, &format!("it says “{words}”")).await;
}

#[actix_web::test]
async fn everything_is_taken_along_as_one_zip() {
    let mut stage = Stage::set().await;
    stage.start_work();
    let mut tab = stage.chrome.tab(Look::PHONE).await;
    enter(&tab, &stage.app.url, "GitHub", "Ada Lovelace").await;
    tab.press("link", "Account").await;
    tab.press("button", "Export everything").await;
    tab.see("button", "Download").await;
    says(&tab, "Less than 1 MB, until").await;
    let mut looks = Looks::new();
    looks.take(&mut tab, "account-export").await;
    assert_eq!(looks.faults, Vec::<String>::new());
    tab.press("button", "Delete the export of *").await;
    tab.miss("button", "Delete the export of *").await;
    tab.until("document.activeElement?.id === 'exports-title'", "the focus stays in the section").await;
    stage.clear().await;
}

#[actix_web::test]
async fn a_deletion_of_the_account_is_taken_back() {
    let stage = Stage::set().await;
    let mut tab = stage.chrome.tab(Look::WIDE).await;
    enter(&tab, &stage.app.url, "GitHub", "Ada Lovelace").await;
    tab.press("link", "Account").await;
    tab.press("button", "Delete account").await;
    tab.see("dialog", "Delete your account?").await;
    says(&tab, "They are not paid out").await;
    let mut looks = Looks::new();
    looks.take(&mut tab, "account-delete").await;
    tab.press("button", "Delete in 7 days").await;
    says(&tab, "Keep this address").await;
    tab.press("button", "Close").await;
    tab.see("button", "Keep my account").await;
    let is_seen = "(() => { const note = document.activeElement; const { top, bottom } = note.getBoundingClientRect();
        return note.matches('.note--closing') && top >= 0 && bottom <= innerHeight })()";
    tab.until(is_seen, "the way back is in sight").await;
    looks.take(&mut tab, "account-closing").await;
    assert_eq!(looks.faults, Vec::<String>::new());
    tab.reload().await;
    tab.press("button", "Keep my account").await;
    says(&tab, "Your account stays").await;
    tab.miss("button", "Keep my account").await;
    stage.clear().await;
}

#[actix_web::test]
async fn an_account_is_deleted_at_once_and_leaves_a_receipt() {
    let mut stage = Stage::set().await;
    stage.start_work();
    let mut tab = stage.chrome.tab(Look::PHONE).await;
    enter(&tab, &stage.app.url, "GitHub", "Ada Lovelace").await;
    tab.press("link", "Account").await;
    tab.press("button", "Delete account").await;
    tab.press("textbox", "To delete at once, write DELETE").await;
    tab.write("DELETE").await;
    tab.press("button", "Delete account now").await;
    tab.see("heading", "Your account is gone").await;
    assert_eq!(tab.eval("location.pathname").await, "/erased");
    says(&tab, "This page names nobody").await;
    tab.see("button", "Download the receipt").await;
    let mut looks = Looks::new();
    looks.take(&mut tab, "erased").await;
    assert_eq!(looks.faults, Vec::<String>::new());
    let people: i64 =
        sqlx::query_scalar("select count(*) from people").fetch_one(&mut stage.app.sql().await).await.expect("a count");
    assert_eq!(people, 0);
    tab.open(&stage.at("/studio")).await;
    tab.see("heading", "Sign in to Lapidary").await;
    stage.clear().await;
}
