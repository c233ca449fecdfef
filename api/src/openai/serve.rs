//! Answers one call: takes its generation, waits for its end, and says it. Who waits for long is kept company, so that no
//! proxy between takes us for dead: white space before JSON, comments in a stream.
use std::time::Duration;

use actix_web::http::header;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use lapidary_contract::{GemBalance, Generation};
use tokio::time::Instant;

use super::answer;
use super::error::WireError;
use super::events::{self, Telling};
use super::join::{self, Asked};
use super::order::Order;
use super::wait::{End, Heard, Wait};
use crate::app::App;
use crate::auth::CurrentUser;
use crate::http::error::ApiResult;
use crate::http::event_stream;

/// Nothing takes longer.
const LONGEST_SILENCE_SECONDS: u64 = 3_600;

/// Who asks, in which request.
pub struct Caller {
    pub app: web::Data<App>,
    pub user: CurrentUser,
    pub request_id: String,
    pub asked: Asked,
}

impl Caller {
    pub fn of(app: web::Data<App>, user: CurrentUser, request_id: String, request: &HttpRequest) -> ApiResult<Self> {
        Ok(Self { app, user, request_id, asked: Asked::of(request)? })
    }
}

/// `fingerprint` is of the whole call.
pub async fn serve(caller: Caller, order: Order, fingerprint: &[u8]) -> ApiResult<HttpResponse> {
    let Caller { app, user, request_id, asked } = caller;
    let taken = join::take(&app, &user, &asked, &request_id, fingerprint, &order.request).await?;
    let mut wait = Wait::begin(app.clone(), user, taken.generation.id);
    // Until then every failure has a status of its own; from then on the answer has begun.
    let silence = Duration::from_secs(app.settings.openai_wire.openai_silence_seconds.min(LONGEST_SILENCE_SECONDS));
    let until = Instant::now() + silence;
    let shows = order.stream.is_some_and(|partial| partial > 0);
    let preview = loop {
        match wait.next(until).await? {
            Heard::Ended(end) => return ended(&app, &order, &end, &request_id, taken.is_joined).await,
            Heard::Preview(key) if shows => break Some(key),
            Heard::Preview(_) => {}
            Heard::Quiet => break None,
        }
    };
    let gems = (taken.generation.price_gems, taken.gems.remaining);
    let head = head(HttpResponse::Ok(), &taken.generation, gems, taken.is_joined);
    let is_stream = order.stream.is_some();
    let told = events::tell(Telling { app, order, wait, request_id, shown: 0 }, preview);
    Ok(send(head, is_stream, told))
}

/// It ended before anything was said.
async fn ended(app: &App, order: &Order, end: &End, request_id: &str, is_joined: bool) -> ApiResult<HttpResponse> {
    let failure = WireError::of_end(&end.generation, request_id);
    if end.pictures.is_empty() {
        return Ok(failure.unwrap_or_else(WireError::gone).answer());
    }
    let head =
        head(HttpResponse::Ok(), &end.generation, (end.generation.captured_gems, remaining(&end.gems)), is_joined);
    match order.stream {
        Some(_) => Ok(send(head, true, answer::completed(app, order, end).await?)),
        None => Ok(send(head, false, answer::whole(app, order, end).await?)),
    }
}

fn remaining(gems: &GemBalance) -> i64 {
    gems.remaining
}

/// Gems: taken, or held while it is not known how many will be; and what is left.
fn head(
    mut answer: HttpResponseBuilder,
    generation: &Generation,
    (cost, remaining): (i64, i64),
    is_joined: bool,
) -> HttpResponseBuilder {
    answer
        .insert_header((header::LOCATION, format!("/v1/generations/{}", generation.id)))
        .insert_header(("Gems-Cost", cost))
        .insert_header(("Gems-Remaining", remaining));
    if is_joined {
        answer.insert_header(("Idempotent-Replayed", "true"));
    }
    answer
}

fn send(mut answer: HttpResponseBuilder, is_stream: bool, pieces: answer::Pieces) -> HttpResponse {
    if is_stream {
        return event_stream::answer_with(answer, pieces);
    }
    answer
        .content_type("application/json")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        // Pictures do not get smaller, and who compresses holds white space back.
        .insert_header((header::CONTENT_ENCODING, "identity"))
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(pieces)
}

/// What keeps a connection alive in each form.
pub fn company(is_stream: bool) -> Bytes {
    Bytes::from_static(if is_stream { b": still here\n\n" } else { b"\n" })
}
