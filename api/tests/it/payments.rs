//! Buying gems over HTTP, against the sandbox's Stripe: whoever paid is credited, once, and nobody else.
use futures_util::future::join_all;
use lapidary_sandbox::faults::Fault;
use serde_json::{Value, json};
use sqlx::Connection;
use uuid::Uuid;

use crate::harness::{self, Answer, Person, TestApp};
use crate::sse::Events;

/// A purchase and what the vendor calls it.
#[derive(Clone, Debug)]
pub struct Begun {
    pub id: String,
    pub session: String,
    pub url: String,
}

pub async fn checkout_with(person: &Person<'_>, key: &str, body: &Value) -> Answer {
    let request = person.request(reqwest::Method::POST, "/v1/checkouts").header("Idempotency-Key", key);
    Answer::of(request.json(body).send().await).await
}

pub async fn begin(person: &Person<'_>, pack: &str) -> Begun {
    let body = json!({ "pack": pack });
    let answer = checkout_with(person, &Uuid::now_v7().to_string(), &body).await.expect_status(201);
    let begun = answer.json();
    let id = begun["id"].as_str().expect("an id").to_owned();
    assert_eq!(answer.header("location"), format!("/v1/checkouts/{id}"));
    let url = begun["url"].as_str().expect("a payment page").to_owned();
    Begun { session: session_of(person.app, &id), url, id }
}

pub fn session_of(app: &TestApp, purchase: &str) -> String {
    let all = app.stripe.objects("checkout.session");
    let mut own = all.iter().filter(|session| session["client_reference_id"] == purchase);
    let session = own.next().expect("a session")["id"].as_str().expect("an id").to_owned();
    assert!(own.next().is_none(), "one purchase has two pages");
    session
}

pub fn intent_of(app: &TestApp, begun: &Begun) -> String {
    app.stripe.object(&begun.session).expect("a session")["payment_intent"].as_str().expect("a payment").to_owned()
}

/// Begun, paid, and told to us.
pub async fn buy(person: &Person<'_>, pack: &str) -> Begun {
    let begun = begin(person, pack).await;
    person.app.stripe.pay(&begun.session).expect("paid");
    person.app.stripe.all_is_delivered().await;
    begun
}

pub async fn purchase(person: &Person<'_>, begun: &Begun) -> Value {
    let all = person.get("/v1/purchases").await.expect_status(200).json();
    let all = all["data"].as_array().expect("purchases").clone();
    all.into_iter().find(|purchase| purchase["id"] == begun.id.as_str()).expect("the purchase")
}

pub async fn bought(person: &Person<'_>) -> i64 {
    person.gems().await["bought"].as_i64().expect("gems")
}

pub async fn sync(person: &Person<'_>, begun: &Begun) -> Value {
    person.post(&format!("/v1/checkouts/{}/sync", begun.id), &json!({})).await.expect_status(200).json()
}

pub async fn notices(app: &TestApp) -> Vec<String> {
    let mut sql = app.sql().await;
    sqlx::query_scalar("select kind from notices order by created_at, id").fetch_all(&mut sql).await.expect("notices")
}

/// Nothing that happens at the vendor is told to us.
pub fn lose_webhooks(app: &TestApp) {
    app.fault(Fault::always("stripe", "webhook_dropped"));
}

#[actix_web::test]
async fn a_paid_checkout_credits_its_gems_and_the_purchase_the_statement_and_the_stream_say_so() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let mut events = Events::open(&person, "/v1/events", None).await;
    let before = person.remaining().await;
    let begun = begin(&person, "pouch").await;
    assert_eq!(begun.url, app.stripe.object(&begun.session).expect("a session")["url"]);
    assert_eq!(purchase(&person, &begun).await["status"], "open");
    app.stripe.pay(&begun.session).expect("paid");
    let told = loop {
        let event = events.next().await.expect("an event");
        if event.is("purchase_changed") {
            break event;
        }
    };
    assert_eq!((&told.data["purchase"]["status"], &told.data["gems"]["bought"]), (&json!("paid"), &json!(400)));
    app.stripe.all_is_delivered().await;
    let gems = person.gems().await;
    assert_eq!((gems["bought"].as_i64(), gems["purchased"].as_i64()), (Some(400), Some(400)));
    assert_eq!(person.remaining().await, before + 400);
    let paid = purchase(&person, &begun).await;
    assert_eq!((&paid["status"], &paid["credited_gems"], &paid["amount"]), (&json!("paid"), &json!(400), &json!(499)));
    assert_eq!(paid["billing_email"], "ada.lovelace@example.test");
    assert!(paid["paid_at"].is_string());
    let rows = person.get("/v1/gems/transfers").await.json();
    let row = rows["data"].as_array().expect("rows").first().expect("a row").clone();
    assert_eq!((&row["kind"], &row["reference"]), (&json!("purchase"), &json!(begun.id)));
    // What comes at once is seen on the page: no notice.
    assert!(notices(&app).await.is_empty());
    let now = person.get(&format!("/v1/checkouts/{}", begun.id)).await.expect_status(200).json();
    assert_eq!((&now["status"], &now["url"]), (&json!("paid"), &Value::Null));
}

#[actix_web::test]
async fn paid_with_another_email_credits_the_right_account() {
    let app = harness::start().await;
    let (ada, grace) = (app.person("Ada Lovelace").await, app.person("Grace Hopper").await);
    let begun = begin(&ada, "pouch").await;
    app.stripe.pay_as(&begun.session, "grace.hopper@example.test").expect("paid");
    app.stripe.all_is_delivered().await;
    assert_eq!((bought(&ada).await, bought(&grace).await), (400, 0));
    assert_eq!(purchase(&ada, &begun).await["billing_email"], "grace.hopper@example.test");
}

#[actix_web::test]
async fn what_is_unpaid_is_credited_only_when_it_is_paid_later() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let begun = begin(&person, "pouch").await;
    app.stripe.pay_later(&begun.session).expect("on its way");
    app.stripe.all_is_delivered().await;
    assert_eq!((purchase(&person, &begun).await["status"].as_str(), bought(&person).await), (Some("pending"), 0));
    assert_eq!(sync(&person, &begun).await["status"], "pending");
    app.stripe.settle_later(&begun.session, true).expect("it comes");
    app.stripe.all_is_delivered().await;
    assert_eq!((purchase(&person, &begun).await["status"].as_str(), bought(&person).await), (Some("paid"), 400));
    assert_eq!(notices(&app).await, ["purchase_paid"]);
}

#[actix_web::test]
async fn what_is_unpaid_and_fails_later_is_never_credited() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let begun = begin(&person, "pouch").await;
    app.stripe.pay_later(&begun.session).expect("on its way");
    app.stripe.all_is_delivered().await;
    app.stripe.settle_later(&begun.session, false).expect("it does not come");
    app.stripe.all_is_delivered().await;
    assert_eq!((purchase(&person, &begun).await["status"].as_str(), bought(&person).await), (Some("failed"), 0));
    assert_eq!(notices(&app).await, ["purchase_failed"]);
}

#[actix_web::test]
async fn no_payment_required_never_credits() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let begun = begin(&person, "treasury").await;
    app.stripe.give_away(&begun.session).expect("given away");
    app.stripe.all_is_delivered().await;
    sync(&person, &begun).await;
    assert_eq!((purchase(&person, &begun).await["status"].as_str(), bought(&person).await), (Some("failed"), 0));
}

#[actix_web::test]
async fn a_declined_card_leaves_the_page_open_and_an_expired_page_ends_the_purchase() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let begun = begin(&person, "pouch").await;
    app.stripe.decline(&begun.session).expect("declined");
    app.stripe.all_is_delivered().await;
    let open = sync(&person, &begun).await;
    assert_eq!((&open["status"], &open["url"]), (&json!("open"), &json!(begun.url)));
    app.stripe.expire(&begun.session).expect("expired");
    app.stripe.all_is_delivered().await;
    assert_eq!((purchase(&person, &begun).await["status"].as_str(), bought(&person).await), (Some("expired"), 0));
}

#[actix_web::test]
async fn a_retried_checkout_makes_one_purchase_with_one_page() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let body = json!({"pack": "pouch"});
    let answers = join_all((0..10).map(|_| checkout_with(&person, "one-key", &body))).await;
    let first = answers.first().expect("an answer").json();
    for answer in answers {
        assert_eq!(answer.expect_status(201).json(), first);
    }
    assert_eq!(person.get("/v1/purchases").await.json()["data"].as_array().map(Vec::len), Some(1));
    assert_eq!(app.stripe.objects("checkout.session").len(), 1);
    assert_eq!(app.stripe.objects("customer").len(), 1);
    checkout_with(&person, "one-key", &json!({"pack": "casket"})).await.expect_problem(422, "idempotency-key-reused");
    app.stripe.pay(&session_of(&app, first["id"].as_str().expect("an id"))).expect("paid");
    app.stripe.all_is_delivered().await;
    let again = checkout_with(&person, "one-key", &body).await.expect_status(201).json();
    assert_eq!((&again["status"], &again["url"], &again["id"]), (&json!("paid"), &Value::Null, &first["id"]));
    assert_eq!(bought(&person).await, 400);
}

#[actix_web::test]
async fn a_crash_between_row_and_session_then_a_retry_with_the_same_key_gives_the_same_payment_page() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let body = json!({"pack": "pouch"});
    let first = checkout_with(&person, "key", &body).await.expect_status(201).json();
    // As if the process had ended when the vendor had answered.
    let mut sql = app.sql().await;
    sqlx::query("update purchases set checkout_session = null").execute(&mut sql).await.expect("forgotten");
    assert_eq!(checkout_with(&person, "key", &body).await.expect_status(201).json(), first);
    // And when it had answered nothing.
    app.fault(Fault::always("stripe", "server_error").with(json!({"path": "/v1/checkout/sessions"})));
    let body = json!({"pack": "casket"});
    checkout_with(&person, "other", &body).await.expect_problem(502, "vendor-failed");
    app.faults.clear();
    let second = checkout_with(&person, "other", &body).await.expect_status(201).json();
    assert_eq!(app.stripe.objects("checkout.session").len(), 2);
    assert_eq!(person.get("/v1/purchases").await.json()["data"].as_array().map(Vec::len), Some(2));
    app.stripe.pay(&session_of(&app, second["id"].as_str().expect("an id"))).expect("paid");
    app.stripe.all_is_delivered().await;
    assert_eq!(bought(&person).await, 1_800);
}

#[actix_web::test]
async fn an_answer_that_got_lost_is_asked_for_again_and_nothing_is_made_twice() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    for (kind, path) in [
        ("answer_lost", "/v1/customers"),
        ("answer_lost", "/v1/checkout/sessions"),
        ("rate_limited", "/v1/checkout/sessions"),
        ("lock_conflict", "/v1/checkout/sessions"),
    ] {
        app.fault(Fault::once("stripe", kind).with(json!({"path": path, "method": "POST"})));
        begin(&person, "pouch").await;
    }
    assert_eq!(app.stripe.objects("customer").len(), 1);
    assert_eq!(app.stripe.objects("checkout.session").len(), 4);
}

#[actix_web::test]
async fn the_vendor_is_told_the_purchase_and_nothing_else_of_ours() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let begun = begin(&person, "casket").await;
    let asked = app.stripe.requests();
    assert!(asked.iter().all(|request| request.is_well_formed), "{asked:#?}");
    assert!(asked.iter().all(|request| request.version.as_deref() == Some("2026-09-30.endive")));
    let made = asked.iter().find(|request| request.path == "/v1/checkout/sessions").expect("a session");
    assert_eq!(made.idempotency_key.as_deref(), Some(begun.id.as_str()));
    let mut named: Vec<&str> =
        made.form.iter().filter(|(_, value)| *value == begun.id).map(|(name, _)| name.as_str()).collect();
    named.sort_unstable();
    let expected = ["client_reference_id", "metadata[purchase]", "payment_intent_data[metadata][purchase]"];
    assert_eq!(named, expected);
    let value = |name: &str| made.form.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    assert_eq!(value("invoice_creation[enabled]"), Some("true"));
    assert_eq!(value("line_items[0][price_data][unit_amount]"), Some("1999"));
    let back = format!("{}/gems/checkouts/{}", app.url, begun.id);
    assert_eq!(value("success_url"), Some(back.as_str()));
    assert!(made.form.iter().all(|(name, _)| !name.contains("payment_method_types")));
}

#[actix_web::test]
async fn a_stranger_gets_404_of_anothers_purchase() {
    let app = harness::start().await;
    let (owner, stranger) = (app.person("Ada Lovelace").await, app.person("Grace Hopper").await);
    let begun = buy(&owner, "pouch").await;
    let id = &begun.id;
    stranger.get(&format!("/v1/checkouts/{id}")).await.expect_problem(404, "not-found");
    stranger.get(&format!("/v1/purchases/{id}/receipt")).await.expect_problem(404, "not-found");
    stranger.post(&format!("/v1/checkouts/{id}/sync"), &json!({})).await.expect_problem(404, "not-found");
    assert_eq!(stranger.get("/v1/purchases").await.json()["data"], json!([]));
}

#[actix_web::test]
async fn receipts_invoices_and_the_portal_are_linked_freshly() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    person.post("/v1/payments/portal", &json!({})).await.expect_problem(409, "illegal-transition");
    let begun = begin(&person, "pouch").await;
    let path = format!("/v1/purchases/{}/receipt", begun.id);
    assert_eq!(person.get(&path).await.expect_status(200).json()["receipt_url"], Value::Null);
    app.stripe.pay(&begun.session).expect("paid");
    app.stripe.all_is_delivered().await;
    let links = person.get(&path).await.expect_status(200).json();
    for link in ["receipt_url", "invoice_url", "invoice_pdf_url"] {
        assert!(links[link].as_str().is_some_and(|url| url.starts_with("http")), "{link}: {links}");
    }
    let portal = person.post("/v1/payments/portal", &json!({})).await.expect_status(200).json();
    assert!(portal["url"].as_str().is_some_and(|url| url.starts_with("http")));
}

#[actix_web::test]
async fn what_cannot_be_bought_is_refused_in_words() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let refused = checkout_with(&person, "a", &json!({"pack": "moon"})).await.expect_problem(422, "invalid");
    assert_eq!(refused["errors"][0]["pointer"], "/pack");
    person.post("/v1/checkouts", &json!({"pack": "pouch"})).await.expect_problem(400, "idempotency-key-required");
    for number in 0..20 {
        checkout_with(&person, &format!("key {number}"), &json!({"pack": "pouch"})).await.expect_status(201);
    }
    let refused = checkout_with(&person, "one more", &json!({"pack": "pouch"})).await;
    assert!(!refused.header("retry-after").is_empty());
    refused.expect_problem(429, "rate-limited");
    checkout_with(&person, "key 3", &json!({"pack": "pouch"})).await.expect_status(201);
}

#[actix_web::test]
async fn where_nothing_is_sold_the_page_says_so_and_nothing_breaks() {
    let app = harness::start_with(&[harness::NOTHING_SOLD.into()]).await;
    let person = app.person("Ada Lovelace").await;
    let packs = app.browser().get("/v1/gem-packs").await.expect_status(200).json();
    assert_eq!(packs, json!({"is_open": false, "data": []}));
    checkout_with(&person, "a", &json!({"pack": "pouch"})).await.expect_problem(404, "not-found");
    assert_eq!(person.get("/v1/purchases").await.expect_status(200).json()["data"], json!([]));
    let request = app.browser().client.post(format!("{}/v1/stripe/webhook", app.url)).body("{}").send().await;
    Answer::of(request).await.expect_problem(404, "not-found");
}

#[actix_web::test]
async fn a_customer_deleted_in_the_dashboard_is_made_again() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    begin(&person, "pouch").await;
    let customer =
        app.stripe.objects("customer").first().expect("a customer")["id"].as_str().expect("an id").to_owned();
    let address = format!("{}/v1/customers/{customer}", app.stripe.url);
    let deleted = app.browser().client.delete(address).bearer_auth(&app.stripe.secret_key).send().await;
    assert!(deleted.expect("an answer").status().is_success());
    buy(&person, "pouch").await;
    assert_eq!(bought(&person).await, 400);
}

#[actix_web::test]
async fn the_person_role_cannot_credit_itself() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let begun = begin(&person, "pouch").await;
    let (id, account) = crate::isolation::ids_of(&app, "ada.lovelace@example.test").await;
    let mut sql = crate::isolation::as_person(&app, &id, &account).await;
    for statement in [
        "update purchases set status = 'paid', credited_gems = gems".to_owned(),
        format!("update purchases set gems = 1000000 where id = '{}'", begun.id),
        "update gem_accounts set bought = bought + 1, purchased = purchased + 1".to_owned(),
        "insert into payment_events (id, kind, heard_by, created_at, received_at) values ('e', 'k', 'x', now(), now())"
            .into(),
        "delete from purchases".to_owned(),
    ] {
        let done = sqlx::query(sqlx::AssertSqlSafe(statement.clone())).execute(&mut sql).await;
        assert!(done.is_err(), "{statement} was allowed");
    }
    sql.close().await.expect("closed");
}
