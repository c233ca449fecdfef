//! A thousand people made by SQL, and their access tokens, which the server itself gives for the sessions that stand there.
use std::sync::atomic::{AtomicUsize, Ordering};

use super::http::{self, Connection};
use super::stage::Stage;
use crate::failure::{Failure, Result, said};

pub const COUNT: usize = 1_000;
/// Nobody runs out of them while a generation costs a handful.
const GEMS: u64 = 1_000_000_000;
const CONNECTIONS: usize = 4;

/// What comes before a person's number in ids; `BASE + n` is the number, so that ids have digits only.
pub const PERSON_PREFIX: &str = "00000000-0000-7000-8000-";
pub const ACCOUNT_PREFIX: &str = "00000000-0000-7000-9000-";
const SESSION_PREFIX: &str = "00000000-0000-7000-a000-";
pub const BASE: u64 = 100_000_000_000;

pub fn seed(stage: &Stage) -> Result<()> {
    stage.psql(&format!(
        "create function pg_temp.id(prefix text, n bigint) returns uuid language sql immutable
           as $$ select (prefix || ({BASE} + n)::text)::uuid $$;
         insert into people (id, email, email_normalised, name, age_confirmed_at, created_at)
           select pg_temp.id('{PERSON_PREFIX}', n), 'p' || n || '@example.test', 'p' || n || '@example.test',
             'Person ' || n, now(), now() from generate_series(1, {COUNT}) n;
         insert into gem_accounts (id, free, created_at)
           select pg_temp.id('{ACCOUNT_PREFIX}', n), {GEMS}, now() from generate_series(1, {COUNT}) n;
         insert into account_links (person_id, account_id)
           select pg_temp.id('{PERSON_PREFIX}', n), pg_temp.id('{ACCOUNT_PREFIX}', n) from generate_series(1, {COUNT}) n;
         insert into gem_transfers (id, account_id, debit, credit, amount, kind, reference, created_at)
           select gen_random_uuid(), pg_temp.id('{ACCOUNT_PREFIX}', n), 'grants', 'free', {GEMS}, 'grant',
             gen_random_uuid(), now() from generate_series(1, {COUNT}) n;
         insert into sessions (id, person_id, provider, user_agent, created_at, last_used_at, expires_at)
           select pg_temp.id('{SESSION_PREFIX}', n), pg_temp.id('{PERSON_PREFIX}', n), 'github', 'bench', now(), now(),
             now() + interval '30 days' from generate_series(1, {COUNT}) n;
         insert into refresh_tokens (hash, session_id, created_at)
           select sha256(convert_to(lpad(n::text, 42, '0') || 'A', 'UTF8')), pg_temp.id('{SESSION_PREFIX}', n), now()
           from generate_series(1, {COUNT}) n;"
    ))?;
    stage.psql("analyze").map(drop)
}

/// `Authorization` lines of everyone, good for ten minutes. A seeded refresh token may be used again as long as nobody
/// uses its successors, and nobody does.
pub fn authorizations(stage: &Stage) -> Result<Vec<String>> {
    let (port, origin, next) = (stage.port, stage.address(), AtomicUsize::new(1));
    let some = || -> std::io::Result<Vec<(usize, String)>> {
        let (mut connection, mut found) = (Connection::open(port)?, Vec::new());
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number > COUNT {
                return Ok(found);
            }
            let cookie = format!("Cookie: lapidary_session={number:042}A");
            let headers = [cookie.as_str(), "X-Lapidary-Refresh: 1", &format!("Origin: {origin}")];
            let answer = connection.ask(&http::request("POST", "/v1/auth/refresh", &headers, ""))?.text();
            let token = http::member(&answer, "access_token").ok_or_else(|| std::io::Error::other(answer.clone()))?;
            found.push((number, format!("Authorization: Bearer {token}")));
        }
    };
    let mut all: Vec<(usize, String)> = Vec::new();
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(some)).collect();
        running.into_iter().map(|thread| thread.join()).collect()
    });
    for outcome in outcomes {
        match outcome {
            Ok(found) => all.extend(found.map_err(|error| Failure::Said(format!("No access token: {error}.")))?),
            Err(_) => return said("No access token: a connection panicked."),
        }
    }
    all.sort();
    Ok(all.into_iter().map(|(_, line)| line).collect())
}
