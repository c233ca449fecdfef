//! Buckets that keep versions: what stays when an object is written over or deleted, how it is listed, and how it goes.
use std::time::Duration;

use lapidary_sandbox::faults::Faults;
use lapidary_sandbox::s3::{self, S3};
use reqwest::{Client, Method, Response, StatusCode};
use rusty_s3::actions::{CreateMultipartUpload, ObjectIdentifier};
use rusty_s3::{Bucket, Credentials, S3Action, UrlStyle};

type Failure = Box<dyn std::error::Error>;
type Outcome = Result<(), Failure>;

const MINUTE: Duration = Duration::from_secs(60);
const SSE: (&str, &str) = ("x-amz-server-side-encryption", "AES256");

/// A bucket of its own.
struct Shelf {
    bucket: Bucket,
    keys: Credentials,
    client: Client,
}

/// One line of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    key: String,
    id: String,
    is_latest: bool,
    is_marker: bool,
}

fn text<'a>(xml: &'a str, name: &str) -> &'a str {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    xml.split_once(&open).and_then(|(_, rest)| rest.split_once(&close)).map_or("", |(text, _)| text)
}

fn lines(xml: &str) -> Vec<Line> {
    let mut found = Vec::new();
    for (name, is_marker) in [("Version", false), ("DeleteMarker", true)] {
        let one = |part: &str| Line {
            key: text(part, "Key").to_owned(),
            id: text(part, "VersionId").to_owned(),
            is_latest: text(part, "IsLatest") == "true",
            is_marker,
        };
        found.extend(xml.split(&format!("<{name}>")).skip(1).map(one));
    }
    found
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

impl Shelf {
    /// Keeps no versions yet.
    fn plain(store: &S3, name: &str) -> Result<Self, Failure> {
        store.create_bucket(name)?;
        let bucket = Bucket::new(store.url.parse()?, UrlStyle::Path, name.to_owned(), store.region.clone())?;
        let keys = Credentials::new(&store.access_key, &store.secret_key);
        Ok(Self { bucket, keys, client: Client::new() })
    }

    async fn new(name: &str) -> Result<Self, Failure> {
        let shelf = Self::plain(s3::shared_for_tests(), name)?;
        assert_eq!(shelf.configure("Enabled").await?.status(), StatusCode::OK);
        Ok(shelf)
    }

    /// A request to the bucket itself; its signature is that of another action with the same method, path and query.
    async fn ask(&self, method: Method, query: &[(&'static str, &str)], body: String) -> Result<Response, Failure> {
        let query = query.iter().map(|(name, value)| (*name, (*value).to_owned()));
        let url = if method == Method::PUT {
            let mut action = self.bucket.create_bucket(&self.keys);
            query.for_each(|(name, value)| action.query_mut().insert(name, value));
            action.sign(MINUTE)
        } else {
            let mut action = self.bucket.list_objects_v2(Some(&self.keys));
            action.query_mut().remove("list-type");
            action.query_mut().remove("encoding-type");
            query.for_each(|(name, value)| action.query_mut().insert(name, value));
            action.sign(MINUTE)
        };
        Ok(self.client.request(method, url).body(body).send().await?)
    }

    async fn configure(&self, status: &str) -> Result<Response, Failure> {
        let xml = format!(
            "<VersioningConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Status>{status}</Status></VersioningConfiguration>"
        );
        self.ask(Method::PUT, &[("versioning", "")], xml).await
    }

    /// The id of the new version.
    async fn put(&self, key: &str, content_type: &'static str, body: &str) -> Result<String, Failure> {
        let mut action = self.bucket.put_object(Some(&self.keys), key);
        let headers = [SSE, ("content-type", content_type)];
        for (name, value) in headers {
            action.headers_mut().insert(name, value);
        }
        let mut request = self.client.put(action.sign(MINUTE)).body(body.to_owned());
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let answer = request.send().await?.error_for_status()?;
        Ok(header(&answer, "x-amz-version-id").to_owned())
    }

    async fn get(&self, key: &str) -> Result<(StatusCode, String, String), Failure> {
        let answer = self.client.get(self.bucket.get_object(Some(&self.keys), key).sign(MINUTE)).send().await?;
        let content_type = header(&answer, "content-type").to_owned();
        Ok((answer.status(), content_type, answer.text().await?))
    }

    async fn delete(&self, key: &str, version: Option<&str>) -> Result<Response, Failure> {
        let mut action = self.bucket.delete_object(Some(&self.keys), key);
        if let Some(version) = version {
            action.query_mut().insert("versionId", version.to_owned());
        }
        Ok(self.client.delete(action.sign(MINUTE)).send().await?)
    }

    async fn page(&self, more: &[(&'static str, &str)]) -> Result<String, Failure> {
        let query: Vec<_> = [("versions", "")].iter().chain(more).copied().collect();
        Ok(self.ask(Method::GET, &query, String::new()).await?.text().await?)
    }

    async fn lines(&self) -> Result<Vec<Line>, Failure> {
        Ok(lines(&self.page(&[]).await?))
    }
}

fn ids(lines: &[Line]) -> Vec<&str> {
    lines.iter().map(|line| line.id.as_str()).collect()
}

#[tokio::test]
async fn a_bucket_keeps_versions_when_it_is_told_to_and_does_not_stop() -> Outcome {
    let shelf = Shelf::plain(s3::shared_for_tests(), "told")?;
    let asked = async || -> Result<String, Failure> {
        Ok(shelf.ask(Method::GET, &[("versioning", "")], String::new()).await?.text().await?)
    };
    assert!(!asked().await?.contains("<Status>"));
    assert_eq!(shelf.put("a", "text/plain", "x").await?, "", "without versions there is no id");
    assert_eq!(shelf.configure("Enabled").await?.status(), StatusCode::OK);
    assert_eq!(text(&asked().await?, "Status"), "Enabled");
    assert_eq!(shelf.configure("Suspended").await?.status(), StatusCode::NOT_IMPLEMENTED);
    assert_eq!(text(&asked().await?, "Status"), "Enabled");
    let unknown = Shelf {
        bucket: Bucket::new(shelf.bucket.base_url().join("/")?, UrlStyle::Path, "nowhere", "us-east-1")?,
        ..shelf
    };
    assert_eq!(unknown.configure("Enabled").await?.status(), StatusCode::NOT_FOUND);
    Ok(())
}

#[tokio::test]
async fn what_is_written_over_stays_and_comes_back_when_the_newer_one_is_deleted() -> Outcome {
    let shelf = Shelf::plain(s3::shared_for_tests(), "over")?;
    shelf.put("users/1/a", "image/png", "first").await?;
    shelf.configure("Enabled").await?;
    let second = shelf.put("users/1/a", "image/webp", "second").await?;
    let third = shelf.put("users/1/a", "text/plain", "third").await?;
    assert!(second.len() == 32 && third.len() == 32 && second[..8] != third[..8], "{second} {third}");
    assert_eq!(shelf.get("users/1/a").await?.2, "third");
    let listed = shelf.lines().await?;
    assert_eq!(ids(&listed), [third.as_str(), second.as_str(), "null"], "the newest first");
    assert_eq!(listed.iter().map(|line| line.is_latest).collect::<Vec<_>>(), [true, false, false]);
    // One in the middle is nobody's business.
    assert_eq!(shelf.delete("users/1/a", Some(&second)).await?.status(), StatusCode::NO_CONTENT);
    assert_eq!(shelf.get("users/1/a").await?.2, "third");
    let gone = shelf.delete("users/1/a", Some(&third)).await?;
    assert_eq!((header(&gone, "x-amz-version-id"), header(&gone, "x-amz-delete-marker")), (third.as_str(), ""));
    assert_eq!(shelf.get("users/1/a").await?, (StatusCode::OK, "image/png".into(), "first".into()));
    assert_eq!(shelf.lines().await?.iter().map(|line| line.is_latest).collect::<Vec<_>>(), [true]);
    shelf.delete("users/1/a", Some("null")).await?;
    assert_eq!(shelf.get("users/1/a").await?.0, StatusCode::NOT_FOUND);
    assert_eq!(shelf.lines().await?, []);
    Ok(())
}

#[tokio::test]
async fn a_deletion_leaves_a_mark_and_whoever_deletes_the_mark_has_the_object_back() -> Outcome {
    let shelf = Shelf::new("marks").await?;
    let first = shelf.put("a", "image/png", "first").await?;
    let gone = shelf.delete("a", None).await?;
    assert_eq!((gone.status(), header(&gone, "x-amz-delete-marker")), (StatusCode::NO_CONTENT, "true"));
    let mark = header(&gone, "x-amz-version-id").to_owned();
    assert!(!mark.is_empty() && mark != first);
    assert_eq!(shelf.get("a").await?.0, StatusCode::NOT_FOUND);
    let head = shelf.bucket.head_object(Some(&shelf.keys), "a").sign(MINUTE);
    assert_eq!(shelf.client.head(head).send().await?.status(), StatusCode::NOT_FOUND);
    let plain = shelf.bucket.list_objects_v2(Some(&shelf.keys)).sign(MINUTE);
    assert!(!shelf.client.get(plain).send().await?.text().await?.contains("<Key>"));
    let line = |id: &str, is_latest, is_marker| Line { key: "a".into(), id: id.into(), is_latest, is_marker };
    assert_eq!(shelf.lines().await?, [line(&first, false, false), line(&mark, true, true)]);
    let undone = shelf.delete("a", Some(&mark)).await?;
    assert_eq!((header(&undone, "x-amz-delete-marker"), header(&undone, "x-amz-version-id")), ("true", mark.as_str()));
    assert_eq!(shelf.get("a").await?, (StatusCode::OK, "image/png".into(), "first".into()));
    assert_eq!(shelf.lines().await?, [line(&first, true, false)]);
    Ok(())
}

#[tokio::test]
async fn deleting_what_is_not_there_leaves_a_mark_too_and_what_never_was_a_version_is_refused() -> Outcome {
    let shelf = Shelf::new("nothing-there").await?;
    for _ in 0..2 {
        assert_eq!(shelf.delete("a/b", None).await?.status(), StatusCode::NO_CONTENT);
    }
    let listed = shelf.lines().await?;
    assert_eq!(
        listed.iter().map(|line| (line.is_marker, line.is_latest)).collect::<Vec<_>>(),
        [(true, true), (true, false)]
    );
    for line in &listed {
        // Idempotent.
        for _ in 0..2 {
            assert_eq!(shelf.delete("a/b", Some(&line.id)).await?.status(), StatusCode::NO_CONTENT);
        }
    }
    assert_eq!(shelf.lines().await?, []);
    assert_eq!(shelf.delete("a/b", Some("other")).await?.status(), StatusCode::BAD_REQUEST);
    Ok(())
}

#[tokio::test]
async fn a_batch_deletes_versions_by_their_id_and_marks_the_others() -> Outcome {
    let shelf = Shelf::new("batch-of-versions").await?;
    let (old, new) = (shelf.put("a", "text/plain", "old").await?, shelf.put("a", "text/plain", "new").await?);
    shelf.put("b", "text/plain", "b").await?;
    let identified = |key: &str, id: Option<&str>| {
        let mut object = ObjectIdentifier::new(key.to_owned());
        object.version_id = id.map(str::to_owned);
        object
    };
    let objects = [identified("a", Some(&new)), identified("b", None)];
    let action = shelf.bucket.delete_objects(Some(&shelf.keys), objects.iter());
    let url = action.sign(MINUTE);
    let (body, md5) = action.body_with_md5();
    let answer = shelf.client.post(url).header("content-md5", md5).body(body).send().await?.text().await?;
    assert_eq!(answer.matches("<Deleted>").count(), 2, "{answer}");
    assert!(answer.contains(&format!("<VersionId>{new}</VersionId>")), "{answer}");
    let mark = text(&answer, "DeleteMarkerVersionId").to_owned();
    assert_eq!((shelf.get("a").await?.2, shelf.get("b").await?.0), ("old".to_owned(), StatusCode::NOT_FOUND));
    let listed = shelf.lines().await?;
    let told: Vec<_> = listed.iter().map(|line| (line.key.as_str(), line.is_latest, line.is_marker)).collect();
    assert_eq!(told, [("a", true, false), ("b", false, false), ("b", true, true)]);
    assert_eq!((listed[0].id.as_str(), listed[2].id.as_str()), (old.as_str(), mark.as_str()));
    Ok(())
}

#[tokio::test]
async fn a_list_of_versions_goes_on_within_a_key_even_where_the_page_before_was_deleted() -> Outcome {
    let shelf = Shelf::new("pages-of-versions").await?;
    for key in ["users/1/a", "users/1/b", "users/2/a"] {
        for n in 0..3 {
            shelf.put(key, "text/plain", &n.to_string()).await?;
        }
        shelf.delete(key, None).await?;
    }
    shelf.put("users/1/c/d", "text/plain", "x").await?;
    let all = shelf.lines().await?;
    assert_eq!(all.len(), 13);
    let mut marker = (String::new(), String::new());
    let (mut seen, mut sizes) = (Vec::new(), Vec::new());
    loop {
        let mut query = vec![("prefix", "users/1/"), ("max-keys", "3")];
        if !marker.0.is_empty() {
            query.extend([("key-marker", marker.0.as_str()), ("version-id-marker", marker.1.as_str())]);
        }
        let page = shelf.page(&query).await?;
        let found = lines(&page);
        sizes.push(found.len());
        for line in &found {
            shelf.delete(&line.key, Some(&line.id)).await?;
        }
        seen.extend(found);
        if text(&page, "IsTruncated") != "true" {
            break;
        }
        marker = (text(&page, "NextKeyMarker").to_owned(), text(&page, "NextVersionIdMarker").to_owned());
    }
    // Marks count as versions do.
    assert_eq!(sizes, [3, 3, 3]);
    let of_one = |lines: &[Line]| {
        let mut ids: Vec<_> =
            lines.iter().filter(|line| line.key.starts_with("users/1/")).map(|line| line.id.clone()).collect();
        ids.sort();
        ids
    };
    assert_eq!(of_one(&seen), of_one(&all));
    let left = shelf.lines().await?;
    assert_eq!(left.len(), 4);
    assert!(left.iter().all(|line| line.key == "users/2/a"), "another folder is as it was");
    let alone = shelf.page(&[("version-id-marker", left[0].id.as_str())]).await?;
    assert_eq!(text(&alone, "Code"), "InvalidArgument");
    let folders = shelf.page(&[("delimiter", "/")]).await?;
    assert_eq!((lines(&folders).len(), text(&folders, "CommonPrefixes")), (0, "<Prefix>users/</Prefix>"));
    Ok(())
}

#[tokio::test]
async fn copies_and_uploads_in_parts_keep_the_version_before_them() -> Outcome {
    let shelf = Shelf::new("copies-and-parts").await?;
    let first = shelf.put("a", "image/png", "first").await?;
    let other = shelf.put("b", "image/webp", "other").await?;
    let mut copy = shelf.bucket.put_object(Some(&shelf.keys), "a");
    let headers = [SSE, ("x-amz-copy-source", "/copies-and-parts/b")];
    headers.iter().for_each(|(name, value)| copy.headers_mut().insert(*name, *value));
    let mut request = shelf.client.put(copy.sign(MINUTE));
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let copied = header(&request.send().await?.error_for_status()?, "x-amz-version-id").to_owned();
    assert_eq!(shelf.get("a").await?, (StatusCode::OK, "image/webp".into(), "other".into()));
    let mut begin = shelf.bucket.create_multipart_upload(Some(&shelf.keys), "a");
    let headers = [SSE, ("content-type", "application/zip")];
    headers.iter().for_each(|(name, value)| begin.headers_mut().insert(*name, *value));
    let mut request = shelf.client.post(begin.sign(MINUTE));
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let begun = request.send().await?.error_for_status()?.text().await?;
    let upload = CreateMultipartUpload::parse_response(&begun).map_err(|error| format!("{error}: {begun}"))?;
    let part = shelf.bucket.upload_part(Some(&shelf.keys), "a", 1, upload.upload_id()).sign(MINUTE);
    let part = shelf.client.put(part).body("parts").send().await?;
    let tag = header(&part, "etag").to_owned();
    let end =
        shelf.bucket.complete_multipart_upload(Some(&shelf.keys), "a", upload.upload_id(), [tag.as_str()].into_iter());
    let url = end.sign(MINUTE);
    let ended = shelf.client.post(url).body(end.body()).send().await?;
    let whole = header(&ended, "x-amz-version-id").to_owned();
    let body = ended.text().await?;
    assert_eq!((text(&body, "Bucket"), text(&body, "Key")), ("copies-and-parts", "a"), "{body}");
    assert_eq!(shelf.get("a").await?, (StatusCode::OK, "application/zip".into(), "parts".into()));
    assert_eq!(ids(&shelf.lines().await?), [whole.as_str(), copied.as_str(), first.as_str(), other.as_str()]);
    shelf.delete("a", Some(&whole)).await?;
    assert_eq!(shelf.get("a").await?, (StatusCode::OK, "image/webp".into(), "other".into()));
    let uploads = shelf.ask(Method::GET, &[("uploads", "")], String::new()).await?.text().await?;
    assert!(!uploads.contains("<Upload>"), "{uploads}");
    Ok(())
}

#[tokio::test]
async fn bytes_that_do_not_match_their_checksum_leave_the_version_before_them_alone() -> Outcome {
    let shelf = Shelf::new("checksums-of-versions").await?;
    let kept = shelf.put("a", "text/plain", "kept").await?;
    for (more, status) in [
        (("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg=="), StatusCode::BAD_REQUEST),
        (("if-none-match", "*"), StatusCode::PRECONDITION_FAILED),
    ] {
        let mut action = shelf.bucket.put_object(Some(&shelf.keys), "a");
        [SSE, more].iter().for_each(|(name, value)| action.headers_mut().insert(*name, *value));
        let request = shelf.client.put(action.sign(MINUTE)).header(SSE.0, SSE.1).header(more.0, more.1).body("wrong");
        assert_eq!(request.send().await?.status(), status);
    }
    assert_eq!(shelf.get("a").await?.2, "kept");
    assert_eq!(ids(&shelf.lines().await?), [kept.as_str()]);
    Ok(())
}

#[tokio::test]
async fn versions_survive_a_restart_and_are_no_buckets() -> Outcome {
    let folder = std::env::temp_dir().join(format!("lapidary-test-versions-{}", uuid::Uuid::now_v7().simple()));
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    let mut store = s3::start(listener, folder.clone(), Faults::default()).await?;
    let shelf = Shelf::plain(&store, "restarted")?;
    shelf.configure("Enabled").await?;
    // As long as keys get.
    let key = "k".repeat(150);
    shelf.put(&key, "image/png", "first").await?;
    let second = shelf.put(&key, "image/webp", "second").await?;
    shelf.delete(&key, None).await?;
    let before = shelf.lines().await?;
    store.restart_after(Duration::ZERO).await?;
    assert_eq!(shelf.lines().await?, before);
    let third = shelf.put(&key, "image/png", "third").await?;
    let mark = before.iter().find(|line| line.is_marker).map(|line| line.id.clone()).unwrap_or_default();
    for newer in [third, mark] {
        shelf.delete(&key, Some(&newer)).await?;
    }
    assert_eq!(shelf.get(&key).await?, (StatusCode::OK, "image/webp".into(), "second".into()));
    assert_eq!(shelf.lines().await?[0].id, second);
    for hidden in [".versions", ".staged"] {
        assert!(folder.join(hidden).is_dir());
        let bucket = Bucket::new(store.url.parse()?, UrlStyle::Path, hidden, store.region.clone())?;
        let asked = bucket.list_objects_v2(Some(&shelf.keys)).sign(MINUTE);
        assert_eq!(shelf.client.get(asked).send().await?.status(), StatusCode::BAD_REQUEST, "{hidden}");
    }
    let _ = std::fs::remove_dir_all(&folder);
    Ok(())
}
