//! What images cost at their provider beside what their gems brought: per image, per model, and told to the operator.
use chrono::TimeDelta;
use lapidary::clock::Clock;
use lapidary::margin::command::look;
use lapidary::margin::watch;
use lapidary_sandbox::faults::Fault;
use serde_json::{Value, json};

use crate::harness::{self, TestApp};
use crate::model_faults::Stage;
use crate::process::BINARY;

/// The sandbox reads "A fox" as two tokens and six of its own, at 5 USD per million.
const READING: i64 = 8 * 5;
/// Output tokens of a square of 1024, at 30 USD per million.
const LOW: i64 = 196 * 30;
const MEDIUM: i64 = 439 * 30;
const PARTIAL: i64 = 100 * 30;

fn fox(more: Value) -> Value {
    let mut body = json!({"prompt": "A fox", "quality": "low"});
    body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    body
}

/// In the order of the pictures.
async fn costs(app: &TestApp, generation: &Value) -> Vec<(Option<i64>, Option<String>)> {
    sqlx::query_as("select cost_microusd, cost_source from images where generation_id = $1::uuid order by position")
        .bind(generation["id"].as_str())
        .fetch_all(&mut app.sql().await)
        .await
        .expect("rows")
}

fn by(source: &str, costs: &[i64]) -> Vec<(Option<i64>, Option<String>)> {
    costs.iter().map(|cost| (Some(*cost), Some(source.to_owned()))).collect()
}

#[actix_web::test]
async fn an_image_costs_what_its_provider_reports_for_it() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let single = person.make(&fox(json!({}))).await;
    assert_eq!(costs(&app, &single).await, by("usage", &[LOW + READING]));
    let whole = 3 * LOW + READING;
    let three = person.make(&fox(json!({"count": 3}))).await;
    assert_eq!(
        costs(&app, &three).await,
        by("usage", &[whole / 3 + 1, whole / 3, whole / 3]),
        "split, to the last one"
    );
    let streamed = person.make(&fox(json!({"quality": "medium"}))).await;
    assert_eq!(costs(&app, &streamed).await, by("usage", &[MEDIUM + 2 * PARTIAL + READING]), "partial ones included");
    // The provider asked for two, whatever became of the other one.
    app.fault(Fault::once("openai", "fewer_images"));
    let one_of_two = person.make(&fox(json!({"count": 2}))).await;
    assert_eq!(one_of_two["status"], "partly_succeeded");
    assert_eq!(costs(&app, &one_of_two).await, by("usage", &[2 * LOW + READING]));
    let told =
        person.get("/v1/images").await.json().to_string() + &person.get("/v1/catalogue").await.json().to_string();
    assert!(!told.contains("microusd"), "costs are the operator's");
}

#[actix_web::test]
async fn where_nobody_reports_usage_the_catalogue_says_what_it_costs() {
    let stage = Stage::set(&[]).await;
    let person = stage.app.person("Ada Lovelace").await;
    let body = json!({"prompt": "A fox", "model": "dall-e-3", "quality": "standard", "count": 2});
    let made = person.make(&body).await;
    assert_eq!(costs(&stage.app, &made).await, by("catalogue", &[40_000, 40_000]));
    let junk = json!({"data": [{"b64_json": picture()}], "usage": {"output_tokens": -7}});
    stage.faults.set(Fault::once("openai", "answer_with").with(json!({"body": junk})));
    let made = person.make(&fox(json!({}))).await;
    assert_eq!(costs(&stage.app, &made).await, by("catalogue", &[6_870]), "junk is no report: {made}");
}

fn picture() -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(include_bytes!("../fixtures/credentials/signed.png"))
}

#[actix_web::test]
async fn the_margin_is_told_by_model_and_quality_and_adds_up() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    crate::payments::buy(&person, "pouch").await;
    for body in [
        fox(json!({"count": 2})),
        fox(json!({"quality": "max"})),
        fox(json!({"quality": "max", "model": "gpt-image-2.5-sunburst"})),
    ] {
        assert_eq!(person.make(&body).await["status"], "succeeded");
    }
    let report = look(30, &app.app.db, &app.app.settings, &app.app.clock).await.expect("a report");
    let rows: Vec<(&str, &str, i64, i64)> =
        report.rows.iter().map(|row| (row.model.as_str(), row.quality.as_str(), row.images, row.gems)).collect();
    assert_eq!(
        rows,
        [
            ("gpt-image-2.5-flare", "max", 1, 35),
            ("gpt-image-2.5-sunburst", "max", 1, 35),
            ("gpt-image-2.5-flare", "low", 2, 2)
        ],
        "dearest first, then by name"
    );
    let paid: Vec<(i64, i64)> = report.rows.iter().map(|row| (row.free, row.bought)).collect();
    assert_eq!(paid, [(35, 0), (13, 22), (2, 0)], "50 welcome gems, then bought ones");
    assert!(report.rows.iter().all(|row| row.by_usage == row.images && row.unknown == 0), "{report:?}");
    let (cost, used): (i64, i64) = sqlx::query_as(
        "select (select sum(cost_microusd)::bigint from images), (select sum(used)::bigint from gem_accounts)",
    )
    .fetch_one(&mut app.sql().await)
    .await
    .expect("sums");
    assert_eq!(report.rows.iter().map(|row| row.cost_microusd).sum::<i64>(), cost);
    assert_eq!(report.rows.iter().map(|row| row.gems).sum::<i64>(), used);
    // The command itself, as an operator runs it.
    let run = |extra: &[&str]| {
        let done = std::process::Command::new(BINARY).arg("margin").args(&app.arguments).args(extra).output();
        String::from_utf8(done.expect("it ran").stdout).expect("text")
    };
    let csv = run(&["--csv"]);
    assert!(csv.starts_with("model,quality,images,gems,free_gems,bought_gems,worth_microusd,cost_microusd"), "{csv}");
    assert!(csv.contains("\"gpt-image-2.5-sunburst\",\"max\",1,35,13,22,349912,"), "{csv}");
    let table = run(&["--days=7"]);
    assert!(table.contains("paid were at least 0.2199 USD") && table.contains("100 %"), "{table}");
    // What was erased took its cost with it, so its generation's gems are not compared with the rest.
    sqlx::query("update images set created_at = created_at - interval '8 days' where quality = 'low'")
        .execute(&mut app.sql().await)
        .await
        .expect("older");
    let week = look(7, &app.app.db, &app.app.settings, &Clock::default()).await.expect("a report");
    assert_eq!(week.rows.len(), 2);
}

#[actix_web::test]
async fn a_model_that_costs_more_than_its_gems_bring_is_told_once_a_day() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    person.make(&fox(json!({"count": 2}))).await;
    let now = app.app.clock.now();
    assert_eq!(watch::daily(&app.app, now).await.expect("it looks"), Vec::<String>::new());
    sqlx::query("update images set cost_microusd = 9998").execute(&mut app.sql().await).await.expect("dear");
    let look = async |hours: i64| watch::daily(&app.app, now + TimeDelta::hours(hours)).await.expect("it looks");
    assert_eq!(look(23).await, Vec::<String>::new(), "it was looked at today");
    assert_eq!(look(25).await, ["gpt-image-2.5-flare"], "two gems bring 19,995");
    assert_eq!(look(26).await, Vec::<String>::new());
    sqlx::query("update images set cost_microusd = 9997").execute(&mut app.sql().await).await.expect("cheaper");
    assert_eq!(look(60).await, Vec::<String>::new());
}
