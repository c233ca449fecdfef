//! Images: their objects in storage, what is derived from them, and what a person does with them.
mod collection_queries;
mod collections;
pub mod credentials;
pub mod derive;
mod filter;
mod gallery;
mod gallery_queries;
mod known;
pub mod mark;
mod missing;
pub mod objects;
pub mod orphans;
pub mod owner;
pub(crate) mod place;
pub mod presign;
pub mod probe;
pub mod queries;
pub mod read;
pub mod routes;
mod share_queries;
pub mod shares;
pub mod store;
pub mod sweep_queries;
pub mod trash;
mod trash_queries;
pub mod upload;
pub mod words;
mod words_queries;

pub fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig) {
    config
        .service(collections::list_collections)
        .service(collections::create_collection)
        .service(collections::rename_collection)
        .service(collections::delete_collection)
        .service(collections::add_collection_images)
        .service(collections::remove_collection_images)
        .service(shares::create_share_link)
        .service(shares::list_share_links)
        .service(shares::revoke_share_link)
        .service(shares::get_shared_image)
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
