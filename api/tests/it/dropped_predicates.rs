//! The database isolates people even where a query forgets to: every SQL text of `.sqlx` without its person predicate,
//! run as somebody else, finds nothing. And whatever runs without that wall says here why.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sqlx::postgres::PgArguments;
use sqlx::{Arguments, AssertSqlSafe, Connection, Executor, PgConnection};
use uuid::Uuid;

use crate::harness::{self, TestApp};
use crate::isolation::{as_person, ids_of};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// `person_id = $1`, `account_id = $2`, `p.id = $1` on people … become true, with the parameter still typed.
fn without_predicates(sql: &str, parameters: &[String]) -> Option<String> {
    let mut text = sql.to_owned();
    let mut dropped = false;
    for (index, _) in parameters.iter().enumerate().filter(|(_, kind)| *kind == "Uuid") {
        for column in ["person_id", "account_id"] {
            let predicate = format!("{column} = ${}", index + 1);
            for prefix in ["t.", "g.", "i.", "s.", "c.", ""] {
                let whole = format!("{prefix}{predicate}");
                // `$1` must not strike `$10`.
                while let Some(at) = text.find(&whole) {
                    let end = at + whole.len();
                    if text[end..].starts_with(|next: char| next.is_ascii_digit()) {
                        break;
                    }
                    text.replace_range(at..end, &format!("${}::uuid is not null", index + 1));
                    dropped = true;
                }
            }
        }
    }
    dropped.then_some(text)
}

fn bind(parameters: &[String], uuids: &mut dyn FnMut() -> Uuid) -> Option<PgArguments> {
    let mut arguments = PgArguments::default();
    for kind in parameters {
        match kind.as_str() {
            "Uuid" => arguments.add(uuids()),
            "UuidArray" => arguments.add(vec![uuids()]),
            "Timestamptz" => arguments.add(chrono::DateTime::<chrono::Utc>::MAX_UTC),
            "Int8" => arguments.add(100_i64),
            "Int4" => arguments.add(100_i32),
            "Bool" => arguments.add(true),
            "Text" => arguments.add("key"),
            "Bytea" => arguments.add(vec![0_u8]),
            "Jsonb" => arguments.add(json!({})),
            _ => return None,
        }
        .expect("a parameter");
    }
    Some(arguments)
}

/// How many rows the statement gave or changed with each choice of the other person's ids.
async fn rows_of_others(sql: &mut PgConnection, text: &str, parameters: &[String], ids: &[Uuid]) -> Vec<u64> {
    let places = parameters.iter().filter(|kind| kind.starts_with("Uuid")).count().min(3);
    let mut found = Vec::new();
    for choice in 0..ids.len().pow(u32::try_from(places).expect("few")) {
        let mut rest = choice;
        let mut next = || {
            let id = ids[rest % ids.len()];
            rest /= ids.len();
            id
        };
        let Some(arguments) = bind(parameters, &mut next) else { return found };
        sql.execute("begin").await.expect("begin");
        let outcome = sqlx::query_with(AssertSqlSafe(text.to_owned()), arguments).fetch_all(&mut *sql).await;
        sql.execute("rollback").await.expect("rollback");
        match outcome {
            Ok(rows) => found.push(u64::try_from(rows.len()).expect("a number")),
            Err(error) => {
                let text = error.to_string();
                let refused = text.contains("permission denied") || text.contains("row-level security");
                assert!(refused || !text.contains("syntax"), "{text}");
            }
        }
    }
    found
}

async fn ids_owned(app: &TestApp, made: &Value) -> Vec<Uuid> {
    let (person, account) = ids_of(app, "ada.lovelace@example.test").await;
    let id = |value: &Value| value.as_str().expect("an id").parse().expect("a uuid");
    vec![
        person.parse().expect("a uuid"),
        account.parse().expect("a uuid"),
        id(&made["id"]),
        id(&made["images"][0]["id"]),
    ]
}

#[actix_web::test]
async fn every_query_without_its_person_predicate_finds_nothing_of_others() {
    let app = harness::start().await;
    let owner = app.person("Ada Lovelace").await;
    let made = owner.make(&json!({"prompt": "A fox", "quality": "low"})).await;
    let bought = crate::payments::buy(&owner, "pouch").await;
    let mut ids = ids_owned(&app, &made).await;
    ids.push(bought.id.parse().expect("a uuid"));
    ids.push(owner.reference(40, 30, 0).await.parse().expect("a uuid"));
    let (ada, ada_account) = ids_of(&app, "ada.lovelace@example.test").await;
    // Somebody who owns nothing at all: whatever is found is another's.
    let mut stranger = as_person(&app, &Uuid::now_v7().to_string(), &Uuid::now_v7().to_string()).await;
    let mut owner_sees = as_person(&app, &ada, &ada_account).await;
    let (mut tried, mut fruitful) = (0, 0);
    for entry in std::fs::read_dir(root().join(".sqlx")).expect(".sqlx") {
        let text = std::fs::read_to_string(entry.expect("an entry").path()).expect("a file");
        let query: Value = serde_json::from_str(&text).expect("JSON");
        let parameters: Vec<String> = query["describe"]["parameters"]["Left"]
            .as_array()
            .expect("parameters")
            .iter()
            .map(|kind| kind.as_str().unwrap_or("?").to_owned())
            .collect();
        let original = query["query"].as_str().expect("a query");
        if original.trim_start().starts_with("insert") || original.contains("set_config") {
            continue;
        }
        let Some(bare) = without_predicates(original, &parameters) else { continue };
        tried += 1;
        let stolen = rows_of_others(&mut stranger, &bare, &parameters, &ids).await;
        // Counts and coalesced maxima always give a row: what they say is looked at by the table scan in `isolation`.
        if !original.contains("count(")
            && !original.contains("coalesce(max(")
            && !original.contains("coalesce(sum(")
            && !original.contains("record_event(")
            && !original.contains("select exists")
        {
            assert!(stolen.iter().all(|rows| *rows == 0), "as a stranger: {bare}");
        }
        let own = rows_of_others(&mut owner_sees, &bare, &parameters, &ids).await;
        fruitful += usize::from(own.iter().any(|rows| *rows > 0));
    }
    assert!(tried >= 15, "only {tried} queries have a person predicate");
    assert!(fruitful >= 5, "the owner finds something by only {fruitful} of {tried}: the test looks past the data");
}

/// Files that use the pool which row-level security does not bind, and why they must.
const HOUSE: &[(&str, &str)] = &[
    ("archives/expire.rs", "a job for everybody's archives"),
    ("archives/make.rs", "the worker reads whoever's images it takes along"),
    ("archives/run.rs", "the worker makes whoever's archive waits"),
    ("auth/age.rs", "grants welcome gems and erases a child's account: neither is a right of the person role"),
    ("auth/api_keys/mod.rs", "whoever comes with a key is nobody we know: it is found by its hash"),
    ("auth/api_keys/uses.rs", "writes when everybody's keys were used"),
    ("auth/current_user.rs", "asks whether an age is confirmed before it is known who asks"),
    ("auth/key_command.rs", "the operator's command asks the database for the time"),
    ("auth/keys.rs", "signing keys belong to nobody"),
    ("auth/link.rs", "the provider's answer comes without an access token: the session is found by its cookie"),
    ("auth/mod.rs", "reads keys and revocations at start, and asks whether a stream's key still counts"),
    ("auth/people.rs", "the operator's commands"),
    ("auth/picture.rs", "stores the provider's picture while signing in"),
    ("auth/revocation.rs", "follows everybody's revocations"),
    ("auth/routes.rs", "signing in: nobody is signed in yet"),
    ("auth/session.rs", "refresh and sign-out find a session by a token's hash"),
    ("auth/sign_in.rs", "signing in: nobody is signed in yet"),
    ("catalogue/life.rs", "a job for the operator leaves its trace"),
    ("gems/code_command.rs", "the operator's commands"),
    ("gems/redeem.rs", "a code is looked up among all, and its gems are nobody's own to give"),
    ("generation/estimate.rs", "the place in the queue counts what others wait for, and shows nothing of them"),
    ("generation/give_up.rs", "ends whatever waited too long for a provider, whoever's it is"),
    ("generation/preview.rs", "the worker shows whoever's picture it makes"),
    ("generation/probe.rs", "one process of all asks a provider whether it is back"),
    ("generation/provider.rs", "what a provider does concerns everybody and belongs to nobody"),
    ("generation/retry.rs", "the worker puts back whoever's generation its model is too busy for"),
    ("generation/settle.rs", "the worker settles whoever's generation it ran"),
    ("images/orphans.rs", "looks at everybody's objects, and tells what no row knows"),
    ("images/shares.rs", "whoever opens a link is nobody we know: it is found by the hash of its token"),
    ("images/trash.rs", "a job for everybody's trash"),
    ("images/words.rs", "the worker and a job cut the words of whoever's images there are"),
    ("main.rs", "migrate marks the bucket as this database's"),
    ("margin/command.rs", "the operator's command sums up everybody's images, and names nobody"),
    ("margin/watch.rs", "a job sums up everybody's images, and names nobody"),
    ("metrics/sample.rs", "counts the whole queue, and shows nothing of anybody"),
    ("moderation/flag_command.rs", "the operator's commands"),
    ("moderation/flags.rs", "operators look at what counts against others, and close it"),
    ("moderation/mod.rs", "what counts against somebody is nobody's own to read or write"),
    ("moderation/refusals.rs", "a job forgets everybody's old refusals"),
    ("operator/adjust.rs", "operators give and take others' gems, through the ledger"),
    ("operator/audit.rs", "operators read what operators did, about whomever"),
    ("operator/people.rs", "operators look after others: a profile, a balance, a suspension, requests"),
    ("payments/fulfil.rs", "what money did is written by nobody's own right, whoever asks for a look"),
    ("payments/reconcile.rs", "reads everybody's purchases again"),
    ("payments/webhook.rs", "the vendor names purchases, and nobody is signed in"),
    ("promises/evidence/audit.rs", "a job audits everybody's ledger and leaves its trace"),
    ("promises/evidence/database.rs", "looks at the database itself, and at no row of anybody"),
    ("promises/evidence/keys.rs", "signing keys belong to nobody"),
    ("promises/evidence/objects.rs", "asks storage about the newest picture of all, and says nothing of it"),
    ("promises/evidence/retention.rs", "reads traces of jobs, and whether anything of anybody is overdue"),
    ("promises/evidence/set_up.rs", "versions of policies belong to nobody"),
    ("promises/keeper.rs", "what was seen of each promise belongs to nobody"),
    ("promises/policy/tell.rs", "a job tells everybody of a new policy"),
    ("refinement/settle.rs", "settles and sweeps whoever's refinement it is, also when its person is gone"),
    ("requests/days.rs", "a job makes and drops the days of everybody's requests"),
    ("requests/writer.rs", "writes down whoever's request was answered"),
    ("server.rs", "readiness reads the schema's version"),
    ("webhooks/deliver.rs", "the worker sends whoever's webhook is due, and tells who has lost one"),
    ("webhooks/forget.rs", "a job forgets everybody's old deliveries"),
    ("webhooks/run.rs", "the worker sends whoever's webhook is due"),
    ("webhooks/secret.rs", "seals everybody's secrets anew where MASTER_KEY is replaced"),
    ("work/bell.rs", "tells other processes whose rows changed, by id"),
    ("work/queue.rs", "the queue is everybody's"),
    ("work/schedule.rs", "jobs for everybody"),
];

#[test]
fn whatever_runs_without_the_wall_says_why() {
    let mut found = BTreeMap::new();
    let mut folders = vec![root().join("api/src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = std::fs::read_to_string(&path).expect("a file");
                if text.contains(".house()") || text.contains(".begin_house()") {
                    let name = path.strip_prefix(root().join("api/src")).expect("inside").display().to_string();
                    found.insert(name, ());
                }
            }
        }
    }
    let found: Vec<&str> = found.keys().map(String::as_str).collect();
    let listed: Vec<&str> = HOUSE.iter().map(|(file, _)| *file).collect();
    assert_eq!(found, listed);
    assert!(HOUSE.iter().all(|(_, reason)| reason.len() > 9));
}

#[actix_web::test]
async fn a_connection_without_a_person_sees_nobody() {
    let app = harness::start().await;
    let owner = app.person("Ada Lovelace").await;
    owner.make(&json!({"prompt": "A fox", "quality": "low"})).await;
    let mut sql = PgConnection::connect(&app.database_url).await.expect("a connection");
    sql.execute("set role lapidary_person").await.expect("the role");
    for table in [
        "people",
        "sessions",
        "gem_accounts",
        "gem_transfers",
        "generations",
        "images",
        "reference_images",
        "image_counts",
        "image_archives",
        "events",
        "notices",
        "presets",
        "policy_acknowledgements",
        "redemptions",
        "api_keys",
        "collections",
        "collection_images",
        "share_links",
        "refinements",
        "request_log",
        "webhook_endpoints",
        "webhook_secrets",
        "webhook_deliveries",
    ] {
        let count: i64 = sqlx::query_scalar(AssertSqlSafe(format!("select count(*) from {table}")))
            .fetch_one(&mut sql)
            .await
            .expect("a count");
        assert_eq!(count, 0, "{table}");
    }
}
