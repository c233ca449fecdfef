//! What of the gallery is loaded when it is opened.
use crate::ui::prelude::*;
use uuid::Uuid;

use super::archives::{self, Archives};
use super::collecting::{self, Collecting};
use super::collections::Collections;
use super::share::{self, Sharing};

pub struct Later {
    pub(super) zips: fn(Archives) -> AnyView,
    pub(super) collect: fn(Collecting) -> AnyView,
    pub(super) tools: fn(Collections, Uuid) -> AnyView,
    pub(super) share: fn(Sharing, RwSignal<bool>) -> AnyView,
}

pub const LATER: Later = Later {
    zips: archives::dialog,
    collect: collecting::dialog,
    tools: collecting::collection_tools,
    share: share::dialog,
};
