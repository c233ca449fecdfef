//! Settings of the API in OpenAI's wire, which others speak to us. Where we speak it ourselves is set beside the models.
use clap::Args;

#[derive(Clone, Args)]
pub struct OpenAiWireSettings {
    /// Seconds that a call in OpenAI's wire waits in silence; then its answer begins, with white space, so that no proxy takes
    /// it for dead. Until then failures have a status of their own, and every SDK repeats a call that was cut; after it some
    /// do not. Just below the silence that your proxy allows; above its limit where it cuts every answer after a time,
    /// whatever is sent. 0 begins at once.
    #[arg(long, env, default_value_t = 55)]
    pub openai_silence_seconds: u64,
}
