//! Outgoing webhooks: what is told, to whom, and signed how; and the endpoints themselves.
use chrono::{DateTime, TimeDelta, Utc};
use lapidary::webhooks::run;
use lapidary_contract::{GemsAreLow, GenerationEnded, ImageCreated, PurchaseChanged, WebhookTested};
use lapidary_sandbox::faults::Fault;
use reqwest::Method;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::api_keys::{Caller, key_of};
use crate::crash::number;
use crate::harness::{self, Answer, Person, TestApp};
use crate::ledger_rows::{actor, give, made_at};
use crate::payments::{buy, intent_of};
use crate::webhook_receiver::{self as receiver, Heard, Receiver, endpoint, post_empty, read, renew};

fn fox() -> Value {
    json!({"prompt": "A fox of my most secret dreams", "quality": "low"})
}

async fn send_all(app: &TestApp) {
    while run::step(&app.app).await.expect("a step") > 0 {}
}

/// The data as its schema has it: nothing more, and nothing less.
#[track_caller]
fn data<T: DeserializeOwned + Serialize>(heard: &Heard) -> T {
    let sent = heard.json()["data"].clone();
    let parsed: T = serde_json::from_value(sent.clone()).expect("as documented");
    let again = serde_json::to_value(&parsed).expect("JSON");
    let names = |value: &Value| value.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&sent), names(&again));
    parsed
}

fn of<'a>(heard: &'a [Heard], kind: &str) -> Vec<&'a Heard> {
    heard.iter().filter(|one| one.kind() == kind).collect()
}

#[track_caller]
fn one<'a>(heard: &'a [Heard], kind: &str) -> &'a Heard {
    let all = of(heard, kind);
    assert_eq!(all.len(), 1, "{kind}: {heard:?}");
    all[0]
}

#[actix_web::test]
async fn a_generation_and_its_images_are_told_once_each_signed_and_without_a_prompt() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let receiver = Receiver::start();
    let (_, secret) = endpoint(&person, &receiver, &[]).await;
    let mut body = fox();
    body["count"] = json!(2);
    let made = person.make(&body).await;
    send_all(&app).await;
    let heard = receiver.heard();
    assert_eq!(heard.len(), 3, "{heard:?}");
    let now = app.app.clock.now();
    for one in &heard {
        assert!(one.is_signed_with(&secret), "{one:?}");
        assert_eq!((one.signatures.len(), one.content_type.as_str()), (1, "application/json"));
        assert!((now.timestamp() - one.timestamp).abs() < 60 && one.body.len() < 20_000);
        let text = String::from_utf8(one.body.clone()).expect("UTF-8");
        assert!(!text.contains("secret dreams") && !text.contains("http"), "{text}");
        let at: DateTime<Utc> = one.json()["timestamp"].as_str().expect("a time").parse().expect("RFC 3339");
        assert!((now - at).abs() < TimeDelta::minutes(1));
        let tampered = Heard { body: [one.body.as_slice(), b" "].concat(), ..one.clone() };
        assert!(!tampered.is_signed_with(&secret), "the body is part of what is signed");
    }
    let ended: GenerationEnded = data(one(&heard, "generation.succeeded"));
    assert_eq!(made["id"], json!(ended.id));
    assert_eq!((json!(ended.status), &made["status"]), (json!("succeeded"), &made["status"]));
    assert_eq!(
        (json!(ended.captured_gems), json!(ended.price_gems)),
        (made["price_gems"].clone(), made["price_gems"].clone())
    );
    assert_eq!((&made["request_id"], ended.count), (&json!(ended.request_id), 2));
    let ids: Vec<Value> = made["images"].as_array().expect("images").iter().map(|image| image["id"].clone()).collect();
    assert_eq!(json!(ended.image_ids), json!(ids));
    let images: Vec<ImageCreated> = of(&heard, "image.created").into_iter().map(data).collect();
    for image in &images {
        assert!(ended.image_ids.contains(&image.id) && image.generation_id == ended.id);
        let known = read(&person, &format!("/v1/images/{}", image.id)).await;
        for (name, value) in [
            ("width", json!(image.width)),
            ("bytes", json!(image.bytes)),
            ("content_type", json!(image.content_type)),
            ("price_gems", json!(image.price_gems)),
            ("model", json!(image.model)),
        ] {
            assert_eq!(known[name], value, "{name}");
        }
        let at: DateTime<Utc> = known["created_at"].as_str().expect("a time").parse().expect("RFC 3339");
        assert_eq!(image.created_at, at);
    }
    let ids: std::collections::HashSet<&str> = heard.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(ids.len(), 3);
}

#[actix_web::test]
async fn failed_is_what_delivered_nothing_and_succeeded_is_what_delivered_anything() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let receiver = Receiver::start();
    endpoint(&person, &receiver, &["generation.failed", "generation.succeeded"]).await;
    app.fault(Fault::once("openai", "moderation_blocked"));
    let refused = person.make(&fox()).await;
    assert_eq!(refused["status"], "failed");
    let cancelled = person.submit(&fox()).await.expect_status(202).json();
    post_empty(&person, &format!("/v1/generations/{}/cancel", cancelled["id"].as_str().expect("an id")))
        .await
        .expect_status(200);
    app.fault(Fault::once("openai", "fewer_images"));
    let mut body = fox();
    body["count"] = json!(3);
    let part = person.make(&body).await;
    assert_eq!(part["status"], "partly_succeeded");
    send_all(&app).await;
    let heard = receiver.heard();
    assert_eq!(heard.len(), 3, "{heard:?}");
    let about = |generation: &Value| {
        let found = heard.iter().find(|one| one.json()["data"]["id"] == generation["id"]).expect("told");
        (found.kind(), data::<GenerationEnded>(found))
    };
    let (kind, told) = about(&refused);
    assert_eq!((kind.as_str(), json!(told.failure_code)), ("generation.failed", refused["failure"]["code"].clone()));
    assert_eq!((told.captured_gems, told.image_ids.len()), (0, 0));
    let (kind, told) = about(&cancelled);
    assert_eq!((kind.as_str(), json!(told.status)), ("generation.failed", json!("cancelled")));
    let (kind, told) = about(&part);
    assert_eq!((kind.as_str(), json!(told.status)), ("generation.succeeded", json!("partly_succeeded")));
    assert!(told.captured_gems > 0 && told.captured_gems < told.price_gems);
    assert_eq!(told.image_ids.len(), part["images"].as_array().expect("images").len());
}

#[actix_web::test]
async fn a_purchase_its_refunds_low_gems_and_a_test_are_told() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let receiver = Receiver::start();
    let types = ["purchase.paid", "purchase.refunded", "gems.low"];
    let (path, secret) = endpoint(&person, &receiver, &types).await;
    let begun = buy(&person, "pouch").await;
    send_all(&app).await;
    let paid: PurchaseChanged = data(one(&receiver.heard(), "purchase.paid"));
    assert_eq!((paid.id.to_string(), paid.credited_gems, paid.gems), (begun.id.clone(), 400, 400));
    for amount in [Some(150), None] {
        app.stripe.refund(&intent_of(&app, &begun), amount).expect("refunded");
        app.stripe.all_is_delivered().await;
    }
    // Read again without any news: nothing is told twice.
    crate::payments::sync(&person, &begun).await;
    send_all(&app).await;
    let heard = receiver.heard();
    let refunds: Vec<PurchaseChanged> = of(&heard, "purchase.refunded").into_iter().map(data).collect();
    assert_eq!(refunds.iter().map(|refund| refund.refunded_amount).collect::<Vec<_>>(), [150, 499]);
    assert_eq!(refunds[1].clawed_back_gems, 400);
    assert_eq!(of(&heard, "purchase.paid").len(), 1);
    let me = actor(&person).await;
    give(&app, me, 500).await;
    let price = person.post("/v1/quotes", &fox()).await.json()["price_gems"].as_i64().expect("a price");
    let spent = person.remaining().await - price - 19;
    made_at(&app, me, app.app.clock.now(), "gpt-image-2", spent, 1).await;
    person.make(&fox()).await;
    send_all(&app).await;
    assert_eq!(data::<GemsAreLow>(one(&receiver.heard(), "gems.low")).remaining, 19);
    receiver::test(&person, &path).await;
    send_all(&app).await;
    let heard = receiver.heard();
    data::<WebhookTested>(one(&heard, "webhook.test"));
    assert!(heard.iter().all(|one| one.is_signed_with(&secret)));
    assert_eq!(heard.len(), 5, "only what it wants, and the test: {heard:?}");
}

#[actix_web::test]
async fn nothing_is_written_where_nobody_listens() {
    let app = harness::start().await;
    let (person, other) = (app.person("Ada Lovelace").await, app.person("Grace Hopper").await);
    let receiver = Receiver::start();
    let (refunds, _) = endpoint(&person, &receiver, &["purchase.refunded"]).await;
    let (off, _) = endpoint(&person, &receiver, &[]).await;
    person.patch(&off, &json!({"status": "disabled"})).await.expect_status(200);
    endpoint(&other, &receiver, &[]).await;
    person.make(&fox()).await;
    assert_eq!(number(&app, "select count(*) from webhook_deliveries").await, 0);
    assert_eq!(run::step(&app.app).await.expect("a step"), 0);
    // It hears of more from the moment it says so.
    person.patch(&refunds, &json!({"event_types": []})).await.expect_status(200);
    person.make(&fox()).await;
    assert_eq!(number(&app, "select count(*) from webhook_deliveries").await, 2);
    assert_eq!(number(&app, "select count(distinct person_id) from webhook_deliveries").await, 1);
}

#[actix_web::test]
async fn a_replaced_secret_signs_beside_the_new_one_for_a_day() {
    let app = harness::start().await;
    let mut person = app.person("Ada Lovelace").await;
    let receiver = Receiver::start();
    let (path, first) = endpoint(&person, &receiver, &[]).await;
    let rotated = post_empty(&person, &format!("{path}/secret")).await.expect_status(200).json();
    let second = rotated["secret"].as_str().expect("a secret").to_owned();
    assert_ne!(first, second);
    let shown = read(&person, &path).await;
    assert!(shown["secret"].is_null() && shown["previous_secret_expires_at"].is_string(), "{shown}");
    let told = async |count: usize| {
        receiver::test(&person, &path).await;
        send_all(&app).await;
        let heard = receiver.heard();
        assert_eq!(heard.len(), count);
        heard[count - 1].clone()
    };
    let both = told(1).await;
    assert!(both.signatures.len() == 2 && both.is_signed_with(&first) && both.is_signed_with(&second));
    let third = post_empty(&person, &format!("{path}/secret")).await.expect_status(200).json();
    let third = third["secret"].as_str().expect("a secret").to_owned();
    let both = told(2).await;
    assert!(both.signatures.len() == 2 && both.is_signed_with(&second) && both.is_signed_with(&third));
    assert!(!both.is_signed_with(&first), "the one before the last ends at once");
    app.app.clock.advance(TimeDelta::hours(24) + TimeDelta::seconds(1));
    renew(&mut person).await;
    receiver::test(&person, &path).await;
    send_all(&app).await;
    let alone = receiver.heard()[2].clone();
    assert!(alone.signatures.len() == 1 && alone.is_signed_with(&third) && !alone.is_signed_with(&second));
    lapidary::webhooks::forget::forget(&app.app, app.app.clock.now()).await.expect("forgotten");
    assert_eq!(number(&app, "select count(*) from webhook_secrets").await, 1);
}

#[actix_web::test]
async fn a_secret_is_sealed_and_outlives_the_key_that_sealed_it() {
    const NEW_KEY: &str = "//////////////////////////////////////////8=";
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let receiver = Receiver::start();
    let (_, secret) = endpoint(&person, &receiver, &[]).await;
    let sealed: Vec<u8> =
        sqlx::query_scalar("select sealed from webhook_secrets").fetch_one(&mut app.sql().await).await.expect("a row");
    let plain = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, &secret[6..]).expect("base64");
    assert!(!sealed.windows(plain.len()).any(|window| window == plain));
    let mut settings = app.app.settings.clone();
    let previous = std::mem::replace(&mut settings.master_key, NEW_KEY.to_owned());
    settings.master_key_previous = Some(previous);
    let replacing = lapidary::auth::Auth::build(&settings).expect("sign-in");
    replacing.keys.tend(&app.app.db, app.app.clock.now()).await.expect("sealed anew");
    let again: Vec<u8> =
        sqlx::query_scalar("select sealed from webhook_secrets").fetch_one(&mut app.sql().await).await.expect("a row");
    assert_ne!(sealed, again);
    // What the old key alone knows cannot sign any more, and says so.
    person.make(&fox()).await;
    send_all(&app).await;
    assert_eq!(receiver.heard().len(), 0);
    let said: String = sqlx::query_scalar("select attempts->-1->>'error' from webhook_deliveries limit 1")
        .fetch_one(&mut app.sql().await)
        .await
        .expect("a row");
    assert_eq!(said, "Its secret cannot be opened any more. Replace it.");
    settings.master_key_previous = None;
    let arguments: Vec<String> =
        app.arguments.iter().filter(|flag| !flag.starts_with("--master-key=")).cloned().collect();
    let second = harness::start_with(&[arguments, vec![format!("--master-key={NEW_KEY}")]].concat()).await;
    second.app.clock.advance(TimeDelta::minutes(1));
    send_all(&second).await;
    assert!(receiver.heard().len() == 2 && receiver.heard().iter().all(|one| one.is_signed_with(&secret)));
}

#[actix_web::test]
async fn a_secret_that_nothing_opens_any_more_is_mended_as_the_log_says() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let receiver = Receiver::start();
    let (path, first) = endpoint(&person, &receiver, &[]).await;
    sqlx::query("update webhook_secrets set sealed = $1")
        .bind([7_u8; 60].as_slice())
        .execute(&mut app.sql().await)
        .await
        .expect("lost");
    let delivery = receiver::test(&person, &path).await;
    send_all(&app).await;
    let said = read(&person, &delivery).await["attempts"][0]["error"].clone();
    assert_eq!(said, "Its secret cannot be opened any more. Replace it.");
    let replaced = post_empty(&person, &format!("{path}/secret")).await.expect_status(200);
    assert_eq!(replaced.header("cache-control"), "no-store");
    let secret = replaced.json()["secret"].as_str().expect("a secret").to_owned();
    app.app.clock.advance(TimeDelta::seconds(6));
    send_all(&app).await;
    assert_eq!(read(&person, &delivery).await["status"], "delivered");
    let heard = receiver.heard();
    assert_eq!((heard.len(), heard[0].signatures.len()), (1, 1), "what does not open signs nothing");
    assert!(heard[0].is_signed_with(&secret) && !heard[0].is_signed_with(&first));
}

#[actix_web::test]
async fn endpoints_are_ten_at_most_and_say_what_is_wrong_by_pointer() {
    let app = harness::start_with(&["--webhooks-allow-private=off".to_owned()]).await;
    let person = app.person("Ada Lovelace").await;
    let post = async |body: Value| person.post("/v1/webhook-endpoints", &body).await;
    for (url, code) in [
        ("", "required"),
        ("example.com", "not_https"),
        ("http://example.com/", "not_https"),
        ("ftp://example.com/", "not_https"),
        ("https://ada:secret@example.com/", "not_https"),
        ("https://8.8.8.8:25/", "not_https"),
        ("https://127.0.0.1/", "not_public"),
        ("https://0x7f.1/", "not_public"),
        ("https://[::ffff:a9fe:a9fe]/", "not_public"),
        ("https://localhost/", "not_public"),
        ("https://metadata.google.internal/", "not_public"),
    ] {
        let problem = post(json!({"url": url})).await.expect_problem(422, "invalid");
        let error = &problem["errors"][0];
        assert_eq!((&error["pointer"], &error["code"]), (&json!("/url"), &json!(code)), "{url}");
    }
    let public = "https://8.8.8.8/hook";
    let twice = post(json!({"url": public, "event_types": ["gems.low", "gems.low"]})).await;
    assert_eq!(twice.expect_problem(422, "invalid")["errors"][0]["pointer"], "/event_types/1");
    let long = post(json!({"url": public, "description": "x".repeat(201)})).await;
    assert_eq!(long.expect_problem(422, "invalid")["errors"][0]["pointer"], "/description");
    post(json!({"url": public, "event_types": ["image.deleted"]})).await.expect_problem(422, "invalid");
    post(json!({"url": public, "secret": "mine"})).await.expect_problem(422, "invalid");
    for _ in 0..10 {
        post(json!({"url": format!("{public}#fragment")})).await.expect_status(201);
    }
    post(json!({"url": public})).await.expect_problem(422, "invalid");
    let list = read(&person, "/v1/webhook-endpoints").await;
    let all = list["data"].as_array().expect("endpoints");
    assert!(all.len() == 10 && all.iter().all(|one| one["url"] == public && one.get("secret").is_none()), "{list}");
    let path = format!("/v1/webhook-endpoints/{}", all[0]["id"].as_str().expect("an id"));
    let to_loopback = person.patch(&path, &json!({"url": "https://127.1/"})).await;
    assert_eq!(to_loopback.expect_problem(422, "invalid")["errors"][0]["code"], "not_public");
    let changed = person.patch(&path, &json!({"description": " Mine ", "event_types": ["gems.low"]})).await.json();
    assert_eq!(
        (&changed["description"], &changed["event_types"], &changed["url"]),
        (&json!("Mine"), &json!(["gems.low"]), &json!(public))
    );
    person.delete(&path).await.expect_status(204);
    person.delete(&path).await.expect_problem(404, "not-found");
}

#[actix_web::test]
async fn nobody_sees_or_touches_anothers_endpoints_and_deliveries() {
    let app = harness::start().await;
    let (person, stranger) = (app.person("Ada Lovelace").await, app.person("Grace Hopper").await);
    let receiver = Receiver::start();
    let (path, _) = endpoint(&person, &receiver, &[]).await;
    let (theirs, _) = endpoint(&stranger, &receiver, &[]).await;
    let delivery = receiver::test(&person, &path).await;
    let id = delivery.rsplit('/').next().expect("an id");
    send_all(&app).await;
    for looked in [&path, &format!("{path}/deliveries"), &delivery, &format!("{theirs}/deliveries/{id}")] {
        stranger.get(looked).await.expect_problem(404, "not-found");
    }
    for done in ["secret", "test"] {
        post_empty(&stranger, &format!("{path}/{done}")).await.expect_problem(404, "not-found");
    }
    for at in [&delivery, &format!("{theirs}/deliveries/{id}")] {
        post_empty(&stranger, &format!("{at}/resend")).await.expect_problem(404, "not-found");
    }
    stranger.patch(&path, &json!({"status": "disabled"})).await.expect_problem(404, "not-found");
    stranger.delete(&path).await.expect_problem(404, "not-found");
    assert_eq!(read(&stranger, &format!("{theirs}/deliveries")).await["data"], json!([]));
    assert_eq!(app.browser().get(&path).await.status, 401);
    send_all(&app).await;
    assert_eq!(receiver.heard().len(), 1);
    assert_eq!(read(&person, &path).await["status"], "enabled");
}

#[actix_web::test]
async fn who_is_erased_or_suspended_is_told_nothing_more() {
    let app = harness::start().await;
    let (gone, held): (Person<'_>, Person<'_>) = (app.person("Ada Lovelace").await, app.person("Grace Hopper").await);
    let receiver = Receiver::start();
    for person in [&gone, &held] {
        let (path, _) = endpoint(person, &receiver, &[]).await;
        receiver::test(person, &path).await;
    }
    let mut sql = app.sql().await;
    let held_id: Uuid = actor(&held).await.person_id;
    sqlx::query("update people set suspended_at = now() where id = $1")
        .bind(held_id)
        .execute(&mut sql)
        .await
        .expect("suspended");
    sqlx::query("delete from people where id <> $1").bind(held_id).execute(&mut sql).await.expect("erased");
    assert_eq!(run::step(&app.app).await.expect("a step"), 0);
    assert_eq!(number(&app, "select count(*) from webhook_deliveries").await, 1);
    assert_eq!(number(&app, "select count(*) from webhook_secrets").await, 1);
    sqlx::query("update people set suspended_at = null").execute(&mut sql).await.expect("restored");
    send_all(&app).await;
    assert_eq!(receiver.heard().len(), 1);
}

#[actix_web::test]
async fn a_key_has_nothing_sent_that_it_may_not_read_and_replaces_no_secret() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let receiver = Receiver::start();
    let (path, _) = endpoint(&person, &receiver, &["generation.failed"]).await;
    let ask = async |caller: &Caller<'_>, method: Method, path: &str, body: Value| {
        Answer::of(caller.request(method, path).json(&body).send().await).await
    };
    let all = ["webhooks:write", "generations:read", "images:read", "gems:read"];
    let entire = key_of(&person, &all).await;
    let list = "/v1/webhook-endpoints";
    for (scope, types) in [
        ("generations:read", json!(["generation.succeeded"])),
        ("generations:read", json!(["webhook.test", "generation.failed"])),
        ("images:read", json!(["image.created"])),
        ("gems:read", json!(["gems.low"])),
        ("gems:read", json!(["purchase.paid"])),
        ("gems:read", json!(["purchase.refunded"])),
    ] {
        let but = all.into_iter().filter(|one| *one != scope).collect::<Vec<_>>();
        let (lacking, alone) = (key_of(&person, &but).await, key_of(&person, &["webhooks:write", scope]).await);
        // Without types it is all of them.
        for types in [types.clone(), json!([])] {
            let made = json!({"url": receiver.url, "event_types": types});
            let refused = ask(&lacking, Method::POST, list, made).await;
            assert_eq!(refused.expect_problem(403, "scope-missing")["scope"], scope, "{types}");
            let changed = ask(&lacking, Method::PATCH, &path, json!({"event_types": types})).await;
            assert_eq!(changed.expect_problem(403, "scope-missing")["scope"], scope, "{types}");
        }
        let made = ask(&alone, Method::POST, list, json!({"url": receiver.url, "event_types": types})).await;
        assert_eq!(made.header("cache-control"), "no-store");
        let id = made.expect_status(201).json()["id"].as_str().expect("an id").to_owned();
        person.delete(&format!("{list}/{id}")).await.expect_status(204);
    }
    // What is sent there already goes nowhere else for a key that may not read it, and is switched off by any.
    let writer = key_of(&person, &["webhooks:write"]).await;
    for body in [json!({"url": receiver.url}), json!({"status": "enabled"})] {
        ask(&writer, Method::PATCH, &path, body).await.expect_problem(403, "scope-missing");
    }
    ask(&writer, Method::PATCH, &path, json!({"status": "disabled", "description": "Off"})).await.expect_status(200);
    let refused = ask(&entire, Method::POST, &format!("{path}/secret"), json!({})).await;
    assert!(refused.expect_problem(403, "scope-missing")["scope"].is_null(), "no key replaces a secret");
    let replaced = post_empty(&person, &format!("{path}/secret")).await.expect_status(200);
    assert_eq!(replaced.header("cache-control"), "no-store");
    let everything = ask(&entire, Method::POST, list, json!({"url": receiver.url})).await.expect_status(201);
    assert!(everything.json()["secret"].as_str().is_some_and(|secret| secret.starts_with("whsec_")));
}
