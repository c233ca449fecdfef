//! The database isolates people even where a query forgets to: every SQL text of `.sqlx`, without its person predicate where it has
//! one, run as somebody else with another's ids, answers as it does for ids of nobody. And whatever runs without that wall says why.
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::{Arguments, AssertSqlSafe, Connection, Executor, PgConnection, Row, ValueRef};
use uuid::Uuid;

use crate::harness::{self, Person, TestApp};
use crate::isolation::{as_person, ids_of, owned_by};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A text as the program sends it, with the types of its parameters.
struct Statement {
    text: String,
    parameters: Vec<String>,
}

/// All of them, but those that say themselves who asks: their parameters are the session's, never a request's.
fn statements() -> Vec<Statement> {
    let mut all = Vec::new();
    let mut ask_as_somebody = 0;
    for entry in std::fs::read_dir(root().join(".sqlx")).expect(".sqlx") {
        let text = std::fs::read_to_string(entry.expect("an entry").path()).expect("a file");
        let query: Value = serde_json::from_str(&text).expect("JSON");
        let parameters = query["describe"]["parameters"]["Left"].as_array().expect("parameters");
        let parameters = parameters.iter().map(|kind| kind.as_str().unwrap_or("?").to_owned()).collect();
        let text = query["query"].as_str().expect("a query").to_owned();
        if text.contains("set_config('lapidary.person'") {
            ask_as_somebody += 1;
        } else if !text.starts_with("set ") {
            all.push(Statement { text, parameters });
        }
    }
    assert!(ask_as_somebody <= 3, "{ask_as_somebody} statements say themselves who asks: is that needed?");
    all
}

/// Where `column = $1` stands, for a column whose name `is` takes: the whole of it, with an alias before.
fn comparisons(text: &str, index: usize, is: impl Fn(&str) -> bool) -> Vec<std::ops::Range<usize>> {
    let end_of = format!("= ${index}");
    let mut found = Vec::new();
    for (at, _) in text.match_indices(&end_of) {
        let end = at + end_of.len();
        // `$1` must not strike `$10`.
        if text[end..].starts_with(|next: char| next.is_ascii_digit()) {
            continue;
        }
        let before = text[..at].trim_end();
        let start = before.rfind(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.')).map_or(0, |at| at + 1);
        let column = before[start..].rsplit('.').next().unwrap_or_default();
        // An assignment is none.
        let words = before[..start].trim_end();
        let is_set = words.ends_with(" set") || words.ends_with("\nset");
        if is(column) && !is_set {
            found.push(start..end);
        }
    }
    found
}

impl Statement {
    fn uuids(&self) -> impl Iterator<Item = usize> {
        self.parameters.iter().enumerate().filter(|(_, kind)| *kind == "Uuid").map(|(at, _)| at + 1)
    }

    /// Without the predicates that name a person or an account, and with every other id compared to all that are guessed.
    fn bare(&self) -> String {
        let guessed = self.parameters.len() + 1;
        let mut text = self.text.clone();
        for index in self.uuids() {
            let is_person = |column: &str| ["person_id", "account_id"].contains(&column);
            for range in comparisons(&text, index, is_person).into_iter().rev() {
                text.replace_range(range, &format!("${index}::uuid is not null"));
            }
            for range in comparisons(&text, index, |column| !is_person(column)).into_iter().rev() {
                let column = text[range.clone()].split_once('=').map(|(column, _)| column.trim().to_owned());
                let column = column.expect("a column");
                text.replace_range(range, &format!("{column} = any(${guessed}::uuid[])"));
            }
        }
        text
    }
}

/// Values for what is no id: whoever asks tries several.
#[derive(Clone, Copy)]
enum Try {
    High,
    Low,
}

fn bind(statement: &Statement, ids: &[Uuid], id: Uuid, values: Try) -> PgArguments {
    let is_high = matches!(values, Try::High);
    let moment = if is_high { chrono::DateTime::<chrono::Utc>::MAX_UTC } else { chrono::DateTime::UNIX_EPOCH };
    let number: i16 = if is_high { 100 } else { 1 };
    let mut arguments = PgArguments::default();
    for kind in &statement.parameters {
        match kind.as_str() {
            "Uuid" => arguments.add(id),
            "UuidArray" => arguments.add(ids.to_vec()),
            "Timestamptz" => arguments.add(moment),
            "TimestamptzArray" => arguments.add(vec![moment]),
            "Int8" => arguments.add(i64::from(number)),
            "Int8Array" => arguments.add(vec![i64::from(number)]),
            "Int4" => arguments.add(i32::from(number)),
            "Int4Array" => arguments.add(vec![1_i32; ids.len()]),
            "Int2" => arguments.add(number),
            "Int2Array" => arguments.add(vec![number]),
            "Bool" => arguments.add(is_high),
            "Text" => arguments.add("key"),
            "TextArray" => arguments.add(vec!["key"]),
            "Bytea" => arguments.add(vec![0_u8]),
            "ByteaArray" => arguments.add(vec![vec![0_u8]]),
            "Jsonb" => arguments.add(json!({})),
            "JsonbArray" => arguments.add(vec![json!({})]),
            "Date" => arguments.add(moment.date_naive()),
            other => panic!("say here what a {other} may be"),
        }
        .expect("a parameter");
    }
    arguments.add(ids.to_vec()).expect("a parameter");
    arguments
}

/// What a statement gave: each row whole, in any order.
type Answer = Vec<Vec<Option<Vec<u8>>>>;

fn whole(row: &PgRow) -> Vec<Option<Vec<u8>>> {
    (0..row.len())
        .map(|at| {
            let value = row.try_get_raw(at).expect("a value");
            (!value.is_null()).then(|| value.as_bytes().expect("bytes").to_vec())
        })
        .collect()
}

/// Nothing of it stays. `Err`: it cannot run like this at all, which is no refusal.
async fn ask(sql: &mut PgConnection, text: &str, arguments: PgArguments) -> Result<Answer, String> {
    sql.execute("begin").await.expect("begin");
    let outcome = sqlx::query_with(AssertSqlSafe(text.to_owned()), arguments).fetch_all(&mut *sql).await;
    sql.execute("rollback").await.expect("rollback");
    match outcome {
        Ok(rows) => {
            let mut answer: Answer = rows.iter().map(whole).collect();
            answer.sort();
            Ok(answer)
        }
        Err(error) => {
            let code = error.as_database_error().and_then(|error| error.code()).unwrap_or_default().into_owned();
            // Privileges, constraints, and what our own functions raise. The rest says that the text was taken apart wrongly.
            let is_refused = code == "42501" || ["22", "23", "P0"].iter().any(|class| code.starts_with(class));
            if is_refused { Ok(Vec::new()) } else { Err(format!("{code}: {error}")) }
        }
    }
}

/// Ids of one person: all at once, and one after the other where a statement takes one.
struct Guess<'a> {
    all: &'a [Uuid],
    one: Vec<Uuid>,
}

/// What one asker gets with these ids, over all values; `None` where the text cannot be asked without its predicates.
async fn answers(sql: &mut PgConnection, statement: &Statement, guess: &Guess<'_>) -> Vec<Answer> {
    let mut answers = Vec::new();
    let bare = statement.bare();
    for values in [Try::High, Try::Low] {
        for id in &guess.one {
            let asked = ask(sql, &bare, bind(statement, guess.all, *id, values)).await;
            let asked = match asked {
                Ok(answer) => Ok(answer),
                // As it stands: an id in another place than a comparison.
                Err(_) => ask(sql, &statement.text, bind(statement, guess.all, *id, values)).await,
            };
            answers.push(asked.unwrap_or_else(|why| panic!("{why}\n{bare}")));
        }
    }
    answers
}

/// One of everything that a person can have; ids by which all of it is named.
async fn furnish(app: &TestApp, owner: &Person<'_>) -> Vec<Uuid> {
    let owned = owned_by(app, owner).await;
    let of = |part: &str| owned.iter().find(|(at, _)| *at == part).map(|(_, id)| id.clone()).expect("an id");
    let (image, collection, hook) = (of("/images/"), of("/collections/"), of("/webhook-endpoints/"));
    let images = json!({"image_ids": [image]});
    owner.post(&format!("/v1/collections/{collection}/images"), &images).await.expect_status(200);
    owner.post(&format!("/v1/webhook-endpoints/{hook}/test"), &json!({})).await;
    let (person, account) = ids_of(app, "ada.lovelace@example.test").await;
    let uuid = |text: &String| text.parse::<Uuid>().expect("a uuid");
    let mut sql = app.sql().await;
    let (person, account) = (uuid(&person), uuid(&account));
    for text in [
        "with c as (insert into redeem_codes (id, code_hash, gems, uses_max, uses, note, created_at)
           values (gen_random_uuid(), 'x', 1, 2, 1, '', now()) returning id)
         insert into redemptions select gen_random_uuid(), id, $2, 1, now() from c where $1::uuid is not null",
        "with r as (insert into redemptions select gen_random_uuid(), id, $2, 1, now() from redeem_codes where false returning id)
         insert into refusals (id, person_id, stage, categories, request_id, created_at)
         select gen_random_uuid(), $1, 'input', '[]', 'r', now() where $2::uuid is not null",
        "insert into erasures (id, kind, status, token_hash, person_id, account_id, step, created_at, due_at, next_try_at)
         values (gen_random_uuid(), 'images', 'waiting', sha256($1::text::bytea), $1, $2, 'work', now(), 'infinity', 'infinity')",
        "insert into flags select gen_random_uuid(), $1, 'refusals', 10, now(), now(), null where $2::uuid is not null",
    ] {
        sqlx::query(text).bind(person).bind(account).execute(&mut sql).await.expect("a row");
    }
    app.app.request_log.catch_up(&app.app.db).await;
    let mut ids: Vec<Uuid> = owned.iter().map(|(_, id)| uuid(id)).collect();
    ids.extend([person, account]);
    ids.sort();
    ids.dedup();
    ids
}

fn contains(answer: &Answer, ids: &[Uuid]) -> bool {
    let has = |value: &Vec<u8>| ids.iter().any(|id| value.windows(16).any(|part| part == id.as_bytes()));
    answer.iter().flatten().flatten().any(has)
}

/// What a stranger learns of others: by their ids, or without any.
async fn leaks(sql: &mut PgConnection, statement: &Statement, theirs: &Guess<'_>, nobodys: &Guess<'_>) -> bool {
    let told = answers(sql, statement, theirs).await;
    let usual = answers(sql, statement, nobodys).await;
    told != usual || usual.iter().any(|answer| contains(answer, theirs.all))
}

/// Tables of which the person role may read at least a column.
async fn readable(app: &TestApp) -> Vec<String> {
    sqlx::query_scalar(
        "select c.relname::text from pg_class c
         where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
           and has_any_column_privilege('lapidary_person', c.oid, 'select') and c.relname <> '_sqlx_migrations'
         order by 1",
    )
    .fetch_all(&mut app.sql().await)
    .await
    .expect("tables")
}

/// What is asked of these is joined to other tables, whose walls still stand, or asked by values that nobody guesses here: that
/// their own walls stand is seen by `isolation`, which scans whole rows.
const BEHIND_OTHERS: [&str; 8] = [
    "collection_images",
    "erasures",
    "gem_transfers",
    "image_counts",
    "payment_customers",
    "policy_acknowledgements",
    "redemptions",
    "webhook_secrets",
];

#[actix_web::test]
async fn every_query_without_its_person_predicate_finds_nothing_of_others() {
    let app = harness::start().await;
    let owner = app.person("Ada Lovelace").await;
    let ids = furnish(&app, &owner).await;
    let nobody: Vec<Uuid> = ids.iter().map(|_| Uuid::now_v7()).collect();
    let (ada, account) = ids_of(&app, "ada.lovelace@example.test").await;
    let theirs = Guess { all: &ids, one: vec![ada.parse().expect("a uuid"), account.parse().expect("a uuid")] };
    let nobodys = Guess { all: &nobody, one: nobody[..2].to_vec() };
    let tables = readable(&app).await;
    assert!(tables.len() >= 20, "{tables:?}");
    let mut own = as_person(&app, &ada, &account).await;
    for table in &tables {
        let text = format!("select exists (select from {table})");
        let is_there: bool = sqlx::query_scalar(AssertSqlSafe(text)).fetch_one(&mut own).await.expect("a look");
        assert!(is_there, "there is no row of {table} to be found");
    }
    // Somebody who owns nothing at all: whatever is found is another's.
    let mut stranger = as_person(&app, &Uuid::now_v7().to_string(), &Uuid::now_v7().to_string()).await;
    let all = statements();
    let (mut without, mut fruitful) = (0, 0);
    for statement in &all {
        without += usize::from(statement.bare().contains("::uuid is not null"));
        assert!(!leaks(&mut stranger, statement, &theirs, &nobodys).await, "as a stranger: {}", statement.bare());
        let found = answers(&mut own, statement, &theirs).await;
        fruitful += usize::from(found.iter().any(|answer| !answer.is_empty()));
    }
    println!("{} statements, {without} without their person, {fruitful} find something for the owner", all.len());
    assert!(without >= 100, "only {without} statements have a person predicate");
    assert!(fruitful >= 60, "the owner finds something by only {fruitful} statements: the test looks past the data");
    // And were one wall down, this test would see it: each table in turn.
    let mut house = app.sql().await;
    let mut unseen = BTreeSet::new();
    for table in &tables {
        let name = |statement: &&Statement| statement.text.contains(table.as_str());
        house.execute(AssertSqlSafe(format!("alter table {table} disable row level security"))).await.expect("down");
        let mut is_seen = false;
        for statement in all.iter().filter(name) {
            is_seen = is_seen || leaks(&mut stranger, statement, &theirs, &nobodys).await;
        }
        house.execute(AssertSqlSafe(format!("alter table {table} enable row level security"))).await.expect("up");
        if !is_seen {
            unseen.insert(table.as_str());
        }
    }
    // Nobody got its gems: the ledger is looked at when the app goes.
    for text in ["delete from redemptions", "delete from redeem_codes"] {
        house.execute(text).await.expect("nothing was redeemed");
    }
    let known = BTreeSet::from(BEHIND_OTHERS);
    assert_eq!(unseen, known, "tables whose rows nothing here would find");
}

/// Functions that see more than who calls them, each looked at by hand.
const DEFINERS: &[(&str, &str)] = &[
    ("count_images", "keeps a person's numbers, called by a trigger alone"),
    ("found_images", "looks for the person of the setting alone"),
];

#[actix_web::test]
async fn functions_that_see_more_than_their_caller_are_known_and_tell_strangers_nothing() {
    let app = harness::start().await;
    let owner = app.person("Ada Lovelace").await;
    owner.make(&json!({"prompt": "A fox", "quality": "low"})).await;
    let found: Vec<String> = sqlx::query_scalar(
        "select proname::text from pg_proc where pronamespace = 'public'::regnamespace and prosecdef order by 1",
    )
    .fetch_all(&mut app.sql().await)
    .await
    .expect("functions");
    let listed: Vec<&str> = DEFINERS.iter().map(|(name, _)| *name).collect();
    assert_eq!(found, listed);
    let (ada, account) = ids_of(&app, "ada.lovelace@example.test").await;
    // A token as it is kept, without the sign of its person.
    let token: String = sqlx::query_scalar("select substr((tsvector_to_array(search))[1], 9) from images")
        .fetch_one(&mut app.sql().await)
        .await
        .expect("a token");
    let nobody = Uuid::now_v7().to_string();
    for (person, account, expected) in [(&ada, &account, 1_i64), (&nobody, &nobody, 0)] {
        let mut sql = as_person(&app, person, account).await;
        // From its newest images, by a word, and by the beginning of one.
        for (words, beginnings) in [("'{}'", "'{}'"), ("array[$1]", "'{}'"), ("'{}'", "array[$1]")] {
            let text = format!(
                "select count(*) from found_images({words}, {beginnings}, false, false, null, null, null, null, null, false, 50) where $1::text is not null"
            );
            let count: i64 =
                sqlx::query_scalar(AssertSqlSafe(text)).bind(&token).fetch_one(&mut sql).await.expect("a look");
            assert_eq!(count, expected, "{words} {beginnings}");
        }
        let refused = sql.execute("select count_images()").await;
        assert!(refused.is_err(), "a trigger's function is nobody's to call");
    }
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
    ("images/known.rs", "asks what rows know of everybody's objects"),
    ("images/orphans.rs", "looks at everybody's objects, and tells what no row knows"),
    ("images/shares.rs", "whoever opens a link is nobody we know, and everybody's are sealed anew with MASTER_KEY"),
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
    ("promises/erasure/command.rs", "the operator's command"),
    ("promises/erasure/forget.rs", "a job forgets everybody's old receipts"),
    ("promises/erasure/images.rs", "a job erases the images of whoever asked for it"),
    ("promises/erasure/objects.rs", "a job counts what went of whoever asked for it"),
    ("promises/erasure/person.rs", "a job erases whoever asked for it, from what no person may write"),
    (
        "promises/erasure/routes.rs",
        "ends sessions and closes the account of who asks, and shows receipts by the hash of their token",
    ),
    ("promises/erasure/rows.rs", "a job erases the rows of whoever asked for it"),
    ("promises/erasure/run.rs", "a job goes on with whoever's erasure is due"),
    ("promises/erasure/work.rs", "ends the work of whoever leaves, as the worker and the sweep do"),
    ("promises/evidence/audit.rs", "a job audits everybody's ledger and leaves its trace"),
    ("promises/evidence/database.rs", "looks at the database itself, and at no row of anybody"),
    ("promises/evidence/keys.rs", "signing keys belong to nobody"),
    ("promises/evidence/objects.rs", "asks storage about the newest picture of all, and says nothing of it"),
    ("promises/evidence/retention.rs", "reads traces of jobs, and whether anything of anybody is overdue"),
    ("promises/evidence/set_up.rs", "versions of policies belong to nobody"),
    (
        "promises/export/content.rs",
        "what counts against a person and what the vendor told stand behind no policy of theirs",
    ),
    ("promises/keeper.rs", "what was seen of each promise belongs to nobody"),
    ("promises/policy/tell.rs", "a job tells everybody of a new policy"),
    ("promises/retention/command.rs", "the operator's command reads the traces of all jobs"),
    ("promises/retention/forget.rs", "jobs forget everybody's old news, links, notices, flags and acts"),
    ("promises/retention/payments.rs", "a job forgets everybody's payments after seven years"),
    ("promises/retention/references.rs", "a job forgets everybody's unused uploads"),
    ("promises/retention/run.rs", "each job leaves its trace"),
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
    for table in readable(&app).await {
        let count: i64 = sqlx::query_scalar(AssertSqlSafe(format!("select count(*) from {table}")))
            .fetch_one(&mut sql)
            .await
            .expect("a count");
        assert_eq!(count, 0, "{table}");
    }
}
