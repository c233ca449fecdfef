//! Everything a person can leave behind, in every table and in storage; the search for it, in whatever tables the database has;
//! and what of another person must be as it was.
use std::collections::BTreeMap;

use lapidary::images::objects::ObjectVersion;
use lapidary::images::store;
use serde_json::json;
use sqlx::{AssertSqlSafe, Row};
use uuid::Uuid;

use crate::harness::{Person, TestApp};
use crate::isolation::{ids_of, owned_by};

/// What leads to a person.
pub struct Trail {
    pub person: Uuid,
    pub account: Uuid,
    /// Whatever of these stands anywhere in a row leads to them.
    needles: Vec<String>,
}

/// Where the id of an account stays that belongs to nobody: the books.
const BOOKS: [&str; 5] = ["gem_accounts", "gem_transfers", "gem_adjustments", "purchases", "redemptions"];

async fn texts(app: &TestApp, statement: &'static str, person: Uuid) -> Vec<String> {
    sqlx::query_scalar(statement).bind(person).fetch_all(&mut app.sql().await).await.expect("texts")
}

/// One of everything that has a route, and what others wrote about them.
pub async fn leave(app: &TestApp, person: &Person<'_>, name: &str) -> Trail {
    let email = format!("{}@example.test", name.to_lowercase().replace(' ', "."));
    owned_by(app, person).await;
    let images = person.get("/v1/images").await.json()["data"].as_array().expect("images").clone();
    let (image, prompt) = (images[0]["id"].as_str().expect("an id"), format!("A secret quokka of {name}"));
    let collection = person.get("/v1/collections").await.json()["data"][0]["id"].as_str().expect("an id").to_owned();
    person.post(&format!("/v1/collections/{collection}/images"), &json!({ "image_ids": [image] })).await;
    let made = person.make(&json!({ "prompt": prompt, "quality": "low" })).await;
    let trashed = made["images"][0]["id"].as_str().expect("an id");
    person.delete(&format!("/v1/images/{trashed}")).await.expect_status(204);
    let (id, account) = ids_of(app, &email).await;
    let (id, account): (Uuid, Uuid) = (id.parse().expect("an id"), account.parse().expect("an id"));
    about(app, id, &email).await;
    app.app.request_log.flush(&app.app.db).await.expect("the log");
    for key in [format!("users/{id}/exports/{account}/1.zip"), format!("users/{id}/unheard-of")] {
        app.app.store.put(&key, b"something".to_vec(), "application/zip").await.expect("an object");
    }
    let upload = app.app.store.begin_upload(&format!("users/{id}/archives/{id}/7.zip"), "application/zip", 1).await;
    drop(upload.expect("an upload that comes to no end"));
    let mut needles = vec![id.to_string(), email, name.to_owned(), prompt.clone()];
    needles.extend(texts(app, "select subject from identities where person_id = $1", id).await);
    needles.extend(texts(app, "select start from api_keys where person_id = $1", id).await);
    needles.extend(texts(app, "select id::text from sessions where person_id = $1", id).await);
    needles.extend(texts(app, "select id::text from api_keys where person_id = $1", id).await);
    needles.extend(texts(app, "select request_id from generations where person_id = $1", id).await);
    needles.extend(texts(
        app,
        "select billing_email from purchases where account_id = (select account_id from account_links where person_id = $1)
           and billing_email is not null",
        id,
    ).await);
    needles.extend(
        texts(
            app,
            "select customer from payment_customers
         where account_id = (select account_id from account_links where person_id = $1)",
            id,
        )
        .await,
    );
    Trail { person: id, account, needles }
}

/// What operators and sign-in wrote down about them.
async fn about(app: &TestApp, id: Uuid, email: &str) {
    let mut sql = app.sql().await;
    let flag = Uuid::now_v7();
    sqlx::query("insert into flags (id, person_id, kind, refusals, created_at, updated_at) values ($1, $2, 'refusals', 9, now(), now())")
        .bind(flag).bind(id).execute(&mut sql).await.expect("a flag");
    sqlx::query("insert into refusals (id, person_id, stage, categories, request_id, created_at) values ($1, $2, 'before', '[]', 'r', now())")
        .bind(Uuid::now_v7()).bind(id).execute(&mut sql).await.expect("a refusal");
    for (act, subject) in [("suspend", id), ("restore", id), ("close_flag", flag)] {
        sqlx::query("insert into audit_log (id, act, subject, reason, created_at) values ($1, $2, $3, $4, now())")
            .bind(Uuid::now_v7())
            .bind(act)
            .bind(subject)
            .bind(format!("{email} wrote to us"))
            .execute(&mut sql)
            .await
            .expect("an act");
    }
    sqlx::query("insert into audit_log (id, act, operator_id, request_id, created_at) values ($1, 'create_code', $2, 'q', now())")
        .bind(Uuid::now_v7()).bind(id).execute(&mut sql).await.expect("an act of theirs");
    sqlx::query(
        "insert into pending_identities (browser_hash, identity, expires_at)
         values ($2, jsonb_build_object('email', $1::text, 'issuer', 'x', 'subject', 'y'), now())",
    )
    .bind(email)
    .bind(id.as_bytes().to_vec())
    .execute(&mut sql)
    .await
    .expect("an identity that waits");
    sqlx::query(
        "insert into sign_in_attempts (state_hash, browser_hash, provider, nonce, pkce_verifier, return_to, pending_identity,
           created_at, expires_at)
         values ($2, $2, 'google', 'n', 'v', '/', jsonb_build_object('email', upper($1::text)), now(), now())")
        .bind(email)
        .bind(id.as_bytes().to_vec())
        .execute(&mut sql)
        .await
        .expect("an attempt");
}

/// Every table there is, days of the log too.
pub async fn tables(app: &TestApp) -> Vec<String> {
    let statement = "select relname::text from pg_class
        where relnamespace = 'public'::regnamespace and relkind = 'r' and relname <> '_sqlx_migrations' order by 1";
    sqlx::query_scalar(statement).fetch_all(&mut app.sql().await).await.expect("tables")
}

impl Trail {
    /// Rows and objects that still lead to them, in words.
    pub async fn found(&self, app: &TestApp) -> Vec<String> {
        app.app.request_log.flush(&app.app.db).await.expect("the log");
        let (mut sql, mut found) = (app.sql().await, Vec::new());
        for table in tables(app).await {
            for needle in &self.needles {
                let statement =
                    format!("select t::text from {table} t where position(lower($1) in lower(t::text)) > 0");
                let rows: Vec<String> =
                    sqlx::query_scalar(AssertSqlSafe(statement)).bind(needle).fetch_all(&mut sql).await.expect("rows");
                // Ended sessions and keys are told to every process for an hour, by random ids that lead nowhere any more.
                if table != "revocations" {
                    found.extend(rows.into_iter().map(|row| format!("{table}: {needle} in {row}")));
                }
            }
            let statement = format!("select count(*) from {table} t where position($1 in t::text) > 0");
            let rows: i64 = sqlx::query_scalar(AssertSqlSafe(statement))
                .bind(self.account.to_string())
                .fetch_one(&mut sql)
                .await
                .expect("a count");
            if rows > 0 && !BOOKS.contains(&table.as_str()) {
                found.push(format!("{table}: the account in {rows} rows"));
            }
        }
        found.extend(objects(app, self.person).await.into_keys().map(|key| format!("storage: {key}")));
        found.extend(self.uploads(app).await);
        found
    }

    async fn uploads(&self, app: &TestApp) -> Vec<String> {
        let (client, bucket) = (client(app), &app.app.settings.s3_bucket);
        let listed = client.list_multipart_uploads().bucket(bucket).prefix(format!("users/{}/", self.person));
        let listed = listed.send().await.expect("uploads");
        listed
            .uploads()
            .iter()
            .map(|upload| format!("storage: an upload to {}", upload.key().unwrap_or_default()))
            .collect()
    }
}

/// By the storage's own clock, however far a test has put ours on.
pub fn client(app: &TestApp) -> aws_sdk_s3::Client {
    let settings = &app.app.settings;
    aws_sdk_s3::Client::from_conf(store::configuration(settings, settings.s3_endpoint.as_ref()).build())
}

/// Keys of a person with a sum over their bytes.
pub async fn objects(app: &TestApp, person: Uuid) -> BTreeMap<String, usize> {
    let client = client(app);
    let (mut all, mut cursor): (_, Option<ObjectVersion>) = (BTreeMap::new(), None);
    loop {
        let page = app.app.store.list(&format!("users/{person}/"), cursor.as_ref(), 1_000).await.expect("a list");
        for listed in page.objects {
            let get = client.get_object().bucket(&app.app.settings.s3_bucket).key(&listed.object.key);
            let bytes = get.send().await.expect("an object").body.collect().await.expect("bytes").into_bytes();
            let sum = bytes.iter().fold(bytes.len(), |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(*byte)));
            all.insert(listed.object.key, sum);
        }
        cursor = page.next;
        if cursor.is_none() {
            return all;
        }
    }
}

/// How many rows of each table name this person or their account, and a hash over all of them.
pub async fn rows_of(app: &TestApp, person: Uuid, account: Uuid) -> BTreeMap<String, (i64, String)> {
    app.app.request_log.flush(&app.app.db).await.expect("the log");
    let (mut sql, mut all) = (app.sql().await, BTreeMap::new());
    for table in tables(app).await {
        let statement = format!(
            "select count(*) as rows, coalesce(md5(string_agg(t::text, '|' order by t::text)), '') as hash from {table} t
             where position($1 in t::text) > 0 or position($2 in t::text) > 0");
        let row = sqlx::query(AssertSqlSafe(statement))
            .bind(person.to_string())
            .bind(account.to_string())
            .fetch_one(&mut sql)
            .await
            .expect("rows");
        // A day of the log may have come meanwhile.
        if row.get::<i64, _>("rows") > 0 {
            all.insert(table, (row.get("rows"), row.get("hash")));
        }
    }
    all
}
