//! The app: session, address, shell, and which view stands at which address.
use crate::ui::prelude::*;

use crate::account::{AccountPage, RequestsPage};
use crate::auth::{Guarded, SignInPage};
use crate::gallery::shared::SharedPage;
use crate::gallery::{CollectionsPage, GalleryPage, ImagePage, TrashPage};
use crate::gems::{CheckoutPage, GemsPage};
use crate::landing::LandingPage;
use crate::not_found::NotFoundPage;
use crate::notices::NoticesPage;
use crate::operator::OperatorPage;
use crate::page::{self, Page};
use crate::promises::PromisesPage;
use crate::router;
use crate::session;
use crate::shell::Shell;
use crate::studio::{StudioPage, received};
use crate::terms::TermsPage;
use crate::ui::dynamic::list;

/// A view with its title, which the view may change.
fn view_of(page: Page) -> AnyView {
    page::set_title(page.title());
    match page {
        Page::Landing => LandingPage().into_any(),
        Page::SignIn => SignInPage().into_any(),
        Page::Terms => TermsPage().into_any(),
        Page::Promises => PromisesPage().into_any(),
        Page::NotFound => NotFoundPage().into_any(),
        Page::Shared => SharedPage().into_any(),
        Page::Studio => guarded(|| StudioPage().into_any()),
        Page::Gallery => guarded(|| GalleryPage().into_any()),
        Page::Collections => guarded(|| CollectionsPage().into_any()),
        Page::Trash => guarded(|| TrashPage().into_any()),
        Page::Image => guarded(|| ImagePage().into_any()),
        Page::Gems => guarded(|| GemsPage().into_any()),
        Page::Checkout => guarded(|| CheckoutPage().into_any()),
        Page::Notices => guarded(|| NoticesPage().into_any()),
        Page::Account => guarded(|| AccountPage().into_any()),
        Page::Requests => guarded(|| RequestsPage().into_any()),
        Page::Operator => guarded(|| OperatorPage().into_any()),
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
    let page = router::page();
    // A list of one: the next view never takes over elements of the last one.
    let view = list(move || vec![page.get()], |page| page.title().to_owned(), view_of);
    view! { <Shell>{view}</Shell> }.into_any()
}
