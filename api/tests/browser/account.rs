//! The account as a person uses it: another way to sign in is linked and unlinked, sessions end here and elsewhere, and a
//! suspended person reads why, calmly, and whom to ask.
use lapidary::auth::people;
use lapidary::config::PeopleAct;

use crate::stage::{Stage, enter, sign_in};
use crate::tab::Look;

#[actix_web::test]
async fn a_way_to_sign_in_is_linked_and_unlinked_from_the_account() {
    let stage = Stage::set().await;
    stage.app.browser().sign_in("google", "Grace Hopper").await;
    let tab = stage.chrome.tab(Look::WIDE).await;
    enter(&tab, &stage.app.url, "GitHub", "Ada Lovelace").await;
    tab.press("link", "Account").await;
    tab.press("button", "Link Google").await;
    tab.press("textbox", "Who are you?").await;
    tab.write("Grace Hopper").await;
    tab.press("button", "Allow").await;
    tab.until(
        "document.body.innerText.includes('Nothing was linked. This sign-in belongs to another account')",
        "it is told",
    )
    .await;
    assert_eq!(tab.eval("location.pathname + location.search").await, "/account");
    tab.press("button", "Link Google").await;
    tab.press("textbox", "Who are you?").await;
    tab.write("ada.at.google@example.test").await;
    tab.press("button", "Allow").await;
    tab.press("button", "Unlink Google ada.at.google@example.test").await;
    tab.see("button", "Link Google").await;
    tab.miss("button", "Unlink GitHub*").await;
    tab.until("document.activeElement?.id === 'identities-title'", "the focus stays in the section").await;
    stage.clear().await;
}

#[actix_web::test]
async fn sessions_end_one_by_one_and_everywhere() {
    let stage = Stage::set().await;
    let other = stage.app.person("Ada Lovelace").await;
    let tab = stage.chrome.tab(Look::WIDE).await;
    sign_in(&tab, &stage.app.url, "GitHub", "Ada Lovelace").await;
    tab.see("textbox", "What do you want to see?").await;
    let neighbour = stage.chrome.tab(Look::WIDE).await;
    neighbour.open(&stage.at("/gems")).await;
    neighbour.see("heading", "Gems").await;
    tab.press("link", "Account").await;
    tab.see("button", "End the session on Unknown device").await;
    // It ends elsewhere while it is shown here.
    other.browser.post_ours("/v1/auth/logout").await.expect_status(204);
    tab.press("button", "End the session on Unknown device").await;
    tab.until("document.body.innerText.includes('That session had ended already')", "it is told").await;
    tab.miss("button", "End the session on Unknown device").await;
    tab.press("button", "Sign out everywhere").await;
    tab.press("button", "Stay signed in here").await;
    tab.until("document.body.innerText.includes('You are signed out everywhere else')", "it is told").await;
    tab.press("button", "Sign out everywhere").await;
    tab.press("button", "Sign out here too").await;
    tab.see("link", "Make your first picture").await;
    neighbour.see("heading", "Sign in to Lapidary").await;
    drop(other);
    stage.clear().await;
}

#[actix_web::test]
async fn a_suspended_person_reads_why() {
    let stage = Stage::set().await;
    let tab = stage.chrome.tab(Look::PHONE).await;
    enter(&tab, &stage.app.url, "GitHub", "Ada Lovelace").await;
    let person_id: uuid::Uuid =
        sqlx::query_scalar("select id from people").fetch_one(&mut stage.app.sql().await).await.expect("a person");
    let app = &stage.app.app;
    people::apply(PeopleAct::Suspend { person_id }, &app.db, &app.clock).await.expect("done");
    app.auth.revocations.poll(&app.db).await.expect("heard");
    // Nobody presses anything: the stream ends with what let it in, and the page asks why.
    tab.see("heading", "This account is suspended").await;
    tab.until("document.body.innerText.includes('Your pictures and gems are kept')", "it is said calmly").await;
    stage.clear().await;
}

#[actix_web::test]
async fn an_api_key_is_made_shown_once_used_and_revoked() {
    let stage = Stage::set().await;
    let tab = stage.chrome.tab(Look::PHONE).await;
    enter(&tab, &stage.app.url, "GitHub", "Ada Lovelace").await;
    tab.press("link", "Account").await;
    tab.press("button", "Create API key").await;
    tab.press("textbox", "Name").await;
    tab.write("Nightly wallpapers").await;
    tab.press("button", "Create key").await;
    tab.until("document.activeElement?.id === 'new-key'", "the focus is on the key").await;
    let key = tab.eval("document.getElementById('new-key').innerText").await;
    let key = key.as_str().expect("a key").to_owned();
    let client = reqwest::Client::new();
    let ask = async |path: &str| {
        let answer = client.get(stage.at(path)).bearer_auth(&key).send().await.expect("an answer");
        answer.status().as_u16()
    };
    assert_eq!((ask("/v1/images").await, ask("/v1/gems").await), (200, 403), "it may make pictures");
    let example =
        format!("document.querySelector('.code-block').innerText.includes('{}/v1/generations')", stage.app.url);
    tab.until(&example, "the example names this site").await;
    tab.open(&stage.at("/account")).await;
    tab.see("button", "Revoke the key Nightly wallpapers").await;
    assert_eq!(tab.eval("document.body.innerText.includes('lap_') && !document.getElementById('new-key')").await, true);
    tab.press("button", "Revoke the key Nightly wallpapers").await;
    tab.press("button", "Revoke key").await;
    tab.until("document.body.innerText.includes('Key revoked')", "it is told").await;
    tab.miss("button", "Revoke the key*").await;
    assert_eq!(ask("/v1/images").await, 401);
    stage.clear().await;
}
