//! What every answer of the API keeps to: tags and 304, links between pages, other origins, what is on its way out, and a page
//! for each kind of problem.
use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use lapidary::clock::Clock;
use lapidary_contract::ProblemType;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{self, Answer, Person};

async fn read_with(person: &Person<'_>, path: &str, tag: &str) -> Answer {
    Answer::of(person.request(Method::GET, path).header("if-none-match", tag).send().await).await
}

#[actix_web::test]
async fn whoever_has_an_answer_is_told_so_until_it_changes() {
    let app = harness::start().await;
    let (person, other) = (app.person("Ada Lovelace").await, app.person("Grace Hopper").await);
    for path in ["/v1/me", "/v1/gems", "/v1/presets", "/v1/images", "/v1/generations", "/v1/catalogue"] {
        let first = person.get(path).await.expect_status(200);
        let tag = first.header("etag").to_owned();
        assert_eq!(first.header("cache-control"), "private, no-cache", "{path}");
        assert!(first.header("vary").contains("uthorization"), "{path}: {}", first.header("vary"));
        for named in [tag.as_str(), tag.trim_start_matches("W/"), "*", &format!("\"x\", {tag}")] {
            let again = read_with(&person, path, named).await.expect_status(304);
            assert_eq!((again.header("etag"), again.body.len()), (tag.as_str(), 0), "{path} {named}");
            assert!(again.headers.contains_key("x-request-id"));
        }
        read_with(&person, path, "\"another\"").await.expect_status(200);
    }
    let tag = person.get("/v1/presets").await.header("etag").to_owned();
    assert_eq!(read_with(&other, "/v1/presets", &tag).await.status, 304, "both have none");
    let attributes = json!([{"section": "Light", "value": "dusk"}]);
    person.post("/v1/presets", &json!({"name": "Dusk", "attributes": attributes})).await.expect_status(201);
    let changed = read_with(&person, "/v1/presets", &tag).await.expect_status(200);
    assert_ne!(changed.header("etag"), tag);
}

#[actix_web::test]
async fn what_must_not_be_kept_has_no_tag() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let status = person.get("/v1/status").await.expect_status(200);
    assert_eq!(status.header("cache-control"), "no-store");
    assert!(!status.headers.contains_key("etag"));
    let refused = read_with(&person, "/v1/images/00000000-0000-7000-8000-000000000000", "*").await;
    refused.expect_problem(404, "not-found");
    let quote = person.post("/v1/quotes", &json!({"prompt": "A fox"})).await.expect_status(200);
    assert!(!quote.headers.contains_key("etag"));
}

#[actix_web::test]
async fn pages_of_a_list_are_linked_to_the_end() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    for at in 0..3 {
        person.submit(&json!({"prompt": format!("Fox {at}"), "quality": "low"})).await.expect_status(202);
    }
    let (mut path, mut prompts) = ("/v1/generations?limit=1".to_owned(), Vec::new());
    loop {
        let page = person.get(&path).await.expect_status(200);
        let list = page.json();
        prompts.extend(list["data"].as_array().expect("a list").iter().map(|it| it["prompt"].clone()));
        match page.headers.get("link") {
            None => break assert_eq!(list["next_cursor"], Value::Null),
            Some(link) => {
                let link = link.to_str().expect("text");
                let address = link.strip_prefix('<').and_then(|rest| rest.strip_suffix(">; rel=\"next\""));
                path = address.expect(link).to_owned();
                assert!(path.starts_with("/v1/generations?limit=1&cursor="), "{path}");
            }
        }
    }
    assert_eq!(prompts, ["Fox 2", "Fox 1", "Fox 0"]);
    // Every list, whoever made it: the log has seen all of these.
    let page = person.get("/v1/me/requests?limit=1").await.expect_status(200);
    assert!(page.header("link").starts_with("</v1/me/requests?limit=1&cursor="), "{}", page.header("link"));
    app.work().await;
}

#[actix_web::test]
async fn only_the_origins_that_the_operator_names_may_call_from_a_browser() {
    const FRIEND: &str = "https://friend.example";
    let app = harness::start_with(&[format!("--cors-origins={FRIEND}, https://other.example:8443")]).await;
    let person = app.person("Ada Lovelace").await;
    let client = reqwest::Client::new();
    let ask = async |origin: &str| {
        let asked = client
            .request(Method::OPTIONS, format!("{}/v1/generations", app.url))
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,content-type,idempotency-key");
        Answer::of(asked.send().await).await
    };
    let allowed = ask(FRIEND).await.expect_status(200);
    assert_eq!(allowed.header("access-control-allow-origin"), FRIEND);
    assert!(allowed.header("access-control-allow-headers").to_lowercase().contains("idempotency-key"));
    assert!(!allowed.headers.contains_key("access-control-allow-credentials"), "never with our cookies");
    assert!(!ask("https://stranger.example").await.headers.contains_key("access-control-allow-origin"));
    // Errors can be read by a friend's page, too.
    for (path, status) in [("/v1/gems", 200), ("/v1/images/nothing", 404), ("/v1/nothing", 404)] {
        let asked = person.request(Method::GET, path).header("origin", FRIEND);
        let answer = Answer::of(asked.send().await).await.expect_status(status);
        assert_eq!(answer.header("access-control-allow-origin"), FRIEND, "{path}");
        assert!(answer.header("access-control-expose-headers").contains("x-request-id"));
        let stranger = person.request(Method::GET, path).header("origin", "https://stranger.example");
        let answer = Answer::of(stranger.send().await).await.expect_status(status);
        assert!(!answer.headers.contains_key("access-control-allow-origin"), "{path}");
    }
}

/// Whom they are for: the browser itself, or nobody at the other end.
const OF_THE_BROWSER: [&str; 20] = [
    "access-control-allow-origin",
    "access-control-expose-headers",
    "cache-control",
    "connection",
    "content-encoding",
    "content-language",
    "content-length",
    "content-security-policy",
    "content-type",
    "date",
    "expires",
    "last-modified",
    "pragma",
    "referrer-policy",
    "set-cookie",
    "transfer-encoding",
    "vary",
    "x-accel-buffering",
    "x-content-type-options",
    "x-robots-tag",
];

#[actix_web::test]
async fn a_friends_page_can_read_every_header_that_an_answer_says_something_in() {
    let flags = ["--cors-origins=*".into(), "--spends-per-minute=3".into()];
    let app = harness::start_with(&flags).await;
    let person = app.person("Ada Lovelace").await;
    let asked = person.request(Method::GET, "/v1/gems").header("origin", "https://friend.example");
    let exposed = Answer::of(asked.send().await).await.expect_status(200);
    let exposed: BTreeSet<String> =
        exposed.header("access-control-expose-headers").split(',').map(|name| name.trim().to_lowercase()).collect();
    let mut said = BTreeSet::new();
    // What the document says of any answer, and what some say beside it.
    let document: Value = person.browser.get("/openapi.json").await.json();
    for operation in document["paths"].as_object().expect("paths").values().flat_map(|item| item.as_object()).flatten()
    {
        for answer in operation.1["responses"].as_object().into_iter().flatten() {
            said.extend(answer.1["headers"].as_object().into_iter().flatten().map(|(name, _)| name.to_lowercase()));
        }
    }
    let sketch = json!({"prompt": "A fox", "quality": "low"});
    let ours = |key: &str| crate::openai_wire::call(&person, &crate::openai_wire::fox()).header("Idempotency-Key", key);
    let mut answers = vec![
        person.browser.get("/v1/gems").await.expect_status(401),
        Answer::of(person.request(Method::PUT, "/v1/me").send().await).await.expect_status(405),
        person.get("/v1/generations?limit=1").await.expect_status(200),
        person.submit(&sketch).await.expect_status(202),
    ];
    for _ in 0..2 {
        answers.push(crate::openai_wire::answered(&app, ours("mine")).await.expect_status(200));
    }
    person.submit(&sketch).await.expect_status(202);
    answers.push(person.submit(&sketch).await.expect_status(429));
    answers.push(Answer::of(ours("another").send().await).await.expect_status(429));
    answers.push(person.get("/v1/generations?limit=1").await.expect_status(200));
    for answer in &answers {
        said.extend(answer.headers.keys().map(|name| name.as_str().to_owned()));
    }
    for name in ["www-authenticate", "allow", "link", "location", "idempotent-replayed", "retry-after-ms", "etag"] {
        assert!(said.contains(name), "{name} was said nowhere: {said:?}");
    }
    said.retain(|name| !OF_THE_BROWSER.contains(&name.as_str()));
    let hidden: Vec<_> = said.difference(&exposed).collect();
    assert!(hidden.is_empty(), "no page of another origin can read {hidden:?}");
    app.work().await;
}

#[actix_web::test]
async fn a_compressed_answer_and_its_304_vary_by_the_same() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let names = |answer: &Answer| {
        let lines = answer.headers.get_all("vary").iter().filter_map(|line| line.to_str().ok());
        lines.flat_map(|line| line.split(',')).map(|name| name.trim().to_lowercase()).collect::<BTreeSet<_>>()
    };
    for path in ["/v1/catalogue", "/v1/me", "/v1/presets"] {
        for encoding in ["br", "gzip", "identity"] {
            let ask = |tag: &str| {
                let request = person.request(Method::GET, path).header("accept-encoding", encoding);
                request.header("if-none-match", tag).send()
            };
            let whole = Answer::of(ask("\"none\"").await).await.expect_status(200);
            let again = Answer::of(ask(whole.header("etag")).await).await.expect_status(304);
            assert_eq!(names(&again), names(&whole), "{path} {encoding}");
            assert!(names(&whole).contains("accept-encoding") && names(&whole).contains("authorization"), "{path}");
            assert_eq!((again.header("etag"), again.body.len()), (whole.header("etag"), 0));
            assert!(!again.headers.contains_key("content-encoding"), "{path} {encoding}: nothing is encoded");
        }
    }
    let asked = person.request(Method::GET, "/v1/catalogue").header("accept-encoding", "br");
    assert_eq!(asked.send().await.expect("an answer").headers()["content-encoding"], "br");
}

#[actix_web::test]
async fn without_a_setting_no_other_origin_may_call() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let asked = person.request(Method::GET, "/v1/gems").header("origin", "https://friend.example");
    let answer = Answer::of(asked.send().await).await.expect_status(200);
    assert!(answer.headers.keys().all(|name| !name.as_str().starts_with("access-control")));
}

#[actix_web::test]
async fn a_model_that_ends_soon_is_said_in_the_headers_that_tools_know() {
    let end = Clock::default().today() + TimeDelta::days(30);
    let text =
        include_str!("../../catalogue.toml").replace("retires = \"2026-12-01\"", &format!("retires = \"{end}\""));
    let file = std::env::temp_dir().join(format!("lapidary-ends-{}.toml", std::process::id()));
    std::fs::write(&file, text).expect("a catalogue");
    let app = harness::start_with(&[format!("--catalogue-file={}", file.display())]).await;
    std::fs::remove_file(&file).expect("removed");
    let person = app.person("Ada Lovelace").await;
    let body = json!({"prompt": "A fox", "model": "gpt-image-1.5", "quality": "low"});
    for answer in
        [person.post("/v1/quotes", &body).await.expect_status(200), person.submit(&body).await.expect_status(202)]
    {
        let since: i64 = answer.header("deprecation").trim_start_matches('@').parse().expect("a second");
        assert!(since < Utc::now().timestamp());
        let sunset = DateTime::parse_from_rfc2822(answer.header("sunset")).expect("a date");
        assert_eq!(sunset.date_naive(), end);
        assert_eq!(answer.header("link"), "</v1/catalogue>; rel=\"successor-version\"");
    }
    for model in [json!("gpt-image-2"), Value::Null] {
        let answer = person.post("/v1/quotes", &json!({"prompt": "A fox", "model": model})).await.expect_status(200);
        assert!(!answer.headers.contains_key("sunset"), "{model}");
    }
    app.work().await;
}

#[actix_web::test]
async fn every_kind_of_problem_has_a_page_that_says_what_to_do() {
    let app = harness::start().await;
    let list = Answer::of(reqwest::get(format!("{}/problems", app.url)).await).await.expect_status(200);
    let list = String::from_utf8(list.body).expect("text");
    for problem in ProblemType::ALL {
        let path = format!("/problems/{}", problem.slug());
        assert!(list.contains(&format!("href=\"{path}\"")), "{path} is in the list");
        let page = Answer::of(reqwest::get(format!("{}{path}", app.url)).await).await.expect_status(200);
        assert!(page.header("content-type").starts_with("text/html"), "{path}");
        let text = String::from_utf8(page.body).expect("text");
        assert!(text.contains(problem.title()) && text.contains("What to do"), "{path}");
        let start = text.find("<pre>").expect("an example") + 5;
        let example: Value = serde_json::from_str(&text[start..text.find("</pre>").expect("its end")]).expect(&path);
        assert_eq!((&example["type"], &example["status"]), (&json!(path), &json!(problem.status())));
    }
    let missing = Answer::of(reqwest::get(format!("{}/problems/nothing", app.url)).await).await;
    missing.expect_problem(404, "not-found");
}
