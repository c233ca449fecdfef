//! The promises: the sentences of the privacy policy that code keeps, and the evidence that it does.
pub mod erasure;

use utoipa_actix_web::service_config::ServiceConfig;

pub fn configure(config: &mut ServiceConfig) {
    erasure::configure(config);
}
