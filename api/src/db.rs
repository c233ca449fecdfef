//! The two pools. `person` obeys row-level security and serves signed-in requests; `house` owns the tables and serves
//! sign-in, worker and jobs. Nothing here knows a query of a feature.
use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{PgPool, Postgres, Transaction};
use uuid::Uuid;

use crate::config::Settings;

pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../migrations");

#[derive(Clone)]
pub struct Db {
    person: PgPool,
    house: PgPool,
}

/// A transaction of one person.
pub type PersonTx = Transaction<'static, Postgres>;

/// Whom a signed-in request acts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Actor {
    pub person_id: Uuid,
    pub account_id: Uuid,
}

impl Db {
    /// Connects lazily: the first query says whether the database is there.
    pub fn connect(settings: &Settings) -> Result<Self, sqlx::Error> {
        let house = PgConnectOptions::from_str(&settings.database_url)?.application_name("lapidary house");
        let person = match &settings.database_person_url {
            Some(url) => PgConnectOptions::from_str(url)?,
            None => PgConnectOptions::from_str(&settings.database_url)?.options([("role", "lapidary_person")]),
        }
        .application_name("lapidary person");
        let pool = || {
            PgPoolOptions::new().max_connections(settings.database_connections).acquire_timeout(Duration::from_secs(5))
        };
        // A ping before each use costs a round trip: where requests come in, `begin_as` notices a dead connection itself.
        let person = pool().test_before_acquire(false).connect_lazy_with(person);
        Ok(Self { person, house: pool().connect_lazy_with(house) })
    }

    /// A transaction in which the database shows and changes only what is this person's.
    pub async fn begin_as(&self, actor: Actor) -> Result<PersonTx, sqlx::Error> {
        let mut tx = self.begin().await?;
        sqlx::query!(
            "select set_config('lapidary.person', $1, true) as person, set_config('lapidary.account', $2, true) as account",
            actor.person_id.to_string(),
            actor.account_id.to_string()
        )
        .fetch_one(&mut *tx)
        .await?;
        Ok(tx)
    }

    /// After a restart of the database each idle connection fails once; nothing was asked of it yet, so the next may serve.
    async fn begin(&self) -> Result<PersonTx, sqlx::Error> {
        for _ in 0..self.person.size() {
            match self.person.begin().await {
                Err(error) if is_dead(&error) => {}
                begun => return begun,
            }
        }
        self.person.begin().await
    }

    /// Everything, of everyone: only for sign-in, worker and jobs.
    pub fn house(&self) -> &PgPool {
        &self.house
    }

    pub async fn close(&self) {
        self.person.close().await;
        self.house.close().await;
    }
}

/// The connection broke, or its server said goodbye (SQLSTATE 57P01 to 57P03).
fn is_dead(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| code.starts_with("57P")),
        _ => false,
    }
}
