//! Gems: balances, the ledger that moves them, and what people see and decide of it.
pub mod audit;
mod cap_queries;
pub mod caps;
mod code;
pub mod code_command;
mod code_queries;
pub mod csv;
pub mod ledger;
pub mod queries;
pub mod redeem;
pub mod routes;
pub mod spend;
mod statement;
pub mod statistics;
mod statistics_queries;
mod time_zone;

pub fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig) {
    config
        .service(routes::get_gems)
        .service(routes::list_transfers)
        .service(statistics::get_gem_statistics)
        .service(caps::get_gem_caps)
        .service(caps::set_gem_caps)
        .service(redeem::redeem_code);
}
