//! One integration binary over HTTP: real PostgreSQL, a real S3 protocol, vendors on ports. A file per feature.
mod auth;
mod bad_input;
mod dropped_predicates;
mod estimates;
mod events;
mod generations;
mod harness;
mod images;
mod isolation;
mod money;
mod process;
mod providers;
mod resilience;
mod sessions;
mod sse;
