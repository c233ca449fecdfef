//! `lapidary doctor`: everything right against the vendors of the sandbox, and one right sentence for each thing broken.
use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, HttpServer, web};
use chrono::TimeDelta;
use lapidary::clock::Clock;
use lapidary::config::{self, Settings};
use lapidary::doctor::{self, Finding, Mark};
use lapidary_sandbox::faults::{Fault, Faults};
use lapidary_sandbox::postgres;
use sqlx::{Connection, Executor, PgConnection};
use uuid::Uuid;

use crate::harness::{self, TestApp};

/// The test app's settings with some replaced.
pub fn settings(app: &TestApp, replace: &[&str]) -> Settings {
    let name = |argument: &str| argument.split('=').next().unwrap_or_default().to_owned();
    let kept = app.arguments.iter().filter(|argument| !replace.iter().any(|new| name(new) == name(argument)));
    let all: Vec<String> = std::iter::once("lapidary".to_owned())
        .chain(kept.cloned())
        .chain(replace.iter().map(|new| (*new).to_owned()))
        .collect();
    config::settings_from(&all).expect("settings")
}

pub async fn wrongs(app: &TestApp, replace: &[&str]) -> Vec<Finding> {
    let report = doctor::examine(settings(app, replace), Clock::default()).await;
    report.findings.into_iter().filter(|finding| finding.mark == Mark::Wrong).collect()
}

#[track_caller]
fn says(found: &[Finding], check: &str, words: &str) {
    assert!(
        found.iter().any(|finding| finding.check == check && finding.says.contains(words) && !finding.hint.is_empty()),
        "nothing of {check} says {words:?} and what to do: {found:#?}"
    );
}

#[actix_web::test]
async fn everything_is_right_with_the_vendors_of_the_sandbox() {
    let app = harness::start().await;
    app.person("Ada Lovelace").await;
    let report = doctor::examine(settings(&app, &[]), Clock::default()).await;
    assert_eq!(report.wrong(), 0, "{}", report.text());
    for check in [
        "settings",
        "catalogue",
        "database",
        "schema",
        "connection",
        "clock",
        "owner",
        "statements",
        "retention",
        "role",
        "isolation",
        "master key",
        "bucket",
        "encryption",
        "links",
        "moderation",
        "payments",
        "privacy",
        "versions",
        "storage clock",
        "github",
        "google",
        "model",
        "public url",
        "streams",
    ] {
        let right = |finding: &Finding| finding.check == check && finding.mark == Mark::Right;
        assert!(report.findings.iter().any(right), "{check} is not right: {}", report.text());
    }
    let said = report.text() + &report.json();
    for secret in
        [&app.database_url, "AAECAwQFBgcICQ", &app.openai.api_key, &app.github.client_secret, &app.stripe.secret_key]
    {
        assert!(!said.contains(secret), "{secret} was said");
    }
}

#[actix_web::test]
async fn a_payment_key_or_a_webhook_endpoint_that_is_not_right_is_told() {
    let app = harness::start().await;
    says(&wrongs(&app, &["--stripe-secret-key=sk_test_wrong"]).await, "payments", "does not answer");
    app.stripe.set_webhook_url("https://elsewhere.example/v1/stripe/webhook");
    says(&wrongs(&app, &[]).await, "payments", "no webhook endpoint is");
    app.stripe.set_webhook_url(&format!("{}/v1/stripe/webhook", app.url));
    app.stripe.alter("we_1SandboxLapidary0000001", serde_json::json!({"enabled_events": ["refund.created"]}));
    says(&wrongs(&app, &[]).await, "payments", "does not send checkout.session.completed");
    app.stripe.alter("we_1SandboxLapidary0000001", serde_json::json!({"enabled_events": ["*"], "status": "disabled"}));
    says(&wrongs(&app, &[]).await, "payments", "is disabled");
}

#[actix_web::test]
async fn a_database_that_does_not_let_us_in_is_told_in_a_sentence() {
    let app = harness::start().await;
    let mut url: url::Url = app.database_url.parse().expect("a url");
    url.set_path("nowhere");
    says(&wrongs(&app, &[&format!("--database-url={url}")]).await, "database", "no database of the name");
    url.set_port(Some(1)).expect("a port");
    url.set_password(Some("hunter2hunter2")).expect("a password");
    let found = wrongs(&app, &[&format!("--database-url={url}")]).await;
    says(&found, "database", "cannot be reached");
    assert!(!format!("{found:?}").contains("hunter2"));
}

#[actix_web::test]
async fn a_refused_login_is_told_without_saying_it() {
    let app = harness::start().await;
    let mut url: url::Url = app.database_url.parse().expect("a url");
    // The sandbox takes any password of a role it knows; PostgreSQL answers alike.
    url.set_username("nobody_here").expect("a name");
    url.set_password(Some("hunter2hunter2")).expect("a password");
    let found = wrongs(&app, &[&format!("--database-url={url}")]).await;
    says(&found, "database", "refuses the user or the password");
    assert!(!format!("{found:?}").contains("hunter2"));
}

#[actix_web::test]
async fn missing_migrations_are_counted() {
    let app = harness::start().await;
    let name = format!("empty_{}", Uuid::now_v7().simple());
    let mut sql = PgConnection::connect(postgres::shared_for_tests()).await.expect("a connection");
    sql.execute(sqlx::AssertSqlSafe(format!("create database {name}"))).await.expect("a database");
    let mut url: url::Url = app.database_url.parse().expect("a url");
    url.set_path(&name);
    let all = lapidary::db::MIGRATIONS.iter().count();
    let found = wrongs(&app, &[&format!("--database-url={url}")]).await;
    says(&found, "schema", &format!("{all} migrations are missing"));
}

#[actix_web::test]
async fn a_table_without_row_level_security_is_named() {
    let app = harness::start().await;
    app.sql().await.execute("alter table images disable row level security").await.expect("altered");
    says(&wrongs(&app, &[]).await, "isolation", "row-level security is off for images");
}

#[actix_web::test]
async fn a_policy_that_lets_strangers_in_is_found_out() {
    let app = harness::start().await;
    app.person("Ada Lovelace").await;
    for table in ["people", "gem_accounts", "account_links"] {
        let open = format!("create policy open on {table} to lapidary_person using (true)");
        app.sql().await.execute(sqlx::AssertSqlSafe(open)).await.expect("a policy");
        says(&wrongs(&app, &[]).await, "isolation", &format!("a stranger sees rows of {table}"));
        let closed = format!("drop policy open on {table}");
        app.sql().await.execute(sqlx::AssertSqlSafe(closed)).await.expect("no policy");
    }
}

#[actix_web::test]
async fn the_tables_owner_as_the_person_is_found_out() {
    let app = harness::start().await;
    let found = wrongs(&app, &[&format!("--database-person-url={}", app.database_url)]).await;
    says(&found, "isolation", "do not bind");
}

/// PostGIS' tables, or another application's in the same schema.
#[actix_web::test]
async fn tables_of_others_are_none_of_our_business() {
    let app = harness::start().await;
    let theirs = "create table spatial_ref_sys (srid int); grant all on spatial_ref_sys to public;
                  insert into spatial_ref_sys values (1)";
    app.sql().await.execute(theirs).await.expect("somebody else's table");
    let report = doctor::examine(settings(&app, &[]), Clock::default()).await;
    assert_eq!(report.wrong(), 0, "{}", report.text());
}

#[actix_web::test]
async fn a_machine_with_a_wrong_clock_is_told() {
    let app = harness::start().await;
    let report = doctor::examine(settings(&app, &[]), Clock::wrong_by(TimeDelta::minutes(5))).await;
    let wrong: Vec<Finding> = report.findings.into_iter().filter(|finding| finding.mark == Mark::Wrong).collect();
    says(&wrong, "clock", "by 300.0 seconds");
}

#[actix_web::test]
async fn a_missing_bucket_and_a_wrong_key_are_told_apart() {
    let app = harness::start().await;
    says(&wrongs(&app, &["--s3-bucket=not-there"]).await, "bucket", "there is no bucket not-there");
    let found = wrongs(&app, &["--s3-secret-access-key=hunter2hunter2"]).await;
    says(&found, "bucket", "does not know S3_ACCESS_KEY_ID");
    assert!(!format!("{found:?}").contains("hunter2"));
}

/// A store of its own, so that its faults strike nobody else.
pub async fn own_store(faults: &Faults) -> (lapidary_sandbox::s3::S3, Vec<String>, std::path::PathBuf) {
    let folder = std::env::temp_dir().join(format!("doctor-{}", Uuid::now_v7()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let store = lapidary_sandbox::s3::start(listener, folder.clone(), faults.clone()).await.expect("S3");
    store.create_bucket("own").expect("a bucket");
    let flags = vec![
        format!("--s3-endpoint={}", store.url),
        "--s3-bucket=own".to_owned(),
        format!("--s3-access-key-id={}", store.access_key),
        format!("--s3-secret-access-key={}", store.secret_key),
    ];
    (store, flags, folder)
}

#[actix_web::test]
async fn a_bucket_that_keeps_quiet_about_encryption_is_found_out() {
    let (app, faults) = (harness::start().await, Faults::default());
    let (_store, flags, folder) = own_store(&faults).await;
    faults.set(Fault::always("s3", "unencrypted_put"));
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    says(&wrongs(&app, &flags).await, "encryption", "does not say that it encrypts");
    std::fs::remove_dir_all(folder).expect("removed");
}

/// Whoever asks for anything gets it.
pub fn public_store() -> (String, ServerHandle) {
    let give = || async {
        HttpResponse::Ok().insert_header(("x-amz-server-side-encryption", "AES256")).body("Lapidary was here and left.")
    };
    served(move |config| {
        config.default_service(web::to(give));
    })
}

/// In front of an installation; gives an answer when it has all of it.
fn buffering_proxy(to: &str) -> (String, ServerHandle) {
    let to = web::Data::new(to.to_owned());
    let pass = |request: HttpRequest, to: web::Data<String>| async move {
        let answer = reqwest::get(format!("{}{}", to.as_str(), request.uri())).await.expect("an answer");
        let mut whole = HttpResponse::build(StatusCode::from_u16(answer.status().as_u16()).expect("a status"));
        for (name, value) in ["content-type", "x-request-id"].map(|name| (name, answer.headers().get(name))) {
            if let Some(value) = value {
                whole.insert_header((name, value.to_str().expect("text")));
            }
        }
        whole.body(answer.bytes().await.expect("all of it"))
    };
    served(move |config| {
        config.app_data(to.clone()).default_service(web::to(pass));
    })
}

fn served(configure: impl Fn(&mut web::ServiceConfig) + Send + Clone + 'static) -> (String, ServerHandle) {
    let server = HttpServer::new(move || actix_web::App::new().configure(configure.clone()));
    let server = server.workers(1).bind("127.0.0.1:0").expect("a port");
    let address = server.addrs().first().copied().expect("an address");
    let server = server.run();
    let handle = server.handle();
    actix_web::rt::spawn(server);
    (format!("http://{address}"), handle)
}

#[actix_web::test]
async fn a_public_bucket_is_found_out() {
    let app = harness::start().await;
    let (url, handle) = public_store();
    let found = wrongs(&app, &[&format!("--s3-endpoint={url}")]).await;
    says(&found, "privacy", "the bucket is public: anybody can read");
    handle.stop(false).await;
}

/// In front of the bucket: a page for whoever asks without a signature.
#[actix_web::test]
async fn a_gateways_page_is_no_public_bucket_and_no_private_one_either() {
    let app = harness::start().await;
    for status in [StatusCode::OK, StatusCode::NOT_FOUND, StatusCode::BAD_GATEWAY] {
        let page = move || async move { HttpResponse::build(status).body("<html>Welcome</html>") };
        let (url, handle) = served(move |config| {
            config.default_service(web::to(page));
        });
        let report = doctor::examine(settings(&app, &[&format!("--s3-public-endpoint={url}")]), Clock::default()).await;
        let about: Vec<&Finding> = report.findings.iter().filter(|finding| finding.check == "privacy").collect();
        assert!(about.iter().all(|finding| finding.mark == Mark::Odd) && about.len() == 1, "{status}: {about:?}");
        handle.stop(false).await;
    }
}

#[actix_web::test]
async fn a_bucket_key_that_may_not_write_beside_users_is_odd_and_one_that_cannot_delete_is_wrong() {
    let (app, faults) = (harness::start().await, Faults::default());
    let (_store, flags, folder) = own_store(&faults).await;
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    faults.set(Fault::always("s3", "refuse_put"));
    let report = doctor::examine(settings(&app, &flags), Clock::default()).await;
    assert_eq!(report.wrong(), 0, "{}", report.text());
    assert!(report.text().contains("! bucket: this key may not write to lapidary-doctor/"), "{}", report.text());
    faults.clear();
    faults.set(Fault::always("s3", "partial_delete").with("AccessDenied"));
    says(&wrongs(&app, &flags).await, "bucket", "cannot be deleted in a batch: AccessDenied");
    std::fs::remove_dir_all(folder).expect("removed");
}

#[actix_web::test]
async fn a_model_that_says_no_list_is_odd_and_so_is_a_restricted_key() {
    let app = harness::start().await;
    for (status, words) in [(StatusCode::OK, "is no list of models"), (StatusCode::FORBIDDEN, "list models")] {
        let page = move || async move { HttpResponse::build(status).body("<html>Welcome</html>") };
        let (url, handle) = served(move |config| {
            config.default_service(web::to(page));
        });
        let report = doctor::examine(settings(&app, &[&format!("--openai-base-url={url}/v1")]), Clock::default()).await;
        let odd = |finding: &Finding| finding.check == "model" && finding.mark == Mark::Odd;
        assert!(
            report.findings.iter().any(|finding| odd(finding) && finding.says.contains(words)),
            "{}",
            report.text()
        );
        let right = |finding: &Finding| finding.check == "model" && finding.mark == Mark::Right;
        assert!(!report.findings.iter().any(right), "{}", report.text());
        handle.stop(false).await;
    }
}

#[actix_web::test]
async fn an_endpoint_of_sign_in_in_the_clear_is_found_out() {
    let app = harness::start().await;
    let say = |request: HttpRequest| async move {
        let issuer = format!("http://{}", request.connection_info().host());
        HttpResponse::Ok().json(serde_json::json!({
            "issuer": issuer, "jwks_uri": format!("{issuer}/keys"), "keys": [{}],
            "authorization_endpoint": format!("{issuer}/authorize"), "token_endpoint": "http://idp.example.org/token",
        }))
    };
    let (url, handle) = served(move |config| {
        config.default_service(web::to(say));
    });
    says(&wrongs(&app, &[&format!("--google-issuer={url}")]).await, "google", "the token_endpoint of");
    handle.stop(false).await;
}

#[actix_web::test]
async fn what_watches_is_tried_too() {
    let app = harness::start().await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let listen = format!("--metrics-listen={}", taken.local_addr().expect("an address"));
    // Nobody listens at port 1; whoever holds the other port says nothing.
    let found = wrongs(&app, &["--otlp-endpoint=http://127.0.0.1:1", &listen]).await;
    says(&found, "traces", "nobody takes them");
    says(&found, "metrics", "cannot be listened on");
}

#[actix_web::test]
async fn a_proxy_that_holds_streams_back_is_found_out() {
    let app = harness::start().await;
    let (url, handle) = buffering_proxy(&app.url);
    let found = wrongs(&app, &[&format!("--public-url={url}")]).await;
    says(&found, "streams", "a proxy buffers event streams");
    handle.stop(false).await;
}

#[actix_web::test]
async fn another_databases_master_key_is_told_without_saying_it() {
    let app = harness::start().await;
    app.person("Ada Lovelace").await;
    let other = "ISEhISEhISEhISEhISEhISEhISEhISEhISEhISEhISE=";
    let found = wrongs(&app, &[&format!("--master-key={other}")]).await;
    says(&found, "master key", "MASTER_KEY does not open");
    assert!(!format!("{found:?}").contains(other));
    let ours = app.arguments.iter().find_map(|argument| argument.strip_prefix("--master-key=")).expect("a key");
    let flags = [format!("--master-key={other}"), format!("--master-key-previous={ours}")];
    let report = doctor::examine(settings(&app, &[&flags[0], &flags[1]]), Clock::default()).await;
    let odd = |finding: &Finding| finding.mark == Mark::Odd && finding.says.contains("sealed by MASTER_KEY_PREVIOUS");
    assert!(report.findings.iter().any(odd), "{}", report.text());
}

#[actix_web::test]
async fn a_wrong_model_key_and_a_wrong_issuer_are_told() {
    let app = harness::start().await;
    let found = wrongs(&app, &["--openai-api-key=sk-wrong-wrong-wrong"]).await;
    says(&found, "model", "refuses the key");
    assert!(!format!("{found:?}").contains("sk-wrong"));
    let found = wrongs(&app, &[&format!("--google-issuer={}/", app.oidc.issuer)]).await;
    says(&found, "google", "calls itself");
    says(&wrongs(&app, &["--google-issuer=http://127.0.0.1:1"]).await, "google", "no discovery");
    says(&wrongs(&app, &["--github-client-secret=hunter2hunter2"]).await, "github", "does not know this client");
}

#[actix_web::test]
async fn a_public_url_that_is_another_installation_is_found_out() {
    let (app, other) = (harness::start().await, harness::start().await);
    app.person("Ada Lovelace").await;
    other.person("Ada Lovelace").await;
    let found = wrongs(&app, &[&format!("--public-url={}", other.url)]).await;
    says(&found, "public url", "is a Lapidary with another database");
    let found = wrongs(&app, &[&format!("--public-url={}", app.openai.base_url.trim_end_matches("/v1"))]).await;
    says(&found, "public url", "is not Lapidary");
    let in_the_clear = app.url.replace("http://", "https://");
    let found = wrongs(&app, &[&format!("--public-url={in_the_clear}")]).await;
    says(&found, "public url", "does not answer");
    let report = doctor::examine(settings(&app, &["--public-url=http://localhost:1"]), Clock::default()).await;
    let odd = |finding: &Finding| finding.check == "public url" && finding.mark == Mark::Odd;
    assert!(report.findings.iter().any(odd), "not running is not wrong: {}", report.text());
}
