//! The app: session, address, shell, and which view stands at which address.
use crate::ui::prelude::*;

use crate::auth::{Guarded, SignInPage};
use crate::landing::LandingPage;
use crate::not_found::NotFoundPage;
use crate::page::{self, Page};
use crate::parts::{self, later, pictures};
use crate::router;
use crate::session;
use crate::shell::Shell;
use crate::studio::{StudioPage, received};
use crate::ui::dynamic::list;

/// A view with its title, which the view may change.
fn view_of(page: Page) -> AnyView {
    page::set_title(page.title());
    match page {
        Page::Landing => LandingPage().into_any(),
        Page::SignIn => SignInPage().into_any(),
        Page::NotFound => NotFoundPage().into_any(),
        Page::Terms => parts::show(later::PART, |it| (it.terms)()),
        Page::Promises => parts::show(later::PART, |it| (it.promises)()),
        Page::Shared => parts::show(later::PART, |it| (it.shared)()),
        Page::Erased => parts::show(later::PART, |it| (it.erased)()),
        Page::Studio => guarded(|| StudioPage().into_any()),
        Page::Gallery => guarded(|| parts::show(pictures::PART, |it| (it.list)())),
        Page::Collections => guarded(|| parts::show(pictures::PART, |it| (it.collections)())),
        Page::Trash => guarded(|| parts::show(pictures::PART, |it| (it.trash)())),
        Page::Image => guarded(|| parts::show(pictures::PART, |it| (it.image)())),
        Page::Gems => guarded(|| parts::show(later::PART, |it| (it.gems)())),
        Page::Checkout => guarded(|| parts::show(later::PART, |it| (it.checkout)())),
        Page::Notices => guarded(|| parts::show(later::PART, |it| (it.notices)())),
        Page::Account => guarded(|| parts::show(later::PART, |it| (it.account)())),
        Page::Requests => guarded(|| parts::show(later::PART, |it| (it.requests)())),
        Page::Operator => guarded(|| parts::show(later::PART, |it| (it.operator)())),
    }
}

/// A view for people who are signed in: it comes through the gate.
fn guarded(view: fn() -> AnyView) -> AnyView {
    view! { <Guarded view /> }.into_any()
}

#[component]
pub fn App() -> AnyView {
    let session = session::provide_session();
    session::keep_trying(session);
    router::start();
    received::keep_from_address();
    // A picture that is opened grows from its place, which a part on its way cannot.
    parts::load_ahead();
    let page = router::page();
    // A list of one: the next view never takes over elements of the last one.
    let view = list(move || vec![page.get()], |page| page.title().to_owned(), view_of);
    view! { <Shell>{view}</Shell> }.into_any()
}
