//! `POST /openai/v1/images/generations`. Edits and models stand in files of their own.
use actix_web::{HttpRequest, HttpResponse, post, web};
use serde_json::{Map, Value};

use super::order::Order;
use super::schema::{OpenAiError, OpenAiImageRequest, OpenAiImages};
use super::serve::{self, Caller};
use crate::app::App;
use crate::auth::CurrentUser;
use crate::http::error::ApiResult;
use crate::http::extract::{Json, fingerprint};
use crate::http::request_log::RequestId;

/// Make images, in OpenAI's wire.
///
/// OpenAI's SDKs work with `base_url` set to `/openai/v1` of this server and an API key of yours. The call waits for the
/// images, at most for some minutes; one generation stands behind it, which `GET /v1/generations/{id}` shows too (`Location`).
/// `prompt` is sent to the model as it is. Images are answered as `b64_json`, or as `url` where `response_format` says so:
/// presigned links that work for seven days.
///
/// A call that takes long (55 seconds, unless the operator chose otherwise) begins its answer with white space before the
/// JSON, so that proxies keep the connection; its status is 200 by then. A failure after that is the error object in the
/// body, and then the connection breaks off, so that nobody takes it for a success; asked again, the call answers with its
/// status. With `stream` it answers `image_generation.partial_image` and `image_generation.completed` events, and errors as
/// `event: error`. Partial images are small.
///
/// A retry of an SDK (`X-Stainless-Retry-Count` of 1 or more, the same body, person and key, within 15 minutes) joins the
/// first call and costs nothing more (`Idempotent-Replayed: true`). It hears the same failure; what failed because a model or
/// the storage was busy is made anew, as that cost nothing. SDKs repeat what breaks before its answer began; after that the
/// one for Python repeats all but streams, the one for Node nothing: send such a call again with that header.
/// `Idempotency-Key` works too, as under `/v1`: it keeps its answer, a failure too.
///
/// The name of a model that has ended is answered by its replacement, in the nearest size that this one has. Whoever names
/// DALL·E gets a `url` unless `response_format` says otherwise.
#[utoipa::path(tag = "openai", operation_id = "create_openai_image", request_body = OpenAiImageRequest,
    params(("Idempotency-Key" = Option<String>, Header, description = "Yours, up to 255 characters; then retries are told apart by it alone."),
        ("X-Stainless-Retry-Count" = Option<u32>, Header, description = "Tries of this call before, as OpenAI's SDKs count them.")),
    responses(
        (status = 200, body = OpenAiImages, description = "The images that were made; fewer than asked for where some were not, and only those are charged. With `stream`: events.",
            headers(("Location" = String, description = "Of the generation, in our own API."),
                ("Gems-Cost" = i64, description = "Gems taken; held, where the answer began before its end was known."), ("Gems-Remaining" = i64),
                ("Deprecation" = String, description = "`@` and the second since when the model you named is on its way out."),
                ("Sunset" = String, description = "When it ends: from then on its replacement answers."))),
        (status = 400, body = OpenAiError, description = "A parameter is wrong (`param` names it), or the prompt was refused (`moderation_blocked`)."),
        (status = 401, body = OpenAiError),
        (status = 402, body = OpenAiError, description = "Not enough gems, or a cap of yours is reached. `x-should-retry: false`."),
        (status = 403, body = OpenAiError),
        (status = 404, body = OpenAiError, description = "There is no such model."),
        (status = 413, body = OpenAiError),
        (status = 415, body = OpenAiError),
        (status = 422, body = OpenAiError, description = "This `Idempotency-Key` belongs to another call."),
        (status = 429, body = OpenAiError, description = "Too often (`rate_limit_exceeded`), or too many wait (`too_many_waiting`). `Retry-After` says when to come again."),
        (status = 500, body = OpenAiError),
        (status = 502, body = OpenAiError, description = "The model answered with no image. Nothing was charged."),
        (status = 503, body = OpenAiError, description = "The model is too busy, or we are. What was made by then stands at `Location`."),
        (status = 504, body = OpenAiError, description = "The model took too long. Nothing was charged.")))]
#[post("/openai/v1/images/generations")]
pub async fn create_openai_image(
    app: web::Data<App>,
    user: CurrentUser,
    request_id: RequestId,
    request: HttpRequest,
    body: Json<Map<String, Value>>,
) -> ApiResult<HttpResponse> {
    let caller = Caller::of(app, user, request_id.0, &request)?;
    let order = Order::read(&body.0, None, &caller.app.catalogue, caller.app.clock.today())?;
    let fingerprint = fingerprint(&("generation", &body.0))?;
    serve::serve(caller, order, &fingerprint).await
}
