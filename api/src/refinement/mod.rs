//! Refinements: a language model proposes attribute sections for a prompt. Paid work like a generation, answered in one
//! request: a row with a hold and a lease, settled once, whatever becomes of the request.
pub mod answer;
pub(crate) mod ending_queries;
pub mod language_model;
pub mod queries;
pub mod routes;
pub mod settle;
pub mod suggest;
pub mod wording;

pub fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig) {
    config.service(routes::create_refinement).service(routes::get_refinement);
}
