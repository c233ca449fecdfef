//! What an operator does to the signing keys from the command line.
use super::key_store::Resealed;
use super::keys::{Keys, PUBLISHED_AFTERWARDS};
use crate::app::StartError;
use crate::clock::Clock;
use crate::config::Settings;
use crate::db::Db;

#[derive(Clone, Copy, Debug, clap::Subcommand)]
pub enum KeysAct {
    /// A new key signs from now on, in every process within a minute. The one before it stays published for 20 minutes,
    /// so no token breaks and nobody is signed out. By itself this happens every 90 days. What MASTER_KEY_PREVIOUS had
    /// sealed is sealed by MASTER_KEY.
    Rotate,
}

/// Does it, and says so on standard output.
pub async fn act(act: KeysAct, settings: &Settings) -> Result<(), StartError> {
    let keys = Keys::new(std::sync::Arc::new(super::master_key(settings)?));
    let db = super::people::reach(settings).await?;
    let done = match act {
        KeysAct::Rotate => rotate(&keys, &db).await,
    };
    db.close().await;
    let said = done.map_err(|error| StartError::Other(format!("the signing keys: {error}")))?;
    said.iter().for_each(|sentence| say(sentence));
    Ok(())
}

async fn rotate(keys: &Keys, db: &Db) -> Result<Vec<String>, super::keys::KeyError> {
    let Resealed { moved, lost } = keys.reseal(db).await?;
    let clock = Clock::default();
    // This machine's clock may be wrong; the database's is everyone's.
    clock.follow(db.house()).await?;
    let made = keys.rotate(db, clock.now()).await?;
    let minutes = PUBLISHED_AFTERWARDS.num_minutes();
    let mut said = vec![format!(
        "{} signs access tokens now; what the key before it signed is accepted for {minutes} minutes, nobody is signed out",
        made.id
    )];
    if moved > 0 {
        said.push(format!("{moved} keys that MASTER_KEY_PREVIOUS had sealed are under MASTER_KEY now"));
    }
    if lost > 0 {
        said.push(format!("{lost} keys can be opened neither by MASTER_KEY nor by MASTER_KEY_PREVIOUS"));
    }
    Ok(said)
}

#[expect(clippy::print_stdout, reason = "this command's answer is what it prints")]
fn say(sentence: &str) {
    println!("{sentence}");
}
