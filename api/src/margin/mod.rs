//! What images bring beside what they cost: for the operator's eyes. Moves no gems and names nobody.
pub mod command;
mod queries;
pub mod report;
pub mod watch;
