//! Server-sent events: `GET /v1/events` tells everything of a person, `GET /v1/generations/{id}/events` one generation to
//! its end. Both are resumable and beat; one follower serves both.
use std::convert::Infallible;
use std::time::Duration;

use actix_web::http::header;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, get, web};
use futures_util::stream;
use lapidary_contract::{LiveEvent, Problem};
use uuid::Uuid;

use super::follow::{Follower, Scope};
use super::retry;
use crate::app::App;
use crate::auth::CurrentUser;
use crate::auth::current_user;
use crate::http::error::ApiResult;
use crate::http::event_stream;

/// Everything that happens to your generations, images and gems.
///
/// Each event has an id; send the last one as `Last-Event-ID` to go on where a connection broke. The stream ends when its
/// access token does: come back with a fresh one and the last id. `status_changed` has no id. One person may have 32 streams
/// open at a process.
#[utoipa::path(tag = "generations", operation_id = "stream_events",
    params(("Last-Event-ID" = Option<String>, Header, description = "Id of the last event seen.")),
    responses((status = 200, body = LiveEvent, content_type = "text/event-stream"),
        (status = 401, body = Problem, content_type = "application/problem+json")))]
#[get("/v1/events")]
pub async fn stream_events(app: web::Data<App>, user: CurrentUser, request: HttpRequest) -> ApiResult<HttpResponse> {
    let follower = follow(app, user, Scope::Everything, &request).await?;
    let hello = format!("{}id: {}\n\n", come_back(), follower.cursor());
    Ok(answer(follower, hello))
}

/// One generation: as it is now, then each change, until its last state; then the stream ends.
///
/// Send the last id as `Last-Event-ID` to go on where a connection broke; where the last state was seen already the answer
/// is 204, which tells an EventSource not to come again. The stream also ends when its access token does.
#[utoipa::path(tag = "generations", operation_id = "stream_generation_events",
    params(("id" = Uuid, Path), ("Last-Event-ID" = Option<String>, Header, description = "Id of the last event seen.")),
    responses((status = 200, body = LiveEvent, content_type = "text/event-stream"),
        (status = 204, description = "Its last state was seen already."),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json")))]
#[get("/v1/generations/{id}/events")]
pub async fn stream_generation_events(
    app: web::Data<App>,
    user: CurrentUser,
    id: web::Path<Uuid>,
    request: HttpRequest,
) -> ApiResult<HttpResponse> {
    let follower = follow(app, user, Scope::Generation(*id), &request).await?;
    if follower.is_exhausted() {
        return Ok(HttpResponse::NoContent().insert_header((header::CACHE_CONTROL, "no-store")).finish());
    }
    Ok(answer(follower, format!("{}\n", come_back())))
}

/// Streams that began or broke together beat and come back one after the other.
pub fn part_of(time: Duration) -> Duration {
    time * u32::from(retry::spread(Uuid::now_v7(), 0)) / (u32::from(u16::MAX) + 1)
}

fn come_back() -> String {
    let wait = Duration::from_secs(1) + part_of(Duration::from_secs(1));
    format!("retry: {}\n", wait.as_millis())
}

async fn follow(app: web::Data<App>, user: CurrentUser, scope: Scope, request: &HttpRequest) -> ApiResult<Follower> {
    let last_seen = request.headers().get("last-event-id").and_then(|value| value.to_str().ok()?.parse::<i64>().ok());
    // A token without an end was let in by nobody.
    let ends_at = current_user::ends_at(request, &user).unwrap_or_else(|| app.clock.now());
    Follower::begin(app, user, scope, last_seen, ends_at).await
}

fn answer(follower: Follower, hello: String) -> HttpResponse {
    let events = stream::unfold((follower, Some(Bytes::from(hello))), |(mut follower, hello)| async move {
        let bytes = match hello {
            Some(hello) => hello,
            None => follower.next().await?,
        };
        Some((Ok::<_, Infallible>(bytes), (follower, None)))
    });
    event_stream::answer(events)
}
