//! The page's start: reports panics to the console, mounts the app and takes the static skeleton away.
//! Must never hold product logic.
mod account;
mod app;
mod asked;
mod auth;
mod browser;
mod gallery;
mod gems;
mod growing;
mod http;
mod json;
mod landing;
mod live;
mod not_found;
mod notices;
mod operator;
mod page;
mod paged;
mod parts;
mod promises;
mod router;
mod session;
mod shell;
mod sse;
mod studio;
mod ui;

fn main() {
    console_error_panic_hook::set_once();
    leptos::mount::mount_to_body(app::App);
    if let Some(skeleton) = leptos::prelude::document().get_element_by_id("skeleton") {
        skeleton.remove();
    }
}
