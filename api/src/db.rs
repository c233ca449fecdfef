//! The two pools. `person` obeys row-level security and serves signed-in requests; `house` owns the tables and serves
//! sign-in, worker and jobs. Nothing here knows a query of a feature.
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::migrate::MigrateError;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use sqlx::{PgPool, Postgres, Transaction};
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::config::Settings;

pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../migrations");

/// What a request waits for a connection, and for its first word on it.
const PERSON_PATIENCE: Duration = Duration::from_secs(4);
const HOUSE_PATIENCE: Duration = Duration::from_secs(5);
/// Requests that may wait for each connection: more are refused at once instead of piling up.
const WAITING_PER_CONNECTION: usize = 32;
/// A failover or a balancer's new member is found within this time, whatever the connections say.
const CONNECTION_LIFETIME: Duration = Duration::from_secs(15 * 60);

/// A stuck lock, a lost plan or a vanished process must not hold a request, or others' rows, for ever.
const PERSON_LIMITS: [(&str, &str); 3] =
    [("lock_timeout", "4s"), ("statement_timeout", "8s"), ("idle_in_transaction_session_timeout", "15s")];
const HOUSE_LIMITS: [(&str, &str); 3] =
    [("lock_timeout", "10s"), ("statement_timeout", "60s"), ("idle_in_transaction_session_timeout", "60s")];
/// The server notices within a minute that a client's machine is gone, and frees what it had locked.
const KEEPALIVE: [(&str, &str); 3] =
    [("tcp_keepalives_idle", "30"), ("tcp_keepalives_interval", "10"), ("tcp_keepalives_count", "3")];

#[derive(Clone)]
pub struct Db {
    person: PgPool,
    house: PgPool,
    /// One connection beside the pools, for what other processes say.
    listening: PgPool,
    places: Arc<Semaphore>,
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
        let owner = PgConnectOptions::from_str(&settings.database_url)?;
        let person = match &settings.database_person_url {
            Some(url) => PgConnectOptions::from_str(url)?,
            None => owner.clone().options([("role", "lapidary_person")]),
        };
        let person = person.application_name("lapidary person").options(PERSON_LIMITS).options(KEEPALIVE);
        let house = owner.clone().application_name("lapidary house").options(HOUSE_LIMITS).options(KEEPALIVE);
        let pool = |patience| {
            PgPoolOptions::new()
                .max_connections(settings.database_connections)
                .acquire_timeout(patience)
                .max_lifetime(CONNECTION_LIFETIME)
        };
        // A ping before each use costs a round trip: where requests come in, `begin_as` notices a dead connection itself.
        let person = pool(PERSON_PATIENCE).test_before_acquire(false).connect_lazy_with(person);
        let listening = PgPoolOptions::new().max_connections(1).max_lifetime(None).idle_timeout(None);
        let places = usize::try_from(settings.database_connections).unwrap_or(1).saturating_mul(WAITING_PER_CONNECTION);
        Ok(Self {
            person,
            house: pool(HOUSE_PATIENCE).connect_lazy_with(house),
            listening: listening.connect_lazy_with(owner.application_name("lapidary listen").options(KEEPALIVE)),
            places: Arc::new(Semaphore::new(places)),
        })
    }

    /// A transaction in which the database shows and changes only what is this person's. Waits a few seconds at most.
    pub async fn begin_as(&self, actor: Actor) -> Result<PersonTx, sqlx::Error> {
        let _place = self.places.try_acquire().map_err(|_| sqlx::Error::PoolTimedOut)?;
        // Behind a connection whose other end is gone without a word, even `begin` would wait for ever.
        tokio::time::timeout(PERSON_PATIENCE, self.begin_now(actor)).await.map_err(|_| sqlx::Error::PoolTimedOut)?
    }

    async fn begin_now(&self, actor: Actor) -> Result<PersonTx, sqlx::Error> {
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

    /// Connected now; hears what was said to these channels from here on.
    pub async fn listener(&self, channels: &[&str]) -> Result<PgListener, sqlx::Error> {
        let mut listener = PgListener::connect_with(&self.listening).await?;
        listener.listen_all(channels.iter().copied()).await?;
        Ok(listener)
    }

    pub async fn close(&self) {
        self.person.close().await;
        self.listening.close().await;
        self.house.close().await;
    }
}

/// Brings the schema to this version, on a connection without limits: a new index on a large table takes its time.
pub async fn migrate(settings: &Settings) -> Result<(), MigrateError> {
    let owner = PgConnectOptions::from_str(&settings.database_url)?.application_name("lapidary migrate");
    let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(Duration::from_secs(30)).connect_with(owner);
    let pool = pool.await?;
    let done = MIGRATIONS.run(&pool).await;
    pool.close().await;
    done
}

/// The connection broke, or its server said goodbye (SQLSTATE 57P01 to 57P03).
fn is_dead(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| code.starts_with("57P")),
        _ => false,
    }
}
