//! A test for each promise of the privacy policy, named after it: what it says is done, and its page says so from what is
//! there. Where another test does it in whole, this one holds the evidence against the same thing.
use chrono::TimeDelta;
use lapidary::work::schedule;
use lapidary_contract::domain::limits::{PRESIGNED_URL_SECONDS, REQUEST_LOG_DAYS};
use serde_json::{Value, json};

use crate::harness::{self, TestApp};

/// As of now, looked at once more.
pub async fn look(app: &TestApp) -> Value {
    app.app.promises.look(&app.app, app.app.clock.now()).await;
    app.browser().get("/v1/promises").await.expect_status(200).json()
}

#[track_caller]
pub fn promise<'a>(seen: &'a Value, id: &str) -> &'a Value {
    seen["promises"].as_array().expect("promises").iter().find(|it| it["id"] == id).expect("the promise")
}

/// The evidence of this name.
#[track_caller]
pub fn evidence<'a>(seen: &'a Value, id: &str, what: &str) -> &'a Value {
    let of = promise(seen, id);
    let all = of["evidence"].as_array().expect("evidence");
    all.iter().find(|it| it["what"] == what).unwrap_or_else(|| panic!("{id} says nothing of {what}: {of:#}"))
}

#[track_caller]
pub fn is_kept(seen: &Value, id: &str) {
    let of = promise(seen, id);
    assert_eq!(of["state"], "kept", "{of:#}");
    assert!(of["last_seen_at"].is_string(), "{of:#}");
}

/// Every row of a table as text.
async fn rows(app: &TestApp, table: &str) -> String {
    let text = format!("select coalesce(string_agg(t::text, ' '), '') from {table} t");
    sqlx::query_scalar(sqlx::AssertSqlSafe(text)).fetch_one(&mut app.sql().await).await.expect("rows")
}

fn fox() -> Value {
    json!({"prompt": "A fox crossing a frozen river", "quality": "low"})
}

#[actix_web::test]
async fn p01_sign_in_keeps_an_address_and_an_id_and_no_token_of_the_provider() {
    let app = harness::start().await;
    app.person("Ada Lovelace").await;
    let identity = rows(&app, "identities").await;
    assert!(identity.contains("ada.lovelace@example.test") && identity.contains("github"), "{identity}");
    for table in ["people", "identities", "sessions", "sign_in_attempts", "pending_identities"] {
        let text = rows(&app, table).await;
        assert!(!text.contains("gho_") && !text.contains("eyJ"), "{table}: {text}");
    }
    let seen = look(&app).await;
    is_kept(&seen, "P1");
    assert_eq!(evidence(&seen, "P1", "Ways to sign in")["value"], "GitHub, Google");
}

#[actix_web::test]
async fn p02_prompts_and_pictures_are_stored() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let made = person.make(&fox()).await;
    assert_eq!(made["prompt"], fox()["prompt"]);
    let seen = look(&app).await;
    is_kept(&seen, "P2");
    assert_eq!(evidence(&seen, "P2", "The newest picture")["value"], "It is in storage");
}

#[actix_web::test]
async fn p03_gems_add_up_and_an_audit_says_so_every_day() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let before = person.gems().await;
    let made = person.make(&fox()).await;
    let after = person.gems().await;
    let number = |of: &Value, name: &str| of[name].as_i64().expect("gems");
    let price = made["price_gems"].as_i64().expect("a price");
    assert_eq!(number(&after, "remaining"), number(&before, "remaining") - price);
    assert_eq!((number(&after, "used"), number(&after, "purchased")), (price, 0));
    schedule::keep_house(&app.app).await;
    schedule::keep_house(&app.app).await;
    let runs: i64 = sqlx::query_scalar("select count(*) from sweep_runs where kind = 'ledger'")
        .fetch_one(&mut app.sql().await)
        .await
        .expect("a count");
    assert_eq!(runs, 1, "once a day");
    let seen = look(&app).await;
    is_kept(&seen, "P3");
    assert_eq!(evidence(&seen, "P3", "Audit of every balance")["value"], "1 accounts, and all of them add up");
}

#[actix_web::test]
async fn p04_the_log_holds_no_words_and_its_days_go() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    person.make(&fox()).await;
    schedule::keep_house(&app.app).await;
    app.app.request_log.catch_up(&app.app.db).await;
    let log = rows(&app, "request_log").await;
    assert!(log.contains("/v1/generations"), "{log}");
    assert!(!log.contains("fox") && !log.contains("example.test") && !log.contains("eyJ"), "{log}");
    let seen = look(&app).await;
    is_kept(&seen, "P4");
    let today = app.app.clock.today().to_string();
    assert_eq!(evidence(&seen, "P4", "The oldest day of the log")["value"], today);
    assert!(promise(&seen, "P4")["text"].as_str().expect("words").contains(&format!("{REQUEST_LOG_DAYS} days")));
}

#[actix_web::test]
async fn p05_you_pay_elsewhere_and_what_was_bought_is_kept() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    crate::payments::buy(&person, "pouch").await;
    let bought = person.get("/v1/purchases").await.json();
    assert!(bought["data"][0]["amount"].as_i64().is_some_and(|amount| amount > 0), "{bought}");
    let purchases = rows(&app, "purchases").await;
    assert!(!purchases.contains("4242"), "{purchases}");
    let seen = look(&app).await;
    is_kept(&seen, "P5");
    let value = evidence(&seen, "P5", "Where you pay")["value"].clone();
    assert_eq!(value, "At the provider's own page (in this installation's own network)");
}

#[actix_web::test]
async fn p06_prompts_go_to_the_provider_that_the_catalogue_names() {
    let app = harness::start().await;
    let seen = look(&app).await;
    is_kept(&seen, "P6");
    let value = evidence(&seen, "P6", "Where prompts go to become pictures")["value"].clone();
    let model = app.app.catalogue.models.iter().find(|model| model.id == app.app.catalogue.default_model);
    assert!(value.as_str().expect("words").contains(&model.expect("a model").name), "{value}");
    let map = app.browser().get("/v1/promises/data").await.expect_status(200).json();
    let drawing = map["processors"].as_array().expect("processors").iter().find(|it| it["role"] == "Draws pictures");
    assert_eq!(drawing.expect("a provider")["receives"][0], "The prompt as it is composed");
}

#[actix_web::test]
async fn p07_people_are_kept_apart_and_what_only_the_operator_says_is_declared() {
    let app = harness::start_with(&["--database-at-rest=LUKS on the volume".to_owned()]).await;
    app.person("Ada Lovelace").await.make(&fox()).await;
    let seen = look(&app).await;
    let disk = evidence(&seen, "P7", "Encryption of the database's disk");
    assert_eq!((&disk["state"], &disk["value"]), (&json!("declared"), &json!("LUKS on the volume")));
    assert_eq!(promise(&seen, "P7")["state"], "declared", "{:#}", promise(&seen, "P7"));
    let apart = evidence(&seen, "P7", "People are kept apart");
    assert!(apart["value"].as_str().expect("words").starts_with("A stranger sees nothing in"), "{apart}");
    assert_eq!(
        evidence(&seen, "P7", "Encryption in storage")["value"],
        "AES256, as storage says of the newest picture"
    );
    assert_eq!(evidence(&seen, "P7", "Age of the signing key")["value"], "0 days; it changes every 90");
    let connection = evidence(&seen, "P7", "Connection to the database, for signed-in requests");
    assert_eq!(connection["value"], "It does not leave this machine, and is not encrypted");
}

#[actix_web::test]
async fn p08_who_goes_is_gone_with_everything() {
    let app = harness::start().await;
    let browser = app.browser();
    browser.sign_in("github", "Ada Lovelace").await;
    let token = browser.refresh().await.expect("a token");
    let person = harness::Person { app: &app, browser, token };
    person.patch("/v1/me", &json!({"age_confirmed": false})).await.expect_status(204);
    for table in ["people", "identities", "sessions", "policy_acknowledgements"] {
        assert_eq!(rows(&app, table).await, "", "{table}");
    }
    let seen = look(&app).await;
    is_kept(&seen, "P8");
}

#[actix_web::test]
async fn p09_pictures_are_private_and_links_live_seven_days() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let made = person.make(&fox()).await;
    let url = made["images"][0]["url"].as_str().expect("a link");
    assert!(url.contains(&format!("X-Amz-Expires={PRESIGNED_URL_SECONDS}")) && PRESIGNED_URL_SECONDS == 7 * 86_400);
    let bare = url.split_once('?').expect("a signature").0;
    assert_eq!(reqwest::get(bare).await.expect("an answer").status(), 403);
    assert!(!rows(&app, "images").await.contains("X-Amz"), "no link is stored");
    let seen = look(&app).await;
    is_kept(&seen, "P9");
    assert_eq!(evidence(&seen, "P9", "Whoever comes without a signature")["value"], "Is refused, with status 403");
    assert_eq!(evidence(&seen, "P9", "Life of a link to a picture")["value"], "7 days at most");
}

/// The storage was swept two days ago: where nobody did, the sweep would only look.
pub const SWEPT: &str = "insert into sweep_runs (id, kind, is_dry_run, started_at, finished_at)
    values (gen_random_uuid(), 'objects', false, now() - interval '2 days', now() - interval '2 days')";

#[actix_web::test]
async fn p10_jobs_leave_traces_that_people_can_read() {
    let app = harness::start().await;
    sqlx::query(SWEPT).execute(&mut app.sql().await).await.expect("a run");
    schedule::keep_house(&app.app).await;
    let seen = look(&app).await;
    is_kept(&seen, "P10");
    let swept = evidence(&seen, "P10", "Objects in storage that belong to nothing");
    assert!(swept["at"].is_string(), "{swept}");
    assert!(swept["value"].as_str().expect("words").contains("looked at, 0 deleted"), "{swept}");
    for (days, word) in [(30, "log"), (30, "trash")] {
        assert!(promise(&seen, "P10")["text"].as_str().expect("words").contains(&format!("{days} days")), "{word}");
    }
}

#[actix_web::test]
async fn p11_the_cookies_that_are_told_are_those_that_are_set() {
    let app = harness::start().await;
    let browser = app.browser();
    let mut set = Vec::new();
    let mut hear = |answer: &harness::Answer| {
        let cookies = answer.headers.get_all("set-cookie").iter().filter_map(|value| value.to_str().ok());
        set.extend(cookies.map(|text| {
            let (name, rest) = text.split_once('=').expect("a cookie");
            format!("{name};{}", rest.split_once(';').expect("attributes").1)
        }));
    };
    hear(&browser.get("/v1/auth/github/login?return_to=/studio").await.expect_status(303));
    let callback = browser.consent("/v1/auth/github/login?return_to=/studio", "Ada Lovelace").await;
    hear(&browser.get(&callback).await.expect_status(303));
    let seen = look(&app).await;
    is_kept(&seen, "P11");
    let told = promise(&seen, "P11")["evidence"].as_array().expect("evidence").clone();
    let told: Vec<&str> =
        told.iter().filter(|it| it["what"] == "Cookie").filter_map(|it| it["value"].as_str()).collect();
    assert_eq!(told.len(), 2);
    for cookie in set {
        assert!(told.contains(&cookie.as_str()), "{cookie} is not told: {told:?}");
    }
}

#[actix_web::test]
async fn p12_nothing_is_made_before_the_age_is_said_and_silence_ends_in_a_day() {
    let app = harness::start().await;
    let browser = app.browser();
    browser.sign_in("github", "Ada Lovelace").await;
    let token = browser.refresh().await.expect("a token");
    let person = harness::Person { app: &app, browser, token };
    person.submit(&fox()).await.expect_problem(403, "age-not-confirmed");
    is_kept(&look(&app).await, "P12");
    app.app.clock.advance(TimeDelta::hours(25));
    schedule::keep_house(&app.app).await;
    assert_eq!(rows(&app, "people").await, "");
    is_kept(&look(&app).await, "P12");
}

#[actix_web::test]
async fn p13_whoever_joins_has_read_what_holds() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    schedule::keep_house(&app.app).await;
    assert_eq!(person.get("/v1/me").await.json()["policies_to_acknowledge"], json!([]));
    let seen = look(&app).await;
    is_kept(&seen, "P13");
    assert!(evidence(&seen, "P13", "Privacy policy")["at"].is_string(), "told");
}

#[actix_web::test]
async fn p14_the_limits_that_are_told_are_those_in_force() {
    let app = harness::start_with(&["--requests-per-minute-signed-out=77".to_owned()]).await;
    let seen = look(&app).await;
    is_kept(&seen, "P14");
    let value = evidence(&seen, "P14", "Requests")["value"].as_str().expect("words").to_owned();
    assert!(value.contains("77 for an address"), "{value}");
    let policy = app.browser().get("/v1/catalogue").await;
    assert_eq!(policy.header("ratelimit-policy"), "\"requests\";q=77;w=60");
}

#[actix_web::test]
async fn p15_failures_have_an_id_and_somebody_to_ask() {
    let app = harness::start_with(&["--support-contact=help@example.test".to_owned()]).await;
    let person = app.person("Ada Lovelace").await;
    person.get("/v1/images/0198c0de-0000-7000-8000-000000000000").await.expect_problem(404, "not-found");
    assert_eq!(person.get("/v1/me").await.json()["support_contact"], "help@example.test");
    let seen = look(&app).await;
    is_kept(&seen, "P15");
    assert_eq!(seen["support_contact"], "help@example.test");
    assert_eq!(evidence(&seen, "P15", "Address of support")["value"], "help@example.test");
}
