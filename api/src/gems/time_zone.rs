//! Time zones by their IANA names, as the database knows them: it is the one that reckons in them.
use std::collections::BTreeSet;

use sqlx::PgConnection;
use tokio::sync::OnceCell;

pub const UTC: &str = "UTC";

/// Read once a process: looking through all of them takes the database 50 ms.
static NAMES: OnceCell<BTreeSet<String>> = OnceCell::const_new();

/// The database would also take abbreviations, offsets and files that count leap seconds.
pub async fn is_known(conn: &mut PgConnection, name: &str) -> Result<bool, sqlx::Error> {
    let read = || async {
        let names = sqlx::query_scalar!(
            r#"select name as "name!" from pg_timezone_names
               where name !~ '^(posix|right)' and name not in ('localtime', 'Factory')"#
        );
        Ok::<_, sqlx::Error>(names.fetch_all(conn).await?.into_iter().collect())
    };
    Ok(NAMES.get_or_try_init(read).await?.contains(name))
}
