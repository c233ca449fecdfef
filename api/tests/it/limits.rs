//! How often anyone may ask: exact over processes for what costs, a bucket each for keys, people and addresses otherwise.
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use lapidary::auth::api_keys;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{Connection, Executor};
use uuid::Uuid;

use crate::api_keys::key_of;
use crate::harness::{self, Answer, Person};
use crate::ledger_rows::{actor, give};
use crate::process::Process;

fn small() -> Value {
    json!({"prompt": "A fox", "quality": "low"})
}

fn standing<'a>(answer: &'a Answer, policy: &str) -> Option<&'a str> {
    let quoted = format!("\"{policy}\";");
    answer.header("ratelimit").split(", ").find_map(|one| one.strip_prefix(&quoted))
}

fn left(answer: &Answer, policy: &str) -> i64 {
    let said = standing(answer, policy).unwrap_or_else(|| panic!("no {policy}: {:?}", answer.headers));
    let r = said.split(';').find_map(|part| part.strip_prefix("r=")).expect("r");
    r.parse().expect("a number")
}

async fn refine(person: &Person<'_>) -> Answer {
    let request = person.request(Method::POST, "/v1/refinements").header("Idempotency-Key", Uuid::now_v7().to_string());
    Answer::of(request.json(&json!({"prompt": "A fox"})).send().await).await
}

#[actix_web::test]
async fn two_processes_let_in_exactly_what_the_rate_allows_of_two_hundred_at_once() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    give(&app, actor(&person).await, 5_000).await;
    let before = person.remaining().await;
    let flags = ["--worker-slots=0", "--spends-per-minute=6"];
    let processes = [Process::serve(&app, &flags).await, Process::serve(&app, &flags).await];
    let submit = async |number: usize| {
        loop {
            let request = person.browser.client.post(format!("{}/v1/generations", processes[number % 2].url));
            let request = request.bearer_auth(&person.token).header("Idempotency-Key", format!("request {number}"));
            let answer = Answer::of(request.json(&small()).send().await).await;
            // A crowded machine may ask to come again; that uses nothing.
            if answer.status != 503 {
                return answer;
            }
        }
    };
    let answers = join_all((0..200).map(submit)).await;
    let accepted = answers.iter().filter(|answer| answer.status == 202).count();
    for refused in answers.into_iter().filter(|answer| answer.status != 202) {
        assert_eq!(left(&refused, "spends"), 0);
        let wait: u64 = refused.header("retry-after").parse().expect("seconds");
        assert!((1..=10).contains(&wait), "{wait}");
        refused.expect_problem(429, "rate-limited");
    }
    let rows: Vec<(DateTime<Utc>, i64)> =
        sqlx::query_as("select created_at, share_gems * count from generations order by 1")
            .fetch_all(&mut app.sql().await)
            .await
            .expect("generations");
    // Six at once, and one more for each ten seconds that it took.
    let took = rows[rows.len() - 1].0 - rows[0].0;
    let allowed = 6 + usize::try_from(took.num_seconds() / 10).expect("few");
    assert_eq!((accepted, rows.len()), (allowed, allowed), "it took {took}");
    let gems: i64 = rows.iter().map(|(_, gems)| gems).sum();
    assert_eq!(person.gems().await["held"], gems);
    assert_eq!(person.remaining().await, before - gems, "what is refused holds nothing");
    app.work().await;
}

#[actix_web::test]
async fn gems_and_caps_are_told_before_it_was_too_often_and_what_is_refused_or_replayed_uses_nothing() {
    let app = harness::start_with(&["--spends-per-minute=2".into()]).await;
    let person = app.person("Ada Lovelace").await;
    let dear = json!({"prompt": "A fox", "quality": "high", "count": 10});
    for _ in 0..5 {
        person.submit(&dear).await.expect_problem(402, "insufficient-gems");
        person.submit(&json!({"prompt": ""})).await.expect_problem(422, "invalid");
    }
    let first = person.submit_with("first", &small()).await.expect_status(202);
    assert_eq!(left(&first, "spends"), 1);
    assert!(first.header("ratelimit-policy").contains("\"spends\";q=2;w=60"), "{:?}", first.headers);
    assert!(first.header("ratelimit-policy").contains("\"requests\";q="));
    for _ in 0..5 {
        let again = person.submit_with("first", &small()).await.expect_status(202);
        assert_eq!(standing(&again, "spends"), None, "a replay uses no turn");
    }
    assert_eq!(left(&refine(&person).await.expect_status(200), "spends"), 0);
    let gems = person.gems().await;
    let refused = person.submit_with("third", &small()).await;
    assert_eq!((left(&refused, "spends"), left(&refused, "requests") > 0), (0, true));
    assert!(refused.header("retry-after").parse::<u64>().is_ok_and(|seconds| (1..=30).contains(&seconds)));
    refused.expect_problem(429, "rate-limited");
    refine(&person).await.expect_problem(429, "rate-limited");
    assert_eq!(person.gems().await, gems);
    // Whoever was accepted is answered still, and what can never be had is told as such.
    person.submit_with("first", &small()).await.expect_status(202);
    person.submit(&dear).await.expect_problem(402, "insufficient-gems");
    let caps = person.request(Method::PUT, "/v1/gems/caps").json(&json!({"daily_gems": 1, "time_zone": "UTC"}));
    Answer::of(caps.send().await).await.expect_status(200);
    person.submit(&small()).await.expect_problem(402, "gem-cap-reached");
    let caps = person.request(Method::PUT, "/v1/gems/caps").json(&json!({"time_zone": "UTC"}));
    Answer::of(caps.send().await).await.expect_status(200);
    app.app.clock.advance(TimeDelta::seconds(30));
    person.submit_with("third", &small()).await.expect_status(202);
    person.submit(&small()).await.expect_problem(429, "rate-limited");
    app.work().await;
}

#[actix_web::test]
async fn a_person_and_each_of_their_keys_have_a_bucket_of_their_own() {
    // One more in 15 seconds: whatever a crowded machine needs for the next lines is less.
    let app = harness::start_with(&["--requests-per-minute=4".into()]).await;
    let (person, other) = (app.person("Ada Lovelace").await, app.person("Grace Hopper").await);
    let (first, second) = (key_of(&person, &["gems:read"]).await, key_of(&other, &["gems:read"]).await);
    // One was used to confirm the age, one to make the key.
    let answer = person.get("/v1/gems").await.expect_status(200);
    assert_eq!(left(&answer, "requests"), 1);
    assert_eq!(answer.header("ratelimit-policy"), "\"requests\";q=4;w=60");
    assert_eq!(
        left(&person.get(&format!("/v1/images/{}", Uuid::now_v7())).await, "requests"),
        0,
        "a problem says it too"
    );
    let refused = person.get("/v1/gems").await;
    assert_eq!(left(&refused, "requests"), 0);
    assert!(refused.header("retry-after").parse::<u64>().is_ok_and(|seconds| (1..=15).contains(&seconds)));
    refused.expect_problem(429, "rate-limited");
    for left_over in (0..4).rev() {
        assert_eq!(left(&first.get("/v1/gems").await.expect_status(200), "requests"), left_over);
    }
    first.get("/v1/gems").await.expect_problem(429, "rate-limited");
    // What the key may not do counts as well.
    assert_eq!(left(&second.get("/v1/images").await, "requests"), 3);
    other.get("/v1/gems").await.expect_status(200);
}

#[actix_web::test]
async fn whoever_is_not_signed_in_is_limited_by_address_as_trusted_proxies_say_it() {
    let app = harness::start_with(&["--requests-per-minute-signed-out=6".into()]).await;
    let person = app.person("Ada Lovelace").await;
    let caller = key_of(&person, &["gems:read"]).await;
    let from = async |address: &str, path: &str, token: &str| {
        let request = person.browser.client.get(person.browser.at(path)).header("X-Forwarded-For", address);
        Answer::of(if token.is_empty() { request } else { request.bearer_auth(token) }.send().await).await
    };
    // The last one was added by the proxy, and only that one counts.
    for attempt in 0..6 {
        let answer = from(&format!("8.8.8.{attempt}, 203.0.113.9"), "/v1/status", "").await.expect_status(200);
        assert_eq!(left(&answer, "requests"), 5 - attempt);
    }
    for (path, token) in
        [("/v1/status", ""), ("/v1/catalogue", ""), ("/v1/gems", ""), ("/v1/gems", "lap_x"), ("/v1/gems", "x.y.z")]
    {
        from("203.0.113.9", path, token).await.expect_problem(429, "rate-limited");
    }
    assert_eq!(
        from("203.0.113.9", "/v1/gems", &caller.key).await.status,
        200,
        "a good key is not held back by bad ones"
    );
    from("203.0.113.10", "/v1/status", "").await.expect_status(200);
    from("203.0.113.10", "/v1/gems", "lap_x").await.expect_problem(401, "unauthenticated");
    // One provider's customer has 64 bits.
    for number in 0..6 {
        from(&format!("2001:db8::{number:x}"), "/v1/status", "").await.expect_status(200);
    }
    from("2001:db8::ffff:1", "/v1/status", "").await.expect_problem(429, "rate-limited");
    for free in ["/health/live", "/openapi.json", "/docs/"] {
        assert_eq!(standing(&from("203.0.113.9", free, "").await.expect_status(200), "requests"), None, "{free}");
    }
    let webhook =
        person.browser.client.post(person.browser.at("/v1/stripe/webhook")).header("X-Forwarded-For", "203.0.113.9");
    assert_ne!(Answer::of(webhook.send().await).await.status, 429);
}

#[actix_web::test]
async fn nobody_is_believed_about_addresses_where_no_proxy_is_trusted() {
    let flags = ["--requests-per-minute-signed-out=12".into(), "--trusted-proxies=192.0.2.1".into()];
    let app = harness::start_with(&flags).await;
    let browser = app.browser();
    let mut refused = 0;
    for number in 0..40 {
        let request =
            browser.client.get(browser.at("/v1/status")).header("X-Forwarded-For", format!("203.0.113.{number}"));
        refused += usize::from(Answer::of(request.send().await).await.status == 429);
    }
    assert!(refused >= 20, "only {refused} were refused");
}

#[actix_web::test]
async fn keys_that_nobody_knows_wait_for_no_database_once_their_address_has_shown_enough_of_them() {
    let app = harness::start_with(&["--requests-per-minute-signed-out=6".into()]).await;
    let person = app.person("Ada Lovelace").await;
    let (known, unknown) = (key_of(&person, &["gems:read"]).await, key_of(&person, &["gems:read"]).await);
    let from = async |address: &'static str, key: String| {
        let request = person.browser.client.get(person.browser.at("/v1/gems")).header("X-Forwarded-For", address);
        Answer::of(request.bearer_auth(key).send().await).await
    };
    from("203.0.113.9", known.key.clone()).await.expect_status(200);
    let mut sql = app.sql().await;
    let mut locked = sql.begin().await.expect("a transaction");
    locked.execute("lock table api_keys in access exclusive mode").await.expect("locked");
    let made_up = || api_keys::text::generate().expect("a key");
    let mut asked: FuturesUnordered<_> = (0..12).map(|_| from("203.0.113.9", made_up())).collect();
    // Before anybody is told that the database does not answer.
    for _ in 0..6 {
        let answer = asked.next().await.expect("six are told at once");
        assert!(answer.header("retry-after").parse::<u64>().is_ok_and(|seconds| (1..=10).contains(&seconds)));
        answer.expect_problem(429, "rate-limited");
    }
    // Whoever was let in before is not held back by them.
    app.app.auth.revocations.poll(&app.app.db).await.expect("the feed");
    from("203.0.113.9", known.key.clone()).await.expect_status(200);
    locked.rollback().await.expect("unlocked");
    while let Some(answer) = asked.next().await {
        assert!(matches!(answer.status, 401 | 429 | 503), "{}", answer.status);
    }
    from("203.0.113.10", unknown.key.clone()).await.expect_status(200);
}

#[actix_web::test]
async fn a_new_key_is_no_new_allowance() {
    let app = harness::start_with(&["--requests-per-minute=4".into()]).await;
    let person = app.person("Ada Lovelace").await;
    let first = key_of(&person, &["gems:read"]).await;
    let (began, mut let_in, mut last) = (std::time::Instant::now(), 0, None);
    for _ in 0..8 {
        let key = api_keys::text::generate().expect("a key");
        let copy = "insert into api_keys (id, person_id, name, start, key_hash, scopes, free_gems_only, created_at)
            select gen_random_uuid(), person_id, name, start, $1, scopes, free_gems_only, created_at
            from api_keys where id = $2::uuid";
        let hash = api_keys::hash(&key).expect("a hash").to_vec();
        let added = sqlx::query(copy).bind(hash).bind(&first.id).execute(&mut app.sql().await).await.expect("a key");
        assert_eq!(added.rows_affected(), 1);
        for _ in 0..4 {
            let answer = first.with(&key).get("/v1/gems").await;
            let_in += u64::from(answer.status == 200);
            last = Some(answer);
        }
    }
    // Four allowances of four at once, and one more in each four seconds that it took.
    let more = began.elapsed().as_secs() / 3 + 1;
    assert!((16..=16 + more).contains(&let_in), "{let_in} were let in, {more} later");
    let refused = last.expect("an answer");
    if refused.status == 429 {
        assert_eq!(left(&refused, "keys"), 0);
        assert_eq!(refused.header("ratelimit-policy"), "\"keys\";q=16;w=60");
    }
    assert_eq!(person.get("/v1/gems").await.status, 200, "the page goes on");
}

#[actix_web::test]
async fn a_person_has_so_many_streams_open_and_no_more_whatever_they_come_with() {
    let app = harness::start().await;
    let (person, other) = (app.person("Ada Lovelace").await, app.person("Grace Hopper").await);
    let keys = [key_of(&person, &["generations:read"]).await, key_of(&person, &["generations:read"]).await];
    let open = async |key: usize| {
        let request = keys[key % 2].request(Method::GET, "/v1/events").timeout(std::time::Duration::from_secs(60));
        request.send().await.expect("an answer")
    };
    let mut streams = Vec::new();
    for number in 0..32 {
        streams.push(open(number).await);
        assert_eq!(streams[number].status(), 200);
    }
    Answer::of(Ok(open(0).await)).await.expect_problem(429, "rate-limited");
    person.get("/v1/events").await.expect_problem(429, "rate-limited");
    let theirs = other.request(Method::GET, "/v1/events").send().await.expect("a stream");
    assert_eq!(theirs.status(), 200, "others have their own");
    streams.pop();
    let mut beat = tokio::time::interval(std::time::Duration::from_millis(50));
    while open(0).await.status() != 200 {
        beat.tick().await;
    }
}
