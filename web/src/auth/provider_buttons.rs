//! "Continue with …", one button a provider, as the server lists them.
use crate::ui::prelude::*;
use futures_util::FutureExt;
use lapidary_contract::{AuthProvider, List};

use crate::asked::Asked;
use crate::browser;
use crate::http;
use crate::page::Page;
use crate::ui::button::LinkButton;
use crate::ui::dynamic::changing;
use crate::ui::failure::FailureNote;
use crate::ui::skeleton::Skeleton;

const GITHUB: &str = "M8 0C3.58 0 0 3.58 0 8c0 3.54 2.29 6.53 5.47 7.59.4.07.55-.17.55-.38 0-.19-.01-.82-.01-1.49-2.01.37-2.53-.49-2.69-.94-.09-.23-.48-.94-.82-1.13-.28-.15-.68-.52-.01-.53.63-.01 1.08.58 1.23.82.72 1.21 1.87.87 2.33.66.07-.52.28-.87.51-1.07-1.78-.2-3.64-.89-3.64-3.95 0-.87.31-1.59.82-2.15-.08-.2-.36-1.02.08-2.12 0 0 .67-.21 2.2.82.64-.18 1.32-.27 2-.27s1.36.09 2 .27c1.53-1.04 2.2-.82 2.2-.82.44 1.1.16 1.92.08 2.12.51.56.82 1.27.82 2.15 0 3.07-1.87 3.75-3.65 3.95.29.25.54.73.54 1.48 0 1.07-.01 1.93-.01 2.2 0 .21.15.46.55.38A8.013 8.013 0 0 0 16 8c0-4.42-3.58-8-8-8Z";
const GOOGLE: &str = "M15.3 8.18c0-.57-.05-1.11-.15-1.64H8v3.1h4.09a3.5 3.5 0 0 1-1.52 2.3v1.9h2.45c1.44-1.32 2.28-3.27 2.28-5.66ZM8 15.6c2.05 0 3.77-.68 5.03-1.84l-2.45-1.9a4.6 4.6 0 0 1-6.85-2.4H1.2v1.97A7.6 7.6 0 0 0 8 15.6ZM3.73 9.44a4.56 4.56 0 0 1 0-2.9V4.58H1.2a7.6 7.6 0 0 0 0 6.83l2.53-1.97ZM8 3.52c1.12 0 2.12.38 2.9 1.14l2.18-2.18A7.6 7.6 0 0 0 1.2 4.58l2.53 1.97A4.53 4.53 0 0 1 8 3.52Z";

#[component]
pub fn ProviderButtons(
    /// A path of ours to come back to.
    #[prop(into)]
    return_to: String,
    /// Only this provider; all when it is not there.
    #[prop(optional_no_strip, into)]
    only: Option<String>,
    /// The sign-in that waits is linked to the account this one leads to.
    #[prop(optional)]
    links: bool,
) -> AnyView {
    let providers = Asked::<List<AuthProvider>>::new(|| http::get_public("/v1/auth/providers").boxed_local());
    let buttons = changing(move || match providers.get() {
        None => view! { <Skeleton class="provider-place" /> <Skeleton class="provider-place" /> }.into_any(),
        Some(Err(failure)) => {
            let retry = Callback::new(move |()| providers.again());
            view! { <FailureNote failure on_retry=retry /> }.into_any()
        }
        Some(Ok(list)) => {
            let is_there = list.data.iter().any(|one| only.as_ref() == Some(&one.id));
            let offered = list.data.into_iter().filter(|one| !is_there || only.as_ref() == Some(&one.id));
            offered.map(|one| button(one, &return_to, links)).collect_view().into_any()
        }
    });
    view! { <div class="providers">{buttons}</div> }.into_any()
}

fn button(provider: AuthProvider, return_to: &str, links: bool) -> AnyView {
    let joint = if provider.login_url.contains('?') { '&' } else { '?' };
    let link = if links { "&link=true" } else { "" };
    let href = format!("{}{joint}return_to={}{link}", provider.login_url, browser::encode(return_to));
    let drawing = match provider.id.as_str() {
        "github" => Some(GITHUB),
        "google" => Some(GOOGLE),
        _ => None,
    };
    let drawing = drawing.map(|path| {
        view! { <svg class="provider-mark" viewBox="0 0 16 16" aria-hidden="true"><path d=path /></svg> }
    });
    view! { <LinkButton class="provider" href leaves=true>{drawing} "Continue with " {provider.name}</LinkButton> }
        .into_any()
}

/// Only a path of ours is followed after sign-in: an address elsewhere would make this page a trap.
pub fn safe_return(wanted: Option<String>) -> String {
    let is_ours = |path: &String| {
        path.starts_with('/')
        && !path.starts_with("//")
        && !path.contains('\\')
        // A browser drops them: `/\t/` becomes `//`.
        && !path.chars().any(char::is_control)
    };
    wanted.filter(is_ours).unwrap_or_else(|| Page::Studio.path().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_elsewhere_after_signing_in() {
        for trap in
            ["https://elsewhere.example", "//elsewhere.example", "/\\elsewhere.example", "javascript:alert(1)", ""]
        {
            assert_eq!(safe_return(Some(trap.to_owned())), "/studio", "{trap}");
        }
        assert_eq!(safe_return(None), "/studio");
        assert_eq!(safe_return(Some("/gallery?q=a".to_owned())), "/gallery?q=a");
    }
}
