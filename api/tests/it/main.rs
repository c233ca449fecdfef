//! One integration binary over HTTP: real PostgreSQL, a real S3 protocol, vendors on ports. A file per feature.
mod bad_input;
mod generations;
mod harness;
mod isolation;
mod money;
