//! What the browser is told: every cookie there is, from the code that sets it, and whom the page's policy lets it talk to.
use super::Seen;
use crate::app::App;

const OF: &[&str] = &["P11"];
const COOKIES_MAX: usize = 2;
/// Sources that are no other origin.
const OURS: [&str; 6] = ["'none'", "'self'", "'wasm-unsafe-eval'", "data:", "blob:", ""];

pub fn look(app: &App) -> Vec<Seen> {
    let cookies = app.auth.cookies_in_use();
    let are_quiet = cookies.len() <= COOKIES_MAX && cookies.iter().all(|cookie| is_quiet(cookie));
    let mut seen: Vec<Seen> =
        cookies.iter().map(|cookie| Seen::judged(OF, "Cookie", are_quiet, bare(cookie))).collect();
    seen.push(match &app.page {
        None => Seen::kept(OF, "Whom the page talks to", "There is no page: only the API is served"),
        Some(page) => whom(page.policy(), page.storage_origin()),
    });
    seen
}

/// Ours alone, and no script reads it.
fn is_quiet(cookie: &str) -> bool {
    let has = |attribute: &str| cookie.split("; ").any(|part| part == attribute);
    has("HttpOnly") && has("SameSite=Lax") && has("Path=/") && !cookie.contains("Domain=")
}

/// Its name and its attributes; there is nothing in it.
fn bare(cookie: &str) -> String {
    cookie.replacen("=;", ";", 1)
}

fn whom(policy: &str, storage: &str) -> Seen {
    let sources = policy.split(';').flat_map(|directive| directive.split_whitespace().skip(1));
    let foreign: Vec<&str> = sources
        .filter(|source| !OURS.contains(source) && !source.starts_with("'sha256-") && *source != storage)
        .collect();
    let what = "Whom the page talks to";
    match foreign.first() {
        Some(first) => Seen::broken(OF, what, format!("Its policy names a third party: {first}")),
        None if storage.is_empty() => Seen::kept(OF, what, "This server alone"),
        None => Seen::kept(OF, what, format!("This server, and {storage} for pictures")),
    }
}

#[cfg(test)]
mod tests {
    use lapidary_contract::PromiseState;

    use super::*;

    #[test]
    fn a_third_party_in_the_policy_breaks_the_promise() {
        let state = |policy: &str| whom(policy, "https://s.example").evidence.state;
        let policy = "default-src 'none'; script-src 'self' 'sha256-x'; img-src 'self' data: https://s.example";
        assert_eq!(state(policy), PromiseState::Kept);
        assert_eq!(state(&format!("{policy}; connect-src https://count.example")), PromiseState::Broken);
        assert_eq!(state(&format!("{policy}; font-src *")), PromiseState::Broken);
    }

    #[test]
    fn a_cookie_that_scripts_read_is_not_quiet() {
        assert!(is_quiet("a=; HttpOnly; SameSite=Lax; Path=/; Max-Age=600"));
        assert!(!is_quiet("a=; SameSite=Lax; Path=/; Max-Age=600"));
        assert!(!is_quiet("a=; HttpOnly; SameSite=Lax; Path=/; Domain=example.org"));
        assert_eq!(bare("a=; HttpOnly"), "a; HttpOnly");
    }
}
