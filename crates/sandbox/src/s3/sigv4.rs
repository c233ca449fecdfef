//! Signature Version 4 as the vendor reads it: who may pass, until when, and which words refuse the others.
//! Presigned requests are verified here, by our own settable clock; signed headers are verified further inside.
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use aws_lc_rs::{digest, hmac};
use chrono::{DateTime, Duration, NaiveDateTime, SecondsFormat, Utc};
use hyper::StatusCode;
use hyper::http::request::Parts;

use super::refusal::Refusal;
use super::uri::{self, decode, encode};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const LONGEST_SECONDS: i64 = 604_800;
const SKEW_MINUTES: i64 = 15;

/// The time the store believes it is.
#[derive(Clone, Debug, Default)]
pub(super) struct Clock(Arc<AtomicI64>);

impl Clock {
    pub(super) fn set_offset(&self, offset: Duration) {
        self.0.store(offset.num_milliseconds(), Ordering::SeqCst);
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        Utc::now() + Duration::milliseconds(self.0.load(Ordering::SeqCst))
    }
}

/// The one account of the store.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    pub(super) access_key: String,
    pub(super) secret_key: String,
    pub(super) region: String,
}

/// How a request that may pass proved it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Proof {
    /// Fully verified here.
    Presigned,
    /// Key, region and date are right; the signature is still to be verified.
    SignedHeaders,
}

pub(super) fn check(parts: &Parts, keys: &Keys, clock: &Clock) -> Result<Proof, Refusal> {
    let query = uri::pairs(parts.uri.query().unwrap_or_default());
    let has = |name: &str| query.iter().any(|(key, _)| key == name);
    let authorization = parts.headers.get("authorization").and_then(|value| value.to_str().ok());
    if has("AWSAccessKeyId") || authorization.is_some_and(|value| value.starts_with("AWS ")) {
        let message = "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.";
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "InvalidRequest", message));
    }
    if has("X-Amz-Algorithm") || has("X-Amz-Signature") {
        presigned(parts, &query, keys, clock)?;
        return Ok(Proof::Presigned);
    }
    match authorization {
        Some(value) => signed_headers(parts, value, keys, clock).map(|()| Proof::SignedHeaders),
        None => Err(Refusal::new(StatusCode::FORBIDDEN, "AccessDenied", "Access Denied")),
    }
}

fn presigned(parts: &Parts, query: &[(String, String)], keys: &Keys, clock: &Clock) -> Result<(), Refusal> {
    let malformed =
        |message: &str| Refusal::new(StatusCode::BAD_REQUEST, "AuthorizationQueryParametersError", message.to_owned());
    let get = |name: &str| {
        let mut values = query.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str());
        values.next().filter(|_| values.next().is_none())
    };
    let missing = || {
        malformed(
            "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, \
             X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.",
        )
    };
    let read = |name: &str| get(name).ok_or_else(missing);
    if read("X-Amz-Algorithm")? != ALGORITHM {
        return Err(malformed("X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\""));
    }
    let date = read("X-Amz-Date")?;
    let signed_at = instant(date)
        .ok_or_else(|| malformed("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""))?;
    let seconds: i64 = read("X-Amz-Expires")?.parse().map_err(|_| malformed("X-Amz-Expires should be a number"))?;
    if seconds > LONGEST_SECONDS {
        return Err(malformed(
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than \
             604800 seconds",
        ));
    }
    if seconds < 1 {
        return Err(malformed("X-Amz-Expires must be non-negative"));
    }
    let scope = scope_of(read("X-Amz-Credential")?, keys, &malformed)?;
    if scope != format!("{}/{}/s3/aws4_request", day_of(date), keys.region) {
        return Err(malformed(&format!("Error parsing the X-Amz-Credential parameter; expecting scope of {date}")));
    }
    if get("X-Amz-Security-Token").is_some() {
        let message = "The provided token is malformed or otherwise invalid.";
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "InvalidToken", message));
    }
    in_time(signed_at, seconds, clock.now())?;
    let signed_names: Vec<&str> = read("X-Amz-SignedHeaders")?.split(';').collect();
    if !signed_names.contains(&"host") {
        return Err(malformed("X-Amz-SignedHeaders must contain host"));
    }
    every_amazon_header_is_signed(parts, &signed_names)?;
    let headers: Vec<(&str, String)> = signed_names.iter().map(|name| (*name, header_value(parts, name))).collect();
    let canonical = canonical_request(parts.method.as_str(), parts.uri.path(), query, &headers);
    let expected = signature(&keys.secret_key, date, &scope, &canonical);
    if aws_lc_rs::constant_time::verify_slices_are_equal(expected.as_bytes(), read("X-Amz-Signature")?.as_bytes())
        .is_err()
    {
        return Err(Refusal::new(
            StatusCode::FORBIDDEN,
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. Check your key and \
             signing method.",
        ));
    }
    Ok(())
}

fn in_time(signed_at: DateTime<Utc>, seconds: i64, now: DateTime<Utc>) -> Result<(), Refusal> {
    if signed_at > now + Duration::minutes(SKEW_MINUTES) {
        return Err(too_skewed(signed_at, now));
    }
    let expires = signed_at + Duration::seconds(seconds);
    if now <= expires {
        return Ok(());
    }
    let stamp = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Secs, true);
    Err(Refusal::new(StatusCode::FORBIDDEN, "AccessDenied", "Request has expired")
        .with("X-Amz-Expires", seconds.to_string())
        .with("Expires", stamp(expires))
        .with("ServerTime", stamp(now)))
}

fn too_skewed(request: DateTime<Utc>, now: DateTime<Utc>) -> Refusal {
    let message = "The difference between the request time and the current time is too large.";
    Refusal::new(StatusCode::FORBIDDEN, "RequestTimeTooSkewed", message)
        .with("RequestTime", request.format("%Y%m%dT%H%M%SZ").to_string())
        .with("ServerTime", now.to_rfc3339_opts(SecondsFormat::Secs, true))
        .with("MaxAllowedSkewMilliseconds", (SKEW_MINUTES * 60_000).to_string())
}

fn every_amazon_header_is_signed(parts: &Parts, signed_names: &[&str]) -> Result<(), Refusal> {
    let unsigned: Vec<&str> = parts
        .headers
        .keys()
        .map(hyper::header::HeaderName::as_str)
        .filter(|name| name.starts_with("x-amz-") && *name != "x-amz-content-sha256" && !signed_names.contains(name))
        .collect();
    if unsigned.is_empty() {
        return Ok(());
    }
    let message = "There were headers present in the request which were not signed";
    Err(Refusal::new(StatusCode::FORBIDDEN, "AccessDenied", message).with("HeadersNotSigned", unsigned.join(", ")))
}

/// Key and region of a credential, told apart from the rest of it.
fn scope_of(credential: &str, keys: &Keys, malformed: &dyn Fn(&str) -> Refusal) -> Result<String, Refusal> {
    let (access_key, scope) = credential.split_once('/').ok_or_else(|| {
        malformed("the Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\"")
    })?;
    if access_key != keys.access_key {
        let message = "The AWS Access Key Id you provided does not exist in our records.";
        return Err(Refusal::new(StatusCode::FORBIDDEN, "InvalidAccessKeyId", message)
            .with("AWSAccessKeyId", access_key.to_owned()));
    }
    let region = scope.split('/').nth(1).unwrap_or_default();
    if region != keys.region {
        let message = format!("the region '{region}' is wrong; expecting '{}'", keys.region);
        return Err(malformed(&message).with("Region", keys.region.clone()));
    }
    Ok(scope.to_owned())
}

fn signed_headers(parts: &Parts, authorization: &str, keys: &Keys, clock: &Clock) -> Result<(), Refusal> {
    let malformed = |message: &str| {
        Refusal::new(
            StatusCode::BAD_REQUEST,
            "AuthorizationHeaderMalformed",
            format!("The authorization header is malformed; {message}"),
        )
    };
    let fields = authorization
        .strip_prefix(ALGORITHM)
        .ok_or_else(|| malformed("the authorization mechanism is not AWS4-HMAC-SHA256"))?;
    let credential = fields
        .split(',')
        .find_map(|field| field.trim().strip_prefix("Credential="))
        .ok_or_else(|| malformed("the Credential is missing"))?;
    scope_of(credential, keys, &malformed)?;
    let date = header_value(parts, "x-amz-date");
    let signed_at = instant(&date).ok_or_else(|| {
        let message = "AWS authentication requires a valid Date or x-amz-date header";
        Refusal::new(StatusCode::FORBIDDEN, "AccessDenied", message)
    })?;
    let now = clock.now();
    if (now - signed_at).abs() > Duration::minutes(SKEW_MINUTES) {
        return Err(too_skewed(signed_at, now));
    }
    Ok(())
}

fn instant(date: &str) -> Option<DateTime<Utc>> {
    NaiveDateTime::parse_from_str(date, "%Y%m%dT%H%M%SZ").ok().map(|time| time.and_utc())
}

fn day_of(date: &str) -> &str {
    date.split('T').next().unwrap_or_default()
}

fn header_value(parts: &Parts, name: &str) -> String {
    let values = parts
        .headers
        .get_all(name)
        .iter()
        .map(|value| String::from_utf8_lossy(value.as_bytes()).split_whitespace().collect::<Vec<_>>().join(" "));
    values.collect::<Vec<_>>().join(",")
}

fn canonical_request(method: &str, path: &str, query: &[(String, String)], headers: &[(&str, String)]) -> String {
    let mut pairs: Vec<String> = query
        .iter()
        .filter(|(name, _)| name != "X-Amz-Signature")
        .map(|(name, value)| format!("{}={}", encode(name.as_bytes(), ""), encode(value.as_bytes(), "")))
        .collect();
    pairs.sort();
    let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
    let path = encode(&decode(path, false), "/");
    format!("{method}\n{path}\n{}\n{lines}\n{}\nUNSIGNED-PAYLOAD", pairs.join("&"), names.join(";"))
}

fn signature(secret_key: &str, date: &str, scope: &str, canonical: &str) -> String {
    let hashed = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
    let to_sign = format!("{ALGORITHM}\n{date}\n{scope}\n{hashed}");
    let seed = format!("AWS4{secret_key}").into_bytes();
    let key = scope.split('/').fold(seed, |key, part| keyed(&key, part));
    hex(&keyed(&key, &to_sign))
}

fn keyed(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_vectors_are_reproduced() -> Result<(), Box<dyn std::error::Error>> {
        let file: serde_json::Value = serde_json::from_str(include_str!("../../tests/fixtures/sigv4-presign.json"))?;
        let secret_key = file["secret_key"].as_str().ok_or("no secret")?;
        let vectors = file["vectors"].as_array().ok_or("no vectors")?;
        assert_eq!(vectors.len(), 5);
        for vector in vectors {
            let url = url::Url::parse(vector["url"].as_str().ok_or("no url")?)?;
            let query = uri::pairs(url.query().ok_or("no query")?);
            let host = vector["host"].as_str().ok_or("no host")?.to_owned();
            let method = vector["method"].as_str().ok_or("no method")?;
            let canonical = canonical_request(method, url.path(), &query, &[("host", host)]);
            let date = vector["date"].as_str().ok_or("no date")?;
            let region = vector["region"].as_str().ok_or("no region")?;
            let scope = format!("{}/{region}/s3/aws4_request", day_of(date));
            assert_eq!(signature(secret_key, date, &scope, &canonical), vector["signature"], "{}", vector["name"]);
        }
        Ok(())
    }
}
