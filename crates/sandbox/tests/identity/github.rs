//! GitHub's web flow as its documentation tells it, and the refusals an app must be ready for.
use lapidary_sandbox::faults::Faults;
use lapidary_sandbox::identity::github::{self, GitHub};
use reqwest::Client;
use serde_json::Value;

use crate::browser::{APP, CHALLENGE, VERIFIER, address, allow, attribute, client, deny, port, submit};

pub const SCOPE: &str = "read:user user:email";

pub fn callback() -> String {
    format!("{APP}/v1/auth/github/callback")
}

pub async fn vendor(faults: &Faults) -> GitHub {
    github::start(port(), APP, faults.clone()).await.unwrap()
}

pub fn page(github: &GitHub, more: &[(&str, &str)]) -> String {
    let callback = callback();
    let mut query = vec![
        ("client_id", github.client_id.as_str()),
        ("redirect_uri", callback.as_str()),
        ("state", "a state & more"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    if !more.iter().any(|(name, _)| *name == "scope") {
        query.push(("scope", SCOPE));
    }
    for (name, value) in more {
        query.retain(|(known, _)| known != name);
        query.push((name, value));
    }
    query.retain(|(_, value)| !value.is_empty());
    address(&format!("{}/login/oauth/authorize", github.url), &query)
}

pub async fn exchange(browser: &Client, github: &GitHub, code: &str, more: &[(&str, &str)]) -> Value {
    let response = exchange_raw(browser, github, code, more).header("Accept", "application/json").send().await.unwrap();
    assert_eq!(response.status(), 200);
    response.json().await.unwrap()
}

fn exchange_raw(browser: &Client, github: &GitHub, code: &str, more: &[(&str, &str)]) -> reqwest::RequestBuilder {
    let callback = callback();
    let mut form = vec![
        ("client_id", github.client_id.as_str()),
        ("client_secret", github.client_secret.as_str()),
        ("code", code),
        ("redirect_uri", callback.as_str()),
        ("code_verifier", VERIFIER),
    ];
    for (name, value) in more {
        form.retain(|(known, _)| known != name);
        form.push((name, value));
    }
    browser.post(format!("{}/login/oauth/access_token", github.url)).form(&form)
}

/// Signs this person in and gives the token.
pub async fn token_of(browser: &Client, github: &GitHub, person: &str, scope: &str) -> String {
    let landing = allow(browser, &page(github, &[("scope", scope)]), person).await;
    let answer = exchange(browser, github, landing.get("code"), &[]).await;
    answer["access_token"].as_str().unwrap().to_owned()
}

pub async fn read(browser: &Client, github: &GitHub, path: &str, token: &str) -> (u16, Value) {
    let request = browser.get(format!("{}{path}", github.api_url)).bearer_auth(token);
    let response = request.header("Accept", "application/vnd.github+json").send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

#[tokio::test]
async fn a_person_signs_in() {
    let (github, browser) = (vendor(&Faults::default()).await, client());
    let landing = allow(&browser, &page(&github, &[]), "Ada Lovelace").await;
    assert_eq!(landing.at, callback());
    assert_eq!(landing.get("state"), "a state & more");
    let answer = exchange(&browser, &github, landing.get("code"), &[]).await;
    assert_eq!(answer["scope"], "read:user,user:email");
    assert_eq!(answer["token_type"], "bearer");
    let token = answer["access_token"].as_str().unwrap();
    assert!(token.starts_with("gho_"));

    let (status, user) = read(&browser, &github, "/user", token).await;
    assert_eq!((status, &user["login"], &user["name"]), (200, &"ada-lovelace".into(), &"Ada Lovelace".into()));
    assert_eq!(user["email"], "ada.lovelace@example.test");
    let (_, emails) = read(&browser, &github, "/user/emails", token).await;
    let primary: Vec<_> = emails.as_array().unwrap().iter().filter(|mail| mail["primary"] == true).collect();
    assert_eq!(primary.len(), 1);
    assert_eq!((&primary[0]["email"], &primary[0]["verified"]), (&user["email"], &true.into()));

    let picture = browser.get(user["avatar_url"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(picture.headers()["content-type"], "image/png");
    let bytes = picture.bytes().await.unwrap();
    assert_eq!(image::load_from_memory(&bytes).unwrap().width(), 96);
}

/// The `required` of `public-user` in GitHub's own OpenAPI description (@octokit/openapi 23.0.2).
#[tokio::test]
async fn a_user_has_every_field_the_schema_requires() {
    let required = "avatar_url events_url followers_url following_url gists_url gravatar_id html_url id node_id login \
        organizations_url received_events_url repos_url site_admin starred_url subscriptions_url type url bio blog \
        company email followers following hireable location name public_gists public_repos created_at updated_at";
    let (github, browser) = (vendor(&Faults::default()).await, client());
    let token = token_of(&browser, &github, "Grace Hopper", SCOPE).await;
    let (_, user) = read(&browser, &github, "/user", &token).await;
    for field in required.split_whitespace() {
        assert!(user.get(field).is_some(), "{field}");
    }
    assert!(user["id"].as_u64().unwrap() < 1 << 53);
    let (_, emails) = read(&browser, &github, "/user/emails", &token).await;
    for field in ["email", "primary", "verified", "visibility"] {
        assert!(emails[0].get(field).is_some(), "{field}");
    }
}

#[tokio::test]
async fn the_token_comes_as_a_form_to_those_who_do_not_ask_for_json() {
    let (github, browser) = (vendor(&Faults::default()).await, client());
    let landing = allow(&browser, &page(&github, &[]), "Ada Lovelace").await;
    let response = exchange_raw(&browser, &github, landing.get("code"), &[]).send().await.unwrap();
    assert!(response.headers()["content-type"].to_str().unwrap().starts_with("application/x-www-form-urlencoded"));
    assert!(response.text().await.unwrap().starts_with("access_token=gho_"));
}

#[tokio::test]
async fn a_replayed_code_is_refused_with_status_200() {
    let (github, browser) = (vendor(&Faults::default()).await, client());
    let landing = allow(&browser, &page(&github, &[]), "Ada Lovelace").await;
    let first = exchange(&browser, &github, landing.get("code"), &[]).await;
    assert!(first.get("error").is_none());
    let second = exchange(&browser, &github, landing.get("code"), &[]).await;
    assert_eq!(second["error"], "bad_verification_code");
    assert!(second.get("access_token").is_none() && second["error_uri"].is_string());
}

#[tokio::test]
async fn a_wrong_or_missing_verifier_secret_or_redirect_is_refused() {
    let (github, browser) = (vendor(&Faults::default()).await, client());
    let other = "another-verifier-that-is-long-enough-to-be-one-really";
    for (changed, error) in [
        (("code_verifier", other), "bad_verification_code"),
        (("code_verifier", ""), "bad_verification_code"),
        (("client_secret", "guessed"), "incorrect_client_credentials"),
        (("client_id", "guessed"), "incorrect_client_credentials"),
        (("redirect_uri", "http://lapidary.test:8080/v1/auth/github/callback/x"), "redirect_uri_mismatch"),
        (("code", "guessed"), "bad_verification_code"),
    ] {
        let landing = allow(&browser, &page(&github, &[]), "Ada Lovelace").await;
        let answer = exchange(&browser, &github, landing.get("code"), &[changed]).await;
        assert_eq!(answer["error"], error, "{changed:?}");
    }
}

#[tokio::test]
async fn a_redirect_that_is_not_registered_gets_no_code() {
    let (github, browser) = (vendor(&Faults::default()).await, client());
    for other in [
        "https://lapidary.test:8080/v1/auth/github/callback",
        "http://lapidary.test/v1/auth/github/callback",
        "http://evil.test:8080/v1/auth/github/callback",
        "http://lapidary.test:8080/v1/auth/github/callback/../../else",
        "http://lapidary.test:8080/v1/auth/github/callbackwards",
        "http://lapidary.test:8080@evil.test/v1/auth/github/callback",
    ] {
        let response = browser.get(page(&github, &[("redirect_uri", other)])).send().await.unwrap();
        let landing = crate::browser::Landing::of(&response);
        assert_eq!((landing.at, landing.query["error"].as_str()), (callback(), "redirect_uri_mismatch"), "{other}");
    }
    let below = format!("{}/deeper", callback());
    assert_eq!(allow(&browser, &page(&github, &[("redirect_uri", &below)]), "Ada").await.at, below);
    let unknown = browser.get(page(&github, &[("client_id", "guessed")])).send().await.unwrap();
    assert_eq!(unknown.status(), 404);
}

#[tokio::test]
async fn plain_pkce_is_refused() {
    let (github, browser) = (vendor(&Faults::default()).await, client());
    let response = browser.get(page(&github, &[("code_challenge_method", "plain")])).send().await.unwrap();
    assert_eq!(crate::browser::Landing::of(&response).get("error"), "invalid_request");
}

#[tokio::test]
async fn a_person_may_deny() {
    let (github, browser) = (vendor(&Faults::default()).await, client());
    let landing = deny(&browser, &page(&github, &[])).await;
    assert_eq!((landing.get("error"), landing.get("state")), ("access_denied", "a state & more"));
    assert!(landing.query.contains_key("error_description") && !landing.query.contains_key("code"));
}

#[tokio::test]
async fn the_page_prefills_who_is_hinted_and_escapes_it() {
    let (github, browser) = (vendor(&Faults::default()).await, client());
    let html = browser.get(page(&github, &[("login", "\"><b>ada")])).send().await.unwrap().text().await.unwrap();
    assert!(attribute(&html, "name=\"person\" value=\"").contains(&"\"><b>ada".to_owned()));
    assert!(!html.contains("<b>ada") && !html.contains("<script"));
    assert!(html.contains("Sandbox.") && html.contains("value=\"Linus Pauling\""));
}

#[tokio::test]
async fn a_known_person_is_one_button() {
    let (github, browser) = (vendor(&Faults::default()).await, client());
    let response = submit(&browser, &page(&github, &[]), &[("person", ""), ("known", "李清照")]).await;
    assert_eq!(crate::browser::Landing::of(&response).at, callback());
    let nobody = submit(&browser, &page(&github, &[]), &[("person", " "), ("decision", "allow")]).await;
    assert_eq!(nobody.status(), 422);
}

#[tokio::test]
async fn without_the_email_scope_addresses_are_not_found() {
    let (github, browser) = (vendor(&Faults::default()).await, client());
    let token = token_of(&browser, &github, "Ada Lovelace", "read:user").await;
    assert_eq!(read(&browser, &github, "/user", &token).await.0, 200);
    assert_eq!(read(&browser, &github, "/user/emails", &token).await.0, 404);
}

#[tokio::test]
async fn the_api_wants_a_token_and_a_user_agent() {
    let (github, browser) = (vendor(&Faults::default()).await, client());
    assert_eq!(read(&browser, &github, "/user", "gho_guessed").await.0, 401);
    let token = token_of(&browser, &github, "Ada Lovelace", SCOPE).await;
    let nameless = Client::builder().no_proxy().build().unwrap();
    let refused = nameless.get(format!("{}/user", github.api_url)).bearer_auth(token).send().await.unwrap();
    assert_eq!(refused.status(), 403);
}

#[tokio::test]
async fn addresses_come_in_pages() {
    let (github, browser) = (vendor(&Faults::default()).await, client());
    let token = token_of(&browser, &github, "Ada Lovelace", SCOPE).await;
    let url = format!("{}/user/emails?per_page=1", github.api_url);
    let first = browser.get(url).bearer_auth(&token).send().await.unwrap();
    let link = first.headers()["link"].to_str().unwrap().to_owned();
    let next = link.strip_prefix('<').unwrap().split('>').next().unwrap();
    let second: Value = browser.get(next).bearer_auth(&token).send().await.unwrap().json().await.unwrap();
    assert_eq!(second[0]["email"], "ada.lovelace@example.test");
}

#[tokio::test]
async fn people_with_quirks_have_them() {
    let (github, browser) = (vendor(&Faults::default()).await, client());
    for (person, verified, public) in [
        ("No verified mail", 0, false),
        ("E-mail not verified", 0, false),
        ("Second mail verified", 1, false),
        ("No public mail", 2, false),
        ("Telkes Mária", 2, true),
    ] {
        let token = token_of(&browser, &github, person, SCOPE).await;
        let (_, user) = read(&browser, &github, "/user", &token).await;
        let (_, emails) = read(&browser, &github, "/user/emails", &token).await;
        let counted = emails.as_array().unwrap().iter().filter(|mail| mail["verified"] == true).count();
        assert_eq!((counted, user["email"].is_string()), (verified, public), "{person}");
    }
}

#[tokio::test]
async fn a_dropped_vendor_leaves_its_port() {
    let github = vendor(&Faults::default()).await;
    let address = github.url.strip_prefix("http://").unwrap().to_owned();
    assert!(tokio::net::TcpStream::connect(&address).await.is_ok());
    drop(github);
    let gone = async {
        while tokio::net::TcpStream::connect(&address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), gone).await.unwrap();
}
