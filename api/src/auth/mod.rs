//! Who is asking: sign-in with providers, sessions, tokens. Needs neither a provider nor the database to start.
pub mod address;
pub mod age;
pub mod api_keys;
mod cookie;
pub mod current_operator;
pub mod current_user;
mod device;
mod failure;
mod github;
mod id_token;
pub mod identities;
pub(crate) mod identity_queries;
pub mod key_command;
mod key_store;
pub mod keys;
pub mod life;
mod link;
mod marks;
pub mod me;
mod oidc;
pub mod people;
mod picture;
mod providers;
mod queries;
pub mod revocation;
pub mod routes;
pub mod scopes;
pub(crate) mod secret;
pub(crate) mod session;
pub(crate) mod session_queries;
mod sign_in;
pub mod token;

pub(crate) use age::UNCONFIRMED_KEPT;
pub(crate) use cookie::SIGN_IN_LIFETIME;
pub use current_operator::CurrentOperator;
pub use current_user::{AnyUser, CurrentUser};
pub(crate) use key_store::Seals;
pub(crate) use keys::SIGNS_FOR;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use utoipa_actix_web::service_config::ServiceConfig;

use self::api_keys::ApiKeys;
use self::cookie::Cookies;
use self::keys::Keys;
use self::providers::Provider;
use self::revocation::Revocations;
use self::secret::MasterKey;
use self::token::Tokens;
use crate::app::App;
use crate::config::Settings;
use crate::db::Db;
use crate::http::error::ApiError;
use crate::promises::retention::Done;

/// What sign-in keeps in memory; every process can lose it at any time.
pub struct Auth {
    pub keys: Keys,
    pub tokens: Tokens,
    pub revocations: Revocations,
    pub api_keys: ApiKeys,
    providers: Vec<Provider>,
    master: Arc<MasterKey>,
    cookies: Cookies,
}

#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    #[error("MASTER_KEY must be 32 bytes in base64 (`openssl rand -base64 32`)")]
    MasterKey,
    #[error("MASTER_KEY_PREVIOUS must be what MASTER_KEY was before: 32 bytes in base64")]
    MasterKeyPrevious,
    #[error("{0}")]
    Http(#[from] reqwest::Error),
}

impl Auth {
    /// Waits for nobody: providers are discovered at the first sign-in, keys made at the first token.
    pub fn build(settings: &Settings) -> Result<Self, AuthError> {
        let master = Arc::new(master_key(settings)?);
        Ok(Self {
            keys: Keys::new(Arc::clone(&master)),
            tokens: Tokens::new(&settings.origin()),
            revocations: Revocations::default(),
            api_keys: ApiKeys::default(),
            providers: providers::configured(settings)?,
            master,
            cookies: Cookies::new(settings),
        })
    }

    /// What runs beside the server: the feed of revocations, the signing keys, and when API keys were used.
    pub fn keep(app: Arc<App>, open: watch::Receiver<bool>) -> JoinHandle<()> {
        tokio::spawn(async move {
            let keys = app.auth.keys.keep(&app.db, &app.clock, open.clone());
            let uses = app.auth.api_keys.keep(&app.db, open.clone());
            tokio::join!(app.auth.revocations.listen(&app.db, open), keys, uses);
        })
    }

    /// Whether a stream of this session or key may go on. `None`: this process cannot say, and [`Auth::allows`] must ask:
    /// it has not heard of anything for a while, or what it heard of a key may be over, as a suspension.
    pub fn is_live(&self, user: &CurrentUser) -> Option<bool> {
        match user.key {
            None => self.revocations.known(user.session_id),
            Some(key) => (self.revocations.is_fresh() && !self.revocations.has(key.id)).then_some(true),
        }
    }

    /// As [`Auth::is_live`], and the database where this process does not know.
    pub async fn allows(&self, db: &Db, user: &CurrentUser) -> Result<bool, sqlx::Error> {
        match (self.is_live(user), user.key) {
            (Some(is_live), _) => Ok(is_live),
            (None, None) => self.revocations.allows(db, user.session_id).await,
            (None, Some(key)) => api_keys::queries::is_live(db.house(), key.id).await,
        }
    }

    /// What MASTER_KEY opens of the keys in the database. Changes nothing.
    pub(crate) async fn judge_seals(&self, conn: &mut PgConnection) -> Result<Seals, sqlx::Error> {
        key_store::judge_seals(conn, &self.master).await
    }

    /// To seal what its person must be able to read again.
    pub(crate) fn master(&self) -> &MasterKey {
        &self.master
    }

    pub(crate) fn cookies(&self) -> &Cookies {
        &self.cookies
    }

    /// Id and name of everybody who can vouch for a person here.
    pub(crate) fn provider_names(&self) -> Vec<(&'static str, String)> {
        self.providers.iter().map(|provider| (provider.id, provider.name.clone())).collect()
    }

    /// Every cookie there is, as a browser is told of it, without what is in it.
    pub(crate) fn cookies_in_use(&self) -> Vec<String> {
        self.cookies.described()
    }

    fn provider(&self, id: &str) -> Result<&Provider, ApiError> {
        self.providers.iter().find(|provider| provider.id == id).ok_or(ApiError::NotFound)
    }

    /// For people; the bare id of one that is not configured any more.
    fn provider_name(&self, id: &str) -> String {
        self.provider(id).map_or_else(|_| id.to_owned(), |provider| provider.name.clone())
    }
}

fn master_key(settings: &Settings) -> Result<MasterKey, AuthError> {
    let master = MasterKey::parse(&settings.master_key).ok_or(AuthError::MasterKey)?;
    match settings.master_key_previous.as_deref().filter(|previous| !previous.trim().is_empty()) {
        None => Ok(master),
        Some(previous) => Ok(master.replacing(MasterKey::parse(previous).ok_or(AuthError::MasterKeyPrevious)?)),
    }
}

/// A revoked or expired key is listed no more, and its id still explains what it spent.
pub const API_KEYS_KEPT: TimeDelta = TimeDelta::days(30);
/// After so long without use a session is over.
pub const SESSION_IDLE: TimeDelta = session::IDLE;

/// Attempts, sessions and what expired with them go.
pub async fn sweep(app: &App, now: DateTime<Utc>) -> Result<Done, sqlx::Error> {
    let mut conn = app.db.house().acquire().await?;
    Ok(Done::all(session_queries::sweep(&mut conn, now, now - SESSION_IDLE).await?))
}

pub async fn sweep_api_keys(app: &App, now: DateTime<Utc>) -> Result<Done, sqlx::Error> {
    let mut conn = app.db.house().acquire().await?;
    Ok(Done::all(api_keys::queries::sweep(&mut conn, now - API_KEYS_KEPT).await?))
}

/// People who did not confirm their age in a day.
pub async fn sweep_unconfirmed(app: &App, now: DateTime<Utc>) -> Result<Done, sqlx::Error> {
    let mut done = Done::default();
    for person_id in age::unconfirmed(&app.db, now).await? {
        done.seen += 1;
        if let age::Erased::Gone { sessions, picture_key } = age::erase(&app.db, person_id).await? {
            sessions.into_iter().for_each(|session| app.auth.revocations.add(session));
            picture::remove(app, picture_key.as_deref()).await;
            done.deleted += 1;
        }
    }
    Ok(done)
}

pub fn configure(config: &mut ServiceConfig) {
    config
        .service(routes::list_providers)
        .service(routes::start_login)
        .service(routes::finish_login)
        .service(routes::create_separate_account)
        .service(routes::refresh_session)
        .service(routes::end_current_session)
        .service(routes::list_public_keys)
        .service(me::get_me)
        .service(me::update_me)
        .service(me::list_sessions)
        .service(me::end_sessions)
        .service(me::end_session)
        .service(api_keys::routes::list_api_keys)
        .service(api_keys::routes::create_api_key)
        .service(api_keys::routes::revoke_api_key)
        .service(identities::list_identities)
        .service(identities::start_linking)
        .service(identities::unlink_identity);
}
