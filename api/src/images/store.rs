//! Objects of images in S3 or a compatible server: written encrypted, read by presigned links, deleted in batches.
//! Nothing is ever public; bytes are read back by `read` only.
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use actix_web::web::Bytes;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, Builder, ConfigBag, Credentials, Intercept, Region, RequestChecksumCalculation,
    ResponseChecksumValidation, RuntimeComponents,
};
use aws_sdk_s3::error::{BoxError, DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration, ServerSideEncryption};
use aws_smithy_async::time::TimeSource;
use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use lapidary_contract::domain::limits::PRESIGNED_URL_SECONDS;
use tokio::sync::OnceCell;

use super::presign::{Address, Signer, attachment};
use crate::clock::Clock;
use crate::config::Settings;

/// A key never gets other bytes: every attempt has keys of its own.
const CACHE_CONTROL: &str = "private, max-age=31536000, immutable";
const DOWNLOAD_SECONDS: u64 = 600;
/// Where S3 began: the only region that a new bucket must not name.
const UNNAMED_REGION: &str = "us-east-1";

pub struct ImageStore {
    pub(super) client: Client,
    time: StorageTime,
    public: Builder,
    signer: Signer,
    address: OnceCell<Address>,
    pub(super) bucket: String,
    region: String,
    clock: Clock,
}

/// A presigned URL and the moment it stops working.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub url: String,
    pub expires_at: DateTime<Utc>,
}

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the storage refused to {act}: {reason}")]
    Refused { act: &'static str, reason: String },
    #[error("the storage did not say that it encrypts: an object must not lie there in the clear")]
    NotEncrypted,
    #[error("{count} of the objects were not deleted, the first because of {code}")]
    NotDeleted { count: usize, code: String },
    #[error("the storage says that its list goes on, and not where")]
    Endless,
    #[error("S3_ENDPOINT or S3_PUBLIC_ENDPOINT is no address: {0}")]
    Address(String),
}

pub(super) fn refused<E: std::error::Error>(act: &'static str) -> impl FnOnce(E) -> StoreError {
    move |error| StoreError::Refused { act, reason: DisplayErrorContext(error).to_string() }
}

/// The time requests are signed with: the database's, unless the storage says that it lives in another.
#[derive(Clone, Debug)]
struct StorageTime {
    clock: Clock,
    offset_seconds: Arc<AtomicI64>,
    /// As its last answer said, whoever signed by it: the SDK follows another time without a word.
    heard_seconds: Arc<AtomicI64>,
}

impl StorageTime {
    fn off_by_seconds(&self, date: &str) -> Option<i64> {
        let theirs = DateTime::parse_from_rfc2822(date).ok()?;
        Some((theirs.with_timezone(&Utc) - self.clock.real()).num_seconds())
    }

    /// `date` is the header of an answer; false when it says nothing.
    fn follow(&self, date: &str) -> bool {
        let Some(off_by_seconds) = self.off_by_seconds(date) else { return false };
        tracing::warn!(off_by_seconds, "the storage's clock differs from the database's; requests are signed by it");
        self.offset_seconds.store(off_by_seconds, Ordering::Relaxed);
        true
    }
}

impl TimeSource for StorageTime {
    fn now(&self) -> SystemTime {
        (self.clock.real() + TimeDelta::seconds(self.offset_seconds.load(Ordering::Relaxed))).into()
    }
}

impl Intercept for StorageTime {
    fn name(&self) -> &'static str {
        "StorageTime"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date");
        if let Some(seconds) = date.and_then(|date| self.off_by_seconds(date)) {
            self.heard_seconds.store(seconds, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// How the bucket is spoken to; `doctor` takes the same with less patience.
pub fn configuration(settings: &Settings, endpoint: Option<&String>) -> Builder {
    let (id, secret) = (&settings.s3_access_key_id, &settings.s3_secret_access_key);
    let patience = Duration::from_secs(settings.storage_timeout_seconds.max(1));
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(5))
        .operation_attempt_timeout(patience)
        .operation_timeout(patience * 5 / 2);
    let mut configuration = Builder::new()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(settings.s3_region.clone()))
        .credentials_provider(Credentials::new(id, secret, None, None, "settings"))
        .force_path_style(settings.s3_force_path_style)
        // The newer checksums break several compatible servers.
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        .retry_config(RetryConfig::standard().with_max_attempts(3))
        .timeout_config(timeouts.build());
    configuration.set_endpoint_url(endpoint.map(|url| url.trim_end_matches('/').to_owned()));
    configuration
}

impl ImageStore {
    pub fn new(settings: &Settings, clock: Clock) -> Self {
        let endpoint = settings.s3_endpoint.as_ref();
        let time = StorageTime { clock: clock.clone(), offset_seconds: Arc::default(), heard_seconds: Arc::default() };
        Self {
            client: Client::from_conf(
                configuration(settings, endpoint).time_source(time.clone()).interceptor(time.clone()).build(),
            ),
            time,
            public: configuration(settings, settings.s3_public_endpoint.as_ref().or(endpoint)),
            signer: Signer::new(&settings.s3_access_key_id, &settings.s3_secret_access_key, &settings.s3_region),
            address: OnceCell::new(),
            bucket: settings.s3_bucket.clone(),
            region: settings.s3_region.clone(),
            clock,
        }
    }

    /// Writes an object, encrypted at rest. Asked again where that may help; what fails leaves nothing behind if it can.
    pub async fn put(&self, key: &str, bytes: impl Into<Bytes>, content_type: &str) -> Result<(), StoreError> {
        let body: Bytes = bytes.into();
        let send = || {
            self.client
                .put_object()
                .bucket(&self.bucket)
                .key(key)
                .content_type(content_type)
                .cache_control(CACHE_CONTROL)
                .server_side_encryption(ServerSideEncryption::Aes256)
                .body(ByteStream::from(body.clone()))
                .send()
        };
        let answer = self.asked("put", "store an object", send).await?;
        match answer.server_side_encryption() {
            Some(ServerSideEncryption::Aes256) => Ok(()),
            _ => {
                crate::metrics::storage_failed("put");
                self.delete_many(&[key.to_owned()]).await?;
                Err(StoreError::NotEncrypted)
            }
        }
    }

    /// Asks once more where the SDK does not and it helps: with their time where ours is refused, and after a conflict.
    pub(super) async fn asked<T, E, F>(
        &self,
        act: &'static str,
        what: &'static str,
        send: impl Fn() -> F,
    ) -> Result<T, StoreError>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    {
        let answer = match send().await {
            Err(error) if self.may_ask_again(&error) => send().await,
            answer => answer,
        };
        answer.map_err(|error| {
            crate::metrics::storage_failed(act);
            refused(what)(error)
        })
    }

    pub(super) fn may_ask_again<E: ProvideErrorMetadata>(&self, error: &SdkError<E, HttpResponse>) -> bool {
        match error.code() {
            Some("RequestTimeTooSkewed") => {
                let date = error.raw_response().and_then(|answer| answer.headers().get("date"));
                date.is_some_and(|date| self.time.follow(date))
            }
            Some("OperationAborted" | "ConditionalRequestConflict") => true,
            _ => false,
        }
    }

    /// Works for seven days from the last full hour: within an hour every process gives the same URL, so that browsers
    /// find it in their cache.
    pub async fn presigned(&self, key: &str) -> Result<Link, StoreError> {
        let now = self.clock.now();
        let hour = now.duration_trunc(TimeDelta::hours(1)).unwrap_or(now);
        Ok(self.link(self.address().await?, key, hour, PRESIGNED_URL_SECONDS, &[]))
    }

    /// Works for ten minutes: what a share link shows goes dark soon after it is revoked.
    pub async fn presigned_briefly(&self, key: &str) -> Result<Link, StoreError> {
        Ok(self.link(self.address().await?, key, self.clock.now(), DOWNLOAD_SECONDS, &[]))
    }

    /// Saves the object under `filename`; works for ten minutes.
    pub async fn presigned_download(&self, key: &str, filename: &str, content_type: &str) -> Result<Link, StoreError> {
        let disposition = attachment(filename);
        let overrides =
            [("response-content-disposition", disposition.as_str()), ("response-content-type", content_type)];
        Ok(self.link(self.address().await?, key, self.clock.now(), DOWNLOAD_SECONDS, &overrides))
    }

    fn link(&self, address: &Address, key: &str, at: DateTime<Utc>, seconds: u64, overrides: &[(&str, &str)]) -> Link {
        let lifetime = TimeDelta::seconds(i64::try_from(seconds).unwrap_or(0));
        // S3 counts from the signed second, which has no fraction.
        let at = at.duration_trunc(TimeDelta::seconds(1)).unwrap_or(at);
        Link { url: self.signer.sign(address, key, at, seconds, overrides), expires_at: at + lifetime }
    }

    /// `scheme://host[:port]` of every link, for the page's policy; empty when the settings name no address.
    pub async fn public_origin(&self) -> String {
        match self.address().await {
            Ok(address) => address.origin.clone(),
            Err(error) => {
                tracing::error!(%error, "links to images cannot be made");
                String::new()
            }
        }
    }

    /// The SDK knows where a region's buckets are; asked once.
    async fn address(&self) -> Result<&Address, StoreError> {
        self.address
            .get_or_try_init(|| async {
                let act = "say where the bucket is";
                let lifetime = PresigningConfig::expires_in(Duration::from_secs(1)).map_err(refused(act))?;
                let client = Client::from_conf(self.public.clone().build());
                let link = client.get_object().bucket(&self.bucket).key("k").presigned(lifetime).await;
                let link = link.map_err(refused(act))?;
                let bucket = link.uri().split_once("/k?").map(|(bucket, _)| bucket).unwrap_or_default();
                Address::new(bucket).ok_or_else(|| StoreError::Address(bucket.to_owned()))
            })
            .await
    }

    /// Whether the storage lives in another time: what it says is old may be young.
    pub fn is_clock_off(&self) -> bool {
        self.time.heard_seconds.load(Ordering::Relaxed).abs() > 3_600
    }

    /// Whether the bucket is there and ours.
    pub async fn check(&self) -> Result<(), StoreError> {
        let answer = self.client.head_bucket().bucket(&self.bucket).send().await;
        answer.map(|_| ()).map_err(refused("show the bucket"))
    }

    /// Makes the bucket if it is not there.
    pub async fn ensure_bucket(&self) -> Result<(), StoreError> {
        let missing = match self.client.head_bucket().bucket(&self.bucket).send().await {
            Ok(_) => return Ok(()),
            Err(error) => error,
        };
        if !missing.as_service_error().is_some_and(|error| error.is_not_found()) {
            return Err(refused("show the bucket")(missing));
        }
        let place = (self.region != UNNAMED_REGION).then(|| {
            let region = BucketLocationConstraint::from(self.region.as_str());
            CreateBucketConfiguration::builder().location_constraint(region).build()
        });
        let created = self.client.create_bucket().bucket(&self.bucket).set_create_bucket_configuration(place);
        match created.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(|error| error.is_bucket_already_owned_by_you()) => {
                Ok(())
            }
            Err(error) => Err(refused("make the bucket")(error)),
        }
    }
}
