//! Answers one call: takes its generation, waits for its end, and says it. Who waits for long is kept company, so that no
//! proxy between takes us for dead: white space before JSON, comments in a stream.
use std::time::Duration;

use actix_web::http::header;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use futures_util::{StreamExt, stream};
use lapidary_contract::ProblemType;
use tokio::time::Instant;

use super::answer::{self, Pieces};
use super::calls::Served;
use super::error::WireError;
use super::events::{self, Telling};
use super::join::{self, Asked, Taken};
use super::order::Order;
use super::wait::{End, Heard, Wait};
use crate::app::App;
use crate::auth::CurrentUser;
use crate::catalogue::deprecation;
use crate::http::error::ApiResult;
use crate::http::event_stream;
use crate::http::request_log::chain;

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
        let asked = Asked::of(request, app.clock.now())?;
        Ok(Self { app, user, request_id, asked })
    }
}

/// `fingerprint` is of the whole call.
pub async fn serve(caller: Caller, order: Order, fingerprint: &[u8]) -> ApiResult<HttpResponse> {
    let (app, model) = (caller.app.clone(), order.request.model.clone());
    let mut answer = answered(caller, order, fingerprint).await?;
    deprecation::say(&mut answer, &app.catalogue, model.as_deref(), app.clock.today());
    Ok(answer)
}

async fn answered(caller: Caller, order: Order, fingerprint: &[u8]) -> ApiResult<HttpResponse> {
    let Caller { app, user, request_id, asked } = caller;
    let taken = join::take(&app, &user, &asked, &request_id, fingerprint, &order.request).await?;
    let mut wait = Wait::begin(app.clone(), user, taken.generation.id);
    // Until then every failure has a status of its own; from then on the answer has begun.
    let silence = Duration::from_secs(app.settings.openai_wire.openai_silence_seconds.min(LONGEST_SILENCE_SECONDS));
    let until = Instant::now() + silence;
    let shows = order.stream.is_some_and(|partial| partial > 0);
    let preview = loop {
        match wait.next(until).await? {
            Heard::Ended(end) => return ended(&app, &order, &end, &request_id, taken).await,
            Heard::Preview(key) if shows => break Some(key),
            Heard::Preview(_) => {}
            Heard::Quiet => break None,
        }
    };
    // What is held: nobody knows yet how much of it will be taken.
    let head = head(&taken, taken.generation.price_gems, taken.gems.remaining);
    let is_stream = order.stream.is_some();
    let told = events::tell(Telling { app, order, wait, request_id, shown: 0 }, preview);
    Ok(send(head, is_stream, until_told(told, taken.served)))
}

/// It ended before anything was said.
async fn ended(app: &App, order: &Order, end: &End, request_id: &str, taken: Taken) -> ApiResult<HttpResponse> {
    let mut head = head(&taken, end.generation.captured_gems, end.gems.remaining);
    if end.pictures.is_empty() {
        let failure = WireError::of_end(&end.generation, request_id).unwrap_or_else(WireError::gone);
        // A key is kept with its end.
        let failure = if taken.served.is_none() { failure.kept() } else { failure };
        // Nobody asks for this one again; for one that may pass, its own retry does.
        if let Some(served) = taken.served.filter(|_| failure.is_final()) {
            served.told();
        }
        return Ok(with_problem(failure.answer(&mut head), failure.problem()));
    }
    let is_stream = order.stream.is_some();
    let pieces = match is_stream {
        true => answer::completed(app, order, end).await,
        false => answer::whole(app, order, end).await,
    };
    match pieces {
        Ok(pieces) => Ok(send(head, is_stream, until_told(pieces, taken.served))),
        // They are made and paid for: whoever cannot be answered now is told where they are.
        Err(error) => {
            tracing::error!(request_id, error = %chain(&error), "pictures are made and cannot be answered");
            let failure = WireError::of(&error, request_id);
            Ok(with_problem(failure.answer(&mut head), error.problem_type()))
        }
    }
}

/// For the log of requests.
fn with_problem(mut answer: HttpResponse, problem: ProblemType) -> HttpResponse {
    answer.extensions_mut().insert(problem);
    answer
}

/// Whoever got the last piece is served; whoever went away before is not.
fn until_told(pieces: Pieces, served: Option<Served>) -> Pieces {
    let Some(served) = served else { return pieces };
    let over = stream::once(async move { served.told() }).filter_map(|()| std::future::ready(None));
    Box::pin(pieces.chain(over))
}

/// What leads to the generation, and its gems.
fn head(taken: &Taken, cost_gems: i64, remaining_gems: i64) -> HttpResponseBuilder {
    let mut answer = HttpResponse::Ok();
    if let Some(standing) = taken.standing {
        standing.say_first(&mut answer);
    }
    if taken.is_joined {
        answer.insert_header(("Idempotent-Replayed", "true"));
    }
    answer
        .insert_header((header::LOCATION, format!("/v1/generations/{}", taken.generation.id)))
        .insert_header(("Gems-Cost", cost_gems))
        .insert_header(("Gems-Remaining", remaining_gems));
    answer
}

fn send(mut answer: HttpResponseBuilder, is_stream: bool, pieces: Pieces) -> HttpResponse {
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
