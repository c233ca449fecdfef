//! Every page in both sizes, light and dark, before axe-core: no violation of WCAG 2.2 AA, nothing wider than the screen.
//! With SCREENSHOTS=DIR each look is also written there as page-size-theme.png.
use std::path::PathBuf;
use std::time::Duration;

use chrono::TimeDelta;
use lapidary_sandbox::faults::Fault;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{Answer, Person};
use crate::stage::{Stage, enter, sign_in};
use crate::tab::{Look, Tab, text};

/// Places named of one fault; the rest is like them.
const SHOWN: usize = 12;
const AXE: &str = include_str!("../fixtures/axe.min.js");
const RUN: &str = "axe.run(document, {
    runOnly: { type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] },
    resultTypes: ['violations'],
}).then((result) => result.violations)";
/// Elements that reach beyond the right edge, where nobody on a phone finds them: the innermost ones, and what is fixed to the
/// window last, since the others make it wider.
const TOO_WIDE: &str = "(() => {
    const root = document.documentElement;
    if (root.scrollWidth <= root.clientWidth) return [];
    const isWide = (it) => it.getBoundingClientRect().right > root.clientWidth + 1;
    const isFixed = (it) => it && (getComputedStyle(it).position === 'fixed' || isFixed(it.parentElement));
    const wide = [...document.body.querySelectorAll('*')].filter(isWide);
    const inner = wide.filter((it) => ![...it.children].some(isWide));
    return inner.sort((one, other) => isFixed(one) - isFixed(other)).slice(0, 5)
        .map((it) => `${Math.round(it.getBoundingClientRect().right)} of ${root.clientWidth}: ${it.outerHTML.slice(0, 160)}`);
})()";

/// Pages without a bar over their end, photographed as far as they reach.
const LONG: [&str; 6] = ["landing", "promises", "terms", "account-used", "suspended", "gems-used"];

pub struct Looks {
    shots: Option<PathBuf>,
    pub faults: Vec<String>,
}

impl Looks {
    pub fn new() -> Self {
        let shots = std::env::var_os("SCREENSHOTS").map(PathBuf::from);
        if let Some(folder) = &shots {
            std::fs::create_dir_all(folder).expect("a folder for screenshots");
        }
        Self { shots, faults: Vec::new() }
    }

    pub async fn take(&mut self, tab: &mut Tab, page: &str) {
        tab.settle().await;
        self.take_unsettled(tab, page).await;
    }

    /// Of a page on which work goes on: it never comes to rest.
    async fn take_unsettled(&mut self, tab: &mut Tab, page: &str) {
        tab.eval(AXE).await;
        // Nothing is under the pointer that pressed its way here.
        tab.call("Input.dispatchMouseEvent", json!({"type": "mouseMoved", "x": 0, "y": 0})).await;
        for look in Look::every() {
            tab.look(look).await;
            tab.until(
                "[...document.images].every((it) => it.complete || it.getBoundingClientRect().top > innerHeight)",
                "what can be seen is painted",
            )
            .await;
            let at = format!("{page}-{}", look.name());
            for violation in tab.eval(RUN).await.as_array().into_iter().flatten() {
                self.faults.push(sentence(&at, violation));
            }
            self.measure(tab, &at).await;
            if let Some(folder) = &self.shots {
                let file = folder.join(format!("{at}.png"));
                std::fs::write(file, tab.screenshot(LONG.contains(&page)).await).expect("a file");
            }
        }
        tab.look(Look::NARROW).await;
        self.measure(tab, &format!("{page}-{}", Look::NARROW.name())).await;
        tab.look(Look::WIDE).await;
    }

    async fn measure(&mut self, tab: &Tab, at: &str) {
        // A new width is laid out in steps: what stays too wide for a second is too wide.
        let mut wide = tab.eval(TOO_WIDE).await;
        for _ in 0..10 {
            if wide.as_array().is_none_or(Vec::is_empty) {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            wide = tab.eval(TOO_WIDE).await;
        }
        for element in wide.as_array().into_iter().flatten() {
            self.faults.push(format!("{at}: wider than the screen: {element}"));
        }
    }
}

fn sentence(at: &str, violation: &Value) -> String {
    let nodes = violation["nodes"].as_array().into_iter().flatten();
    let nodes = nodes.take(SHOWN).map(|node| {
        let why = text(node, "failureSummary").replace('\n', " ");
        format!("\n    {} {why}", node["target"])
    });
    format!("{at}: {} ({}){}", text(violation, "id"), text(violation, "help"), nodes.collect::<String>())
}

/// Prompt, size, and an attribute.
const WISHES: [(&str, &str, &str, &str); 9] = [
    ("A lighthouse on a rocky coast", "1536x1024", "Light", "Golden hour"),
    ("A fox crossing a frozen river", "1024x1024", "Season", "Deep winter"),
    ("A bowl of lemons by a window", "1024x1536", "Mood", "Serene"),
    ("Balloons over a valley of autumn forests", "1536x1024", "Style", "Storybook illustration"),
    ("A temple above the clouds", "1024x1536", "Weather", "Northern lights"),
    ("A sailing boat on a quiet lake under the stars", "1536x1024", "Medium", "Watercolour"),
    ("A castle on an island at sunset", "1024x1024", "Medium", "Oil on canvas"),
    ("Paper lanterns over a river at dusk", "1024x1024", "Light", "Lantern glow"),
    ("Mountains above a lake, first snow on the peaks", "1536x1024", "Light", "Golden hour"),
];

/// One of Ada's pictures; another one is a favourite, and a third lies in the trash.
async fn pictures(stage: &Stage) -> String {
    let person = stage.app.person("Ada Lovelace").await;
    let mut ids = Vec::new();
    for (prompt, size, section, value) in WISHES {
        let attributes = json!([{"section": section, "value": value}]);
        let wish = json!({"prompt": prompt, "attributes": attributes, "quality": "low", "size": size});
        let made = person.make(&wish).await;
        ids.push(made["images"][0]["id"].as_str().unwrap_or_else(|| panic!("no picture: {made}")).to_owned());
    }
    let favourite = json!({"is_favourite": true});
    person.patch(&format!("/v1/images/{}", ids[1]), &favourite).await.expect_status(200);
    person.delete(&format!("/v1/images/{}", ids[2])).await.expect_status(204);
    ids.swap_remove(0)
}

#[actix_web::test]
async fn every_page_passes_axe_in_both_sizes_and_themes() {
    let stage = Stage::set().await;
    let id = pictures(&stage).await;
    let mut looks = Looks::new();
    let mut tab = stage.chrome.tab(Look::WIDE).await;
    let outside = [
        ("landing", "/"),
        ("sign-in", "/sign-in"),
        ("sign-in-denied", "/sign-in?failure=denied&request_id=0198c0de-0000-7000-8000-000000000000"),
        ("sign-in-email-in-use", "/sign-in?failure=email_in_use"),
        ("promises", "/promises"),
        ("terms", "/terms"),
        ("not-found", "/nothing-here"),
        ("docs", "/docs/"),
    ];
    for (page, path) in outside {
        tab.open(&stage.at(path)).await;
        looks.take(&mut tab, page).await;
    }
    sign_in(&tab, &stage.app.url, "GitHub", "Grace Hopper").await;
    tab.see("button", "I am 13 or older").await;
    looks.take(&mut tab, "age").await;
    tab.press("button", "I am 13 or older").await;
    tab.see("heading", "Your pictures will appear here").await;
    looks.take(&mut tab, "studio-empty").await;
    tab.open(&stage.at("/gallery")).await;
    looks.take(&mut tab, "gallery-empty").await;
    tab.call("Network.clearBrowserCookies", json!({})).await;
    sign_in(&tab, &stage.app.url, "GitHub", "Ada Lovelace").await;
    tab.see("textbox", "What do you want to see?").await;
    looks.take(&mut tab, "studio").await;
    let image = format!("/images/{id}");
    let inside = [
        ("gallery", "/gallery"),
        ("trash", "/gallery/trash"),
        ("image", &image),
        ("gems", "/gems"),
        ("account", "/account"),
    ];
    for (page, path) in inside {
        tab.open(&stage.at(path)).await;
        looks.take(&mut tab, page).await;
    }
    composing(&stage, &mut tab, &mut looks).await;
    assert!(looks.faults.is_empty(), "{} faults:\n{}", looks.faults.len(), looks.faults.join("\n"));
    stage.clear().await;
}

#[actix_web::test]
async fn keys_webhooks_requests_and_the_operators_screens_pass_axe() {
    let stage = Stage::set().await;
    let mut looks = Looks::new();
    let mut tab = stage.chrome.tab(Look::WIDE).await;
    enter(&tab, &stage.app.url, "GitHub", "Ada Lovelace").await;
    let person = stage.app.person("Ada Lovelace").await;
    let key = json!({"name": "A script", "scopes": ["images:read"]});
    person.post("/v1/me/api-keys", &key).await.expect_status(201);
    person.post("/v1/webhook-endpoints", &json!({"url": "http://127.0.0.1:9/hook"})).await.expect_status(201);
    sqlx::query("update people set is_operator = true").execute(&mut stage.app.sql().await).await.expect("operators");
    let email = "somebody.with.a.very.long.address.indeed.and.longer.still@example.test";
    sqlx::query("update people set email = $1")
        .bind(email)
        .execute(&mut stage.app.sql().await)
        .await
        .expect("an address");
    tab.open(&stage.at("/account")).await;
    tab.see("button", "Send a test").await;
    looks.take(&mut tab, "account-programs").await;
    tab.press("button", "Create API key").await;
    tab.see("dialog", "Create API key").await;
    looks.take(&mut tab, "account-key").await;
    let person = format!("/operator?person={}", person.get("/v1/me").await.json()["id"].as_str().expect("an id"));
    for (page, path) in [("requests", "/account/requests"), ("operator", "/operator"), ("operator-person", &person)] {
        tab.open(&stage.at(path)).await;
        looks.take(&mut tab, page).await;
    }
    assert!(looks.faults.is_empty(), "{} faults:\n{}", looks.faults.len(), looks.faults.join("\n"));
    tab.close().await;
    stage.clear().await;
}

#[actix_web::test]
async fn waiting_failing_and_a_used_account_pass_axe_too() {
    let mut stage = Stage::set_with_two_providers().await;
    let mut looks = Looks::new();
    let mut tab = stage.chrome.tab(Look::WIDE).await;
    enter(&tab, &stage.app.url, "GitHub", "Ada Lovelace").await;
    let person = stage.app.person("Ada Lovelace").await;
    tab.open(&stage.at("/account")).await;
    tab.see("button", "End the session on Unknown device").await;
    looks.take(&mut tab, "account-used").await;
    tab.press("button", "Sign out everywhere").await;
    tab.see("button", "Stay signed in here").await;
    looks.take(&mut tab, "account-asked").await;
    stage.app.fault(Fault::once("openai", "moderation_blocked"));
    person.make(&json!({"prompt": "A picture that is refused", "quality": "low"})).await;
    let unbreakable = "update generations set request_id = '0198c0de-0000-7000-8000-000000000000',
        refusal = jsonb_set(refusal, '{provider_request_id}', to_jsonb('req_' || repeat('m', 40))) where status = 'failed'";
    sqlx::query(unbreakable).execute(&mut stage.app.sql().await).await.expect("ids without a place to break");
    tab.open(&stage.at("/studio")).await;
    tab.see("button", "Edit prompt: *").await;
    looks.take(&mut tab, "studio-failed").await;
    // Longer than it takes to look at it.
    stage.app.openai.set_speed(Duration::from_secs(30));
    stage.app.fault(Fault::always("openai", "server_error"));
    for (prompt, size, ..) in WISHES.into_iter().take(5) {
        person.submit(&json!({"prompt": prompt, "quality": "medium", "size": size})).await.expect_status(202);
    }
    for _ in 0..5 {
        stage.app.work().await;
        if stage.app.app.providers.is_paused("gpt-image-2.5-flare") {
            break;
        }
        stage.app.app.clock.advance(TimeDelta::seconds(20));
    }
    tab.reload().await;
    tab.until("document.querySelector('.note--paused button')", "a note says that it pauses").await;
    looks.take_unsettled(&mut tab, "studio-paused").await;
    stage.app.faults.clear();
    stage.app.app.clock.advance(TimeDelta::seconds(120));
    stage.start_work();
    tab.until("document.querySelector('.tile__look')?.naturalWidth > 0", "a rough look is shown").await;
    looks.take_unsettled(&mut tab, "studio-running").await;
    assert!(looks.faults.is_empty(), "{} faults:\n{}", looks.faults.len(), looks.faults.join("\n"));
    stage.clear().await;
}

/// Sixty pictures of many days, though nobody paid for most of them.
async fn fill(stage: &Stage) {
    let more = "insert into images (id, generation_id, person_id, position, object_prefix, extension, content_type, bytes, width,
         height, thumbhash, price_gems, created_at, prompt, attributes, model, quality, search)
       select gen_random_uuid(), i.generation_id, i.person_id, n, i.object_prefix, i.extension, i.content_type, i.bytes,
         i.width, i.height, i.thumbhash, i.price_gems, i.created_at - n * interval '19 hours', i.prompt, i.attributes,
         i.model, i.quality, i.search
       from images i cross join generate_series(1, 6) n where i.position = 0 and i.deleted_at is null";
    sqlx::query(more).execute(&mut stage.app.sql().await).await.expect("more pictures");
}

#[actix_web::test]
async fn the_gallery_passes_axe_in_every_state() {
    let stage = Stage::set().await;
    let id = pictures(&stage).await;
    fill(&stage).await;
    let mut looks = Looks::new();
    let mut tab = stage.chrome.tab(Look::WIDE).await;
    sign_in(&tab, &stage.app.url, "GitHub", "Ada Lovelace").await;
    tab.see("textbox", "What do you want to see?").await;
    tab.open(&stage.at("/gallery")).await;
    looks.take(&mut tab, "gallery-full").await;
    tab.eval("scrollTo(0, 900)").await;
    looks.take(&mut tab, "gallery-scrolled").await;
    tab.open(&stage.at("/gallery?q=lake&attribute=Light:Golden%20hour")).await;
    tab.see("link", "Remove Light: Golden hour").await;
    looks.take(&mut tab, "gallery-found").await;
    tab.press("button", "Attributes").await;
    tab.see("searchbox", "Search attributes").await;
    looks.take(&mut tab, "gallery-attributes").await;
    tab.open(&stage.at("/gallery?q=nowhere&favourite=true")).await;
    tab.see("heading", "Nothing found").await;
    looks.take(&mut tab, "gallery-nothing").await;
    selecting(&stage, &mut tab, &mut looks).await;
    sharing(&stage, &mut tab, &mut looks, &id).await;
    sqlx::query("delete from images where position > 0").execute(&mut stage.app.sql().await).await.expect("gone");
    assert!(looks.faults.is_empty(), "{} faults:\n{}", looks.faults.len(), looks.faults.join("\n"));
    stage.clear().await;
}

/// Some are selected, put into a collection, and a zip is asked for.
async fn selecting(stage: &Stage, tab: &mut Tab, looks: &mut Looks) {
    tab.open(&stage.at("/gallery/collections")).await;
    tab.see("heading", "No collections yet").await;
    looks.take(tab, "collections-empty").await;
    tab.open(&stage.at("/gallery")).await;
    tab.settle().await;
    tab.eval("[0, 1, 3].forEach((at) => document.querySelectorAll('.card__check')[at].click())").await;
    tab.see("toolbar", "Selected pictures").await;
    looks.take(tab, "gallery-selected").await;
    tab.press("button", "Add to a collection").await;
    tab.press("button", "New collection").await;
    tab.press("textbox", "Name").await;
    tab.write("Quiet water").await;
    looks.take(tab, "collection-new").await;
    tab.press("button", "Save").await;
    tab.see("button", "See it").await;
    tab.press("button", "Add to a collection").await;
    tab.see("button", "Quiet water *").await;
    looks.take(tab, "collection-choose").await;
    tab.open(&stage.at("/gallery/collections")).await;
    tab.see("link", "Quiet water *").await;
    looks.take(tab, "collections").await;
    tab.press("link", "Quiet water *").await;
    tab.see("heading", "Quiet water").await;
    looks.take(tab, "collection").await;
    tab.press("button", "Zips").await;
    tab.see("dialog", "Zips").await;
    looks.take(tab, "zips-empty").await;
}

/// One picture's links, and what a visitor sees.
async fn sharing(stage: &Stage, tab: &mut Tab, looks: &mut Looks, id: &str) {
    let person = stage.app.person("Ada Lovelace").await;
    let path = format!("/v1/images/{id}/shares");
    let link = person.post(&path, &json!({"shows_prompt": true})).await.expect_status(201).json();
    tab.open(&stage.at(&format!("/images/{id}"))).await;
    tab.press("button", "Share").await;
    tab.see("button", "End").await;
    looks.take(tab, "image-sharing").await;
    tab.open(&text(&link, "url")).await;
    tab.see("heading", "Made with AI by somebody with Lapidary").await;
    looks.take(tab, "shared").await;
    person.delete(&format!("/v1/shares/{}", text(&link, "id"))).await.expect_status(204);
    tab.reload().await;
    tab.see("heading", "This link does not show a picture any more").await;
    looks.take(tab, "shared-gone").await;
}

/// A purchase that waits for its payer, as (id, session at the vendor).
async fn begun(stage: &Stage, person: &Person<'_>) -> (String, String) {
    let order =
        person.request(reqwest::Method::POST, "/v1/checkouts").header("Idempotency-Key", Uuid::now_v7().to_string());
    let made = Answer::of(order.json(&json!({"pack": "pouch"})).send().await).await.expect_status(201).json();
    let sessions = stage.app.stripe.objects("checkout.session");
    (text(&made, "id"), text(sessions.last().expect("a session"), "id"))
}

#[actix_web::test]
async fn money_passes_axe_in_every_state() {
    let stage = Stage::set().await;
    let mut looks = Looks::new();
    let mut tab = stage.chrome.tab(Look::WIDE).await;
    enter(&tab, &stage.app.url, "GitHub", "Ada Lovelace").await;
    let person = stage.app.person("Ada Lovelace").await;
    tab.open(&stage.at("/notices")).await;
    looks.take(&mut tab, "notices-empty").await;
    let (id, session) = begun(&stage, &person).await;
    tab.open(&stage.at(&format!("/gems/checkouts/{id}"))).await;
    tab.see("heading", "Waiting for your payment").await;
    tab.see("heading", "Nothing was paid").await;
    looks.take(&mut tab, "checkout-unpaid").await;
    tab.open(&stage.at(&format!("/gems/checkouts/{id}?cancelled"))).await;
    tab.see("button", "Go on to pay").await;
    looks.take(&mut tab, "checkout-cancelled").await;
    stage.app.stripe.pay_later(&session).expect("paid later");
    tab.see("heading", "Your payment is on its way").await;
    looks.take(&mut tab, "checkout-pending").await;
    stage.app.stripe.settle_later(&session, false).expect("it does not come");
    tab.see("heading", "The payment did not come through").await;
    looks.take(&mut tab, "checkout-failed").await;
    let (id, session) = begun(&stage, &person).await;
    stage.app.stripe.expire(&session).expect("expired");
    tab.open(&stage.at(&format!("/gems/checkouts/{id}"))).await;
    tab.see("heading", "This payment page has expired").await;
    looks.take(&mut tab, "checkout-expired").await;
    let (id, session) = begun(&stage, &person).await;
    stage.app.stripe.pay(&session).expect("paid");
    tab.open(&stage.at(&format!("/gems/checkouts/{id}"))).await;
    tab.see("heading", "Your gems are here").await;
    looks.take(&mut tab, "checkout-paid").await;
    used_gems(&stage, &person, &mut tab, &mut looks).await;
    assert!(looks.faults.is_empty(), "{} faults:\n{}", looks.faults.len(), looks.faults.join("\n"));
    stage.clear().await;
}

/// The gems of somebody who bought, spent, and had the money back; and what they were told.
async fn used_gems(stage: &Stage, person: &Person<'_>, tab: &mut Tab, looks: &mut Looks) {
    // More than the welcome gems, so that bought ones are spent too.
    for (prompt, size, ..) in WISHES {
        person.make(&json!({"prompt": prompt, "quality": "high", "size": size, "count": 2})).await;
    }
    let caps = json!({"daily_gems": 2000, "monthly_gems": null, "time_zone": "Europe/Berlin"});
    person.request(reqwest::Method::PUT, "/v1/gems/caps").json(&caps).send().await.expect("caps");
    let paid = stage.app.stripe.objects("payment_intent");
    let paid = text(paid.last().expect("a payment"), "id");
    stage.app.stripe.refund(&paid, Some(150)).expect("a part");
    stage.app.stripe.all_is_delivered().await;
    tab.open(&stage.at("/gems")).await;
    tab.until("document.querySelector('.numbers summary')", "there is a chart").await;
    tab.eval("document.querySelector('.numbers').open = true").await;
    looks.take(tab, "gems-used").await;
    stage.app.stripe.refund(&paid, None).expect("the rest");
    tab.until("document.querySelector('.balance__debt')", "the debt is told").await;
    tab.until("document.querySelector('.gem-pill.is-indebted')", "the pill tells it").await;
    looks.take(tab, "gems-indebted").await;
    tab.open(&stage.at("/notices")).await;
    tab.see("button", "Mark all as read").await;
    looks.take(tab, "notices").await;
}

/// Suggestions on their way, there, and failed; presets; and the dialog that varies.
async fn refining(stage: &Stage, tab: &mut Tab, looks: &mut Looks) {
    tab.open(&stage.at("/studio")).await;
    stage.app.fault(Fault::once("chat", "few_values"));
    tab.press("button", "Refine · *").await;
    tab.until("document.querySelector('.note--refine')", "it is said why nothing came").await;
    tab.look(Look::PHONE).await;
    tab.press("button", "Options*").await;
    looks.take(tab, "studio-unrefined").await;
    stage.app.fault(Fault::once("chat", "hang").with(20.0));
    tab.press("button", "Try again").await;
    tab.until("document.querySelector('.suggested[aria-busy=true]')", "places wait").await;
    looks.take_unsettled(tab, "studio-refining").await;
    tab.until("document.querySelectorAll('.suggested .section').length === 3", "suggestions come").await;
    tab.press("button", "Presets*").await;
    tab.press("textbox", "Name").await;
    tab.write("Misty and old").await;
    tab.press("button", "Save preset").await;
    tab.see("button", "Use “Misty and old”*").await;
    looks.take(tab, "studio-refined").await;
    tab.press("button", "Compare two*").await;
    tab.see("dialog", "Compare two").await;
    looks.take(tab, "studio-compare").await;
    tab.key("Escape", false).await;
}

/// The studio in use: words written, an attribute picked, everything unfolded; and the list of keys.
async fn composing(stage: &Stage, tab: &mut Tab, looks: &mut Looks) {
    tab.look(Look::PHONE).await;
    tab.open(&stage.at("/studio")).await;
    tab.press("textbox", "What do you want to see?").await;
    tab.write("A stone circle at dusk, mist in the valley").await;
    tab.press("button", "Options*").await;
    tab.press("button", "Style*").await;
    tab.press("button", "Cinematic still").await;
    tab.press("button", "What the model will read*").await;
    tab.press("button", "Model*").await;
    tab.press("button", "Own size*").await;
    looks.take(tab, "studio-composing").await;
    refining(stage, tab, looks).await;
    tab.press("link", "Gems").await;
    tab.see("heading", "Gems").await;
    let question = json!({"type": "keyDown", "key": "?", "code": "Slash", "text": "?"});
    tab.call("Input.dispatchKeyEvent", question).await;
    tab.see("dialog", "Keys").await;
    looks.take(tab, "keys").await;
}
