//! The promises: the sentences of the privacy policy that code keeps, and the evidence that it does.
pub mod retention;
pub mod export;
pub mod erasure;

use utoipa_actix_web::service_config::ServiceConfig;

pub fn configure(config: &mut ServiceConfig) {
    export::configure(config);
    erasure::configure(config);
}
