//! What is refused and who is: the free look at a prompt before anything is held, the record of refusals, and the flags that
//! tell an operator of abuse. Keeps no prompt.
pub mod client;
pub mod flag_command;
pub mod flags;
mod queries;
pub mod refusals;

use lapidary_contract::{Refusal, RefusalStage};

use self::client::Looked;
use self::refusals::Refused;
use crate::app::App;
use crate::auth::CurrentUser;
use crate::config::WhenDown;
use crate::http::error::{ApiError, ApiResult};
use crate::metrics;

pub fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig) {
    config.service(flags::list_flags).service(flags::close_flag);
}

/// Looks at a text before anything is held for it. Never call it within a transaction: it asks a service. `None`: nothing
/// speaks against it, nobody looks here, or nobody could and the operator lets it pass.
pub async fn check(app: &App, text: &str) -> ApiResult<Option<Refusal>> {
    let Some(moderation) = &app.moderation else { return Ok(None) };
    let error = match moderation.look(text).await {
        Ok(Looked { categories, .. }) if categories.is_empty() => return Ok(None),
        Ok(Looked { categories, request_id }) => {
            let stage = RefusalStage::BeforeMaking;
            return Ok(Some(Refusal { stage, categories, provider_request_id: request_id }));
        }
        Err(error) => error,
    };
    let when_down = app.settings.moderation.moderation_when_down;
    metrics::moderation_failed(match when_down {
        WhenDown::Allow => "allowed",
        WhenDown::Refuse => "refused",
    });
    tracing::warn!(%error, ?when_down, "the moderation service did not look at a prompt");
    match when_down {
        WhenDown::Allow => Ok(None),
        WhenDown::Refuse => Err(ApiError::Unavailable { retry_after_seconds: 10 }),
    }
}

/// As [`check`]; what is refused is recorded for this person, and is the answer.
pub async fn allow(app: &App, user: &CurrentUser, request_id: &str, text: &str) -> ApiResult<()> {
    let Some(refusal) = check(app, text).await? else { return Ok(()) };
    let refused = Refused { person_id: user.person_id, generation_id: None, request_id, refusal: &refusal };
    let mut tx = app.db.begin_house().await?;
    refusals::record(&mut tx, app, &refused, app.clock.now()).await?;
    tx.commit().await?;
    metrics::refused(refusals::stage_name(refusal.stage));
    tracing::info!(provider_request_id = refusal.provider_request_id.as_deref(), categories = ?refusal.categories,
        "a prompt was refused before anything was held");
    Err(ApiError::PromptRefused(Box::new(refusal)))
}
