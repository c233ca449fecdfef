//! What callers and operators do on the page: a webhook is added, tried and ended; a request is looked up; a person is found
//! and looked after.
use lapidary_sandbox::faults::Fault;
use serde_json::json;

use crate::stage::{Stage, enter};
use crate::tab::{Look, Tab};
use crate::webhook_receiver::Receiver;

async fn says(tab: &Tab, words: &str) {
    let shown = format!("document.body.innerText.includes({})", serde_json::Value::from(words));
    tab.until(&shown, &format!("it says “{words}”")).await;
}

#[actix_web::test]
async fn a_webhook_is_added_tried_and_deleted_from_the_account() {
    let mut stage = Stage::set().await;
    stage.start_work();
    let receiver = Receiver::start();
    let tab = stage.chrome.tab(Look::WIDE).await;
    enter(&tab, &stage.app.url, "GitHub", "Ada Lovelace").await;
    tab.press("link", "Account").await;
    tab.press("textbox", "Address").await;
    tab.write("not an address").await;
    tab.press("button", "Add webhook").await;
    tab.until("document.getElementById('webhook-url').getAttribute('aria-invalid') === 'true'", "it is told").await;
    tab.press("textbox", "Address").await;
    tab.select_all().await;
    tab.write(&receiver.url).await;
    tab.press("button", "Add webhook").await;
    tab.until("document.activeElement?.id === 'webhook-secret'", "the focus is on the secret").await;
    let secret = tab.eval("document.getElementById('webhook-secret').innerText").await;
    let secret = secret.as_str().expect("a secret").to_owned();
    tab.press("button", "Send a test").await;
    let heard = receiver.until(1).await.swap_remove(0);
    assert!(heard.is_signed_with(&secret), "what is shown signs");
    tab.press("button", "Look again").await;
    says(&tab, "delivered in").await;
    tab.press("button", "Send webhook.test once more").await;
    assert_eq!(receiver.until(2).await[1].id, heard.id, "a resend has the same id");
    tab.press("button", "New secret").await;
    tab.press("button", "Replace the secret").await;
    let other = format!("document.getElementById('webhook-secret').innerText !== '{secret}'");
    tab.until(&other, "another secret is shown").await;
    tab.miss("button", "Replace the secret").await;
    tab.until("document.activeElement?.id === 'webhook-secret'", "the focus is on it").await;
    tab.reload().await;
    tab.see("button", "Send a test").await;
    assert_eq!(tab.eval("document.body.innerText.includes('whsec_')").await, false, "a secret is shown once");
    tab.press("button", "Switch off").await;
    tab.see("button", "Switch on").await;
    tab.press("button", "Delete").await;
    tab.press("button", "Delete it and its log").await;
    says(&tab, "Webhook deleted").await;
    tab.miss("button", "Switch on").await;
    tab.until("document.activeElement?.id === 'webhooks-title'", "the focus stays in the section").await;
    stage.clear().await;
}

#[actix_web::test]
async fn somebody_reads_whether_a_failed_request_was_charged() {
    let stage = Stage::set().await;
    let tab = stage.chrome.tab(Look::PHONE).await;
    enter(&tab, &stage.app.url, "GitHub", "Ada Lovelace").await;
    let person = stage.app.person("Ada Lovelace").await;
    stage.app.fault(Fault::once("openai", "moderation_blocked"));
    let made = person.make(&json!({"prompt": "A picture that is refused", "quality": "low"})).await;
    let id = made["request_id"].as_str().expect("a request id").to_owned();
    stage.app.app.request_log.flush(&stage.app.app.db).await.expect("written");
    tab.press("link", "Account").await;
    tab.press("link", "See your requests").await;
    tab.see("link", "POST /v1/generations").await;
    tab.press("textbox", "Request id").await;
    tab.write(&id).await;
    tab.press("button", "Look it up").await;
    says(&tab, "You were not charged: ").await;
    says(&tab, "It failed at the model.").await;
    tab.press("link", "All requests").await;
    tab.press("link", "Only failed").await;
    tab.see("link", "Show all").await;
    stage.clear().await;
}

#[actix_web::test]
async fn an_operator_finds_a_person_gives_gems_and_suspends_them() {
    let stage = Stage::set().await;
    let grace = stage.app.person("Grace Hopper").await;
    let gems = grace.remaining().await;
    let tab = stage.chrome.tab(Look::WIDE).await;
    enter(&tab, &stage.app.url, "GitHub", "Ada Lovelace").await;
    sqlx::query("update people set is_operator = true where email like 'ada%'")
        .execute(&mut stage.app.sql().await)
        .await
        .expect("an operator");
    tab.open(&stage.at("/account")).await;
    tab.press("link", "Open the operator's screens").await;
    tab.press("textbox", "Find").await;
    tab.write(" GRACE.hopper@example.test").await;
    tab.press("button", "Find").await;
    tab.press("link", "grace.hopper@example.test").await;
    tab.press("button", "Adjust gems").await;
    tab.press("textbox", "Gems").await;
    tab.write("twenty").await;
    tab.press("textbox", "Reason").await;
    tab.write("A picture that was lost").await;
    tab.press("button", "Adjust gems").await;
    says(&tab, "A whole number").await;
    tab.press("textbox", "Gems").await;
    tab.select_all().await;
    tab.write("20").await;
    tab.press("button", "Adjust gems").await;
    says(&tab, "Done, and written down").await;
    says(&tab, "adjusted gems").await;
    assert_eq!(grace.remaining().await, gems + 20);
    tab.press("button", "Suspend").await;
    tab.press("textbox", "Reason").await;
    tab.write("Sells what is not theirs").await;
    tab.press("button", "Suspend").await;
    tab.see("button", "Restore").await;
    says(&tab, "Suspended since").await;
    says(&tab, "Sells what is not theirs").await;
    stage.app.app.auth.revocations.poll(&stage.app.app.db).await.expect("heard");
    grace.get("/v1/gems").await.expect_problem(401, "unauthenticated");
    drop(grace);
    stage.clear().await;
}
