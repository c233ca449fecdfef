//! Outgoing webhooks (Standard Webhooks): where a person wants to hear of what happens, and the sending of it. What is
//! told is written by whoever causes it, in the database (`emit_webhook`); here it is sent, and nothing is ever made up.
mod deliver;
mod delivery_queries;
mod delivery_routes;
pub mod document;
pub mod forget;
pub mod plan;
mod queries;
mod routes;
pub mod run;
pub mod secret;
mod secret_queries;
pub mod sign;
pub mod work_queries;

use std::time::Duration;

use crate::config::{Settings, Switch};
use crate::http::fetch::{Reach, Sender};
use crate::http::public::PublicOnly;

/// What a receiver has for its answer.
const PATIENCE: Duration = Duration::from_secs(15);

pub fn sender(settings: &Settings) -> Result<Sender, reqwest::Error> {
    let reach = match settings.programs.webhooks_allow_private {
        Switch::On => Reach::Anywhere,
        Switch::Off => Reach::Public(PublicOnly::by_system()),
    };
    Sender::new(reach, PATIENCE)
}

pub fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig) {
    config
        .service(routes::create_webhook_endpoint)
        .service(routes::list_webhook_endpoints)
        .service(routes::get_webhook_endpoint)
        .service(routes::update_webhook_endpoint)
        .service(routes::delete_webhook_endpoint)
        .service(routes::replace_webhook_secret)
        .service(delivery_routes::test_webhook_endpoint)
        .service(delivery_routes::list_webhook_deliveries)
        .service(delivery_routes::get_webhook_delivery)
        .service(delivery_routes::resend_webhook_delivery);
}
