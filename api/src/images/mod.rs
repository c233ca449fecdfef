//! Images: their objects in storage, what is derived from them, and what a person does with them.
pub mod derive;
mod filter;
mod gallery;
mod gallery_queries;
mod mark;
pub mod objects;
pub mod orphans;
pub mod owner;
mod place;
pub mod presign;
pub mod queries;
pub mod routes;
pub mod store;
pub mod sweep_queries;
pub mod trash;
mod trash_queries;
pub mod upload;
pub mod words;
mod words_queries;

pub fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig) {
    config
        .service(routes::list_images)
        // Before what takes an id there.
        .service(gallery::get_image_facets)
        .service(gallery::get_image_blocks)
        .service(gallery::change_images)
        .service(gallery::get_image_neighbours)
        .service(routes::get_image)
        .service(routes::update_image)
        .service(routes::delete_image)
        .service(routes::restore_image)
        .service(routes::get_image_content)
        .service(routes::get_image_thumbnail)
        .service(routes::get_image_download_url);
}
