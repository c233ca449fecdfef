//! Policies: their versions, telling everybody of a new one, and who has read it. Locks nobody out: it was promised to tell.
pub mod queries;
pub mod tell;
pub mod versions;
pub mod write;
