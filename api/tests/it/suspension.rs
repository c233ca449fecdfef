//! A suspended person is refused everywhere, and told so; the operator finds people by their address and hears within
//! seconds that a database is not there.
use std::time::{Duration, Instant};

use lapidary::auth::people;
use lapidary::config::PeopleAct;
use reqwest::Method;
use uuid::Uuid;

use crate::harness::{self, Answer, Person, TestApp};

async fn person_id(person: &Person<'_>) -> Uuid {
    person.get("/v1/me").await.json()["id"].as_str().unwrap().parse().unwrap()
}

async fn apply(app: &TestApp, act: PeopleAct) {
    assert!(people::apply(act, &app.app.db, &app.app.clock).await.unwrap());
    app.app.auth.revocations.poll(&app.app.db).await.unwrap();
}

#[actix_web::test]
async fn a_suspended_person_is_refused_wherever_they_knock_until_restored() {
    let app = harness::start().await;
    let ada = app.person("Ada").await;
    let id = person_id(&ada).await;
    apply(&app, PeopleAct::Suspend { person_id: id }).await;
    for path in ["/v1/me", "/v1/gems", "/v1/events", "/v1/me/sessions", "/v1/me/identities"] {
        ada.get(path).await.expect_problem(401, "unauthenticated");
    }
    let link = ada.request(Method::POST, "/v1/me/identities/google/link");
    Answer::of(link.send().await).await.expect_problem(401, "unauthenticated");
    let refused = ada.browser.post_ours("/v1/auth/refresh").await;
    assert!(refused.header("set-cookie").starts_with("lapidary_session=;"), "the dead cookie stays");
    refused.expect_problem(403, "suspended");
    // Neither the same way nor another provider with the same address is a way round it.
    for provider in ["github", "google"] {
        let landed = app.browser().sign_in(provider, "Ada").await;
        assert!(landed.starts_with("/sign-in?failure=suspended&"), "{landed}");
    }
    apply(&app, PeopleAct::Restore { person_id: id }).await;
    assert_eq!(app.browser().sign_in("github", "Ada").await, "/studio");
    ada.get("/v1/me").await.expect_problem(401, "unauthenticated");
}

#[actix_web::test]
async fn a_separate_account_is_no_way_round_a_suspension() {
    let app = harness::start().await;
    let ada = app.person("Ada").await;
    let id = person_id(&ada).await;
    let second = app.browser();
    assert!(second.sign_in("google", "Ada").await.starts_with("/sign-in?failure=email_in_use&"));
    apply(&app, PeopleAct::Suspend { person_id: id }).await;
    second.post_ours("/v1/auth/separate-account").await.expect_problem(403, "suspended");
}

#[actix_web::test]
async fn the_operator_finds_people_by_their_address() {
    let app = harness::start().await;
    let ada = app.person("Ada Lovelace").await;
    let id = person_id(&ada).await;
    let found = people::find(" Ada.Lovelace@Example.test", &app.app.db).await.unwrap();
    for part in [&id.to_string(), "ada.lovelace@example.test", "active", "by github", "50 gems"] {
        assert!(found.contains(part), "{part}: {found}");
    }
    apply(&app, PeopleAct::Suspend { person_id: id }).await;
    assert!(people::find("ada.lovelace@example.test", &app.app.db).await.unwrap().contains("suspended"));
    let nobody = people::find("nobody@example.test", &app.app.db).await.unwrap_err();
    assert_eq!(nobody.to_string(), "nobody has the e-mail address nobody@example.test");
}

#[actix_web::test]
async fn a_command_without_a_database_says_so_within_seconds() {
    let app = harness::start().await;
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (silent_port, closed_port) = (silent.local_addr().unwrap().port(), {
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        closed.local_addr().unwrap().port()
    });
    for (port, said) in [(silent_port, "does not answer within 5 seconds"), (closed_port, "cannot be reached")] {
        let mut settings = app.app.settings.clone();
        settings.database_url = format!("postgres://a:b@127.0.0.1:{port}/x");
        let started = Instant::now();
        let refused = people::act(PeopleAct::Restore { person_id: Uuid::nil() }, &settings).await.unwrap_err();
        assert!(refused.to_string().contains(said), "{refused}");
        assert!(!refused.to_string().contains("a:b"), "{refused}");
        assert!(started.elapsed() < Duration::from_secs(8));
    }
}

#[actix_web::test]
async fn an_open_stream_asks_the_database_while_the_feed_is_stale() {
    let app = harness::start().await;
    let ada = app.person("Ada").await;
    let mut stream = ada.request(Method::GET, "/v1/events").timeout(Duration::from_secs(60)).send().await.unwrap();
    // Nothing reads the feed here, and this end is not in it either.
    let ended = sqlx::query("update sessions set revoked_at = now()").execute(&mut app.sql().await).await.unwrap();
    assert_eq!(ended.rows_affected(), 1);
    let over = async { while stream.chunk().await.is_ok_and(|chunk| chunk.is_some()) {} };
    // Asked once a second.
    tokio::time::timeout(Duration::from_secs(4), over).await.expect("the stream goes on");
}
