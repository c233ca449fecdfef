//! Starts Lapidary as `serve` does, on port 0, with a database, a bucket and vendors of its own.
//! Dropping it asserts that the ledger is clean and that no lease is held: every test checks that for free.
use std::net::TcpListener;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use lapidary::app::App;
use lapidary::clock::Clock;
use lapidary::images::owner;
use lapidary::server::Application;
use lapidary::work::worker;
use lapidary::{config, db, gems};
use lapidary_sandbox::faults::{Fault, Faults};
use lapidary_sandbox::identity::{github, oidc};
use lapidary_sandbox::{openai, postgres, s3, stripe};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use crate::logs;

pub struct TestApp {
    pub url: String,
    pub app: Arc<App>,
    pub faults: Faults,
    pub github: github::GitHub,
    pub oidc: oidc::Oidc,
    pub openai: openai::OpenAi,
    pub stripe: stripe::Stripe,
    pub database_url: String,
    /// What it was started with, for a second process.
    pub arguments: Vec<String>,
    server: actix_web::dev::ServerHandle,
}

/// Instead of a setting: no key of the payment vendor.
pub const NOTHING_SOLD: &str = "nothing is sold";

/// Extra settings as `--flag=value`; they come before the usual ones.
pub async fn start_with(extra: &[String]) -> TestApp {
    logs::listen();
    let given = extra.iter().find_map(|flag| flag.strip_prefix("--database-url="));
    let database_url = given.map_or_else(fresh_database, str::to_owned);
    let storage = s3::shared_for_tests();
    let bucket = format!("test-{}", Uuid::now_v7().simple());
    storage.create_bucket(&bucket).expect("a bucket");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let url = format!("http://localhost:{port}");
    let faults = Faults::default();
    let free = || TcpListener::bind("127.0.0.1:0").expect("a port");
    let github = github::start(free(), &url, faults.clone()).await.expect("GitHub");
    let oidc = oidc::start(free(), &url, faults.clone(), None).await.expect("OIDC");
    let openai = openai::start(free(), faults.clone()).await.expect("OpenAI");
    let stripe = stripe::start(free(), &url, faults.clone(), None).await.expect("Stripe");
    let mut arguments = vec!["lapidary".to_owned()];
    arguments.extend(extra.iter().filter(|flag| *flag != NOTHING_SOLD).cloned());
    let mut set = |name: &str, value: &str| {
        let flag = format!("--{name}=");
        if !extra.iter().any(|given| given.starts_with(&flag)) {
            arguments.push(format!("{flag}{value}"));
        }
    };
    set("public-url", &url);
    set("database-url", &database_url);
    set("database-connections", "8");
    set("master-key", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
    set("s3-endpoint", &storage.url);
    set("s3-region", &storage.region);
    set("s3-bucket", &bucket);
    set("s3-access-key-id", &storage.access_key);
    set("s3-secret-access-key", &storage.secret_key);
    set("s3-force-path-style", "true");
    set("github-url", &github.url);
    set("github-api-url", &github.api_url);
    set("github-client-id", &github.client_id);
    set("github-client-secret", &github.client_secret);
    set("google-issuer", &oidc.issuer);
    set("google-client-id", &oidc.client_id);
    set("google-client-secret", &oidc.client_secret);
    set("openai-base-url", &openai.base_url);
    set("openai-api-key", &openai.api_key);
    if !extra.iter().any(|flag| flag == NOTHING_SOLD) {
        set("stripe-api-url", &stripe.url);
        set("stripe-secret-key", &stripe.secret_key);
        set("stripe-webhook-secret", &stripe.webhook_secret);
    }
    set("model-timeout-seconds", "60");
    // However slow the machine is, an answer in OpenAI's wire has its status, unless a test wants it otherwise.
    set("openai-silence-seconds", "600");
    set("running-per-person", "100");
    // Two hundred at once, and again, is no story of its own.
    for limit in ["spends-per-minute", "requests-per-minute", "requests-per-minute-signed-out"] {
        set(limit, "1000000");
    }
    set("webhooks-allow-private", "on");
    logs::keep_of_settings(&arguments);
    let settings = config::settings_from(&arguments).expect("settings");
    let arguments = arguments.split_off(1);
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let app = App::build(settings, Clock::default()).await.expect("the app");
    // As `migrate` does; some tests start with a storage that refuses it.
    drop(owner::claim(app.db.house(), &app.store).await);
    let application = Application::build(Arc::clone(&app), listener, 2).expect("the server");
    let server = application.handle();
    actix_web::rt::spawn(application.serve());
    TestApp { url, app, faults, github, oidc, openai, stripe, database_url, arguments, server }
}

pub async fn start() -> TestApp {
    start_with(&[]).await
}

impl TestApp {
    /// Runs the queue until nothing waits that may run now.
    pub async fn work(&self) {
        while worker::step(&self.app).await.expect("a step of the worker") {}
    }

    pub fn fault(&self, fault: Fault) {
        self.faults.set(fault);
    }

    /// As if no provider had ever failed.
    pub async fn forget_providers(&self) {
        sqlx::query("delete from providers").execute(&mut self.sql().await).await.expect("forgotten");
        self.app.providers.poll(&self.app).await.expect("the table");
    }

    /// A browser that has not signed in.
    pub fn browser(&self) -> Browser<'_> {
        let client = reqwest::Client::builder()
            .cookie_store(true)
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(30))
            .build()
            .expect("a client");
        Browser { app: self, client }
    }

    /// A confirmed person with the welcome gems.
    pub async fn person(&self, name: &str) -> Person<'_> {
        let browser = self.browser();
        let landed = browser.sign_in("github", name).await;
        assert_eq!(landed, "/studio", "{name} did not get in");
        let token = browser.refresh().await.expect("an access token");
        let person = Person { app: self, browser, token };
        person.patch("/v1/me", &json!({"age_confirmed": true})).await.expect_status(200);
        person
    }

    pub async fn sql(&self) -> PgConnection {
        PgConnection::connect(&self.database_url).await.expect("a connection")
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        let (url, server) = (self.database_url.clone(), self.server.clone());
        let audit = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let pool = sqlx::PgPool::connect(&url).await.expect("a connection");
                logs::keep_of_database(&mut pool.acquire().await.expect("a connection")).await;
                let faults = gems::audit::audit(&pool).await.expect("an audit");
                let leases = "select (select count(*) from generations where status = 'running')
                                + (select count(*) from refinements where status = 'running')";
                let leased: i64 = sqlx::query_scalar(leases).fetch_one(&pool).await.expect("a count");
                drop(server.stop(false));
                (faults, leased)
            })
        })
        .join();
        if std::thread::panicking() {
            return;
        }
        let (faults, leased) = audit.expect("the audit ran");
        assert!(faults.is_empty(), "the ledger is not clean: {faults:#?}");
        assert_eq!(leased, 0, "a lease is still held");
    }
}

pub struct Browser<'a> {
    pub app: &'a TestApp,
    pub client: reqwest::Client,
}

pub struct Person<'a> {
    pub app: &'a TestApp,
    pub browser: Browser<'a>,
    pub token: String,
}

/// What came back, whole.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub async fn of(response: Result<reqwest::Response, reqwest::Error>) -> Self {
        let response = response.expect("an answer");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await.expect("a body").to_vec();
        logs::keep_of_answer(&headers, &body);
        Self { status, headers, body }
    }

    #[track_caller]
    pub fn expect_status(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("not JSON: {}", String::from_utf8_lossy(&self.body)))
    }

    /// What has no body or another one is null.
    pub fn json_or_null(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Asserts a whole problem and gives its body.
    #[track_caller]
    pub fn expect_problem(self, status: u16, slug: &str) -> Value {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["type"], format!("/problems/{slug}"));
        assert_eq!(problem["status"], status);
        assert_eq!(problem["request_id"], self.header("x-request-id"));
        for member in ["title", "detail"] {
            assert!(!problem[member].as_str().unwrap_or_default().is_empty(), "{member} is empty");
        }
        problem
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

impl Browser<'_> {
    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(self.client.get(self.at(path)).send().await).await
    }

    pub fn at(&self, path: &str) -> String {
        if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.app.url) }
    }

    /// Through the provider's own page and back; the path and query it ends at.
    pub async fn sign_in(&self, provider: &str, person: &str) -> String {
        let callback = self.consent(&format!("/v1/auth/{provider}/login?return_to=/studio"), person).await;
        self.follow_callback(&callback).await
    }

    /// From our login link to the address the provider sends the browser back to.
    pub async fn consent(&self, login: &str, person: &str) -> String {
        let sent = self.get(login).await.expect_status(303);
        let authorize: url::Url = sent.header("location").parse().expect("an address");
        let mut form: Vec<(String, String)> = authorize.query_pairs().into_owned().collect();
        form.push(("person".into(), person.into()));
        form.push(("decision".into(), "allow".into()));
        let mut page = authorize.clone();
        page.set_query(None);
        let back = Answer::of(self.client.post(page).form(&form).send().await).await;
        assert!((302..=303).contains(&back.status), "{}", String::from_utf8_lossy(&back.body));
        back.header("location").to_owned()
    }

    pub async fn follow_callback(&self, callback: &str) -> String {
        let landed = self.get(callback).await.expect_status(303);
        landed.header("location").trim_start_matches(&self.app.url).to_owned()
    }

    pub async fn post_ours(&self, path: &str) -> Answer {
        let request = self.client.post(self.at(path)).header("X-Lapidary-Refresh", "1").header("Origin", &self.app.url);
        Answer::of(request.send().await).await
    }

    pub async fn refresh(&self) -> Option<String> {
        let answer = self.post_ours("/v1/auth/refresh").await;
        (answer.status == 200).then(|| answer.json()["access_token"].as_str().expect("a token").to_owned())
    }
}

impl Person<'_> {
    pub fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        self.browser.client.request(method, self.browser.at(path)).bearer_auth(&self.token)
    }

    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(reqwest::Method::GET, path).send().await).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        Answer::of(self.request(reqwest::Method::POST, path).json(body).send().await).await
    }

    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        Answer::of(self.request(reqwest::Method::PATCH, path).json(body).send().await).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        Answer::of(self.request(reqwest::Method::DELETE, path).send().await).await
    }

    pub async fn submit_with(&self, key: &str, body: &Value) -> Answer {
        let request = self.request(reqwest::Method::POST, "/v1/generations").header("Idempotency-Key", key);
        Answer::of(request.json(body).send().await).await
    }

    pub async fn submit(&self, body: &Value) -> Answer {
        self.submit_with(&Uuid::now_v7().to_string(), body).await
    }

    /// Submits, works the queue, and gives the generation as it then is.
    pub async fn make(&self, body: &Value) -> Value {
        let queued = self.submit(body).await.expect_status(202).json();
        self.app.work().await;
        self.generation(queued["id"].as_str().expect("an id")).await
    }

    pub async fn generation(&self, id: &str) -> Value {
        self.get(&format!("/v1/generations/{id}")).await.expect_status(200).json()
    }

    pub async fn gems(&self) -> Value {
        self.get("/v1/gems").await.expect_status(200).json()
    }

    pub async fn remaining(&self) -> i64 {
        self.gems().await["remaining"].as_i64().expect("a number")
    }
}

/// A copy of one migrated template: a tenth of a second instead of all migrations.
fn fresh_database() -> String {
    static TEMPLATE: OnceLock<(String, String)> = OnceLock::new();
    let (server, template) = TEMPLATE.get_or_init(|| {
        let server = postgres::shared_for_tests().to_owned();
        let name = format!("template_{}", Uuid::now_v7().simple());
        let made = (server.clone(), name.clone());
        blocking(async move {
            execute(&server, &format!("create database {name}")).await;
            let pool = sqlx::PgPool::connect(&named(&server, &name)).await.expect("a connection");
            db::MIGRATIONS.run(&pool).await.expect("migrations");
            pool.close().await;
        });
        made
    });
    let name = format!("test_{}", Uuid::now_v7().simple());
    let (at, statement) = (server.clone(), format!("create database {name} template {template}"));
    blocking(async move { execute(&at, &statement).await });
    named(server, &name)
}

async fn execute(url: &str, statement: &str) {
    let mut connection = PgConnection::connect(url).await.expect("a connection");
    // Two copies of one template at once are refused: PostgreSQL's `create database` takes its turn.
    sqlx::query("select pg_advisory_lock(4711)").execute(&mut connection).await.expect("a lock");
    sqlx::query(sqlx::AssertSqlSafe(statement.to_owned())).execute(&mut connection).await.expect("a database");
}

fn named(url: &str, database: &str) -> String {
    let mut url: url::Url = url.parse().expect("a url");
    url.set_path(database);
    url.to_string()
}

fn blocking(work: impl Future<Output = ()> + Send + 'static) {
    std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(work);
    })
    .join()
    .expect("it worked");
}
