//! Gems: the balance with its parts, and the statement. Counts nothing itself: every number is the server's.
mod balance;
mod statement;

use crate::ui::prelude::*;

#[component]
pub fn GemsPage() -> AnyView {
    view! {
        <div class="column">
            <h1>"Gems"</h1>
            <balance::BalanceCard />
            <statement::Statement />
        </div>
    }
    .into_any()
}
