//! Local vendors that speak the real protocols on real ports. Stricter than the vendor, never kinder.
//! Shares no type and no client with the product: both would be wrong together.
pub mod control;
pub mod faults;
pub mod identity;
pub mod openai;
pub mod painter;
pub mod postgres;
pub mod s3;
pub mod stripe;
mod took;
pub mod watchdog;
