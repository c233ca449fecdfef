//! PostgreSQL: there, new enough, on this version's schema, and truly keeping people apart. Everything it tries is
//! rolled back.
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{Connection, Executor, Row};
use uuid::Uuid;

use super::{Examination, Finding};
use crate::db::MIGRATIONS;

const CHECK: &str = "database";
const CONNECTING: Duration = Duration::from_secs(8);
const OLDEST: i32 = 150_000;
/// Providers' tokens are judged by this machine's time.
const CLOCK_ODD_SECONDS: f64 = 2.0;
const CLOCK_WRONG_SECONDS: f64 = 60.0;

pub(super) async fn check(all: &Examination) -> Vec<Finding> {
    let options = match PgConnectOptions::from_str(&all.settings.database_url) {
        Ok(options) => options.application_name("lapidary doctor"),
        Err(_) => {
            return vec![Finding::wrong(CHECK, "DATABASE_URL is not postgres://user:password@host/database", "")];
        }
    };
    let place = format!("{}:{}", options.get_host(), options.get_port());
    let mut conn = match tokio::time::timeout(CONNECTING, PgConnection::connect_with(&options)).await {
        Ok(Ok(conn)) => conn,
        Ok(Err(error)) => return vec![not_connected(&place, &error)],
        Err(_) => {
            let says = format!("nobody answers at {place} within {} seconds", CONNECTING.as_secs());
            return vec![Finding::wrong(CHECK, says, "Look at DATABASE_URL and at what stands between.")];
        }
    };
    let mut found = Vec::new();
    for finding in [
        version(&mut conn, &place).await,
        schema(&mut conn).await,
        encryption(&mut conn, &options).await,
        clock(all, &mut conn).await,
        owner(&mut conn).await,
        role(all, &mut conn).await,
    ] {
        found.push(finding.unwrap_or_else(|error| unclear(&error)));
    }
    found.push(isolation(all, &mut conn).await.unwrap_or_else(|error| unclear(&error)));
    let _ = conn.close().await;
    found
}

fn unclear(error: &sqlx::Error) -> Finding {
    Finding::wrong(CHECK, format!("a question was not answered: {error}"), "Look at the database's log.")
}

fn not_connected(place: &str, error: &sqlx::Error) -> Finding {
    let code = error.as_database_error().and_then(|error| error.code()).unwrap_or_default().into_owned();
    let (says, hint) = match code.as_str() {
        "28P01" | "28000" => (
            format!("{place} refuses the user or the password of DATABASE_URL"),
            "Look at DATABASE_URL, and at pg_hba.conf of the server.",
        ),
        "3D000" => (
            format!("{place} has no database of the name in DATABASE_URL"),
            "Make it: `create database …`, owned by the user of DATABASE_URL.",
        ),
        _ => (format!("{place} cannot be reached: {error}"), "Look at DATABASE_URL and at what stands between."),
    };
    Finding::wrong(CHECK, says, hint)
}

async fn version(conn: &mut PgConnection, place: &str) -> Result<Finding, sqlx::Error> {
    let number: i32 = sqlx::query_scalar("select current_setting('server_version_num')::int").fetch_one(conn).await?;
    let major = number / 10_000;
    Ok(if number >= OLDEST {
        Finding::right(CHECK, format!("{place} answers and is PostgreSQL {major}"))
    } else {
        Finding::wrong(CHECK, format!("{place} is PostgreSQL {major}"), "Lapidary needs 15 or newer.")
    })
}

async fn schema(conn: &mut PgConnection) -> Result<Finding, sqlx::Error> {
    let exists: bool =
        sqlx::query_scalar("select to_regclass('_sqlx_migrations') is not null").fetch_one(&mut *conn).await?;
    let applied: Vec<i64> = if exists {
        sqlx::query_scalar("select version from _sqlx_migrations where success").fetch_all(conn).await?
    } else {
        Vec::new()
    };
    let missing = MIGRATIONS.iter().filter(|migration| !applied.contains(&migration.version)).count();
    let is_newer = applied.iter().any(|version| !MIGRATIONS.iter().any(|migration| migration.version == *version));
    Ok(match missing {
        0 if is_newer => Finding::odd(
            "schema",
            "it is of a newer version than this program",
            "Bring this program to that version as well.",
        ),
        0 => Finding::right("schema", "it is this version's"),
        1 => Finding::wrong("schema", "1 migration is missing", "Run `lapidary migrate`."),
        many => Finding::wrong("schema", format!("{many} migrations are missing"), "Run `lapidary migrate`."),
    })
}

async fn encryption(conn: &mut PgConnection, options: &PgConnectOptions) -> Result<Finding, sqlx::Error> {
    let row = sqlx::query(
        "select coalesce((select ssl from pg_stat_ssl where pid = pg_backend_pid()), false) as encrypted,
           inet_server_addr() is null or inet_server_addr() <<= '127.0.0.0/8' or inet_server_addr() = '::1' as local",
    )
    .fetch_one(conn)
    .await?;
    let (encrypted, local): (bool, bool) = (row.try_get("encrypted")?, row.try_get("local")?);
    let mode = options.get_ssl_mode();
    Ok(match (encrypted, local) {
        (true, _) => Finding::right("connection", format!("it is encrypted ({mode:?})")),
        (false, true) => Finding::right("connection", "it stays on this machine"),
        (false, false) => Finding::wrong(
            "connection",
            "it leaves this machine in the clear",
            "Add sslmode=verify-full to DATABASE_URL.",
        ),
    })
}

async fn clock(all: &Examination, conn: &mut PgConnection) -> Result<Finding, sqlx::Error> {
    let before = all.clock.real();
    let theirs: DateTime<Utc> = sqlx::query_scalar("select clock_timestamp()").fetch_one(conn).await?;
    let after = all.clock.real();
    let ours = before + (after - before) / 2;
    let seconds = (ours - theirs).abs().as_seconds_f64();
    let hint = "Let both machines follow a time server (chrony, systemd-timesyncd).";
    let says = format!("this machine's differs from the database's by {seconds:.1} seconds");
    Ok(if seconds > CLOCK_WRONG_SECONDS {
        Finding::wrong("clock", format!("{says}: signing in will fail"), hint)
    } else if seconds > CLOCK_ODD_SECONDS {
        Finding::odd("clock", says, hint)
    } else {
        Finding::right("clock", "this machine and the database agree")
    })
}

async fn owner(conn: &mut PgConnection) -> Result<Finding, sqlx::Error> {
    let row = sqlx::query("select rolsuper, rolbypassrls from pg_roles where rolname = current_user").fetch_one(conn);
    let row = row.await?;
    let is_mighty = row.try_get::<bool, _>("rolsuper")? || row.try_get::<bool, _>("rolbypassrls")?;
    Ok(if is_mighty {
        Finding::odd(
            "owner",
            "the role of DATABASE_URL is a superuser or bypasses row-level security",
            "Give Lapidary a role of its own: NOSUPERUSER NOBYPASSRLS CREATEROLE.",
        )
    } else {
        Finding::right("owner", "the role of DATABASE_URL has no more power than it needs")
    })
}

/// The connection that signed-in requests have: as the pool makes it.
fn as_person(all: &Examination) -> Result<PgConnectOptions, sqlx::Error> {
    Ok(match &all.settings.database_person_url {
        Some(url) => PgConnectOptions::from_str(url)?,
        None => PgConnectOptions::from_str(&all.settings.database_url)?.options([("role", "lapidary_person")]),
    })
}

async fn role(all: &Examination, conn: &mut PgConnection) -> Result<Finding, sqlx::Error> {
    let exists = "select exists (select from pg_roles where rolname = 'lapidary_person')";
    if !sqlx::query_scalar::<_, bool>(exists).fetch_one(&mut *conn).await? {
        let may = "select rolcreaterole or rolsuper from pg_roles where rolname = current_user";
        let hint = if sqlx::query_scalar::<_, bool>(may).fetch_one(conn).await? {
            "Run `lapidary migrate`."
        } else {
            "Give the role of DATABASE_URL the right CREATEROLE, then run `lapidary migrate`."
        };
        return Ok(Finding::wrong("role", "lapidary_person does not exist", hint));
    }
    let mut person = match PgConnection::connect_with(&as_person(all)?).await {
        Ok(person) => person,
        Err(error) => {
            let hint =
                "`grant lapidary_person to <the role of DATABASE_URL> with set true`, or set DATABASE_PERSON_URL.";
            return Ok(Finding::wrong("role", format!("nobody can become lapidary_person: {error}"), hint));
        }
    };
    let mighty = "select rolsuper or rolbypassrls from pg_roles where rolname = current_user";
    let is_mighty: bool = sqlx::query_scalar(mighty).fetch_one(&mut person).await?;
    person.close().await?;
    Ok(if is_mighty {
        Finding::wrong(
            "isolation",
            "signed-in requests run as a role that ignores row-level security",
            "`alter role lapidary_person nosuperuser nobypassrls`.",
        )
    } else {
        Finding::right("role", "signed-in requests run as a role that row-level security binds")
    })
}

/// What anybody could see: every table of ours, by somebody who does not exist.
async fn isolation(all: &Examination, conn: &mut PgConnection) -> Result<Finding, sqlx::Error> {
    let exists = "select exists (select from pg_roles where rolname = 'lapidary_person')";
    if !sqlx::query_scalar::<_, bool>(exists).fetch_one(&mut *conn).await? {
        return Ok(Finding::odd("isolation", "it cannot be told before the first migration", ""));
    }
    let open: Vec<String> = sqlx::query_scalar(
        "select relname::text from pg_class where relkind in ('r', 'p') and relnamespace = 'public'::regnamespace
           and not relrowsecurity and has_table_privilege('lapidary_person', oid, 'select, insert, update, delete')
         order by 1",
    )
    .fetch_all(&mut *conn)
    .await?;
    if let Some(table) = open.first() {
        let says = format!("row-level security is off for {table}");
        return Ok(Finding::wrong(
            "isolation",
            says,
            "`alter table … enable row level security`, as the migrations do.",
        ));
    }
    let tables: Vec<String> = sqlx::query_scalar(
        "select relname::text from pg_class where relkind in ('r', 'p') and relnamespace = 'public'::regnamespace
           and has_table_privilege('lapidary_person', oid, 'select')
           and exists (select from pg_attribute where attrelid = pg_class.oid and attname in ('person_id', 'account_id'))
         order by 1",
    )
    .fetch_all(conn)
    .await?;
    if tables.is_empty() {
        return Ok(Finding::odd("isolation", "it cannot be told before the first migration", ""));
    }
    let mut person = PgConnection::connect_with(&as_person(all)?).await?;
    let mut tx = person.begin().await?;
    let stranger = Uuid::now_v7().to_string();
    sqlx::query("select set_config('lapidary.person', $1, true), set_config('lapidary.account', $1, true)")
        .bind(&stranger)
        .execute(&mut *tx)
        .await?;
    let mut seen = None;
    for table in &tables {
        // From the catalogue of tables, quoted: nobody's words.
        let text = format!("select 1 from \"{}\" limit 1", table.replace('"', "\"\""));
        if !tx.fetch_all(sqlx::AssertSqlSafe(text)).await?.is_empty() {
            seen = Some(table);
            break;
        }
    }
    tx.rollback().await?;
    person.close().await?;
    Ok(match seen {
        Some(table) => Finding::wrong(
            "isolation",
            format!("a stranger sees rows of {table}"),
            "Do not serve like this: look at the policies of that table.",
        ),
        None => Finding::right("isolation", format!("a stranger sees nothing in {} tables", tables.len())),
    })
}
