//! The local PostgreSQL, looked at from outside: what its roles may, what it keeps, how it ends.
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use lapidary_sandbox::postgres::{self, Error, Options};
use sqlx::{Connection, PgConnection, Row};

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn folder(name: &str) -> std::path::PathBuf {
    std::env::temp_dir().join(format!("lapidary-test-{name}-{}", uuid::Uuid::now_v7().simple()))
}

fn is_alive(pid: u32) -> bool {
    Command::new("kill").arg("-0").arg(pid.to_string()).stderr(Stdio::null()).status().is_ok_and(|s| s.success())
}

/// Looks again and again until it is so; the limit only ends a hopeless wait.
fn becomes(what: impl Fn() -> bool) -> bool {
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(40) {
        if what() {
            return true;
        }
        std::thread::yield_now();
    }
    false
}

#[tokio::test]
async fn the_role_may_create_roles_and_databases_and_is_no_superuser() -> Outcome {
    let mut connection = PgConnection::connect(postgres::shared_for_tests()).await?;
    let role = sqlx::query(
        "select current_user::text as name, rolsuper, rolbypassrls, rolreplication, rolcreaterole, rolcreatedb \
         from pg_roles where rolname = current_user",
    )
    .fetch_one(&mut connection)
    .await?;
    assert_eq!(role.get::<String, _>("name"), "lapidary");
    for forbidden in ["rolsuper", "rolbypassrls", "rolreplication"] {
        assert!(!role.get::<bool, _>(forbidden), "{forbidden}");
    }
    for needed in ["rolcreaterole", "rolcreatedb"] {
        assert!(role.get::<bool, _>(needed), "{needed}");
    }
    let owner: String =
        sqlx::query_scalar("select pg_get_userbyid(datdba)::text from pg_database where datname = 'lapidary'")
            .fetch_one(&mut connection)
            .await?;
    assert_eq!(owner, "lapidary");
    sqlx::query("create role lapidary_trial nologin").execute(&mut connection).await?;
    sqlx::query("drop role lapidary_trial").execute(&mut connection).await?;
    sqlx::query("create database lapidary_trial").execute(&mut connection).await?;
    sqlx::query("drop database lapidary_trial").execute(&mut connection).await?;
    let refused = sqlx::query("alter role lapidary superuser").execute(&mut connection).await;
    assert!(refused.is_err(), "the role must not lift itself");
    Ok(())
}

#[tokio::test]
async fn letters_of_every_script_are_folded() -> Outcome {
    let mut connection = PgConnection::connect(postgres::shared_for_tests()).await?;
    let folded: String = sqlx::query_scalar("select lower('ЖÉΩ')").fetch_one(&mut connection).await?;
    assert_eq!(folded, "жéω");
    let connections: String = sqlx::query_scalar("show max_connections").fetch_one(&mut connection).await?;
    assert_eq!(connections, "200");
    Ok(())
}

#[tokio::test]
async fn data_passwords_and_a_demanded_password_survive_a_stop_and_a_restart() -> Outcome {
    let folder = folder("restart");
    let mut server = postgres::start(Options::durable(&folder)).await?;
    let mut connection = PgConnection::connect(&server.url()).await?;
    sqlx::query("create table kept (n int)").execute(&mut connection).await?;
    sqlx::query("insert into kept values (42)").execute(&mut connection).await?;
    let open = server.url().replace("lapidary:", "lapidary:wrong");
    assert!(PgConnection::connect(&open).await.is_err(), "a wrong password must be refused");

    server.restart().await?;
    let mut connection = PgConnection::connect(&server.url()).await?;
    assert_eq!(sqlx::query_scalar::<_, i32>("select n from kept").fetch_one(&mut connection).await?, 42);
    assert!(matches!(postgres::start(Options::durable(&folder)).await, Err(Error::InUse(_))));

    let pid = server.pid().ok_or("no pid")?;
    server.stop().await?;
    assert!(!is_alive(pid));
    // What a machine that lost power leaves behind: a pid file with the number of somebody else.
    let data =
        std::fs::read_to_string(folder.join("server-is-at.txt")).map(Into::into).unwrap_or(folder.join("server"));
    std::fs::write(data.join("data/postmaster.pid"), format!("{}\n", std::process::id()))?;

    let again = postgres::start(Options::durable(&folder)).await?;
    let mut connection = PgConnection::connect(&again.url()).await?;
    assert_eq!(sqlx::query_scalar::<_, i32>("select n from kept").fetch_one(&mut connection).await?, 42);
    let mut superuser = PgConnection::connect(&again.superuser_url()).await?;
    assert!(
        sqlx::query_scalar::<_, bool>("select rolsuper from pg_roles where rolname = current_user")
            .fetch_one(&mut superuser)
            .await?
    );
    drop((connection, superuser));
    again.stop().await?;
    std::fs::remove_dir_all(folder)?;
    Ok(())
}

#[tokio::test]
async fn dropping_the_handle_stops_the_server_and_removes_what_was_to_go() -> Outcome {
    let folder = folder("drop");
    let server = postgres::start(Options { remove_at_end: true, ..Options::fast(&folder) }).await?;
    let pid = server.pid().ok_or("no pid")?;
    assert!(is_alive(pid));
    drop(server);
    assert!(becomes(|| !folder.exists()));
    Ok(())
}

/// Not a test of its own: the process that the next test kills. It holds a server until its death.
#[tokio::test]
async fn hold_a_server_for_the_killer() -> Outcome {
    let Ok(folder) = std::env::var("LAPIDARY_HOLD_SERVER_IN") else { return Ok(()) };
    let server = postgres::start(Options::fast(&folder)).await?;
    let pid = server.pid().ok_or("no pid")?;
    std::fs::write(format!("{folder}/held.tmp"), pid.to_string())?;
    std::fs::rename(format!("{folder}/held.tmp"), format!("{folder}/held"))?;
    std::future::pending().await
}

#[test]
fn killing_the_process_stops_its_server_and_the_data_starts_again() -> Outcome {
    let folder = folder("killed");
    let mut holder = Command::new(std::env::current_exe()?)
        .args(["--exact", "hold_a_server_for_the_killer", "--nocapture"])
        .env("LAPIDARY_HOLD_SERVER_IN", &folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    assert!(becomes(|| folder.join("held").exists()), "the server never came up");
    let pid: u32 = std::fs::read_to_string(folder.join("held"))?.parse()?;
    assert!(is_alive(pid));
    // On Unix this is SIGKILL: nothing of ours runs after it.
    holder.kill()?;
    holder.wait()?;
    assert!(becomes(|| !is_alive(pid)), "the server outlived its owner");
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let server = postgres::start(Options::fast(&folder)).await?;
        PgConnection::connect(&server.url()).await?;
        server.stop().await?;
        Ok::<_, Box<dyn std::error::Error>>(())
    })?;
    std::fs::remove_dir_all(folder)?;
    Ok(())
}
