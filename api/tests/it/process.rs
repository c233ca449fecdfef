//! The binary itself: it starts, says what is wrong in a sentence, logs nothing private and stops gracefully.
use std::fs::File;
use std::io::Read;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use uuid::Uuid;

use crate::harness::{self, Answer, TestApp};
use crate::logs;

pub const BINARY: &str = env!("CARGO_BIN_EXE_lapidary");

/// A second process on the database of a test app; killed when dropped.
pub struct Process {
    child: Child,
    pub url: String,
    log: PathBuf,
}

impl Process {
    pub async fn serve(app: &TestApp, extra: &[&str]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
        let log = log_file();
        let child = spawn(app, "serve", &[&[&*format!("--listen=127.0.0.1:{port}")], extra].concat(), &log);
        let process = Self { child, url: format!("http://127.0.0.1:{port}"), log };
        let client = reqwest::Client::new();
        let mut beat = tokio::time::interval(Duration::from_millis(50));
        for _ in 0..600 {
            beat.tick().await;
            if client
                .get(format!("{}/health/ready", process.url))
                .send()
                .await
                .is_ok_and(|answer| answer.status() == 200)
            {
                return process;
            }
        }
        panic!("it never became ready: {}", process.logged());
    }

    /// Without a server: it works off the queue from some moment on.
    pub fn work(app: &TestApp, extra: &[&str]) -> Self {
        Self::start(app, "work", extra)
    }

    /// Whatever becomes of it.
    pub fn start(app: &TestApp, command: &str, extra: &[&str]) -> Self {
        let log = log_file();
        Self { child: spawn(app, command, extra, &log), url: String::new(), log }
    }

    pub fn logged(&self) -> String {
        let mut text = String::new();
        File::open(&self.log).expect("a log").read_to_string(&mut text).expect("text");
        text
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &id]).status().expect("kill").success());
    }

    /// As a person at a keyboard does; nobody's balancer is waited for.
    pub async fn terminate(&mut self) -> ExitStatus {
        self.signal("INT");
        self.ended().await
    }

    pub async fn ended(&mut self) -> ExitStatus {
        let mut beat = tokio::time::interval(Duration::from_millis(50));
        for _ in 0..400 {
            beat.tick().await;
            if let Some(status) = self.child.try_wait().expect("a status") {
                return status;
            }
        }
        panic!("it did not stop within 20 seconds");
    }
}

/// Where all logs are searched at the end, this one is too.
fn log_file() -> PathBuf {
    logs::of_child().unwrap_or_else(|| std::env::temp_dir().join(format!("lapidary-{}.log", Uuid::now_v7())))
}

/// Later arguments of the same name replace earlier ones.
fn spawn(app: &TestApp, command: &str, extra: &[&str], log: &Path) -> Child {
    let name = |argument: &str| argument.split('=').next().unwrap_or_default().to_owned();
    let kept = app.arguments.iter().filter(|argument| !extra.iter().any(|new| name(new) == name(argument)));
    let mut process = Command::new(BINARY);
    process.arg(command).args(kept).args(extra).env("LOG_FILTER", logs::FILTER);
    process.stderr(File::create(log).expect("a log")).stdout(Stdio::null()).spawn().expect("a process")
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if logs::of_child().is_none() {
            let _ = std::fs::remove_file(&self.log);
        }
    }
}

#[actix_web::test]
async fn a_process_makes_pictures_logs_nothing_private_and_stops_with_open_streams() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let mut process = Process::serve(&app, &["--log-filter=debug"]).await;
    let mut stream = person.browser.client.get(format!("{}/v1/events", process.url)).bearer_auth(&person.token);
    stream = stream.timeout(Duration::from_secs(60));
    let mut stream = stream.send().await.expect("a stream");
    let request = person
        .browser
        .client
        .post(format!("{}/v1/generations", process.url))
        .bearer_auth(&person.token)
        .header("Idempotency-Key", "secret-key-7")
        .json(&json!({"prompt": "Zanzibarine quokka", "quality": "low"}));
    let queued = Answer::of(request.send().await).await.expect_status(202);
    let request_id = queued.header("x-request-id").to_owned();
    let mut text = String::new();
    while !text.contains("\"status\":\"succeeded\"") {
        let chunk = stream.chunk().await.expect("a chunk").expect("the stream goes on");
        text.push_str(&String::from_utf8_lossy(&chunk));
    }
    let image = person.get("/v1/images").await.json()["data"][0]["id"].as_str().expect("an id").to_owned();
    let path = format!("{}/v1/images/{image}/content", process.url);
    let content = person.browser.client.get(path).bearer_auth(&person.token).send().await;
    Answer::of(content).await.expect_status(303);
    assert!(process.terminate().await.success());
    while stream.chunk().await.is_ok_and(|chunk| chunk.is_some()) {}
    let log = process.logged();
    assert!(log.contains(&request_id), "the request's id leads to its log line");
    for secret in
        ["quokka", "ada.lovelace", "Amz-Signature", &person.token, "secret-key-7", "AAECAwQFBgc", &app.database_url]
    {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret} is in the log");
    }
}

#[actix_web::test]
async fn an_idle_process_serves_until_a_balancer_saw_that_it_is_not_ready_and_a_person_need_not_wait() {
    let app = harness::start().await;
    let client = reqwest::Client::builder().pool_max_idle_per_host(0).build().expect("a client");
    for (name, is_seen) in [("TERM", true), ("INT", false)] {
        let mut process = Process::serve(&app, &[]).await;
        process.signal(name);
        let began = Instant::now();
        let (mut beat, mut seen) = (tokio::time::interval(Duration::from_millis(50)), None);
        while let Ok(answer) = client.get(format!("{}/health/ready", process.url)).send().await {
            if answer.status() == 503 {
                seen = Some(began.elapsed());
                let live = client.get(format!("{}/health/live", process.url)).send().await;
                assert!(seen > Some(Duration::from_secs(2)) || live.is_ok_and(|live| live.status() == 200) || !is_seen);
            }
            beat.tick().await;
        }
        assert!(process.ended().await.success());
        assert_eq!(seen.is_some_and(|seen| seen > Duration::from_secs(2)), is_seen, "SIG{name}: {seen:?}");
    }
}

/// Runs it to its end and gives what it said.
fn refused(app: &TestApp, replace: &[&str]) -> String {
    let name = |argument: &str| argument.split('=').next().unwrap_or_default().to_owned();
    let kept = app.arguments.iter().filter(|argument| !replace.iter().any(|new| name(new) == name(argument)));
    // A port of its own: the usual one may be somebody's demo.
    let mut serve = Command::new(BINARY);
    serve.arg("serve").arg("--listen=127.0.0.1:0").args(kept).args(replace);
    let output = serve.output().expect("it runs");
    assert!(!output.status.success());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[actix_web::test]
async fn a_start_that_would_break_a_promise_is_refused_in_a_sentence() {
    let app = harness::start().await;
    let remote = "--database-url=postgres://someone:hunter2@db.example.org/lapidary?sslmode=require";
    let said = refused(&app, &[remote]);
    assert!(said.contains("sslmode=verify-full"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
    let said = refused(&app, &["--public-url=https://pictures.example.org"]);
    assert!(said.contains("SUPPORT_CONTACT"), "{said}");
    let said = refused(&app, &["--public-url=http://pictures.example.org", "--support-contact=help@example.org"]);
    assert!(said.contains("PUBLIC_URL must be https"), "{said}");
    let said = refused(&app, &["--master-key=short"]);
    assert!(said.contains("MASTER_KEY") && !said.contains("short"), "{said}");
}

#[actix_web::test]
async fn a_broken_catalogue_stops_the_start_with_file_line_and_reason() {
    let app = harness::start().await;
    let file = std::env::temp_dir().join(format!("catalogue-{}.toml", Uuid::now_v7()));
    std::fs::write(&file, "version = \"1\"\ndefault_model = \"x\"\nwelcome_gems = -\n").expect("a file");
    let said = refused(&app, &[&format!("--catalogue-file={}", file.display())]);
    assert!(said.contains(&format!("{}:3", file.display())), "{said}");
    std::fs::remove_file(&file).expect("removed");
}
