//! Whose bucket it is: a database that does not know it sweeps nothing there.
use chrono::TimeDelta;
use lapidary::images::orphans::{self, SweepError};
use lapidary::images::owner::{self, OwnerError};
use uuid::Uuid;

use crate::harness;

#[actix_web::test]
async fn a_bucket_of_another_database_is_not_swept() {
    let ours = harness::start().await;
    ours.person("Ada Lovelace").await.make(&serde_json::json!({"prompt": "A fox", "quality": "low"})).await;
    // Another installation, by mistake on the same bucket: none of its rows knows what lies there.
    let bucket = ours.arguments.iter().find(|flag| flag.starts_with("--s3-bucket=")).expect("a bucket").clone();
    let theirs = harness::start_with(&[bucket]).await;
    sqlx::query("update installation set id = $1")
        .bind(Uuid::now_v7())
        .execute(&mut theirs.sql().await)
        .await
        .expect("ok");
    theirs.app.clock.advance(TimeDelta::hours(25));
    let refused = orphans::sweep(&theirs.app, false).await.expect_err("a refusal");
    assert!(matches!(refused, SweepError::Owner(OwnerError::Others)), "{refused}");
    let claimed = owner::claim(theirs.app.db.house(), &theirs.app.store).await.expect_err("a refusal");
    assert!(claimed.to_string().contains("another database"), "{claimed}");
    ours.app.clock.advance(TimeDelta::hours(25));
    let report = orphans::sweep(&ours.app, false).await.expect("a sweep").expect("a report");
    assert_eq!((report.counts.deleted, report.counts.missing), (0, 0));
}

#[actix_web::test]
async fn too_many_orphans_are_an_alarm_and_not_a_sweep() {
    let app = harness::start().await;
    for _ in 0..101 {
        let key = format!("users/{}/images/{}/1/original.png", Uuid::now_v7(), Uuid::now_v7());
        app.app.store.put(&key, vec![1_u8; 8], "image/png").await.expect("stored");
    }
    app.app.clock.advance(TimeDelta::hours(25));
    let refused = orphans::sweep(&app.app, false).await.expect_err("a refusal");
    assert!(matches!(refused, SweepError::TooMany { orphans: 101, old: 101 }), "{refused}");
}
