//! Live streams: each change once and in order, whatever cuts the line; and they end with what let them in.
use std::net::SocketAddr;
use std::time::Duration;

use chrono::TimeDelta;
use lapidary::auth::people;
use lapidary::config::PeopleAct;
use lapidary::db::Actor;
use lapidary::work::schedule;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

use crate::harness::{self, Person, TestApp};
use crate::sse::{Event, Events, second, serve};

fn low() -> Value {
    json!({"prompt": "A fox", "quality": "low", "size": "816x816"})
}

async fn queued(person: &Person<'_>) -> String {
    person.submit(&low()).await.expect_status(202).json()["id"].as_str().expect("an id").to_owned()
}

#[actix_web::test]
async fn a_caller_follows_one_generation_to_its_end() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let (id, other) = (queued(&person).await, queued(&person).await);
    let path = format!("/v1/generations/{id}/events");
    let mut stream = Events::open(&person, &path, None).await;
    assert_eq!(stream.response.headers()["content-type"], "text/event-stream");
    let first = stream.next().await.expect("the resource as it is");
    assert_eq!(first.status(), "queued");
    app.work().await;
    let (mut told, mut last) = (vec!["queued".to_owned()], first);
    while let Some(event) = stream.next().await {
        assert_eq!(event.data["generation"]["id"], id.as_str(), "nothing of {other}");
        assert!(event.id > last.id);
        told.push(event.status().to_owned());
        last = event;
    }
    assert_eq!(last.status(), "succeeded", "the stream ends after the last state: {told:?}");
    assert_eq!(last.data["generation"]["images"].as_array().map(Vec::len), Some(1));
    let seen = last.id.expect("an id").to_string();
    let again = person.request(reqwest::Method::GET, &path).header("Last-Event-ID", seen).send().await;
    assert_eq!(again.expect("an answer").status(), 204, "an EventSource does not come again");
    let mut late = Events::open(&person, &path, None).await;
    assert_eq!(late.next().await.expect("the resource").status(), "succeeded");
    assert!(late.next().await.is_none());
}

#[actix_web::test]
async fn anothers_generation_has_no_stream() {
    let app = harness::start().await;
    let (owner, stranger) = (app.person("Ada Lovelace").await, app.person("Grace Hopper").await);
    let id = queued(&owner).await;
    stranger.get(&format!("/v1/generations/{id}/events")).await.expect_problem(404, "not-found");
    app.browser().get(&format!("/v1/generations/{id}/events")).await.expect_problem(401, "unauthenticated");
    app.work().await;
}

#[actix_web::test]
async fn a_stream_ends_with_its_token_and_goes_on_with_the_next() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let mut stream = Events::open(&person, "/v1/events", None).await;
    queued(&person).await;
    let seen = stream.until(|event| event.status() == "queued").await;
    app.app.clock.advance(TimeDelta::minutes(10));
    let ended = tokio::time::timeout(Duration::from_secs(5), stream.next()).await.expect("it ends soon");
    assert!(ended.is_none());
    person.get("/v1/events").await.expect_problem(401, "unauthenticated");
    app.work().await;
    let token = person.browser.refresh().await.expect("a token");
    let person = Person { token, ..person };
    let mut resumed = Events::open(&person, "/v1/events", seen.id).await;
    let next = resumed.until(|event| event.id.is_some()).await;
    assert_eq!(next.status(), "succeeded", "what happened meanwhile is told once, as it is now");
    assert!(next.id > seen.id);
}

#[actix_web::test]
async fn a_suspended_persons_stream_ends_in_every_process() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let other = second(&app).await;
    let mut stream = Events::open(&person, &format!("{}/v1/events", serve(&other)), None).await;
    let person_id = person.get("/v1/me").await.json()["id"].as_str().expect("an id").parse().expect("a uuid");
    let done = people::apply(PeopleAct::Suspend { person_id }, &app.app.db, &app.app.clock).await;
    assert!(done.expect("suspended"));
    other.auth.revocations.poll(&other.db).await.expect("the feed");
    let ended = tokio::time::timeout(Duration::from_secs(2), stream.next()).await.expect("within the next look");
    assert!(ended.is_none());
}

#[actix_web::test]
async fn many_changes_are_told_once_each_and_in_order() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let first = queued(&person).await;
    let mut stream = Events::open(&person, &format!("/v1/generations/{first}/events"), None).await;
    let begin = stream.next().await.expect("an event").id;
    let cancel = async |id: &str| {
        person.post(&format!("/v1/generations/{id}/cancel"), &json!({})).await.expect_status(200);
    };
    cancel(&first).await;
    let mut ids = vec![first];
    for _ in 0..120 {
        let id = queued(&person).await;
        cancel(&id).await;
        ids.push(id);
    }
    let mut resumed = Events::open(&person, "/v1/events", begin).await;
    let mut told: Vec<Event> = Vec::new();
    while told.len() < ids.len() {
        told.push(resumed.until(|event| event.id.is_some()).await);
    }
    assert!(told.windows(2).all(|pair| pair[0].id < pair[1].id));
    let said: Vec<&str> = told.iter().map(|event| event.data["generation"]["id"].as_str().expect("an id")).collect();
    assert_eq!(said, ids, "each generation once, in the order of its last change");
    assert!(told.iter().all(|event| event.status() == "cancelled" && event.data["gems"]["remaining"] == 50));
}

#[actix_web::test]
async fn whoever_missed_too_much_starts_over() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let first = queued(&person).await;
    let mut stream = Events::open(&person, &format!("/v1/generations/{first}/events"), None).await;
    let begin = stream.next().await.expect("an event").id;
    sqlx::query(
        "insert into events (person_id, kind, subject)
         select person_id, 'generation', gen_random_uuid() from generations, generate_series(1, 600)",
    )
    .execute(&mut app.sql().await)
    .await
    .expect("events");
    let mut resumed = Events::open(&person, "/v1/events", begin).await;
    let event = resumed.until(|event| event.id.is_some()).await;
    assert_eq!(event.data["type"], "reset");
    let mut unknown = Events::open(&person, "/v1/events", Some(1 << 40)).await;
    assert_eq!(unknown.until(|event| event.id.is_some()).await.data["type"], "reset");
    app.work().await;
}

#[actix_web::test]
async fn the_end_of_a_generation_is_told_once_also_when_its_events_are_forgotten() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let made = person.make(&low()).await;
    let path = format!("/v1/generations/{}/events", made["id"].as_str().expect("an id"));
    let mut sql = app.sql().await;
    let newest: i64 = sqlx::query_scalar("select max(id) from events").fetch_one(&mut sql).await.expect("an id");
    sqlx::query("delete from events").execute(&mut sql).await.expect("forgotten");
    let mut stream = Events::open(&person, &path, None).await;
    assert_eq!(stream.next().await.expect("the resource as it is").status(), "succeeded");
    assert!(stream.next().await.is_none());
    let said = stream.last_id.expect("an id");
    for seen in [said, newest, newest - 1] {
        let again = person.request(reqwest::Method::GET, &path).header("Last-Event-ID", seen.to_string()).send().await;
        assert_eq!(again.expect("an answer").status(), 204, "after {seen} an EventSource comes again for ever");
    }
}

#[actix_web::test]
async fn a_status_reaches_a_stream_without_a_connection_and_before_an_error_ends_it() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let person_id: Uuid = person.get("/v1/me").await.json()["id"].as_str().expect("an id").parse().expect("a uuid");
    let mut stream = Events::open(&person, "/v1/events", None).await;
    let actor = Actor { person_id, account_id: Uuid::now_v7() };
    let mut taken = Vec::new();
    for _ in 0..8 {
        taken.push(app.app.db.begin_as(actor).await.expect("a connection"));
    }
    let mut sql = app.sql().await;
    for (code, and_news) in [("model_busy", false), ("operator_quota", true)] {
        sqlx::query(
            "insert into providers (origin, failures, paused_until, since, code, updated_at)
             values ($1, 5, now() + interval '1 hour', now(), $2, now())
             on conflict (origin) do update set code = excluded.code",
        )
        .bind(app.openai.base_url.parse::<url::Url>().expect("a URL").origin().ascii_serialization())
        .bind(code)
        .execute(&mut sql)
        .await
        .expect("a provider that does not deliver");
        app.app.providers.poll(&app.app).await.expect("the table");
        if and_news {
            app.app.live.nudge(person_id);
        }
        let told = tokio::time::timeout(Duration::from_secs(6), stream.next()).await.expect("it is told");
        let told = told.expect("the stream goes on");
        assert_eq!(told.data["status"]["paused"][0]["code"], code);
    }
    let ended = tokio::time::timeout(Duration::from_secs(8), stream.next()).await.expect("the rows cannot be read");
    assert!(ended.is_none());
    drop(taken);
    person.get("/v1/gems").await.expect_status(200);
}

#[actix_web::test]
async fn old_events_are_forgotten_to_the_last_however_many_they_are() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    person.make(&low()).await;
    let mut sql = app.sql().await;
    sqlx::query(
        "insert into events (person_id, kind, subject, created_at)
         select person_id, 'image', id, now() - interval '2 days' from images, generate_series(1, 20005)",
    )
    .execute(&mut sql)
    .await
    .expect("events");
    schedule::keep_house(&app.app).await;
    let old: i64 = sqlx::query_scalar("select count(*) from events where created_at < now() - interval '1 day'")
        .fetch_one(&mut sql)
        .await
        .expect("a count");
    let young: i64 = sqlx::query_scalar("select count(*) from events").fetch_one(&mut sql).await.expect("a count");
    assert!(old == 0 && young > 0, "{old} old ones and {young} altogether are left");
}

/// A proxy that cuts every connection after `patience`; where it listens.
async fn impatient_proxy(upstream: SocketAddr, patience: Duration) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    actix_web::rt::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            actix_web::rt::spawn(async move {
                let Ok(mut server) = TcpStream::connect(upstream).await else { return };
                let _ = tokio::time::timeout(patience, tokio::io::copy_bidirectional(&mut client, &mut server)).await;
            });
        }
    });
    address
}

const CUT: Duration = Duration::from_millis(600);
const SLOW: Duration = Duration::from_secs(3);

/// As seconds stand for minutes: the model takes five times as long as the proxy waits.
async fn behind_a_proxy(app: &TestApp) -> (reqwest::Client, String) {
    app.openai.set_speed(SLOW);
    let upstream: SocketAddr = app.url.replace("http://localhost", "127.0.0.1").parse().expect("an address");
    let proxy = impatient_proxy(upstream, CUT).await;
    // Each request has a connection of its own, as behind many proxies.
    let client = reqwest::Client::builder().pool_max_idle_per_host(0).build().expect("a client");
    (client, format!("http://{proxy}"))
}

/// Follows the path with resume until the generation is final; what was told, and over how many connections.
async fn follow(
    person: &Person<'_>,
    client: &reqwest::Client,
    at: String,
    id: &str,
    mut seen: Option<i64>,
) -> (Vec<Event>, usize) {
    let (mut told, mut connections): (Vec<Event>, usize) = (Vec::new(), 0);
    loop {
        let mut request = client.get(&at).bearer_auth(&person.token);
        if let Some(seen) = seen {
            request = request.header("Last-Event-ID", seen.to_string());
        }
        connections += 1;
        assert!(connections < 100, "it never ends");
        let Ok(response) = request.send().await else { continue };
        let mut stream = Events::of(response);
        while let Some(event) = stream.next().await {
            if event.data["generation"]["id"] == id {
                told.push(event);
            }
            if told.last().is_some_and(|event| event.status() == "succeeded") {
                return (told, connections);
            }
        }
        seen = stream.last_id.or(seen);
    }
}

#[actix_web::test]
async fn a_slow_image_arrives_by_stream_behind_a_proxy_that_cuts_every_connection() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let (client, proxy) = behind_a_proxy(&app).await;
    for of_one in [true, false] {
        // Who follows everything listens before asking, as the page does.
        let mut before = Events::open(&person, "/v1/events", None).await;
        let id = queued(&person).await;
        let asked = before.until(|event| event.status() == "queued").await;
        let (path, seen) = match of_one {
            true => (format!("/v1/generations/{id}/events"), None),
            false => ("/v1/events".to_owned(), asked.id),
        };
        let follow = follow(&person, &client, format!("{proxy}{path}"), &id, seen);
        let ((told, connections), ()) = tokio::join!(follow, app.work());
        assert!(connections >= 4, "only {connections} connections");
        assert!(told.windows(2).all(|pair| pair[0].id < pair[1].id), "each once and in order: {told:?}");
        let steps = ["queued", "running", "succeeded"];
        let step = |event: &Event| steps.iter().position(|step| *step == event.status()).expect("a known state");
        assert!(told.windows(2).all(|pair| step(&pair[0]) <= step(&pair[1])), "{told:?}");
        assert!(told.iter().any(|event| event.status() == "running"), "{told:?}");
        assert_eq!(told.last().expect("events").data["generation"]["images"].as_array().map(Vec::len), Some(1));
    }
}

#[actix_web::test]
async fn a_slow_image_arrives_by_polling_behind_a_proxy_that_cuts_every_connection() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let (client, proxy) = behind_a_proxy(&app).await;
    let submit = client.post(format!("{proxy}/v1/generations")).bearer_auth(&person.token);
    let answer = submit.header("Idempotency-Key", "slow").json(&low()).send().await.expect("an answer");
    let path = answer.headers()["location"].to_str().expect("a path").to_owned();
    let poll = async {
        let mut beat = tokio::time::interval(Duration::from_millis(200));
        for polls in 1.. {
            beat.tick().await;
            let asked = client.get(format!("{proxy}{path}")).bearer_auth(&person.token).send().await;
            let Ok(answer) = asked else { continue };
            let Ok(now) = answer.json::<Value>().await else { continue };
            if now["status"] == "succeeded" {
                return (now, polls);
            }
        }
        unreachable!("it ends when the picture is there")
    };
    let ((done, polls), ()) = tokio::join!(poll, app.work());
    assert!(polls >= 5, "only {polls} polls: it was not slow");
    assert_eq!(done["images"].as_array().map(Vec::len), Some(1));
    let url = done["images"][0]["url"].as_str().expect("a url");
    person.browser.get(url).await.expect_status(200);
}
