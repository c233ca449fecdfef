//! The promises, the terms, and the note that a version of them is new. All words come from the API.
mod banner;
mod data;
mod kept;
mod policy;

use futures_util::FutureExt;
use lapidary_contract::{DataMap, List, Policy, PolicyKind, Promises};

use crate::asked::{Asked, shown};
use crate::http;
use crate::ui::prelude::*;
use crate::ui::skeleton::Skeleton;

pub use banner::PolicyBanner;

/// What both pages and the banner read.
const POLICIES: &str = "/v1/policies";

#[component]
pub fn PromisesPage() -> AnyView {
    let promises = Asked::<Promises>::new(|| http::get_public("/v1/promises").boxed_local());
    let data = Asked::<DataMap>::new(|| http::get_public("/v1/promises/data").boxed_local());
    view! {
        <article class="prose promises">
            <h1>"Promises"</h1>
            <p class="prose__lead">"What this service promises about you and your data, how each promise is kept, and when that was last seen."</p>
            {shown(promises, waiting, kept::all)}
            {shown(data, waiting, data::map)}
            {policies(PolicyKind::Privacy)}
        </article>
    }
    .into_any()
}

#[component]
pub fn TermsPage() -> AnyView {
    view! { <article class="prose promises"><h1>"Terms"</h1>{policies(PolicyKind::Terms)}</article> }.into_any()
}

fn policies(kind: PolicyKind) -> AnyView {
    let asked = Asked::<List<Policy>>::new(|| http::get_public(POLICIES).boxed_local());
    shown(asked, waiting, move |list| policy::of_kind(list, kind))
}

fn waiting() -> AnyView {
    view! {
        <div class="promises__waiting" aria-busy="true" aria-label="Loading">
            <Skeleton class="waiting__title" />
            <Skeleton class="promise__place" />
            <Skeleton class="promise__place" />
        </div>
    }
    .into_any()
}
