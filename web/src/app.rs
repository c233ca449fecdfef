//! The app: session, router, shell and the table of routes. Views are erased to `AnyView` here to keep the WASM small.
use leptos::prelude::*;
use leptos_router::components::{FlatRoutes, Route, Router};
use leptos_router::path;

use crate::account::AccountPage;
use crate::auth::{Guarded, SignInPage};
use crate::gallery::{GalleryPage, ImagePage, TrashPage};
use crate::gems::GemsPage;
use crate::landing::LandingPage;
use crate::not_found::NotFoundPage;
use crate::page::{self, Page};
use crate::promises::PromisesPage;
use crate::session;
use crate::shell::Shell;
use crate::studio::StudioPage;
use crate::terms::TermsPage;

/// A view with its title, which the view may change.
fn open(page: Page, view: fn() -> AnyView) -> AnyView {
    page::set_title(page.title());
    view()
}

/// A view for people who are signed in: it comes through the gate.
fn guarded(page: Page, view: fn() -> AnyView) -> AnyView {
    page::set_title(page.title());
    view! { <Guarded view /> }.into_any()
}

#[component]
pub fn App() -> AnyView {
    let session = session::provide_session();
    session::keep_trying(session);
    view! {
        <Router>
            <Shell>
                <FlatRoutes fallback=|| open(Page::NotFound, || NotFoundPage().into_any())>
                    <Route path=path!("/") view=|| open(Page::Landing, || LandingPage().into_any()) />
                    <Route path=path!("/sign-in") view=|| open(Page::SignIn, || SignInPage().into_any()) />
                    <Route path=path!("/studio") view=|| guarded(Page::Studio, || StudioPage().into_any()) />
                    <Route path=path!("/gallery") view=|| guarded(Page::Gallery, || GalleryPage().into_any()) />
                    <Route path=path!("/gallery/trash") view=|| guarded(Page::Trash, || TrashPage().into_any()) />
                    <Route path=path!("/images/:id") view=|| guarded(Page::Image, || ImagePage().into_any()) />
                    <Route path=path!("/gems") view=|| guarded(Page::Gems, || GemsPage().into_any()) />
                    <Route path=path!("/account") view=|| guarded(Page::Account, || AccountPage().into_any()) />
                    <Route path=path!("/terms") view=|| open(Page::Terms, || TermsPage().into_any()) />
                    <Route path=path!("/promises") view=|| open(Page::Promises, || PromisesPage().into_any()) />
                </FlatRoutes>
            </Shell>
        </Router>
    }
    .into_any()
}
