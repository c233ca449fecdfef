//! The rules of Lapidary without I/O: the same functions answer on the server and in the browser.
//! No clock, no randomness, no async, no floating point where money is meant.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::as_conversions,
        clippy::print_stdout
    )
)]

pub mod attribute;
pub mod catalogue;
pub mod compose;
mod free_size;
pub mod gems;
pub mod limits;
mod looks;
pub mod price;
pub mod purchase;
pub mod refinement;
pub mod search;
pub mod size;
pub mod spec;
pub mod status;
pub mod title;
pub mod violation;

pub use attribute::Attribute;
pub use catalogue::{Catalogue, Dialect, Model};
pub use compose::compose;
pub use gems::{Balance, Gems, Hold};
pub use price::{Price, price};
pub use refinement::{RefinedSection, RefinementSpec};
pub use size::Size;
pub use spec::{GenerationInput, GenerationSpec};
pub use status::GenerationStatus;
pub use title::parse_title;
pub use violation::{Violation, ViolationCode};
