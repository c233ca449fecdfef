//! `/metrics` in Prometheus' text format, on a port of its own: never on the public one, and nothing at all without
//! METRICS_LISTEN.
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{App as ActixApp, HttpResponse, HttpServer, web};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use super::sample::Samples;
use crate::app::{App, StartError};

const REQUEST_SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
/// A picture takes seconds to minutes.
const MODEL_SECONDS: [f64; 10] = [0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 360.0];
/// What was recorded waits in memory for a scrape: without one it is put in its buckets this often.
const UPKEEP: Duration = Duration::from_secs(5);

/// Numbers of this process, for who may scrape them.
pub struct Exporter {
    pub address: SocketAddr,
    server: ServerHandle,
    upkeep: tokio::task::JoinHandle<()>,
}

/// Counting begins here: call it before anything worth counting happens.
pub fn begin() -> Result<PrometheusHandle, StartError> {
    recorder().map_err(|error| StartError::Other(format!("metrics: {error}")))
}

fn recorder() -> Result<PrometheusHandle, BuildError> {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Full("lapidary_request_seconds".into()), &REQUEST_SECONDS)?
        .set_buckets_for_metric(Matcher::Full("lapidary_pool_wait_seconds".into()), &REQUEST_SECONDS)?
        .set_buckets_for_metric(Matcher::Full("lapidary_refinement_seconds".into()), &MODEL_SECONDS)?
        .set_buckets_for_metric(Matcher::Full("lapidary_model_seconds".into()), &MODEL_SECONDS)?
        .install_recorder()
}

impl Exporter {
    pub fn start(app: Arc<App>, numbers: PrometheusHandle, listen: SocketAddr) -> Result<Self, StartError> {
        let listener = TcpListener::bind(listen)
            .map_err(|error| StartError::Other(format!("METRICS_LISTEN {listen}: {error}")))?;
        let address = listener.local_addr()?;
        let shared = web::Data::new((numbers.clone(), Samples::new(app)));
        let server =
            HttpServer::new(move || ActixApp::new().app_data(shared.clone()).route("/metrics", web::get().to(show)))
                .workers(1)
                .shutdown_timeout(1)
                .disable_signals()
                .listen(listener)?
                .run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        let upkeep = tokio::spawn(async move {
            let mut beat = tokio::time::interval(UPKEEP);
            loop {
                beat.tick().await;
                numbers.run_upkeep();
            }
        });
        Ok(Self { address, server: handle, upkeep })
    }

    pub async fn end(self) {
        self.upkeep.abort();
        self.server.stop(false).await;
    }
}

async fn show(shared: web::Data<(PrometheusHandle, Samples)>) -> HttpResponse {
    let (numbers, samples) = shared.get_ref();
    samples.take().await;
    HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(numbers.render())
}
