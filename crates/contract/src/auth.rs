//! Signing in: providers, the access token, and why a sign-in failed.
use serde::{Deserialize, Serialize};

/// Who can vouch for a person here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuthProvider {
    /// Path segment: `github`, `google` or `oidc`.
    pub id: String,
    /// For people: `GitHub`.
    pub name: String,
    /// Where a browser goes to sign in.
    pub login_url: String,
}

/// Where the browser goes to prove a sign-in method that is to be linked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LinkStarted {
    /// At the provider; good for ten minutes, in this browser and for this session only.
    pub authorization_url: String,
}

/// A short-lived token for the `Authorization` header. Keep it in memory only.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AccessToken {
    pub access_token: String,
    /// Always `Bearer`.
    pub token_type: String,
    /// Seconds.
    pub expires_in: u64,
}

impl std::fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccessToken").field("expires_in", &self.expires_in).finish_non_exhaustive()
    }
}

/// Why a sign-in did not succeed; the page `/sign-in?failure=…&request_id=…` says it in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SignInFailure {
    /// The person, or the provider on their behalf, said no.
    Denied,
    /// The attempt is older than ten minutes.
    AttemptExpired,
    /// No attempt waits for this answer: it was used before, or it never began here.
    AttemptUnknown,
    /// The answer came to another browser than the one that asked.
    OtherBrowser,
    /// The provider did not accept its own code.
    CodeRefused,
    /// The provider cannot be reached, or answers with errors.
    ProviderDown,
    /// What the provider says about the person does not hold.
    ProviderUntrusted,
    /// The provider knows no verified e-mail address.
    EmailUnverified,
    /// Another sign-in method already uses this e-mail address; the person chooses what to do.
    EmailInUse,
    /// This sign-in method already belongs to another account.
    IdentityInUse,
    Suspended,
    /// The session that wanted to link a sign-in method has ended meanwhile.
    SessionEnded,
    /// Something broke on our side.
    Unavailable,
}

impl SignInFailure {
    pub const ALL: [Self; 13] = [
        Self::Denied,
        Self::AttemptExpired,
        Self::AttemptUnknown,
        Self::OtherBrowser,
        Self::CodeRefused,
        Self::ProviderDown,
        Self::ProviderUntrusted,
        Self::EmailUnverified,
        Self::EmailInUse,
        Self::IdentityInUse,
        Self::Suspended,
        Self::SessionEnded,
        Self::Unavailable,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::AttemptExpired => "attempt_expired",
            Self::AttemptUnknown => "attempt_unknown",
            Self::OtherBrowser => "other_browser",
            Self::CodeRefused => "code_refused",
            Self::ProviderDown => "provider_down",
            Self::ProviderUntrusted => "provider_untrusted",
            Self::EmailUnverified => "email_unverified",
            Self::EmailInUse => "email_in_use",
            Self::IdentityInUse => "identity_in_use",
            Self::Suspended => "suspended",
            Self::SessionEnded => "session_ended",
            Self::Unavailable => "unavailable",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|failure| failure.name() == name)
    }
}
