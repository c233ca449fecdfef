//! The app: session, address, shell, and which view stands at which address.
use crate::ui::prelude::*;

use crate::auth::{Guarded, SignInPage};
use crate::gallery::GalleryPage;
use crate::landing::LandingPage;
use crate::not_found::NotFoundPage;
use crate::page::{self, Page};
use crate::parts::{self, part};
use crate::router;
use crate::session;
use crate::shell::Shell;
use crate::studio::StudioPage;
use crate::ui::dynamic::list;

part!(later: image(()) = |()| crate::gallery::ImagePage().into_any());
part!(later: collections(()) = |()| crate::gallery::CollectionsPage().into_any());
part!(later: trash(()) = |()| crate::gallery::TrashPage().into_any());
part!(later: gems(()) = |()| crate::gems::GemsPage().into_any());
part!(later: checkout(()) = |()| crate::gems::CheckoutPage().into_any());
part!(later: account(()) = |()| crate::account::AccountPage().into_any());
part!(later: notices(()) = |()| crate::notices::NoticesPage().into_any());
part!(later: shared(()) = |()| crate::gallery::shared::SharedPage().into_any());
part!(later: terms(()) = |()| crate::terms::TermsPage().into_any());
part!(later: promises(()) = |()| crate::promises::PromisesPage().into_any());

/// A view with its title, which the view may change.
fn view_of(page: Page) -> AnyView {
    page::set_title(page.title());
    match page {
        Page::Landing => LandingPage().into_any(),
        Page::SignIn => SignInPage().into_any(),
        Page::NotFound => NotFoundPage().into_any(),
        Page::Terms => parts::show(terms::PART, ()),
        Page::Promises => parts::show(promises::PART, ()),
        Page::Shared => parts::show(shared::PART, ()),
        Page::Studio => guarded(|| StudioPage().into_any()),
        Page::Gallery => guarded(|| GalleryPage().into_any()),
        Page::Collections => guarded(|| parts::show(collections::PART, ())),
        Page::Trash => guarded(|| parts::show(trash::PART, ())),
        Page::Image => guarded(|| parts::show(image::PART, ())),
        Page::Gems => guarded(|| parts::show(gems::PART, ())),
        Page::Checkout => guarded(|| parts::show(checkout::PART, ())),
        Page::Notices => guarded(|| parts::show(notices::PART, ())),
        Page::Account => guarded(|| parts::show(account::PART, ())),
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
    // A picture that is opened grows from its place, which a part on its way cannot.
    parts::load_ahead(image::PART);
    let page = router::page();
    // A list of one: the next view never takes over elements of the last one.
    let view = list(move || vec![page.get()], |page| page.title().to_owned(), view_of);
    view! { <Shell>{view}</Shell> }.into_any()
}
