//! What of the studio is loaded when it is opened.
use crate::ui::prelude::*;
use lapidary_contract::CreatePreset;
use lapidary_domain::catalogue::FreeSize;

use super::own_size;
use super::presets::{self, Shelf};
use super::reading;
use super::received;
use super::references::{self, References};
use super::state::Studio;
use super::vary;

pub struct Later {
    pub(super) own_size: fn(Studio, FreeSize) -> AnyView,
    pub(super) presets: fn(Shelf) -> AnyView,
    pub(super) reading: fn(Studio) -> AnyView,
    pub(super) received: fn(Studio, CreatePreset, RwSignal<Option<CreatePreset>>) -> AnyView,
    pub(super) references: fn(References) -> AnyView,
    pub(super) vary: fn(Studio, RwSignal<bool>) -> AnyView,
}

pub const LATER: Later = Later {
    own_size: own_size::fields,
    presets: presets::content,
    reading: reading::content,
    received: received::panel,
    references: references::content,
    vary: vary::dialog,
};
