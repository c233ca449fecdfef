//! Generations: asked for, queued with their gems, run, settled, followed live.
pub mod cancel;
pub mod image_model;
pub mod live;
pub mod model_answer;
pub mod queries;
pub mod routes;
pub mod run;
pub mod settle;
pub mod stream;
pub mod submit;

pub fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig) {
    config
        .service(routes::create_generation)
        .service(routes::list_generations)
        .service(routes::get_generation)
        .service(routes::cancel_generation)
        .service(stream::stream_events);
}
