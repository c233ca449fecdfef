//! Gems: balances and the ledger that moves them.
pub mod audit;
pub mod ledger;
pub mod queries;
pub mod routes;

pub fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig) {
    config.service(routes::get_gems).service(routes::list_transfers);
}
