//! Why a sign-in failed, in words: what happened and what to do. Exhaustive, so that no reason stays a code.
use lapidary_contract::SignInFailure;

pub struct FailureText {
    pub title: &'static str,
    pub what: &'static str,
    pub next: &'static str,
}

pub fn text_of(failure: SignInFailure) -> FailureText {
    let (title, what, next) = match failure {
        SignInFailure::Denied => (
            "Sign-in was cancelled",
            "The other side was told no, and told us nothing.",
            "Choose a way to sign in again when you are ready.",
        ),
        SignInFailure::AttemptExpired => (
            "This sign-in is too old",
            "A sign-in must be finished within ten minutes.",
            "Start again; it takes a few seconds.",
        ),
        SignInFailure::AttemptUnknown => (
            "This sign-in cannot be used",
            "No sign-in waits for this answer: it was used before, or it did not begin here.",
            "Start again; it takes a few seconds.",
        ),
        SignInFailure::OtherBrowser => (
            "This sign-in began somewhere else",
            "The answer arrived in another browser than the one that asked. For your safety it was not used.",
            "Start again in this browser, with cookies allowed for this page.",
        ),
        SignInFailure::CodeRefused => (
            "The sign-in was not accepted",
            "The provider did not accept the code it had given out itself.",
            "Start again. If it stays like this, send us the request id.",
        ),
        SignInFailure::ProviderDown => (
            "The provider does not answer",
            "We asked who you are and got no usable answer.",
            "Try again in a few minutes, or choose the other way if you have one.",
        ),
        SignInFailure::ProviderUntrusted => (
            "The provider's answer does not hold",
            "What the provider said about you failed a check, so it was not used.",
            "Start again. If it stays like this, send us the request id.",
        ),
        SignInFailure::EmailUnverified => (
            "Your e-mail address is not verified",
            "The provider does not know for certain that your e-mail address is yours.",
            "Verify it there, then sign in again here.",
        ),
        SignInFailure::EmailInUse => (
            "You may already have an account",
            "Somebody with your e-mail address signed in before, in another way. Accounts are never joined by themselves.",
            "Choose what you want:",
        ),
        SignInFailure::IdentityInUse => (
            "This sign-in belongs to another account",
            "The account you chose at the provider is already linked to somebody else here.",
            "Sign in with it to reach that account, or choose another one.",
        ),
        SignInFailure::SessionEnded => (
            "You were signed out meanwhile",
            "The session that asked for this has ended, so nothing was linked.",
            "Sign in, then link it from your account.",
        ),
        SignInFailure::Suspended => (
            "This account is suspended",
            "You cannot sign in while it is. Your pictures and gems are kept.",
            "Write to us if you think that is wrong, and name the request id.",
        ),
        SignInFailure::Unavailable => (
            "Something broke on our side",
            "It did not work, and it was not your fault. Nothing was changed.",
            "Try again in a moment. If it stays, write to us and name the request id.",
        ),
    };
    FailureText { title, what, next }
}
