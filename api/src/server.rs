//! Puts routes, page and background work on one port, and stops them gracefully.
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::dev::{Server, ServerHandle};
use actix_web::http::Method;
use actix_web::middleware::{Compress, Condition, from_fn};
use actix_web::{App as ActixApp, HttpRequest, HttpResponse, HttpServer, web};
use tokio::sync::Mutex;
use utoipa_actix_web::AppExt;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::app::{App, StartError};
use crate::auth::current_user::stand_at_the_door;
use crate::docs::Documents;
use crate::http::error::ApiError;
use crate::http::known_paths::KnownPaths;
use crate::http::{conditional, cors, event_stream, extract, request_log};

/// A server that listens but does not serve until it is awaited.
pub struct Application {
    pub app: Arc<App>,
    pub address: SocketAddr,
    server: Server,
}

/// Every documented route.
pub fn routes(config: &mut ServiceConfig) {
    crate::auth::configure(config);
    crate::gems::configure(config);
    crate::catalogue::configure(config);
    crate::generation::configure(config);
    crate::images::configure(config);
    crate::archives::configure(config);
    crate::moderation::configure(config);
    crate::notices::configure(config);
    crate::openai::configure(config);
    crate::payments::configure(config);
    crate::presets::configure(config);
    crate::promises::configure(config);
    crate::references::configure(config);
    crate::refinement::configure(config);
    crate::requests::configure(config);
    crate::operator::configure(config);
    crate::webhooks::configure(config);
}

impl Application {
    pub fn build(app: Arc<App>, listener: TcpListener, threads: usize) -> Result<Self, StartError> {
        let address = listener.local_addr()?;
        let shared = web::Data::from(Arc::clone(&app));
        let (paths, documents) = (web::Data::new(KnownPaths::default()), web::Data::new(Documents::default()));
        let readiness = web::Data::new(Readiness::default());
        let settings = app.settings.clone();
        let server = HttpServer::new(move || {
            let (service, _) = ActixApp::new()
                .into_utoipa_app()
                .map(|service| {
                    service
                        .app_data(shared.clone())
                        .app_data(paths.clone())
                        .app_data(documents.clone())
                        .app_data(readiness.clone())
                        .wrap(from_fn(conditional::answer))
                        .wrap(Compress::default())
                        .wrap(from_fn(stand_at_the_door))
                        .wrap(from_fn(request_log::observe))
                        .wrap(Condition::new(cors::are_any(&settings), cors::rules(&settings)))
                        .configure(extract::configure)
                })
                .configure(routes)
                .split_for_parts();
            service
                .configure(health)
                .configure(crate::docs::configure)
                .configure(crate::problems::configure)
                .default_service(web::to(nothing_here))
        })
        .workers(threads)
        // The default of five seconds answers a busy machine's clients with a bare 408.
        .client_request_timeout(Duration::from_secs(30))
        // Whoever is gone waits for nothing, and must not buy it after another try of theirs did.
        .h1_allow_half_closed(false)
        // Beside STOP_SECONDS, which runs have; no request takes longer.
        .shutdown_timeout(5)
        .disable_signals()
        .listen(listener)?
        .run();
        Ok(Self { app, address, server })
    }

    pub fn handle(&self) -> ServerHandle {
        self.server.handle()
    }

    pub async fn serve(self) -> std::io::Result<()> {
        self.server.await
    }
}

fn health(config: &mut web::ServiceConfig) {
    config
        .route("/health/live", web::get().to(|| async { HttpResponse::Ok().body("ok") }))
        .route("/health/ready", web::get().to(ready))
        .route("/health/stream", web::get().to(event_stream::probe));
}

/// What the database said last. Anybody may ask whether we are ready: one question a second, however many do.
#[derive(Default)]
struct Readiness(Mutex<Option<(Instant, bool)>>);

/// Ready when the guard has judged the database, and it answers and has this version's schema, until told to stop.
async fn ready(app: web::Data<App>, known: web::Data<Readiness>) -> Result<HttpResponse, ApiError> {
    if !app.stop.is_serving() || !app.is_judged.load(std::sync::atomic::Ordering::Relaxed) {
        return Err(ApiError::Unavailable { retry_after_seconds: 5 });
    }
    let mut known = known.0.lock().await;
    let is_ready = match *known {
        Some((asked_at, is_ready)) if asked_at.elapsed() < Duration::from_secs(1) => is_ready,
        _ => {
            let is_ready = has_schema(&app).await;
            *known = Some((Instant::now(), is_ready));
            is_ready
        }
    };
    if is_ready { Ok(HttpResponse::Ok().body("ok")) } else { Err(ApiError::Unavailable { retry_after_seconds: 5 }) }
}

async fn has_schema(app: &App) -> bool {
    let newest = crate::db::MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0);
    let applied = sqlx::query_scalar::<_, Option<i64>>("select max(version) from _sqlx_migrations where success")
        .fetch_one(app.db.house())
        .await;
    match applied {
        Ok(version) => version.is_some_and(|version| version >= newest),
        Err(error) => {
            tracing::error!(%error, "not ready: the database does not answer");
            false
        }
    }
}

/// A known path with another method, a view of the page, or nothing.
async fn nothing_here(
    app: web::Data<App>,
    request: HttpRequest,
    paths: web::Data<KnownPaths>,
) -> Result<HttpResponse, ApiError> {
    match paths.allow(request.path()) {
        Some(allow) => Err(ApiError::MethodNotAllowed { allow: allow.to_owned() }),
        None if matches!(*request.method(), Method::GET | Method::HEAD) => crate::page::serve(&app, &request),
        None => Err(ApiError::NotFound),
    }
}
