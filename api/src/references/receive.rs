//! Takes an upload off the wire within bounds: its own limit, and how much all uploads of this process hold together.
//! Many at once wait for one another; what waits too long is told when to come again.
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header;
use actix_web::{HttpRequest, web};
use futures_util::StreamExt;
use lapidary_contract::domain::limits::{MASK_BYTES_MAX, REFERENCE_BYTES_MAX};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::clean::{self, Clean, Unclean};
use crate::app::App;
use crate::http::error::{ApiError, ApiResult};

/// Bytes of all uploads that are received or cleaned now: two of the largest, or many small ones.
const AT_ONCE_MAX: usize = 112 * 1024 * 1024;
/// What a place is counted in.
const UNIT: usize = 64 * 1024;
/// For a place: many clients give up on a line that nobody reads for half a minute.
const FOR_A_PLACE: Duration = Duration::from_secs(20);
/// For its turn to be cleaned, when it is here.
const FOR_A_TURN: Duration = Duration::from_secs(60);
/// For each piece of a body: a phone on a train is slow, and not silent.
const PIECE: Duration = Duration::from_secs(20);
/// For a whole body: 50 MB at 2 Mbit/s take 200 s.
const WHOLE: Duration = Duration::from_secs(300);
const COME_AGAIN_SECONDS: u64 = 15;

/// How much room there is.
pub struct Uploads {
    places: Arc<Semaphore>,
    /// A picture that is cleaned takes up to 500 MB: one after the other.
    cleaner: Arc<Semaphore>,
}

impl Default for Uploads {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(AT_ONCE_MAX / UNIT)), cleaner: Arc::new(Semaphore::new(1)) }
    }
}

/// A body, and its place until it is dropped.
pub struct Upload {
    bytes: Vec<u8>,
    place: OwnedSemaphorePermit,
}

pub async fn receive(app: &App, request: &HttpRequest, payload: web::Payload, is_mask: bool) -> ApiResult<Upload> {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let kind = header(header::CONTENT_TYPE).and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
    if !["image/png", "image/webp", "image/jpeg"].iter().any(|known| kind.eq_ignore_ascii_case(known)) {
        return Err(ApiError::UnsupportedPicture);
    }
    let max_bytes = if is_mask { MASK_BYTES_MAX } else { REFERENCE_BYTES_MAX };
    let announced = header(header::CONTENT_LENGTH).and_then(|length| length.parse::<usize>().ok());
    if announced.is_some_and(|length| length > max_bytes) {
        return Err(ApiError::PayloadTooLarge { max_bytes });
    }
    let room = announced.unwrap_or(max_bytes);
    let places = u32::try_from(room.div_ceil(UNIT).max(1)).map_err(ApiError::internal)?;
    let crowded = || ApiError::Unavailable { retry_after_seconds: COME_AGAIN_SECONDS };
    let place = Arc::clone(&app.uploads.places).acquire_many_owned(places);
    let place = tokio::time::timeout(FOR_A_PLACE, place).await.map_err(|_| crowded())?.map_err(|_| crowded())?;
    let read = read(payload, Vec::with_capacity(announced.unwrap_or(0)), max_bytes);
    let bytes = tokio::time::timeout(WHOLE, read).await.map_err(|_| too_slow())??;
    Ok(Upload { bytes, place })
}

async fn read(mut payload: web::Payload, mut bytes: Vec<u8>, max_bytes: usize) -> ApiResult<Vec<u8>> {
    loop {
        let piece = tokio::time::timeout(PIECE, payload.next()).await.map_err(|_| too_slow())?;
        let Some(piece) = piece else { return Ok(bytes) };
        let piece = piece.map_err(|error| ApiError::Malformed(format!("The upload broke off: {error}.")))?;
        if bytes.len().saturating_add(piece.len()) > max_bytes {
            return Err(ApiError::PayloadTooLarge { max_bytes });
        }
        bytes.extend_from_slice(&piece);
    }
}

fn too_slow() -> ApiError {
    ApiError::Malformed("The upload came too slowly.".into())
}

impl Upload {
    /// SHA-256 of what came.
    pub async fn fingerprint(self) -> ApiResult<(Self, Vec<u8>)> {
        let digest = move || {
            let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &self.bytes);
            (self, digest.as_ref().to_vec())
        };
        tokio::task::spawn_blocking(digest).await.map_err(ApiError::internal)
    }

    /// Nobody ends a decoding that began: its places are free when its memory is.
    /// Keep its place until what is clean is stored.
    pub async fn clean(self, app: &App, is_mask: bool) -> ApiResult<(Result<Clean, Unclean>, OwnedSemaphorePermit)> {
        let crowded = || ApiError::Unavailable { retry_after_seconds: COME_AGAIN_SECONDS };
        let cleaner = Arc::clone(&app.uploads.cleaner).acquire_owned();
        let cleaner = tokio::time::timeout(FOR_A_TURN, cleaner).await.map_err(|_| crowded())?.map_err(|_| crowded())?;
        let decoder = Arc::clone(&app.decoders).acquire_owned().await.map_err(ApiError::internal)?;
        let work = move || {
            let _held = (cleaner, decoder);
            (clean::clean(&self.bytes, is_mask), self.place)
        };
        tokio::task::spawn_blocking(work).await.map_err(ApiError::internal)
    }
}
