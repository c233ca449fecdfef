//! The local S3 against an independent client (rusty-s3, which presigns everything) and against written-down facts.
use std::time::Duration;

use lapidary_sandbox::s3::{self, S3};
use reqwest::{Client, Response, StatusCode};
use rusty_s3::actions::{ListObjectsV2, ObjectIdentifier};
use rusty_s3::{Bucket, Credentials, S3Action, UrlStyle};

pub type Outcome = Result<(), Box<dyn std::error::Error>>;

const MINUTE: Duration = Duration::from_secs(60);
const SSE: &str = "x-amz-server-side-encryption";

/// A bucket of its own for every test.
struct Shelf {
    store: &'static S3,
    bucket: Bucket,
    keys: Credentials,
    client: Client,
}

impl Shelf {
    fn new(name: &str) -> Result<Self, Box<dyn std::error::Error>> {
        let store = s3::shared_for_tests();
        store.create_bucket(name)?;
        let bucket = Bucket::new(store.url.parse()?, UrlStyle::Path, name.to_owned(), store.region.clone())?;
        let keys = Credentials::new(&store.access_key, &store.secret_key);
        Ok(Self { store, bucket, keys, client: Client::new() })
    }

    async fn put(&self, key: &str, headers: &[(&'static str, &'static str)], body: &[u8]) -> reqwest::Result<Response> {
        let mut action = self.bucket.put_object(Some(&self.keys), key);
        for (name, value) in headers {
            action.headers_mut().insert(*name, *value);
        }
        let mut request = self.client.put(action.sign(MINUTE)).body(body.to_vec());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await
    }

    async fn keep(&self, key: &str, body: &[u8]) -> Outcome {
        assert_eq!(self.put(key, &[(SSE, "AES256")], body).await?.status(), StatusCode::OK);
        Ok(())
    }

    async fn get(&self, key: &str) -> reqwest::Result<Response> {
        self.client.get(self.bucket.get_object(Some(&self.keys), key).sign(MINUTE)).send().await
    }
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

#[tokio::test]
async fn an_object_comes_back_whole_with_its_headers_and_its_encryption() -> Outcome {
    let shelf = Shelf::new("whole")?;
    let given = [
        (SSE, "AES256"),
        ("content-type", "image/png"),
        ("cache-control", "private, max-age=31536000, immutable"),
        ("content-disposition", "inline; filename=\"a.png\""),
    ];
    let put = shelf.put("users/1/images/a b+c~é.png", &given, b"picture").await?;
    assert_eq!(put.status(), StatusCode::OK);
    assert_eq!(header(&put, SSE), "AES256");
    let got = shelf.get("users/1/images/a b+c~é.png").await?;
    for (name, value) in given {
        assert_eq!(header(&got, name), value, "{name}");
    }
    assert_eq!(header(&got, "etag"), header(&put, "etag"));
    assert!(!header(&got, "x-amz-request-id").is_empty());
    assert_eq!(got.bytes().await?.as_ref(), b"picture");
    let head = shelf.bucket.head_object(Some(&shelf.keys), "users/1/images/a b+c~é.png").sign(MINUTE);
    let head = shelf.client.head(head).send().await?;
    assert_eq!(head.status(), StatusCode::OK);
    assert_eq!((header(&head, SSE), header(&head, "content-length")), ("AES256", "7"));
    Ok(())
}

#[tokio::test]
async fn an_object_without_the_encryption_header_is_refused_and_not_kept() -> Outcome {
    let shelf = Shelf::new("unencrypted")?;
    for headers in [&[][..], &[(SSE, "aws:kms")][..]] {
        let refused = shelf.put("a", headers, &vec![7; 3_000_000]).await?;
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
        assert!(refused.text().await?.contains("<Code>InvalidRequest</Code>"));
    }
    let missing = shelf.get("a").await?;
    assert_eq!(missing.status(), StatusCode::NOT_FOUND);
    let body = missing.text().await?;
    assert!(body.contains("<Code>NoSuchKey</Code>") && body.contains("<RequestId>"), "{body}");
    Ok(())
}

#[tokio::test]
async fn bytes_that_do_not_match_their_checksum_are_not_kept() -> Outcome {
    let shelf = Shelf::new("checksums")?;
    let wrong = [(SSE, "AES256"), ("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg==")];
    let refused = shelf.put("a", &wrong, b"x").await?;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    assert!(refused.text().await?.contains("<Code>BadDigest</Code>"));
    assert_eq!(shelf.get("a").await?.status(), StatusCode::NOT_FOUND);
    Ok(())
}

#[tokio::test]
async fn overrides_of_a_signed_request_replace_what_was_kept() -> Outcome {
    let shelf = Shelf::new("overrides")?;
    shelf.keep("a", b"x").await?;
    let wanted = [
        (
            "response-content-disposition",
            "content-disposition",
            "attachment; filename=\"cat one.png\"; filename*=UTF-8''cat%20one.png",
        ),
        ("response-content-type", "content-type", "image/png"),
        ("response-cache-control", "cache-control", "private, max-age=1"),
    ];
    let mut action = shelf.bucket.get_object(Some(&shelf.keys), "a");
    for (parameter, _, value) in wanted {
        action.query_mut().insert(parameter, value);
    }
    let url = action.sign(MINUTE);
    let got = shelf.client.get(url.clone()).send().await?;
    for (_, name, value) in wanted {
        assert_eq!(header(&got, name), value);
    }
    let changed = url.as_str().replace("image%2Fpng", "text%2Fhtml");
    assert_eq!(shelf.client.get(changed).send().await?.status(), StatusCode::FORBIDDEN);
    Ok(())
}

#[tokio::test]
async fn a_part_of_an_object_can_be_asked_for() -> Outcome {
    let shelf = Shelf::new("ranges")?;
    shelf.keep("a", b"0123456789").await?;
    let url = shelf.bucket.get_object(Some(&shelf.keys), "a").sign(MINUTE);
    let part = shelf.client.get(url.clone()).header("range", "bytes=2-4").send().await?;
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(header(&part, "content-range"), "bytes 2-4/10");
    assert_eq!(part.text().await?, "234");
    let beyond = shelf.client.get(url).header("range", "bytes=10-").send().await?;
    assert_eq!(beyond.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    Ok(())
}

#[tokio::test]
async fn only_one_of_many_writers_creates_a_key_that_must_be_new() -> Outcome {
    let shelf = Shelf::new("create-only")?;
    let new = [(SSE, "AES256"), ("if-none-match", "*")];
    let tries = (0..8).map(|_| shelf.put("a", &new, b"x"));
    let mut statuses = Vec::new();
    for answer in futures_util::future::join_all(tries).await {
        statuses.push(answer?.status());
    }
    statuses.sort();
    assert_eq!(statuses[0], StatusCode::OK);
    assert!(statuses[1..].iter().all(|status| *status == StatusCode::PRECONDITION_FAILED), "{statuses:?}");
    Ok(())
}

#[tokio::test]
async fn an_unchanged_object_is_not_sent_twice() -> Outcome {
    let shelf = Shelf::new("unchanged")?;
    shelf.keep("a", b"x").await?;
    let tag = header(&shelf.get("a").await?, "etag").to_owned();
    let url = shelf.bucket.get_object(Some(&shelf.keys), "a").sign(MINUTE);
    let again = shelf.client.get(url).header("if-none-match", tag).send().await?;
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    assert!(again.bytes().await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_list_goes_on_where_its_page_ended() -> Outcome {
    let shelf = Shelf::new("lists")?;
    for n in 0..5 {
        shelf.keep(&format!("users/1/{n}"), b"x").await?;
    }
    shelf.keep("users/2/0", b"x").await?;
    let (mut keys, mut token) = (Vec::new(), None);
    for page in 1..=3 {
        let mut action = shelf.bucket.list_objects_v2(Some(&shelf.keys));
        action.with_prefix("users/1/");
        action.with_max_keys(2);
        if let Some(token) = token.take() {
            action.with_continuation_token(token);
        }
        let text = shelf.client.get(action.sign(MINUTE)).send().await?.text().await?;
        let listed = ListObjectsV2::parse_response(&text).map_err(|error| format!("{error}: {text}"))?;
        keys.extend(listed.contents.into_iter().map(|object| object.key));
        token = listed.next_continuation_token;
        assert_eq!(token.is_some(), page < 3, "page {page}");
    }
    assert_eq!(keys, ["users/1/0", "users/1/1", "users/1/2", "users/1/3", "users/1/4"]);
    Ok(())
}

#[tokio::test]
async fn deleting_is_idempotent_and_leaves_nothing_behind() -> Outcome {
    let shelf = Shelf::new("deletes")?;
    shelf.keep("users/1/a", b"x").await?;
    for _ in 0..2 {
        let url = shelf.bucket.delete_object(Some(&shelf.keys), "users/1/a").sign(MINUTE);
        assert_eq!(shelf.client.delete(url).send().await?.status(), StatusCode::NO_CONTENT);
    }
    assert_eq!(shelf.get("users/1/a").await?.status(), StatusCode::NOT_FOUND);
    Ok(())
}

async fn delete_batch(shelf: &Shelf, count: usize) -> Result<(StatusCode, String), Box<dyn std::error::Error>> {
    let objects: Vec<_> = (0..count).map(|n| ObjectIdentifier::new(format!("k{n}"))).collect();
    let action = shelf.bucket.delete_objects(Some(&shelf.keys), objects.iter());
    let url = action.sign(MINUTE);
    let (body, md5) = action.body_with_md5();
    let answer = shelf.client.post(url).header("content-md5", md5).body(body).send().await?;
    Ok((answer.status(), answer.text().await?))
}

#[tokio::test]
async fn a_batch_deletes_a_thousand_keys_and_not_one_more() -> Outcome {
    let shelf = Shelf::new("batches")?;
    shelf.keep("k0", b"x").await?;
    let (status, body) = delete_batch(&shelf, 1000).await?;
    assert_eq!((status, body.matches("<Deleted>").count()), (StatusCode::OK, 1000));
    assert_eq!(shelf.get("k0").await?.status(), StatusCode::NOT_FOUND);
    let (status, body) = delete_batch(&shelf, 1001).await?;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(body.contains("<Code>MalformedXML</Code>"), "{body}");
    let objects = [ObjectIdentifier::new("k0".into())];
    let action = shelf.bucket.delete_objects(Some(&shelf.keys), objects.iter());
    let url = action.sign(MINUTE);
    let unproved = shelf.client.post(url).body(action.body_with_md5().0).send().await?;
    assert_eq!(unproved.status(), StatusCode::BAD_REQUEST, "a batch needs the checksum of its body");
    Ok(())
}

#[tokio::test]
async fn versions_are_listed_and_deleted_by_their_id() -> Outcome {
    let shelf = Shelf::new("versions")?;
    shelf.keep("users/1/a", b"x").await?;
    let mut action = shelf.bucket.list_objects_v2(Some(&shelf.keys));
    action.query_mut().remove("list-type");
    action.query_mut().insert("versions", "");
    let listed = shelf.client.get(action.sign(MINUTE)).send().await?.text().await?;
    for part in
        ["<ListVersionsResult", "<Key>users/1/a</Key>", "<VersionId>null</VersionId>", "<IsLatest>true</IsLatest>"]
    {
        assert!(listed.contains(part), "{part}: {listed}");
    }
    let mut action = shelf.bucket.delete_object(Some(&shelf.keys), "users/1/a");
    action.query_mut().insert("versionId", "other");
    assert_eq!(shelf.client.delete(action.sign(MINUTE)).send().await?.status(), StatusCode::BAD_REQUEST);
    action.query_mut().insert("versionId", "null");
    assert_eq!(shelf.client.delete(action.sign(MINUTE)).send().await?.status(), StatusCode::NO_CONTENT);
    assert_eq!(shelf.get("users/1/a").await?.status(), StatusCode::NOT_FOUND);
    Ok(())
}

#[tokio::test]
async fn a_page_of_any_origin_may_read_what_it_has_a_url_for_and_nothing_else() -> Outcome {
    let shelf = Shelf::new("cors")?;
    shelf.keep("a", b"x").await?;
    let url = shelf.bucket.get_object(Some(&shelf.keys), "a").sign(MINUTE);
    let got = shelf.client.get(url.clone()).header("origin", "http://localhost:8080").send().await?;
    assert_eq!(header(&got, "access-control-allow-origin"), "*");
    let preflight = |method: &'static str| {
        let request = shelf.client.request(reqwest::Method::OPTIONS, url.clone());
        request.header("origin", "http://localhost:8080").header("access-control-request-method", method).send()
    };
    assert_eq!(preflight("GET").await?.status(), StatusCode::OK);
    assert_eq!(preflight("PUT").await?.status(), StatusCode::FORBIDDEN);
    let unknown =
        Shelf { bucket: Bucket::new(shelf.store.url.parse()?, UrlStyle::Path, "nowhere", "us-east-1")?, ..shelf };
    assert!(unknown.get("a").await?.text().await?.contains("<Code>NoSuchBucket</Code>"));
    assert_eq!(unknown.put("a", &[(SSE, "AES256")], b"x").await?.status(), StatusCode::NOT_FOUND);
    Ok(())
}
