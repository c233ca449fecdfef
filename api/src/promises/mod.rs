//! The promises: the sentences of the privacy policy that code keeps, and the evidence that it does.
pub mod data;
pub mod erasure;
pub mod evidence;
pub mod export;
pub mod keeper;
pub mod numbers;
pub mod policy;
pub mod retention;
mod routes;
pub mod words;

use utoipa_actix_web::service_config::ServiceConfig;

pub fn configure(config: &mut ServiceConfig) {
    config
        .service(routes::list_promises)
        .service(routes::get_data_map)
        .service(routes::list_policies)
        .service(routes::acknowledge_policy);
    export::configure(config);
    erasure::configure(config);
}
