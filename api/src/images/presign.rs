//! Signs links to objects (AWS Signature 4 in the query): pure CPU, a few microseconds each, so none has to be remembered.
//! Never talks to anyone; its links are held against the AWS SDK's and against published vectors by tests.
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::{digest, hmac};
use chrono::{DateTime, Utc};
use url::Url;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

pub struct Signer {
    access_key_id: String,
    secret_access_key: String,
    region: String,
    /// The key of a day is made once: (yyyymmdd, key).
    day: Mutex<Option<(String, hmac::Key)>>,
}

/// Where the browser finds the bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// `https://host[:port]`
    pub origin: String,
    /// As in the header: without the scheme's own port.
    host: String,
    /// Empty, or `/bucket`.
    path: String,
}

impl Address {
    /// `url` is the bucket's, with or without a slash at its end.
    pub fn new(url: &str) -> Option<Self> {
        let url = Url::parse(url).ok()?;
        let host = match url.port() {
            Some(port) => format!("{}:{port}", url.host_str()?),
            None => url.host_str()?.to_owned(),
        };
        Some(Self {
            origin: format!("{}://{host}", url.scheme()),
            host,
            path: url.path().trim_end_matches('/').to_owned(),
        })
    }
}

impl Signer {
    pub fn new(access_key_id: &str, secret_access_key: &str, region: &str) -> Self {
        Self {
            access_key_id: access_key_id.to_owned(),
            secret_access_key: secret_access_key.to_owned(),
            region: region.to_owned(),
            day: Mutex::new(None),
        }
    }

    /// A GET that works for `seconds` from `at`. `overrides` are response headers, sorted by name, lower case.
    pub fn sign(
        &self,
        address: &Address,
        key: &str,
        at: DateTime<Utc>,
        seconds: u64,
        overrides: &[(&str, &str)],
    ) -> String {
        let (time, day) = (at.format("%Y%m%dT%H%M%SZ").to_string(), at.format("%Y%m%d").to_string());
        let scope = format!("{day}/{}/s3/aws4_request", self.region);
        let credential = encode(&format!("{}/{scope}", self.access_key_id), false);
        let mut query = format!(
            "X-Amz-Algorithm={ALGORITHM}&X-Amz-Credential={credential}&X-Amz-Date={time}&X-Amz-Expires={seconds}\
             &X-Amz-SignedHeaders=host"
        );
        for (name, value) in overrides {
            query.push_str(&format!("&{name}={}", encode(value, false)));
        }
        let path = format!("{}/{}", address.path, encode(key, true));
        let request = format!("GET\n{path}\n{query}\nhost:{}\n\nhost\nUNSIGNED-PAYLOAD", address.host);
        let hash = hex(digest::digest(&digest::SHA256, request.as_bytes()).as_ref());
        let text = format!("{ALGORITHM}\n{time}\n{scope}\n{hash}");
        let signature = hex(hmac::sign(&self.key_of(day), text.as_bytes()).as_ref());
        format!("{}{path}?{query}&X-Amz-Signature={signature}", address.origin)
    }

    fn key_of(&self, day: String) -> hmac::Key {
        let mut remembered = self.day.lock().unwrap_or_else(PoisonError::into_inner);
        match &*remembered {
            Some((of, key)) if *of == day => key.clone(),
            _ => {
                let mut key = hmac::Key::new(hmac::HMAC_SHA256, format!("AWS4{}", self.secret_access_key).as_bytes());
                for part in [day.as_str(), &self.region, "s3", "aws4_request"] {
                    key = hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&key, part.as_bytes()).as_ref());
                }
                *remembered = Some((day, key.clone()));
                key
            }
        }
    }
}

/// RFC 3986: only unreserved characters stay.
fn encode(text: &str, keep_slash: bool) -> String {
    let mut encoded = String::with_capacity(text.len() + 16);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) || (keep_slash && byte == b'/') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        for half in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(half), 16).unwrap_or('0'));
        }
        text
    })
}

/// `attachment` under a name in any script: what could break out of the header or into another folder is left out.
pub fn attachment(filename: &str) -> String {
    let safe = safe(filename);
    let ascii: String = safe.chars().map(|character| if character.is_ascii() { character } else { '_' }).collect();
    format!("attachment; filename=\"{ascii}\"; filename*=UTF-8''{}", encode(&safe, false))
}

/// A file's name without what could break out of a header or into another folder.
pub fn safe(filename: &str) -> String {
    let is_safe = |character: char| {
        let turns_text_round =
            matches!(character, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        !character.is_control() && !turns_text_round && !"\"/\\:*?<>|%;".contains(character)
    };
    let safe: String = filename.chars().filter(|character| is_safe(*character)).collect();
    let safe = safe.trim().trim_start_matches('.');
    if safe.is_empty() { "image".to_owned() } else { safe.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
    use aws_sdk_s3::presigning::PresigningConfig;

    use super::*;

    const ID: &str = "AKIAIOSFODNN7EXAMPLE";
    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("a time")
    }

    #[test]
    fn the_vendors_documented_link_comes_out() {
        let address = Address::new("https://examplebucket.s3.amazonaws.com/").expect("an address");
        let signer = Signer::new(ID, SECRET, "us-east-1");
        let link = signer.sign(&address, "test.txt", at("2013-05-24T00:00:00Z"), 86_400, &[]);
        let signature = "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";
        assert!(link.starts_with("https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm="), "{link}");
        assert!(link.ends_with(&format!("&X-Amz-Signature={signature}")), "{link}");
    }

    #[test]
    fn names_and_overrides_are_encoded_as_two_other_implementations_do() {
        let noon = at("2026-11-22T12:00:00Z");
        let local = Address::new("http://127.0.0.1:9000/gallery").expect("an address");
        let link = Signer::new(ID, SECRET, "us-east-1").sign(&local, "originals/a b+c~é.png", noon, 604_800, &[]);
        assert!(link.ends_with("6f708887f2e71f48747aec6bb3bd04354decf2c35448c04b977684d783b12835"), "{link}");
        let cloud = Address::new("https://gallery.s3.eu-central-1.amazonaws.com").expect("an address");
        let overrides = [
            ("response-content-disposition", "attachment; filename=\"cat one.png\"; filename*=UTF-8''cat%20one.png"),
            ("response-content-type", "image/png"),
        ];
        let link =
            Signer::new(ID, SECRET, "eu-central-1").sign(&cloud, "originals/01J9Z/cat.png", noon, 900, &overrides);
        assert!(link.ends_with("5af6edfe3652692232b530d5c984605edfaa7d4ef4e1973a56c8b99ff0726d90"), "{link}");
    }

    #[tokio::test]
    async fn a_link_is_the_one_the_sdk_would_sign() {
        let (now, key) = (at("2026-11-23T17:00:00Z"), "users/1/images/2/1/original.png");
        for endpoint in ["http://127.0.0.1:9000", "https://s3.example.com", "https://s3.example.com:8443"] {
            let config = aws_sdk_s3::Config::builder()
                .behavior_version(BehaviorVersion::latest())
                .region(Region::new("eu-west-1"))
                .credentials_provider(Credentials::new(ID, SECRET, None, None, "test"))
                .response_checksum_validation(aws_sdk_s3::config::ResponseChecksumValidation::WhenRequired)
                .endpoint_url(endpoint)
                .force_path_style(true)
                .build();
            let lifetime = PresigningConfig::builder().start_time(now.into()).expires_in(Duration::from_secs(604_800));
            let sdk = aws_sdk_s3::Client::from_conf(config)
                .get_object()
                .bucket("gallery")
                .key(key)
                .presigned(lifetime.build().expect("a lifetime"))
                .await
                .expect("a link");
            let address = Address::new(&format!("{endpoint}/gallery")).expect("an address");
            // The SDK adds the operation's name, which is signed like an override.
            let own = Signer::new(ID, SECRET, "eu-west-1").sign(&address, key, now, 604_800, &[("x-id", "GetObject")]);
            let parts = |link: &str| {
                let url = Url::parse(link).expect("a link");
                let mut query: Vec<_> = url.query_pairs().into_owned().collect();
                query.sort();
                (url.origin(), url.path().to_owned(), query)
            };
            assert_eq!(parts(&own), parts(sdk.uri()));
        }
    }

    #[test]
    fn a_new_day_has_a_new_key() {
        let address = Address::new("https://b.example.com").expect("an address");
        let signer = Signer::new(ID, SECRET, "us-east-1");
        let (first, second) = (at("2026-11-23T23:00:00Z"), at("2026-11-24T00:00:00Z"));
        let before = signer.sign(&address, "a", first, 60, &[]);
        let fresh = Signer::new(ID, SECRET, "us-east-1").sign(&address, "a", second, 60, &[]);
        assert_eq!(signer.sign(&address, "a", second, 60, &[]), fresh);
        assert_eq!(signer.sign(&address, "a", first, 60, &[]), before);
    }

    #[test]
    fn a_filename_cannot_break_out_of_its_header() {
        assert_eq!(attachment("fox.png"), "attachment; filename=\"fox.png\"; filename*=UTF-8''fox.png");
        assert_eq!(
            attachment("../a\r\nSet-Cookie: x\"\\b\u{202e}gnp.png"),
            "attachment; filename=\"aSet-Cookie xbgnp.png\"; filename*=UTF-8''aSet-Cookie%20xbgnp.png"
        );
        assert_eq!(attachment("лис.png"), "attachment; filename=\"___.png\"; filename*=UTF-8''%D0%BB%D0%B8%D1%81.png");
        assert_eq!(attachment("/"), "attachment; filename=\"image\"; filename*=UTF-8''image");
    }
}
