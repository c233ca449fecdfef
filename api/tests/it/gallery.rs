//! The gallery as a whole: search in any language, filters, what they count, blocks, neighbours, and one change to many.
use std::collections::BTreeMap;

use lapidary::images::{trash, words};
use serde_json::{Value, json};
use sqlx::{Connection, Executor, Row};
use uuid::Uuid;

use crate::harness::{self, Person, TestApp};
use crate::isolation::{as_person, ids_of};

/// An image of each prompt, oldest first; their ids.
pub async fn make_each(person: &Person<'_>, prompts: &[&str]) -> Vec<String> {
    let mut ids = Vec::new();
    for prompt in prompts {
        let made = person.make(&json!({"prompt": prompt, "quality": "low", "size": "1024x640"})).await;
        ids.push(made["images"][0]["id"].as_str().expect("an id").to_owned());
    }
    ids
}

/// Rows like the one of this image, the oldest first and older than it, without objects of their own.
pub async fn multiply(app: &TestApp, image: &str, times: i32) {
    sqlx::query(
        "insert into images (id, generation_id, person_id, position, object_prefix, extension, content_type, bytes, width,
           height, thumbhash, price_gems, created_at, prompt, attributes, model, quality, search)
         select gen_random_uuid(), generation_id, person_id, 1000 + n, object_prefix, extension, content_type, bytes, width,
           height, thumbhash, 0, created_at - (n / 3) * interval '1 minute', prompt, attributes, model, quality, search
         from images, generate_series(1, $2) n where id = $1",
    )
    .bind(image.parse::<Uuid>().expect("an id"))
    .bind(times)
    .execute(&mut app.sql().await)
    .await
    .expect("copies");
}

fn ids(list: &Value) -> Vec<String> {
    list["data"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|image| image["id"].as_str().expect("an id").to_owned())
        .collect()
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

async fn found(person: &Person<'_>, query: &str) -> Vec<String> {
    ids(&person.get(&format!("/v1/images?{query}")).await.expect_status(200).json())
}

async fn searched(person: &Person<'_>, words: &str) -> Vec<String> {
    found(person, &format!("q={}", encoded(words))).await
}

/// What the table of counts says, and what the images say.
async fn assert_counts_are_true(app: &TestApp) {
    let truth = "select i.person_id::text, f.kind, f.section, f.value, count(*) from images i
      cross join lateral facets_of(i.created_at, i.is_favourite, i.model, i.attributes) f where i.deleted_at is null
      group by 1, 2, 3, 4 order by 1, 2, 3, 4";
    let kept =
        "select person_id::text, kind, section, value, images from image_counts where images <> 0 order by 1, 2, 3, 4";
    let mut sql = app.sql().await;
    let mut read = async |statement: &'static str| -> Vec<(String, String, String, String, i64)> {
        let rows = sqlx::query(statement).fetch_all(&mut sql).await.expect("counts");
        rows.iter().map(|row| (row.get(0), row.get(1), row.get(2), row.get(3), row.get(4))).collect()
    };
    assert_eq!(read(kept).await, read(truth).await);
}

#[actix_web::test]
async fn an_image_is_found_by_words_of_any_language() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let prompts = [
        "A red fox in the snow",
        "Eine süße Füchsin auf der Straße",
        "雪地里的一只狐狸",
        "夕焼けの中のキツネ",
        "แมวน้อยนั่งบนหลังคา",
        "ثعلب في الثلج",
        "Лиса на снегу",
        "Sunrise over the sea 🦊",
    ];
    let made = make_each(&person, &prompts).await;
    for (query, at) in [
        ("fox", 0),
        ("SNOW re", 0),
        ("Füchsin", 1),
        ("fuchsin STRASSE", 1),
        ("狐狸", 2),
        ("狸", 2),
        ("一只", 2),
        ("キツネ", 3),
        ("け", 3),
        ("ｷﾂﾈ", 3),
        ("แมว", 4),
        ("หลังคา", 4),
        ("الثلج", 5),
        ("лис", 6),
        ("СНЕГУ", 6),
        ("🦊", 7),
        ("sea sun", 7),
        // No word of the database's own language for searches.
        ("'fox & !snow | \\ ':*", 0),
    ] {
        assert_eq!(searched(&person, query).await, [made[at].as_str()], "{query}");
    }
    for nothing in ["dog", "ox", "狐 fox", "!!!"] {
        assert!(searched(&person, nothing).await.is_empty(), "{nothing}");
    }
    assert_eq!(searched(&person, "  ").await.len(), prompts.len(), "no words are no filter");
    let problem = person.get(&format!("/v1/images?q={}", "x".repeat(201))).await.expect_problem(422, "invalid");
    assert_eq!((&problem["errors"][0]["pointer"], &problem["errors"][0]["code"]), (&json!("?q"), &json!("too_long")));
}

#[actix_web::test]
async fn nobody_finds_what_is_anothers() {
    let app = harness::start().await;
    let (owner, stranger) = (app.person("Ada Lovelace").await, app.person("Grace Hopper").await);
    let made = make_each(&owner, &["A red fox in the snow"]).await;
    assert_eq!(searched(&owner, "fox").await, made);
    for query in ["q=fox", "q=f", "model=gpt-image-2.5-flare", "quality=low", "from=2020-01-01"] {
        assert!(found(&stranger, query).await.is_empty(), "{query}");
        let blocks = stranger.get(&format!("/v1/images/blocks?{query}")).await.expect_status(200).json();
        assert_eq!(blocks, json!({"total": 0, "blocks": []}));
        let facets = stranger.get(&format!("/v1/images/facets?{query}")).await.expect_status(200).json();
        assert_eq!((&facets["total"], &facets["models"]), (&json!(0), &json!([])));
    }
    // In the database itself: as somebody else, as the owner of everything, and as nobody.
    let find = "select count(*) from found_images($1, '{}', false, false, null, null, null, null, null, false, null)";
    let everything =
        "select count(*) from found_images('{}', '{}', false, false, null, null, null, null, null, false, null)";
    let ((ada, ada_account), (grace, grace_account)) =
        (ids_of(&app, "ada.lovelace@example.test").await, ids_of(&app, "grace.hopper@example.test").await);
    // Also where somebody guesses how tokens begin.
    let guesses = ["wfox".to_owned(), format!("{}wfox", &ada[28..]), format!("' | {}wfox", &ada[28..])];
    for (person, account, expected) in [(&ada, &ada_account, 1), (&grace, &grace_account, 0)] {
        let mut sql = as_person(&app, person, account).await;
        let count: i64 = sqlx::query_scalar(everything).fetch_one(&mut sql).await.expect("a count");
        assert_eq!(count, expected);
        for (index, guess) in guesses.iter().enumerate() {
            let count: i64 =
                sqlx::query_scalar(find).bind(vec![guess.clone()]).fetch_one(&mut sql).await.expect("a count");
            assert_eq!(count, if index == 0 { expected } else { 0 }, "{guess}");
        }
    }
    let mut nobody = sqlx::PgConnection::connect(&app.database_url).await.expect("a connection");
    for role in ["select 1", "set role lapidary_person"] {
        nobody.execute(role).await.expect("a role");
        let refused = nobody.execute(everything).await.expect_err("nobody is signed in");
        assert!(refused.to_string().contains("nobody is signed in"), "{refused}");
    }
    let written = nobody.execute("insert into image_counts values (gen_random_uuid(), 'total', '', '', 1)").await;
    assert!(written.expect_err("refused").to_string().contains("permission denied"));
}

#[actix_web::test]
async fn filters_hold_together_and_are_counted_exactly() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let mut made = Vec::new();
    for (prompt, light, mood, quality) in [
        ("A fox", "golden hour", Some("calm"), "low"),
        ("A fox at sea", "golden hour", None, "low"),
        ("A lighthouse", "rim light", Some("calm"), "medium"),
    ] {
        let mut attributes = vec![json!({"section": "Light", "value": light})];
        attributes.extend(mood.map(|mood| json!({"section": "Mood", "value": mood})));
        let body = json!({"prompt": prompt, "attributes": attributes, "quality": quality, "size": "1024x640"});
        made.push(person.make(&body).await["images"][0]["id"].as_str().expect("an id").to_owned());
    }
    let age = "update images set created_at = created_at - interval '40 days' where id::text = $1";
    sqlx::query(age).bind(&made[0]).execute(&mut app.sql().await).await.expect("older");
    sqlx::query("truncate image_counts").execute(&mut app.sql().await).await.expect("emptied");
    let again = "insert into image_counts select i.person_id, f.kind, f.section, f.value, count(*) from images i
      cross join lateral facets_of(i.created_at, i.is_favourite, i.model, i.attributes) f group by 1, 2, 3, 4";
    sqlx::query(again).execute(&mut app.sql().await).await.expect("counted");
    person.patch(&format!("/v1/images/{}", made[1]), &json!({"is_favourite": true})).await.expect_status(200);
    let (first, second, third) = (made[0].as_str(), made[1].as_str(), made[2].as_str());
    let today = app.app.clock.today().to_string();
    for (query, expected) in [
        ("q=fox", vec![second, first]),
        ("q=golden", vec![second, first]),
        ("attribute=Light%3Agolden+hour", vec![second, first]),
        ("attribute=Light%3Agolden+hour&attribute=Mood%3Acalm", vec![first]),
        ("attribute=Mood%3Acalm&q=light", vec![third, first]),
        ("attribute=Light%3Agolden", vec![]),
        ("quality=medium", vec![third]),
        ("model=gpt-image-2.5-flare&quality=low&favourite=true", vec![second]),
        ("q=fox&favourite=true", vec![second]),
        (&format!("to={today}&from={today}"), vec![third, second]),
        (&format!("q=fox&from={today}"), vec![second]),
        ("to=2020-01-01T00:00:00Z", vec![]),
        (&format!("collection={}", Uuid::now_v7()), vec![]),
        ("trash=true&q=fox", vec![]),
    ] {
        assert_eq!(found(&person, query).await, expected, "{query}");
        let facets = person.get(&format!("/v1/images/facets?{query}")).await.expect_status(200).json();
        assert_eq!(facets["total"], expected.len(), "{query}");
        let blocks = person.get(&format!("/v1/images/blocks?{query}")).await.expect_status(200).json();
        assert_eq!(blocks["total"], expected.len(), "{query}");
    }
    let facets = person.get("/v1/images/facets").await.expect_status(200).json();
    assert_eq!((&facets["total"], &facets["favourites"]), (&json!(3), &json!(1)));
    let of = |facets: &Value, section: &str| -> BTreeMap<String, i64> {
        let sections = facets["attributes"].as_array().expect("sections");
        let found = sections.iter().find(|known| known["section"] == section).expect("the section");
        let pair = |value: &Value| {
            (value["value"].as_str().expect("a text").to_owned(), value["count"].as_i64().expect("a count"))
        };
        found["values"].as_array().expect("values").iter().map(pair).collect()
    };
    assert_eq!(of(&facets, "Light"), BTreeMap::from([("golden hour".into(), 2), ("rim light".into(), 1)]));
    assert_eq!(facets["attributes"][0]["section"], "Light", "the most used first");
    assert_eq!(facets["months"].as_array().map(Vec::len), Some(2));
    assert_eq!(facets["models"], json!([{"value": "gpt-image-2.5-flare", "count": 3}]));
    let facets = person.get("/v1/images/facets?q=fox").await.expect_status(200).json();
    assert_eq!(of(&facets, "Mood"), BTreeMap::from([("calm".into(), 1)]));
    assert_counts_are_true(&app).await;
    collected(&app, &person, second, third).await;
}

/// A collection narrows what else is asked for; another's is empty.
async fn collected(app: &TestApp, person: &Person<'_>, fox: &str, lighthouse: &str) {
    let collection = Uuid::now_v7();
    let (ada, _) = ids_of(app, "ada.lovelace@example.test").await;
    let mut sql = app.sql().await;
    sqlx::query("insert into collections (id, person_id, name, created_at) values ($1, $2::uuid, 'Best', now())")
        .bind(collection)
        .bind(&ada)
        .execute(&mut sql)
        .await
        .expect("a collection");
    sqlx::query("insert into collection_images select $1, id, person_id, now() from images where id::text = any($2)")
        .bind(collection)
        .bind(vec![fox.to_owned(), lighthouse.to_owned()])
        .execute(&mut sql)
        .await
        .expect("collected");
    assert_eq!(found(person, &format!("collection={collection}")).await, [lighthouse, fox]);
    assert_eq!(found(person, &format!("collection={collection}&q=fox")).await, [fox]);
    let stranger = app.person("Grace Hopper").await;
    assert!(found(&stranger, &format!("collection={collection}")).await.is_empty());
}

#[actix_web::test]
async fn blocks_are_read_exactly_by_their_cursors() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    // The fox is older than more foxless images than are looked through one by one.
    let made = make_each(&person, &["A fox far behind", "A lighthouse"]).await;
    let older = "update images set created_at = created_at - interval '2 days' where id::text = $1";
    sqlx::query(older).bind(&made[0]).execute(&mut app.sql().await).await.expect("older");
    multiply(&app, &made[1], 1_203).await;
    for (filters, total) in [("", 1_205), ("q=lighthouse", 1_204), ("attribute=No%3Asuch", 0), ("q=fox", 1)] {
        let whole = person.get(&format!("/v1/images/blocks?{filters}")).await.expect_status(200).json();
        assert_eq!(whole["total"], total, "{filters}");
        let blocks = whole["blocks"].as_array().expect("blocks");
        assert_eq!(blocks.len(), usize::try_from((total + 99) / 100).expect("few"), "{filters}");
        let mut seen: Vec<String> = Vec::new();
        for block in blocks {
            let cursor = block["cursor"].as_str().map_or_else(String::new, |cursor| format!("&cursor={cursor}"));
            let page = person.get(&format!("/v1/images?{filters}&limit=100{cursor}").replace("?&", "?")).await;
            let page = page.expect_status(200).json();
            let images = page["data"].as_array().expect("images");
            assert_eq!(i64::try_from(images.len()).ok(), block["count"].as_i64(), "{filters}");
            assert_eq!(images[0]["created_at"], block["newest_at"]);
            assert_eq!(images[images.len() - 1]["created_at"], block["oldest_at"]);
            seen.extend(ids(&page));
        }
        let all = seen.len();
        seen.sort();
        seen.dedup();
        assert_eq!((seen.len(), all), (usize::try_from(total).expect("few"), seen.len()), "{filters}: gaps or repeats");
    }
    assert_counts_are_true(&app).await;
}

#[actix_web::test]
async fn neighbours_are_those_of_the_list_that_is_asked_for() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let made = make_each(&person, &["A fox", "A lighthouse", "Another fox", "A fox at sea"]).await;
    let beside = async |id: &str, query: &str| {
        let path = format!("/v1/images/{id}/neighbours?{query}");
        let found = person.get(&path).await.expect_status(200).json();
        (found["newer"].as_str().map(str::to_owned), found["older"].as_str().map(str::to_owned))
    };
    let some = |id: &str| Some(id.to_owned());
    assert_eq!(beside(&made[2], "").await, (some(&made[3]), some(&made[1])));
    assert_eq!(beside(&made[2], "q=fox").await, (some(&made[3]), some(&made[0])));
    assert_eq!(beside(&made[3], "q=fox").await, (None, some(&made[2])));
    assert_eq!(beside(&made[1], "q=fox").await, (some(&made[2]), some(&made[0])), "one that is not in it, by its time");
    for id in [&made[0], &made[2]] {
        person.delete(&format!("/v1/images/{id}")).await.expect_status(204);
    }
    assert_eq!(beside(&made[3], "").await, (None, some(&made[1])));
    assert_eq!(beside(&made[2], "trash=true").await, (None, some(&made[0])));
    let stranger = app.person("Grace Hopper").await;
    stranger.get(&format!("/v1/images/{}/neighbours", made[1])).await.expect_problem(404, "not-found");
}

#[actix_web::test]
async fn one_change_to_many_images_counts_only_ones_own_and_only_once() {
    let app = harness::start().await;
    let (person, stranger) = (app.person("Ada Lovelace").await, app.person("Grace Hopper").await);
    let made = make_each(&person, &["A fox", "A lighthouse"]).await;
    let theirs = make_each(&stranger, &["A fox of somebody else"]).await;
    let all: Vec<&String> = made.iter().chain(&theirs).chain(&made).collect();
    let change = async |action: &str| {
        let body = json!({"action": action, "image_ids": all});
        person.post("/v1/images/bulk", &body).await.expect_status(200).json()["changed"].as_i64()
    };
    for (action, first) in [("favour", 2), ("unfavour", 2), ("discard", 2), ("restore", 2), ("favour", 2)] {
        assert_eq!((change(action).await, change(action).await), (Some(first), Some(0)), "{action}");
        assert_counts_are_true(&app).await;
    }
    assert_eq!(found(&person, "favourite=true").await.len(), 2);
    assert!(found(&stranger, "favourite=true").await.is_empty());
    change("discard").await;
    sqlx::query("update images set deleted_at = deleted_at - interval '31 days' where deleted_at is not null")
        .execute(&mut app.sql().await)
        .await
        .expect("older");
    assert_eq!(change("restore").await, Some(0), "what is being erased stays where it is");
    trash::empty(&app.app, app.app.clock.now()).await.expect("it runs");
    assert_counts_are_true(&app).await;
    for (body, code) in [
        (json!({"action": "favour", "image_ids": []}), "required"),
        (json!({"action": "favour", "image_ids": vec![Uuid::now_v7(); 501]}), "too_many"),
    ] {
        let problem = person.post("/v1/images/bulk", &body).await.expect_problem(422, "invalid");
        assert_eq!(
            problem["errors"][0],
            json!({"pointer": "/image_ids", "code": code, "detail": problem["errors"][0]["detail"]})
        );
    }
}

#[actix_web::test]
async fn a_few_changes_are_told_one_by_one_and_many_as_one() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let made = make_each(&person, &["A fox"]).await;
    multiply(&app, &made[0], 99).await;
    let all = found(&person, "limit=100").await;
    let told = async || -> Vec<String> {
        sqlx::query_scalar("select kind from events where kind like 'image%' order by id")
            .fetch_all(&mut app.sql().await)
            .await
            .expect("events")
    };
    person.post("/v1/images/bulk", &json!({"action": "favour", "image_ids": all[..3]})).await.expect_status(200);
    assert_eq!(told().await, ["image"; 3]);
    person.post("/v1/images/bulk", &json!({"action": "discard", "image_ids": all})).await.expect_status(200);
    assert_eq!(told().await, ["image", "image", "image", "images"]);
    assert_counts_are_true(&app).await;
}

#[actix_web::test]
async fn images_from_before_the_search_are_cut_by_a_job_that_leaves_a_trace() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let made = make_each(&person, &["A fox", "雪の中の狐"]).await;
    multiply(&app, &made[0], 600).await;
    sqlx::query("update images set search = null").execute(&mut app.sql().await).await.expect("as before");
    assert!(searched(&person, "fox").await.is_empty());
    words::cut_old(&app.app).await.expect("it runs");
    assert_eq!(searched(&person, "狐").await, [made[1].as_str()]);
    let blocks = person.get("/v1/images/blocks?q=fox").await.expect_status(200).json();
    assert_eq!(blocks["total"], 601);
    let trace = "select seen, finished_at is not null from sweep_runs where kind = 'words'";
    let traces: Vec<(i64, bool)> = sqlx::query_as(trace).fetch_all(&mut app.sql().await).await.expect("traces");
    assert_eq!(traces, [(602, true)]);
    words::cut_old(&app.app).await.expect("it runs");
    let runs: i64 = sqlx::query_scalar("select count(*) from sweep_runs where kind = 'words'")
        .fetch_one(&mut app.sql().await)
        .await
        .expect("a count");
    assert_eq!(runs, 1, "nothing to do leaves no trace");
}

#[actix_web::test]
async fn a_wrong_filter_gets_a_clear_answer() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    for (query, pointer, code) in [
        ("colour=red", "?colour", "unknown_field"),
        ("q=a&q=b", "?q", "duplicate"),
        ("attribute=Light", "?attribute", "wrong_type"),
        ("q=a%00b", "?q", "contains_nul"),
        ("from=yesterday", "?from", "wrong_type"),
        ("from=2026-11-02&to=2026-11-01", "?to", "out_of_range"),
        ("favourite=true&trash=true", "?favourite", "not_available"),
    ] {
        for path in ["/v1/images", "/v1/images/facets", "/v1/images/blocks"] {
            let problem = person.get(&format!("{path}?{query}")).await.expect_problem(422, "invalid");
            let error = &problem["errors"][0];
            assert_eq!((&error["pointer"], &error["code"]), (&json!(pointer), &json!(code)), "{path}?{query}");
        }
    }
    person.get("/v1/images?collection=best").await.expect_problem(400, "malformed-request");
    person.get("/v1/images/blocks?limit=5").await.expect_problem(422, "invalid");
}

/// How often these indexes were read, as PostgreSQL counts; it counts a moment later.
async fn reads_of(app: &TestApp, indexes: &[&str]) -> i64 {
    let counted = "select sum(idx_scan)::bigint from pg_stat_user_indexes where indexrelname = any($1)";
    sqlx::query_scalar(counted).bind(indexes).fetch_one(&mut app.sql().await).await.expect("a count")
}

#[actix_web::test]
async fn a_page_reads_the_index_of_its_person_and_nobody_elses_images_however_much_is_theirs() {
    let app = harness::start().await;
    let (ada, grace) = (app.person("Ada Lovelace").await, app.person("Grace Hopper").await);
    let adas = make_each(&ada, &["A fox"]).await.swap_remove(0);
    let graces = make_each(&grace, &["A boat"]).await.swap_remove(0);
    // Every tenth is Ada's, in the order in which they were made: read by time, hers seem near each other.
    let many = "insert into images (id, generation_id, person_id, position, object_prefix, extension, content_type, bytes, width,
           height, thumbhash, price_gems, created_at, prompt, attributes, model, quality, search)
         select gen_random_uuid(), generation_id, person_id, 1000 + n, object_prefix, extension, content_type, bytes, width,
           height, thumbhash, 0, created_at - (20000 - n) * interval '1 second', prompt, attributes, model, quality, search
         from generate_series(1, 20000) n join images on id = case when n % 10 = 0 then $1 else $2 end order by n";
    let (adas, graces): (Uuid, Uuid) = (adas.parse().expect("an id"), graces.parse().expect("an id"));
    let mut sql = app.sql().await;
    sqlx::query(many).bind(adas).bind(graces).execute(&mut sql).await.expect("many");
    sql.execute("vacuum (analyze) images").await.expect("known");
    let (one, all) = (["images_by_person", "images_of_person"], ["images_by_time"]);
    let (of_one, of_all) = (reads_of(&app, &one).await, reads_of(&app, &all).await);
    let mut path = "/v1/images?limit=50".to_owned();
    for _ in 0..8 {
        let page = ada.get(&path).await.expect_status(200).json();
        path = format!("/v1/images?limit=50&cursor={}", page["next_cursor"].as_str().expect("a cursor"));
    }
    let mut beat = tokio::time::interval(std::time::Duration::from_millis(100));
    let is_counted = async {
        while reads_of(&app, &one).await < of_one + 8 {
            beat.tick().await;
        }
    };
    let waited = tokio::time::timeout(std::time::Duration::from_secs(20), is_counted).await;
    assert!(waited.is_ok(), "the index of a person is not read");
    assert_eq!(reads_of(&app, &all).await, of_all, "everybody's images were read");
}
