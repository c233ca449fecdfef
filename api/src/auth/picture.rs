//! The provider's picture: fetched once by us, so that the browser asks nobody else. Only public addresses, at most
//! 1 MB, only images. Without one the page shows initials, so nothing here is an error.
use std::time::Duration;

use actix_web::web;
use image::ImageFormat;
use url::Url;
use uuid::Uuid;

use super::queries;
use crate::app::App;
use crate::config::is_loopback;
use crate::http::fetch;

const PICTURE_MAX: usize = 1024 * 1024;
const PATIENCE: Duration = Duration::from_secs(10);
const WAITED_FOR: Duration = Duration::from_secs(2);

/// Fetches and stores it. A slow one is waited for a moment only and arrives after the person does. `is_local` says that
/// the provider itself runs on this machine.
pub async fn fetch(app: web::Data<App>, person_id: Uuid, url: Option<String>, is_local: bool) {
    let Some(url) = url.and_then(|url| Url::parse(&url).ok()) else { return };
    let fetching = actix_web::rt::spawn(async move {
        if let Err(reason) = keep(&app, person_id, &url, is_local).await {
            tracing::info!(reason, "no picture from the provider");
        }
    });
    let _ = tokio::time::timeout(WAITED_FOR, fetching).await;
}

async fn keep(app: &App, person_id: Uuid, url: &Url, is_local: bool) -> Result<(), String> {
    let bytes = download(url, is_local).await?;
    let content_type = sniff(&bytes).ok_or("it is no image")?;
    let key = format!("users/{person_id}/picture");
    app.store.put(&key, bytes, content_type).await.map_err(|error| error.to_string())?;
    let is_kept = queries::set_picture(app.db.house(), person_id, &key).await.map_err(|error| error.to_string())?;
    if !is_kept {
        remove(app, Some(&key)).await;
    }
    Ok(())
}

/// A local address counts as the operator's own only when the provider itself is one.
async fn download(url: &Url, is_local: bool) -> Result<Vec<u8>, String> {
    let trusted = (is_local && is_loopback(url)).then_some(url);
    match tokio::time::timeout(PATIENCE, fetch::get(url, trusted, PICTURE_MAX)).await {
        Ok(fetched) => fetched.map_err(|error| error.to_string()),
        Err(_) => Err("it takes too long".into()),
    }
}

/// What the bytes say they are, whatever the answer says.
fn sniff(bytes: &[u8]) -> Option<&'static str> {
    match image::guess_format(bytes).ok()? {
        ImageFormat::Png => Some("image/png"),
        ImageFormat::Jpeg => Some("image/jpeg"),
        ImageFormat::WebP => Some("image/webp"),
        ImageFormat::Gif => Some("image/gif"),
        _ => None,
    }
}

/// Where the browser finds it.
pub async fn url(app: &App, key: Option<&str>) -> Option<String> {
    let key = key?;
    let link = app.store.presigned(key).await;
    link.inspect_err(|error| tracing::warn!(%error, "a picture cannot be presigned")).ok().map(|link| link.url)
}

/// Best effort: an object nobody refers to is swept later.
pub async fn remove(app: &App, key: Option<&str>) {
    let Some(key) = key else { return };
    if let Err(error) = app.store.delete_many(&[key.to_owned()]).await {
        tracing::warn!(%error, "a picture could not be removed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_local_address_is_asked_only_when_the_provider_is_local_too() {
        let local = Url::parse("http://127.0.0.1:9/a.png").unwrap();
        let refused = |url: &str, is_local| {
            let url = Url::parse(url).unwrap();
            async move { download(&url, is_local).await.unwrap_err() }
        };
        // Port 9: nobody answers, but it was asked.
        assert!(refused(local.as_str(), true).await.contains("error sending request"));
        assert_eq!(refused(local.as_str(), false).await, "only https is fetched");
        for http in ["http://8.8.8.8/a.png", "http://10.0.0.1/a.png", "file:///etc/passwd"] {
            assert_eq!(refused(http, true).await, "only https is fetched", "{http}");
        }
        assert_eq!(refused("https://10.0.0.1/a.png", true).await, "this address is not public");
        assert_eq!(refused("https://[::1]/a.png", false).await, "this address is not public");
    }
}
