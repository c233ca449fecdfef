//! Exports: every datum of a person is in the zip, found from the database's catalogue; nothing of others and no secret is.
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use chrono::TimeDelta;
use lapidary::archives::{expire, run, work_queries};
use lapidary::images::orphans;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::archives::unzipped;
use crate::crash::number;
use crate::everything::{self, Row, busy, counted, leading, margaret, rows_of};
use crate::gallery::make_each;
use crate::harness::{self, Answer, Person, TestApp};
use crate::ledger_rows::actor;
use crate::sse::Events;

/// What stands in no file, and why; `*` is every column of the table, or every table with the column.
const LEFT_OUT: &[(&str, &str, &str)] = &[
    ("image_counts", "*", "sums over images, kept so that a list is quick"),
    ("revocations", "*", "tells processes that a session or key ended, which stands with it as revoked_at"),
    ("sign_in_attempts", "*", "ten minutes of one browser, before it is known who it is"),
    ("*", "fingerprint", "the hash of a request or a file"),
    ("*", "lease_until", "a process is at it"),
    ("*", "object_key", "where the bytes lie"),
    ("*", "object_prefix", "where the bytes lie; they are in the zip"),
    ("*", "upload_id", "an upload under way"),
    ("api_keys", "key_hash", "a hash of a secret"),
    ("audit_log", "operator_id", "somebody else"),
    ("gem_adjustments", "operator_id", "somebody else"),
    ("gem_adjustments", "idempotency_key", "the operator's own"),
    ("erasures", "attempt", "fences runs off from each other"),
    ("erasures", "erased_objects", "counted while the job is at it"),
    ("erasures", "erased_rows", "counted while the job is at it"),
    ("erasures", "next_try_at", "when the job may take it"),
    ("erasures", "token_hash", "a hash of a secret"),
    ("erasures", "tries", "counts of the job"),
    ("generations", "attempt", "fences runs off from each other"),
    ("generations", "available_at", "when the queue may take it"),
    ("generations", "call_fingerprint", "the hash of a request"),
    ("generations", "forgiven_attempts", "counts of the queue"),
    ("generations", "model_calls", "counts of the queue; what the model answered is there"),
    ("generations", "model_cuts", "counts of the queue"),
    ("generations", "model_failing_since", "when the queue may take it"),
    ("generations", "preview_key", "where bytes lay while it was made"),
    ("generations", "traceparent", "the operator's traces name no person"),
    ("image_archives", "attempt", "fences runs off from each other"),
    ("images", "cost_microusd", "what the operator paid the provider"),
    ("images", "cost_source", "what the operator paid the provider"),
    ("images", "erase_tried_at", "a job is at it"),
    ("images", "search", "the words of prompt and attributes, cut"),
    ("people", "picture_key", "where the bytes lie; they are in the zip"),
    ("purchases", "reading", "counts readings of the vendor"),
    ("purchases", "posted_reading", "counts readings of the vendor"),
    ("refresh_tokens", "hash", "a hash of a secret"),
    ("refresh_tokens", "predecessor", "a hash of a secret"),
    ("share_links", "token_hash", "a hash of a secret"),
    ("share_links", "token_sealed", "a secret"),
    ("webhook_secrets", "sealed", "a secret"),
];

/// Files that are called otherwise than their table.
const FILES: &[(&str, &str)] = &[
    ("account_links", "profile"),
    ("audit_log", "operator_acts"),
    ("gem_accounts", "gems"),
    ("gem_adjustments", "adjustments"),
    ("gem_transfers", "statement"),
    ("image_archives", "archives"),
    ("payment_customers", "profile"),
    ("people", "profile"),
    ("policy_acknowledgements", "policies"),
    ("reference_images", "references"),
    ("refresh_tokens", "session_renewals"),
    ("request_log", "requests"),
    ("webhook_secrets", "webhook_signing"),
];

fn is_left_out(table: &str, column: &str) -> bool {
    let fits = |listed: &str, name: &str| listed == "*" || listed == name;
    LEFT_OUT.iter().any(|(t, c, _)| fits(t, table) && fits(c, column))
}

async fn ask(person: &Person<'_>) -> String {
    let asked = person.post("/v1/me/exports", &json!({})).await.expect_status(202);
    let id = asked.json()["id"].as_str().expect("an id").to_owned();
    assert_eq!(asked.header("location"), format!("/v1/me/exports/{id}"));
    assert_eq!(asked.json()["status"], "queued");
    id
}

async fn read(person: &Person<'_>, id: &str) -> Value {
    person.get(&format!("/v1/me/exports/{id}")).await.expect_status(200).json()
}

async fn make_all(app: &TestApp) {
    while run::step(&app.app).await.expect("a step") {}
}

struct Zip {
    files: BTreeMap<String, Vec<u8>>,
}

impl Zip {
    async fn of(person: &Person<'_>, id: &str) -> Self {
        let export = read(person, id).await;
        assert_eq!(export["status"], "ready", "{export}");
        let saved = person.browser.get(export["url"].as_str().expect("a link")).await.expect_status(200);
        assert_eq!(export["bytes"].as_u64(), u64::try_from(saved.body.len()).ok());
        assert!(saved.header("content-disposition").starts_with("attachment; filename=\"lapidary-export-2"));
        Self { files: unzipped(&saved.body).into_iter().collect() }
    }

    fn text(&self, name: &str) -> &str {
        let bytes = self.files.get(name).unwrap_or_else(|| panic!("no {name} in {:?}", self.files.keys()));
        std::str::from_utf8(bytes).expect("UTF-8")
    }

    fn rows(&self, file: &str) -> Vec<Value> {
        serde_json::from_str(self.text(&format!("data/{file}.json"))).expect("JSON")
    }

    fn count(&self, folder: &str) -> usize {
        self.files.keys().filter(|name| name.starts_with(folder)).count()
    }

    /// Everything that is text.
    fn texts(&self) -> impl Iterator<Item = (&String, &str)> {
        let texts = self.files.iter().filter(|(name, _)| !name.contains('/') || name.starts_with("data/"));
        texts.filter_map(|(name, bytes)| Some((name, std::str::from_utf8(bytes).ok()?)))
    }
}

/// Python's own reader: the head, and how many lines follow.
fn csv(text: &str) -> (BTreeSet<String>, usize) {
    let path = std::env::temp_dir().join(format!("lapidary-{}.csv", Uuid::now_v7()));
    std::fs::write(&path, text).expect("a file");
    let program = "import csv, json, sys
rows = list(csv.reader(open(sys.argv[1], newline='', encoding='utf-8')))
assert all(len(row) == len(rows[0]) for row in rows), 'lines of unlike length'
print(json.dumps([rows[0], len(rows) - 1]))";
    let read = Command::new("python3").args(["-c", program]).arg(&path).output().expect("Python");
    std::fs::remove_file(&path).expect("removed");
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    serde_json::from_slice(&read.stdout).expect("JSON")
}

/// Of each row what the export owes: all but what is left out, and the ids that stand once in the profile.
fn owed(row: &Row, ids: &[String]) -> Vec<(String, Value)> {
    let is_owed = |column: &str, value: &Value| {
        let is_own_id = column != "id" && value.as_str().is_some_and(|text| ids.iter().any(|id| id == text));
        let stands_once = is_own_id && row.table != "account_links";
        !value.is_null() && !is_left_out(&row.table, column) && !stands_once
    };
    let columns = row.columns.iter().filter(|(column, value)| is_owed(column, value));
    columns.map(|(column, value)| (column.clone(), value.clone())).collect()
}

/// Every string of 8 letters and more, however deep.
fn strings(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) if text.len() >= 8 => drop(found.insert(text.clone())),
        Value::Array(all) => all.iter().for_each(|one| strings(one, found)),
        Value::Object(all) => all.values().for_each(|one| strings(one, found)),
        _ => {}
    }
}

fn strings_of(rows: &[Row], is_wanted: impl Fn(&str, &str) -> bool) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for row in rows {
        let wanted = row.columns.iter().filter(|(column, _)| is_wanted(&row.table, column));
        wanted.for_each(|(_, value)| strings(value, &mut found));
    }
    found
}

#[actix_web::test]
async fn an_export_holds_every_datum_of_its_person_and_nothing_of_anybody_else() {
    let app = harness::start().await;
    let margaret = margaret(&app).await;
    let grace = busy(&app, "Grace Hopper", &margaret).await;
    let ada = busy(&app, "Ada Lovelace", &margaret).await;
    let (me, other, third) = (actor(&ada).await, actor(&grace).await, actor(&margaret).await);
    let ids = [me.person_id.to_string(), me.account_id.to_string()];
    let export = ask(&ada).await;
    // What is at work by itself goes on changing while it is looked at.
    app.app.request_log.flush(&app.app.db).await.expect("written");
    let theirs = rows_of(&app, me.person_id).await;
    make_all(&app).await;
    let zip = Zip::of(&ada, &export).await;
    let used = counted(&theirs);
    let unused: Vec<String> =
        leading(&app).await.into_iter().filter(|table| !used.contains_key(table.as_str())).collect();
    let beyond_use = ["redeem_codes", "sign_in_attempts"];
    assert!(unused.iter().all(|table| beyond_use.contains(&table.as_str())), "nobody used {unused:?}");
    let (looked_at, missing) = look_for(&zip, &theirs, &ids);
    assert!(missing.is_empty(), "not in the export:\n{}", missing.join("\n"));
    assert!(looked_at > 400, "only {looked_at} data were looked at");
    // Each datum counts: another word in one row, and a table or a column that nobody thought of.
    let is_preset = |row: &&Row| row.table == "presets";
    let mut strange = theirs.iter().find(is_preset).expect("a preset").clone();
    for change in [("name", "presets"), ("colour", "presets"), ("name", "palettes")] {
        let mut row = strange.clone();
        row.columns.insert(change.0.into(), json!("zanzibarine"));
        row.table = change.1.into();
        assert_eq!(look_for(&zip, &[row], &ids).1.len(), 1, "{change:?} is not missed");
    }
    strange.table = "presets".into();
    assert_eq!(look_for(&zip, &[strange], &ids).1, Vec::<String>::new());
    nothing_of_others(&app, &zip, &[other.person_id, third.person_id], me.person_id).await;
    no_secret(&app, &zip).await;
    the_files_are_whole(&zip, &ada).await;
}

/// How many data were found, and what was not.
fn look_for(zip: &Zip, rows: &[Row], ids: &[String]) -> (usize, Vec<String>) {
    let (mut found, mut missing) = (0, Vec::new());
    for row in rows.iter().filter(|row| !is_left_out(&row.table, "*")) {
        // What is being made goes on while it is looked at.
        let is_making = row.table == "image_archives" && row.columns["status"] == "queued";
        let moves = |column: &str| is_making && ["status", "done_count"].contains(&column);
        let wanted: Vec<_> = owed(row, ids).into_iter().filter(|(column, _)| !moves(column)).collect();
        let file = FILES.iter().find(|(table, _)| *table == row.table).map_or(row.table.as_str(), |(_, file)| file);
        if !zip.files.contains_key(&format!("data/{file}.json")) {
            missing.push(format!("{}: no file", row.table));
            continue;
        }
        let has = |object: &Value, value: &Value| object.as_object().expect("a row").values().any(|one| one == value);
        let lacks = |object: &Value| -> Vec<String> {
            wanted.iter().filter(|(_, value)| !has(object, value)).map(|(column, _)| column.clone()).collect()
        };
        match zip.rows(file).iter().map(lacks).min_by_key(Vec::len) {
            Some(lacking) if lacking.is_empty() => found += wanted.len(),
            lacking => missing.push(format!("{}: {lacking:?}", row.table)),
        }
    }
    (found, missing)
}

async fn nothing_of_others(app: &TestApp, zip: &Zip, others: &[Uuid], me: Uuid) {
    let everything = |_: &str, _: &str| true;
    // Rows about this person name somebody else in these columns.
    let is_own = |table: &str, column: &str| {
        column != "operator_id" && (table, column) != ("gem_adjustments", "idempotency_key")
    };
    let own = strings_of(&rows_of(app, me).await, is_own);
    let mut foreign = BTreeSet::new();
    for other in others {
        foreign.extend(strings_of(&rows_of(app, *other).await, everything));
        foreign.insert(other.to_string());
    }
    let foreign: Vec<&String> = foreign.difference(&own).collect();
    assert!(foreign.len() > 100, "only {} foreign words", foreign.len());
    let is_known = |word: &str| zip.texts().any(|(_, text)| text.contains(word));
    assert!(is_known(&me.to_string()) && !is_known("Hopper") && !is_known("Hamilton"));
    for (name, text) in zip.texts() {
        let found: Vec<_> = foreign.iter().filter(|word| text.contains(word.as_str())).collect();
        assert!(found.is_empty(), "{name} holds of others: {found:?}");
    }
}

/// Whatever is stored as bytes is a hash or sealed.
async fn no_secret(app: &TestApp, zip: &Zip) {
    let hidden = everything::every_row(app).await;
    let hex = |value: &Value| value.as_str().and_then(|text| text.strip_prefix("\\x")).map(str::to_owned);
    let hidden: Vec<String> = hidden.iter().flat_map(|row| row.columns.values().filter_map(hex)).collect();
    assert!(hidden.len() > 20, "only {} hashes and seals", hidden.len());
    for (name, text) in zip.texts() {
        assert!(!hidden.iter().any(|secret| secret.len() > 8 && text.contains(secret.as_str())), "{name} holds a hash");
        for sign in ["lap_", "whsec_", "\\\\x"] {
            let start = text.matches(sign).count();
            // The first letters of a key are shown everywhere, so that its person recognises it.
            assert!(start == 0 || (sign == "lap_" && name.contains("api_keys")), "{name} holds {sign}");
        }
    }
}

async fn the_files_are_whole(zip: &Zip, ada: &Person<'_>) {
    let (images, trash) = (zip.count("images/"), zip.count("trash/"));
    assert_eq!(
        (images, trash, zip.count("references/"), zip.count("picture.")),
        (1, 1, 2, 1),
        "{:?}",
        zip.files.keys()
    );
    let manifest: Vec<Value> = serde_json::from_str(zip.text("manifest.json")).expect("JSON");
    assert_eq!(manifest.len(), images + trash);
    for line in &manifest {
        let image = ada.get(&format!("/v1/images/{}", line["id"].as_str().expect("an id"))).await;
        if image.status == 200 {
            let url = image.json()["url"].as_str().expect("a link").to_owned();
            let original = ada.browser.get(&url).await.expect_status(200);
            assert!(zip.files[line["file"].as_str().expect("a name")] == original.body, "{line}");
        }
    }
    assert_eq!(csv(zip.text("manifest.csv")).1, manifest.len());
    for name in zip.files.keys().filter_map(|name| name.strip_prefix("data/")?.strip_suffix(".json")) {
        let rows = zip.rows(name);
        let (head, lines) = csv(zip.text(&format!("data/{name}.csv")));
        assert_eq!(lines, rows.len(), "{name}");
        assert!(zip.text("README.txt").contains(&format!("  {name} ")), "{name}");
        for row in rows {
            let members: BTreeSet<String> = row.as_object().expect("a row").keys().cloned().collect();
            assert_eq!(members, head, "{name}");
        }
    }
}

#[actix_web::test]
async fn a_formula_in_a_prompt_does_not_run_in_the_spreadsheet_of_an_export() {
    let app = harness::start().await;
    let ada = app.person("Ada Lovelace").await;
    make_each(&ada, &["=HYPERLINK(\"x\")"]).await;
    let id = ask(&ada).await;
    make_all(&app).await;
    let zip = Zip::of(&ada, &id).await;
    assert_eq!(zip.rows("generations")[0]["prompt"], "=HYPERLINK(\"x\")");
    let text = zip.text("data/generations.csv");
    assert!(text.contains("\"'=HYPERLINK(\"\"x\"\")\""), "{text}");
}

#[actix_web::test]
async fn an_export_is_asked_for_once_made_once_told_and_limited() {
    let app = harness::start().await;
    let ada = app.person("Ada Lovelace").await;
    make_each(&ada, &["A fox", "A lighthouse"]).await;
    let post = async |path: &str, body: &Value| {
        let request = ada.request(reqwest::Method::POST, path).header("Idempotency-Key", "k");
        Answer::of(request.json(body).send().await).await.expect_status(202).json()
    };
    let image = ada.get("/v1/images").await.json()["data"][0]["id"].clone();
    let archive = post("/v1/image-archives", &json!({"image_ids": [image]})).await;
    let (first, second) = (post("/v1/me/exports", &json!({})).await, post("/v1/me/exports", &json!({})).await);
    assert_eq!(first["id"], second["id"], "a key is one of its route");
    assert_ne!(first["id"], archive["id"]);
    let mut stream = Events::open(&ada, "/v1/events", None).await;
    ask(&ada).await;
    stream.until(|event| event.is("export_changed") && event.data["export"]["status"] == "queued").await;
    let refused = ada.post("/v1/me/exports", &json!({})).await;
    assert_eq!(refused.header("retry-after"), "60");
    refused.expect_problem(429, "rate-limited");
    make_all(&app).await;
    stream.until(|event| event.is("export_changed") && event.data["export"]["status"] == "ready").await;
    let list = ada.get("/v1/me/exports").await.json();
    let all = list["data"].as_array().expect("exports");
    let ready =
        |export: &Value| (export["status"] == "ready", export["image_count"].as_i64(), export["done_count"].as_i64());
    assert_eq!(all.iter().map(ready).collect::<Vec<_>>(), [(true, Some(2), Some(2)); 2]);
    assert_eq!(ada.get("/v1/image-archives").await.json()["data"].as_array().map(Vec::len), Some(1));
    let id = first["id"].as_str().expect("an id");
    ada.get(&format!("/v1/image-archives/{id}")).await.expect_problem(404, "not-found");
    ada.delete(&format!("/v1/image-archives/{id}")).await.expect_problem(404, "not-found");
    let notices = ada.get("/v1/me/notices").await.json();
    let kinds: Vec<&Value> = notices["data"].as_array().expect("notices").iter().map(|one| &one["kind"]).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "export_ready").count(), 2, "{kinds:?}");
}

#[actix_web::test]
async fn an_export_whose_worker_is_killed_is_made_once_and_one_object_stays() {
    let app = harness::start().await;
    let ada = app.person("Ada Lovelace").await;
    make_each(&ada, &["A fox"]).await;
    let id = ask(&ada).await;
    let now = app.app.clock.now();
    let killed = work_queries::claim(app.app.db.house(), now, run::LEASE).await.expect("the queue").expect("a job");
    let mut upload = app.app.store.begin_upload(&killed.key(), "application/zip", 0).await.expect("an upload");
    upload.push(&vec![7; 9_000_000]).await.expect("a part");
    let upload_id = upload.id.clone();
    assert!(work_queries::note_upload(app.app.db.house(), &killed, Some(&upload_id)).await.expect("noted"));
    assert!(!run::step(&app.app).await.expect("a step"), "it is still leased");
    app.app.clock.advance(TimeDelta::seconds(61));
    assert!(run::step(&app.app).await.expect("a step"));
    upload.push(&vec![7; 9_000_000]).await.expect_err("the upload of the killed one was ended");
    assert!(!work_queries::beat(app.app.db.house(), &killed, 1, now).await.expect("a beat"), "it may not go on");
    let folder = format!("users/{}/exports/", actor(&ada).await.person_id);
    let keys = async || app.app.store.list(&folder, None, 100).await.expect("a list").objects.len();
    assert_eq!((keys().await, read(&ada, &id).await["done_count"].as_i64()), (1, Some(1)));
    assert_eq!(number(&app, "select count(*) from notices where kind = 'export_ready'").await, 1);
    app.app.clock.advance(TimeDelta::hours(25));
    let report = orphans::sweep(&app.app, false).await.expect("a sweep").expect("a report");
    assert_eq!((report.counts.deleted, report.counts.unknown), (0, 0), "the sweep of objects knows it");
    app.app.clock.advance(TimeDelta::days(7));
    expire::expire(&app.app, app.app.clock.now()).await.expect("it runs");
    let expired = "select count(*) from image_archives where status = 'expired' and object_key is null";
    assert_eq!((keys().await, number(&app, expired).await), (0, 1));
}

#[actix_web::test]
async fn a_deleted_export_is_gone_and_nobody_touches_anothers() {
    let app = harness::start().await;
    let (ada, grace) = (app.person("Ada Lovelace").await, app.person("Grace Hopper").await);
    let (made, unmade) = (ask(&ada).await, ask(&ada).await);
    let path = |id: &str| format!("/v1/me/exports/{id}");
    for _ in 0..2 {
        ada.delete(&path(&unmade)).await.expect_status(204);
    }
    make_all(&app).await;
    assert_eq!(read(&ada, &unmade).await["status"], "expired");
    grace.get(&path(&made)).await.expect_problem(404, "not-found");
    grace.delete(&path(&made)).await.expect_problem(404, "not-found");
    assert_eq!(grace.get("/v1/me/exports").await.json()["data"], json!([]));
    let link = read(&ada, &made).await["url"].as_str().expect("a link").to_owned();
    ada.delete(&path(&made)).await.expect_status(204);
    expire::expire(&app.app, app.app.clock.now()).await.expect("it runs");
    assert_eq!(ada.browser.get(&link).await.status, 404);
}
