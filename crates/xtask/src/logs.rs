//! The search through all that everything under test has logged: no prompt, token, address or presigned link may be in it. Knows
//! secrets by their shape, and those that the tests list as theirs. Says where, and never what.
use std::collections::HashMap;
use std::io::BufRead;
use std::path::{Path, PathBuf};

use crate::arguments::Arguments;
use crate::cargo;
use crate::failure::{OnPath, Result, said};

/// Found ones that are told; the rest is a number.
const TOLD: usize = 40;

/// After a run by hand.
pub fn run(mut given: Arguments) -> Result<()> {
    let folder = given.word();
    given.nothing_left()?;
    search(&folder.map_or_else(usual, |folder| Ok(PathBuf::from(folder)))?)
}

fn usual() -> Result<PathBuf> {
    Ok(cargo::target_folder()?.join("test-logs"))
}

/// Emptied for a new run.
pub fn folder() -> Result<PathBuf> {
    let folder = usual()?;
    match std::fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error).on("empty", &folder),
        _ => {}
    }
    std::fs::create_dir_all(&folder).on("create", &folder)?;
    Ok(folder)
}

/// Fails with file and line of everything private. Without a single log it fails too: then nobody listened.
pub fn search(folder: &Path) -> Result<()> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).on("read", folder)? {
        paths.push(entry.on("read", folder)?.path());
    }
    paths.sort();
    let is = |path: &&PathBuf, ending: &str| path.extension().is_some_and(|has| has == ending);
    let mut secrets = Secrets::default();
    for path in paths.iter().filter(|path| is(path, "txt")) {
        let list = std::fs::read_to_string(path).on("read", path)?;
        list.lines().filter_map(|line| line.split_once('\t')).for_each(|(kind, value)| secrets.add(kind, value));
    }
    let (mut lines, mut found) = (0, Vec::new());
    for path in paths.iter().filter(|path| is(path, "log")) {
        let mut reader = std::io::BufReader::new(std::fs::File::open(path).on("open", path)?);
        let mut line = Vec::new();
        for number in 1.. {
            line.clear();
            if reader.read_until(b'\n', &mut line).on("read", path)? == 0 {
                break;
            }
            lines += 1;
            if let Some(kind) = secrets.found_in(&line) {
                found.push(format!("{}:{number}: {kind}", path.display()));
            }
        }
    }
    println!("{lines} lines of logs, {} known secrets", secrets.count);
    if lines == 0 || secrets.count == 0 {
        return said(format!("There are no logs in {}, or no secrets to look for.", folder.display()));
    }
    if found.is_empty() {
        return Ok(());
    }
    found.iter().take(TOLD).for_each(|place| println!("{place}"));
    said(format!("{} log lines say what is private.", found.len()))
}

/// Values that must be nowhere, by their first four bytes.
#[derive(Default)]
struct Secrets {
    by_start: HashMap<[u8; 4], Vec<(String, Vec<u8>)>>,
    /// Whether one starts with these two bytes: most places are ruled out by it.
    starts: Vec<bool>,
    count: usize,
}

impl Secrets {
    fn add(&mut self, kind: &str, value: &str) {
        let bytes = value.as_bytes();
        let Some(start) = bytes.first_chunk::<4>() else { return };
        self.starts.resize(1 << 16, false);
        self.starts[two(start[0], start[1])] = true;
        let known = self.by_start.entry(*start).or_default();
        if !known.iter().any(|(_, other)| other == bytes) {
            known.push((kind.to_owned(), bytes.to_vec()));
            self.count += 1;
        }
    }

    fn found_in(&self, line: &[u8]) -> Option<String> {
        shape_in(line).map(str::to_owned).or_else(|| {
            line.windows(4).enumerate().find_map(|(at, window)| {
                if !self.starts.get(two(window[0], window[1])).copied().unwrap_or_default() {
                    return None;
                }
                let known = self.by_start.get(window)?;
                known.iter().find(|(_, value)| line[at..].starts_with(value)).map(|(kind, _)| kind.clone())
            })
        })
    }
}

fn two(first: u8, second: u8) -> usize {
    usize::from(first) << 8 | usize::from(second)
}

/// What gives itself away: a start, what may follow, and how much of that makes it one.
const SHAPES: [(&str, &[u8], usize); 16] = [
    ("a token", b"eyJ", 30),
    ("an API key", b"lap_", 20),
    ("a webhook's secret", b"whsec_", 12),
    ("a key of the payment vendor", b"sk_test_", 8),
    ("a key of the payment vendor", b"sk_live_", 8),
    ("a key of the payment vendor", b"rk_live_", 8),
    ("a provider's token", b"gho_", 12),
    ("a provider's token", b"ghp_", 12),
    ("a bearer token", b"Bearer ", 8),
    ("a presigned link", b"X-Amz-Signature=", 8),
    ("a presigned link", b"X-Amz-Credential=", 8),
    ("an authorization code", b"?code=", 6),
    ("an authorization code", b"&code=", 6),
    ("a state of a sign-in", b"&state=", 8),
    ("a state of a sign-in", b"?state=", 8),
    ("a client's secret", b"client_secret=", 6),
];

/// First bytes of all shapes: most places are ruled out by them.
const STARTS: &[u8] = b"elwsrgBX?&c@";

fn shape_in(line: &[u8]) -> Option<&'static str> {
    for (at, byte) in line.iter().enumerate() {
        if !STARTS.contains(byte) {
            continue;
        }
        if *byte == b'@' && is_address(line, at) {
            return Some("an address");
        }
        for (kind, start, least) in SHAPES {
            if *byte == start[0] && line[at..].starts_with(start) {
                let rest = &line[at + start.len()..];
                if rest.iter().take_while(|byte| is_of_a_token(**byte)).count() >= least {
                    return Some(kind);
                }
            }
        }
    }
    None
}

fn is_of_a_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.%/+=~".contains(&byte)
}

/// `somebody@host.name`, and no `user@1.2.3.4` of a database.
fn is_address(line: &[u8], at: usize) -> bool {
    let is_of_a_name = |byte: &&u8| byte.is_ascii_alphanumeric() || b"-_.+".contains(byte);
    let before = line[..at].iter().rev().take_while(is_of_a_name).count();
    let host: Vec<u8> = line[at + 1..].iter().take_while(is_of_a_name).copied().collect();
    let last = host.rsplit(|byte| *byte == b'.').next().unwrap_or_default();
    before > 0 && host.contains(&b'.') && last.len() >= 2 && last.iter().all(u8::is_ascii_alphabetic)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets() -> Secrets {
        let mut secrets = Secrets::default();
        secrets.add("a prompt", "Zanzibarine quokka");
        secrets.add("a prompt", "Füchse im Schnee");
        secrets
    }

    #[test]
    fn what_is_private_is_found_wherever_it_stands() {
        let secrets = secrets();
        for (line, kind) in [
            (r#"{"message":"asked for Zanzibarine quokka"}"#, "a prompt"),
            ("Füchse im Schnee", "a prompt"),
            (r#"{"error":"Key (email)=(ada.lovelace@example.test) exists"}"#, "an address"),
            ("authorization: Bearer abcdefgh12", "a bearer token"),
            ("eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCJ9", "a token"),
            ("GET http://127.0.0.1/b/k?X-Amz-Date=1&X-Amz-Signature=0123456789ab", "a presigned link"),
            ("error for url (http://127.0.0.1:1/callback?code=abc123&state=x)", "an authorization code"),
            ("lap_abcdefghijklmnopqrstuvwx", "an API key"),
            ("whsec_abcdefghijklmnop", "a webhook's secret"),
            ("sk_test_abcdefgh", "a key of the payment vendor"),
        ] {
            assert_eq!(secrets.found_in(line.as_bytes()).as_deref(), Some(kind), "{line}");
        }
    }

    #[test]
    fn no_shape_is_ruled_out_by_its_first_byte() {
        assert!(SHAPES.iter().all(|(_, start, _)| STARTS.contains(&start[0])));
    }

    #[test]
    fn what_a_log_may_say_is_left_alone() {
        let secrets = secrets();
        for line in [
            r#"{"route":"/v1/images/{id}","status":200,"request_id":"01932f0e-7c5b-7d38-b5a2-0123456789ab"}"#,
            "the database at 127.0.0.1:5432 cannot be reached",
            "postgres@10.0.0.1 and lapidary@localhost",
            "an API key begins with lap_ and a webhook's secret with whsec_",
            "a quokka of Zanzibar",
        ] {
            assert_eq!(secrets.found_in(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn the_search_fails_where_something_is_said_and_where_nobody_listened() {
        let folder = std::env::temp_dir().join(format!("lapidary-logs-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        assert!(search(&folder).is_err(), "no logs at all");
        std::fs::write(folder.join("secrets-1.txt"), "a prompt\tZanzibarine quokka\n").unwrap();
        std::fs::write(folder.join("tests-1.log"), "one\ntwo\n").unwrap();
        assert!(search(&folder).is_ok());
        std::fs::write(folder.join("child-1.log"), "one\nasked for Zanzibarine quokka\n").unwrap();
        assert!(search(&folder).is_err());
        std::fs::remove_dir_all(folder).unwrap();
    }
}
