//! The way out: all pictures, or the account with everything. Says beforehand what goes, what stays and why, and asks for a
//! sign-in of the last minutes.
use futures_util::FutureExt;
use lapidary_contract::{ErasureKind, ErasureOutlook, Identity, List, Stays, WouldGo};

use super::erasing::Choice;
use crate::asked::{Asked, shown};
use crate::browser;
use crate::http;
use crate::router;
use crate::session::use_session;
use crate::ui::button::{Button, LinkButton};
use crate::ui::dialog::Dialog;
use crate::ui::dynamic::{changing, effect};
use crate::ui::prelude::*;
use crate::ui::skeleton::Skeleton;
use crate::ui::time::{format_gems, format_number};

/// Where whoever signs in once more comes back to.
const BACK: &str = "/account?to=delete";
const TITLE: &str = "#erasure-title";

#[component]
pub fn Erasure() -> AnyView {
    let (images, account) = (RwSignal::new(false), RwSignal::new(false));
    let open = |which: RwSignal<bool>| Callback::new(move |()| which.set(true));
    show_the_way_back(account);
    if untrack(|| router::query("to")).as_deref() == Some("delete") {
        request_animation_frame(|| {
            browser::focus(TITLE);
        });
    }
    view! {
        <section aria-labelledby="erasure-title">
            <h2 id="erasure-title" tabindex="-1">"Delete"</h2>
            <p class="quiet">
                "All pictures, or your account with everything. You see first what goes and what stays, and nothing happens before you say so."
            </p>
            <div class="actions">
                <Button on_press=open(images)>"Delete all pictures"</Button>
                <Button on_press=open(account)>"Delete account"</Button>
            </div>
        </section>
        <Dialog open=images title="Delete all pictures?">{ask(ErasureKind::Images, images)}</Dialog>
        <Dialog open=account title="Delete your account?">{ask(ErasureKind::Account, account)}</Dialog>
    }
    .into_any()
}

/// It stands above the view, far from the button that led here: however the dialog was closed, it is seen next.
fn show_the_way_back(is_open: RwSignal<bool>) {
    let session = use_session();
    effect(move |was_open: Option<bool>| {
        let is_open = is_open.get();
        let is_closing = session.me.with_untracked(|me| me.as_ref().is_some_and(|me| me.closing_at.is_some()));
        if was_open == Some(true) && !is_open && is_closing {
            request_animation_frame(|| {
                browser::focus(".note--closing");
            });
        }
        is_open
    });
}

/// Read anew at each opening: the numbers are those of now.
fn ask(kind: ErasureKind, is_open: RwSignal<bool>) -> AnyView {
    let outlook = Asked::<ErasureOutlook>::new(|| http::get("/v1/me/erasure").boxed_local());
    let place = || view! { <Skeleton class="sessions__place" /> }.into_any();
    shown(outlook, place, move |outlook| told(kind, outlook, is_open))
}

fn told(kind: ErasureKind, outlook: ErasureOutlook, is_open: RwSignal<bool>) -> AnyView {
    let (goes, keeps) = match kind {
        ErasureKind::Account => (account_goes(&outlook.would_go), outlook.account_keeps.clone()),
        ErasureKind::Images => (images_go(&outlook.would_go), outlook.images_keep.clone()),
    };
    let goes = goes.into_iter().map(|line| view! { <li>{line}</li> }).collect_view();
    let gems = if kind == ErasureKind::Account { gems_warning(&outlook.would_go) } else { None };
    let choice = if outlook.may_begin { Choice { kind, outlook, is_open }.shown() } else { sign_in_again() };
    let take_along = Callback::new(move |()| {
        is_open.set(false);
        browser::focus("#exports-title");
    });
    view! {
        <div class="erasure">
            <h3>"What goes"</h3>
            <ul>{goes}</ul>
            {gems}
            <details>
                <summary>"What stays, and why"</summary>
                {kept(keeps)}
            </details>
            <p>"Take along what you want to keep first: it cannot be brought back."</p>
            <div class="actions"><Button on_press=take_along>"Go to the export"</Button></div>
            {choice}
        </div>
    }
    .into_any()
}

pub fn kept(keeps: Vec<Stays>) -> AnyView {
    let all = keeps.into_iter().map(|one| view! { <li><p>{one.what}"."</p><p class="quiet">{one.why}</p></li> });
    view! { <ul class="erasure__keeps">{all.collect_view()}</ul> }.into_any()
}

fn images_go(would_go: &WouldGo) -> Vec<String> {
    let WouldGo { images, references, share_links, .. } = *would_go;
    let mut lines = match images {
        0 => vec!["No pictures: there are none".to_owned()],
        some => vec![format!("{}, also those in the trash, in every size", counted(some, "picture"))],
    };
    lines.extend((references > 0).then(|| counted(references, "upload")));
    lines.extend(
        (share_links > 0).then(|| format!("{}: they show nothing any more", counted(share_links, "share link"))),
    );
    lines
}

fn account_goes(would_go: &WouldGo) -> Vec<String> {
    let WouldGo { unfinished, api_keys, open_purchases, .. } = *would_go;
    let mut lines = images_go(would_go);
    lines.push("Prompts, collections, attributes you saved, notices and your request log".to_owned());
    lines.push("Your name, address, picture, sign-in methods and sessions".to_owned());
    lines.extend((api_keys > 0).then(|| format!("{}: programs that use them stop", counted(api_keys, "API key"))));
    lines.extend(
        (unfinished > 0).then(|| format!("{} that waits or runs: it is cancelled", counted(unfinished, "generation"))),
    );
    let open =
        |number| format!("{} that is not paid: if money still comes, it is sent back", counted(number, "purchase"));
    lines.extend((open_purchases > 0).then(|| open(open_purchases)));
    lines
}

fn counted(number: i64, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", format_number(number))
}

fn gems_warning(would_go: &WouldGo) -> Option<AnyView> {
    if would_go.gems == 0 {
        return None;
    }
    let bought = if would_go.bought_gems > 0 {
        format!(" {} of them you have bought.", format_number(would_go.bought_gems))
    } else {
        String::new()
    };
    let text = format!("You lose {}. They are not paid out.{bought}", format_gems(would_go.gems));
    Some(view! { <p class="erasure__gems">{text}</p> }.into_any())
}

/// Straight to a provider that leads to this account, and back here.
fn sign_in_again() -> AnyView {
    let identities = Asked::<List<Identity>>::new(|| http::get("/v1/me/identities").boxed_local());
    let buttons = changing(move || {
        let Some(Ok(all)) = identities.get() else { return ().into_any() };
        let each = all.data.into_iter().map(|one| {
            let href = format!("/v1/auth/{}/login?return_to={}", one.provider, browser::encode(BACK));
            view! { <LinkButton href leaves=true>"Sign in again with " {one.provider_name}</LinkButton> }
        });
        view! { <div class="dialog__actions">{each.collect_view()}</div> }.into_any()
    });
    view! {
        <p>"This cannot be taken back, so it needs a sign-in of the last five minutes."</p>
        {buttons}
    }
    .into_any()
}
