//! Pictures made from pictures: what reaches the model, what it costs, what is refused, and what becomes of every fault in
//! every dialect.
use chrono::TimeDelta;
use image::ImageFormat;
use lapidary_sandbox::faults::Fault;
use serde_json::{Value, json};

use crate::harness::{self, Person};
use crate::model_faults::Stage;
use crate::references::{mask, picture, written};

fn id_of(value: &Value) -> &str {
    value["id"].as_str().expect("an id")
}

/// As a stream, as a whole answer, and in DALL·E's dialect, which takes one picture.
const DIALECTS: [(&str, &str); 3] =
    [("gpt-image-2.5-flare", "medium"), ("gpt-image-2.5-flare", "low"), ("dall-e-3", "standard")];

#[actix_web::test]
async fn an_edit_reaches_the_model_with_its_pictures_and_its_mask_and_costs_what_was_quoted() {
    let stage = Stage::set(&[]).await;
    let person = stage.app.person("Ada Lovelace").await;
    let made = person.make(&json!({"prompt": "A lighthouse", "quality": "low"})).await;
    let image = id_of(&made["images"][0]);
    let first = person.reference(1024, 768, 0).await;
    let mask_id = person.upload("?purpose=mask", "image/png", &mask(1024, 768)).await.expect_status(201).json();
    let references = json!([{"reference_id": first}, {"image_id": image}]);
    for (quality, is_stream) in [("low", false), ("medium", true)] {
        let body = json!({"prompt": "The same at night", "quality": quality, "references": references,
            "mask_id": mask_id["id"], "output_format": "webp", "size": "1024x1024"});
        let (quote, before) =
            (person.post("/v1/quotes", &body).await.expect_status(200).json(), person.remaining().await);
        let without = json!({"prompt": "The same at night", "quality": quality});
        let plain = person.post("/v1/quotes", &without).await.json()["price_gems"].as_i64().expect("gems");
        assert_eq!(quote["price_gems"], plain + 16);
        let done = person.make(&body).await;
        assert_eq!((&done["status"], &done["references"]), (&"succeeded".into(), &references), "{done}");
        assert_eq!((&done["mask_id"], &done["price_gems"]), (&mask_id["id"], &quote["price_gems"]));
        assert_eq!(person.remaining().await, before - plain - 16);
        let sent = stage.vendor.requests().pop().expect("a request");
        assert_eq!(sent.path, "/v1/images/edits");
        let files: Vec<(&str, &str)> = sent.body["files"]
            .as_array()
            .expect("files")
            .iter()
            .map(|file| (file["name"].as_str().expect("a name"), file["content_type"].as_str().expect("a type")))
            .collect();
        assert_eq!(files, [("image[]", "image/png"), ("image[]", "image/png"), ("mask", "image/png")]);
        assert_eq!((&sent.body["output_format"], sent.body["stream"] == true), (&"webp".into(), is_stream));
        assert!(sent.body["safety_identifier"].is_string());
        let kept = &done["images"][0];
        let source: String = sqlx::query_scalar("select digital_source_type from images where id = $1::uuid")
            .bind(id_of(kept))
            .fetch_one(&mut stage.app.sql().await)
            .await
            .expect("a row");
        assert_eq!(source, "compositeWithTrainedAlgorithmicMedia");
        // What the mask keeps is as it was; what it lets change has changed.
        let original = person.browser.get(kept["url"].as_str().expect("a url")).await.expect_status(200).body;
        let pixels = image::load_from_memory(&original).expect("a picture").into_rgb8();
        let was = image::DynamicImage::from(picture(1024, 768, 0))
            .resize_to_fill(1024, 1024, image::imageops::FilterType::Triangle)
            .into_rgb8();
        let apart = |x: u32| {
            let far = |y: u32| {
                pixels
                    .get_pixel(x, y)
                    .0
                    .iter()
                    .zip(was.get_pixel(x, y).0)
                    .map(|(a, b)| u32::from(a.abs_diff(b)))
                    .sum::<u32>()
            };
            (0..64).map(|step| far(step * 16)).sum::<u32>() / 64
        };
        assert!(apart(900) < 60 && apart(100) > 60, "{} {}", apart(900), apart(100));
    }
}

#[actix_web::test]
async fn what_is_not_there_not_yours_or_does_not_fit_is_refused_and_holds_nothing() {
    let app = harness::start().await;
    let (person, stranger) = (app.person("Ada Lovelace").await, app.person("Grace Hopper").await);
    let before = person.gems().await;
    let mine = person.reference(64, 48, 0).await;
    let (theirs, gone) = (stranger.reference(64, 48, 1).await, person.reference(64, 48, 2).await);
    person.delete(&format!("/v1/references/{gone}")).await.expect_status(204);
    let upload = async |who: &Person<'_>, width| {
        let answer = who.upload("?purpose=mask", "image/png", &mask(width, 48)).await.expect_status(201);
        id_of(&answer.json()).to_owned()
    };
    let (fits, other_size, not_mine) =
        (upload(&person, 64).await, upload(&person, 65).await, upload(&stranger, 64).await);
    let one = json!([{"reference_id": mine}]);
    let seventeen: Vec<Value> = (0..17).map(|_| json!({"reference_id": mine})).collect();
    for (references, mask_id, pointer, code) in [
        (json!([{"reference_id": theirs}]), None, "/references/0/reference_id", "not_yours"),
        (json!([{"reference_id": mine}, {"reference_id": gone}]), None, "/references/1/reference_id", "not_yours"),
        (json!([{"image_id": mine}]), None, "/references/0/image_id", "not_yours"),
        (json!([{"reference_id": fits}]), None, "/references/0/reference_id", "not_yours"),
        (json!([{"reference_id": mine, "image_id": mine}]), None, "/references/0", "one_of_two"),
        (json!([{}]), None, "/references/0", "one_of_two"),
        (json!(seventeen), None, "/references", "too_many"),
        (json!([]), Some(&fits), "/references", "required"),
        (one.clone(), Some(&other_size), "/mask_id", "other_size"),
        (one.clone(), Some(&not_mine), "/mask_id", "not_yours"),
        (one.clone(), Some(&mine), "/mask_id", "not_yours"),
    ] {
        let body = json!({"prompt": "A fox", "quality": "low", "references": references, "mask_id": mask_id});
        let problem = person.submit(&body).await.expect_problem(422, "invalid");
        assert_eq!((&problem["errors"][0]["pointer"], &problem["errors"][0]["code"]), (&pointer.into(), &code.into()));
    }
    assert_eq!(person.gems().await, before);
    let body = json!({"prompt": "A fox", "quality": "low", "references": [{"reference_id": mine}], "mask_id": fits});
    let first = person.submit_with("k", &body).await.expect_status(202).json();
    // A retry finds what was accepted, whatever became of its reference since.
    person.delete(&format!("/v1/references/{mine}")).await.expect_status(204);
    let again = person.submit_with("k", &body).await.expect_status(202).json();
    assert_eq!(id_of(&first), id_of(&again));
    // Deleted while it waits: its objects stay until it is made.
    app.openai.only_sketch();
    app.work().await;
    assert_eq!(person.generation(id_of(&first)).await["status"], "succeeded");
}

#[actix_web::test]
async fn what_is_gone_when_it_is_needed_fails_with_its_gems_back() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let before = person.gems().await;
    let reference = person.reference(64, 48, 0).await;
    let body = json!({"prompt": "A fox", "quality": "low", "references": [{"reference_id": reference}]});
    let queued = person.submit(&body).await.expect_status(202).json();
    let page = app.app.store.list("users/", None, 1_000).await.expect("a list");
    let keys: Vec<String> = page.objects.into_iter().map(|listed| listed.object.key).collect();
    let keys: Vec<String> = keys.into_iter().filter(|key| key.contains("/references/")).collect();
    app.app.store.delete_many(&keys).await.expect("deleted");
    app.work().await;
    let done = person.generation(id_of(&queued)).await;
    assert_eq!((&done["status"], &done["failure"]["code"]), (&"failed".into(), &"reference_gone".into()));
    assert_eq!(person.gems().await, before);
    assert_eq!(app.openai.requests().len(), 0, "the model was not asked");
}

/// Its kind, how often it strikes, what it wants to know; then the failure, if any, and the calls.
type Case = (&'static str, u32, Value, Option<&'static str>, usize);

fn cases() -> Vec<Case> {
    let null = Value::Null;
    vec![
        ("moderation_blocked", 1, null.clone(), Some("refused"), 1),
        ("quota_exhausted", 1, null.clone(), Some("operator_quota"), 1),
        ("invalid_api_key", 1, null.clone(), Some("operator_configuration"), 1),
        ("forbidden", 1, null.clone(), Some("operator_configuration"), 1),
        ("model_not_found", 1, null.clone(), Some("model_gone"), 1),
        ("error_detail", 1, null.clone(), Some("request_refused"), 1),
        ("empty_data", 1, null.clone(), Some("bad_answer"), 1),
        ("invalid_b64", 1, null.clone(), Some("bad_answer"), 1),
        ("not_an_image", 1, null.clone(), Some("bad_answer"), 1),
        ("huge_image", 1, null.clone(), Some("bad_answer"), 1),
        ("junk_html", 1, null.clone(), Some("bad_answer"), 1),
        ("rate_limited", 1, json!(3600), Some("model_busy"), 1),
        ("server_error", 0, null.clone(), Some("model_busy"), 4),
        ("cut_body", 0, null.clone(), Some("bad_answer"), 2),
        ("cut_stream", 0, null.clone(), Some("bad_answer"), 2),
        ("stream_error", 1, json!("moderation_blocked"), Some("refused"), 1),
        ("rate_limited", 1, null.clone(), None, 2),
        ("overloaded", 1, null.clone(), None, 2),
        ("html_error", 1, json!(502), None, 2),
        ("cut_stream", 1, null.clone(), None, 2),
        ("url_answer", 1, null.clone(), None, 1),
        ("stream_ignored", 1, null.clone(), None, 1),
        ("bad_partial", 1, null.clone(), None, 1),
    ]
}

#[actix_web::test]
async fn every_fault_of_an_edit_in_every_dialect_gives_its_gems_back() {
    let stage = Stage::set(&[]).await;
    let mut person = stage.app.person("Ada Lovelace").await;
    let reference = person.reference(64, 64, 0).await;
    for (model, quality) in DIALECTS {
        for (kind, times, value, code, calls) in cases() {
            let what = format!("{kind} {value} with {model} {quality}");
            person.token = person.browser.refresh().await.expect("a token");
            let (gems, asked, keys) = (person.gems().await, stage.vendor.requests().len(), stage.keys().await.len());
            stage.faults.set(Fault { times, ..Fault::once("openai", kind).with(value) });
            let body = json!({"prompt": "A fox", "model": model, "quality": quality,
                "references": [{"reference_id": reference}]});
            let mut done = person.make(&body).await;
            for _ in 0..5 {
                if done["status"] == "queued" {
                    stage.app.app.clock.advance(TimeDelta::seconds(30));
                    stage.app.work().await;
                    done = person.generation(id_of(&done)).await;
                }
            }
            assert_eq!(done["failure"]["code"].as_str(), code, "{what}: {done}");
            let requests = stage.vendor.requests().split_off(asked);
            assert_eq!(requests.len(), calls, "{what}: calls");
            assert!(requests.iter().all(|request| request.path.ends_with("/images/edits")), "{what}");
            let images = usize::from(code.is_none());
            let price = if code.is_none() { done["price_gems"].as_i64().expect("a price") } else { 0 };
            assert_eq!(person.remaining().await, gems["remaining"].as_i64().expect("gems") - price, "{what}: gems");
            assert_eq!(stage.keys().await.len(), keys + 3 * images, "{what}: objects");
            stage.faults.clear();
            stage.app.forget_providers().await;
        }
    }
    let dalle = stage.vendor.requests().pop().expect("a request");
    assert_eq!(
        (dalle.path.as_str(), &dalle.body["files"][0]["name"]),
        ("/compatible/v1/images/edits", &"image".into())
    );
    assert_eq!(dalle.body["response_format"], "b64_json");
}

#[actix_web::test]
async fn an_edit_that_hangs_is_never_asked_twice() {
    let stage = Stage::set(&["--model-timeout-seconds=2"]).await;
    let person = stage.app.person("Ada Lovelace").await;
    let reference = person.reference(64, 64, 0).await;
    let before = person.gems().await;
    for (model, quality) in DIALECTS {
        stage.faults.set(Fault::once("openai", "hang").with(600));
        let asked = stage.vendor.requests().len();
        let references = json!([{"reference_id": reference}]);
        let done = person
            .make(&json!({"prompt": "A fox", "model": model, "quality": quality, "references": references}))
            .await;
        assert_eq!((&done["failure"]["code"], stage.vendor.requests().len() - asked), (&"timeout".into(), 1));
        stage.app.forget_providers().await;
    }
    assert_eq!(person.gems().await, before);
}

#[actix_web::test]
async fn a_server_without_forms_is_asked_in_json_and_remembered() {
    for status in [415, 404] {
        let stage = Stage::set(&[]).await;
        let person = stage.app.person("Ada Lovelace").await;
        let reference = person.reference(64, 64, 0).await;
        let mask_id = person.upload("?purpose=mask", "image/png", &mask(64, 64)).await.expect_status(201).json();
        stage.faults.set(Fault::always("openai", "form_refused").with(status));
        let body = json!({"prompt": "A fox", "quality": "low", "references": [{"reference_id": reference}],
            "mask_id": mask_id["id"]});
        for calls in [2, 1] {
            let asked = stage.vendor.requests().len();
            let done = person.make(&body).await;
            assert_eq!(done["status"], "succeeded", "{done}");
            let requests = stage.vendor.requests().split_off(asked);
            assert_eq!(requests.len(), calls);
            let last = &requests.last().expect("a request").body;
            let url = last["images"][0]["image_url"].as_str().expect("a data URL");
            assert!(url.starts_with("data:image/png;base64,") && last["mask"]["image_url"].is_string());
        }
    }
}

#[actix_web::test]
async fn the_sandbox_holds_edits_to_the_vendors_rules() {
    let app = harness::start().await;
    let client = reqwest::Client::new();
    let png = written(picture(64, 48, 0), ImageFormat::Png);
    let part = |bytes: &[u8], name: &str, kind: &str| {
        reqwest::multipart::Part::bytes(bytes.to_vec()).file_name(name.to_owned()).mime_str(kind).expect("a type")
    };
    let ask = async |form: reqwest::multipart::Form| {
        let form = form.text("model", "gpt-image-2.5-flare").text("prompt", "A fox");
        let request = client.post(format!("{}/images/edits", app.openai.base_url)).bearer_auth(&app.openai.api_key);
        let answer = harness::Answer::of(request.multipart(form).send().await).await;
        (answer.status, answer.json()["error"]["param"].as_str().unwrap_or_default().to_owned())
    };
    let form = reqwest::multipart::Form::new;
    let with = |form: reqwest::multipart::Form| form.part("image[]", part(&png, "a.png", "image/png"));
    assert_eq!(ask(form()).await, (400, "image".into()));
    assert_eq!(ask(form().part("image[]", part(b"GIF89a", "a.gif", "image/gif"))).await, (400, "image".into()));
    assert_eq!(ask(with(form()).part("picture", part(&png, "a.png", "image/png"))).await, (400, "picture".into()));
    assert_eq!(ask(with(form()).part("mask", part(&png, "m.png", "image/png"))).await, (400, "mask".into()));
    assert_eq!(ask(with(form()).part("mask", part(&mask(65, 48), "m.png", "image/png"))).await, (400, "mask".into()));
    assert_eq!(ask(with(form()).text("n", "eleven")).await, (400, "n".into()));
    assert_eq!(ask(with(form()).text("input_fidelity", "high")).await, (400, "input_fidelity".into()));
    assert_eq!(ask((0..17).fold(form(), |form, _| with(form))).await, (400, "image".into()));
    app.openai.only_sketch();
    assert_eq!(ask(with(form()).part("mask", part(&mask(64, 48), "m.png", "image/png"))).await.0, 200);
}
