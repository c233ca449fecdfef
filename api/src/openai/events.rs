//! An answer that began before its end is known: what is heard on the way, and then the end, in the form that was asked for.
//! Its status is 200 already. A failure is the last event of a stream; in JSON it is said, and then the connection breaks
//! off, since SDKs take a whole 200 for a success. Who asks again joins, and hears it with its status: not every SDK does.
use std::time::Duration;

use actix_web::web;
use actix_web::web::Bytes;
use futures_util::{StreamExt, stream};
use tokio::time::Instant;

use super::answer::{self, Pieces};
use super::error::WireError;
use super::order::Order;
use super::serve::company;
use super::wait::{End, Heard, Wait};
use crate::app::App;
use crate::http::error::ApiError;
use crate::images::store::StoreError;

/// Well below the half minute after which the least patient proxies give up.
const BEAT: Duration = Duration::from_secs(10);

pub struct Telling {
    pub app: web::Data<App>,
    pub order: Order,
    pub wait: Wait,
    pub request_id: String,
    /// Rough pictures so far.
    pub shown: u32,
}

enum State {
    Waiting(Box<Telling>),
    Ending(Pieces),
    Over,
}

/// `preview` was heard already.
pub fn tell(telling: Telling, preview: Option<String>) -> Pieces {
    let state = (State::Waiting(Box::new(telling)), preview, true);
    Box::pin(stream::unfold(state, |(mut state, mut preview, is_first)| async move {
        loop {
            match state {
                State::Waiting(mut telling) => {
                    if let Some(event) = telling.partial(preview.take()).await {
                        return Some((Ok(event), (State::Waiting(telling), None, false)));
                    }
                    if is_first {
                        let bytes = company(telling.order.stream.is_some());
                        return Some((Ok(bytes), (State::Waiting(telling), None, false)));
                    }
                    match telling.wait.next(Instant::now() + BEAT).await {
                        Ok(Heard::Quiet) => {
                            let bytes = company(telling.order.stream.is_some());
                            return Some((Ok(bytes), (State::Waiting(telling), None, false)));
                        }
                        Ok(Heard::Preview(key)) => {
                            preview = Some(key);
                            state = State::Waiting(telling);
                        }
                        Ok(Heard::Ended(end)) => state = telling.end(&end).await,
                        Err(error) => return Some((Err(broken_off(&error)), (State::Over, None, false))),
                    }
                }
                State::Ending(mut pieces) => {
                    return pieces.next().await.map(|piece| (piece, (State::Ending(pieces), None, false)));
                }
                State::Over => return None,
            }
        }
    }))
}

impl Telling {
    /// At most as many as were asked for; one that cannot be read is left out.
    async fn partial(&mut self, key: Option<String>) -> Option<Bytes> {
        let key = key.filter(|_| self.order.stream.is_some_and(|most| self.shown < most))?;
        match answer::partial(&self.app, &self.order, &key, self.shown).await {
            Ok(event) => {
                self.shown += u32::from(event.is_some());
                event
            }
            Err(error) => {
                tracing::warn!(%error, "a rough picture is not shown");
                None
            }
        }
    }

    async fn end(&self, end: &End) -> State {
        let is_stream = self.order.stream.is_some();
        if end.pictures.is_empty() {
            let failure = WireError::of_end(&end.generation, &self.request_id).unwrap_or_else(WireError::gone);
            return State::Ending(if is_stream { answer::piece(failure.event()) } else { broken_off_after(&failure) });
        }
        let pieces = match is_stream {
            true => answer::completed(&self.app, &self.order, end).await,
            false => answer::whole(&self.app, &self.order, end).await,
        };
        pieces.map_or_else(
            |error| State::Ending(Box::pin(stream::once(std::future::ready(Err(broken_off(&error)))))),
            State::Ending,
        )
    }
}

fn broken_off_after(failure: &WireError) -> Pieces {
    let breaks = stream::once(async {
        // What was said goes out first.
        tokio::task::yield_now().await;
        Err(StoreError::Refused { act: "be had", reason: "the generation failed".into() })
    });
    Box::pin(answer::piece(failure.body().to_string().into()).chain(breaks))
}

fn broken_off(error: &ApiError) -> StoreError {
    tracing::warn!(error = %crate::http::request_log::chain(error), "an answer in OpenAI's wire is broken off");
    StoreError::Refused { act: "be read", reason: error.to_string() }
}
