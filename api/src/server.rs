//! Puts routes, page and background work on one port, and stops them gracefully.
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, OnceLock};

use actix_web::dev::{ResourceDef, Server, ServerHandle};
use actix_web::http::Method;
use actix_web::middleware::{Compress, from_fn};
use actix_web::{App as ActixApp, HttpRequest, HttpResponse, HttpServer, web};
use utoipa_actix_web::AppExt;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::app::{App, StartError};
use crate::auth::current_user::stand_at_the_door;
use crate::docs::Documents;
use crate::http::error::ApiError;
use crate::http::{event_stream, extract, request_log};

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
    crate::notices::configure(config);
    crate::openai::configure(config);
    crate::payments::configure(config);
    crate::presets::configure(config);
    crate::references::configure(config);
    crate::refinement::configure(config);
}

impl Application {
    pub fn build(app: Arc<App>, listener: TcpListener, threads: usize) -> Result<Self, StartError> {
        let address = listener.local_addr()?;
        let shared = web::Data::from(Arc::clone(&app));
        let (paths, documents) = (web::Data::new(KnownPaths::default()), web::Data::new(Documents::default()));
        let server = HttpServer::new(move || {
            let (service, _) = ActixApp::new()
                .into_utoipa_app()
                .map(|service| {
                    service
                        .app_data(shared.clone())
                        .app_data(paths.clone())
                        .app_data(documents.clone())
                        .wrap(Compress::default())
                        .wrap(from_fn(stand_at_the_door))
                        .wrap(from_fn(request_log::observe))
                        .configure(extract::configure)
                })
                .configure(routes)
                .split_for_parts();
            service.configure(health).configure(crate::docs::configure).default_service(web::to(nothing_here))
        })
        .workers(threads)
        // The default of five seconds answers a busy machine's clients with a bare 408.
        .client_request_timeout(std::time::Duration::from_secs(30))
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

/// Ready when the guard has judged the database, and it answers and has this version's schema, until told to stop.
async fn ready(app: web::Data<App>) -> Result<HttpResponse, ApiError> {
    if !app.stop.is_serving() || !app.is_judged.load(std::sync::atomic::Ordering::Relaxed) {
        return Err(ApiError::Unavailable { retry_after_seconds: 5 });
    }
    let newest = crate::db::MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0);
    let applied = sqlx::query_scalar::<_, Option<i64>>("select max(version) from _sqlx_migrations where success")
        .fetch_one(app.db.house())
        .await;
    match applied {
        Ok(Some(version)) if version >= newest => Ok(HttpResponse::Ok().body("ok")),
        Ok(_) => Err(ApiError::Unavailable { retry_after_seconds: 5 }),
        Err(error) => {
            tracing::error!(%error, "not ready: the database does not answer");
            Err(ApiError::Unavailable { retry_after_seconds: 5 })
        }
    }
}

/// Paths of the OpenAPI document with their methods, to tell 405 from 404.
#[derive(Default)]
struct KnownPaths(OnceLock<Vec<(ResourceDef, String)>>);

impl KnownPaths {
    fn of(document: &utoipa::openapi::OpenApi) -> Vec<(ResourceDef, String)> {
        let allow = |item: &utoipa::openapi::PathItem| {
            let methods = [
                (item.get.is_some(), "GET, HEAD"),
                (item.post.is_some(), "POST"),
                (item.put.is_some(), "PUT"),
                (item.patch.is_some(), "PATCH"),
                (item.delete.is_some(), "DELETE"),
            ];
            methods.iter().filter(|(is, _)| *is).map(|(_, name)| *name).collect::<Vec<_>>().join(", ")
        };
        let paths = document.paths.paths.iter();
        paths.map(|(path, item)| (ResourceDef::new(path.as_str()), allow(item))).collect()
    }

    fn allow(&self, path: &str) -> Option<&str> {
        let known = self.0.get_or_init(|| Self::of(&crate::openapi::document()));
        known.iter().find(|(pattern, _)| pattern.is_match(path)).map(|(_, allow)| allow.as_str())
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
