//! Exports: everything the service knows of a person, as one zip. The job is that of archives; what goes in is said here, and
//! a test holds it against every table there is. Never a secret, a hash or anything of somebody else.
mod account_queries;
mod activity_queries;
mod content;
mod house_queries;
mod image_queries;
mod line;
mod readme;
mod routes;
pub mod table;

pub use self::content::write;
pub use self::routes::shown;

pub fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig) {
    config
        .service(routes::create_export)
        .service(routes::list_exports)
        .service(routes::get_export)
        .service(routes::delete_export);
}
