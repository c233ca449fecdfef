//! Gems: the balance with its parts, what is sold, codes, caps, what was used, purchases and the statement; and where
//! people land after paying. Counts nothing itself: every number is the server's.
mod balance;
mod before;
mod caps;
mod checkout;
mod packs;
mod purchases;
mod redeem;
mod statement;
mod statistics;

use crate::ui::prelude::*;

use crate::browser;
use crate::page::Page;
use crate::router::{self, Going};
use crate::ui::dynamic::effect;

pub use before::remember as remember_before;
pub use checkout::CheckoutPage;

#[component]
pub fn GemsPage() -> AnyView {
    follow_address();
    view! {
        <div class="column gems">
            <h1>"Gems"</h1>
            <balance::BalanceCard />
            <packs::Packs />
            <redeem::Redeem />
            <caps::Caps />
            <statistics::Statistics />
            <purchases::Purchases />
            <statement::Statement />
        </div>
    }
    .into_any()
}

/// `/gems?to=caps` goes to a part of the page, as a link into it would.
fn follow_address() {
    effect(move |_| {
        let Some(part) = router::query("to") else { return };
        router::go(Page::Gems.path(), Going::Unmoved);
        request_animation_frame(move || {
            let title = match part.as_str() {
                "packs" => "#packs-title",
                "caps" => "#caps-title",
                "purchases" => "#purchases-title",
                _ => return,
            };
            browser::focus(title);
        });
    });
}
