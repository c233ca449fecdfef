//! Identity vendors: GitHub's OAuth web flow and a Google-like OpenID provider, each on its own port.
//! They know nobody: any name is a person, and the same name is the same person for ever.
//! Must never be kinder than the vendor: what the vendor refuses is refused here.
pub mod github;
pub mod oidc;

mod avatar;
mod consent;
mod grants;
mod params;
mod people;
mod pkce;
mod serve;
mod trouble;
