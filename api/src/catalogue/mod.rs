//! The catalogue of models, prices and attributes: loaded once, checked, shown.
pub mod deprecation;
pub mod life;
mod load;
pub mod routes;

pub use load::{CatalogueError, load};

pub fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig) {
    config.service(routes::get_catalogue).service(routes::create_quote);
}
