//! What everything under test says in its logs, kept for the search at the end of `cargo xtask test`: which names no secret that
//! passed here. Without LAPIDARY_TEST_LOGS nothing is kept.
use std::collections::HashSet;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock};

use serde_json::Value;
use sqlx::PgConnection;
use tracing_subscriber::EnvFilter;

/// Everything of ours, and what others say to whoever looks for a fault; the sandbox's vendors and the tests' own browsers are
/// not ours.
pub const FILTER: &str =
    "debug,lapidary=trace,lapidary_sandbox=off,s3s=off,s3s_fs=off,chromiumoxide=off,cookie_store=off";

/// Shorter ones stand in lines by accident, and so does a single word that is not long.
const SECRET_MIN: usize = 5;
const WORD_MIN: usize = 10;

fn folder() -> Option<PathBuf> {
    std::env::var_os("LAPIDARY_TEST_LOGS").map(PathBuf::from)
}

/// Where a process under test is to write; none: nobody looks.
pub fn of_child() -> Option<PathBuf> {
    Some(folder()?.join(format!("child-{}.log", uuid::Uuid::now_v7())))
}

/// Once a test binary: whatever runs inside of it is heard from now on.
pub fn listen() {
    static HEARD: OnceLock<()> = OnceLock::new();
    HEARD.get_or_init(|| {
        let Some(folder) = folder() else { return };
        let file = File::create(folder.join(format!("tests-{}.log", std::process::id()))).expect("a log");
        let written = tracing_subscriber::fmt()
            .json()
            .with_span_list(false)
            .with_env_filter(EnvFilter::new(FILTER))
            .with_writer(Mutex::new(file))
            .try_init();
        written.expect("nobody else hears");
    });
}

/// What is known so far, and where it is written.
type Kept = (HashSet<String>, File);

/// `value` must never be in a log; `kind` says what it is where it is found.
pub fn keep(kind: &str, value: &str) {
    static KEPT: OnceLock<Option<Mutex<Kept>>> = OnceLock::new();
    let kept = KEPT.get_or_init(|| {
        let path = folder()?.join(format!("secrets-{}.txt", std::process::id()));
        Some(Mutex::new((HashSet::new(), File::create(path).expect("a list"))))
    });
    let Some(kept) = kept else { return };
    // A log line escapes these: the longest piece without them says enough.
    let pieces = value.split(|c: char| c == '"' || c == '\\' || c.is_control());
    let Some(piece) = pieces
        .max_by_key(|piece| piece.len())
        .filter(|piece| piece.len() >= WORD_MIN || (piece.len() >= SECRET_MIN && piece.contains(' ')))
    else {
        return;
    };
    let mut kept = kept.lock().expect("the list");
    if kept.0.insert(piece.to_owned()) {
        writeln!(kept.1, "{kind}\t{piece}").expect("written");
    }
}

/// Of `--name=value`, what nobody else may know.
pub fn keep_of_settings(arguments: &[String]) {
    for name in
        ["master-key", "s3-secret-access-key", "client-secret", "api-key", "stripe-secret-key", "webhook-secret"]
    {
        let given = arguments.iter().filter(|flag| flag.contains(name)).filter_map(|flag| flag.split_once('='));
        given.for_each(|(_, value)| keep("a secret of the settings", value));
    }
}

/// What an answer gave only to whoever asked.
pub fn keep_of_answer(headers: &reqwest::header::HeaderMap, body: &[u8]) {
    if folder().is_none() {
        return;
    }
    for cookie in headers.get_all("set-cookie").iter().filter_map(|value| value.to_str().ok()) {
        let value = cookie.split(';').next().and_then(|pair| pair.split_once('='));
        keep("a cookie", value.map_or("", |(_, value)| value));
    }
    if let Ok(Value::Object(object)) = serde_json::from_slice::<Value>(body) {
        for (name, kind) in
            [("access_token", "an access token"), ("key", "an API key"), ("secret", "a webhook's secret")]
        {
            if let Some(value) = object.get(name).and_then(Value::as_str).filter(|value| value.len() > 20) {
                keep(kind, value);
            }
        }
    }
}

/// What people told this database.
pub async fn keep_of_database(sql: &mut PgConnection) {
    if folder().is_none() {
        return;
    }
    for (kind, text) in [
        ("a prompt", "select prompt from generations union select composed_prompt from generations"),
        (
            "a prompt",
            "select prompt from refinements union select revised_prompt from images where revised_prompt is not null",
        ),
        ("an address", "select email from people union select email from identities"),
        ("an address", "select billing_email from purchases where billing_email is not null"),
        ("a name", "select name from people where name is not null"),
        ("a title", "select name from collections union select name from presets"),
        ("a webhook's address", "select url from webhook_endpoints"),
    ] {
        let found: Vec<String> = sqlx::query_scalar(text).fetch_all(&mut *sql).await.unwrap_or_default();
        found.iter().for_each(|value| keep(kind, value));
    }
}
