//! Failures in words: for each a sentence and what to do next. The match over `ProblemType` is exhaustive on purpose,
//! so that a new problem cannot reach people unexplained.
use crate::ui::prelude::*;
use wasm_bindgen_futures::spawn_local;

use crate::browser;
use crate::page::{Page, gems_path, request_path};
use crate::session::use_session;
use crate::ui::button::{Button, ButtonKind, LinkButton};
use crate::ui::dynamic::changing;
use crate::ui::icon::{Glyph, Icon};
use crate::ui::time::{format_gems, format_number, format_time};
use crate::ui::toast;
use lapidary_contract::{Problem, ProblemType};

/// Why a call to the API came to nothing.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    Problem(Box<Problem>, ProblemType),
    /// No answer came.
    Offline,
    /// A part of the page did not come.
    NotLoaded,
    /// An answer came that nobody foresaw; the text says what is known.
    Unexpected(String),
}

/// What a person can do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Retry,
    /// Nothing helps but a moment's patience; a retry is offered too.
    WaitAndRetry,
    ReloadPage,
    RetryOrReload,
    SignIn,
    BuyGems,
    SeeCaps,
    ConfirmAge,
    ChangeInput,
    GoToStudio,
    /// The erasure that waits is undone there, or the way to sign in once more stands there.
    SeeAccount,
    Contact,
}

impl Failure {
    pub fn sentence(&self) -> String {
        match self {
            Self::Problem(problem, kind) => sentence_of(problem, *kind),
            Self::Offline => "Lapidary cannot be reached. Check your connection; what you typed is kept.".to_owned(),
            Self::NotLoaded => {
                "This part of the page did not arrive. Lapidary may have a newer page: then reloading helps.".to_owned()
            }
            Self::Unexpected(what) => format!("Something unexpected happened. {what}"),
        }
    }

    pub fn action(&self) -> Action {
        match self {
            Self::Problem(_, kind) => action_of(*kind),
            Self::Offline | Self::Unexpected(_) => Action::Retry,
            Self::NotLoaded => Action::RetryOrReload,
        }
    }

    pub fn request_id(&self) -> Option<String> {
        match self {
            Self::Problem(problem, _) if !problem.request_id.is_empty() => Some(problem.request_id.clone()),
            Self::Problem(..) | Self::Offline | Self::NotLoaded | Self::Unexpected(_) => None,
        }
    }

    /// What is wrong with one member of the request.
    pub fn at(&self, pointer: &str) -> Option<String> {
        let Self::Problem(problem, _) = self else { return None };
        let wrong = problem.errors.iter().find(|error| error.pointer.starts_with(pointer));
        wrong.map(|error| error.detail.clone())
    }

    pub fn is(&self, wanted: ProblemType) -> bool {
        matches!(self, Self::Problem(_, kind) if *kind == wanted)
    }
}

fn sentence_of(problem: &Problem, kind: ProblemType) -> String {
    let fixed = match kind {
        ProblemType::InsufficientGems => return gems_sentence(problem),
        ProblemType::GemCapReached => return cap_sentence(problem),
        ProblemType::Invalid => return invalid_sentence(problem),
        ProblemType::PromptRefused => return refused_sentence(problem),
        ProblemType::IllegalTransition | ProblemType::Forbidden | ProblemType::ScopeMissing => {
            return problem.detail.clone();
        }
        ProblemType::MalformedRequest
        | ProblemType::MethodNotAllowed
        | ProblemType::UnsupportedMediaType
        | ProblemType::IdempotencyKeyRequired => {
            "This page and the server do not understand each other. The page may be out of date."
        }
        ProblemType::IdempotencyKeyReused => "This request was already sent with other content.",
        ProblemType::Unauthenticated => "Your session has ended. Sign in again; what you typed is kept.",
        ProblemType::AgeNotConfirmed => "Confirm your age first. It is asked once.",
        ProblemType::Suspended => "This account is suspended. Write to us if you think that is wrong.",
        ProblemType::AccountClosing => {
            "This account is about to be deleted. Keep it first; until then you can look at everything and take it along."
        }
        ProblemType::SignInTooOld => "Sign in once more first: this cannot be taken back.",
        ProblemType::NotFound => "This is not here. It may have been deleted, or it belongs to somebody else.",
        ProblemType::PayloadTooLarge => "This is too large to send. Make it shorter.",
        ProblemType::TooManyWaiting => "Too many of your generations are waiting. Wait until some are done.",
        ProblemType::RateLimited => "That was too many requests in a short time. Wait a moment.",
        ProblemType::Internal => "Something went wrong on our side. Nothing was charged for what you did not get.",
        ProblemType::VendorFailed => "A service we depend on did not answer as it should. Try again in a moment.",
        ProblemType::Unavailable => "Lapidary is not available right now. Try again in a moment.",
    };
    fixed.to_owned()
}

fn gems_sentence(problem: &Problem) -> String {
    match (problem.debt.unwrap_or(0), problem.required, problem.available) {
        (debt, _, _) if debt > 0 => {
            format!("You owe {}. Until that is settled nothing can be made.", format_gems(debt))
        }
        (_, Some(required), Some(available)) => {
            format!("Not enough gems. You need {} and have {}.", format_number(required), format_number(available))
        }
        _ => "Not enough gems.".to_owned(),
    }
}

fn cap_sentence(problem: &Problem) -> String {
    let until = problem.resets_at.map(|at| format!(" until {}", format_time(&at))).unwrap_or_default();
    match (problem.required, problem.available) {
        (Some(required), Some(available)) => format!(
            "Your own cap stops this. You need {} and may spend {}{until}.",
            format_gems(required),
            format_number(available)
        ),
        _ => "Your own cap stops this.".to_owned(),
    }
}

fn refused_sentence(problem: &Problem) -> String {
    let why =
        if problem.categories.is_empty() { String::new() } else { format!(" ({})", problem.categories.join(", ")) };
    format!("This prompt was refused before anything was made{why}. No gems were taken. Change the wording.")
}

fn invalid_sentence(problem: &Problem) -> String {
    if problem.errors.is_empty() {
        return problem.detail.clone();
    }
    let details: Vec<&str> = problem.errors.iter().map(|error| error.detail.as_str()).collect();
    details.join(" ")
}

fn action_of(kind: ProblemType) -> Action {
    match kind {
        ProblemType::MalformedRequest
        | ProblemType::IdempotencyKeyRequired
        | ProblemType::IdempotencyKeyReused
        | ProblemType::MethodNotAllowed
        | ProblemType::UnsupportedMediaType
        | ProblemType::IllegalTransition => Action::ReloadPage,
        ProblemType::Unauthenticated => Action::SignIn,
        ProblemType::InsufficientGems => Action::BuyGems,
        ProblemType::GemCapReached => Action::SeeCaps,
        ProblemType::AgeNotConfirmed => Action::ConfirmAge,
        ProblemType::Suspended => Action::Contact,
        ProblemType::AccountClosing | ProblemType::SignInTooOld => Action::SeeAccount,
        ProblemType::Forbidden | ProblemType::ScopeMissing | ProblemType::NotFound => Action::GoToStudio,
        ProblemType::Invalid | ProblemType::PromptRefused | ProblemType::PayloadTooLarge => Action::ChangeInput,
        ProblemType::TooManyWaiting | ProblemType::RateLimited => Action::WaitAndRetry,
        ProblemType::Internal | ProblemType::VendorFailed | ProblemType::Unavailable => Action::Retry,
    }
}

/// A failure where it happened: the sentence, the next step, and the request id to copy.
#[component]
pub fn FailureNote(failure: Failure, #[prop(optional, into)] on_retry: Option<Callback<()>>) -> AnyView {
    let request_id = failure.request_id();
    let contact = matches!(failure.action(), Action::Contact | Action::Retry).then(contact_line);
    view! {
        <div class="failure" role="alert">
            <Icon glyph=Glyph::Warning />
            <div class="failure__body">
                <p>{failure.sentence()}</p>
                {next_step(failure.action(), on_retry)}
                {request_id.map(|id| view! { <RequestId id /> })}
                {contact}
            </div>
        </div>
    }
    .into_any()
}

fn next_step(action: Action, on_retry: Option<Callback<()>>) -> Option<AnyView> {
    let here = browser::encode(&browser::here());
    let step = match action {
        Action::Retry | Action::WaitAndRetry => {
            let retry = on_retry?;
            view! { <Button kind=ButtonKind::Quiet on_press=retry>"Try again"</Button> }.into_any()
        }
        Action::RetryOrReload => {
            let again = next_step(Action::Retry, on_retry);
            view! { <p>{again} " " {next_step(Action::ReloadPage, None)}</p> }.into_any()
        }
        Action::ReloadPage => {
            let reload = Callback::new(|()| browser::leave_for(&browser::here()));
            view! { <Button kind=ButtonKind::Quiet on_press=reload>"Reload the page"</Button> }.into_any()
        }
        Action::SignIn => lead(format!("{}?return_to={here}", Page::SignIn.path()), "Sign in"),
        Action::BuyGems => lead(gems_path("packs"), "Get gems"),
        Action::SeeCaps => lead(gems_path("caps"), "See your caps"),
        Action::ConfirmAge | Action::GoToStudio => lead(Page::Studio.path().to_owned(), "Go to the studio"),
        Action::SeeAccount => lead(Page::Account.path().to_owned(), "Go to your account"),
        Action::ChangeInput | Action::Contact => return None,
    };
    Some(step)
}

fn lead(href: String, words: &'static str) -> AnyView {
    view! { <LinkButton href>{words}</LinkButton> }.into_any()
}

/// The operator's address, once it is known.
fn contact_line() -> AnyView {
    let me = use_session().me;
    let contact = move || me.with(|me| me.as_ref().and_then(|me| me.support_contact.clone()));
    changing(move || {
        contact().map(|address| view! { <p class="failure__contact">"Help: " {contact_link(&address)}</p> }.into_any())
    })
}

/// A mail link for an e-mail address, a plain link for an address on the web, the bare words for anything else.
pub fn contact_link(address: &str) -> AnyView {
    let href = if address.starts_with("https://") || address.starts_with("http://") {
        address.to_owned()
    } else if address.contains('@') {
        format!("mailto:{}", address.trim_start_matches("mailto:"))
    } else {
        return address.to_owned().into_any();
    };
    let words = address.trim_start_matches("mailto:").to_owned();
    view! { <a href=href rel="external noreferrer">{words}</a> }.into_any()
}

/// A request id that a press copies.
#[component]
pub fn RequestId(#[prop(into)] id: String) -> AnyView {
    // Whoever is signed in can look up what came of it.
    let is_known = use_session().me.with_untracked(Option::is_some);
    let text = match is_known {
        true => view! { <a href=request_path(&id)>{id.clone()}</a> }.into_any(),
        false => id.clone().into_any(),
    };
    let copy = Callback::new(move |()| {
        let id = id.clone();
        spawn_local(async move {
            let copied = browser::copy(&id).await;
            toast::show(if copied { "Request id copied" } else { "Select the request id to copy it" }, None);
        });
    });
    view! {
        <p class="request-id">
            <span>"Request id "</span>
            <code>{text}</code>
            <Button kind=ButtonKind::Bare on_press=copy label="Copy the request id">
                <Icon glyph=Glyph::Copy />
            </Button>
        </p>
    }
    .into_any()
}
