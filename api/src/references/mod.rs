//! Uploads that pictures are made from: received within bounds, cleaned of all that is not the picture, kept until their
//! person deletes them. What a person uploaded is never stored or handed on as it came.
pub mod clean;
mod container;
mod discard;
mod queries;
pub mod receive;
mod routes;
pub mod upload;

pub use receive::Uploads;

pub fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig) {
    config
        .service(routes::create_reference)
        .service(routes::list_references)
        .service(routes::get_reference)
        .service(routes::delete_reference);
}
