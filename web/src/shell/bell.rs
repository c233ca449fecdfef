//! The bell: how many notices nobody has read, and the way to them. Quiet: nothing pops up.
use crate::ui::prelude::*;

use crate::page::Page;
use crate::session::use_session;
use crate::ui::dynamic::changing;
use crate::ui::icon::{Glyph, Icon};

/// More than that is many.
const COUNTED_MAX: i64 = 9;

#[component]
pub fn Bell(page: Memo<Page>) -> AnyView {
    let unread = use_session().unread;
    let label = move || match unread.get() {
        0 => "Notices".to_owned(),
        unread => format!("Notices, {unread} unread"),
    };
    let count = changing(move || match unread.get() {
        0 => String::new(),
        unread if unread > COUNTED_MAX => format!("{COUNTED_MAX}+"),
        unread => unread.to_string(),
    });
    // A label that changes is not heard by itself.
    let heard = changing(move || if unread.get() > 0 { label() } else { String::new() });
    view! {
        <a
            class="bell"
            href=Page::Notices.path()
            aria-label=label
            title=label
            aria-current=move || (page.get() == Page::Notices).then_some("page")
        >
            <Icon glyph=Glyph::Bell />
            <span class="bell__count" aria-hidden="true">{count}</span>
        </a>
        <span class="visually-hidden" aria-live="polite">{heard}</span>
    }
    .into_any()
}
