//! The storage, looked at by one real object: the newest picture, or one of our own that goes again. Its key is never said.
use lapidary_contract::PromiseState;
use uuid::Uuid;

use super::{Blind, Seen, queries};
use crate::app::{App, vendor_client};
use crate::doctor::bucket;
use crate::images::probe::Probe;
use crate::images::queries::Objects;
use crate::images::store::StoreError;

const ENCRYPTED: &str = "Encryption in storage";
const PRIVATE: &str = "Whoever comes without a signature";
const FOLDERS: &str = "Folders of the storage";
const WORDS: &[u8] = b"Lapidary was here and left.";
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(5);

pub async fn look(app: &App) -> Result<Vec<Seen>, Blind> {
    let newest = queries::newest_picture(app.db.house()).await?;
    let (key, at, own) = match &newest {
        Some(it) => {
            (Objects::at(it.object_prefix.clone(), it.extension.clone()).original(), Some(it.created_at), false)
        }
        None => (format!("{}/{}", bucket::FOLDER, Uuid::now_v7()), None, true),
    };
    if own {
        match app.store.put(&key, WORDS, "text/plain").await {
            Err(StoreError::NotEncrypted) => {
                return Ok(vec![Seen::broken(&["P7"], ENCRYPTED, "Storage does not say so of a probe")]);
            }
            stored => stored?,
        }
    }
    let seen = look_at(app, &key, own).await;
    if own {
        app.store.delete_many(&[key]).await?;
    } else if queries::newest_picture(app.db.house()).await?.map(|it| it.object_prefix)
        != newest.map(|it| it.object_prefix)
    {
        // It may have been erased meanwhile: the next look is soon.
        return Ok(vec![Seen::stale(&["P2", "P7", "P9"], "The newest picture", "It changed while it was looked at")]);
    }
    let mut seen = seen?;
    seen.iter_mut().for_each(|one| one.evidence.at = at);
    seen.push(folders(app).await?);
    Ok(seen)
}

async fn look_at(app: &App, key: &str, own: bool) -> Result<Vec<Seen>, Blind> {
    let of = if own { "a probe" } else { "the newest picture" };
    let encrypted = match app.store.probe(key).await? {
        Probe::Encrypted(how) => Seen::kept(&["P7"], ENCRYPTED, format!("{how}, as storage says of {of}")),
        Probe::Clear => Seen::broken(&["P7"], ENCRYPTED, format!("Storage does not say so of {of}")),
        Probe::Missing => {
            return Ok(vec![
                Seen::broken(&["P2"], "The newest picture", "It is not in storage"),
                Seen::stale(&["P7"], ENCRYPTED, "It could not be told"),
            ]);
        }
    };
    let said = if own { "There is none yet" } else { "It is in storage" };
    Ok(vec![Seen::kept(&["P2"], "The newest picture", said), encrypted, refused(app, key).await?])
}

/// The link as anybody could make it up.
async fn refused(app: &App, key: &str) -> Result<Seen, Blind> {
    let link = app.store.presigned_briefly(key).await?;
    let bare = link.url.split_once('?').map_or(link.url.as_str(), |(bare, _)| bare);
    let status = vendor_client(PATIENCE)?.get(bare).send().await.map_err(reqwest::Error::without_url)?.status();
    Ok(match status.as_u16() {
        400 | 401 | 403 => Seen::kept(&["P9"], PRIVATE, format!("Is refused, with status {}", status.as_u16())),
        200..=299 => Seen::broken(&["P9"], PRIVATE, "Is given the picture"),
        other => Seen::stale(&["P9"], PRIVATE, format!("Gets status {other}, which says nothing")),
    })
}

/// At the top of the bucket there are people's folder, the mark of its database, and for a moment probes.
async fn folders(app: &App) -> Result<Seen, Blind> {
    let strangers = app.store.strangers().await?;
    let state = if strangers == 0 { PromiseState::Kept } else { PromiseState::Broken };
    let value = match strangers {
        0 => "Everything about people lies in a folder of their own".to_owned(),
        some => format!("{some} objects or folders lie outside people's own"),
    };
    Ok(Seen::new(&["P9"], FOLDERS, state, value))
}
