//! Every route of the served document beside everyone who must not come in: made from the document, so that a route which
//! is new is tried before anybody thinks of it.
use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use lapidary::auth::people;
use lapidary::auth::token::Subject;
use lapidary::config::PeopleAct;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::api_keys::{key_of, key_with};
use crate::harness::{self, TestApp};
use crate::isolation::{body_for, delivery_of, owned_by};
use crate::ledger_rows::actor;

/// Who needs no token. Written down once more: a door that was opened by mistake is open in the document, too.
const PUBLIC: [&str; 17] = [
    "GET /.well-known/jwks.json",
    "GET /v1/auth/providers",
    "GET /v1/auth/{provider}/callback",
    "GET /v1/auth/{provider}/login",
    "GET /v1/catalogue",
    "GET /v1/erasures/{token}",
    "GET /v1/gem-packs",
    "GET /v1/policies",
    "GET /v1/promises",
    "GET /v1/promises/data",
    "GET /v1/shared/{token}",
    "GET /v1/status",
    "POST /v1/auth/logout",
    "POST /v1/auth/refresh",
    "POST /v1/auth/separate-account",
    "POST /v1/quotes",
    "POST /v1/stripe/webhook",
];

/// One operation of the document.
struct Operation {
    method: Method,
    path: String,
    is_public: bool,
    scope: Option<String>,
    tags: Vec<String>,
}

async fn operations(app: &TestApp) -> Vec<Operation> {
    let document: Value = app.browser().get("/openapi.json").await.json();
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("methods").iter().filter(|(name, _)| *name != "parameters") {
            let security = operation["security"].as_array().cloned().unwrap_or_default();
            let scope = security.iter().find_map(|one| Some(one.get("api_key")?[0].as_str()?.to_owned()));
            let tags = operation["tags"].as_array().cloned().unwrap_or_default();
            all.push(Operation {
                method: method.to_uppercase().parse().expect("a method"),
                path: path.clone(),
                is_public: security.iter().any(|one| *one == json!({})),
                scope,
                tags: tags.iter().filter_map(|tag| tag.as_str().map(str::to_owned)).collect(),
            });
        }
    }
    assert!(all.len() >= 65, "only {} operations are documented", all.len());
    let open: BTreeSet<String> = all.iter().filter(|one| one.is_public).map(Operation::name).collect();
    assert_eq!(open, PUBLIC.map(str::to_owned).into(), "who needs no token was decided otherwise");
    all
}

impl Operation {
    fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// With ids of nobody, unless there is one.
    fn filled(&self, id: &str, delivery_id: &str) -> String {
        let mut path = self.path.replace("{id}", id).replace("{delivery_id}", delivery_id);
        while let (Some(from), Some(to)) = (path.find('{'), path.find('}')) {
            path.replace_range(from..=to, "github");
        }
        path
    }

    /// Status and problem; the body of a stream is not waited for.
    async fn ask(&self, app: &TestApp, token: Option<&str>, id: &str) -> (u16, String) {
        self.ask_about(app, token, id, id).await
    }

    async fn ask_about(&self, app: &TestApp, token: Option<&str>, id: &str, delivery_id: &str) -> (u16, String) {
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
        let mut request = client.request(self.method.clone(), format!("{}{}", app.url, self.filled(id, delivery_id)));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body_for(&self.path.replace("{id}", ""), &self.method, id) {
            request = request.json(&body);
        }
        let answer = request.header("Idempotency-Key", Uuid::now_v7().to_string()).send().await.expect("an answer");
        let status = answer.status().as_u16();
        let kind = answer.headers().get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        // Another wire has another shape, and the same words.
        if self.path.starts_with("/openai/") && kind == "application/json" {
            let error: Value = answer.json().await.expect("an error");
            let code = error["error"]["code"].as_str().unwrap_or_default().replace('_', "-");
            return (status, if code == "invalid-api-key" { "unauthenticated".into() } else { code });
        }
        if kind != "application/problem+json" {
            return (status, String::new());
        }
        let problem: Value = answer.json().await.expect("a problem");
        (status, problem["type"].as_str().unwrap_or_default().trim_start_matches("/problems/").to_owned())
    }
}

/// Asks every route but the public ones and these for what must be refused, and tells of each that was not.
async fn refused(app: &TestApp, token: Option<&str>, who: &str, but: &[&str], expected: (u16, &str)) {
    let nobody = Uuid::now_v7().to_string();
    let (mut open, mut passed_over) = (Vec::new(), BTreeSet::new());
    for operation in operations(app).await {
        let name = operation.name();
        if PUBLIC.contains(&name.as_str()) || but.contains(&name.as_str()) {
            passed_over.insert(name);
            continue;
        }
        let (status, slug) = operation.ask(app, token, &nobody).await;
        if (status, slug.as_str()) != expected {
            open.push(format!("{name}: {status} {slug}"));
        }
    }
    assert!(open.is_empty(), "{who} is not refused with what they should be:\n{}", open.join("\n"));
    assert_eq!(passed_over.len(), PUBLIC.len() + but.len(), "a route that {who} is not tried on is none any more");
}

fn all_scopes() -> Vec<&'static str> {
    lapidary_contract::Scope::ALL.map(lapidary_contract::Scope::name).to_vec()
}

const UNAUTHENTICATED: (u16, &str) = (401, "unauthenticated");

#[actix_web::test]
async fn nobody_comes_in_without_a_token_or_with_one_that_ended() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    refused(&app, None, "nobody", &[], UNAUTHENTICATED).await;
    let (me, now) = (actor(&person).await, app.app.clock.now());
    let session_id =
        sqlx::query_scalar("select id from sessions").fetch_one(&mut app.sql().await).await.expect("a session");
    let subject = Subject {
        person_id: me.person_id,
        account_id: me.account_id,
        session_id,
        is_confirmed: true,
        is_closing: false,
    };
    let signing = app.app.auth.keys.signing(&app.app.db, now).await.expect("a key");
    let expired = app.app.auth.tokens.issue(&signing, &subject, now - TimeDelta::minutes(11)).expect("a token");
    // Its age is all that is wrong with it.
    let fresh = app.app.auth.tokens.issue(&signing, &subject, now).expect("a token");
    let me =
        person.browser.client.get(person.browser.at("/v1/me")).bearer_auth(&fresh).send().await.expect("an answer");
    assert_eq!(me.status(), 200);
    refused(&app, Some(&expired), "an expired token", &[], UNAUTHENTICATED).await;
    let ended = Subject { session_id: Uuid::now_v7(), ..subject };
    let of_no_session = app.app.auth.tokens.issue(&signing, &ended, now).expect("a token");
    refused(&app, Some(&of_no_session), "a token of an ended session", &[], UNAUTHENTICATED).await;
}

#[actix_web::test]
async fn nobody_comes_in_with_a_key_that_was_revoked_or_has_expired() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let revoked = key_of(&person, &all_scopes()).await;
    person.delete(&format!("/v1/me/api-keys/{}", revoked.id)).await.expect_status(204);
    refused(&app, Some(&revoked.key), "a revoked key", &[], UNAUTHENTICATED).await;
    let soon = app.app.clock.now() + TimeDelta::minutes(1);
    let brief = json!({"name": "Brief", "scopes": all_scopes(), "expires_at": soon});
    let expired = key_with(&person, &brief).await;
    app.app.clock.advance(TimeDelta::minutes(1));
    refused(&app, Some(&expired.key), "an expired key", &[], UNAUTHENTICATED).await;
}

#[actix_web::test]
async fn a_suspended_person_comes_in_nowhere() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let person_id = actor(&person).await.person_id;
    let key = key_of(&person, &all_scopes()).await;
    assert!(people::apply(PeopleAct::Suspend { person_id }, &app.app.db, &app.app.clock).await.expect("suspended"));
    refused(&app, Some(&person.token), "a suspended person", &[], UNAUTHENTICATED).await;
    refused(&app, Some(&key.key), "a suspended person's key", &[], (403, "suspended")).await;
}

#[actix_web::test]
async fn a_key_without_the_scope_comes_in_nowhere_and_with_it_alone_everywhere() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let mut keys = BTreeMap::new();
    for scope in all_scopes() {
        let others: Vec<&str> = all_scopes().into_iter().filter(|other| *other != scope).collect();
        keys.insert(scope, (key_of(&person, &[scope]).await.key, key_of(&person, &others).await.key));
    }
    let every = key_of(&person, &all_scopes()).await.key;
    let nobody = Uuid::now_v7().to_string();
    let (mut wrong, mut scoped) = (Vec::new(), 0);
    for operation in operations(&app).await.iter().filter(|operation| !operation.is_public) {
        let missing = (403, "scope-missing".to_owned());
        let Some(scope) = &operation.scope else {
            if operation.ask(&app, Some(&every), &nobody).await != missing {
                wrong.push(format!("{} takes a key", operation.name()));
            }
            continue;
        };
        scoped += 1;
        let (alone, without) = &keys[scope.as_str()];
        if operation.ask(&app, Some(without), &nobody).await != missing {
            wrong.push(format!("{} opens without {scope}", operation.name()));
        }
        let (status, problem) = operation.ask(&app, Some(alone), &nobody).await;
        if matches!(status, 401 | 403 | 405) || status >= 500 && status != 502 {
            wrong.push(format!("{} does not open with {scope}: {status} {problem}", operation.name()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(scoped >= 40, "only {scoped} operations have a scope");
    app.work().await;
}

#[actix_web::test]
async fn a_key_of_somebody_else_finds_nothing_of_anothers() {
    let app = harness::start().await;
    let (owner, stranger) = (app.person("Ada Lovelace").await, app.person("Grace Hopper").await);
    let owned = owned_by(&app, &owner).await;
    let key = key_of(&stranger, &all_scopes()).await.key;
    let endpoint = owned.iter().find(|(part, _)| *part == "/webhook-endpoints/").expect("an endpoint");
    let delivery = delivery_of(&owner, &endpoint.1).await;
    let (mut found, mut tried) = (Vec::new(), 0);
    for operation in operations(&app).await {
        let is_ours = operation.scope.is_some() && operation.path.contains("{id}");
        let Some((_, id)) = owned.iter().find(|(part, _)| is_ours && operation.path.contains(part)) else {
            assert!(!is_ours, "{}: say in isolation::owned_by whose id it takes", operation.name());
            continue;
        };
        tried += 1;
        let got = operation.ask_about(&app, Some(&key), id, &delivery).await;
        if got != (404, "not-found".to_owned()) {
            found.push(format!("{}: {} {}", operation.name(), got.0, got.1));
        }
    }
    assert!(found.is_empty(), "a stranger's key is answered:\n{}", found.join("\n"));
    assert!(tried >= 20, "only {tried} routes were tried");
}

#[actix_web::test]
async fn whoever_has_not_confirmed_their_age_reaches_only_themselves() {
    let app = harness::start().await;
    let browser = app.browser();
    browser.sign_in("github", "Ada Lovelace").await;
    let token = browser.refresh().await.expect("a token");
    // `me` and the way out.
    let open = [
        "GET /v1/me",
        "PATCH /v1/me",
        "DELETE /v1/me",
        "GET /v1/me/erasure",
        "DELETE /v1/me/erasure",
        "GET /v1/me/sessions",
        "DELETE /v1/me/sessions",
        "DELETE /v1/me/sessions/{id}",
    ];
    refused(&app, Some(&token), "somebody without an age", &open, (403, "age-not-confirmed")).await;
}

#[actix_web::test]
async fn only_an_operator_comes_in_where_operators_do_and_no_key_does() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let key = key_of(&person, &all_scopes()).await.key;
    let nobody = Uuid::now_v7().to_string();
    let mut wrong = Vec::new();
    for operation in operations(&app).await {
        let is_operators = operation.tags.iter().any(|tag| tag == "operator");
        if is_operators != operation.path.starts_with("/v1/admin") {
            wrong.push(format!("{}: tag and path disagree", operation.name()));
        }
        if !is_operators {
            continue;
        }
        if operation.scope.is_some() || operation.is_public {
            wrong.push(format!("{} is not for operators alone", operation.name()));
        }
        if operation.ask(&app, Some(&person.token), &nobody).await != (403, "forbidden".to_owned()) {
            wrong.push(format!("{} lets anybody in", operation.name()));
        }
        if operation.ask(&app, Some(&key), &nobody).await != (403, "scope-missing".to_owned()) {
            wrong.push(format!("{} lets a key in", operation.name()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
