//! Where a journey takes place: the app with the built page, its worker when asked for, a Chromium; and the steps every
//! journey begins with. Ends the worker before the harness looks at the books.
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lapidary::app::App;
use lapidary::clock::Clock;
use lapidary::server::Application;
use lapidary::work::Background;
use lapidary_sandbox::identity::{github, oidc};

use crate::chrome::Chrome;
use crate::harness::{self, TestApp};
use crate::tab::Tab;

pub struct Stage {
    pub app: TestApp,
    pub chrome: Chrome,
    background: Option<Background>,
}

/// The folder of the built page. Without one every test fails: a page that is not there has not been seen to work.
fn page_dir() -> PathBuf {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../web/dist");
    let folder = std::env::var_os("PAGE_DIR").map_or(built, PathBuf::from);
    let is_built = folder.join("index.html").is_file();
    assert!(is_built, "There is no built page in {}: `cargo xtask test` builds it.", folder.display());
    folder
}

impl Stage {
    pub async fn set() -> Self {
        Self::set_with(&[]).await
    }

    /// One model is another provider's, which nobody asks here: while the first pauses, it can be chosen.
    pub async fn set_with_two_providers() -> Self {
        let model = "wire_model = \"gpt-image-2.5-sunburst\"";
        let shipped = include_str!("../../catalogue.toml");
        assert_eq!(shipped.matches(model).count(), 1, "the other model is another one");
        let two = shipped.replace(model, &format!("{model}\nbase_url = \"http://127.0.0.1:9/v1\""));
        let catalogue = std::env::temp_dir().join(format!("lapidary-{}.toml", uuid::Uuid::now_v7()));
        std::fs::write(&catalogue, two).expect("a catalogue");
        let stage = Self::set_with(&[format!("--catalogue-file={}", catalogue.display())]).await;
        std::fs::remove_file(catalogue).expect("it was read");
        stage
    }

    async fn set_with(extra: &[String]) -> Self {
        let mut settings = vec![format!("--page-dir={}", page_dir().display())];
        settings.extend_from_slice(extra);
        let app = harness::start_with(&settings).await;
        Self { app, chrome: Chrome::start().await, background: None }
    }

    pub fn start_work(&mut self) {
        self.background = Some(Background::start(Arc::clone(&self.app.app)));
    }

    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.app.url)
    }

    pub async fn clear(self) {
        drop(self.chrome);
        if let Some(background) = self.background {
            background.stop().await;
        }
        drop(self.app);
    }
}

/// Another process over the same database and bucket, at another address, with vendors that know it.
pub struct Elsewhere {
    pub url: String,
    pub providers: [String; 2],
    server: actix_web::dev::ServerHandle,
    background: Background,
    _vendors: (github::GitHub, oidc::Oidc),
}

impl Elsewhere {
    pub async fn start(app: &TestApp, host: &str) -> Self {
        let free = || TcpListener::bind("127.0.0.1:0").expect("a port");
        let listener = free();
        let url = format!("http://{host}:{}", listener.local_addr().expect("an address").port());
        let github = github::start(free(), &url, app.faults.clone()).await.expect("GitHub");
        let oidc = oidc::start(free(), &url, app.faults.clone(), None).await.expect("OIDC");
        let mut settings = app.app.settings.clone();
        settings.public_url = url.parse().expect("an address");
        settings.github_url = github.url.parse().expect("an address");
        settings.github_api_url = github.api_url.parse().expect("an address");
        settings.github_client_id = Some(github.client_id.clone());
        settings.github_client_secret = Some(github.client_secret.clone());
        settings.google_issuer = oidc.issuer.clone();
        settings.google_client_id = Some(oidc.client_id.clone());
        settings.google_client_secret = Some(oidc.client_secret.clone());
        // Work is the other process's; this one only tells what became of it.
        settings.worker_slots = 0;
        let providers = [github.url.clone(), oidc.issuer.clone()];
        let shared = App::build(settings, Clock::default()).await.expect("the app");
        let background = Background::start(Arc::clone(&shared));
        let application = Application::build(shared, listener, 2).expect("the server");
        let server = application.handle();
        actix_web::rt::spawn(application.serve());
        Self { url, providers, server, background, _vendors: (github, oidc) }
    }

    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    pub async fn stop(self) {
        self.background.stop().await;
        drop(self.server.stop(false));
    }
}

/// From the landing page through the provider's own page.
pub async fn sign_in(tab: &Tab, url: &str, provider: &str, person: &str) {
    tab.open(&format!("{url}/")).await;
    tab.press("link", "Make your first picture").await;
    tab.press("link", &format!("Continue with {provider}")).await;
    tab.press("textbox", "Who are you?").await;
    tab.write(person).await;
    tab.press("button", "Allow").await;
}

/// As somebody who is here for the first time: the question is answered, and the studio is there.
pub async fn enter(tab: &Tab, url: &str, provider: &str, person: &str) {
    sign_in(tab, url, provider, person).await;
    tab.press("button", "I am 13 or older").await;
    tab.see("textbox", "What do you want to see?").await;
}

/// Waits for the number in the pill.
pub async fn see_gems(tab: &Tab, gems: i64) {
    let word = if gems == 1 { "gem" } else { "gems" };
    tab.see("button", &format!("{gems} {word} left*")).await;
}

/// What the button says it costs.
pub async fn price_on_button(tab: &Tab) -> i64 {
    let name = tab.see("button", "Generate · *").await;
    let digits: String = name.chars().filter(char::is_ascii_digit).collect();
    digits.parse().unwrap_or_else(|_| panic!("no price in “{name}”"))
}

/// Waits until a link shows a picture with this text, loaded.
pub async fn see_picture(tab: &Tab, prompt: &str) {
    let shown = format!(
        "[...document.querySelectorAll('a img')].some((it) => it.alt === {} && it.complete && it.naturalWidth > 0)",
        serde_json::Value::from(prompt)
    );
    tab.until(&shown, &format!("a picture of “{prompt}” is shown")).await;
}
