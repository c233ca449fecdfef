//! Who may read: signatures, expiry, the clock, and the faults of the local S3.
use std::path::PathBuf;
use std::time::{Duration, Instant};

use chrono::{DateTime, NaiveDateTime, Utc};
use lapidary_sandbox::faults::{Fault, Faults};
use lapidary_sandbox::s3::{self, S3};
use reqwest::{Client, Method, StatusCode};
use rusty_s3::{Bucket, Credentials, S3Action, UrlStyle};

type Outcome = Result<(), Box<dyn std::error::Error>>;

const MINUTE: Duration = Duration::from_secs(60);
const SSE: (&str, &str) = ("x-amz-server-side-encryption", "AES256");

/// A store of its own, since clock and faults concern all of it; it holds one object, `a`.
struct Store {
    s3: S3,
    bucket: Bucket,
    keys: Credentials,
    client: Client,
    folder: PathBuf,
}

impl Drop for Store {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Store {
    async fn new() -> Result<Self, Box<dyn std::error::Error>> {
        let folder = std::env::temp_dir().join(format!("lapidary-test-s3-{}", uuid::Uuid::now_v7().simple()));
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
        let s3 = s3::start(listener, folder.clone(), Faults::default()).await?;
        s3.create_bucket("gallery")?;
        let bucket = Bucket::new(s3.url.parse()?, UrlStyle::Path, "gallery", s3.region.clone())?;
        let keys = Credentials::new(&s3.access_key, &s3.secret_key);
        let store = Self { s3, bucket, keys, client: Client::new(), folder };
        assert_eq!(store.put("a").await?, StatusCode::OK);
        Ok(store)
    }

    async fn put(&self, key: &str) -> reqwest::Result<StatusCode> {
        let mut action = self.bucket.put_object(Some(&self.keys), key);
        action.headers_mut().insert(SSE.0, SSE.1);
        let request = self.client.put(action.sign(MINUTE)).header(SSE.0, SSE.1).body("0123456789");
        Ok(request.send().await?.status())
    }

    fn url(&self, lifetime: Duration) -> String {
        self.bucket.get_object(Some(&self.keys), "a").sign(lifetime).into()
    }

    async fn get(&self, url: impl reqwest::IntoUrl) -> reqwest::Result<(StatusCode, String)> {
        let answer = self.client.get(url).send().await?;
        Ok((answer.status(), answer.text().await?))
    }

    /// The answer to a request that must be refused with this status and code.
    async fn refused(
        &self,
        url: impl reqwest::IntoUrl,
        status: StatusCode,
        code: &str,
    ) -> Result<String, reqwest::Error> {
        let (answered, body) = self.get(url).await?;
        assert_eq!(answered, status, "{body}");
        assert!(body.contains(&format!("<Code>{code}</Code>")), "{code}: {body}");
        Ok(body)
    }
}

#[tokio::test]
async fn an_object_is_private() -> Outcome {
    let store = Store::new().await?;
    let plain = format!("{}/gallery/a", store.s3.url);
    store.refused(&plain, StatusCode::FORBIDDEN, "AccessDenied").await?;
    for method in [Method::PUT, Method::DELETE, Method::HEAD, Method::POST] {
        let answer = store.client.request(method.clone(), &plain).body("x").send().await?;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{method}");
    }
    store.refused(format!("{}/gallery?list-type=2", store.s3.url), StatusCode::FORBIDDEN, "AccessDenied").await?;
    assert_eq!(store.get(store.url(MINUTE)).await?, (StatusCode::OK, "0123456789".to_owned()));
    Ok(())
}

#[tokio::test]
async fn a_changed_url_fits_no_other_object_method_or_key() -> Outcome {
    let store = Store::new().await?;
    let forbidden = StatusCode::FORBIDDEN;
    let url = store.url(MINUTE);
    store.refused(url.replace("/gallery/a?", "/gallery/b?"), forbidden, "SignatureDoesNotMatch").await?;
    store.refused(format!("{url}&versionId=null"), forbidden, "SignatureDoesNotMatch").await?;
    store.refused(url.replace("Expires=60", "Expires=61"), forbidden, "SignatureDoesNotMatch").await?;
    assert_eq!(store.client.head(&url).send().await?.status(), forbidden, "a GET signature does not serve HEAD");
    let stranger = Credentials::new("AKIDSTRANGER", store.s3.secret_key.clone());
    let theirs = store.bucket.get_object(Some(&stranger), "a").sign(MINUTE);
    store.refused(theirs, forbidden, "InvalidAccessKeyId").await?;
    let guess = Credentials::new(store.s3.access_key.clone(), "guess");
    store.refused(store.bucket.get_object(Some(&guess), "a").sign(MINUTE), forbidden, "SignatureDoesNotMatch").await?;
    let elsewhere = Bucket::new(store.s3.url.parse()?, UrlStyle::Path, "gallery", "eu-central-1")?;
    let wrong = elsewhere.get_object(Some(&store.keys), "a").sign(MINUTE);
    store.refused(wrong, StatusCode::BAD_REQUEST, "AuthorizationQueryParametersError").await?;
    let unsigned = store.client.get(&url).header("x-amz-request-payer", "requester").send().await?;
    assert_eq!(unsigned.status(), forbidden, "an unsigned x-amz header must be refused");
    Ok(())
}

#[tokio::test]
async fn a_url_lives_a_week_and_no_longer() -> Outcome {
    let store = Store::new().await?;
    let week = Duration::from_secs(604_800);
    let url = store.url(week);
    assert_eq!(store.get(&url).await?.0, StatusCode::OK);
    let longer = store.url(week + Duration::from_secs(1));
    let body = store.refused(longer, StatusCode::BAD_REQUEST, "AuthorizationQueryParametersError").await?;
    assert!(body.contains("X-Amz-Expires must be less than a week (in seconds)"), "{body}");

    store.s3.set_clock_offset(chrono::Duration::days(7) - chrono::Duration::minutes(1));
    assert_eq!(store.get(&url).await?.0, StatusCode::OK);
    store.s3.set_clock_offset(chrono::Duration::days(8));
    let body = store.refused(&url, StatusCode::FORBIDDEN, "AccessDenied").await?;
    for part in
        ["<Message>Request has expired</Message>", "<X-Amz-Expires>604800</X-Amz-Expires>", "<Expires>", "<ServerTime>"]
    {
        assert!(body.contains(part), "{part}: {body}");
    }
    store.s3.set_clock_offset(chrono::Duration::zero());
    assert_eq!(store.get(store.url(week)).await?.0, StatusCode::OK, "a URL signed on read opens it again");
    Ok(())
}

#[tokio::test]
async fn a_url_from_the_future_is_refused() -> Outcome {
    let store = Store::new().await?;
    store.s3.set_clock_offset(chrono::Duration::minutes(-14));
    assert_eq!(store.get(store.url(MINUTE)).await?.0, StatusCode::OK);
    store.s3.set_clock_offset(chrono::Duration::minutes(-16));
    store.refused(store.url(MINUTE), StatusCode::FORBIDDEN, "RequestTimeTooSkewed").await?;
    Ok(())
}

#[tokio::test]
async fn the_old_signature_is_not_understood() -> Outcome {
    let store = Store::new().await?;
    let old =
        format!("{}/gallery/a?AWSAccessKeyId={}&Expires=9999999999&Signature=x", store.s3.url, store.s3.access_key);
    store.refused(old, StatusCode::BAD_REQUEST, "InvalidRequest").await?;
    let request = store.client.get(format!("{}/gallery/a", store.s3.url)).header("authorization", "AWS AKID:c2ln");
    assert_eq!(request.send().await?.status(), StatusCode::BAD_REQUEST);
    Ok(())
}

#[tokio::test]
async fn the_published_vectors_are_signed_alike_by_the_client_and_judged_by_the_store() -> Outcome {
    let store = Store::new().await?;
    let file: serde_json::Value = serde_json::from_str(include_str!("fixtures/sigv4-presign.json"))?;
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    for vector in file["vectors"].as_array().ok_or("no vectors")? {
        let date = NaiveDateTime::parse_from_str(&text(&vector["date"]), "%Y%m%dT%H%M%SZ")?.and_utc();
        let lifetime = Duration::from_secs(vector["expires"].as_u64().ok_or("no lifetime")?);
        let url = text(&vector["url"]);
        if vector["method"] == "GET" && vector["name"] != "temporary-credentials" {
            let mut endpoint = url::Url::parse(&url)?;
            endpoint.set_path("/");
            endpoint.set_query(None);
            assert_eq!(resigned(vector, &endpoint, date, lifetime)?, url, "{}", vector["name"]);
        }
        // Sent to us under the name it was signed for, at the time it was signed.
        store.s3.set_clock_offset(date - Utc::now() + chrono::Duration::seconds(1));
        let path = url.split_once("://").and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..])).ok_or("no path")?;
        let method = Method::from_bytes(text(&vector["method"]).as_bytes())?;
        let request =
            store.client.request(method, format!("{}{path}", store.s3.url)).header("host", text(&vector["host"]));
        let status = request.send().await?.status();
        let expected = match vector["name"].as_str() {
            // Another region, and a token nobody gave.
            Some("virtual-host-download" | "temporary-credentials") => StatusCode::BAD_REQUEST,
            // The signature is right; there is no such bucket.
            _ => StatusCode::NOT_FOUND,
        };
        assert_eq!(status, expected, "{}", vector["name"]);
    }
    Ok(())
}

/// What rusty-s3 makes of a vector. The vectors' hosts name the bucket already, so its bucket is the first path part.
fn resigned(
    vector: &serde_json::Value,
    endpoint: &url::Url,
    date: DateTime<Utc>,
    lifetime: Duration,
) -> Result<String, Box<dyn std::error::Error>> {
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let path = text(&vector["key"]);
    let mut url = endpoint.clone();
    url.set_path(&path.replace('+', "%2B"));
    let params = vector["params"].as_object().cloned().unwrap_or_default();
    let params: Vec<(String, String)> = params.iter().map(|(name, value)| (name.clone(), text(value))).collect();
    let at = jiff::Timestamp::from_second(date.timestamp())?;
    let signed = rusty_s3::signing::sign(
        &at,
        rusty_s3::Method::Get,
        url,
        "AKIAIOSFODNN7EXAMPLE",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        None,
        vector["region"].as_str().unwrap_or_default(),
        lifetime.as_secs(),
        params.iter().map(|(name, value)| (name.as_str(), value.as_str())),
        std::iter::empty(),
    );
    Ok(signed.into())
}

/// A request whose headers are signed, as SDKs do for everything but links.
async fn signed_get(
    store: &Store,
    secret: &str,
    region: &str,
    date: DateTime<Utc>,
) -> Result<StatusCode, reqwest::Error> {
    use aws_lc_rs::{digest, hmac};
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let keyed = |key: &[u8], text: &str| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes());
    let host = store.s3.url.trim_start_matches("http://");
    let (stamp, day) = (date.format("%Y%m%dT%H%M%SZ").to_string(), date.format("%Y%m%d").to_string());
    let empty = hex(digest::digest(&digest::SHA256, b"").as_ref());
    let names = "host;x-amz-content-sha256;x-amz-date";
    let canonical =
        format!("GET\n/gallery/a\n\nhost:{host}\nx-amz-content-sha256:{empty}\nx-amz-date:{stamp}\n\n{names}\n{empty}");
    let hashed = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
    let scope = format!("{day}/{region}/s3/aws4_request");
    let mut key = keyed(format!("AWS4{secret}").as_bytes(), &day);
    for part in [region, "s3", "aws4_request"] {
        key = keyed(key.as_ref(), part);
    }
    let signature = hex(keyed(key.as_ref(), &format!("AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashed}")).as_ref());
    let credential = format!("{}/{scope}", store.s3.access_key);
    let authorization =
        format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}");
    let request = store.client.get(format!("{}/gallery/a", store.s3.url)).header("authorization", authorization);
    Ok(request.header("x-amz-date", stamp).header("x-amz-content-sha256", empty).send().await?.status())
}

#[tokio::test]
async fn signed_headers_open_an_object_with_the_right_key_region_and_time_only() -> Outcome {
    let store = Store::new().await?;
    let (now, secret) = (Utc::now(), store.s3.secret_key.as_str());
    assert_eq!(signed_get(&store, secret, "us-east-1", now).await?, StatusCode::OK);
    assert_eq!(signed_get(&store, "guess", "us-east-1", now).await?, StatusCode::FORBIDDEN);
    assert_eq!(signed_get(&store, secret, "eu-central-1", now).await?, StatusCode::BAD_REQUEST);
    let late = now - chrono::Duration::minutes(16);
    assert_eq!(signed_get(&store, secret, "us-east-1", late).await?, StatusCode::FORBIDDEN);
    store.s3.set_clock_offset(chrono::Duration::days(-300));
    let then = Utc::now() - chrono::Duration::days(300);
    assert_eq!(signed_get(&store, secret, "us-east-1", then).await?, StatusCode::OK);
    Ok(())
}

#[tokio::test]
async fn a_store_under_pressure_says_slow_down_for_a_while() -> Outcome {
    let store = Store::new().await?;
    store.s3.faults.set(Fault { times: 2, ..Fault::once("s3", "slow_down") });
    store.refused(store.url(MINUTE), StatusCode::SERVICE_UNAVAILABLE, "SlowDown").await?;
    assert_eq!(store.put("b").await?, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(store.get(store.url(MINUTE)).await?.0, StatusCode::OK);
    Ok(())
}

#[tokio::test]
async fn an_internal_error_is_shown_after_what_was_to_pass() -> Outcome {
    let store = Store::new().await?;
    store.s3.faults.set(Fault { skip: 1, ..Fault::once("s3", "internal_error") });
    assert_eq!(store.get(store.url(MINUTE)).await?.0, StatusCode::OK);
    store.refused(store.url(MINUTE), StatusCode::INTERNAL_SERVER_ERROR, "InternalError").await?;
    Ok(())
}

#[tokio::test]
async fn a_hanging_store_answers_after_its_time() -> Outcome {
    let store = Store::new().await?;
    store.s3.faults.set(Fault::once("s3", "hang").with(0.3));
    let began = Instant::now();
    assert_eq!(store.get(store.url(MINUTE)).await?.0, StatusCode::OK);
    assert!(began.elapsed() >= Duration::from_millis(300));
    store.s3.faults.set(Fault::once("s3", "hang").with(60));
    let impatient = store.client.get(store.url(MINUTE)).timeout(Duration::from_millis(100)).send().await;
    assert!(impatient.is_err_and(|error| error.is_timeout()));
    Ok(())
}

#[tokio::test]
async fn a_cut_body_breaks_off_before_its_promised_length() -> Outcome {
    let store = Store::new().await?;
    store.s3.faults.set(Fault::once("s3", "cut_body"));
    let answer = store.client.get(store.url(MINUTE)).send().await;
    let broken = match answer {
        Ok(answer) => answer.status() == StatusCode::OK && answer.bytes().await.is_err(),
        Err(_) => true,
    };
    assert!(broken);
    assert_eq!(store.get(store.url(MINUTE)).await?.1, "0123456789");
    Ok(())
}

#[tokio::test]
async fn a_refused_put_keeps_nothing_and_spares_readers() -> Outcome {
    let store = Store::new().await?;
    store.s3.faults.set(Fault::once("s3", "refuse_put"));
    assert_eq!(store.get(store.url(MINUTE)).await?.0, StatusCode::OK);
    assert_eq!(store.put("b").await?, StatusCode::FORBIDDEN);
    let url = store.bucket.get_object(Some(&store.keys), "b").sign(MINUTE);
    store.refused(url, StatusCode::NOT_FOUND, "NoSuchKey").await?;
    assert_eq!(store.put("b").await?, StatusCode::OK);
    Ok(())
}

#[tokio::test]
async fn any_refusal_of_the_vendor_can_be_asked_for() -> Outcome {
    let store = Store::new().await?;
    store.s3.faults.set(Fault::once("s3", "refuse").with("ExpiredToken"));
    store.refused(store.url(MINUTE), StatusCode::BAD_REQUEST, "ExpiredToken").await?;
    store.s3.faults.set(Fault::once("s3", "refuse_put").with("ServiceUnavailable"));
    assert_eq!(store.put("b").await?, StatusCode::SERVICE_UNAVAILABLE);
    Ok(())
}

#[tokio::test]
async fn a_batch_can_fail_for_a_single_key() -> Outcome {
    let store = Store::new().await?;
    store.put("b").await?;
    store.s3.faults.set(Fault::once("s3", "partial_delete"));
    let objects = ["a", "b"].map(|key| rusty_s3::actions::ObjectIdentifier::new(key.to_owned()));
    let action = store.bucket.delete_objects(Some(&store.keys), objects.iter());
    let url = action.sign(MINUTE);
    let (body, md5) = action.body_with_md5();
    let answer = store.client.post(url).header("content-md5", md5).body(body).send().await?;
    assert_eq!(answer.status(), StatusCode::OK);
    let body = answer.text().await?;
    assert!(body.contains("<Deleted><Key>b</Key></Deleted>"), "{body}");
    assert!(body.contains("<Error>") && body.contains("<Key>a</Key>"), "{body}");
    assert_eq!(store.get(store.url(MINUTE)).await?.0, StatusCode::OK, "the spared key is still there");
    Ok(())
}
