//! Where somebody was when they went to buy gems, kept in this tab while they are at the payment page.
use crate::browser::kept;
use crate::page::Page;

const NAME: &str = "lapidary.before-gems";

/// Called with every address that is left and the one that follows it.
pub fn remember(left: &str, next: &str) {
    let (from, to) = (Page::at(left).section(), Page::at(next).section());
    if to == Some(Page::Gems) && from.is_some_and(|from| from != Page::Gems && from != Page::Notices) {
        kept::keep(NAME, left);
    }
}

/// The way back, and what it is called. What was being written in the studio is still there.
pub fn way_back() -> (String, &'static str) {
    let path = kept::recall(NAME).unwrap_or_else(|| Page::Studio.path().to_owned());
    let words = match Page::at(&path) {
        Page::Image => "Back to your picture",
        Page::Gallery | Page::Trash => "Back to the gallery",
        Page::Account => "Back to the account",
        _ => "Back to the studio",
    };
    (path, words)
}
