//! Presets: saved, listed, renamed, replaced, deleted; one name once, whatever its case.
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::harness::{self, Person};

fn winter(name: &str) -> Value {
    json!({"name": name, "attributes": [{"section": "Season", "value": "deep winter"}, {"section": "Mood", "value": "serene"}]})
}

async fn names(person: &Person<'_>) -> Vec<String> {
    let list = person.get("/v1/presets").await.expect_status(200).json();
    list["data"].as_array().expect("presets").iter().map(|it| it["name"].as_str().expect("a name").to_owned()).collect()
}

#[actix_web::test]
async fn a_preset_is_saved_renamed_replaced_and_deleted() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let saved = person.post("/v1/presets", &winter("  Quiet winter ")).await.expect_status(201).json();
    assert_eq!(saved["name"], "Quiet winter");
    assert_eq!(saved["attributes"], winter("")["attributes"]);
    person.post("/v1/presets", &winter("Autumn")).await.expect_status(201);
    assert_eq!(names(&person).await, ["Autumn", "Quiet winter"]);
    let path = format!("/v1/presets/{}", saved["id"].as_str().expect("an id"));
    let renamed = person.patch(&path, &json!({"name": "アルプスの冬"})).await.expect_status(200).json();
    assert_eq!((&renamed["name"], &renamed["attributes"]), (&json!("アルプスの冬"), &saved["attributes"]));
    let other = json!([{"section": "Light", "value": "candle light"}]);
    let replaced = person.patch(&path, &json!({"attributes": other})).await.expect_status(200).json();
    assert_eq!((&replaced["name"], &replaced["attributes"]), (&json!("アルプスの冬"), &other));
    person.delete(&path).await.expect_status(204);
    person.delete(&path).await.expect_problem(404, "not-found");
    assert_eq!(names(&person).await, ["Autumn"]);
}

#[actix_web::test]
async fn a_name_is_taken_once_whatever_its_case() {
    let app = harness::start().await;
    let (person, other) = (app.person("Ada Lovelace").await, app.person("Grace Hopper").await);
    person.post("/v1/presets", &winter("Ölgemälde")).await.expect_status(201);
    let autumn = person.post("/v1/presets", &winter("Autumn")).await.expect_status(201).json();
    let path = format!("/v1/presets/{}", autumn["id"].as_str().expect("an id"));
    for answer in
        [person.post("/v1/presets", &winter("AUTUMN")).await, person.patch(&path, &json!({"name": "ölgemälde"})).await]
    {
        let problem = answer.expect_problem(422, "invalid");
        assert_eq!(
            (&problem["errors"][0]["pointer"], &problem["errors"][0]["code"]),
            (&json!("/name"), &json!("duplicate"))
        );
    }
    person.patch(&path, &json!({"name": "autumn"})).await.expect_status(200);
    other.post("/v1/presets", &winter("Autumn")).await.expect_status(201);
    let bodies: Vec<Value> = (0..10).map(|_| winter("At once")).collect();
    let answers = join_all(bodies.iter().map(|body| person.post("/v1/presets", body))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
}

#[actix_web::test]
async fn what_is_wrong_with_a_preset_is_said_by_pointer() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let many: Vec<Value> = (0..41).map(|at| json!({"section": "s", "value": at.to_string()})).collect();
    for (body, pointer, code) in [
        (json!({"name": " ", "attributes": winter("")["attributes"]}), "/name", "required"),
        (winter(&"x".repeat(81)), "/name", "too_long"),
        (winter("a\u{0}"), "/name", "contains_nul"),
        (json!({"name": "x", "attributes": []}), "/attributes", "required"),
        (json!({"name": "x", "attributes": many}), "/attributes", "too_many"),
        (json!({"name": "x"}), "/attributes", "required"),
        (json!({"name": "x", "attributes": [{"section": "s", "value": ""}]}), "/attributes/0/value", "required"),
    ] {
        let problem = person.post("/v1/presets", &body).await.expect_problem(422, "invalid");
        assert_eq!((&problem["errors"][0]["pointer"], &problem["errors"][0]["code"]), (&json!(pointer), &json!(code)));
    }
    assert!(names(&person).await.is_empty());
}

#[actix_web::test]
async fn a_person_has_two_hundred_presets_at_most() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    sqlx::query(
        "insert into presets (id, person_id, name, attributes, created_at, updated_at)
         select gen_random_uuid(), (select id from people), n::text, '[]', now(), now() from generate_series(1, 195) n",
    )
    .execute(&mut app.sql().await)
    .await
    .expect("presets");
    let bodies: Vec<Value> = (0..12).map(|at| winter(&format!("Winter {at}"))).collect();
    let answers = join_all(bodies.iter().map(|body| person.post("/v1/presets", body))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 5);
    for refused in answers.into_iter().filter(|answer| answer.status != 201) {
        assert_eq!(refused.expect_problem(422, "invalid")["errors"][0]["code"], "too_many");
    }
    assert_eq!(names(&person).await.len(), 200);
}
