//! Generations: asked for, queued with their gems, run, settled, followed live.
pub mod breaker;
mod call_queries;
pub mod calls;
pub mod cancel;
mod changes;
pub mod cost;
pub mod estimate;
pub mod follow;
pub mod give_up;
pub mod image_model;
pub mod in_place;
pub mod keep;
pub mod live;
mod material_queries;
mod materials;
pub mod model_answer;
pub mod model_error;
pub mod model_read;
pub mod model_refusal;
pub mod model_stream;
mod originals;
pub mod preview;
pub mod probe;
pub mod provider;
pub mod queries;
pub mod retry;
pub mod routes;
pub mod run;
pub mod scraps;
pub mod settle;
pub mod stream;
pub mod submit;

pub fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig) {
    config
        .service(routes::create_generation)
        .service(routes::list_generations)
        .service(routes::get_generation)
        .service(routes::cancel_generation)
        .service(routes::get_status)
        .service(stream::stream_events)
        .service(stream::stream_generation_events);
}
