//! The two pools. `person` obeys row-level security and serves signed-in requests; `house` owns the tables and serves
//! sign-in, worker and jobs. Nothing here knows a query of a feature.
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::migrate::MigrateError;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use sqlx::{Connection, PgConnection, PgPool, Postgres, Transaction};
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::config::Settings;
use crate::metrics;

pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../migrations");

/// What a request waits for a connection, and for its first word on it.
const PERSON_PATIENCE: Duration = Duration::from_secs(4);
const HOUSE_PATIENCE: Duration = Duration::from_secs(5);
/// Requests that may wait for each connection: more are refused at once instead of piling up.
const WAITING_PER_CONNECTION: usize = 32;
/// A failover or a balancer's new member is found within this time, whatever the connections say.
const CONNECTION_LIFETIME: Duration = Duration::from_secs(15 * 60);
/// Whoever was used a moment ago is there.
const TRUSTED: Duration = Duration::from_secs(1);
const PING_LIMIT: Duration = Duration::from_secs(2);
/// A pool waits for its connections to come back; one that hangs must not hold up the end of the process.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);

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
    places_max: usize,
}

/// One pool as it is now.
pub struct PoolNumbers {
    pub pool: &'static str,
    pub connections: u32,
    pub idle: usize,
    pub connections_max: u32,
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
        // A ping before each use costs a round trip: where requests come in, it is saved after a short rest, and
        // `begin_as` notices a closed connection itself.
        let pool = |patience, trusted| {
            PgPoolOptions::new()
                .max_connections(settings.database_connections)
                .acquire_timeout(patience)
                .max_lifetime(CONNECTION_LIFETIME)
                .test_before_acquire(false)
                .before_acquire(move |conn, rest| {
                    Box::pin(async move {
                        match rest.idle_for > trusted {
                            true => answers(conn).await.map(|()| true),
                            false => Ok(true),
                        }
                    })
                })
        };
        let person = pool(PERSON_PATIENCE, TRUSTED).connect_lazy_with(person);
        let listening = PgPoolOptions::new().max_connections(1).max_lifetime(None).idle_timeout(None);
        let places = usize::try_from(settings.database_connections).unwrap_or(1).saturating_mul(WAITING_PER_CONNECTION);
        Ok(Self {
            person,
            house: pool(HOUSE_PATIENCE, Duration::ZERO).connect_lazy_with(house),
            listening: listening.connect_lazy_with(owner.application_name("lapidary listen").options(KEEPALIVE)),
            places: Arc::new(Semaphore::new(places)),
            places_max: places,
        })
    }

    /// A transaction in which the database shows and changes only what is this person's. Waits a few seconds at most.
    pub async fn begin_as(&self, actor: Actor) -> Result<PersonTx, sqlx::Error> {
        self.patiently(self.begin_now(actor)).await
    }

    /// One statement, which is a transaction by itself and sets itself what a policy reads: a look at one's own in a single
    /// round trip. Where it forgets to, it finds nothing. Waits as [`Db::begin_as`].
    pub async fn read_as<T>(
        &self,
        statement: impl AsyncFn(&mut PgConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, sqlx::Error> {
        let read = async || statement(&mut *self.person.acquire().await?).await;
        self.patiently(self.on_a_living_one(read)).await
    }

    /// Whoever finds too many waiting, or waits too long, is refused.
    async fn patiently<T>(&self, work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
        let refused = |why| {
            metrics::pool_refused(why);
            sqlx::Error::PoolTimedOut
        };
        let _place = self.places.try_acquire().map_err(|_| refused("crowded"))?;
        let asked = Instant::now();
        // Behind a connection whose other end is gone without a word, even `begin` would wait for ever.
        let done = tokio::time::timeout(PERSON_PATIENCE, work).await;
        metrics::pool_waited(asked.elapsed().as_secs_f64());
        match done {
            Err(_) | Ok(Err(sqlx::Error::PoolTimedOut)) => Err(refused("late")),
            Ok(done) => done,
        }
    }

    /// One round trip: what a policy reads is set in the breath that begins. Ids are hexadecimal digits and hyphens.
    async fn begin_now(&self, actor: Actor) -> Result<PersonTx, sqlx::Error> {
        let begin = async || {
            let Actor { person_id, account_id } = actor;
            let text = format!(
                "begin; set local lapidary.person = '{person_id}'; set local lapidary.account = '{account_id}'"
            );
            let pool = self.person.clone();
            whole(async move { pool.begin_with(sqlx::AssertSqlSafe(text)).await }).await
        };
        self.on_a_living_one(begin).await
    }

    /// After a restart of the database each idle connection fails once; nothing was changed on it yet, so the next may
    /// serve.
    async fn on_a_living_one<T>(&self, work: impl AsyncFn() -> Result<T, sqlx::Error>) -> Result<T, sqlx::Error> {
        for _ in 0..self.person.size() {
            match work().await {
                Err(error) if is_dead(&error) => {}
                done => return done,
            }
        }
        work().await
    }

    /// A transaction that sees everything, of everyone: as [`Db::house`].
    pub async fn begin_house(&self) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        let pool = self.house.clone();
        whole(async move { pool.begin().await }).await
    }

    /// As [`Db::begin_as`], for a job: a connection of the house, in the person's role until the transaction ends. It takes no
    /// place from those who wait.
    pub async fn begin_job_as(&self, actor: Actor) -> Result<PersonTx, sqlx::Error> {
        let Actor { person_id, account_id } = actor;
        let text = format!(
            "begin; set local role lapidary_person; set local lapidary.person = '{person_id}'; \
             set local lapidary.account = '{account_id}'"
        );
        let pool = self.house.clone();
        whole(async move { pool.begin_with(sqlx::AssertSqlSafe(text)).await }).await
    }

    /// Everything, of everyone: only for sign-in, worker and jobs.
    pub fn house(&self) -> &PgPool {
        &self.house
    }

    /// As a signed-in request's, with nobody signed in: it sees no row of anybody.
    pub async fn as_nobody(&self) -> Result<PoolConnection<Postgres>, sqlx::Error> {
        self.person.acquire().await
    }

    pub fn numbers(&self) -> [PoolNumbers; 2] {
        [("person", &self.person), ("house", &self.house)].map(|(pool, of)| PoolNumbers {
            pool,
            connections: of.size(),
            idle: of.num_idle(),
            connections_max: of.options().get_max_connections(),
        })
    }

    /// Requests that wait for a person's transaction to begin.
    pub fn waiting(&self) -> usize {
        self.places_max.saturating_sub(self.places.available_permits())
    }

    /// Connected now; hears what was said to these channels from here on.
    pub async fn listener(&self, channels: &[&str]) -> Result<PgListener, sqlx::Error> {
        let mut listener = PgListener::connect_with(&self.listening).await?;
        listener.listen_all(channels.iter().copied()).await?;
        Ok(listener)
    }

    pub async fn close(&self) {
        let closed = async { tokio::join!(self.person.close(), self.listening.close(), self.house.close()) };
        let _ = tokio::time::timeout(CLOSE_LIMIT, closed).await;
    }
}

/// One whose other end is gone without a word would keep its user waiting for ever: an error drops it from the pool.
async fn answers(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    let silent = |_| sqlx::Error::Io(std::io::ErrorKind::TimedOut.into());
    tokio::time::timeout(PING_LIMIT, conn.ping()).await.map_err(silent)?
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

/// To its end, whoever stops waiting: a `begin` dropped half-way leaves its connection inside a transaction that the driver
/// does not know of, and whoever has the connection next works in there without an end.
async fn whole<T: Send + 'static>(
    begin: impl Future<Output = Result<T, sqlx::Error>> + Send + 'static,
) -> Result<T, sqlx::Error> {
    tokio::spawn(begin).await.unwrap_or(Err(sqlx::Error::WorkerCrashed))
}

/// The connection broke, or its server said goodbye (SQLSTATE 57P01 to 57P03).
fn is_dead(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| code.starts_with("57P")),
        _ => false,
    }
}
