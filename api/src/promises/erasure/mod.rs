//! Erasure: of an account with everything, or of all images. Asked for, undone or begun here; done by a job that any process
//! goes on with after any death, a piece at a time; told by a receipt that leads to nobody.
mod begin;
mod begin_queries;
pub mod command;
pub mod forget;
mod images;
mod images_queries;
mod job_queries;
mod objects;
mod person;
mod person_queries;
pub mod routes;
mod rows;
pub mod run;
mod stays;
mod vendor;
mod work;
mod work_queries;

use chrono::TimeDelta;
use utoipa_actix_web::service_config::ServiceConfig;

pub use self::begin::{Asked, begin};
pub use self::work::{stop as stop_work, sweep};

/// What cannot be taken back is done only for a sign-in that is younger.
pub const SIGN_IN_AGE: TimeDelta = TimeDelta::minutes(5);

pub fn configure(config: &mut ServiceConfig) {
    config
        .service(routes::erase_me)
        .service(routes::get_erasure_outlook)
        .service(routes::undo_erasure)
        .service(routes::erase_images)
        .service(routes::get_erasure_receipt);
}
