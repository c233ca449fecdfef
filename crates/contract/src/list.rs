//! One page of a list, newest first, and the cursor of the next.
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct List<T> {
    pub data: Vec<T>,
    /// Give it as `cursor` to read on; `null` at the end. Opaque.
    pub next_cursor: Option<String>,
}
