//! `POST /openai/v1/images/edits`: as a form, which the SDKs send, and as JSON.
use actix_web::{HttpRequest, HttpResponse, post, web};

use super::form;
use super::order::Order;
use super::schema::{OpenAiEditForm, OpenAiEditRequest, OpenAiError, OpenAiImages};
use super::serve::{self, Caller};
use crate::app::App;
use crate::auth::CurrentUser;
use crate::http::error::{ApiError, ApiResult};
use crate::http::extract::{fingerprint, is_of_type};
use crate::http::request_log::RequestId;

/// Make images from images, in OpenAI's wire.
///
/// As `POST /openai/v1/images/generations`, with up to 16 pictures (`image` or `image[]`: PNG, WebP or JPEG, each less than
/// 50 MB, all together at most 100 MB) and a `mask` (a PNG of less than 4 MB and of the size of the first picture: what is
/// transparent in it may change). As JSON: `images` and `mask` with data URLs, the body at most 64 MB; addresses are not
/// fetched. Every picture is written anew without EXIF and whatever else is not the picture; the newest 500 of a person stay.
#[utoipa::path(tag = "openai", operation_id = "create_openai_edit",
    request_body(content((OpenAiEditForm = "multipart/form-data"), (OpenAiEditRequest = "application/json"))),
    params(("Idempotency-Key" = Option<String>, Header, description = "Yours, up to 255 characters; then retries are told apart by it alone."),
        ("X-Stainless-Retry-Count" = Option<u32>, Header, description = "Tries of this call before, as OpenAI's SDKs count them.")),
    responses(
        (status = 200, body = OpenAiImages, description = "As for generations; events are called `image_edit.partial_image` and `image_edit.completed`.",
            headers(("Location" = String), ("Gems-Cost" = i64), ("Gems-Remaining" = i64), ("Deprecation" = String), ("Sunset" = String))),
        (status = 400, body = OpenAiError),
        (status = 401, body = OpenAiError),
        (status = 402, body = OpenAiError),
        (status = 403, body = OpenAiError),
        (status = 404, body = OpenAiError),
        (status = 413, body = OpenAiError),
        (status = 415, body = OpenAiError),
        (status = 422, body = OpenAiError),
        (status = 429, body = OpenAiError),
        (status = 500, body = OpenAiError),
        (status = 502, body = OpenAiError),
        (status = 503, body = OpenAiError),
        (status = 504, body = OpenAiError)))]
#[post("/openai/v1/images/edits")]
pub async fn create_openai_edit(
    app: web::Data<App>,
    user: CurrentUser,
    request_id: RequestId,
    request: HttpRequest,
    payload: web::Payload,
) -> ApiResult<HttpResponse> {
    let caller = Caller::of(app, user, request_id.0, &request)?;
    let sent = if is_of_type(&request, "multipart/form-data") {
        form::of_form(&caller.app, &user, &request, payload).await?
    } else if is_of_type(&request, "application/json") {
        form::of_json(&caller.app, &user, &request, payload).await?
    } else {
        return Err(ApiError::UnsupportedMediaType);
    };
    let fingerprint = fingerprint(&("edit", &sent.fields, &sent.files))?;
    let order = Order::read(&sent.fields, Some(sent.pictures), &caller.app.catalogue, caller.app.clock.today())?;
    serve::serve(caller, order, &fingerprint).await
}
