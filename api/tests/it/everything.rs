//! A person who has used everything there is, and every row of the database that leads to them: found from the catalogue and
//! by following ids, never from a list. What exports and the tests of what rests are held against.
use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use lapidary::auth::people;
use lapidary::config::PeopleAct;
use reqwest::Method;
use serde_json::{Map, Value, json};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::admin::{adjust, operator};
use crate::codes::{code, of, redeem};
use crate::harness::{Answer, Person, TestApp};
use crate::isolation::owned_by;
use crate::ledger_rows::actor;
use crate::references::mask;

/// One row, as the database writes it down.
#[derive(Clone, Debug)]
pub struct Row {
    pub table: String,
    pub columns: Map<String, Value>,
}

impl Row {
    pub fn id(&self) -> Option<&str> {
        self.columns.get("id").and_then(Value::as_str)
    }
}

fn id_of(value: &Value) -> String {
    value["id"].as_str().expect("an id").to_owned()
}

/// Signs up and uses everything; an operator looks after them, too.
pub async fn busy<'a>(app: &'a TestApp, name: &str, margaret: &Person<'_>) -> Person<'a> {
    let person = app.person(name).await;
    let me = actor(&person).await;
    person.patch("/v1/me", &json!({"name": format!("{name}, a name")})).await.expect_status(200);
    let given = json!({"gems": 90, "reason": format!("For {name}, who asked kindly")});
    adjust(margaret, me.person_id, &format!("to {name}"), &given).await.expect_status(201);
    redeem(&person, &code(app, of(30, 1)).await).await.expect_status(201);
    let owned = owned_by(app, &person).await;
    let id = |part: &str| owned.iter().find(|(known, _)| *known == part).map(|(_, id)| id.clone()).expect("an id");
    let (image, hook) = (id("/images/"), id("/webhook-endpoints/"));
    let path = format!("/v1/collections/{}/images", id("/collections/"));
    person.post(&path, &json!({"image_ids": [image]})).await.expect_status(200);
    person.post(&format!("/v1/webhook-endpoints/{hook}/test"), &json!({})).await.expect_status(202);
    let masked = person.upload("?purpose=mask", "image/png", &mask(40, 30)).await.expect_status(201).json();
    let edit = json!({"prompt": format!("A lighthouse of {name}'s dreams"), "quality": "low",
        "attributes": [{"section": "Mood", "value": format!("as {name} likes it")}],
        "references": [{"reference_id": id("/references/")}], "mask_id": id_of(&masked)});
    let thrown = person.make(&edit).await;
    person.delete(&format!("/v1/images/{}", id_of(&thrown["images"][0]))).await.expect_status(204);
    let caps = json!({"daily_gems": 1_000, "monthly_gems": 10_000, "time_zone": "Europe/Paris"});
    Answer::of(person.request(Method::PUT, "/v1/gems/caps").json(&caps).send().await).await.expect_status(200);
    app.app.clock.advance(TimeDelta::minutes(1));
    person.browser.refresh().await.expect("another token");
    refuse(app, me.person_id).await;
    let act = PeopleAct::Suspend { person_id: me.person_id };
    assert!(people::apply(act, &app.app.db, &app.app.clock).await.expect("suspended"));
    let act = PeopleAct::Restore { person_id: me.person_id };
    assert!(people::apply(act, &app.app.db, &app.app.clock).await.expect("restored"));
    app.app.request_log.flush(&app.app.db).await.expect("written");
    back(app, name).await
}

/// A suspension ended the sessions.
async fn back<'a>(app: &'a TestApp, name: &str) -> Person<'a> {
    let browser = app.browser();
    browser.sign_in("github", name).await;
    let token = browser.refresh().await.expect("an access token");
    Person { app, browser, token }
}

async fn refuse(app: &TestApp, person_id: Uuid) {
    for statement in [
        "insert into refusals (id, person_id, stage, categories, request_id, created_at)
         values (gen_random_uuid(), $1, 'before_making', '[\"violence\"]', gen_random_uuid()::text, now())",
        "insert into flags (id, person_id, kind, refusals, created_at, updated_at)
         values (gen_random_uuid(), $1, 'refusals', 10, now(), now())",
        // Due when nobody lives any more: it never begins.
        "insert into erasures (id, kind, status, token_hash, person_id, step, created_at, due_at, next_try_at)
         values (gen_random_uuid(), 'images', 'waiting', sha256(gen_random_uuid()::text::bytea), $1, 'work', now(),
           'infinity', 'infinity')",
    ] {
        sqlx::query(statement).bind(person_id).execute(&mut app.sql().await).await.expect("refused");
    }
}

pub async fn margaret(app: &TestApp) -> Person<'_> {
    operator(app, "Margaret Hamilton").await
}

/// Every table there is.
pub async fn tables(app: &TestApp) -> Vec<String> {
    sqlx::query_scalar(
        "select relname::text from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
           and not relispartition and relname <> '_sqlx_migrations' order by 1",
    )
    .fetch_all(&mut app.sql().await)
    .await
    .expect("tables")
}

pub async fn every_row(app: &TestApp) -> Vec<Row> {
    let mut rows = Vec::new();
    for table in tables(app).await {
        let found: Vec<Value> = sqlx::query_scalar(AssertSqlSafe(format!("select to_jsonb(t) from {table} t")))
            .fetch_all(&mut app.sql().await)
            .await
            .expect("rows");
        let row = |value: Value| Row { table: table.clone(), columns: value.as_object().expect("a row").clone() };
        rows.extend(found.into_iter().map(row));
    }
    rows
}

/// Rows that name the person, their account, or a row of theirs.
pub async fn rows_of(app: &TestApp, person_id: Uuid) -> Vec<Row> {
    let account: Uuid = sqlx::query_scalar("select account_id from account_links where person_id = $1")
        .bind(person_id)
        .fetch_one(&mut app.sql().await)
        .await
        .expect("an account");
    let mut known = BTreeSet::from([person_id.to_string(), account.to_string()]);
    let (mut rest, mut theirs) = (every_row(app).await, Vec::new());
    loop {
        let names_one = |row: &Row| row.columns.values().filter_map(Value::as_str).any(|text| known.contains(text));
        let (found, others): (Vec<Row>, Vec<Row>) = rest.into_iter().partition(names_one);
        if found.is_empty() {
            return theirs;
        }
        known.extend(found.iter().filter_map(Row::id).map(str::to_owned));
        theirs.extend(found);
        rest = others;
    }
}

/// Tables whose columns say that their rows may lead to a person: by a foreign key, or by a name.
pub async fn leading(app: &TestApp) -> BTreeSet<String> {
    let found: Vec<String> = sqlx::query_scalar(
        "with recursive leads as (
           select oid from pg_class where relname in ('people', 'gem_accounts') and relnamespace = 'public'::regnamespace
           union
           select c.conrelid from pg_constraint c join leads l on c.confrelid = l.oid where c.contype = 'f'
         )
         select relname::text from pg_class where oid in (select oid from leads) and not relispartition
         union
         select c.relname::text from pg_attribute a join pg_class c on c.oid = a.attrelid
         where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
           and a.attname in ('person_id', 'account_id', 'session_id', 'subject') and not a.attisdropped",
    )
    .fetch_all(&mut app.sql().await)
    .await
    .expect("tables");
    found.into_iter().collect()
}

/// How many rows of each table.
pub fn counted(rows: &[Row]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for row in rows {
        *counts.entry(row.table.as_str()).or_default() += 1;
    }
    counts
}
