//! Signing in, the age question, and the gate before every signed-in view.
pub mod age;
mod failure_texts;
mod gate;
mod provider_buttons;
mod sign_in_page;

pub use failure_texts::text_of;
pub use gate::Guarded;
pub use sign_in_page::SignInPage;
