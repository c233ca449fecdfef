//! What a person has allowed: single-use codes that live ten minutes, and the access tokens they became.
//! Lives in memory only; a restart ends all attempts, as a vendor's incident would.
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::people::Person;

pub const CODE_LIFETIME: Duration = Duration::from_secs(600);

#[derive(Clone, Debug)]
pub struct Grant {
    pub person: Person,
    pub scopes: Vec<String>,
    /// As written in the authorization request; None when it was left out.
    pub redirect_uri: Option<String>,
    pub challenge: Option<String>,
    pub nonce: Option<String>,
}

#[derive(Debug)]
pub enum Redeemed {
    Granted(Box<Grant>),
    Unknown,
    Expired,
    Replayed,
}

#[derive(Default)]
pub struct Codes(Mutex<HashMap<String, Code>>);

struct Code {
    issued_at: Instant,
    grant: Option<Box<Grant>>,
}

impl Codes {
    pub fn issue(&self, code: String, grant: Grant) -> String {
        let mut codes = lock(&self.0);
        let now = Instant::now();
        // Spent codes are remembered for a while, so that a replay is told from a guess.
        codes.retain(|_, kept| now.duration_since(kept.issued_at) < CODE_LIFETIME * 6);
        codes.insert(code.clone(), Code { issued_at: now, grant: Some(Box::new(grant)) });
        code
    }

    /// Whatever comes of it, the code is spent.
    pub fn redeem(&self, code: &str, now: Instant) -> Redeemed {
        let mut codes = lock(&self.0);
        let Some(kept) = codes.get_mut(code) else { return Redeemed::Unknown };
        match kept.grant.take() {
            None => Redeemed::Replayed,
            Some(_) if now.duration_since(kept.issued_at) > CODE_LIFETIME => Redeemed::Expired,
            Some(grant) => Redeemed::Granted(grant),
        }
    }
}

pub struct Tokens<T>(Mutex<HashMap<String, Token<T>>>);

struct Token<T> {
    of_code: String,
    dies_at: Option<Instant>,
    opens: T,
}

impl<T> Default for Tokens<T> {
    fn default() -> Self {
        Self(Mutex::new(HashMap::new()))
    }
}

impl<T: Clone> Tokens<T> {
    pub fn keep(&self, token: &str, of_code: &str, lifetime: Option<Duration>, opens: T) {
        let dies_at = lifetime.map(|lifetime| Instant::now() + lifetime);
        lock(&self.0).insert(token.to_owned(), Token { of_code: of_code.to_owned(), dies_at, opens });
    }

    pub fn open(&self, token: &str) -> Option<T> {
        let tokens = lock(&self.0);
        let kept = tokens.get(token)?;
        kept.dies_at.is_none_or(|at| Instant::now() < at).then(|| kept.opens.clone())
    }

    pub fn revoke_those_of(&self, code: &str) {
        lock(&self.0).retain(|_, kept| kept.of_code != code);
    }
}

/// `bytes` random bytes in hexadecimal.
pub fn random_hex(bytes: usize) -> String {
    let mut random = vec![0; bytes];
    // Only fails where the system has no randomness at all; then nothing here may go on.
    aws_lc_rs::rand::fill(&mut random).expect("the system gives randomness");
    random.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes_with(code: &str) -> Codes {
        let codes = Codes::default();
        let person = Person::called("Ada Lovelace").unwrap();
        let grant = Grant { person, scopes: Vec::new(), redirect_uri: None, challenge: None, nonce: None };
        codes.issue(code.to_owned(), grant);
        codes
    }

    #[test]
    fn a_code_dies_after_ten_minutes() {
        let codes = codes_with("one");
        let late = Instant::now() + CODE_LIFETIME + Duration::from_secs(1);
        assert!(matches!(codes.redeem("one", late), Redeemed::Expired));
    }

    #[test]
    fn a_code_works_once() {
        let codes = codes_with("one");
        assert!(matches!(codes.redeem("one", Instant::now()), Redeemed::Granted(_)));
        assert!(matches!(codes.redeem("one", Instant::now()), Redeemed::Replayed));
        assert!(matches!(codes.redeem("two", Instant::now()), Redeemed::Unknown));
    }
}
