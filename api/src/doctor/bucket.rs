//! The bucket, tried with one small object under a folder that is nobody's, which goes again: encrypted, private, read
//! by presigned links.
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, Credentials, Region, RequestChecksumCalculation, ResponseChecksumValidation,
};
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata};
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{BucketVersioningStatus, ServerSideEncryption};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Examination, Finding, unanswered};
use crate::config::Settings;

const CHECK: &str = "bucket";
/// Beside `users/`: no person's. What a process leaves that dies in the middle goes with the sweep of objects.
pub const FOLDER: &str = "lapidary-doctor";
const WORDS: &[u8] = b"Lapidary was here and left.";
const PATIENCE: Duration = Duration::from_secs(5);
const LINK: Duration = Duration::from_secs(60);
/// S3 refuses what is a quarter of an hour off.
const CLOCK_ODD_SECONDS: i64 = 60;
const CLOCK_WRONG_SECONDS: i64 = 840;

pub(super) async fn check(all: &Examination) -> Vec<Finding> {
    let settings = &all.settings;
    let client = client(settings, settings.s3_endpoint.as_ref());
    let key = format!("{FOLDER}/{}", Uuid::now_v7());
    let mut found = Vec::new();
    let put = client
        .put_object()
        .bucket(&settings.s3_bucket)
        .key(&key)
        .content_type("text/plain")
        .server_side_encryption(ServerSideEncryption::Aes256)
        .body(ByteStream::from_static(WORDS));
    let stored = match put.send().await {
        Ok(stored) => stored,
        Err(error) => {
            let code = error.code().map(str::to_owned);
            return vec![not_stored(settings, code.as_deref(), &DisplayErrorContext(error).to_string())];
        }
    };
    found.push(Finding::right(CHECK, format!("{} takes objects", settings.s3_bucket)));
    let head = client.head_object().bucket(&settings.s3_bucket).key(&key).send().await;
    let is_aes = |said: Option<&ServerSideEncryption>| matches!(said, Some(ServerSideEncryption::Aes256));
    found.push(match head {
        Ok(head) if is_aes(stored.server_side_encryption()) && is_aes(head.server_side_encryption()) => {
            Finding::right("encryption", "objects are encrypted at rest")
        }
        Err(error) => {
            let code = error.code().unwrap_or("no answer").to_owned();
            Finding::odd("encryption", format!("an object's headers cannot be read: {code}"), "Allow s3:GetObject.")
        }
        Ok(_) => Finding::wrong(
            "encryption",
            "the storage does not say that it encrypts objects at rest",
            "Turn on server-side encryption (SSE-S3): without it no picture is stored.",
        ),
    });
    found.extend(links(all, &key).await);
    found.push(versions(&client, &settings.s3_bucket).await);
    let gone = client.delete_object().bucket(&settings.s3_bucket).key(&key).send().await;
    found.push(match gone {
        Ok(_) => Finding::right(CHECK, "objects can be deleted"),
        Err(error) => Finding::wrong(
            CHECK,
            format!("an object cannot be deleted: {}", error.code().unwrap_or("no answer")),
            format!("Allow s3:DeleteObject, and delete {key} by hand."),
        ),
    });
    found
}

fn client(settings: &Settings, endpoint: Option<&String>) -> Client {
    let timeouts = TimeoutConfig::builder().connect_timeout(PATIENCE).operation_timeout(PATIENCE).build();
    let (id, secret) = (settings.s3_access_key_id.clone(), settings.s3_secret_access_key.clone());
    let mut configuration = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(settings.s3_region.clone()))
        .credentials_provider(Credentials::new(id, secret, None, None, "settings"))
        .force_path_style(settings.s3_force_path_style)
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts);
    configuration.set_endpoint_url(endpoint.map(|url| url.trim_end_matches('/').to_owned()));
    Client::from_conf(configuration.build())
}

fn not_stored(settings: &Settings, code: Option<&str>, whole: &str) -> Finding {
    let bucket = &settings.s3_bucket;
    let (says, hint) = match code {
        Some("NoSuchBucket") => (format!("there is no bucket {bucket}"), "`lapidary migrate` makes it."),
        Some("InvalidAccessKeyId" | "SignatureDoesNotMatch") => (
            "the storage does not know S3_ACCESS_KEY_ID with this S3_SECRET_ACCESS_KEY".to_owned(),
            "Set both to a long-lived pair.",
        ),
        Some("AccessDenied") => (
            format!("the storage does not let this key write to {bucket}"),
            "Allow s3:PutObject, s3:GetObject, s3:DeleteObject and s3:ListBucket.",
        ),
        Some("RequestTimeTooSkewed") => (
            "the storage's clock and this machine's are more than a quarter of an hour apart".to_owned(),
            "Let this machine follow a time server.",
        ),
        Some(code) => (format!("the storage refuses an object with {code}"), "Look at the S3_… settings."),
        None => (format!("the storage cannot be reached: {whole}"), "Look at S3_ENDPOINT and S3_REGION."),
    };
    Finding::wrong(CHECK, says, hint)
}

/// As a browser does it, through the address browsers are given.
async fn links(all: &Examination, key: &str) -> Vec<Finding> {
    let settings = &all.settings;
    let public = settings.s3_public_endpoint.as_ref().or(settings.s3_endpoint.as_ref());
    let link = match PresigningConfig::expires_in(LINK) {
        Ok(lifetime) => {
            client(settings, public).get_object().bucket(&settings.s3_bucket).key(key).presigned(lifetime).await
        }
        Err(error) => return vec![Finding::wrong("links", error.to_string(), "")],
    };
    let link = match link {
        Ok(link) => link.uri().to_owned(),
        Err(error) => return vec![Finding::wrong("links", DisplayErrorContext(error).to_string(), "")],
    };
    let mut found = Vec::new();
    let hint = "Look at S3_PUBLIC_ENDPOINT: browsers fetch pictures there.";
    let read = match all.http.get(&link).send().await {
        Ok(answer) if answer.status().is_success() => {
            found.push(clock(answer.headers()));
            match answer.bytes().await {
                Ok(bytes) if bytes == WORDS => Finding::right("links", "a presigned link gives what was stored"),
                _ => Finding::wrong("links", "a presigned link gives something else than was stored", hint),
            }
        }
        Ok(answer) => {
            let says = format!("a presigned link is refused with {}", answer.status().as_u16());
            Finding::wrong("links", says, hint)
        }
        Err(error) => Finding::wrong("links", format!("nobody answers a presigned link: {}", unanswered(error)), hint),
    };
    found.push(read);
    let unsigned = link.split('?').next().unwrap_or_default();
    let list = format!("{}?list-type=2&max-keys=1", unsigned.trim_end_matches(key));
    found.push(private(all, unsigned, &list).await);
    found
}

async fn private(all: &Examination, object: &str, list: &str) -> Finding {
    for (url, what) in [(object, "anybody can read its objects"), (list, "anybody can list its objects")] {
        match all.http.get(url).send().await {
            Ok(answer) if answer.status().is_success() => {
                let hint = "Block all public access to the bucket before anything else.";
                return Finding::wrong("privacy", format!("the bucket is public: {what}"), hint);
            }
            Ok(_) => {}
            Err(error) => {
                let says = format!("whether the bucket is private cannot be told: {}", unanswered(error));
                return Finding::odd("privacy", says, "");
            }
        }
    }
    Finding::right("privacy", "the bucket refuses whoever comes without a signature")
}

fn clock(headers: &reqwest::header::HeaderMap) -> Finding {
    let theirs = headers.get("date").and_then(|date| DateTime::parse_from_rfc2822(date.to_str().ok()?).ok());
    let Some(theirs) = theirs else {
        return Finding::odd("storage clock", "the storage does not say what time it is", "");
    };
    let seconds = (Utc::now() - theirs.with_timezone(&Utc)).num_seconds().abs();
    let says = format!("the storage's differs from this machine's by {seconds} seconds");
    let hint = "Let both machines follow a time server.";
    match seconds {
        CLOCK_WRONG_SECONDS.. => Finding::wrong("storage clock", says, hint),
        CLOCK_ODD_SECONDS.. => Finding::odd("storage clock", says, hint),
        _ => Finding::right("storage clock", "the storage and this machine agree"),
    }
}

/// A deletion that leaves versions behind is none.
async fn versions(client: &Client, bucket: &str) -> Finding {
    match client.get_bucket_versioning().bucket(bucket).send().await {
        Ok(answer) if matches!(answer.status(), Some(BucketVersioningStatus::Enabled)) => Finding::odd(
            "versions",
            "the bucket keeps old versions: what is deleted stays readable for who may read versions",
            "Lapidary deletes versions too; a lifecycle rule for noncurrent versions is a second net.",
        ),
        Ok(_) => Finding::right("versions", "the bucket keeps no old versions"),
        Err(error) if matches!(error.code(), Some("NotImplemented" | "MethodNotAllowed")) => {
            Finding::right("versions", "the storage knows no versions")
        }
        Err(error) => Finding::odd(
            "versions",
            format!("whether old versions are kept cannot be told: {}", error.code().unwrap_or("no answer")),
            "Allow s3:GetBucketVersioning.",
        ),
    }
}
