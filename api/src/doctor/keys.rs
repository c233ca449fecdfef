//! Whether MASTER_KEY is one. Opens nothing.
use super::{Examination, Finding};
use crate::auth::Auth;

pub(super) async fn check(all: &Examination) -> Vec<Finding> {
    vec![match Auth::build(&all.settings) {
        Ok(_) => Finding::right("master key", "MASTER_KEY is well-formed"),
        Err(error) => Finding::wrong(
            "master key",
            error.to_string(),
            "Use the one that this database was first started with: a new one signs everyone out.",
        ),
    }]
}
