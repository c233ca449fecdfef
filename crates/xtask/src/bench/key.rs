//! What the doors of the API cost: an API key that opens nothing passes check, limit and log, and is refused before any
//! query; beside it an answer that passes none of them. And a whole read by key beside the same by access token.
use std::time::Duration;

use super::reads::rounds;
use super::stage::Stage;
use super::table::{Budget, Row, median};
use super::{CONNECTIONS, http, load, people};
use crate::failure::Result;
use crate::say::Step;

/// Microseconds of processor time.
const MOST: f64 = 40.0;
const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The key of a person as the server reads it: 32 characters, and the CRC32 of them in 6.
fn key(number: usize) -> String {
    let random = format!("{number:032}");
    let mut rest = crc32(random.as_bytes()) as usize;
    let mut checksum = [b'0'; 6];
    for letter in checksum.iter_mut().rev() {
        *letter = LETTERS[rest % 62];
        rest /= 62;
    }
    format!("lap_{random}{}", String::from_utf8_lossy(&checksum))
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |rest: u32| if rest & 1 == 1 { rest >> 1 ^ 0xEDB8_8320 } else { rest >> 1 };
    !bytes.iter().fold(!0, |sum, byte| (0..8).fold(sum ^ u32::from(*byte), |rest, _| step(rest)))
}

/// One for everyone, for gems only.
fn seed(stage: &Stage) -> Result<()> {
    let rows: Vec<String> = (1..=people::COUNT).map(|number| format!("({number}, '{}')", key(number))).collect();
    let (person, base) = (people::PERSON_PREFIX, people::BASE);
    stage.psql(&format!(
        "insert into api_keys (id, person_id, name, start, key_hash, scopes, free_gems_only, created_at)
         select gen_random_uuid(), ('{person}' || ({base} + n)::text)::uuid, 'bench', left(key, 10),
           sha256(convert_to(key, 'UTF8')), '{{gems:read}}', false, now()
         from (values {}) as made (n, key) on conflict do nothing",
        rows.join(", ")
    ))?;
    stage.psql("analyze api_keys").map(drop)
}

pub fn measure(stage: &mut Stage, step: &mut Step, quick: bool) -> Result<Vec<Row>> {
    stage.serve(&[])?;
    seed(stage)?;
    let by_key: Vec<String> =
        (1..=people::COUNT).map(|number| format!("Authorization: Bearer {}", key(number))).collect();
    let by_token = people::authorizations(stage)?;
    let ask = |path: &str, lines: &[String]| -> Vec<Vec<u8>> {
        lines.iter().map(|line| http::request("GET", path, &[line], "")).collect()
    };
    let nothing = ask("/health/live", &by_key);
    let refused = ask("/v1/images", &by_key);
    let caps = [ask("/v1/gems/caps", &by_token), ask("/v1/gems/caps", &by_key)];
    let (rounds, time) = rounds(quick);
    // Every key is looked up once before.
    cpu_of(stage, &refused, 403, Duration::from_secs(2))?;
    let (mut added, mut token, mut with_key, mut ratios) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for round in 1..=rounds {
        step.progress(&format!("round {round} of {rounds}"));
        let (_, without) = cpu_of(stage, &nothing, 200, time)?;
        let (_, with) = cpu_of(stage, &refused, 403, time)?;
        added.push(with - without);
        let [(token_rate, token_micros), (key_rate, key_micros)] =
            [cpu_of(stage, &caps[0], 200, time)?, cpu_of(stage, &caps[1], 200, time)?];
        token.push((token_rate, token_micros));
        with_key.push((key_rate, key_micros));
        ratios.push(key_rate / token_rate);
    }
    let of = |pairs: &[(f64, f64)], pick: fn(&(f64, f64)) -> f64| median(&pairs.iter().map(pick).collect::<Vec<_>>());
    let shown: Vec<String> = added.iter().map(|micros| format!("{micros:.0}")).collect();
    let mut doors = Row::new("key check + limit + log", "µs CPU", Budget::AtMost(MOST)).measured(median(&added));
    doors.note = format!("a refusal before any query, less an answer that passes no door; rounds {}", shown.join(", "));
    let mut read = Row::without_budget("GET /v1/gems/caps by key", "req/s")
        .measured(of(&with_key, |pair| pair.0))
        .beside("by access token", of(&token, |pair| pair.0), median(&ratios));
    read.note = format!(
        "CPU for one: by key {:.0} µs, by access token {:.0} µs",
        of(&with_key, |pair| pair.1),
        of(&token, |pair| pair.1)
    );
    Ok(vec![doors, read])
}

/// Answers a second, and processor microseconds of the API for one.
fn cpu_of(stage: &Stage, asks: &[Vec<u8>], expected: u16, time: Duration) -> Result<(f64, f64)> {
    let before = stage.cpu()?.0;
    let pace = load::run(stage.port, CONNECTIONS, time, expected, |dice, request| {
        request.extend_from_slice(&asks[dice.below(asks.len())]);
    })?;
    Ok((pace.rate, (stage.cpu()?.0 - before) * 1e6 / pace.done as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_as_the_server_reads_it() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        let key = key(7);
        assert_eq!((key.len(), &key[..36]), (42, "lap_00000000000000000000000000000007"));
    }
}
