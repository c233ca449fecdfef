//! The sender itself against names and receivers that mean no good: through its own client, which is what sends.
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

use super::*;
use crate::http::public::tests::{SPELLINGS, answering};

/// Whoever hangs makes a test fail, and not wait for ever.
const FAR_TOO_LONG: Duration = Duration::from_secs(20);

fn at(port: u16, scheme: &str, host: &str) -> Url {
    Url::parse(&format!("{scheme}://{host}:{port}/hook")).expect("a URL")
}

async fn post(sender: &Sender, url: &Url) -> Result<Answered, FetchError> {
    let sent = sender.post(url, HeaderMap::new(), b"{}".to_vec());
    tokio::time::timeout(FAR_TOO_LONG, sent).await.expect("it came back")
}

/// A port on which each connection is handed to this; and how many there were.
fn listen(with: fn(TcpStream)) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let came = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&came);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            count.fetch_add(1, Ordering::Relaxed);
            std::thread::spawn(move || with(stream));
        }
    });
    (port, came)
}

/// Until the request is there.
fn hear(stream: &mut impl Read) -> Vec<u8> {
    let (mut heard, mut piece) = (Vec::new(), [0; 4096]);
    while !heard.ends_with(b"{}") {
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => break,
            Ok(count) => heard.extend_from_slice(&piece[..count]),
        }
    }
    heard
}

#[tokio::test]
async fn nothing_is_sent_to_an_address_that_is_not_public_however_it_is_spelt() {
    // If anything were looked up it would be public, so that nothing but the spelling is judged here.
    let (resolver, asked) = answering(&[&["8.8.8.8"]]);
    let sender = Sender::new(Reach::Public(resolver), Duration::from_secs(1)).expect("a sender");
    let parsed: Vec<Url> = SPELLINGS.iter().filter_map(|spelling| Url::parse(spelling).ok()).collect();
    assert!(parsed.len() >= 60, "only {} of {} are URLs at all", parsed.len(), SPELLINGS.len());
    for url in &parsed {
        let refused = post(&sender, url).await.err();
        assert!(matches!(refused, Some(FetchError::NotReachable(NotReachable::NotPublic))), "{url}: {refused:?}");
    }
    assert_eq!(asked.load(Ordering::Relaxed), 0, "not even a name server hears of them");
}

#[tokio::test]
async fn a_name_that_was_public_when_it_was_written_down_is_judged_again_when_it_is_sent_to() {
    let (port, came) = listen(|_| {});
    let sender = |answers: &[&[&str]]| {
        let (resolver, asked) = answering(answers);
        (Sender::new(Reach::Public(resolver), Duration::from_millis(500)).expect("a sender"), asked)
    };
    let url = at(port, "https", "rebinding.example");
    let (changing, asked) = sender(&[&["8.8.8.8"], &["127.0.0.1"]]);
    assert!(changing.check(&url).is_ok() && changing.resolves(&url).await.is_ok());
    for _ in 0..2 {
        let refused = post(&changing, &url).await.err();
        assert!(matches!(refused, Some(FetchError::NotReachable(NotReachable::NotPublic))), "{refused:?}");
    }
    assert_eq!(asked.load(Ordering::Relaxed), 3, "once when it was written down, once each time it is sent to");
    let (mixed, _) = sender(&[&["8.8.8.8", "127.0.0.1"]]);
    let refused = post(&mixed, &url).await.err();
    assert!(matches!(refused, Some(FetchError::NotReachable(NotReachable::NotPublic))), "{refused:?}");
    // What was judged is what is connected to: a second look-up would lead here.
    let (pinned, asked) = sender(&[&["192.0.9.1"], &["127.0.0.1"]]);
    let failed = post(&pinned, &url).await.err();
    assert!(matches!(failed, Some(FetchError::Http(_))), "{failed:?}");
    assert_eq!((asked.load(Ordering::Relaxed), came.load(Ordering::Relaxed)), (1, 0));
}

#[tokio::test]
async fn a_receiver_that_drips_its_header_is_left_when_its_time_is_over() {
    let (port, _) = listen(|mut stream| {
        hear(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n");
        while stream.write_all(b"x: y\r\n").is_ok() {
            std::thread::sleep(Duration::from_millis(100));
        }
    });
    let sender = Sender::new(Reach::Anywhere, Duration::from_millis(500)).expect("a sender");
    let late = post(&sender, &at(port, "http", "127.0.0.1")).await.err();
    assert!(matches!(&late, Some(FetchError::Http(error)) if error.is_timeout() && !error.is_connect()), "{late:?}");
}

#[tokio::test]
async fn of_an_answer_that_never_ends_little_is_read_and_not_for_long() {
    static WRITTEN: AtomicUsize = AtomicUsize::new(0);
    let sender = Sender::new(Reach::Anywhere, Duration::from_secs(60)).expect("a sender");
    let (endless, _) = listen(|mut stream| {
        hear(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 999999999999\r\n\r\n");
        let piece = vec![b'x'; 65_536];
        while stream.write_all(&piece).is_ok() {
            WRITTEN.fetch_add(piece.len(), Ordering::Relaxed);
        }
    });
    assert_eq!(post(&sender, &at(endless, "http", "127.0.0.1")).await.expect("an answer").status, 200);
    // What lies in the buffers of the connection is written, and never read.
    let written = WRITTEN.load(Ordering::Relaxed);
    assert!(written < 16 << 20, "{written} bytes were taken");
    let (dripping, _) = listen(|mut stream| {
        hear(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 4000\r\n\r\n");
        while stream.write_all(b"x").is_ok() {
            std::thread::sleep(Duration::from_millis(100));
        }
    });
    let began = Instant::now();
    assert_eq!(post(&sender, &at(dripping, "http", "127.0.0.1")).await.expect("an answer").status, 202);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[tokio::test]
async fn no_connection_is_used_twice_since_its_address_was_judged_for_one_sending() {
    let (port, came) = listen(|mut stream| {
        while hear(&mut stream).ends_with(b"{}") && stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").is_ok() {}
    });
    let sender = Sender::new(Reach::Anywhere, Duration::from_secs(5)).expect("a sender");
    for count in 1..=3 {
        assert_eq!(post(&sender, &at(port, "http", "127.0.0.1")).await.expect("an answer").status, 204);
        assert_eq!(came.load(Ordering::Relaxed), count);
    }
}

/// Self-signed, for `localhost`, until 2126.
const CERTIFICATE: &str = "MIIBljCCATugAwIBAgIUAU8YeF/DL8XmboxRu1G8NCfaYnAwCgYIKoZIzj0EAwIwFDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2\
    MTEzMDExNTYzN1oYDzIxMjYxMTA2MTE1NjM3WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC\
    AAR2le8CLhj7c11+f2QXxw4YBn9s4cQiUunx6q/wvS7ljunJQPoc0bafgT71Px6vl0bK+qABMab5MHH2ISTv57dZo2kwZzAdBgNV\
    HQ4EFgQUjtqc9TgG7rQVXQ1QWmAqslTgBKowHwYDVR0jBBgwFoAUjtqc9TgG7rQVXQ1QWmAqslTgBKowDwYDVR0TAQH/BAUwAwEB\
    /zAUBgNVHREEDTALgglsb2NhbGhvc3QwCgYIKoZIzj0EAwIDSQAwRgIhANqZ76HTik3t2jdBUo45Whhyf5bXeHWBB/eEu32RI54o\
    AiEAsOzBZih5odRCnU4Lj1VDtRZmGGEOPJWYkC/G+IZV9h4=";
const KEY: &str = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQghB+Rd2xBnFMHyNLoqzboDkqIDPLyJ7HmUMMCbfKLn1GhRANCAAR2\
    le8CLhj7c11+f2QXxw4YBn9s4cQiUunx6q/wvS7ljunJQPoc0bafgT71Px6vl0bK+qABMab5MHH2ISTv57dZ";

fn tls() -> Arc<rustls::ServerConfig> {
    let der = |text: &str| STANDARD.decode(text).expect("base64");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let key = PrivatePkcs8KeyDer::from(der(KEY));
    let config = config.expect("versions").with_no_client_auth();
    Arc::new(config.with_single_cert(vec![CertificateDer::from(der(CERTIFICATE))], key.into()).expect("a key"))
}

#[tokio::test]
async fn nothing_is_told_to_a_receiver_whose_certificate_nobody_vouches_for() {
    static HEARD: AtomicUsize = AtomicUsize::new(0);
    let (port, came) = listen(|stream| {
        let connection = rustls::ServerConnection::new(tls()).expect("a connection");
        let mut stream = rustls::StreamOwned::new(connection, stream);
        HEARD.fetch_add(hear(&mut stream).len(), Ordering::Relaxed);
        let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n");
    });
    let sender = Sender::new(Reach::Anywhere, Duration::from_secs(10)).expect("a sender");
    let refused = post(&sender, &at(port, "https", "localhost")).await.err();
    assert!(
        matches!(&refused, Some(FetchError::Http(error)) if error.is_connect() && !error.is_timeout()),
        "{refused:?}"
    );
    assert_eq!((came.load(Ordering::Relaxed), HEARD.load(Ordering::Relaxed)), (1, 0));
}
