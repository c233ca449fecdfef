//! Streams of events as every route answers them, and a short one without content by which `lapidary doctor` sees whether
//! a proxy holds them back. Knows no event.
use std::convert::Infallible;
use std::time::Duration;

use actix_web::http::header;
use actix_web::web::Bytes;
use actix_web::{HttpResponse, HttpResponseBuilder};
use futures_util::Stream;
use futures_util::stream;

/// Events of the probe, and the time between two of them.
pub const PROBE_EVENTS: u32 = 3;
pub const PROBE_PAUSE: Duration = Duration::from_millis(300);

pub fn answer(events: impl Stream<Item = Result<Bytes, Infallible>> + 'static) -> HttpResponse {
    answer_with(HttpResponse::Ok(), events)
}

/// With headers of its own; an error of the events breaks it off.
pub fn answer_with<E: std::error::Error + 'static>(
    mut begun: HttpResponseBuilder,
    events: impl Stream<Item = Result<Bytes, E>> + 'static,
) -> HttpResponse {
    begun
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        // A buffering proxy would hold events back; a compressing one, too.
        .insert_header(("X-Accel-Buffering", "no"))
        .insert_header((header::CONTENT_ENCODING, "identity"))
        .streaming(events)
}

/// `GET /health/stream`: it ends by itself in less than a second, and asks nobody.
pub async fn probe() -> HttpResponse {
    answer(stream::unfold(0, |sent| async move {
        if sent == PROBE_EVENTS {
            return None;
        }
        if sent > 0 {
            tokio::time::sleep(PROBE_PAUSE).await;
        }
        Some((Ok(Bytes::from(format!("data: {sent}\n\n"))), sent + 1))
    }))
}
