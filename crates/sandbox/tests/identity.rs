//! The identity vendors held against an independent relying party (openidconnect) and against written-down facts.
//! One program, so that it is linked once.
#[path = "identity/browser.rs"]
mod browser;
#[path = "identity/github.rs"]
mod github;
#[path = "identity/github_faults.rs"]
mod github_faults;
#[path = "identity/oidc.rs"]
mod oidc;
#[path = "identity/oidc_faults.rs"]
mod oidc_faults;
#[path = "identity/oidc_refusals.rs"]
mod oidc_refusals;
#[path = "identity/relying_party.rs"]
mod relying_party;
