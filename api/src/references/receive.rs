//! Takes an upload off the wire within bounds: its own limit, and how much all uploads of this process hold together.
//! Many at once wait for one another; what waits too long is told when to come again.
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, web};
use futures_util::{Stream, StreamExt};
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

/// Room for bytes that are received or cleaned now; given back when the last who has it lets go.
pub type Place = Arc<OwnedSemaphorePermit>;

/// A body, and its place until it is dropped.
pub struct Upload {
    bytes: Vec<u8>,
    place: Place,
}

/// Waits for room. Nobody waits for more while they hold some.
pub async fn place(app: &App, bytes: usize) -> ApiResult<Place> {
    let places = u32::try_from(bytes.div_ceil(UNIT).max(1)).map_err(ApiError::internal)?;
    let crowded = || ApiError::Unavailable { retry_after_seconds: COME_AGAIN_SECONDS };
    let place = Arc::clone(&app.uploads.places).acquire_many_owned(places);
    let place = tokio::time::timeout(FOR_A_PLACE, place).await.map_err(|_| crowded())?.map_err(|_| crowded())?;
    Ok(Arc::new(place))
}

/// What a request says that it brings.
pub fn announced(request: &HttpRequest) -> Option<usize> {
    request.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

pub async fn receive(app: &App, request: &HttpRequest, payload: web::Payload, is_mask: bool) -> ApiResult<Upload> {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let kind = header(header::CONTENT_TYPE).and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
    if !["image/png", "image/webp", "image/jpeg"].iter().any(|known| kind.eq_ignore_ascii_case(known)) {
        return Err(ApiError::UnsupportedPicture);
    }
    let max_bytes = if is_mask { MASK_BYTES_MAX } else { REFERENCE_BYTES_MAX };
    let announced = announced(request);
    if announced.is_some_and(|length| length > max_bytes) {
        return Err(ApiError::PayloadTooLarge { max_bytes });
    }
    let place = place(app, announced.unwrap_or(max_bytes)).await?;
    let bytes = read(payload, announced.unwrap_or(0), max_bytes).await?;
    Ok(Upload { bytes, place })
}

/// Everything that comes, within bounds of size and time.
pub async fn read<E: std::fmt::Display>(
    payload: impl Stream<Item = Result<Bytes, E>> + Unpin,
    expected: usize,
    max_bytes: usize,
) -> ApiResult<Vec<u8>> {
    let read = read_pieces(payload, Vec::with_capacity(expected), max_bytes);
    tokio::time::timeout(WHOLE, read).await.map_err(|_| too_slow())?
}

async fn read_pieces<E: std::fmt::Display>(
    mut payload: impl Stream<Item = Result<Bytes, E>> + Unpin,
    mut bytes: Vec<u8>,
    max_bytes: usize,
) -> ApiResult<Vec<u8>> {
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

/// Waits for something else of a body.
pub async fn in_time<T>(coming: impl Future<Output = T>) -> ApiResult<T> {
    tokio::time::timeout(PIECE, coming).await.map_err(|_| too_slow())
}

fn too_slow() -> ApiError {
    ApiError::Malformed("The upload came too slowly.".into())
}

impl Upload {
    pub fn of(bytes: Vec<u8>, place: Place) -> Self {
        Self { bytes, place }
    }

    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

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
    pub async fn clean(self, app: &App, is_mask: bool) -> ApiResult<(Result<Clean, Unclean>, Place)> {
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
