//! The settings the demo starts the API with: out of the sandbox's one line of JSON, into `lapidary.env`.
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::failure::{Failure, OnPath, Result, said};

/// Our setting beside the sandbox's name for it.
const FROM_SANDBOX: [(&str, &str); 18] = [
    ("DATABASE_URL", "database_url"),
    ("S3_ENDPOINT", "s3_endpoint"),
    ("S3_PUBLIC_ENDPOINT", "s3_endpoint"),
    ("S3_REGION", "s3_region"),
    ("S3_BUCKET", "s3_bucket"),
    ("S3_ACCESS_KEY_ID", "s3_access_key"),
    ("S3_SECRET_ACCESS_KEY", "s3_secret_key"),
    ("GITHUB_URL", "github_url"),
    ("GITHUB_API_URL", "github_api_url"),
    ("GITHUB_CLIENT_ID", "github_client_id"),
    ("GITHUB_CLIENT_SECRET", "github_client_secret"),
    ("GOOGLE_ISSUER", "oidc_issuer"),
    ("GOOGLE_CLIENT_ID", "oidc_client_id"),
    ("GOOGLE_CLIENT_SECRET", "oidc_client_secret"),
    ("OPENAI_BASE_URL", "openai_base_url"),
    ("STRIPE_API_URL", "stripe_url"),
    ("STRIPE_SECRET_KEY", "stripe_secret_key"),
    ("STRIPE_WEBHOOK_SECRET", "stripe_webhook_secret"),
];
const KEY_OF_OPENAI: (&str, &str) = ("OPENAI_API_KEY", "openai_api_key");

/// `(NAME, value)` in the order they are written.
pub type Settings = Vec<(String, String)>;

pub fn from_sandbox(sandbox: &BTreeMap<String, String>) -> Result<Settings> {
    let names = FROM_SANDBOX.iter().chain(std::iter::once(&KEY_OF_OPENAI));
    let taken = names.map(|(ours, theirs)| match sandbox.get(*theirs) {
        Some(value) => Ok(((*ours).to_owned(), value.clone())),
        None => said(format!("The sandbox's line lacks {theirs}.")),
    });
    taken.collect()
}

/// KEY=VALUE lines, for the owner's eyes only. Any shell and any tool can read them.
pub fn write(settings: &Settings, path: &Path) -> Result<()> {
    let lines: String = settings.iter().map(|(name, value)| format!("{name}={}\n", quoted(value))).collect();
    write_private(path, lines.as_bytes())
}

fn quoted(value: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "_-./:@%+=,?".contains(letter);
    if value.chars().all(plain) { value.to_owned() } else { format!("'{}'", value.replace('\'', r"'\''")) }
}

fn write_private(path: &Path, bytes: &[u8]) -> Result<()> {
    // A new file, because the mode counts only when it is made.
    let _ = std::fs::remove_file(path);
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).on("write", path)?;
    file.write_all(bytes).on("write", path)
}

/// The key that seals what the database holds: made once, since another one could not open it again.
pub fn master_key(path: &Path) -> Result<String> {
    if let Ok(key) = std::fs::read_to_string(path) {
        return Ok(key.trim().to_owned());
    }
    let source = Path::new("/dev/urandom");
    let mut bytes = [0; 32];
    std::fs::File::open(source).and_then(|mut file| file.read_exact(&mut bytes)).on("read", source)?;
    let key = base64(&bytes);
    write_private(path, format!("{key}\n").as_bytes())?;
    Ok(key)
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0_u32, |group, byte| group << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let letter = LETTERS[(group >> (18 - 6 * place) & 63) as usize];
            text.push(if place <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

/// One flat JSON object of strings, which is all the sandbox says.
pub fn parse_line(line: &str) -> Result<BTreeMap<String, String>> {
    let complaint =
        || Failure::Said(format!("The sandbox should have said one JSON object of strings, but said: {line}"));
    let inner = line.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).ok_or_else(complaint)?;
    let mut letters = inner.chars().peekable();
    let mut found = BTreeMap::new();
    loop {
        while letters.next_if(|letter| letter.is_whitespace() || matches!(letter, ',' | ':')).is_some() {}
        if letters.peek().is_none() {
            return Ok(found);
        }
        let name = json_string(&mut letters).ok_or_else(complaint)?;
        while letters.next_if(|letter| letter.is_whitespace() || *letter == ':').is_some() {}
        found.insert(name, json_string(&mut letters).ok_or_else(complaint)?);
    }
}

fn json_string(letters: &mut impl Iterator<Item = char>) -> Option<String> {
    if letters.next()? != '"' {
        return None;
    }
    let mut text = String::new();
    loop {
        match letters.next()? {
            '"' => return Some(text),
            '\\' => text.push(match letters.next()? {
                'n' => '\n',
                't' => '\t',
                'u' => {
                    let digits: String = (0..4).map_while(|_| letters.next()).collect();
                    char::from_u32(u32::from_str_radix(&digits, 16).ok()?)?
                }
                letter @ ('"' | '\\' | '/') => letter,
                _ => return None,
            }),
            letter => text.push(letter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_rfc_4648() {
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn the_line_of_the_sandbox_is_read_with_its_escapes() {
        let read = parse_line(r#"{"a": "postgres:\/\/x?y=1&z","b":"\"q\"\u0041"}"#).unwrap();
        assert_eq!(read["a"], "postgres://x?y=1&z");
        assert_eq!(read["b"], "\"q\"A");
    }

    #[test]
    fn a_line_that_is_not_such_an_object_is_quoted() {
        for line in ["", "ready", "{\"a\":1}", "{\"a\":\"b}"] {
            assert!(parse_line(line).unwrap_err().to_string().ends_with(line));
        }
    }

    #[test]
    fn a_missing_setting_is_named() {
        let only = BTreeMap::from([("database_url".to_owned(), "postgres://".to_owned())]);
        assert!(from_sandbox(&only).unwrap_err().to_string().contains("s3_endpoint"));
    }

    #[test]
    fn a_shell_reads_back_what_was_written_and_nobody_else_may() {
        use std::os::unix::fs::PermissionsExt;
        let path = std::env::temp_dir().join(format!("xtask-settings-{}.env", std::process::id()));
        let odd = "a&b 'c' $d".to_owned();
        write(&vec![("ODD".into(), odd.clone())], &path).unwrap();
        let script = format!(". {}; printf %s \"$ODD\"", path.display());
        let read = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        std::fs::remove_file(&path).unwrap();
        assert_eq!(String::from_utf8(read.stdout).unwrap(), odd);
        assert_eq!(mode, 0o600);
    }

    #[test]
    fn the_master_key_is_made_once() {
        let path = std::env::temp_dir().join(format!("xtask-master-{}.key", std::process::id()));
        let first = master_key(&path).unwrap();
        let second = master_key(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(first, second);
        assert_eq!(first.len(), 44);
    }
}
