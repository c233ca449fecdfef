//! Money as a person sees it: gems are bought and there, a payment is declined, takes its time, is refunded; the chart and
//! the statement say what happened; a cap says why it stops somebody and where it is set.
use std::time::Duration;

use serde_json::{Value, json};

use crate::stage::{Stage, enter, see_gems};
use crate::tab::{Look, Tab, text};

/// The smallest pack of the shipped catalogue.
const PACK: &str = "Buy 400 gems for *";

/// To the vendor's page with the smallest pack.
async fn to_the_vendor(tab: &Tab) {
    tab.press("link", "Gems").await;
    tab.press("button", PACK).await;
    tab.until("location.hostname === '127.0.0.1'", "the payment page opens").await;
}

/// Everything the page says.
async fn words(tab: &Tab) -> String {
    tab.eval("document.getElementById('main').innerText").await.as_str().unwrap_or_default().to_owned()
}

async fn says(tab: &Tab, sentence: &str) {
    let found = format!("document.body.innerText.includes({})", Value::from(sentence));
    tab.until(&found, &format!("it says “{sentence}”")).await;
}

fn last(stage: &Stage, kind: &str) -> String {
    let all = stage.app.stripe.objects(kind);
    text(all.last().unwrap_or_else(|| panic!("no {kind}")), "id")
}

fn asked_to_sync(tab: &Tab, since: usize) -> usize {
    tab.requests(since).iter().filter(|(_, address)| address.ends_with("/sync")).count()
}

async fn buy_and_land_back(look: Look) {
    let stage = Stage::set().await;
    let tab = stage.chrome.tab(look).await;
    enter(&tab, &stage.app.url, "GitHub", "Ada Lovelace").await;
    tab.press("textbox", "What do you want to see?").await;
    tab.write("A lighthouse at dusk").await;
    to_the_vendor(&tab).await;
    let since = tab.cdp.moment();
    tab.press("button", "Pay *").await;
    tab.see("heading", "Your gems are here").await;
    assert_eq!(asked_to_sync(&tab, since), 0, "nothing was heard in time, the vendor had to be asked");
    see_gems(&tab, 450).await;
    says(&tab, "You have 450 gems now.").await;
    tab.press("link", "Back to the studio").await;
    tab.see("textbox", "What do you want to see?").await;
    let kept = tab.eval("document.getElementById('prompt').value").await;
    assert_eq!(kept, "A lighthouse at dusk", "what was being written is gone");
    assert_eq!(tab.complaints(0), Vec::<String>::new());
    stage.clear().await;
}

#[actix_web::test]
async fn bought_gems_are_there_when_one_lands_back_on_a_wide_screen() {
    buy_and_land_back(Look::WIDE).await;
}

#[actix_web::test]
async fn bought_gems_are_there_when_one_lands_back_on_a_phone() {
    buy_and_land_back(Look::PHONE).await;
}

#[actix_web::test]
async fn a_declined_card_charges_nothing_and_the_way_on_is_offered() {
    let stage = Stage::set().await;
    let tab = stage.chrome.tab(Look::WIDE).await;
    enter(&tab, &stage.app.url, "GitHub", "Ada Lovelace").await;
    to_the_vendor(&tab).await;
    tab.press("button", "Card is declined").await;
    says(&tab, "declined").await;
    tab.press("button", "Close").await;
    tab.see("heading", "Nothing was paid").await;
    see_gems(&tab, 50).await;
    tab.press("button", "Go on to pay").await;
    tab.press("button", "Pay *").await;
    tab.see("heading", "Your gems are here").await;
    see_gems(&tab, 450).await;
    stage.clear().await;
}

#[actix_web::test]
async fn a_payment_that_takes_its_time_ends_with_a_notice() {
    let stage = Stage::set().await;
    let tab = stage.chrome.tab(Look::WIDE).await;
    enter(&tab, &stage.app.url, "GitHub", "Ada Lovelace").await;
    to_the_vendor(&tab).await;
    tab.press("button", "Pay later*").await;
    tab.see("heading", "Your payment is on its way").await;
    see_gems(&tab, 50).await;
    tab.press("link", "Back to the studio").await;
    tab.see("link", "Notices").await;
    let session = last(&stage, "checkout.session");
    stage.app.stripe.settle_later(&session, true).expect("the money comes");
    tab.press("link", "Notices, 1 unread").await;
    says(&tab, "Your payment has arrived. It brought 400 gems.").await;
    see_gems(&tab, 450).await;
    tab.press("button", "Mark as read*").await;
    tab.miss("button", "Mark as read*").await;
    tab.see("link", "Notices").await;
    let focused = tab.eval("document.activeElement !== document.body").await;
    assert_eq!(focused, true, "the focus went with the button");
    stage.clear().await;
}

#[actix_web::test]
async fn a_refund_is_told_and_can_be_followed_to_the_last_gem() {
    let stage = Stage::set().await;
    let tab = stage.chrome.tab(Look::WIDE).await;
    enter(&tab, &stage.app.url, "GitHub", "Ada Lovelace").await;
    to_the_vendor(&tab).await;
    tab.press("button", "Pay *").await;
    tab.see("heading", "Your gems are here").await;
    stage.app.stripe.refund(&last(&stage, "payment_intent"), None).expect("refunded");
    tab.press("link", "Notices, 1 unread").await;
    says(&tab, "A payment was refunded. Its share of 400 gems went with it.").await;
    see_gems(&tab, 50).await;
    tab.press("link", "See your purchases").await;
    tab.until("document.activeElement?.id === 'purchases-title'", "it leads to the purchases").await;
    says(&tab, "$4.99 refunded; 400 gems taken back").await;
    for (paper, title) in [("Receipt of *", "Receipt"), ("Invoice of *", "Invoice")] {
        tab.press("button", paper).await;
        see_elsewhere(&tab, title).await;
        tab.call("Page.bringToFront", json!({})).await;
    }
    let rows = statement(&tab).await;
    let amounts: Vec<&str> = rows.iter().map(|row| row[1].as_str()).collect();
    assert_eq!(amounts, ["−400", "+400", "+50"], "{rows:?}");
    assert_eq!(rows.iter().map(|row| row[2].as_str()).collect::<Vec<_>>(), ["50", "450", "50"], "what was left");
    assert!(rows[0][0].starts_with("Taken back"), "{rows:?}");
    tab.press("button", "Download the statement as CSV").await;
    let saved = String::from_utf8(stage.chrome.downloaded().await).expect("text");
    assert_eq!(saved.trim().lines().count(), 4, "{saved}");
    stage.clear().await;
}

/// Waits for a tab of the vendor's with this title.
async fn see_elsewhere(tab: &Tab, title: &str) {
    for _ in 0..500 {
        let all = tab.cdp.call(None, "Target.getTargets", json!({})).await.expect("targets");
        let mut all = all["targetInfos"].as_array().into_iter().flatten();
        if all.any(|it| text(it, "title").starts_with(title) && text(it, "url").starts_with("http://127.0.0.1")) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    panic!("no tab shows the {title}");
}

/// What, how many, and what was left, as the page has them.
async fn statement(tab: &Tab) -> Vec<[String; 3]> {
    tab.settle().await;
    let rows = tab
        .eval(
            "[...document.querySelectorAll('.statement tbody tr')].map((row) => [row.cells[0].innerText,
                row.cells[2].firstChild.textContent.trim(), row.cells[3].innerText])",
        )
        .await;
    let cell = |row: &Value, at: usize| row[at].as_str().unwrap_or_default().to_owned();
    rows.as_array().into_iter().flatten().map(|row| [cell(row, 0), cell(row, 1), cell(row, 2)]).collect()
}

#[actix_web::test]
async fn the_chart_and_the_statement_say_what_was_used() {
    let stage = Stage::set().await;
    let tab = stage.chrome.tab(Look::WIDE).await;
    enter(&tab, &stage.app.url, "GitHub", "Ada Lovelace").await;
    let person = stage.app.person("Ada Lovelace").await;
    let made = person.make(&json!({"prompt": "A fox", "quality": "medium"})).await;
    let price = made["price_gems"].as_i64().expect("a price");
    tab.press("link", "Gems").await;
    says(&tab, &format!("{price} gems used, most on ")).await;
    let drawn = tab.eval("document.querySelector('.chart svg').ariaLabel").await;
    assert!(drawn.as_str().is_some_and(|it| it.contains(&format!("{price} gems used"))), "{drawn}");
    assert_eq!(tab.eval("document.querySelectorAll('.chart__day').length").await, 30, "a bar for every day");
    let tallest = "[...document.querySelectorAll('.chart__used')].filter((it) => it.getAttribute('height') === '100')";
    assert_eq!(tab.eval(&format!("{tallest}.length")).await, 1, "the day with the most reaches the top");
    tab.press("DisclosureTriangle", "The same numbers as a table").await;
    let table = tab.eval("document.querySelector('.numbers tbody tr').innerText.trim().split(/\\s+/).slice(-3)").await;
    assert_eq!(table, json!(["1", price.to_string(), "0"]), "the first row is today");
    let rows = statement(&tab).await;
    let shown: Vec<(&str, &str)> = rows.iter().map(|row| (row[1].as_str(), row[2].as_str())).collect();
    let (held, left) = (format!("−{price}"), (50 - price).to_string());
    assert_eq!(shown, [("0", left.as_str()), (&held, &left), ("+50", "50")], "{rows:?}");
    assert!(words(&tab).await.contains("A fox"), "the statement does not say what for");
    stage.clear().await;
}

#[actix_web::test]
async fn a_cap_says_that_it_stops_somebody_and_where_it_is_set() {
    let stage = Stage::set().await;
    let tab = stage.chrome.tab(Look::WIDE).await;
    enter(&tab, &stage.app.url, "GitHub", "Ada Lovelace").await;
    tab.press("link", "Gems").await;
    tab.press("textbox", "Gems a day").await;
    tab.write("1").await;
    tab.press("button", "Save caps").await;
    says(&tab, "Caps saved").await;
    tab.press("link", "Studio").await;
    tab.press("textbox", "What do you want to see?").await;
    tab.write("A fox").await;
    tab.press("button", "Generate · *").await;
    says(&tab, "Your own cap stops this.").await;
    tab.press("link", "See your caps").await;
    tab.until("document.activeElement?.id === 'caps-title'", "it leads to the caps").await;
    tab.until("document.getElementById('daily-cap')?.value === '1'", "the cap is shown as it was set").await;
    stage.clear().await;
}
