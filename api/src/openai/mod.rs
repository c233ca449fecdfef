//! OpenAI's wire over our one path: its calls become a generation as `POST /v1/generations` makes it, and wait for its end. Owns
//! shapes, names and retries of that wire; must never make, hold or charge anything by itself.
mod answer;
mod calls;
mod edit;
pub mod error;
mod events;
mod form;
mod join;
mod json_body;
mod models;
mod old_words;
mod order;
mod param;
mod places;
mod queries;
mod routes;
pub mod schema;
mod serve;
mod wait;

pub use self::calls::Calls;
pub use self::places::Answers;

/// Where this wire is spoken: errors there have its shape.
pub fn is_spoken_at(path: &str) -> bool {
    path == "/openai" || path.starts_with("/openai/")
}

pub fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig) {
    config
        .service(routes::create_openai_image)
        .service(edit::create_openai_edit)
        .service(models::list_openai_models)
        .service(models::get_openai_model);
}
