//! What an operator does to the signing keys from the command line.
use super::keys::{KeyError, Keys, PUBLISHED_AFTERWARDS};
use crate::app::StartError;
use crate::clock::Clock;
use crate::config::Settings;
use crate::db::Db;

#[derive(Clone, Copy, Debug, clap::Subcommand)]
pub enum KeysAct {
    /// A new key signs from now on, in every process within a minute. The one before it stays published for 20 minutes,
    /// so no token breaks and nobody is signed out. By itself this happens every 90 days. What MASTER_KEY_PREVIOUS had
    /// sealed is sealed by MASTER_KEY.
    Rotate {
        /// Give up the key of the welcome gems where neither MASTER_KEY nor MASTER_KEY_PREVIOUS opens it, because the
        /// one that sealed it is lost for ever. Everybody who had welcome gems can have them once more then.
        #[arg(long)]
        forget_unreadable: bool,
    },
}

/// Does it, and says so on standard output.
pub async fn act(act: KeysAct, settings: &Settings) -> Result<(), StartError> {
    let keys = Keys::new(std::sync::Arc::new(super::master_key(settings)?));
    let db = super::people::reach(settings).await?;
    let done = match act {
        KeysAct::Rotate { forget_unreadable } => rotate(&keys, &db, forget_unreadable).await,
    };
    db.close().await;
    let said = done.map_err(|error| StartError::Other(format!("the signing keys: {error}")))?;
    said.iter().for_each(|sentence| say(sentence));
    Ok(())
}

/// The sentences that say what was done, and what is not as it should be.
pub async fn rotate(keys: &Keys, db: &Db, forget_unreadable: bool) -> Result<Vec<String>, KeyError> {
    let clock = Clock::default();
    // This machine's clock may be wrong; the database's is everyone's.
    clock.follow(db.house()).await?;
    let now = clock.now();
    let moved = keys.reseal(db, now).await?.moved;
    // A signing key that does not open retires here; what is lost after this is the key of the marks.
    let made = keys.rotate(db, now).await?;
    let is_forgotten = forget_unreadable && keys.forget_unreadable(db, now).await?;
    let lost = keys.reseal(db, now).await?.lost;
    let minutes = PUBLISHED_AFTERWARDS.num_minutes();
    let mut said = vec![format!(
        "{} signs access tokens now; what the key before it signed is accepted for {minutes} minutes, nobody is signed out",
        made.id
    )];
    if moved > 0 {
        said.push(format!("{moved} keys that MASTER_KEY_PREVIOUS had sealed are under MASTER_KEY now"));
    }
    if is_forgotten {
        said.push("the key of the welcome gems is forgotten: who had them before can have them once more".to_owned());
    }
    if lost > 0 {
        said.push(
            "the key of the welcome gems can be opened neither by MASTER_KEY nor by MASTER_KEY_PREVIOUS and stays as it \
             is: until one of them does, nobody new can confirm their age. If it is lost for ever: \
             `lapidary keys rotate --forget-unreadable`"
                .to_owned(),
        );
    }
    Ok(said)
}

#[expect(clippy::print_stdout, reason = "this command's answer is what it prints")]
fn say(sentence: &str) {
    println!("{sentence}");
}
