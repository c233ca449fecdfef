//! Who is asking: sign-in with providers, sessions, tokens.
pub mod current_user;

pub use current_user::CurrentUser;

use crate::clock::Clock;
use crate::config::Settings;
use crate::db::Db;

pub struct Auth {}

#[derive(Debug, thiserror::Error)]
pub enum AuthError {}

impl Auth {
    pub async fn build(_settings: &Settings, _db: &Db, _clock: &Clock) -> Result<Self, AuthError> {
        Ok(Self {})
    }

    /// Whether a stream that began with this session may go on.
    pub fn is_live(&self, _session_id: uuid::Uuid, _person_id: uuid::Uuid) -> bool {
        true
    }

    /// Background tasks (revocation feed, key rotation) until `open` says false; called by `work::Background::start`.
    pub fn keep(
        &self,
        _app: std::sync::Arc<crate::app::App>,
        _open: tokio::sync::watch::Receiver<bool>,
    ) -> Vec<tokio::task::JoinHandle<()>> {
        Vec::new()
    }
}

pub fn configure(_config: &mut utoipa_actix_web::service_config::ServiceConfig) {}
