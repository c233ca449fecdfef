//! Which picture grows out of its place when it is opened, and shrinks back into it: one name for the browser's view
//! transition, given to one picture at a time.
use std::cell::Cell;

use crate::ui::prelude::*;
use uuid::Uuid;

thread_local! {
    static OPENED: ArcRwSignal<Option<Uuid>> = ArcRwSignal::new(None);
    /// Which one was pressed in a list.
    static PRESSED: Cell<Option<Uuid>> = const { Cell::new(None) };
}

/// The name the open picture carries everywhere.
pub const NAME: &str = "picture";

/// Said just before the person goes to the picture's own page.
pub fn open(id: Uuid) {
    PRESSED.set(Some(id));
    OPENED.with(|opened| opened.set(Some(id)));
}

/// The open picture became another one; closing shrinks into that one's place.
pub fn follow(id: Uuid) {
    if came_from_list() {
        OPENED.with(|opened| opened.set(Some(id)));
    }
}

/// The picture that the person went on to from the one that was pressed.
pub fn moved_to() -> Option<Uuid> {
    OPENED.with(|opened| opened.get_untracked()).filter(|id| PRESSED.get() != Some(*id))
}

/// The picture's `view-transition-name`.
pub fn name_of(id: Uuid) -> &'static str {
    if OPENED.with(|opened| opened.get() == Some(id)) { NAME } else { "none" }
}

/// Whether a list was left for a picture, so that going back leads there.
pub fn came_from_list() -> bool {
    OPENED.with(|opened| opened.get_untracked().is_some())
}
