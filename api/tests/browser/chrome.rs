//! A Chromium with a fresh profile of its own, ended and swept away with the test, also when that panics.
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::cdp::Cdp;
use crate::tab::{Look, Tab};

const START: Duration = Duration::from_secs(30);

pub struct Chrome {
    child: Child,
    profile: PathBuf,
    pub cdp: Cdp,
}

impl Chrome {
    pub async fn start() -> Self {
        let program = std::env::var_os("CHROME").unwrap_or_else(|| "chromium".into());
        let profile = std::env::temp_dir().join(format!("lapidary-chromium-{}", uuid::Uuid::now_v7().simple()));
        std::fs::create_dir_all(profile.join("downloads")).expect("a folder for the profile");
        let child = Command::new(&program)
            .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic"])
            .args(["--no-first-run", "--no-default-browser-check", "--disable-extensions", "--mute-audio"])
            .args(["--disable-backgrounding-occluded-windows", "--disable-renderer-backgrounding"])
            .args(["--disable-background-timer-throttling", "--force-color-profile=srgb", "--lang=en-US"])
            // A page that asks for another host gets no answer, and the test hears of it.
            .arg("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE *.localhost, EXCLUDE 127.0.0.1")
            .args(["--remote-debugging-port=0", "about:blank"])
            .arg(format!("--user-data-dir={}", profile.display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let child = child.unwrap_or_else(|why| {
            panic!("{} does not start ({why}): install Chromium or set CHROME to its path.", program.display())
        });
        let mut starting = Starting { child: Some(child), profile };
        let address = starting.address().await;
        let cdp = Cdp::connect(&address).await;
        let (child, profile) = starting.done();
        let chrome = Self { child, profile, cdp };
        let keep = json!({"behavior": "allow", "downloadPath": chrome.downloads(), "eventsEnabled": true});
        chrome.cdp.call(None, "Browser.setDownloadBehavior", keep).await.expect("downloads are kept");
        chrome
    }

    pub async fn tab(&self, look: Look) -> Tab {
        Tab::open_in(&self.cdp, look).await
    }

    /// The only file that was downloaded, when it is complete.
    pub async fn downloaded(&self) -> Vec<u8> {
        let until = Instant::now() + START;
        loop {
            let heard = self.cdp.heard_of_browser();
            let ended = heard.iter().find(|event| {
                event.method == "Browser.downloadProgress" && event.params["state"].as_str() != Some("inProgress")
            });
            if let Some(ended) = ended {
                assert_eq!(ended.params["state"], "completed", "the download broke off");
                let mut files = std::fs::read_dir(self.downloads()).expect("the folder");
                let file = files.next().expect("a file").expect("a file").path();
                assert!(files.next().is_none(), "more than one file was downloaded");
                return std::fs::read(file).expect("its bytes");
            }
            assert!(Instant::now() < until, "nothing was downloaded");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn downloads(&self) -> PathBuf {
        self.profile.join("downloads")
    }
}

impl Drop for Chrome {
    fn drop(&mut self) {
        end(&mut self.child, &self.profile);
    }
}

/// Ends the program too when it starts badly.
struct Starting {
    child: Option<Child>,
    profile: PathBuf,
}

impl Starting {
    /// Chromium writes its port and path into its profile when it listens.
    async fn address(&mut self) -> String {
        let until = Instant::now() + START;
        let file = self.profile.join("DevToolsActivePort");
        loop {
            if let Some((port, path)) =
                std::fs::read_to_string(&file).ok().as_deref().and_then(|it| it.split_once('\n'))
                && path.starts_with("/devtools")
            {
                return format!("ws://127.0.0.1:{port}{}", path.trim());
            }
            let ended = self.child.as_mut().and_then(|child| child.try_wait().ok().flatten());
            assert!(ended.is_none(), "Chromium ended while it started: {ended:?}");
            assert!(Instant::now() < until, "Chromium does not listen after {START:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn done(mut self) -> (Child, PathBuf) {
        (self.child.take().expect("it runs"), self.profile.clone())
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            end(child, &self.profile);
        }
    }
}

fn end(child: &mut Child, profile: &Path) {
    let _ = child.kill();
    let _ = child.wait();
    // Its children may still be writing for a moment.
    for _ in 0..20 {
        if std::fs::remove_dir_all(profile).is_ok() {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}
