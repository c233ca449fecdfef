//! HTTP for every feature: errors as problems, extractors that answer bad input, request ids and the log line.
pub mod client_address;
pub mod conditional;
pub mod cors;
pub mod database_fault;
pub mod error;
pub mod event_stream;
pub mod extract;
pub mod fetch;
pub mod known_paths;
pub mod limits;
pub mod objects;
pub mod paging;
pub mod public;
pub mod rate;
pub mod request_log;
