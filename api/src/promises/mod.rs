//! The promises: the sentences of the privacy policy that code keeps, and the evidence that it does.
pub mod retention;

use utoipa_actix_web::service_config::ServiceConfig;

pub fn configure(_config: &mut ServiceConfig) {}
