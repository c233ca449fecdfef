//! PostgreSQL: there, new enough, on this version's schema. Changes nothing.
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use sqlx::{Connection, Row};

use super::{Examination, Finding, isolation};
use crate::config::{Settings, database_is_safe};
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
        Ok(encryption(&all.settings, &options)),
        clock(all, &mut conn).await,
        owner(&mut conn).await,
        statements(&mut conn).await,
    ] {
        found.push(finding.unwrap_or_else(|error| unclear(&error)));
    }
    found.extend(isolation::check(&all.settings, &mut conn).await.unwrap_or_else(|error| vec![unclear(&error)]));
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

/// Judged from this side, as the settings are: a container's port or a pooler makes the server see something else.
fn encryption(settings: &Settings, options: &PgConnectOptions) -> Finding {
    let urls = std::iter::once(&settings.database_url).chain(&settings.database_person_url);
    if !urls.into_iter().all(|url| database_is_safe(url)) {
        let says = "it leaves this machine, and nobody proves that it reaches the right one unseen";
        return Finding::wrong("connection", says, "Add sslmode=verify-full to DATABASE_URL.");
    }
    match options.get_ssl_mode() {
        PgSslMode::VerifyFull => Finding::right("connection", "it is encrypted, and the database proves its name"),
        _ => Finding::right("connection", "it stays on this machine"),
    }
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

/// Prompts and addresses travel as values of statements: they are not to end up in the log of the database.
async fn statements(conn: &mut PgConnection) -> Result<Finding, sqlx::Error> {
    let row = sqlx::query(
        "select (current_setting('log_statement') in ('all', 'mod') or current_setting('log_min_duration_statement') <> '-1')
             and current_setting('log_parameter_max_length') <> '0' as says_usual,
           current_setting('log_parameter_max_length_on_error') <> '0' as says_failed",
    );
    let row = row.fetch_one(conn).await?;
    let says_values = row.try_get::<bool, _>("says_usual")? || row.try_get::<bool, _>("says_failed")?;
    Ok(if says_values {
        Finding::odd(
            "statements",
            "the database writes values of statements into its log: prompts and addresses are among them",
            "Set log_parameter_max_length and log_parameter_max_length_on_error to 0 in postgresql.conf.",
        )
    } else {
        Finding::right("statements", "the database's log keeps no values of statements")
    })
}
