//! In a bucket that keeps versions, what is deleted is gone, too: every version, every mark of a deletion, and nobody else's.
//! Storage is asked with the plain client, not with our own list.
use aws_sdk_s3::Client;
use aws_sdk_s3::types::{BucketVersioningStatus, ServerSideEncryption, VersioningConfiguration};
use chrono::TimeDelta;
use futures_util::{StreamExt, TryStreamExt, stream};
use lapidary::images::orphans;
use lapidary::promises::retention::run;
use lapidary::work::schedule;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::crash::number;
use crate::erasure::{ask, audit, count, erase, receipt};
use crate::erasure_trail::{client, leave};
use crate::harness::{self, Person, TestApp};
use crate::isolation::ids_of;
use crate::retention::job;

/// More than storage tells of at once.
const MANY: usize = 1_005;

/// The bucket of an app, as its storage sees it.
struct Bucket {
    client: Client,
    name: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Version {
    key: String,
    id: String,
    is_latest: bool,
    is_mark: bool,
}

impl Bucket {
    /// From now on nothing that was written goes by itself.
    async fn keeps_versions(app: &TestApp) -> Self {
        let bucket = Self { client: client(app), name: app.app.settings.s3_bucket.clone() };
        let enabled = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
        let put = bucket.client.put_bucket_versioning().bucket(&bucket.name).versioning_configuration(enabled);
        put.send().await.expect("versions");
        let asked = bucket.client.get_bucket_versioning().bucket(&bucket.name).send().await.expect("an answer");
        assert_eq!(asked.status(), Some(&BucketVersioningStatus::Enabled));
        bucket
    }

    async fn below(&self, prefix: &str) -> Vec<Version> {
        let (mut all, mut key, mut id) = (Vec::new(), None, None);
        loop {
            let list = self.client.list_object_versions().bucket(&self.name).prefix(prefix);
            let page = list.set_key_marker(key).set_version_id_marker(id).send().await.expect("a list");
            all.extend(page.versions().iter().map(|it| Version {
                key: it.key().expect("a key").to_owned(),
                id: it.version_id().expect("an id").to_owned(),
                is_latest: it.is_latest().expect("a word"),
                is_mark: false,
            }));
            all.extend(page.delete_markers().iter().map(|it| Version {
                key: it.key().expect("a key").to_owned(),
                id: it.version_id().expect("an id").to_owned(),
                is_latest: it.is_latest().expect("a word"),
                is_mark: true,
            }));
            if page.is_truncated() != Some(true) {
                return all;
            }
            (key, id) = (page.next_key_marker().map(str::to_owned), page.next_version_id_marker().map(str::to_owned));
        }
    }

    async fn of(&self, person: Uuid) -> Vec<Version> {
        self.below(&format!("users/{person}/")).await
    }

    async fn write(&self, key: &str, times: usize) {
        let puts = (0..times).map(|n| {
            let put = self.client.put_object().bucket(&self.name).key(key).body(n.to_string().into_bytes().into());
            put.server_side_encryption(ServerSideEncryption::Aes256).send()
        });
        stream::iter(puts).buffer_unordered(16).try_collect::<Vec<_>>().await.expect("written");
    }

    async fn mark(&self, key: &str) {
        self.client.delete_object().bucket(&self.name).key(key).send().await.expect("deleted");
    }

    /// Everything is written over, and what is called so is deleted.
    async fn stir(&self, person: Uuid, deleted: &str) {
        for Version { key, .. } in self.of(person).await.into_iter().filter(|it| it.is_latest && !it.is_mark) {
            self.write(&key, 2).await;
            if key.contains(deleted) {
                self.mark(&key).await;
                self.mark(&key).await;
            }
        }
    }
}

/// Originals among what a reader gets of pictures, and the rest.
fn pictures(versions: &[Version]) -> (i64, i64) {
    let current = versions.iter().filter(|it| it.is_latest && !it.is_mark && it.key.contains("/images/"));
    let (originals, rest): (Vec<_>, Vec<_>) = current.partition(|it| it.key.contains("/original."));
    (originals.len() as i64, rest.len() as i64)
}

fn is_mixed(versions: &[Version]) -> bool {
    let has = |is: fn(&Version) -> bool| versions.iter().any(is);
    has(|it| it.is_mark) && has(|it| !it.is_latest && !it.is_mark) && has(|it| it.is_latest && !it.is_mark)
}

async fn id_of(app: &TestApp, email: &str) -> Uuid {
    ids_of(app, email).await.0.parse().expect("an id")
}

async fn make(person: &Person<'_>) -> Value {
    let made = person.make(&json!({"prompt": "A fox", "quality": "low"})).await;
    assert_eq!(made["status"], "succeeded", "{made}");
    made["images"][0].clone()
}

/// As `make`, and out of the trash as if 30 days were over.
async fn make_and_forget(app: &TestApp, person: &Person<'_>) {
    let image = make(person).await["id"].as_str().expect("an id").to_owned();
    person.delete(&format!("/v1/images/{image}")).await.expect_status(204);
    let now = app.app.clock.now();
    let aged = sqlx::query("update images set deleted_at = $2 where id = $1::uuid");
    aged.bind(&image).bind(now - TimeDelta::days(31)).execute(&mut app.sql().await).await.expect("back-dated");
    let done = run::one(&app.app, job("trash"), now).await.expect("it runs").expect("counts");
    assert_eq!(done.deleted, 1);
}

#[actix_web::test]
async fn an_erased_account_leaves_no_version_and_no_mark_of_a_deletion_in_a_bucket_that_keeps_them() {
    let app = harness::start().await;
    let (ada, grace) = (app.person("Ada Lovelace").await, app.person("Grace Hopper").await);
    let (trail, other) = (leave(&app, &ada, "Ada Lovelace").await, leave(&app, &grace, "Grace Hopper").await);
    // What was there before has no version of its own.
    let bucket = Bucket::keeps_versions(&app).await;
    for (person, id) in [(&ada, trail.person), (&grace, other.person)] {
        bucket.stir(id, "/thumbnail").await;
        make(person).await;
        make_and_forget(&app, person).await;
        person.reference(40, 30, 7).await;
        bucket.mark(&format!("users/{id}/never-was")).await;
    }
    // One key that does not fit on a page, in the middle of the others.
    let hers = bucket.of(trail.person).await;
    let original = hers.iter().find(|it| it.is_latest && !it.is_mark && it.key.contains("/original.")).expect("one");
    bucket.write(&original.key, MANY).await;
    let (hers, before) = (bucket.of(trail.person).await, bucket.of(other.person).await);
    assert!(is_mixed(&hers) && is_mixed(&before) && hers.len() > MANY, "{} and {}", hers.len(), before.len());
    assert!(hers.iter().any(|it| it.id == "null") && before.iter().any(|it| it.id == "null"));
    let asked = ask(&ada).await;
    erase(&app).await;
    assert_eq!(bucket.of(trail.person).await, [], "under the folder of who was erased");
    let buckets = bucket.client.list_buckets().send().await.expect("buckets");
    let mut names = buckets.buckets().iter().filter_map(|it| it.name());
    assert!(names.all(|name| name.starts_with("test-")), "what storage keeps aside is no bucket");
    assert!(bucket.of(other.person).await == before, "another person's versions are as they were");
    let found = trail.found(&app).await;
    assert!(found.is_empty(), "{found:#?}");
    let receipt = receipt(&app, &asked).await.expect_status(200).json();
    assert_eq!(receipt["status"], "finished");
    let counted = (count(&receipt, "objects", "images"), count(&receipt, "objects", "thumbnails"));
    assert_eq!((counted, counted), (pictures(&hers), (3, 4)), "versions and marks are no pictures");
    assert_eq!(count(&receipt, "objects", "others"), 1, "a mark is nothing that was there");
    audit(&app).await;
}

#[actix_web::test]
async fn all_pictures_that_are_deleted_leave_no_version_and_no_mark_in_a_bucket_that_keeps_them() {
    let app = harness::start().await;
    let (ada, grace) = (app.person("Ada Lovelace").await, app.person("Grace Hopper").await);
    let bucket = Bucket::keeps_versions(&app).await;
    let (her, other) = (id_of(&app, "ada.lovelace@example.test").await, id_of(&app, "grace.hopper@example.test").await);
    for (person, id) in [(&ada, her), (&grace, other)] {
        for _ in 0..2 {
            make(person).await;
        }
        make_and_forget(&app, person).await;
        person.reference(40, 30, 0).await;
        let gone = person.reference(40, 30, 1).await;
        person.delete(&format!("/v1/references/{gone}")).await.expect_status(204);
        bucket.stir(id, "/thumbnail").await;
        // The rough look of a picture goes when that is done: for who does not see versions.
        let preview = format!("users/{id}/previews/{}/1/0.png", Uuid::now_v7());
        bucket.write(&preview, 1).await;
        bucket.mark(&preview).await;
    }
    let (hers, before) = (bucket.of(her).await, bucket.of(other).await);
    assert!(is_mixed(&hers) && is_mixed(&before));
    let asked = ada.delete("/v1/images").await.expect_status(202).json();
    erase(&app).await;
    let left: Vec<Version> = bucket.of(her).await.into_iter().filter(|it| !it.key.ends_with("/picture")).collect();
    assert_eq!(left, [], "of her pictures");
    assert!(bucket.of(other).await == before, "another person's versions are as they were");
    let receipt = receipt(&app, &asked).await.expect_status(200).json();
    assert_eq!((receipt["status"].as_str(), pictures(&hers).0), (Some("finished"), 2));
    assert_eq!(count(&receipt, "objects", "images"), 2, "two pictures, however often they were written");
    ada.get("/v1/me").await.expect_status(200);
}

#[actix_web::test]
async fn the_daily_sweep_removes_every_version_of_what_was_deleted_and_none_of_what_stays() {
    let app = harness::start().await;
    let ada = app.person("Ada Lovelace").await;
    let her = id_of(&app, "ada.lovelace@example.test").await;
    let bucket = Bucket::keeps_versions(&app).await;
    let (goes, stays) = (make(&ada).await, make(&ada).await);
    let folder = |image: &Value| format!("users/{her}/images/{}/", image["id"].as_str().expect("an id"));
    let (goes_in, stays_in) = (folder(&goes), folder(&stays));
    // More than what a page may lose, if it were lost.
    let original = bucket.below(&goes_in).await.into_iter().find(|it| it.key.contains("/original.")).expect("one").key;
    bucket.write(&original, 150).await;
    bucket.write(&format!("users/{her}/picture"), 2).await;
    sqlx::query("update people set picture_key = $2 where id = $1")
        .bind(her)
        .bind(format!("users/{her}/picture"))
        .execute(&mut app.sql().await)
        .await
        .expect("a picture");
    ada.delete(&format!("/v1/images/{}", goes["id"].as_str().expect("an id"))).await.expect_status(204);
    let kept = bucket.below(&stays_in).await;
    app.app.clock.advance(TimeDelta::days(31));
    schedule::keep_house(&app.app).await;
    assert_eq!(number(&app, "select count(*) from images").await, 1, "the trash is emptied");
    let hidden = bucket.below(&goes_in).await;
    assert!(hidden.len() > 150 && hidden.iter().all(|it| it.is_mark == it.is_latest), "{hidden:?}");
    // The first run only looks, and the next day one deletes.
    orphans::daily(&app.app).await.expect("a look");
    assert_eq!(bucket.below(&goes_in).await, hidden);
    app.app.clock.advance(TimeDelta::hours(25));
    orphans::daily(&app.app).await.expect("a sweep");
    assert_eq!(bucket.below(&goes_in).await, [], "of what was in the trash");
    assert_eq!(bucket.below(&stays_in).await, kept);
    let picture = bucket.below(&format!("users/{her}/picture")).await;
    assert_eq!(picture.iter().map(|it| it.is_latest).collect::<Vec<_>>(), [true], "older pictures of her are gone");
}
