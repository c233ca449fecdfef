//! Archives: many images as one zip with a manifest, made by a job into storage. No tab waits for one, and no process holds
//! one whole.
pub mod ask;
pub mod expire;
pub mod kind;
pub mod make;
pub mod manifest;
pub mod queries;
mod routes;
pub mod run;
pub mod work_queries;
pub mod writing;
mod zip;

pub fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig) {
    config
        .service(routes::create_image_archive)
        .service(routes::list_image_archives)
        .service(routes::get_image_archive)
        .service(routes::delete_image_archive);
}
