//! `GET /openai/v1/models`: what can be asked for today, from the catalogue.
use actix_web::{get, web};
use lapidary_contract::domain::{Model, Violation, ViolationCode};

use super::schema::{OpenAiError, OpenAiModel, OpenAiModels};
use crate::app::App;
use crate::auth::CurrentUser;
use crate::http::error::ApiResult;

/// Models that can be asked for today, in OpenAI's wire.
#[utoipa::path(tag = "openai", operation_id = "list_openai_models", responses(
    (status = 200, body = OpenAiModels), (status = 401, body = OpenAiError), (status = 403, body = OpenAiError)))]
#[get("/openai/v1/models")]
pub async fn list_openai_models(app: web::Data<App>, _user: CurrentUser) -> web::Json<OpenAiModels> {
    let today = app.clock.today();
    let live = app.catalogue.models.iter().filter(|model| model.is_available(today));
    web::Json(OpenAiModels { object: "list", data: live.map(shown).collect() })
}

/// One of them, by its id or an alias, in OpenAI's wire. One that has ended is none, although calls for it are answered by
/// its replacement.
#[utoipa::path(tag = "openai", operation_id = "get_openai_model",
    params(("model" = String, Path, example = "gpt-image-2.5-flare")), responses(
    (status = 200, body = OpenAiModel), (status = 401, body = OpenAiError), (status = 403, body = OpenAiError),
    (status = 404, body = OpenAiError, description = "`model_not_found`")))]
#[get("/openai/v1/models/{model}")]
pub async fn get_openai_model(
    app: web::Data<App>,
    _user: CurrentUser,
    model: web::Path<String>,
) -> ApiResult<web::Json<OpenAiModel>> {
    let known = app.catalogue.model(&model).filter(|model| model.is_available(app.clock.today()));
    let known = known.ok_or_else(|| vec![Violation::new("/model", ViolationCode::Unknown)])?;
    Ok(web::Json(shown(known)))
}

fn shown(model: &Model) -> OpenAiModel {
    let since = model.available.and_then(|day| day.and_hms_opt(0, 0, 0)).map_or(0, |at| at.and_utc().timestamp());
    OpenAiModel { id: model.id.clone(), object: "model", created: since, owned_by: "lapidary" }
}
