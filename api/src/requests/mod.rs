//! The request log: who asked for what, how it went and what it cost, for 30 days. Never bodies, prompts, tokens, e-mail
//! addresses, queries, or paths with ids in them.
pub mod days;
pub mod queries;
pub mod routes;
pub mod writer;

pub use writer::{RequestLog, Row};

pub fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig) {
    config.service(routes::list_requests).service(routes::get_request);
}
