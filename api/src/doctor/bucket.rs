//! The bucket, tried with one small object under a folder that is nobody's, which goes again: encrypted, private, read
//! by presigned links.
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata};
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{BucketVersioningStatus, Delete, ObjectIdentifier, ServerSideEncryption};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Examination, Finding, unanswered};
use crate::config::Settings;
use crate::images::store;

const CHECK: &str = "bucket";
/// Beside `users/`: no person's. What a process leaves that dies in the middle goes with the sweep of objects.
pub const FOLDER: &str = "lapidary-doctor";
const WORDS: &[u8] = b"Lapidary was here and left.";
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes of an answer.
const ENOUGH: usize = 64 << 10;
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
    // As the product demands it: from the answer to a PUT. Who may not read headers may still be right.
    found.push(match stored.server_side_encryption() {
        Some(ServerSideEncryption::Aes256) => Finding::right("encryption", "objects are encrypted at rest"),
        _ => Finding::wrong(
            "encryption",
            "the storage does not say that it encrypts objects at rest",
            "Turn on server-side encryption (SSE-S3): without it no picture is stored.",
        ),
    });
    found.extend(links(all, &key).await);
    found.push(versions(&client, &settings.s3_bucket).await);
    found.extend(sweep(&client, &settings.s3_bucket, &key).await);
    found
}

/// As the product lists and deletes: every version, in batches.
async fn sweep(client: &Client, bucket: &str, key: &str) -> [Finding; 2] {
    let (objects, listed) = match listed(client, bucket, key).await {
        Ok(objects) if objects.iter().any(|object| object.key() == key) => {
            (objects, Finding::right(CHECK, "objects can be listed, with every version"))
        }
        Ok(_) => {
            let hint = "Look for a cache before the storage: what is not listed is never swept.";
            (Vec::new(), Finding::wrong(CHECK, "an object that was just stored is not listed", hint))
        }
        Err(code) => {
            let says = format!("objects cannot be listed: {code}");
            let hint = "Allow s3:ListBucket and s3:ListBucketVersions: without them nothing is ever swept.";
            (Vec::new(), Finding::wrong(CHECK, says, hint))
        }
    };
    let bare = ObjectIdentifier::builder().key(key).build().ok();
    let objects = if objects.is_empty() { bare.into_iter().collect() } else { objects };
    [listed, deleted(client, bucket, key, objects).await]
}

async fn listed(client: &Client, bucket: &str, key: &str) -> Result<Vec<ObjectIdentifier>, String> {
    let unnamed = |code: Option<&str>| code.unwrap_or("no answer").to_owned();
    match client.list_object_versions().bucket(bucket).prefix(key).send().await {
        Ok(answer) => {
            let found = answer.versions().iter().filter_map(|object| Some((object.key()?, object.version_id())));
            Ok(found.filter_map(|(key, version)| identifier(key, version)).collect())
        }
        Err(error) if matches!(error.code(), Some("NotImplemented" | "MethodNotAllowed")) => {
            let answer = client.list_objects_v2().bucket(bucket).prefix(key).send().await;
            let answer = answer.map_err(|error| unnamed(error.code()))?;
            Ok(answer.contents().iter().filter_map(|object| identifier(object.key()?, None)).collect())
        }
        Err(error) => Err(unnamed(error.code())),
    }
}

fn identifier(key: &str, version: Option<&str>) -> Option<ObjectIdentifier> {
    ObjectIdentifier::builder().key(key).set_version_id(version.map(str::to_owned)).build().ok()
}

async fn deleted(client: &Client, bucket: &str, key: &str, objects: Vec<ObjectIdentifier>) -> Finding {
    let hint = format!("Allow s3:DeleteObject and s3:DeleteObjectVersion, and delete {key} by hand.");
    let refused = |code: Option<&str>| {
        let says = format!("objects cannot be deleted in a batch: {}", code.unwrap_or("no answer"));
        Finding::wrong(CHECK, says, hint.clone())
    };
    let batch = match Delete::builder().set_objects(Some(objects)).quiet(true).build() {
        Ok(batch) => batch,
        Err(error) => return Finding::wrong(CHECK, error.to_string(), hint),
    };
    match client.delete_objects().bucket(bucket).delete(batch).send().await {
        // The answer is 200 even when single keys failed.
        Ok(answer) => match answer.errors().first() {
            None => Finding::right(CHECK, "objects can be deleted in batches"),
            Some(first) => refused(first.code()),
        },
        Err(error) => refused(error.code()),
    }
}

fn client(settings: &Settings, endpoint: Option<&String>) -> Client {
    let timeouts = TimeoutConfig::builder().connect_timeout(PATIENCE).operation_timeout(PATIENCE).build();
    let configuration = store::configuration(settings, endpoint).retry_config(RetryConfig::disabled());
    Client::from_conf(configuration.timeout_config(timeouts).build())
}

fn not_stored(settings: &Settings, code: Option<&str>, whole: &str) -> Finding {
    let bucket = &settings.s3_bucket;
    if code == Some("AccessDenied") {
        // A key for `users/` alone would do; trying that with an object of nobody's would puzzle the sweep.
        let says = format!("this key may not write to {FOLDER}/ in {bucket}: whether it may to users/ cannot be told");
        let hint = format!(
            "Allow s3:PutObject, s3:GetObject, s3:DeleteObject and s3:DeleteObjectVersion on users/* and {FOLDER}/*, and \
             s3:ListBucket and s3:ListBucketVersions."
        );
        return Finding::odd(CHECK, says, hint);
    }
    let (says, hint) = match code {
        Some("NoSuchBucket") => (format!("there is no bucket {bucket}"), "`lapidary migrate` makes it."),
        Some("InvalidAccessKeyId" | "SignatureDoesNotMatch") => (
            "the storage does not know S3_ACCESS_KEY_ID with this S3_SECRET_ACCESS_KEY".to_owned(),
            "Set both to a long-lived pair.",
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

async fn link(settings: &Settings, endpoint: Option<&String>, key: &str) -> Result<String, String> {
    let lifetime = PresigningConfig::expires_in(LINK).map_err(|error| error.to_string())?;
    let request = client(settings, endpoint).get_object().bucket(&settings.s3_bucket).key(key);
    let link = request.presigned(lifetime).await.map_err(|error| DisplayErrorContext(error).to_string())?;
    Ok(link.uri().to_owned())
}

/// As a browser does it, through the address browsers are given.
async fn links(all: &Examination, key: &str) -> Vec<Finding> {
    let settings = &all.settings;
    let public = settings.s3_public_endpoint.as_ref().or(settings.s3_endpoint.as_ref());
    let hint = "Look at S3_PUBLIC_ENDPOINT: browsers fetch pictures there.";
    let link = match link(settings, public, key).await {
        Ok(link) => link,
        Err(why) => return vec![Finding::wrong("links", why, hint)],
    };
    let mut found = Vec::new();
    let read = match all.http.get(&link).send().await {
        Ok(answer) if answer.status().is_success() => {
            found.push(clock(answer.headers()));
            match beginning(answer).await {
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
    found.push(private(all, unsigned, key).await);
    found
}

/// Public is what gives away the very object, or a list; private is what refuses. A gateway's page is neither.
async fn private(all: &Examination, object: &str, key: &str) -> Finding {
    let list = format!("{}?list-type=2&max-keys=1", object.trim_end_matches(key));
    let is_list = |body: &[u8]| String::from_utf8_lossy(body).contains("<ListBucketResult");
    let mut unclear = None;
    for (url, wants_list) in [(object, false), (&list, true)] {
        let answer = match all.http.get(url).send().await {
            Ok(answer) => answer,
            Err(error) => {
                unclear = Some(unanswered(error));
                continue;
            }
        };
        let status = answer.status().as_u16();
        let body = beginning(answer).await.unwrap_or_default();
        let given = if wants_list { is_list(&body) } else { body == WORDS };
        if given && (200..300).contains(&status) {
            let what = if wants_list { "list its objects" } else { "read its objects" };
            let hint = "Block all public access to the bucket before anything else.";
            return Finding::wrong("privacy", format!("the bucket is public: anybody can {what}"), hint);
        }
        if !matches!(status, 400 | 401 | 403) {
            unclear = Some(format!("who comes without a signature gets status {status}"));
        }
    }
    match unclear {
        None => Finding::right("privacy", "the bucket refuses whoever comes without a signature"),
        Some(why) => Finding::odd(
            "privacy",
            format!("whether the bucket is private cannot be told: {why}"),
            "Look at what answers at S3_PUBLIC_ENDPOINT; a bucket of ours says 403.",
        ),
    }
}

/// Enough to know it by.
async fn beginning(mut answer: reqwest::Response) -> Result<Vec<u8>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        body.extend_from_slice(&chunk);
        if body.len() > ENOUGH {
            break;
        }
    }
    Ok(body)
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
