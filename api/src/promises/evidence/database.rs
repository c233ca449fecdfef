//! The database: what its connection says of itself, whether it keeps people apart, and whether every column it has is one
//! that the data map describes.
use std::str::FromStr;

use sqlx::Connection;
use sqlx::postgres::{PgConnectOptions, PgConnection};

use super::{Blind, Seen, queries};
use crate::app::App;
use crate::config::{database_is_local, database_is_safe};
use crate::db::MIGRATIONS;
use crate::doctor::isolation;
use crate::doctor::{Finding, Mark};
use crate::promises::data::tables;

const CONNECTION: &str = "Connection to the database";
const COLUMNS: &str = "Columns that the data map describes";
const APART: &str = "People are kept apart";

/// Both logins, each asked by its own connection.
pub async fn connection(app: &App) -> Result<Vec<Seen>, Blind> {
    let settings = &app.settings;
    let mut house = app.db.house().acquire().await?;
    let house = queries::connection(&mut house).await?;
    let mut person = app.db.as_nobody().await?;
    let person = queries::connection(&mut person).await?;
    let person_url = settings.database_person_url.as_ref().unwrap_or(&settings.database_url);
    let mut seen = Vec::new();
    for (url, told, whose) in [(&settings.database_url, house, "jobs"), (person_url, person, "signed-in requests")] {
        let what = format!("{CONNECTION}, for {whose}");
        let version = told.version.unwrap_or_else(|| "TLS".to_owned());
        seen.push(match (database_is_safe(url), database_is_local(url), told.is_encrypted) {
            (false, ..) => Seen::broken(&["P7"], what, "It leaves this machine, and nobody proves where it ends"),
            (true, true, true) => Seen::kept(&["P7"], what, format!("Encrypted with {version}, on this machine")),
            (true, true, false) => Seen::kept(&["P7"], what, "It does not leave this machine, and is not encrypted"),
            (true, false, true) => {
                Seen::kept(&["P7"], what, format!("Encrypted with {version}, and the database has proved its name"))
            }
            // What stands between ends the encryption, and has proved its name to us.
            (true, false, false) => {
                Seen::kept(&["P7"], what, "Encrypted as far as a pooler before the database, which has proved its name")
            }
        });
    }
    Ok(seen)
}

/// By the very code with which `serve` refuses to start.
pub async fn isolation(app: &App) -> Result<Vec<Seen>, Blind> {
    let mut conn = PgConnection::connect_with(&PgConnectOptions::from_str(&app.settings.database_url)?).await?;
    let found = isolation::check(&app.settings, &mut conn).await;
    let _ = conn.close().await;
    Ok(judge(&found?))
}

/// Only what is about tables is said: other findings repeat words of the server.
fn judge(found: &[Finding]) -> Vec<Seen> {
    let wrong = found.iter().find(|finding| finding.mark == Mark::Wrong);
    let says = |finding: &Finding| match finding.check {
        "isolation" => finding.says.clone(),
        _ => "Signed-in requests do not run as the role that policies bind".to_owned(),
    };
    let of = &["P7"];
    vec![match (wrong, found.iter().find(|finding| finding.check == "isolation")) {
        (Some(wrong), _) => Seen::broken(of, APART, capital(&says(wrong))),
        (None, Some(Finding { mark: Mark::Right, says, .. })) => Seen::kept(of, APART, capital(says)),
        (None, _) => Seen::stale(of, APART, "It could not be told"),
    }]
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

pub async fn columns(app: &App) -> Result<Vec<Seen>, Blind> {
    let of = &["P1"];
    let columns = queries::columns(app.db.house()).await?;
    let unknown: Vec<String> = columns
        .iter()
        .filter(|(table, column)| !tables::knows(table, column))
        .map(|(table, column)| format!("{table}.{column}"))
        .collect();
    let ours = MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0);
    let is_newer = queries::schema(app.db.house()).await?.newest > ours;
    Ok(vec![match unknown.first() {
        None => Seen::kept(of, COLUMNS, format!("All {}", columns.len())),
        Some(_) if is_newer => Seen::stale(of, COLUMNS, "The database is newer than this program"),
        Some(first) => Seen::broken(of, COLUMNS, format!("{} are not described, the first is {first}", unknown.len())),
    }])
}
