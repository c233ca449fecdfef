//! Nobody sees or touches what is another's: over every route, and under the database's own policies.
use std::collections::BTreeSet;

use lapidary_contract::NoticeKind;
use serde_json::{Value, json};
use sqlx::{Connection, Executor, PgConnection, Row};
use uuid::Uuid;

use crate::harness::{self, Answer, Person, TestApp};
use crate::notices::tell;

#[actix_web::test]
async fn a_stranger_gets_404_on_everything_of_anothers_on_every_route() {
    let app = harness::start().await;
    let (owner, stranger) = (app.person("Ada Lovelace").await, app.person("Grace Hopper").await);
    let owned = owned_by(&app, &owner).await;
    let id_in = |path: &str| {
        let known = owned.iter().find(|(part, _)| path.contains(part));
        known.map(|(_, id)| id.as_str()).unwrap_or_else(|| panic!("{path}: say here whose id it takes"))
    };
    let image = id_in("/images/");
    let delivery = delivery_of(&owner, id_in("/webhook-endpoints/")).await;
    let document: Value = owner.browser.get("/openapi.json").await.json();
    let mut tried = 0;
    for (path, item) in document["paths"].as_object().expect("paths") {
        // Operators' routes are nobody else's, whatever the id: `admin` looks at those.
        if !path.contains("{id}") || path.starts_with("/v1/admin/") {
            continue;
        }
        let id = id_in(path);
        for method in item.as_object().expect("methods").keys().filter(|name| !matches!(name.as_str(), "parameters")) {
            let method: reqwest::Method = method.to_uppercase().parse().expect("a method");
            let filled = path.replace("{id}", id).replace("{delivery_id}", &delivery);
            assert!(!filled.contains('{'), "{path}: say here what its other ids are");
            let mut request = stranger.request(method.clone(), &filled);
            if let Some(body) = body_for(&path.replace("{id}", ""), &method, image) {
                request = request.json(&body);
            }
            let answer = Answer::of(request.send().await).await;
            answer.expect_problem(404, "not-found");
            tried += 1;
        }
    }
    assert!(tried >= 10, "only {tried} routes were tried");
    for list in [
        "/v1/generations",
        "/v1/images",
        "/v1/images?trash=true",
        "/v1/references",
        "/v1/me/notices",
        "/v1/me/exports",
        "/v1/presets",
        "/v1/webhook-endpoints",
    ] {
        assert_eq!(stranger.get(list).await.json()["data"].as_array().map(Vec::len), Some(0), "{list}");
    }
    let about: Vec<Value> = stranger.get("/v1/gems/transfers").await.json()["data"].as_array().expect("rows").clone();
    assert!(about.iter().all(|row| row["about"].is_null()));
}

/// One of everything that has an id, by the part of a path that it stands behind; the first that fits holds.
pub async fn owned_by(app: &TestApp, owner: &Person<'_>) -> Vec<(&'static str, String)> {
    let id = |value: &Value| value.as_str().expect("an id").to_owned();
    let first = async |list: &str| id(&owner.get(list).await.json()["data"][0]["id"]);
    let posted = async |path: &str, body: Value| id(&owner.post(path, &body).await.json()["id"]);
    let made = owner.make(&json!({"prompt": "A fox", "quality": "low"})).await;
    let image = id(&made["images"][0]["id"]);
    let bought = crate::payments::buy(owner, "pouch").await;
    tell(app, owner, NoticeKind::Refunded, Uuid::now_v7(), 5, 1).await;
    let refined = crate::refinements::refine(owner, &json!({"prompt": "A fox"})).await.expect_status(200).json();
    let winter = json!({"name": "Winter", "attributes": [{"section": "Season", "value": "winter"}]});
    let hook = json!({"url": "http://127.0.0.1:9/hook"});
    vec![
        ("/webhook-endpoints/", posted("/v1/webhook-endpoints", hook).await),
        ("/image-archives/", posted("/v1/image-archives", json!({"image_ids": [image]})).await),
        ("/exports/", posted("/v1/me/exports", json!({})).await),
        ("/generations/", id(&made["id"])),
        ("/collections/", posted("/v1/collections", json!({"name": "Foxes"})).await),
        ("/shares/", posted(&format!("/v1/images/{image}/shares"), json!({})).await),
        ("/references/", owner.reference(40, 30, 0).await),
        ("/identities/", first("/v1/me/identities").await),
        ("/checkouts/", bought.id.clone()),
        ("/purchases/", bought.id),
        ("/refinements/", id(&refined["id"])),
        ("/presets/", posted("/v1/presets", winter).await),
        ("/api-keys/", posted("/v1/me/api-keys", json!({"name": "Nightly", "scopes": ["gems:read"]})).await),
        ("/sessions/", first("/v1/me/sessions").await),
        ("/notices/", first("/v1/me/notices").await),
        // Versions belong to nobody; this one is none.
        ("/policies/", Uuid::now_v7().to_string()),
        ("/requests/", first("/v1/me/requests").await),
        ("/images/", image),
    ]
}

/// A delivery to an endpoint of theirs, which they find.
pub async fn delivery_of(owner: &Person<'_>, endpoint_id: &str) -> String {
    let path = format!("/v1/webhook-endpoints/{endpoint_id}");
    let delivery = crate::webhook_receiver::test(owner, &path).await;
    owner.get(&delivery).await.expect_status(200);
    delivery.rsplit('/').next().expect("an id").to_owned()
}

/// Where in a schema ids are, as `/image_ids/*`.
fn ids_in(document: &Value, schema: &Value, at: &str, found: &mut BTreeSet<String>) {
    let schema = match schema["$ref"].as_str() {
        Some(name) => document.pointer(name.trim_start_matches('#')).expect("a schema"),
        None => schema,
    };
    if schema["format"] == "uuid" {
        found.insert(at.to_owned());
    }
    for kind in ["oneOf", "anyOf", "allOf"] {
        schema[kind].as_array().into_iter().flatten().for_each(|one| ids_in(document, one, at, found));
    }
    for (name, one) in schema["properties"].as_object().into_iter().flatten() {
        ids_in(document, one, &format!("{at}/{name}"), found);
    }
    if schema["items"].is_object() {
        ids_in(document, &schema["items"], &format!("{at}/*"), found);
    }
}

/// Every operation and place of its body that takes an id.
fn documented_ids(document: &Value) -> BTreeSet<(String, String)> {
    let mut all = BTreeSet::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("methods") {
            let mut found = BTreeSet::new();
            for (_, content) in operation["requestBody"]["content"].as_object().into_iter().flatten() {
                ids_in(document, &content["schema"], "", &mut found);
            }
            all.extend(found.into_iter().map(|at| (format!("{} {path}", method.to_uppercase()), at)));
        }
    }
    all
}

#[actix_web::test]
async fn an_id_of_anothers_in_a_body_is_answered_as_one_of_nobodys_wherever_the_document_takes_one() {
    let app = harness::start().await;
    let (owner, stranger) = (app.person("Ada Lovelace").await, app.person("Grace Hopper").await);
    let owned = owned_by(&app, &owner).await;
    let theirs = |part: &str| owned.iter().find(|(known, _)| *known == part).expect("it is owned").1.clone();
    let (image, reference, collection) = (theirs("/images/"), theirs("/references/"), theirs("/collections/"));
    let own = stranger.reference(40, 30, 0).await;
    let shelf = stranger.post("/v1/collections", &json!({"name": "Mine"})).await.expect_status(201).json();
    let shelf = format!("/v1/collections/{}/images", shelf["id"].as_str().expect("an id"));
    let made_from = |from: Value| json!({"prompt": "A fox", "quality": "low", "references": [from]});
    let masked =
        json!({"prompt": "A fox", "quality": "low", "references": [{"reference_id": own}], "mask_id": reference});
    let (of_reference, of_image) =
        (made_from(json!({"reference_id": reference})), made_from(json!({"image_id": image})));
    let images = json!({"image_ids": [image]});
    let mut bodies = vec![
        ("POST /v1/collections/{id}/images", "/image_ids/*", images.clone()),
        ("DELETE /v1/collections/{id}/images", "/image_ids/*", images.clone()),
        ("POST /v1/image-archives", "/image_ids/*", images),
        ("POST /v1/image-archives", "/collection_id", json!({"collection_id": collection})),
    ];
    for route in ["POST /v1/generations", "POST /v1/quotes"] {
        bodies.push((route, "/references/*/reference_id", of_reference.clone()));
        bodies.push((route, "/references/*/image_id", of_image.clone()));
        bodies.push((route, "/mask_id", masked.clone()));
    }
    for action in ["favour", "discard", "restore"] {
        bodies.push(("POST /v1/images/bulk", "/image_ids/*", json!({"action": action, "image_ids": [image]})));
    }
    let listed = bodies.iter().map(|(route, at, _)| ((*route).to_owned(), (*at).to_owned())).collect::<BTreeSet<_>>();
    let document: Value = owner.browser.get("/openapi.json").await.json();
    assert_eq!(listed, documented_ids(&document), "say here what a stranger sends to each");
    let looks = async || {
        let (image, shelves) = (format!("/v1/images/{image}"), "/v1/collections");
        (owner.get(&image).await.expect_status(200).json(), owner.get(shelves).await.expect_status(200).json())
    };
    let before = looks().await;
    for (route, at, body) in bodies {
        let (method, path) = route.split_once(' ').expect("a method");
        let path = path.replace("/v1/collections/{id}/images", &shelf);
        let ask = async |body: &Value| {
            let request = stranger.request(method.parse().expect("a method"), &path).json(body);
            let answer = Answer::of(request.header("Idempotency-Key", Uuid::now_v7().to_string()).send().await).await;
            let said = answer.json_or_null();
            (answer.status, said["type"].clone(), said["errors"].clone())
        };
        let nobody = Uuid::now_v7().to_string();
        let foreign = [&image, &reference, &collection];
        let text = foreign.iter().fold(body.to_string(), |text, id| text.replace(id.as_str(), &nobody));
        let (told, expected) = (ask(&body).await, ask(&serde_json::from_str(&text).expect("JSON")).await);
        assert_eq!(told, expected, "{route} {at}");
        assert!(told.0 < 500, "{route} {at}: {}", told.0);
    }
    assert_eq!(looks().await, before);
    let made = stranger.get("/v1/generations").await.expect_status(200).json();
    assert_eq!(made["data"], json!([]), "nothing was made from what is another's");
}

/// A body that is right, so that nothing but the owner is in the way.
pub fn body_for(path: &str, method: &reqwest::Method, image: &str) -> Option<Value> {
    match (path, method.as_str()) {
        ("/v1/collections/", "PATCH") => Some(json!({"name": "Mine"})),
        ("/v1/collections//images", "POST" | "DELETE") => Some(json!({"image_ids": [image]})),
        ("/v1/images//shares", "POST") | (_, "PATCH") => Some(json!({})),
        _ => None,
    }
}

/// A connection as a signed-in request of this person has it.
pub async fn as_person(app: &TestApp, person: &str, account: &str) -> PgConnection {
    let mut sql = PgConnection::connect(&app.database_url).await.expect("a connection");
    sql.execute("set role lapidary_person").await.expect("the role");
    for (name, value) in [("lapidary.person", person), ("lapidary.account", account)] {
        sqlx::query("select set_config($1, $2, false)")
            .bind(name)
            .bind(value)
            .execute(&mut sql)
            .await
            .expect("a setting");
    }
    sql
}

pub async fn ids_of(app: &TestApp, email: &str) -> (String, String) {
    let row = sqlx::query(
        "select p.id::text as person, l.account_id::text as account from people p
         join account_links l on l.person_id = p.id where p.email = $1",
    )
    .bind(email)
    .fetch_one(&mut app.sql().await)
    .await
    .expect("a person");
    (row.get("person"), row.get("account"))
}

#[actix_web::test]
async fn no_table_shows_the_person_role_anything_of_others() {
    let app = harness::start().await;
    let (owner, _stranger) = (app.person("Ada Lovelace").await, app.person("Grace Hopper").await);
    owner.make(&json!({"prompt": "A fox", "quality": "low"})).await;
    crate::payments::buy(&owner, "pouch").await;
    let (ada, ada_account) = ids_of(&app, "ada.lovelace@example.test").await;
    let (grace, grace_account) = ids_of(&app, "grace.hopper@example.test").await;
    let tables: Vec<String> = sqlx::query_scalar(
        "select table_name::text from information_schema.tables
         where table_schema = 'public' and table_type = 'BASE TABLE' and table_name <> '_sqlx_migrations'",
    )
    .fetch_all(&mut app.sql().await)
    .await
    .expect("tables");
    let mut sql = as_person(&app, &grace, &grace_account).await;
    let mut readable = 0;
    for table in &tables {
        // The whole row as text: an id of Ada's anywhere in it is one too many.
        let statement = format!("select count(*) from {table} t where t::text like $1 or t::text like $2");
        let found: Result<i64, _> = sqlx::query_scalar(sqlx::AssertSqlSafe(statement))
            .bind(format!("%{ada}%"))
            .bind(format!("%{ada_account}%"))
            .fetch_one(&mut sql)
            .await;
        match found {
            Ok(count) => {
                readable += 1;
                assert_eq!(count, 0, "{table} shows rows of somebody else");
            }
            Err(error) => assert!(error.to_string().contains("permission denied"), "{table}: {error}"),
        }
    }
    assert!(readable >= 8, "only {readable} tables could be read: {tables:?}");
}

#[actix_web::test]
async fn the_person_role_cannot_write_for_others_or_make_gems() {
    let app = harness::start().await;
    let (owner, _stranger) = (app.person("Ada Lovelace").await, app.person("Grace Hopper").await);
    owner.make(&json!({"prompt": "A fox", "quality": "low"})).await;
    let (ada, ada_account) = ids_of(&app, "ada.lovelace@example.test").await;
    let (grace, grace_account) = ids_of(&app, "grace.hopper@example.test").await;
    let mut sql = as_person(&app, &grace, &grace_account).await;
    for statement in [
        format!("update images set is_favourite = true where person_id = '{ada}'"),
        format!("update generations set status = 'cancelled' where person_id = '{ada}'"),
        format!("update gem_accounts set free = free + 1 where id = '{ada_account}'"),
        format!("update people set name = 'x' where id = '{ada}'"),
    ] {
        let done = sqlx::query(sqlx::AssertSqlSafe(statement.clone())).execute(&mut sql).await.expect("it runs");
        assert_eq!(done.rows_affected(), 0, "{statement}");
    }
    for statement in [
        "delete from images".to_owned(),
        "delete from gem_transfers".to_owned(),
        "update gem_transfers set amount = 1".to_owned(),
        "select * from refresh_tokens".to_owned(),
        "select * from signing_keys".to_owned(),
        format!("insert into events (person_id, kind, subject) values ('{ada}', 'x', '{ada}')"),
        format!(
            "insert into gem_transfers (id, account_id, debit, credit, amount, kind, reference, created_at)
             values (gen_random_uuid(), '{ada_account}', 'grants', 'free', 5, 'x', gen_random_uuid(), now())"
        ),
    ] {
        let done = sqlx::query(sqlx::AssertSqlSafe(statement.clone())).execute(&mut sql).await;
        assert!(done.is_err(), "{statement} was allowed");
    }
}

#[actix_web::test]
async fn the_ledger_is_append_only_even_for_its_owner() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    person.make(&json!({"prompt": "A fox", "quality": "low"})).await;
    let mut sql = app.sql().await;
    for statement in ["update gem_transfers set amount = amount", "delete from gem_transfers", "truncate gem_transfers"]
    {
        let error = sql.execute(statement).await.expect_err("refused");
        assert!(error.to_string().contains("append-only"), "{error}");
    }
}
