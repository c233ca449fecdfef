//! What is refused however it is spelt, and what happens when a name changes its mind.
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::*;

#[test]
fn private_and_special_addresses_are_not_public() {
    for text in [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "168.63.129.16",
        "100.64.0.1",
        "100.100.100.200",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "198.18.0.1",
        "192.88.99.1",
        "203.0.113.7",
        "3fff::1",
        "::1",
        "::",
        "fe80::1",
        "fec0::1",
        "fc00::1",
        "fd00:ec2::254",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:8.8.8.8",
        "::127.0.0.1",
        "::8.8.8.8",
        "2002:7f00:1::",
        "2001::1",
        "2001:db8::1",
        "ff02::1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::a00:1",
        "100::1",
        "5f00::1",
    ] {
        assert!(!is_public(text.parse().expect("an address")), "{text}");
    }
    for text in ["8.8.8.8", "140.82.121.4", "2606:4700:4700::1111", "2a00:1450:4001:82f::200e"] {
        assert!(is_public(text.parse().expect("an address")), "{text}");
    }
}

/// Each is an address of this machine, of its network or of its cloud, or no address at all.
pub const SPELLINGS: &[&str] = &[
    "https://127.0.0.1/",
    "https://127.1/",
    "https://127.0.1/",
    "https://127.127.127.127/",
    "https://0/",
    "https://0.0.0.0/",
    "https://0.0.0.0./",
    "https://127.0.0.1./",
    "https://2130706433/",
    "https://017700000001/",
    "https://0x7f000001/",
    "https://0x7F.0x0.0x0.0x1/",
    "https://0177.0.0.1/",
    "https://0177.0.0.01/",
    "https://00000177.0.0.1/",
    "https://0x7f.1/",
    "https://127.0x0.0.1/",
    "https://%31%32%37.0.0.1/",
    "https://127%2e0%2e0%2e1/",
    "https://①②⑦.⓪.⓪.①/",
    "https://127。0。0。1/",
    "https://１２７．０．０．１/",
    "https://127.0.0.1:8443/",
    "https://127.0.0.1\\@example.com/",
    "https:127.0.0.1/",
    "https:\\\\127.0.0.1\\",
    "https://\t127.0.0.1/",
    "https://10.0.0.1/",
    "https://10.1/",
    "https://012.0.0.1/",
    "https://167772161/",
    "https://172.16.0.1/",
    "https://172.31.255.254/",
    "https://0xac100001/",
    "https://192.168.0.1/",
    "https://3232235521/",
    "https://0300.0250.0.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://2852039166/",
    "https://0xa9fea9fe/",
    "https://0251.0376.0251.0376/",
    "https://169.254.43518/",
    "https://168.63.129.16/",
    "https://100.100.100.200/",
    "https://100.64.0.1/",
    "https://192.0.0.192/",
    "https://198.18.0.1/",
    "https://224.0.0.1/",
    "https://255.255.255.255/",
    "https://[::]/",
    "https://[::1]/",
    "https://[0:0:0:0:0:0:0:1]/",
    "https://[0000::0001]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[::ffff:a9fe:a9fe]/",
    "https://[::ffff:10.0.0.1]/",
    "https://[0:0:0:0:0:ffff:192.168.0.1]/",
    "https://[::127.0.0.1]/",
    "https://[::7f00:1]/",
    "https://[64:ff9b::127.0.0.1]/",
    "https://[64:ff9b::a9fe:a9fe]/",
    "https://[64:ff9b:1::a00:1]/",
    "https://[2002:7f00:1::]/",
    "https://[2002:a9fe:a9fe::]/",
    "https://[2001:0:7f00:1::]/",
    "https://[fe80::1]/",
    "https://[fc00::1]/",
    "https://[fd00:ec2::254]/",
    "https://[fd20:ce::254]/",
    "https://[fec0::1]/",
    "https://[ff02::1]/",
    "https://localhost/",
    "https://LOCALHOST/",
    "https://localhost./",
    "https://ｌｏｃａｌｈｏｓｔ/",
    "https://%6cocalhost/",
    "https://api.localhost/",
    "https://printer.local/",
    "https://printer.local./",
    "https://metadata.google.internal/computeMetadata/v1/",
    "https://metadata.google.internal./",
    "https://router.home.arpa/",
    "https://metadata/",
    "https://intranet/",
];

#[test]
fn an_address_that_is_not_public_is_seen_through_however_it_is_spelt() {
    assert!(SPELLINGS.len() >= 60, "{}", SPELLINGS.len());
    for spelling in SPELLINGS {
        // What the parser refuses goes nowhere either.
        if let Ok(url) = Url::parse(spelling) {
            assert!(check_host(&url).is_err(), "{spelling} is {url}");
        }
    }
    for fine in [
        "https://example.com/",
        "https://example.com./",
        "https://8.8.8.8/",
        "https://[2606:4700:4700::1111]/",
        "https://internal.example.com/",
        "https://notlocalhost.example/",
        "https://mylocal.example.org:8443/x",
    ] {
        assert_eq!(check_host(&Url::parse(fine).expect("a URL")), Ok(()), "{fine}");
    }
}

/// Answers with each of these in turn, the last one for ever; and how often it was asked.
pub fn answering(answers: &[&[&str]]) -> (PublicOnly, Arc<AtomicUsize>) {
    let addresses = |list: &[&str]| list.iter().map(|text| text.parse().expect("an address")).collect::<Vec<IpAddr>>();
    let mut rest: Vec<Vec<IpAddr>> = answers.iter().rev().map(|list| addresses(list)).collect();
    let last = rest.first().cloned().unwrap_or_default();
    let (rest, asked) = (Mutex::new(std::mem::take(&mut rest)), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&asked);
    let resolver = PublicOnly::by(Arc::new(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
        let now = rest.lock().expect("a lock").pop().unwrap_or_else(|| last.clone());
        Box::pin(async move { Ok(now) })
    }));
    (resolver, asked)
}

#[tokio::test]
async fn one_private_address_among_public_ones_spoils_the_name() {
    let asked = async |answers: &[&[&str]]| answering(answers).0.addresses("example.com").await;
    assert_eq!(asked(&[&["8.8.8.8", "10.0.0.1"]]).await, Err(NotReachable::NotPublic));
    assert_eq!(asked(&[&["2606:4700:4700::1111", "::1"]]).await, Err(NotReachable::NotPublic));
    assert_eq!(asked(&[&[]]).await, Err(NotReachable::Unresolved));
    assert_eq!(asked(&[&["8.8.8.8"]]).await.map(|found| found.len()), Ok(1));
}

#[tokio::test]
async fn a_name_that_changes_between_two_look_ups_is_judged_by_the_one_that_is_used() {
    let (resolver, _) = answering(&[&["8.8.8.8"], &["127.0.0.1"]]);
    // When it was written down it was fine.
    assert!(resolver.addresses("rebinding.example").await.is_ok());
    // When it is sent to, the answer of that moment is judged, and nothing is connected to.
    let heard = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = heard.local_addr().expect("an address").port();
    // Nobody answers there: one that was connected to would wait for ever.
    let client =
        reqwest::Client::builder().dns_resolver(resolver).no_proxy().timeout(std::time::Duration::from_secs(5));
    let client = client.build().expect("a client");
    let error = client.get(format!("http://rebinding.example:{port}/")).send().await.expect_err("refused");
    let error = crate::http::fetch::FetchError::from(error);
    assert!(matches!(error, crate::http::fetch::FetchError::NotReachable(NotReachable::NotPublic)), "{error:?}");
    heard.set_nonblocking(true).expect("not blocking");
    assert!(heard.accept().is_err(), "somebody connected");
}

#[tokio::test]
async fn look_ups_that_hang_keep_no_more_threads_than_they_may_have() {
    static RUNNING: AtomicUsize = AtomicUsize::new(0);
    static MOST: AtomicUsize = AtomicUsize::new(0);
    let ask = blocking(Arc::new(Semaphore::new(2)), |_| {
        let running = RUNNING.fetch_add(1, Ordering::SeqCst) + 1;
        MOST.fetch_max(running, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(300));
        RUNNING.fetch_sub(1, Ordering::SeqCst);
        Ok(vec![IpAddr::from([8, 8, 8, 8])])
    });
    // Whoever asked has gone long before there is an answer.
    for _ in 0..6 {
        let hurried = tokio::time::timeout(Duration::from_millis(20), ask("slow.example".to_owned())).await;
        assert!(hurried.is_err());
    }
    assert_eq!(MOST.load(Ordering::SeqCst), 2);
    let patient = ask("slow.example".to_owned()).await.expect("an answer");
    assert_eq!(patient, [IpAddr::from([8, 8, 8, 8])], "a place becomes free again");
}
