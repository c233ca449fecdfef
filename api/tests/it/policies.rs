//! A new version of a policy: everybody is told once, whichever process does it, says once to have read it, and is locked out
//! of nothing meanwhile.
use std::sync::Arc;

use chrono::TimeDelta;
use lapidary::app::App;
use lapidary::clock::Clock;
use lapidary::config;
use lapidary::promises::policy::tell::tell_of;
use lapidary::promises::policy::versions::{self, Version};
use lapidary_contract::PolicyKind;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{self, Person, TestApp};

/// Of the day after tomorrow, so that it holds later than every real one.
fn new_version(app: &TestApp) -> (Version, chrono::DateTime<chrono::Utc>) {
    let now = app.app.clock.now() + TimeDelta::days(2);
    let version: &'static str = Box::leak(now.date_naive().to_string().into_boxed_str());
    (Version { kind: PolicyKind::Privacy, version, sha256: "", changes: "More words.", text: "Words." }, now)
}

async fn told(person: &Person<'_>) -> Vec<Value> {
    let list = person.get("/v1/me/notices").await.expect_status(200).json();
    list["data"].as_array().expect("notices").iter().filter(|it| it["kind"] == "policy").cloned().collect()
}

async fn to_read(person: &Person<'_>) -> Vec<Value> {
    person.get("/v1/me").await.json()["policies_to_acknowledge"].as_array().expect("ids").clone()
}

async fn acknowledge(person: &Person<'_>, id: &Value) -> harness::Answer {
    person.post(&format!("/v1/me/policies/{}/acknowledge", id.as_str().expect("an id")), &json!({})).await
}

/// As somebody who joined before there were policies.
async fn forget_what_was_read(app: &TestApp) {
    sqlx::query("delete from policy_acknowledgements").execute(&mut app.sql().await).await.expect("forgotten");
}

#[actix_web::test]
async fn everybody_is_told_of_a_new_version_once_by_whichever_process() {
    let app = harness::start().await;
    let names = ["Ada Lovelace", "Grace Hopper", "Katherine Johnson"];
    let mut people = Vec::new();
    for name in names {
        people.push(app.person(name).await);
    }
    // Who has not said how old they are reads it when they do.
    app.browser().sign_in("google", "Ada Lovelace").await;
    let mut arguments = vec!["lapidary".to_owned()];
    arguments.extend(app.arguments.iter().cloned());
    let other: Arc<App> = App::build(config::settings_from(&arguments).expect("settings"), Clock::default())
        .await
        .expect("another process");
    let (version, now) = new_version(&app);
    let versions = [version];
    let at_once = tokio::join!(
        tell_of(&app.app, &versions, now),
        tell_of(&other, &versions, now),
        tell_of(&app.app, &versions, now)
    );
    let mut count = at_once.0.expect("told") + at_once.1.expect("told") + at_once.2.expect("told");
    count += tell_of(&other, &versions, now).await.expect("told");
    assert_eq!(count, people.len());
    for person in &people {
        let notices = told(person).await;
        assert_eq!(notices.len(), 1);
        assert_eq!(notices[0]["subject"], json!(version.id()));
    }
    let told_at: Option<chrono::DateTime<chrono::Utc>> =
        sqlx::query_scalar("select told_at from policy_versions where id = $1")
            .bind(version.id())
            .fetch_one(&mut app.sql().await)
            .await
            .expect("a version");
    assert!(told_at.is_some(), "everybody has been told");
    other.db.close().await;
}

#[actix_web::test]
async fn a_version_is_acknowledged_once_and_then_gone() {
    let app = harness::start().await;
    let (person, other) = (app.person("Ada Lovelace").await, app.person("Grace Hopper").await);
    assert_eq!(to_read(&person).await, Vec::<Value>::new(), "joining is reading");
    forget_what_was_read(&app).await;
    let now = app.app.clock.now();
    tell_of(&app.app, versions::ALL, now).await.expect("told");
    let open = to_read(&person).await;
    assert_eq!(open.len(), 2);
    assert_eq!(told(&person).await.len(), 2);
    assert_eq!(
        person.make(&json!({"prompt": "A fox", "quality": "low"})).await["status"],
        "succeeded",
        "nothing is locked"
    );
    acknowledge(&person, &open[0]).await.expect_status(204);
    assert_eq!(to_read(&person).await, open[1..]);
    let notices = told(&person).await;
    let read: Vec<&Value> = notices.iter().filter(|it| it["read_at"].is_string()).collect();
    assert_eq!((read.len(), &read[0]["subject"]), (1, &open[0]));
    let when = "select created_at from policy_acknowledgements where policy_id = $1::uuid and way = 'reading'";
    let when = async || -> Vec<chrono::DateTime<chrono::Utc>> {
        let mut sql = app.sql().await;
        let rows = sqlx::query_scalar(when).bind(open[0].as_str()).fetch_all(&mut sql).await;
        rows.expect("rows")
    };
    let first = when().await;
    app.app.clock.advance(TimeDelta::seconds(5));
    acknowledge(&person, &open[0]).await.expect_status(204);
    assert_eq!((when().await, first.len()), (first.clone(), 1), "again changes nothing");
    acknowledge(&person, &json!(Uuid::now_v7())).await.expect_problem(404, "not-found");
    assert_eq!(to_read(&other).await.len(), 2, "others have not read it for that");
    assert_eq!(
        app.browser()
            .post_ours(&format!("/v1/me/policies/{}/acknowledge", open[1].as_str().expect("an id")))
            .await
            .status,
        401
    );
    tell_of(&app.app, versions::ALL, now).await.expect("told");
    assert_eq!(told(&person).await.len(), 2, "nobody is told twice");
}

#[actix_web::test]
async fn reading_the_notice_alone_is_not_having_read_the_policy() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    forget_what_was_read(&app).await;
    tell_of(&app.app, versions::ALL, app.app.clock.now()).await.expect("told");
    for notice in told(&person).await {
        let path = format!("/v1/me/notices/{}/read", notice["id"].as_str().expect("an id"));
        person.post(&path, &json!({})).await.expect_status(204);
    }
    assert_eq!(to_read(&person).await.len(), 2);
}

#[actix_web::test]
async fn every_version_is_readable_without_signing_in() {
    let app = harness::start().await;
    let list = app.browser().get("/v1/policies").await.expect_status(200).json();
    let all = list["data"].as_array().expect("policies");
    assert_eq!(all.iter().filter(|it| it["is_current"] == true).count(), 2);
    let privacy = all.iter().find(|it| it["kind"] == "privacy").expect("a privacy policy");
    let text = privacy["text"].as_str().expect("words");
    for words in ["30 days", "7 days", "7 years", "24 hours", "children under 13"] {
        assert!(text.contains(words), "{words}");
    }
    for id in ["P4", "P9", "P12"] {
        let promises = app.browser().get("/v1/promises").await.json();
        let promised = crate::promises::promise(&promises, id)["text"].as_str().expect("words").to_owned();
        assert!(text.contains(&promised), "{id}: the policy says what is promised");
    }
}
