//! Whether the database truly keeps people apart: every table that our migrations make, as signed-in requests come to it.
//! Other tables in the same schema are somebody else's. Everything it tries is rolled back.
use std::str::FromStr;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{Connection, Executor, Row};
use uuid::Uuid;

use super::Finding;
use crate::config::Settings;
use crate::db::MIGRATIONS;

const CHECK: &str = "isolation";

/// `conn` is the owner's.
pub async fn check(settings: &Settings, conn: &mut PgConnection) -> Result<Vec<Finding>, sqlx::Error> {
    let exists = "select exists (select from pg_roles where rolname = 'lapidary_person')";
    if !sqlx::query_scalar::<_, bool>(exists).fetch_one(&mut *conn).await? {
        let may = "select rolcreaterole or rolsuper from pg_roles where rolname = current_user";
        let hint = if sqlx::query_scalar::<_, bool>(may).fetch_one(conn).await? {
            "Run `lapidary migrate`."
        } else {
            "Give the role of DATABASE_URL the right CREATEROLE, then run `lapidary migrate`."
        };
        return Ok(vec![
            Finding::wrong("role", "lapidary_person does not exist", hint),
            Finding::odd(CHECK, "it cannot be told before the first migration", ""),
        ]);
    }
    let mut person = match PgConnection::connect_with(&as_person(settings)?).await {
        Ok(person) => person,
        // The server's own no; what does not answer is asked again.
        Err(error @ sqlx::Error::Database(_)) => {
            let hint =
                "`grant lapidary_person to <the role of DATABASE_URL> with set true`, or set DATABASE_PERSON_URL.";
            return Ok(vec![Finding::wrong("role", format!("nobody can become lapidary_person: {error}"), hint)]);
        }
        Err(error) => return Err(error),
    };
    let found = [role(&mut person).await?, apart(&mut person).await?];
    person.close().await?;
    Ok(found.into())
}

/// The connection that signed-in requests have: as the pool makes it.
fn as_person(settings: &Settings) -> Result<PgConnectOptions, sqlx::Error> {
    Ok(match &settings.database_person_url {
        Some(url) => PgConnectOptions::from_str(url)?,
        None => PgConnectOptions::from_str(&settings.database_url)?.options([("role", "lapidary_person")]),
    })
}

async fn role(person: &mut PgConnection) -> Result<Finding, sqlx::Error> {
    let mighty = "select rolsuper or rolbypassrls from pg_roles where rolname = current_user";
    Ok(if sqlx::query_scalar::<_, bool>(mighty).fetch_one(person).await? {
        Finding::wrong(
            CHECK,
            "signed-in requests run as a role that ignores row-level security",
            "`alter role lapidary_person nosuperuser nobypassrls`, or set another DATABASE_PERSON_URL.",
        )
    } else {
        Finding::right("role", "signed-in requests run as a role that is neither superuser nor above policies")
    })
}

/// A table of ours that the person's role may touch.
struct Touchable {
    name: String,
    /// As PostgreSQL quotes it.
    quoted: String,
    has_policies: bool,
    /// An owner is above its own policies.
    is_bound: bool,
    is_readable: bool,
}

async fn apart(person: &mut PgConnection) -> Result<Finding, sqlx::Error> {
    let tables = touchable(person).await?;
    let hint = "Do not serve like this: look at the policies of that table, as the migrations make them.";
    if let Some(Touchable { name, .. }) = tables.iter().find(|table| !table.has_policies) {
        return Ok(Finding::wrong(CHECK, format!("row-level security is off for {name}"), hint));
    }
    if let Some(Touchable { name, .. }) = tables.iter().find(|table| !table.is_bound) {
        let says = format!("signed-in requests run as a role that the policies of {name} do not bind");
        return Ok(Finding::wrong(CHECK, says, "Let DATABASE_PERSON_URL be no owner of tables."));
    }
    let readable: Vec<&Touchable> = tables.iter().filter(|table| table.is_readable).collect();
    if readable.is_empty() {
        return Ok(Finding::odd(CHECK, "it cannot be told before the first migration", ""));
    }
    let mut tx = person.begin().await?;
    let stranger = Uuid::now_v7().to_string();
    sqlx::query("select set_config('lapidary.person', $1, true), set_config('lapidary.account', $1, true)")
        .bind(&stranger)
        .execute(&mut *tx)
        .await?;
    for table in &readable {
        let text = format!("select 1 from {} limit 1", table.quoted);
        if !tx.fetch_all(sqlx::AssertSqlSafe(text)).await?.is_empty() {
            tx.rollback().await?;
            return Ok(Finding::wrong(CHECK, format!("a stranger sees rows of {}", table.name), hint));
        }
    }
    tx.rollback().await?;
    Ok(Finding::right(CHECK, format!("a stranger sees nothing in {} tables", readable.len())))
}

async fn touchable(person: &mut PgConnection) -> Result<Vec<Touchable>, sqlx::Error> {
    let rows = sqlx::query(
        "select relname::text as name, pg_class.oid::regclass::text as quoted, relrowsecurity as has_policies,
           row_security_active(pg_class.oid) as is_bound, has_any_column_privilege(pg_class.oid, 'select') as is_readable
         from pg_class join unnest($1::text[]) as ours(name) on pg_class.oid = to_regclass(quote_ident(ours.name))
         where has_any_column_privilege(pg_class.oid, 'select, insert, update')
           or has_table_privilege(pg_class.oid, 'delete, truncate')
         order by 1",
    )
    .bind(tables_of_ours())
    .fetch_all(person)
    .await?;
    let touchable = |row: sqlx::postgres::PgRow| {
        Ok(Touchable {
            name: row.try_get("name")?,
            quoted: row.try_get("quoted")?,
            has_policies: row.try_get("has_policies")?,
            is_bound: row.try_get("is_bound")?,
            is_readable: row.try_get("is_readable")?,
        })
    };
    rows.into_iter().map(touchable).collect()
}

/// Names in the migrations' own words.
fn tables_of_ours() -> Vec<String> {
    let made = MIGRATIONS.iter().flat_map(|migration| migration.sql.as_str().lines());
    let names = made.filter_map(|line| line.strip_prefix("create table "));
    names.filter_map(|rest| rest.split([' ', '(']).next().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_of_the_migrations_is_known() {
        let known = tables_of_ours();
        for table in ["people", "gem_accounts", "account_links", "images", "signing_keys", "sealed_keys"] {
            assert!(known.iter().any(|name| name == table), "{table} is not in {known:?}");
        }
        let words = MIGRATIONS.iter().map(|migration| migration.sql.as_str().to_lowercase());
        let made: usize = words.map(|sql| sql.matches("create table").count()).sum();
        assert_eq!(known.len(), made, "{known:?}");
    }
}
