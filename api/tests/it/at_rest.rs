//! What rests: secrets as hashes or sealed, looked for in every column of every table; seals that follow MASTER_KEY; and
//! objects, each of them encrypted.
use std::collections::BTreeSet;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::{digest, hmac};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use lapidary::archives::run;
use lapidary::auth::Auth;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use crate::api_keys::key_of;
use crate::everything::{busy, every_row, margaret, tables};
use crate::harness::{self, Person, TestApp};

/// The harness's MASTER_KEY, and one that replaces it.
const MASTER_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const NEW_KEY: &str = "//////////////////////////////////////////8=";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bytes {
    /// SHA-256, or a keyed hash.
    Hash,
    /// By MASTER_KEY, under this label and the column that names it.
    Sealed(&'static str, &'static str),
    /// Everyone may know it.
    Public,
}

/// What each column of bytes holds: a new one must say so here.
const COLUMNS: &[(&str, &str, Bytes)] = &[
    ("api_keys", "key_hash", Bytes::Hash),
    ("erasures", "token_hash", Bytes::Hash),
    ("gem_adjustments", "fingerprint", Bytes::Hash),
    ("generations", "call_fingerprint", Bytes::Hash),
    ("generations", "fingerprint", Bytes::Hash),
    ("image_archives", "fingerprint", Bytes::Hash),
    ("pending_identities", "browser_hash", Bytes::Hash),
    ("policy_versions", "text_hash", Bytes::Hash),
    ("purchases", "fingerprint", Bytes::Hash),
    ("redeem_codes", "code_hash", Bytes::Hash),
    ("reference_images", "fingerprint", Bytes::Hash),
    ("refinements", "fingerprint", Bytes::Hash),
    ("refresh_tokens", "hash", Bytes::Hash),
    ("refresh_tokens", "predecessor", Bytes::Hash),
    ("sealed_keys", "sealed", Bytes::Sealed("", "id")),
    ("share_links", "token_hash", Bytes::Hash),
    ("share_links", "token_sealed", Bytes::Sealed("share link ", "id")),
    ("sign_in_attempts", "browser_hash", Bytes::Hash),
    ("sign_in_attempts", "state_hash", Bytes::Hash),
    ("signing_keys", "public_key", Bytes::Public),
    ("signing_keys", "sealed", Bytes::Sealed("", "id")),
    ("webhook_secrets", "sealed", Bytes::Sealed("webhook ", "endpoint_id")),
    ("welcome_marks", "hash", Bytes::Hash),
];

/// As the README says it is sealed, with none of our code: AES-256-GCM, the nonce first, the label as associated data.
fn opened(master: &str, label: &str, sealed: &[u8]) -> Option<Vec<u8>> {
    let master = hmac::Key::new(hmac::HMAC_SHA256, &STANDARD.decode(master).expect("base64"));
    let key = hmac::sign(&master, b"lapidary signing keys");
    let key = RandomizedNonceKey::new(&AES_256_GCM, key.as_ref()).expect("a key");
    let (nonce, cipher) = sealed.split_at_checked(NONCE_LEN)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).expect("a nonce");
    Some(key.open_in_place(nonce, Aad::from(label), &mut cipher.to_vec()).ok()?.to_vec())
}

fn bytes_of(value: &Value) -> Option<Vec<u8>> {
    let hex = value.as_str()?.strip_prefix("\\x")?;
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("digits");
    Some((0..hex.len()).step_by(2).map(byte).collect())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Every way in which somebody may have written it down.
fn spelled(secret: &[u8]) -> Vec<String> {
    let mut all = vec![hex(secret), STANDARD_NO_PAD.encode(secret), URL_SAFE_NO_PAD.encode(secret)];
    all.extend(std::str::from_utf8(secret).map(str::to_owned));
    // As text, and as the bytes of that text.
    let as_bytes: Vec<String> = all.iter().map(|text| hex(text.as_bytes())).collect();
    all.extend(as_bytes);
    all
}

/// What every seal of the database holds; panics where one does not open.
async fn unsealed(app: &TestApp, master: &str) -> Vec<(String, Vec<u8>)> {
    let mut secrets = Vec::new();
    for row in every_row(app).await {
        for (table, column, kind) in COLUMNS.iter().filter(|(table, ..)| *table == row.table) {
            let Bytes::Sealed(prefix, named_by) = kind else { continue };
            // A key that signs no more is opened by nobody, and goes after a day.
            if row.columns.get("retired_at").is_some_and(|at| !at.is_null()) {
                continue;
            }
            let label = format!("{prefix}{}", row.columns[*named_by].as_str().expect("an id"));
            let sealed = bytes_of(&row.columns[*column]).expect("bytes");
            let plain = opened(master, &label, &sealed).unwrap_or_else(|| panic!("{table}.{column} is not sealed"));
            secrets.push((format!("{table}.{column}"), plain));
        }
    }
    secrets
}

/// One secret of each kind, as only its owner ever saw it.
async fn known_secrets(person: &Person<'_>) -> Vec<(String, Vec<u8>)> {
    let key = key_of(person, &["me:read"]).await.key;
    let refreshed = person.browser.post_ours("/v1/auth/refresh").await.expect_status(200);
    let cookie = refreshed.header("set-cookie").split(';').next().and_then(|pair| pair.split_once('='));
    let token = cookie.expect("a cookie").1.to_owned();
    let image = person.get("/v1/images").await.json()["data"][0]["id"].as_str().expect("an image").to_owned();
    let share = person.post(&format!("/v1/images/{image}/shares"), &json!({})).await.expect_status(201).json();
    let share = share["url"].as_str().and_then(|url| url.rsplit('/').next()).expect("a link").to_owned();
    let hook = json!({"url": "http://127.0.0.1:9/other"});
    let hook = person.post("/v1/webhook-endpoints", &hook).await.expect_status(201).json();
    let signing = hook["secret"].as_str().and_then(|text| text.strip_prefix("whsec_")).expect("a secret");
    let signing = STANDARD.decode(signing).expect("base64");
    vec![
        ("an API key".into(), key.into_bytes()),
        ("a refresh token".into(), token.into_bytes()),
        ("a share link".into(), share.into_bytes()),
        ("a webhook's secret".into(), signing),
    ]
}

#[actix_web::test]
async fn no_secret_stands_in_any_column_of_any_table_but_hashed_or_sealed() {
    let app = harness::start().await;
    let margaret = margaret(&app).await;
    let ada = busy(&app, "Ada Lovelace", &margaret).await;
    let known = known_secrets(&ada).await;
    app.app.request_log.flush(&app.app.db).await.expect("written");
    let sealed = unsealed(&app, MASTER_KEY).await;
    for (name, secret) in &known[2..] {
        assert!(sealed.iter().any(|(_, plain)| plain == secret), "{name} is sealed nowhere");
    }
    let rows: Vec<(String, String)> = every_row(&app)
        .await
        .into_iter()
        .map(|row| (row.table.clone(), serde_json::to_string(&row.columns).expect("JSON")))
        .collect();
    for (name, secret) in &known[..2] {
        let hashed = hex(digest::digest(&digest::SHA256, secret).as_ref());
        assert!(rows.iter().any(|(_, text)| text.contains(&hashed)), "{name} is not hashed, or otherwise");
    }
    assert!(sealed.len() >= 5, "only {} seals", sealed.len());
    let all: Vec<_> = known.iter().chain(&sealed).collect();
    assert_eq!(told(&all, &rows), Vec::<String>::new());
    // However it is written down, it is found.
    for (name, secret) in &all {
        for spelling in spelled(secret) {
            let row = ("presets".to_owned(), format!("{{\"name\":\"x{spelling}\"}}"));
            assert!(!told(&[&(name.clone(), secret.clone())], &[row]).is_empty(), "{name}");
        }
    }
}

/// Secrets that stand somewhere for everyone to read.
fn told(secrets: &[&(String, Vec<u8>)], rows: &[(String, String)]) -> Vec<String> {
    let mut told = Vec::new();
    for (name, secret) in secrets {
        for spelling in spelled(secret) {
            let found = rows.iter().filter(|(_, text)| text.contains(&spelling));
            told.extend(found.map(|(table, _)| format!("{name} in {table}")));
        }
    }
    told
}

#[actix_web::test]
async fn every_column_of_bytes_says_what_it_holds() {
    let app = harness::start().await;
    let mut found = BTreeSet::new();
    for table in tables(&app).await {
        let columns = "select column_name::text from information_schema.columns
            where table_schema = 'public' and table_name = $1 and data_type in ('bytea', 'ARRAY') and udt_name like '%bytea'";
        let columns: Vec<String> = sqlx::query_scalar(AssertSqlSafe(columns.to_owned()))
            .bind(&table)
            .fetch_all(&mut app.sql().await)
            .await
            .expect("columns");
        found.extend(columns.into_iter().map(|column| (table.clone(), column)));
    }
    let listed: BTreeSet<(String, String)> =
        COLUMNS.iter().map(|(table, column, _)| ((*table).to_owned(), (*column).to_owned())).collect();
    assert_eq!(found, listed);
}

#[actix_web::test]
async fn a_replaced_master_key_seals_everything_anew_and_the_old_one_can_go() {
    let app = harness::start().await;
    let margaret = margaret(&app).await;
    busy(&app, "Ada Lovelace", &margaret).await;
    let before = unsealed(&app, MASTER_KEY).await;
    let kinds: BTreeSet<&str> = before.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(kinds.len(), 4, "{kinds:?}");
    let mut settings = app.app.settings.clone();
    settings.master_key_previous = Some(std::mem::replace(&mut settings.master_key, NEW_KEY.to_owned()));
    let both = Auth::build(&settings).expect("keys");
    both.keys.tend(&app.app.db, app.app.clock.now()).await.expect("sealed anew");
    assert_eq!(unsealed(&app, NEW_KEY).await, before, "what was sealed is another secret now");
}

#[actix_web::test]
async fn every_object_that_was_stored_is_encrypted() {
    let app = harness::start().await;
    let margaret = margaret(&app).await;
    let ada = busy(&app, "Ada Lovelace", &margaret).await;
    while run::step(&app.app).await.expect("a step") {}
    let mut folders = BTreeSet::new();
    for listed in app.app.store.list("", None, 1_000).await.expect("a list").objects {
        let key = listed.object.key;
        let link = app.app.store.presigned(&key).await.expect("a link");
        let answer = ada.browser.get(&link.url).await.expect_status(200);
        assert_eq!(answer.header("x-amz-server-side-encryption"), "AES256", "{key}");
        folders.extend(key.split('/').nth(2).map(str::to_owned));
    }
    for folder in ["images", "references", "picture", "archives", "exports"] {
        assert!(folders.contains(folder), "nothing lay in {folder}: {folders:?}");
    }
}
