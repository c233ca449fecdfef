//! `GET /v1/events`: everything of a person as server-sent events, resumable, with a heartbeat.
use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use actix_web::http::header;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, get, web};
use futures_util::stream;
use lapidary_contract::{LiveEvent, Problem};
use tokio::sync::broadcast::error::RecvError;
use uuid::Uuid;

use super::queries;
use crate::app::App;
use crate::auth::CurrentUser;
use crate::gems;
use crate::http::error::{ApiError, ApiResult};

/// Below the 15 seconds that proxies and our page allow.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// Events read at once; whoever missed more starts over.
const BATCH: i64 = 500;

/// Everything that happens to your generations, images and gems.
///
/// Each event has an id; send the last one as `Last-Event-ID` to go on where a connection broke.
#[utoipa::path(tag = "generations", operation_id = "stream_events",
    params(("Last-Event-ID" = Option<String>, Header, description = "Id of the last event seen.")),
    responses((status = 200, body = LiveEvent, content_type = "text/event-stream"),
        (status = 401, body = Problem, content_type = "application/problem+json")))]
#[get("/v1/events")]
pub async fn stream_events(app: web::Data<App>, user: CurrentUser, request: HttpRequest) -> ApiResult<HttpResponse> {
    let last_seen = request.headers().get("last-event-id").and_then(|value| value.to_str().ok()?.parse::<i64>().ok());
    let news = app.live.news();
    let (cursor, missed_too_much) = begin_at(&app, &user, last_seen).await?;
    let mut follower = Follower { app: app.clone(), user, cursor, news, open: app.live.open(), ready: VecDeque::new() };
    if missed_too_much {
        follower.push(cursor, &LiveEvent::Reset)?;
    }
    let hello = Bytes::from(format!("retry: 1000\nid: {cursor}\n\n"));
    let events = stream::unfold((follower, Some(hello)), |(mut follower, hello)| async move {
        let bytes = match hello {
            Some(hello) => hello,
            None => follower.next().await?,
        };
        Some((Ok::<_, Infallible>(bytes), (follower, None)))
    });
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        // A buffering proxy would hold events back; a compressing one, too.
        .insert_header(("X-Accel-Buffering", "no"))
        .insert_header((header::CONTENT_ENCODING, "identity"))
        .streaming(events))
}

struct Follower {
    app: web::Data<App>,
    user: CurrentUser,
    cursor: i64,
    news: tokio::sync::broadcast::Receiver<Uuid>,
    open: tokio::sync::watch::Receiver<bool>,
    ready: VecDeque<Bytes>,
}

impl Follower {
    /// The next bytes; `None` ends the stream and the reader comes back with its last id.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(bytes) = self.ready.pop_front() {
                return Some(bytes);
            }
            if !*self.open.borrow() || !self.app.auth.is_live(self.user.session_id) {
                return None;
            }
            if let Err(error) = self.read().await {
                tracing::warn!(%error, "a live stream ends: its rows cannot be read");
                return None;
            }
            if self.ready.is_empty() && !self.wait().await {
                return Some(Bytes::from_static(b": still here\n\n"));
            }
        }
    }

    /// False when nothing came in time for a heartbeat.
    async fn wait(&mut self) -> bool {
        let heartbeat = tokio::time::sleep(HEARTBEAT);
        tokio::pin!(heartbeat);
        loop {
            tokio::select! {
                () = &mut heartbeat => return false,
                _ = self.open.changed() => return true,
                news = self.news.recv() => match news {
                    Ok(person_id) if person_id == self.user.person_id => return true,
                    Ok(_) => {}
                    Err(RecvError::Lagged(_)) => return true,
                    Err(RecvError::Closed) => return false,
                },
            }
        }
    }

    async fn read(&mut self) -> ApiResult<()> {
        let mut tx = self.app.db.begin_as(self.user.actor()).await?;
        let rows = sqlx::query!(
            "select id, kind, subject from events where person_id = $1 and id > $2 order by id limit $3",
            self.user.person_id,
            self.cursor,
            BATCH
        )
        .fetch_all(&mut *tx)
        .await?;
        let too_many = rows.len() >= usize::try_from(BATCH).unwrap_or(usize::MAX);
        // The resource is read as it is now, so only its last row matters.
        let mut last_of: Vec<(i64, String, Uuid)> = Vec::new();
        for row in rows {
            self.cursor = row.id;
            last_of.retain(|(_, kind, subject)| (kind, *subject) != (&row.kind, row.subject));
            last_of.push((row.id, row.kind, row.subject));
        }
        if too_many {
            let newest = newest_in(&mut tx, self.user.person_id).await?;
            self.cursor = newest;
            self.push(newest, &LiveEvent::Reset)?;
            tx.commit().await?;
            return Ok(());
        }
        for (id, kind, subject) in last_of {
            let event = if kind == "image" {
                LiveEvent::ImageChanged { image_id: subject }
            } else {
                let gems = gems::queries::balance(&mut tx, self.user.account_id).await?;
                match queries::get(&mut tx, &self.app, self.user.person_id, subject).await? {
                    Some(generation) => LiveEvent::GenerationChanged { generation: Box::new(generation), gems },
                    None => LiveEvent::GemsChanged { gems },
                }
            };
            self.push(id, &event)?;
        }
        tx.commit().await?;
        Ok(())
    }

    fn push(&mut self, id: i64, event: &LiveEvent) -> ApiResult<()> {
        let data = serde_json::to_string(event).map_err(ApiError::internal)?;
        self.ready.push_back(Bytes::from(format!("id: {id}\ndata: {data}\n\n")));
        Ok(())
    }
}

/// Where a stream begins, and whether rows between were already cleaned away. Events live for a day.
async fn begin_at(app: &App, user: &CurrentUser, last_seen: Option<i64>) -> ApiResult<(i64, bool)> {
    let mut tx = app.db.begin_as(user.actor()).await?;
    let newest = newest_in(&mut tx, user.person_id).await?;
    let known = match last_seen {
        None | Some(0) => true,
        Some(id) => {
            sqlx::query_scalar!(
                r#"select exists (select from events where person_id = $1 and id = $2) as "known!""#,
                user.person_id,
                id
            )
            .fetch_one(&mut *tx)
            .await?
        }
    };
    tx.commit().await?;
    Ok(match last_seen {
        Some(id) if known => (id, false),
        Some(_) => (newest, true),
        None => (newest, false),
    })
}

async fn newest_in(conn: &mut sqlx::PgConnection, person_id: Uuid) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(r#"select coalesce(max(id), 0) as "id!" from events where person_id = $1"#, person_id)
        .fetch_one(conn)
        .await
}
