//! The REST server of Lapidary and its background work. `Application::build` serves both `main` and the tests.
//! Knows vendors by their settings only.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::as_conversions,
        clippy::print_stdout,
        clippy::print_stderr
    )
)]

pub mod app;
pub mod archives;
pub mod auth;
pub mod catalogue;
pub mod clock;
pub mod config;
pub mod db;
pub mod docs;
pub mod doctor;
pub mod gems;
pub mod generation;
pub mod http;
pub mod images;
pub mod margin;
pub mod metrics;
pub mod moderation;
pub mod notices;
pub mod openai;
pub mod openapi;
pub mod operator;
pub mod page;
pub mod payments;
pub mod presets;
pub mod problems;
pub mod promises;
pub mod references;
pub mod refinement;
pub mod requests;
pub mod server;
pub mod stop;
pub mod telemetry;
pub mod webhooks;
pub mod work;
