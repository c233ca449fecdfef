//! One vendor on one listener, for as long as its owner lives.
use std::net::TcpListener;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpServer, web};

/// Stops the vendor when dropped.
#[derive(Debug)]
pub struct Running(ServerHandle);

impl Drop for Running {
    fn drop(&mut self) {
        // The order is given by the call; waiting for it is nobody's business.
        drop(self.0.stop(false));
    }
}

pub fn serve(
    listener: TcpListener,
    routes: impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static,
) -> std::io::Result<Running> {
    let server = HttpServer::new(move || App::new().configure(routes.clone()))
        .workers(1)
        .keep_alive(Duration::from_secs(75))
        .shutdown_timeout(0)
        .disable_signals()
        .listen(listener)?
        .run();
    let running = Running(server.handle());
    tokio::spawn(server);
    Ok(running)
}
