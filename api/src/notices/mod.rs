//! Notices: what a person should know although they did not ask. Whoever makes one says so in the transaction that is its
//! cause; what it says is written in one place.
mod message;
mod queries;
mod routes;

pub use self::queries::{add, gems_low, gems_low_outside, unread};

pub fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig) {
    config.service(routes::list_notices).service(routes::read_notice);
}
