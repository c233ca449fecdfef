//! Staying signed in: rotation, the grace for lost answers, reuse, sign-out and suspension, over HTTP.
use chrono::TimeDelta;
use futures_util::future::join_all;
use lapidary::auth::{Auth, people};
use lapidary::config::PeopleAct;
use reqwest::Method;

use crate::harness::{self, Answer, Person, TestApp};

/// A browser's cookie as it stands in an answer; `Some("")` clears it.
fn set_cookie<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    let all = answer.headers.get_all("set-cookie").iter().filter_map(|value| value.to_str().ok());
    all.filter_map(|cookie| cookie.split(';').next()?.split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

/// Signs in without a cookie jar, and gives the first refresh token.
async fn first_token(app: &TestApp, name: &str) -> String {
    let browser = app.browser();
    let callback = browser.consent("/v1/auth/github/login", name).await;
    let landed = browser.get(&callback).await.expect_status(303);
    set_cookie(&landed, "lapidary_session").expect("a session").to_owned()
}

async fn refresh(app: &TestApp, token: &str) -> Answer {
    let client = reqwest::Client::new();
    let request = client
        .post(format!("{}/v1/auth/refresh", app.url))
        .header("X-Lapidary-Refresh", "1")
        .header("Origin", &app.url)
        .header("Cookie", format!("lapidary_session={token}"));
    Answer::of(request.send().await).await
}

async fn rotate(app: &TestApp, token: &str) -> String {
    let answer = refresh(app, token).await.expect_status(200);
    set_cookie(&answer, "lapidary_session").expect("a successor").to_owned()
}

#[track_caller]
fn assert_ended(answer: Answer) {
    assert_eq!(set_cookie(&answer, "lapidary_session"), Some(""), "the dead cookie stays");
    answer.expect_problem(401, "unauthenticated");
}

async fn status_of_me(app: &TestApp, access_token: &str) -> u16 {
    let request = reqwest::Client::new().get(format!("{}/v1/me", app.url)).bearer_auth(access_token);
    request.send().await.unwrap().status().as_u16()
}

/// Sign-in as another process has it: the same database, nothing in memory.
async fn another_process(app: &TestApp) -> Auth {
    Auth::build(&app.app.settings).unwrap()
}

async fn id_of(person: &Person<'_>) -> uuid::Uuid {
    person.get("/v1/me").await.json()["id"].as_str().unwrap().parse().unwrap()
}

#[actix_web::test]
async fn cookies_are_kept_from_scripts_and_other_sites() {
    let app = harness::start().await;
    let browser = app.browser();
    let sent = browser.get("/v1/auth/github/login").await;
    let binding = sent.header("set-cookie").to_owned();
    assert!(
        binding.starts_with("lapidary_sign_in=") && binding.ends_with("; HttpOnly; SameSite=Lax; Path=/; Max-Age=600")
    );
    let callback = browser.consent("/v1/auth/github/login", "Ada").await;
    let landed = browser.get(&callback).await;
    let cookies: Vec<&str> = landed.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap()).collect();
    assert_eq!(cookies.len(), 1, "{cookies:?}");
    let session = cookies.iter().find(|cookie| cookie.starts_with("lapidary_session=")).expect("a session");
    assert!(session.ends_with("; HttpOnly; SameSite=Lax; Path=/; Max-Age=604800"), "{session}");
}

#[actix_web::test]
async fn a_refresh_from_elsewhere_is_refused() {
    let app = harness::start().await;
    let token = first_token(&app, "Ada").await;
    let client = reqwest::Client::new();
    for (header, origin) in [(None, Some(app.url.as_str())), (Some("1"), None), (Some("1"), Some("https://evil.test"))]
    {
        for path in ["/v1/auth/refresh", "/v1/auth/logout"] {
            let mut request =
                client.post(format!("{}{path}", app.url)).header("Cookie", format!("lapidary_session={token}"));
            if let Some(value) = header {
                request = request.header("X-Lapidary-Refresh", value);
            }
            if let Some(value) = origin {
                request = request.header("Origin", value);
            }
            Answer::of(request.send().await).await.expect_problem(401, "unauthenticated");
        }
    }
    refresh(&app, &token).await.expect_status(200);
}

#[actix_web::test]
async fn a_lost_answer_signs_nobody_out() {
    let app = harness::start().await;
    let first = first_token(&app, "Ada").await;
    let lost = rotate(&app, &first).await;
    app.app.clock.advance(TimeDelta::hours(1));
    let second = rotate(&app, &first).await;
    assert_ne!(lost, second);
    let third = rotate(&app, &second).await;
    refresh(&app, &third).await.expect_status(200);
}

#[actix_web::test]
async fn nine_parallel_refreshes_keep_the_person_signed_in() {
    let app = harness::start().await;
    let token = first_token(&app, "Ada").await;
    let answers = join_all((0..9).map(|_| refresh(&app, &token))).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    // Whichever answer the browser took last is the cookie it has.
    let kept = set_cookie(answers.get(4).unwrap(), "lapidary_session").expect("a successor").to_owned();
    let next = rotate(&app, &kept).await;
    // One that was sent before and arrives late: an access token, and no cookie that would undo the newer one.
    let late = refresh(&app, &token).await.expect_status(200);
    assert_eq!(set_cookie(&late, "lapidary_session"), None);
    refresh(&app, &next).await.expect_status(200);
}

#[actix_web::test]
async fn a_spent_token_that_comes_back_late_ends_the_family() {
    let app = harness::start().await;
    let first = first_token(&app, "Ada").await;
    let second = rotate(&app, &first).await;
    let answer = refresh(&app, &second).await.expect_status(200);
    let third = set_cookie(&answer, "lapidary_session").unwrap().to_owned();
    let access = answer.json()["access_token"].as_str().unwrap().to_owned();
    app.app.clock.advance(TimeDelta::seconds(9));
    refresh(&app, &first).await.expect_status(200);
    assert_eq!(status_of_me(&app, &access).await, 200);
    app.app.clock.advance(TimeDelta::seconds(1));
    assert_ended(refresh(&app, &first).await);
    assert_ended(refresh(&app, &third).await);
    assert_eq!(status_of_me(&app, &access).await, 401);
}

#[actix_web::test]
async fn a_second_successor_does_not_live_beside_the_one_that_is_used() {
    let app = harness::start().await;
    let first = first_token(&app, "Ada").await;
    let (mine, thiefs) = (rotate(&app, &first).await, rotate(&app, &first).await);
    let next = rotate(&app, &mine).await;
    app.app.clock.advance(TimeDelta::minutes(10));
    assert_ended(refresh(&app, &thiefs).await);
    assert_ended(refresh(&app, &next).await);
}

#[actix_web::test]
async fn a_session_ends_after_a_week_of_silence_and_after_a_month_of_use() {
    let app = harness::start().await;
    let idle = first_token(&app, "Ada").await;
    let mut used = first_token(&app, "Grace").await;
    for day in 0..29 {
        app.app.clock.advance(TimeDelta::days(1));
        used = rotate(&app, &used).await;
        if day == 6 {
            assert_ended(refresh(&app, &idle).await);
        }
    }
    app.app.clock.advance(TimeDelta::days(1));
    assert_ended(refresh(&app, &used).await);
    refresh(&app, "nothing-of-ours").await.expect_problem(401, "unauthenticated");
}

#[actix_web::test]
async fn signing_out_ends_the_access_token_too() {
    let app = harness::start().await;
    let ada = app.person("Ada").await;
    ada.browser.post_ours("/v1/auth/logout").await.expect_status(204);
    ada.get("/v1/me").await.expect_problem(401, "unauthenticated");
    assert_eq!(ada.browser.refresh().await, None);
    ada.browser.post_ours("/v1/auth/logout").await.expect_status(204);
}

#[actix_web::test]
async fn a_device_can_be_signed_out_from_another() {
    let app = harness::start().await;
    let here = app.person("Ada").await;
    let there = app.person("Ada").await;
    let listed = here.get("/v1/me/sessions").await.json();
    let sessions = listed["data"].as_array().unwrap();
    assert_eq!(sessions.len(), 2);
    let other = sessions.iter().find(|session| session["is_current"] == false).unwrap()["id"].as_str().unwrap();
    let stranger = app.person("Grace").await;
    stranger.delete(&format!("/v1/me/sessions/{other}")).await.expect_problem(404, "not-found");
    here.delete(&format!("/v1/me/sessions/{other}")).await.expect_status(204);
    here.delete(&format!("/v1/me/sessions/{other}")).await.expect_problem(404, "not-found");
    there.get("/v1/me").await.expect_problem(401, "unauthenticated");
    here.get("/v1/me").await.expect_status(200);
}

#[actix_web::test]
async fn signing_out_everywhere_ends_every_session_or_all_but_this_one() {
    let app = harness::start().await;
    let (here, there, third) = (app.person("Ada").await, app.person("Ada").await, app.person("Ada").await);
    let grace = app.person("Grace").await;
    here.delete("/v1/me/sessions?keep_current=true").await.expect_status(204);
    for other in [&there, &third] {
        other.get("/v1/me").await.expect_problem(401, "unauthenticated");
        assert_eq!(other.browser.refresh().await, None);
    }
    let left = here.get("/v1/me/sessions").await.json();
    assert_eq!(left["data"].as_array().unwrap().len(), 1);
    assert_eq!((&left["data"][0]["is_current"], &left["data"][0]["provider_name"]), (&true.into(), &"GitHub".into()));
    let gone = here.delete("/v1/me/sessions").await.expect_status(204);
    assert_eq!(set_cookie(&gone, "lapidary_session"), Some(""), "the dead cookie stays");
    here.get("/v1/me").await.expect_problem(401, "unauthenticated");
    assert_eq!(here.browser.refresh().await, None);
    grace.get("/v1/me").await.expect_status(200);
    grace.delete("/v1/me/sessions?keep_current=perhaps").await.expect_problem(400, "malformed-request");
}

#[actix_web::test]
async fn a_token_is_checked_by_its_signature_once_and_by_its_session_and_end_every_time() {
    let app = harness::start().await;
    let (here, there) = (app.person("Ada").await, app.person("Ada").await);
    there.get("/v1/me").await.expect_status(200);
    let checks = app.app.auth.tokens.checks();
    for _ in 0..3 {
        there.get("/v1/me").await.expect_status(200);
    }
    assert_eq!(app.app.auth.tokens.checks(), checks, "a known token was checked again");
    here.delete("/v1/me/sessions?keep_current=true").await.expect_status(204);
    there.get("/v1/me").await.expect_problem(401, "unauthenticated");
    here.get("/v1/me").await.expect_status(200);
    app.app.clock.advance(TimeDelta::minutes(10));
    here.get("/v1/me").await.expect_problem(401, "unauthenticated");
    let altered = format!("{}A", here.token);
    assert_eq!(status_of_me(&app, &altered).await, 401);
}

#[actix_web::test]
async fn a_suspended_person_is_out_at_once_and_back_when_restored() {
    let app = harness::start().await;
    let ada = app.person("Ada").await;
    let person_id = id_of(&ada).await;
    // A feed that is fresh believes itself: it must hear of the suspension.
    app.app.auth.revocations.poll(&app.app.db).await.unwrap();
    people::apply(PeopleAct::Suspend { person_id }, &app.app.db, &app.app.clock).await.unwrap();
    app.app.auth.revocations.poll(&app.app.db).await.unwrap();
    ada.get("/v1/gems").await.expect_problem(401, "unauthenticated");
    ada.browser.post_ours("/v1/auth/refresh").await.expect_problem(403, "suspended");
    let landed = app.browser().sign_in("github", "Ada").await;
    assert!(landed.starts_with("/sign-in?failure=suspended&"), "{landed}");
    people::apply(PeopleAct::Restore { person_id }, &app.app.db, &app.app.clock).await.unwrap();
    assert_eq!(app.browser().sign_in("github", "Ada").await, "/studio");
    assert_eq!(ada.browser.refresh().await, None, "the old session is back");
}

#[actix_web::test]
async fn a_process_that_has_not_heard_the_feed_asks_the_database() {
    let app = harness::start().await;
    let ada = app.person("Ada").await;
    let person_id = id_of(&ada).await;
    people::apply(PeopleAct::Suspend { person_id }, &app.app.db, &app.app.clock).await.unwrap();
    ada.get("/v1/gems").await.expect_problem(401, "unauthenticated");
}

#[actix_web::test]
async fn tokens_are_checked_by_the_published_keys_and_survive_their_rotation() {
    let app = harness::start().await;
    let ada = app.person("Ada").await;
    let keys = ada.browser.get("/.well-known/jwks.json").await.expect_status(200).json();
    let kid = jsonwebtoken::decode_header(&ada.token).unwrap().kid.unwrap();
    assert_eq!(keys["keys"][0]["kid"], kid);
    assert_eq!(keys["keys"][0]["crv"], "Ed25519");

    sqlx::query("update signing_keys set created_at = created_at - interval '90 days'")
        .execute(&mut app.sql().await)
        .await
        .unwrap();
    let other = another_process(&app).await;
    let signing = other.keys.signing(&app.app.db, app.app.clock.now()).await.unwrap();
    assert_ne!(signing.id, kid, "an old key still signs");
    assert_eq!(status_of_me(&app, &ada.token).await, 200);
}

#[actix_web::test]
async fn ten_processes_in_need_of_a_key_make_one() {
    let app = harness::start().await;
    let processes = join_all((0..10).map(|_| another_process(&app))).await;
    let made = join_all(processes.iter().map(|auth| auth.keys.signing(&app.app.db, app.app.clock.now()))).await;
    let ids: std::collections::HashSet<_> = made.into_iter().map(|key| key.unwrap().id).collect();
    assert_eq!(ids.len(), 1);
}

#[actix_web::test]
async fn a_name_can_be_changed_and_removed_within_its_limits() {
    let app = harness::start().await;
    let ada = app.person("Ada").await;
    let named = ada.patch("/v1/me", &serde_json::json!({"name": "  李清照 "})).await.expect_status(200).json();
    assert_eq!(named["name"], "李清照");
    let removed = ada.patch("/v1/me", &serde_json::json!({"name": ""})).await.expect_status(200).json();
    assert!(removed["name"].is_null());
    for wrong in ["a".repeat(101), "a\u{0}b".to_owned()] {
        let problem = ada.patch("/v1/me", &serde_json::json!({"name": wrong})).await.expect_problem(422, "invalid");
        assert_eq!(problem["errors"][0]["pointer"], "/name");
    }
    let wrong = ada.request(Method::PATCH, "/v1/me").json(&serde_json::json!({"nickname": "x"}));
    Answer::of(wrong.send().await).await.expect_problem(422, "invalid");
}
