//! Every way in which an image model fails, in each dialect: what becomes of the generation, its gems, its objects, and how
//! often the model was asked. The vendor is one of our own, so that one server speaks all dialects.
use std::net::TcpListener;

use chrono::TimeDelta;
use lapidary_sandbox::faults::{Fault, Faults};
use lapidary_sandbox::openai::{self, OpenAi};
use serde_json::{Value, json};

use crate::harness::{self, Person, TestApp};

/// A stream, a whole answer, and DALL·E's dialect on a compatible server.
const DIALECTS: [(&str, &str); 3] =
    [("gpt-image-2.5-flare", "medium"), ("gpt-image-2.5-flare", "low"), ("dall-e-3", "standard")];

pub struct Stage {
    pub app: TestApp,
    pub vendor: OpenAi,
    pub faults: Faults,
}

impl Stage {
    pub async fn set(extra: &[&str]) -> Self {
        let faults = Faults::default();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let vendor = openai::start(listener, faults.clone()).await.expect("a vendor");
        vendor.only_sketch();
        let catalogue = std::env::temp_dir().join(format!("lapidary-{}.toml", uuid::Uuid::now_v7()));
        std::fs::write(&catalogue, catalogue_with_dalle(&vendor.compatible_base_url)).expect("a catalogue");
        let mut settings = vec![
            format!("--openai-base-url={}", vendor.base_url),
            format!("--openai-api-key={}", vendor.api_key),
            format!("--catalogue-file={}", catalogue.display()),
        ];
        settings.extend(extra.iter().map(|setting| (*setting).to_owned()));
        let app = harness::start_with(&settings).await;
        std::fs::remove_file(catalogue).expect("it was read");
        Self { app, vendor, faults }
    }

    /// Under the person's folder, without the provider's picture of them.
    pub async fn keys(&self) -> Vec<String> {
        let page = self.app.app.store.list("users/", None, 1_000).await.expect("a list");
        let keys = page.objects.into_iter().map(|listed| listed.object.key);
        keys.filter(|key| key.contains("/images/") || key.contains("/previews/")).collect()
    }
}

/// The shipped one with gems enough, and with a server that still speaks DALL·E 3.
fn catalogue_with_dalle(base_url: &str) -> String {
    let shipped = include_str!("../../catalogue.toml").replace("welcome_gems = 50", "welcome_gems = 5_000");
    let (before, dalle) = shipped.split_once("id = \"dall-e-3\"").expect("DALL·E 3");
    let life = "retires = \"2026-05-12\"\nreplacement = \"gpt-image-2.5-flare\"";
    let own = format!(
        "base_url = \"{base_url}\"\nedits = {{ references_max = 1, takes_mask = true, reference_gems = 1, reference_cost_microusd = 1 }}"
    );
    let dalle = dalle.replacen(life, &own, 1).replacen("count_max = 1", "count_max = 3", 1);
    format!("{before}id = \"dall-e-3\"{dalle}")
}

/// Its kind, how often it strikes (0: always), what it wants to know; then the failure, if any, and the calls.
struct Case(&'static str, u32, Value, Option<&'static str>, usize);

async fn holds(stage: &Stage, person: &mut Person<'_>, (model, quality): (&str, &str), case: &Case) {
    let Case(kind, times, value, code, calls) = case;
    let what = format!("{kind} {value} with {model} {quality}");
    person.token = person.browser.refresh().await.expect("a token");
    let (gems, keys, asked) = (person.gems().await, stage.keys().await.len(), stage.vendor.requests().len());
    stage.faults.set(Fault { times: *times, ..Fault::once("openai", kind).with(value.clone()) });
    let body = json!({"prompt": "A fox in a stream", "model": model, "quality": quality});
    let mut done = person.make(&body).await;
    for _ in 0..5 {
        if done["status"] == "queued" {
            assert!(!what.starts_with("hang"), "{what} is not asked again");
            stage.app.app.clock.advance(TimeDelta::seconds(30));
            stage.app.work().await;
            done = person.generation(done["id"].as_str().expect("an id")).await;
        }
    }
    assert_eq!(done["failure"]["code"].as_str(), *code, "{what}: {done}");
    assert_eq!(done["status"], if code.is_some() { "failed" } else { "succeeded" }, "{what}");
    assert_eq!(stage.vendor.requests().len() - asked, *calls, "{what}: calls");
    let images = usize::from(code.is_none());
    assert_eq!(done["images"].as_array().map(Vec::len), Some(images), "{what}");
    if code.is_some() {
        assert_eq!(person.gems().await, gems, "{what}: gems");
    } else {
        let price = done["price_gems"].as_i64().expect("a price");
        assert_eq!(person.remaining().await, gems["remaining"].as_i64().expect("gems") - price, "{what}");
    }
    let now = stage.keys().await;
    assert_eq!(now.len(), keys + 3 * images, "{what}: {now:?}");
    let recorded = row(stage, done["id"].as_str().expect("an id")).await;
    assert_eq!(recorded.0, i32::try_from(*calls).expect("few"), "{what}: recorded calls");
    assert!(recorded.1.is_some_and(|id| id.starts_with("req_")), "{what}: the model's request id");
    stage.faults.clear();
    stage.app.forget_providers().await;
}

/// Calls, the model's request id, and what was noted of each call.
async fn row(stage: &Stage, id: &str) -> (i32, Option<String>, Value) {
    sqlx::query_as("select model_calls, model_request_id, model_answers from generations where id = $1::uuid")
        .bind(id)
        .fetch_one(&mut stage.app.sql().await)
        .await
        .expect("a row")
}

async fn all_hold(cases: &[Case]) {
    let stage = Stage::set(&[]).await;
    let mut person = stage.app.person("Ada Lovelace").await;
    for dialect in DIALECTS {
        for case in cases {
            holds(&stage, &mut person, dialect, case).await;
        }
    }
}

#[actix_web::test]
async fn what_asking_again_cannot_help_fails_at_once_with_its_gems_back() {
    let null = Value::Null;
    all_hold(&[
        Case("moderation_blocked", 1, null.clone(), Some("refused"), 1),
        Case("content_policy_violation", 1, null.clone(), Some("refused"), 1),
        Case("billing_hard_limit", 1, null.clone(), Some("operator_quota"), 1),
        Case("quota_exhausted", 1, null.clone(), Some("operator_quota"), 1),
        Case("quota_exhausted", 1, json!("organization_spend_limit_exceeded"), Some("operator_quota"), 1),
        Case("model_not_found", 1, null.clone(), Some("model_gone"), 1),
        Case("invalid_api_key", 1, null.clone(), Some("operator_configuration"), 1),
        Case("forbidden", 1, null.clone(), Some("operator_configuration"), 1),
        Case("html_error", 1, json!(403), Some("operator_configuration"), 1),
        Case("html_error", 1, json!(404), Some("operator_configuration"), 1),
        Case("html_error", 1, json!(413), Some("request_refused"), 1),
        Case("error_detail", 1, null.clone(), Some("request_refused"), 1),
        Case(
            "answer_with",
            1,
            json!({"status": 400, "body": {"error": "prompt required"}}),
            Some("request_refused"),
            1,
        ),
        Case("answer_with", 1, json!({"body": {"error": "no such thing"}}), Some("bad_answer"), 1),
        Case("answer_with", 1, json!({"body": {"data": {"b64_json": "AAAA"}}}), Some("bad_answer"), 1),
        Case("should_retry", 1, json!(false), Some("model_busy"), 1),
        Case("rate_limited", 1, json!(3600), Some("model_busy"), 1),
        Case("retry_after_date", 1, json!(3600), Some("model_busy"), 1),
        Case("stream_error", 1, json!("moderation_blocked"), Some("refused"), 1),
    ])
    .await;
}

#[actix_web::test]
async fn what_is_no_picture_is_not_paid_for_and_leaves_nothing_behind() {
    let null = Value::Null;
    all_hold(&[
        Case("empty_data", 1, null.clone(), Some("bad_answer"), 1),
        Case("fewer_images", 1, null.clone(), Some("bad_answer"), 1),
        Case("junk_html", 1, null.clone(), Some("bad_answer"), 1),
        Case("invalid_b64", 1, null.clone(), Some("bad_answer"), 1),
        Case("not_an_image", 1, null.clone(), Some("bad_answer"), 1),
        Case("huge_image", 1, null.clone(), Some("bad_answer"), 1),
        Case("private_url", 1, null.clone(), Some("bad_answer"), 1),
    ])
    .await;
}

#[actix_web::test]
async fn a_busy_model_is_asked_again_until_it_answers() {
    let null = Value::Null;
    all_hold(&[
        Case("rate_limited", 1, null.clone(), None, 2),
        Case("rate_limited", 1, json!(2.5), None, 2),
        Case("retry_after_ms", 1, json!(1500), None, 2),
        Case("retry_after_date", 1, json!(20), None, 2),
        Case("server_error", 3, null.clone(), None, 4),
        Case("overloaded", 1, null.clone(), None, 2),
        Case("error_string", 1, null.clone(), None, 2),
        Case("error_detail", 1, json!("the model is loading"), None, 2),
        Case("error_in_200", 1, null.clone(), None, 2),
        Case("stream_error", 1, null.clone(), None, 2),
        Case("html_error", 1, json!(502), None, 2),
        Case("html_error", 1, json!(429), None, 2),
        Case("conflict", 1, null.clone(), None, 2),
        Case("request_timeout", 1, null.clone(), None, 2),
        Case("should_retry", 1, json!(true), None, 2),
        Case("answer_with", 1, json!({"status": 503, "headers": {"retry-after": "4"}, "body": "busy"}), None, 2),
    ])
    .await;
}

#[actix_web::test]
async fn patience_with_a_model_ends() {
    all_hold(&[
        Case("server_error", 0, Value::Null, Some("model_busy"), 4),
        // Each broken line may have been billed: once more, and not again.
        Case("cut_body", 0, Value::Null, Some("bad_answer"), 2),
        Case("cut_stream", 0, Value::Null, Some("bad_answer"), 2),
        Case("cut_body", 1, Value::Null, None, 2),
        Case("cut_stream", 1, Value::Null, None, 2),
    ])
    .await;
}

#[actix_web::test]
async fn an_answer_that_is_only_odd_is_a_picture() {
    all_hold(&[
        Case("wrong_mime", 1, Value::Null, None, 1),
        Case("slow_body", 1, json!(0.4), None, 1),
        Case("url_answer", 1, Value::Null, None, 1),
        Case("done_marker", 1, Value::Null, None, 1),
        Case("stream_ignored", 1, Value::Null, None, 1),
        Case("bad_partial", 1, Value::Null, None, 1),
        Case("wrong_size", 1, Value::Null, None, 1),
    ])
    .await;
}

#[actix_web::test]
async fn a_model_that_hangs_is_never_asked_twice() {
    let stage = Stage::set(&["--model-timeout-seconds=2"]).await;
    let person = stage.app.person("Ada Lovelace").await;
    let before = person.gems().await;
    for (model, quality) in DIALECTS {
        for (kind, seconds) in [("hang", 600), ("slow_body", 60)] {
            stage.faults.set(Fault::once("openai", kind).with(seconds));
            let asked = stage.vendor.requests().len();
            let done = person.make(&json!({"prompt": "A fox", "model": model, "quality": quality})).await;
            assert_eq!(done["failure"]["code"], "timeout", "{kind} with {model} {quality}: {done}");
            assert_eq!(stage.vendor.requests().len() - asked, 1);
            stage.app.forget_providers().await;
        }
    }
    assert_eq!(person.gems().await, before);
    assert_eq!(stage.keys().await, Vec::<String>::new());
}

#[actix_web::test]
async fn a_server_that_refuses_streams_is_asked_without_and_never_for_one_again() {
    let stage = Stage::set(&[]).await;
    let person = stage.app.person("Ada Lovelace").await;
    let shapes =
        [("gpt-image-2.5-flare", "stream"), ("gpt-image-2.5-sunburst", "partial_images"), ("gpt-image-2", "detail")];
    for (model, shape) in shapes {
        stage.faults.set(Fault::once("openai", "stream_refused").with(shape));
        for calls in [2, 1] {
            let asked = stage.vendor.requests().len();
            let done = person.make(&json!({"prompt": "A fox", "model": model, "quality": "medium"})).await;
            assert_eq!(done["status"], "succeeded", "{shape}: {done}");
            let requests = stage.vendor.requests().split_off(asked);
            let streamed: Vec<bool> = requests.iter().map(|request| request.body["stream"] == true).collect();
            assert_eq!(streamed, if calls == 2 { vec![true, false] } else { vec![false] }, "{shape}");
        }
    }
    let done = person.make(&json!({"prompt": "A fox", "model": "gpt-image-2.6-flare", "quality": "medium"})).await;
    assert_eq!(done["status"], "succeeded");
    assert_eq!(stage.vendor.requests().pop().expect("a request").body["partial_images"], 2, "others still stream");
}

#[actix_web::test]
async fn of_several_calls_the_made_pictures_stay_and_a_busy_one_is_asked_again() {
    let stage = Stage::set(&[]).await;
    let person = stage.app.person("Ada Lovelace").await;
    let body = json!({"prompt": "Three boats", "model": "dall-e-3", "quality": "standard", "count": 3});
    stage.faults.set(Fault { skip: 1, ..Fault::once("openai", "overloaded") });
    let done = person.make(&body).await;
    assert_eq!((done["status"].as_str(), done["images"].as_array().map(Vec::len)), (Some("succeeded"), Some(3)));
    assert_eq!(stage.vendor.requests().len(), 4);
    stage.app.forget_providers().await;
    let before = person.remaining().await;
    stage.faults.set(Fault { skip: 1, ..Fault::once("openai", "moderation_blocked") });
    let done = person.make(&body).await;
    assert_eq!(
        (done["status"].as_str(), done["failure"]["code"].as_str()),
        (Some("partly_succeeded"), Some("refused"))
    );
    assert_eq!(stage.vendor.requests().len(), 6, "a refusal ends it");
    assert_eq!(person.remaining().await, before - done["price_gems"].as_i64().expect("a price") / 3);
}

#[actix_web::test]
async fn every_call_is_noted_with_what_the_provider_said_of_it() {
    let stage = Stage::set(&[]).await;
    let person = stage.app.person("Ada Lovelace").await;
    stage.faults.set(Fault::once("openai", "overloaded"));
    let queued = person.make(&json!({"prompt": "A fox", "quality": "medium"})).await;
    let id = queued["id"].as_str().expect("an id");
    let (calls, first, answers) = row(&stage, id).await;
    assert_eq!(
        (queued["status"].as_str(), calls, answers[0]["outcome"].as_str()),
        (Some("queued"), 1, Some("model_busy"))
    );
    stage.app.app.clock.advance(TimeDelta::seconds(30));
    stage.app.work().await;
    let (calls, last, answers) = row(&stage, id).await;
    assert_eq!((calls, answers[1]["outcome"].as_str()), (2, Some("made")));
    assert!(answers[1]["usage"]["total_tokens"].as_u64().is_some_and(|tokens| tokens > 0), "{answers}");
    assert!(last.is_some() && last != first, "each call has a request id of its own");
    let claims: (i32, i32) = sqlx::query_as("select attempt, forgiven_attempts from generations where id = $1::uuid")
        .bind(id)
        .fetch_one(&mut stage.app.sql().await)
        .await
        .expect("a row");
    assert_eq!(claims, (2, 1), "a busy model does not use up the patience with lost workers");
}
