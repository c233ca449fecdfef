//! Uploads: what is taken, what is made of it, what is refused, and that many large ones at once hold no more than a few.
use std::io::Cursor;

use actix_web::web::Bytes;
use chrono::TimeDelta;
use futures_util::future::join_all;
use image::{DynamicImage, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};
use lapidary::images::orphans;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::harness::{self, Answer, Person, TestApp};
use crate::process::Process;

impl Person<'_> {
    pub async fn upload(&self, query: &str, kind: &str, bytes: &[u8]) -> Answer {
        let request = self.request(Method::POST, &format!("/v1/references{query}"));
        Answer::of(request.header("Content-Type", kind).body(bytes.to_vec()).send().await).await
    }

    /// The id of a picture of this size, of another look for each number.
    pub async fn reference(&self, width: u32, height: u32, number: u32) -> String {
        let bytes = written(picture(width, height, number), ImageFormat::Png);
        let answer = self.upload("", "image/png", &bytes).await.expect_status(201);
        answer.json()["id"].as_str().expect("an id").to_owned()
    }
}

pub fn picture(width: u32, height: u32, number: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| Rgb([(x * 7 + number) as u8, (y * 5) as u8, (x + y) as u8]))
}

pub fn written(picture: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Vec::new();
    picture.into().write_to(&mut Cursor::new(&mut bytes), format).expect("written");
    bytes
}

/// Transparent left of the middle.
pub fn mask(width: u32, height: u32) -> Vec<u8> {
    let pixels = RgbaImage::from_fn(width, height, |x, _| Rgba([0, 0, 0, if x < width / 2 { 0 } else { 255 }]));
    written(pixels, ImageFormat::Png)
}

/// A JPEG as a phone writes it: lying on its side, with the place where it was taken.
fn photograph() -> Vec<u8> {
    let mut exif = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x02\x01\x12\0\x03\0\0\0\x01\0\x06\0\0".to_vec();
    exif.extend_from_slice(b"\x88\x25\0\x04\0\0\0\x01\0\0\0\x26\0\0\0\0");
    exif.extend_from_slice(b"\0\x02\0\x01\0\x02\0\0\0\x02N\0\0\0\0\x02\0\x05\0\0\0\x03\0\0\0\x44\0\0\0\0");
    exif.extend_from_slice(b"\0\0\0\x30\0\0\0\x01\0\0\0\x08\0\0\0\x01\0\0\0\0\0\0\0\x01GPSSECRET");
    let plain = written(picture(64, 32, 0), ImageFormat::Jpeg);
    let length = u16::try_from(exif.len() + 2).expect("short").to_be_bytes();
    [&plain[..2], b"\xff\xe1", &length, &exif, &plain[2..]].concat()
}

fn holds(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}

async fn keys(app: &TestApp) -> Vec<String> {
    let page = app.app.store.list("users/", None, 1_000).await.expect("a list");
    page.objects.into_iter().map(|listed| listed.object.key).filter(|key| key.contains("/references/")).collect()
}

#[actix_web::test]
async fn a_photograph_is_kept_upright_without_what_the_camera_wrote_and_once() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let photograph = photograph();
    assert!(holds(&photograph, b"GPSSECRET"));
    let answer = person.upload("", "image/jpeg", &photograph).await.expect_status(201);
    let kept = answer.json();
    let id = kept["id"].as_str().expect("an id");
    assert_eq!(answer.header("location"), format!("/v1/references/{id}"));
    assert_eq!((kept["width"].as_u64(), kept["height"].as_u64()), (Some(32), Some(64)));
    let original = person.browser.get(kept["url"].as_str().expect("a url")).await.expect_status(200);
    assert_eq!(original.header("x-amz-server-side-encryption"), "AES256");
    assert_eq!(original.body.len(), usize::try_from(kept["bytes"].as_u64().expect("bytes")).expect("few"));
    for gone in [&b"SECRET"[..], b"Exif"] {
        assert!(!holds(&original.body, gone));
    }
    let thumbnail = person.browser.get(kept["thumbnail_url"].as_str().expect("a url")).await.expect_status(200);
    assert_eq!(thumbnail.header("content-type"), "image/webp");
    let again = person.upload("", "image/jpeg", &photograph).await.expect_status(200).json();
    assert_eq!((again["id"].as_str(), keys(&app).await.len()), (Some(id), 2));
    let list = person.get("/v1/references").await.expect_status(200).json();
    assert_eq!((list["data"].as_array().map(Vec::len), &list["data"][0]["id"]), (Some(1), &kept["id"]));
    person.delete(&format!("/v1/references/{id}")).await.expect_status(204);
    person.delete(&format!("/v1/references/{id}")).await.expect_problem(404, "not-found");
    person.get(&format!("/v1/references/{id}")).await.expect_problem(404, "not-found");
    assert_eq!(keys(&app).await, Vec::<String>::new(), "its objects are gone");
    let back = person.upload("", "image/jpeg", &photograph).await.expect_status(201).json();
    assert_eq!(back["id"].as_str(), Some(id), "what was deleted comes back as itself");
    person.browser.get(back["url"].as_str().expect("a url")).await.expect_status(200);
}

#[actix_web::test]
async fn a_list_is_paged_and_shows_no_masks_and_nothing_of_others() {
    let app = harness::start().await;
    let (person, stranger) = (app.person("Ada Lovelace").await, app.person("Grace Hopper").await);
    for number in 0..3 {
        person.reference(40, 30, number).await;
    }
    let mask_id = person.upload("?purpose=mask", "image/png", &mask(40, 30)).await.expect_status(201).json();
    person.get(&format!("/v1/references/{}", mask_id["id"].as_str().expect("an id"))).await.expect_status(200);
    let first = person.get("/v1/references?limit=2").await.expect_status(200).json();
    let cursor = first["next_cursor"].as_str().expect("a cursor");
    let rest = person.get(&format!("/v1/references?limit=2&cursor={cursor}")).await.expect_status(200).json();
    let count = |page: &Value| page["data"].as_array().map_or(0, Vec::len);
    assert_eq!((count(&first), count(&rest), rest["next_cursor"].is_null()), (2, 1, true));
    assert_eq!(count(&stranger.get("/v1/references").await.json()), 0);
    // The same file of somebody else is somebody else's.
    let theirs = written(picture(40, 30, 0), ImageFormat::Png);
    stranger.upload("", "image/png", &theirs).await.expect_status(201);
}

#[actix_web::test]
async fn of_many_masks_the_newest_stay_and_of_uploads_there_is_a_limit() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let kept = person.reference(40, 30, 0).await;
    // As if so many had been uploaded before.
    let fill = "insert into reference_images select gen_random_uuid(), person_id, object_prefix, extension, content_type, bytes,
        width, height, thumbhash, $1, sha256(n::text::bytea), created_at - n * interval '1 hour', null
        from reference_images, generate_series(1, $2) n where id = $3::uuid";
    for (is_mask, count) in [(true, 100), (false, 499)] {
        let filled = sqlx::query(fill).bind(is_mask).bind(count).bind(&kept).execute(&mut app.sql().await).await;
        filled.expect("filled");
    }
    let alive = "select count(*) from reference_images where is_mask and deleted_at is null";
    person.upload("?purpose=mask", "image/png", &mask(40, 30)).await.expect_status(201);
    let masks: i64 = sqlx::query_scalar(alive).fetch_one(&mut app.sql().await).await.expect("a count");
    assert_eq!(masks, 100);
    let problem = person.upload("", "image/png", &written(picture(40, 30, 9), ImageFormat::Png)).await;
    assert_eq!(problem.expect_problem(422, "invalid")["errors"][0]["code"], "too_many");
}

#[actix_web::test]
async fn the_sweep_knows_uploads_and_takes_what_none_names() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let (stays, deleted) = (person.reference(40, 30, 0).await, person.reference(40, 30, 1).await);
    let sql = "update reference_images set deleted_at = now() where id = $1::uuid returning object_prefix";
    let prefix: String = sqlx::query_scalar(sql).bind(&deleted).fetch_one(&mut app.sql().await).await.expect("a row");
    let stray = format!("{}/{}/original.png", prefix.rsplit_once('/').expect("a folder").0, uuid::Uuid::now_v7());
    app.app.store.put(&stray, vec![1_u8], "image/png").await.expect("stored");
    let body = json!({"prompt": "A fox", "quality": "low", "references": [{"reference_id": stays}]});
    let waiting = person.submit(&body).await.expect_status(202).json();
    app.app.clock.advance(TimeDelta::days(2));
    orphans::sweep(&app.app, false).await.expect("a sweep").expect("a report");
    assert_eq!(keys(&app).await.len(), 4, "what unfinished work may be made from stays, although it is deleted");
    let id = waiting["id"].as_str().expect("an id");
    app.openai.only_sketch();
    app.work().await;
    let status: String = sqlx::query_scalar("select status from generations where id = $1::uuid")
        .bind(id)
        .fetch_one(&mut app.sql().await)
        .await
        .expect("a row");
    assert_eq!(status, "succeeded");
    app.app.clock.advance(TimeDelta::days(2));
    orphans::sweep(&app.app, false).await.expect("a sweep").expect("a report");
    let left = keys(&app).await;
    assert_eq!((left.len(), left.iter().any(|key| key.starts_with(&prefix))), (2, false), "{left:?}");
}

/// A PNG of this size, as its header says; there are no pixels in it.
fn only_a_header(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = written(picture(1, 1, 0), ImageFormat::Png);
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    let sum = crc(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&sum.to_be_bytes());
    bytes
}

fn crc(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
        }
    }
    !crc
}

#[actix_web::test]
async fn what_is_no_plain_picture_is_refused_and_leaves_nothing() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let (png, jpeg) = (written(picture(30, 20, 0), ImageFormat::Png), written(picture(30, 20, 0), ImageFormat::Jpeg));
    let webp = written(picture(30, 20, 0), ImageFormat::WebP);
    let moving = [&png[..33], b"\0\0\0\x08acTL\0\0\0\x02\0\0\0\0\0\0\0\0", &png[33..]].concat();
    let (zip, page) = (&b"PK\x03\x04\x14\0zip"[..], &b"<html><script>alert(1)</script></html>"[..]);
    for (bytes, code) in [
        (only_a_header(50_000, 50_000), "too_large"),
        (only_a_header(16_385, 1), "too_large"),
        (only_a_header(8_000, 8_000), "too_large"),
        ([&jpeg, zip].concat(), "has_more"),
        ([&png, page].concat(), "has_more"),
        ([&webp, zip].concat(), "has_more"),
        (moving, "animated"),
        (png[..png.len() / 2].to_vec(), "unreadable"),
        (jpeg[..jpeg.len() - 4].to_vec(), "unreadable"),
    ] {
        let problem = person.upload("", "image/png", &bytes).await.expect_problem(422, "invalid");
        assert_eq!((&problem["errors"][0]["code"], &problem["errors"][0]["pointer"]), (&code.into(), &"".into()));
    }
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>";
    for bytes in [&b"GIF89a\x01\0\x01\0"[..], svg, page, b"%PDF-1.7", zip, b""] {
        person.upload("", "image/png", bytes).await.expect_problem(415, "unsupported-media-type");
    }
    for kind in ["image/gif", "application/json", "multipart/form-data; boundary=x", ""] {
        person.upload("", kind, &png).await.expect_problem(415, "unsupported-media-type");
    }
    person.upload("?purpose=avatar", "image/png", &png).await.expect_problem(400, "malformed-request");
    for bytes in [&png[..], &jpeg] {
        let problem = person.upload("?purpose=mask", "image/png", bytes).await.expect_problem(422, "invalid");
        assert_eq!(problem["errors"][0]["code"], "not_a_mask");
    }
    assert_eq!(keys(&app).await, Vec::<String>::new());
    // What the header says of the type is not believed, and a wrong one of a picture we take harms nothing.
    let kept = person.upload("", "image/png", &jpeg).await.expect_status(201).json();
    assert_eq!(kept["content_type"], "image/jpeg");
}

/// Sends what it likes, as no client would, and gives the first line of the answer.
async fn raw(app: &TestApp, head: &str, body: &[u8], ends: bool) -> String {
    let mut line = tokio::net::TcpStream::connect(app.url.trim_start_matches("http://")).await.expect("a line");
    line.write_all(head.as_bytes()).await.expect("sent");
    // The answer may come before all of it was sent.
    let _ = line.write_all(body).await;
    if ends {
        let _ = line.shutdown().await;
    }
    let mut answer = vec![0; 64];
    let length = line.read(&mut answer).await.unwrap_or(0);
    String::from_utf8_lossy(&answer[..length]).lines().next().unwrap_or_default().to_owned()
}

#[actix_web::test]
async fn too_much_is_refused_before_it_is_held_and_a_body_that_breaks_off_is_none() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let head = |query: &str, length: &str| {
        format!(
            "POST /v1/references{query} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: image/png\r\n{length}\r\n\r\n",
            person.token
        )
    };
    let said = raw(&app, &head("", "Content-Length: 50000000"), b"\x89PNG", false).await;
    assert!(said.contains(" 413 "), "{said}");
    let said = raw(&app, &head("?purpose=mask", "Content-Length: 4000000"), b"\x89PNG", false).await;
    assert!(said.contains(" 413 "), "{said}");
    // Nobody says how much is coming: it ends where the limit is.
    let mut chunks = Vec::new();
    for _ in 0..5 {
        chunks.extend_from_slice(b"f4240\r\n");
        chunks.extend_from_slice(&vec![7; 1_000_000]);
        chunks.extend_from_slice(b"\r\n");
    }
    let said = raw(&app, &head("?purpose=mask", "Transfer-Encoding: chunked"), &chunks, false).await;
    assert!(said.contains(" 413 "), "{said}");
    let picture = written(picture(30, 20, 0), ImageFormat::Png);
    let said = raw(&app, &head("", &format!("Content-Length: {}", picture.len())), &picture[..100], true).await;
    assert!(said.is_empty() || said.contains(" 400 "), "{said}");
    assert_eq!(keys(&app).await, Vec::<String>::new());
    person.upload("", "image/png", &picture).await.expect_status(201);
}

/// Noise, which no format makes smaller.
fn large() -> Bytes {
    let mut state = 0x2545_f491_u32;
    let noise = RgbImage::from_fn(4_060, 4_060, |_, _| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        let [red, green, blue, _] = state.to_be_bytes();
        Rgb([red, green, blue])
    });
    written(noise, ImageFormat::Png).into()
}

/// The same picture as another file, which is held once however often it is sent.
fn with_a_note(file: &Bytes, number: u32) -> (usize, reqwest::Body) {
    let mut chunk = b"tEXtNumber\0".to_vec();
    chunk.extend_from_slice(&number.to_be_bytes().map(|byte| byte % 10 + b'0'));
    let length = u32::try_from(chunk.len() - 4).expect("short").to_be_bytes();
    let sum = crc(&chunk).to_be_bytes();
    let pieces = [file.slice(..33), [&length[..], &chunk, &sum].concat().into(), file.slice(33..)];
    let length = pieces.iter().map(Bytes::len).sum();
    (length, reqwest::Body::wrap_stream(futures_util::stream::iter(pieces.map(Ok::<_, std::io::Error>))))
}

fn peak_megabytes(process: &Process) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).expect("a status");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("a peak");
    line.split_whitespace().nth(1).and_then(|kilobytes| kilobytes.parse::<u64>().ok()).expect("a number") / 1024
}

#[actix_web::test]
async fn sixteen_of_the_largest_at_once_are_taken_in_turns_within_bounds() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let process = Process::serve(&app, &[]).await;
    let (before, file, client) = (peak_megabytes(&process), large(), reqwest::Client::new());
    assert!((49_000_000..49_999_000).contains(&file.len()), "{}", file.len());
    let sent = (0..16).map(|number| {
        let (length, body) = with_a_note(&file, number);
        let request = client.post(format!("{}/v1/references", process.url)).bearer_auth(&person.token);
        request.header("Content-Type", "image/png").header("Content-Length", length).body(body).send()
    });
    // Whoever waits too long is told to come again, which not every client hears while it sends.
    let statuses: Vec<u16> =
        join_all(sent).await.into_iter().map(|answer| answer.map_or(503, |answer| answer.status().as_u16())).collect();
    // A client that lost its connection sends the file again, and finds it there.
    let taken = statuses.iter().filter(|status| matches!(status, 200 | 201)).count();
    assert!(taken >= 1 && statuses.iter().all(|status| matches!(status, 200 | 201 | 503)), "{statuses:?}");
    let peak = peak_megabytes(&process);
    println!("peak {peak} MB, {before} MB before; {taken} of 16 at once");
    assert!(peak < 500, "{peak} MB");
}
