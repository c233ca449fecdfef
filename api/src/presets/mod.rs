//! Presets: attributes a person likes together, under a name of their own.
mod queries;
mod routes;

pub fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig) {
    config
        .service(routes::list_presets)
        .service(routes::create_preset)
        .service(routes::update_preset)
        .service(routes::delete_preset);
}
