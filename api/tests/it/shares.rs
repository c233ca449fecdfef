//! Share links: what whoever has one sees, and when it ends. Collections beside them.
use lapidary_contract::domain::limits::SHARE_LINKS_MAX;
use serde_json::{Value, json};

use crate::harness::{self, Person, TestApp};

async fn image_of(person: &Person<'_>) -> String {
    let body = json!({"prompt": "A secret fox", "quality": "low", "size": "1024x640",
        "attributes": [{"section": "Light", "value": "golden hour"}]});
    person.make(&body).await["images"][0]["id"].as_str().expect("an id").to_owned()
}

async fn share(person: &Person<'_>, image: &str, body: &Value) -> Value {
    person.post(&format!("/v1/images/{image}/shares"), body).await.expect_status(201).json()
}

fn token(link: &Value) -> String {
    let url = link["url"].as_str().expect("a url");
    url.rsplit("/s/").next().expect("a token").to_owned()
}

fn path(link: &Value) -> String {
    format!("/v1/shared/{}", token(link))
}

async fn links(person: &Person<'_>, image: &str) -> Vec<Value> {
    let list = person.get(&format!("/v1/images/{image}/shares")).await.expect_status(200).json();
    list["data"].as_array().expect("a list").clone()
}

async fn set(app: &TestApp, sql: &'static str) {
    sqlx::query(sql).execute(&mut app.sql().await).await.expect("an update");
}

#[actix_web::test]
async fn whoever_has_a_link_sees_the_picture_and_not_its_prompt() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let image = image_of(&person).await;
    let link = share(&person, &image, &json!({})).await;
    assert_eq!((link["shows_prompt"].clone(), link["view_count"].clone()), (json!(false), json!(0)));
    let stranger = app.browser();
    let answer = stranger.get(&path(&link)).await.expect_status(200);
    assert_eq!(answer.header("x-robots-tag"), "noindex, nofollow");
    assert_eq!(answer.header("cache-control"), "private, no-store");
    let text = String::from_utf8(answer.body.to_vec()).expect("UTF-8");
    for secret in ["secret fox", "golden hour", "gpt-image", "Ada", image.as_str()] {
        let said = text.replace(&format!("/images/{image}/"), "");
        assert!(!said.contains(secret), "{secret}: {text}");
    }
    let seen: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(seen["digital_source_type"], "trainedAlgorithmicMedia");
    for (url, content_type) in [("url", "image/png"), ("preview_url", "image/webp")] {
        let url = seen[url].as_str().expect("a url");
        assert!(url.contains("X-Amz-Expires=600&"), "ten minutes at most: {url}");
        assert_eq!(stranger.get(url).await.expect_status(200).header("content-type"), content_type);
    }
    assert_eq!(links(&person, &image).await[0]["view_count"], 1);
}

#[actix_web::test]
async fn the_prompt_is_seen_where_its_person_shows_it() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let link = share(&person, &image_of(&person).await, &json!({"shows_prompt": true})).await;
    let seen = app.browser().get(&path(&link)).await.expect_status(200).json();
    assert_eq!(seen["prompt"], "A secret fox");
    assert_eq!(seen["attributes"][0]["value"], "golden hour");
}

#[actix_web::test]
async fn a_link_ends_when_it_is_revoked_expires_or_its_image_goes_to_the_trash() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let image = image_of(&person).await;
    let (gone, works) = (share(&person, &image, &json!({})).await, share(&person, &image, &json!({})).await);
    assert_ne!(token(&gone), token(&works));
    person.delete(&format!("/v1/shares/{}", gone["id"].as_str().expect("an id"))).await.expect_status(204);
    app.browser().get(&path(&gone)).await.expect_problem(404, "not-found");
    app.browser().get(&path(&works)).await.expect_status(200);
    let soon = chrono::Utc::now() + chrono::TimeDelta::days(1);
    let short = share(&person, &image, &json!({"expires_at": soon})).await;
    app.browser().get(&path(&short)).await.expect_status(200);
    set(&app, "update share_links set expires_at = now() - interval '1 second' where expires_at is not null").await;
    app.browser().get(&path(&short)).await.expect_problem(404, "not-found");
    let active = |link: &Value| link["is_active"] == json!(true);
    assert_eq!(links(&person, &image).await.iter().map(active).collect::<Vec<_>>(), [false, true, false]);
    person.delete(&format!("/v1/images/{image}")).await.expect_status(204);
    app.browser().get(&path(&works)).await.expect_problem(404, "not-found");
    person.post(&format!("/v1/images/{image}/shares"), &json!({})).await.expect_problem(409, "illegal-transition");
    person.post(&format!("/v1/images/{image}/restore"), &json!({})).await.expect_status(200);
    app.browser().get(&path(&works)).await.expect_status(200);
}

#[actix_web::test]
async fn a_suspended_person_shows_nothing() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let link = share(&person, &image_of(&person).await, &json!({})).await;
    set(&app, "update people set suspended_at = now()").await;
    app.browser().get(&path(&link)).await.expect_problem(404, "not-found");
}

#[actix_web::test]
async fn a_guessed_link_shows_nothing() {
    let app = harness::start().await;
    let guess = "A".repeat(43);
    for token in [guess.as_str(), "x", "..", "%00", "Ada%20Lovelace"] {
        app.browser().get(&format!("/v1/shared/{token}")).await.expect_problem(404, "not-found");
    }
}

#[actix_web::test]
async fn the_table_of_links_opens_none_of_them() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let link = share(&person, &image_of(&person).await, &json!({})).await;
    let row: String = sqlx::query_scalar("select share_links::text from share_links")
        .fetch_one(&mut app.sql().await)
        .await
        .expect("a row");
    assert!(!row.contains(&token(&link)));
}

#[actix_web::test]
async fn an_image_has_twenty_links_at_most_and_none_that_is_over_already() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let image = image_of(&person).await;
    let past = json!({"expires_at": "2026-01-01T00:00:00Z"});
    let path = format!("/v1/images/{image}/shares");
    let problem = person.post(&path, &past).await.expect_problem(422, "invalid");
    assert_eq!(problem["errors"][0]["pointer"], "/expires_at");
    let plain = json!({});
    let many = (0..SHARE_LINKS_MAX + 5).map(|_| person.post(&path, &plain));
    let answers = futures_util::future::join_all(many).await;
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(i64::try_from(made).expect("few"), SHARE_LINKS_MAX);
    person.delete(&format!("/v1/shares/{}", links(&person, &image).await[0]["id"].as_str().expect("an id"))).await;
    person.post(&path, &json!({})).await.expect_status(201);
}

#[actix_web::test]
async fn an_image_stands_in_many_collections_and_outlives_them() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let image = image_of(&person).await;
    let make = async |name: &str| person.post("/v1/collections", &json!({"name": name})).await;
    let foxes = make(" Foxes ").await.expect_status(201).json();
    let snow = make("雪").await.expect_status(201).json();
    assert_eq!(foxes["name"], "Foxes");
    for taken in ["foxes", "FOXES", "Foxes"] {
        let problem = make(taken).await.expect_problem(422, "invalid");
        assert_eq!(
            problem["errors"][0],
            json!({"pointer": "/name", "code": "duplicate", "detail": "This is there twice."})
        );
    }
    make(" ").await.expect_problem(422, "invalid");
    let at = |collection: &Value| format!("/v1/collections/{}", collection["id"].as_str().expect("an id"));
    let images = json!({"image_ids": [image, uuid::Uuid::now_v7()]});
    for (collection, changed) in [(&foxes, 1), (&snow, 1), (&foxes, 0)] {
        let answer = person.post(&format!("{}/images", at(collection)), &images).await.expect_status(200).json();
        assert_eq!(answer["changed"], changed);
    }
    person.patch(&at(&snow), &json!({"name": "fOXES"})).await.expect_problem(422, "invalid");
    person.patch(&at(&foxes), &json!({"name": "Red foxes"})).await.expect_status(200);
    let list = person.get("/v1/collections").await.expect_status(200).json();
    let (first, second) = (&list["data"][0], &list["data"][1]);
    assert_eq!((&first["name"], &first["image_count"]), (&json!("Red foxes"), &json!(1)));
    app.browser().get(first["cover_url"].as_str().expect("a cover")).await.expect_status(200);
    assert_eq!(second["name"], "雪");
    let request = person.request(reqwest::Method::DELETE, &format!("{}/images", at(&snow))).json(&images);
    assert_eq!(request.send().await.expect("an answer").status(), 200);
    person.delete(&at(&foxes)).await.expect_status(204);
    person.delete(&at(&foxes)).await.expect_problem(404, "not-found");
    let list = person.get("/v1/collections").await.json();
    assert_eq!((list["data"].as_array().map(Vec::len), &list["data"][0]["image_count"]), (Some(1), &json!(0)));
    person.get(&format!("/v1/images/{image}")).await.expect_status(200);
}

#[actix_web::test]
async fn nobody_puts_anothers_image_into_a_collection_or_sees_how_much_is_in_one() {
    let app = harness::start().await;
    let (ada, grace) = (app.person("Ada Lovelace").await, app.person("Grace Hopper").await);
    let image = image_of(&ada).await;
    let hers = grace.post("/v1/collections", &json!({"name": "Hers"})).await.expect_status(201).json();
    let path = format!("/v1/collections/{}/images", hers["id"].as_str().expect("an id"));
    let images = json!({"image_ids": [image]});
    assert_eq!(grace.post(&path, &images).await.expect_status(200).json()["changed"], 0);
    ada.post(&path, &images).await.expect_problem(404, "not-found");
    let many = json!({"image_ids": vec![uuid::Uuid::nil(); 501]});
    grace.post(&path, &many).await.expect_problem(422, "invalid");
}
