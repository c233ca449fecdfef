//! Whether MASTER_KEY is one, and the one of this database: it must open every key that is stored there sealed. What it
//! opens is thrown away at once.
use sqlx::{Connection, PgConnection};

use super::{Examination, Finding};
use crate::auth::{Auth, Seals};

const CHECK: &str = "master key";
const HINT: &str = "Use the one that sealed them, or name that one in MASTER_KEY_PREVIOUS: with another one nobody new can \
                    confirm their age, as who had welcome gems is not recognised. If it is lost for ever: \
                    `lapidary keys rotate --forget-unreadable`.";

pub(super) async fn check(all: &Examination) -> Vec<Finding> {
    let auth = match Auth::build(&all.settings) {
        Ok(auth) => auth,
        Err(error) => return vec![Finding::wrong(CHECK, error.to_string(), HINT)],
    };
    vec![match seals(&auth, &all.settings.database_url).await {
        Ok(Seals { all: 0, .. }) => Finding::right(CHECK, "it is well-formed; the database has no keys yet"),
        Ok(Seals { all, lost, .. }) if lost > 0 => {
            Finding::wrong(CHECK, format!("MASTER_KEY does not open {lost} of the database's {all} keys"), HINT)
        }
        Ok(Seals { by_previous, .. }) if by_previous > 0 => Finding::odd(
            CHECK,
            format!("{by_previous} of the database's keys are still sealed by MASTER_KEY_PREVIOUS"),
            "Run `lapidary keys rotate`, then forget the previous one.",
        ),
        Ok(Seals { all, .. }) => Finding::right(CHECK, format!("it opens the database's {all} keys")),
        Err(_) => Finding::odd(CHECK, "it is well-formed; whether it is this database's cannot be told", ""),
    }]
}

async fn seals(auth: &Auth, database_url: &str) -> Result<Seals, sqlx::Error> {
    let mut conn = PgConnection::connect(database_url).await?;
    let seals = auth.judge_seals(&mut conn).await;
    conn.close().await?;
    seals
}
