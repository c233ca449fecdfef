//! Every way a database fails for a while: requests are told when to come back, nothing hangs, nothing is held, and what
//! was made is kept.
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use futures_util::future::join_all;
use lapidary::db::Actor;
use lapidary::work::{Background, queue};
use lapidary_sandbox::postgres::{self, Options};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use uuid::Uuid;

use crate::crash::{number, until_status};
use crate::harness::{self, TestApp};

fn small() -> Value {
    json!({"prompt": "A fox", "quality": "low"})
}

/// The first `times` inserts into `table` fail with this SQLSTATE; a sequence does not roll back.
async fn refuse(app: &TestApp, table: &str, code: &str, times: u32) {
    let mut sql = app.sql().await;
    for statement in [
        "drop sequence if exists tries cascade".to_owned(),
        "create sequence tries".to_owned(),
        format!(
            "create or replace function refuse() returns trigger language plpgsql security definer as
             $$ begin if nextval('tries') <= {times} then raise 'not now' using errcode = '{code}'; end if;
             return new; end $$"
        ),
        format!("create or replace trigger refuse before insert on {table} for each row execute function refuse()"),
    ] {
        sql.execute(AssertSqlSafe(statement)).await.expect("set up");
    }
}

async fn end_connections(app: &TestApp) {
    let mut sql = app.sql().await;
    sql.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and pid <> pg_backend_pid()",
    )
    .await
    .expect("connections are closed");
}

#[actix_web::test]
async fn whatever_is_wrong_with_the_database_for_a_while_is_a_503_that_says_when_to_come_back() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let before = person.gems().await;
    for code in ["53100", "53200", "53300", "25006", "40001", "40P01", "55P03", "57014", "58030"] {
        // More often than anything here tries again.
        refuse(&app, "generations", code, 9).await;
        let key = Uuid::now_v7().to_string();
        let answer = person.submit_with(&key, &small()).await;
        assert!(answer.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds > 0), "{code}");
        answer.expect_problem(503, "unavailable");
        assert_eq!(person.gems().await, before, "{code}");
        refuse(&app, "generations", code, 0).await;
        // The key was not used up.
        let accepted = person.submit_with(&key, &small()).await.expect_status(202).json();
        let path = format!("/v1/generations/{}/cancel", accepted["id"].as_str().expect("an id"));
        person.post(&path, &json!({})).await.expect_status(200);
    }
}

#[actix_web::test]
async fn a_stuck_lock_holds_nobody_for_ever_and_requests_do_not_pile_up() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    person.get("/v1/gems").await.expect_status(200);
    let mut stuck = app.sql().await;
    let mut lock = stuck.begin().await.expect("a transaction");
    lock.execute("lock table gem_accounts in access exclusive mode").await.expect("a lock");
    let asked = (0..40).map(|_| async {
        let began = Instant::now();
        let answer = person.get("/v1/gems").await;
        assert!(began.elapsed() < Duration::from_secs(12), "it hung for {:?}", began.elapsed());
        answer
    });
    for answer in join_all(asked).await {
        assert!(!answer.header("retry-after").is_empty());
        answer.expect_problem(503, "unavailable");
    }
    lock.rollback().await.expect("the lock is gone");
    person.get("/v1/gems").await.expect_status(200);
}

#[actix_web::test]
async fn a_database_that_takes_no_connection_is_a_503_within_seconds_and_serves_when_it_is_back() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let mut sql = app.sql().await;
    sql.execute(AssertSqlSafe(format!("alter database {} connection limit 0", name_of(&app)))).await.expect("set");
    sql.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and pid <> pg_backend_pid()",
    )
    .await
    .expect("connections are closed");
    let began = Instant::now();
    let answers = join_all((0..20).map(|_| person.get("/v1/gems"))).await;
    assert!(began.elapsed() < Duration::from_secs(15), "it took {:?}", began.elapsed());
    for answer in answers {
        answer.expect_problem(503, "unavailable");
    }
    sql.execute(AssertSqlSafe(format!("alter database {} connection limit -1", name_of(&app)))).await.expect("set");
    person.get("/v1/gems").await.expect_status(200);
}

fn name_of(app: &TestApp) -> String {
    app.database_url.rsplit('/').next().expect("a name").to_owned()
}

#[actix_web::test]
async fn a_database_that_only_reads_serves_reads_and_takes_no_work() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let before = person.gems().await;
    let mut sql = app.sql().await;
    let set = |value: &str| format!("alter database {} set default_transaction_read_only = {value}", name_of(&app));
    sql.execute(AssertSqlSafe(set("on"))).await.expect("set");
    end_connections(&app).await;
    person.submit(&small()).await.expect_problem(503, "unavailable");
    assert_eq!(person.gems().await, before);
    let mut sql = app.sql().await;
    sql.execute("set default_transaction_read_only = off").await.expect("set");
    sql.execute(AssertSqlSafe(set("off"))).await.expect("set");
    end_connections(&app).await;
    person.submit(&small()).await.expect_status(202);
    app.work().await;
}

#[actix_web::test]
async fn a_full_disk_while_settling_does_not_throw_away_what_was_made() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    refuse(&app, "images", "53100", 2).await;
    let done = person.make(&small()).await;
    assert_eq!(done["status"], "succeeded");
    assert_eq!(app.openai.requests().len(), 1, "the model was asked once");
}

#[actix_web::test]
async fn what_was_made_waits_for_the_database_longer_than_a_lease_and_the_model_is_asked_once() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    refuse(&app, "images", "53100", 7).await;
    let mut beat = tokio::time::interval(Duration::from_millis(20));
    let time_passes = async {
        for tries in [2, 4, 6] {
            while number(&app, "select case when is_called then last_value else 0 end from tries").await < tries {
                beat.tick().await;
            }
            app.app.clock.advance(TimeDelta::seconds(20));
            queue::sweep(&app.app).await.expect("a sweep");
        }
    };
    let asked = small();
    let (done, ()) = tokio::join!(person.make(&asked), time_passes);
    assert_eq!(done["status"], "succeeded");
    assert_eq!(app.openai.requests().len(), 1, "the model was asked once");
    assert_eq!(number(&app, "select attempt::bigint from generations").await, 1, "its lease was renewed");
}

#[actix_web::test]
async fn a_restart_of_the_database_in_the_middle_of_a_generation_loses_nothing() {
    let folder = std::env::temp_dir().join(format!("lapidary-own-pg-{}", Uuid::now_v7().simple()));
    let options = Options { remove_at_end: true, ..Options::fast(folder) };
    let mut server = postgres::start(options).await.expect("PostgreSQL");
    let flags = [format!("--database-url={}", server.url())];
    let mut sql = PgConnection::connect(&server.url()).await.expect("a connection");
    lapidary::db::MIGRATIONS.run(&mut sql).await.expect("the schema");
    let app = harness::start_with(&flags).await;
    let person = app.person("Ada Lovelace").await;
    app.openai.set_speed(Duration::from_secs(3));
    let background = Background::start(std::sync::Arc::clone(&app.app));
    let queued = person.submit(&small()).await.expect_status(202).json();
    let id = queued["id"].as_str().expect("an id");
    until_status(&app, id, "running").await;
    server.restart().await.expect("a restart");
    until_status(&app, id, "succeeded").await;
    let spent = queued["price_gems"].as_i64().expect("a price");
    assert_eq!(person.gems().await["used"], spent);
    assert_eq!(app.openai.requests().len(), 1);
    background.stop().await;
    drop(app);
    server.stop().await.expect("stopped");
}

/// Stands before a server. Told so, it falls silent on every connection that it has, and closes none; new ones work. In a
/// thread of its own: the audit at a test's end needs it while the test's thread waits.
fn silencing_proxy(upstream: String, mut silence: watch::Receiver<u32>) -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("a listener");
    let port = listener.local_addr().expect("an address").port();
    let serve = async move {
        let listener = TcpListener::from_std(listener).expect("a listener");
        while let Ok((mut client, _)) = listener.accept().await {
            silence.mark_unchanged();
            let (mut silence, upstream) = (silence.clone(), upstream.clone());
            tokio::spawn(async move {
                let Ok(mut server) = TcpStream::connect(upstream).await else { return };
                let is_told = async { silence.changed().await.is_ok() };
                tokio::select! {
                    _ = tokio::io::copy_bidirectional(&mut client, &mut server) => {}
                    true = is_told => std::future::pending().await,
                }
            });
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    std::thread::spawn(move || runtime.block_on(serve));
    port
}

#[actix_web::test]
async fn connections_that_died_without_a_word_are_replaced_before_a_request_waits_for_one() {
    let folder = std::env::temp_dir().join(format!("lapidary-own-pg-{}", Uuid::now_v7().simple()));
    let options = Options { remove_at_end: true, ..Options::fast(folder) };
    let server = postgres::start(options).await.expect("PostgreSQL");
    let mut sql = PgConnection::connect(&server.url()).await.expect("a connection");
    lapidary::db::MIGRATIONS.run(&mut sql).await.expect("the schema");
    let mut url: url::Url = server.url().parse().expect("a URL");
    let (silence, silent) = watch::channel(0);
    let proxy = silencing_proxy(format!("127.0.0.1:{}", url.port().expect("a port")), silent);
    url.set_port(Some(proxy)).expect("a port");
    let app = harness::start_with(&[format!("--database-url={url}")]).await;
    let person = app.person("Ada Lovelace").await;
    for answer in join_all((0..8).map(|_| person.get("/v1/gems"))).await {
        answer.expect_status(200);
    }
    silence.send_replace(1);
    // Each connection rests for longer than it is trusted.
    let mut rest = tokio::time::interval(Duration::from_millis(1_100));
    rest.tick().await;
    rest.tick().await;
    for _ in 0..2 {
        let began = Instant::now();
        for answer in join_all((0..8).map(|_| person.get("/v1/gems"))).await {
            answer.expect_status(200);
        }
        assert!(began.elapsed() < Duration::from_secs(5), "they waited for {:?}", began.elapsed());
    }
    drop(app);
    server.stop().await.expect("stopped");
}

#[actix_web::test]
async fn whoever_stops_waiting_leaves_no_transaction_in_the_pool() {
    let app = harness::start().await;
    let actor = Actor { person_id: Uuid::now_v7(), account_id: Uuid::now_v7() };
    let mut sql = app.sql().await;
    // Beginnings are given up after every length of time, in the person's pool and in the house's.
    for micros in (0..2_000).step_by(20) {
        let patience = Duration::from_micros(micros);
        let _ = tokio::time::timeout(patience, app.app.db.begin_as(actor)).await;
        let _ = tokio::time::timeout(patience, app.app.db.begin_house()).await;
        ends_its_transactions(&mut sql, micros).await;
    }
}

/// What was begun and not wanted ends by itself at once; one that leaked waits for whoever gets the connection next.
async fn ends_its_transactions(sql: &mut PgConnection, micros: u64) {
    let open = "select count(*) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid() and state like 'idle in transaction%'";
    let mut beat = tokio::time::interval(Duration::from_millis(10));
    for _ in 0..300 {
        if sqlx::query_scalar::<_, i64>(open).fetch_one(&mut *sql).await.expect("a count") == 0 {
            return;
        }
        beat.tick().await;
    }
    panic!("given up after {micros} µs, a connection of the pool waits inside a transaction");
}
