//! Who is signed in, what they have, and the catalogue: read once, kept in signals for every view.
//! Fetches through `http` only and never stores a token.
use std::sync::Arc;

use crate::ui::prelude::*;
use gloo_timers::future::TimeoutFuture;
use lapidary_contract::domain::Catalogue;
use lapidary_contract::{Availability, CatalogueBody, GemBalance, List, Me, Notice};
use wasm_bindgen_futures::spawn_local;

use crate::browser;
use crate::http::{self, Refreshed, Said};
use crate::live;
use crate::notices;
use crate::page::Page;
use crate::ui::dynamic::effect;
use crate::ui::failure::Failure;
use crate::ui::toast;

/// Where this browser stands with the server.
#[derive(Clone, Debug, PartialEq)]
pub enum Standing {
    Unknown,
    SignedOut,
    /// Was signed in while the page was open, and is not any more.
    Ended,
    SignedIn,
    Unreachable(Failure),
}

/// The catalogue as the wire has it and as the pricing functions want it.
#[derive(Debug, PartialEq)]
pub struct KnownCatalogue {
    pub domain: Catalogue,
    pub body: CatalogueBody,
}

#[derive(Clone, Copy)]
pub struct Session {
    pub standing: Signal<Standing>,
    pub me: Signal<Option<Me>>,
    pub gems: RwSignal<Option<GemBalance>>,
    /// Notices nobody has read.
    pub unread: RwSignal<i64>,
    /// Which models wait for their provider; empty when everything works.
    pub status: RwSignal<Availability>,
    pub catalogue: Signal<Option<Arc<KnownCatalogue>>>,
    /// Why there is no catalogue, when reading it failed.
    pub catalogue_failure: Signal<Option<Failure>>,
    set_standing: WriteSignal<Standing>,
    set_me: WriteSignal<Option<Me>>,
    set_catalogue: WriteSignal<Option<Arc<KnownCatalogue>>>,
    set_catalogue_failure: WriteSignal<Option<Failure>>,
}

pub fn use_session() -> Session {
    expect_context::<Session>()
}

/// Made once by the app.
pub fn provide_session() -> Session {
    let (standing, set_standing) = signal(Standing::Unknown);
    let (me, set_me) = signal(None);
    let (catalogue, set_catalogue) = signal(None);
    let (catalogue_failure, set_catalogue_failure) = signal(None);
    let session = Session {
        standing: standing.into(),
        me: me.into(),
        gems: RwSignal::new(None),
        unread: RwSignal::new(0),
        status: RwSignal::new(Availability::default()),
        catalogue: catalogue.into(),
        catalogue_failure: catalogue_failure.into(),
        set_standing,
        set_me,
        set_catalogue,
        set_catalogue_failure,
    };
    provide_context(session);
    http::start(move |said| session.hear(said));
    session.boot();
    session
}

impl Session {
    /// Asks the server who is here; also the retry after it could not be reached.
    pub fn boot(self) {
        spawn_local(async move {
            match http::refresh().await {
                Refreshed::SignedIn => self.read_me().await,
                Refreshed::SignedOut => self.set_standing.set(Standing::SignedOut),
                Refreshed::Failed(failure) => self.set_standing.set(Standing::Unreachable(failure)),
            }
        });
    }

    /// Something about the person changed at the server.
    pub async fn read_me(self) {
        match http::get::<Me>("/v1/me").await {
            Ok(me) => self.welcome(me),
            Err(failure) => self.set_standing.set(Standing::Unreachable(failure)),
        }
    }

    /// Takes a person as the server describes them now.
    pub fn welcome(self, me: Me) {
        let begins = me.age_confirmed && self.gems.with_untracked(Option::is_none);
        self.set_me.set(Some(me));
        self.set_standing.set(Standing::SignedIn);
        if begins {
            self.read_gems();
            self.read_catalogue();
            self.read_status();
            self.read_notices();
            live::start(self);
        }
    }

    pub fn read_gems(self) {
        spawn_local(async move {
            if let Ok(gems) = http::get("/v1/gems").await {
                self.gems.set(Some(gems));
            }
        });
    }

    pub fn read_notices(self) {
        spawn_local(async move {
            if let Ok(notices) = http::get::<List<Notice>>(notices::NEWEST).await {
                self.unread.set(notices::unread(&notices));
            }
        });
    }

    pub fn read_status(self) {
        spawn_local(async move {
            if let Ok(status) = http::get("/v1/status").await {
                self.status.set(status);
            }
        });
    }

    pub fn read_catalogue(self) {
        self.set_catalogue_failure.set(None);
        spawn_local(async move {
            match http::get::<CatalogueBody>("/v1/catalogue").await {
                Ok(body) => {
                    let known = KnownCatalogue { domain: body.to_domain(), body };
                    self.set_catalogue.set(Some(Arc::new(known)));
                }
                Err(failure) => self.set_catalogue_failure.set(Some(failure)),
            }
        });
    }

    /// The page is back after a while: what could not be read is read now, and the balance may be another one.
    pub fn wake_up(self) {
        self.read_gems();
        if self.catalogue.with_untracked(Option::is_none) {
            self.read_catalogue();
        }
    }

    pub fn is_signed_in(self) -> bool {
        self.standing.with(|standing| *standing == Standing::SignedIn)
    }

    /// Ends the session and leaves for the landing page with an empty memory.
    pub fn sign_out(self) {
        spawn_local(async move {
            match http::sign_out().await {
                Ok(()) => browser::leave_for(Page::Landing.path()),
                Err(failure) => toast::failure(&failure),
            }
        });
    }

    fn hear(self, said: Said) {
        match said {
            Said::SessionEnded => {
                if self.standing.with_untracked(|standing| *standing == Standing::SignedIn) {
                    self.set_standing.set(Standing::Ended);
                }
            }
            // The sign-in page says it in full, with whom to ask.
            Said::Suspended => browser::leave_for(&format!("{}?failure=suspended", Page::SignIn.path())),
            Said::PersonChanged => browser::leave_for(&browser::here()),
            Said::AgeNotConfirmed => self.set_me.update(|me| {
                if let Some(me) = me {
                    me.age_confirmed = false;
                }
            }),
        }
    }
}

/// Tries again by itself while the server cannot be reached; the views offer a button too.
pub fn keep_trying(session: Session) {
    const PAUSE_MS: u32 = 5_000;
    effect(move |_| {
        if session.standing.with(|standing| *standing == Standing::Unreachable(Failure::Offline)) {
            spawn_local(async move {
                TimeoutFuture::new(PAUSE_MS).await;
                session.boot();
            });
        }
    });
}
