//! Random secrets, their hashes, and the keys derived from MASTER_KEY. Never logs, never stores.
use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::{digest, hmac, rand};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

const SECRET_BYTES: usize = 32;

/// 256 random bits in 43 letters.
pub fn random_secret() -> Result<String, Unspecified> {
    let mut bytes = [0_u8; SECRET_BYTES];
    rand::fill(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// Whether this can be one of [`random_secret`]'s.
pub fn is_secret(text: &str) -> bool {
    URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| bytes.len() == SECRET_BYTES)
}

/// SHA-256: the secrets are random, so nothing slower is needed.
pub fn hash(secret: &str) -> Vec<u8> {
    digest::digest(&digest::SHA256, secret.as_bytes()).as_ref().to_vec()
}

/// What comes from MASTER_KEY, and from MASTER_KEY_PREVIOUS while it is being replaced: one key a purpose.
pub struct MasterKey {
    seal: RandomizedNonceKey,
    previous: Option<RandomizedNonceKey>,
    first_mark_key: Vec<u8>,
}

/// What a seal held.
pub struct Opened {
    pub plain: Vec<u8>,
    /// Only MASTER_KEY_PREVIOUS opens it: it wants a new seal.
    pub is_by_previous: bool,
}

impl MasterKey {
    /// `None`: not 32 bytes in base64.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text.trim()).or_else(|_| URL_SAFE_NO_PAD.decode(text.trim())).ok()?;
        if bytes.len() != SECRET_BYTES {
            return None;
        }
        let master = hmac::Key::new(hmac::HMAC_SHA256, &bytes);
        let derived = |purpose: &str| hmac::sign(&master, purpose.as_bytes());
        Some(Self {
            seal: RandomizedNonceKey::new(&AES_256_GCM, derived("lapidary signing keys").as_ref()).ok()?,
            previous: None,
            first_mark_key: derived("lapidary welcome marks").as_ref().to_vec(),
        })
    }

    /// Opens what `previous` sealed, and seals nothing with it.
    pub fn replacing(self, previous: Self) -> Self {
        Self { previous: Some(previous.seal), first_mark_key: previous.first_mark_key, ..self }
    }

    /// Whether MASTER_KEY_PREVIOUS is there.
    pub fn is_replacing(&self) -> bool {
        self.previous.is_some()
    }

    /// What marks were keyed with before they had a sealed key of their own.
    pub fn first_mark_key(&self) -> &[u8] {
        &self.first_mark_key
    }

    /// Nonce and ciphertext, readable only together with `label`.
    pub fn seal(&self, label: &str, plain: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let mut sealed = plain.to_vec();
        let nonce = self.seal.seal_in_place_append_tag(Aad::from(label), &mut sealed)?;
        let mut all = nonce.as_ref().to_vec();
        all.append(&mut sealed);
        Ok(all)
    }

    pub fn open(&self, label: &str, sealed: &[u8]) -> Result<Opened, Unspecified> {
        match (open_with(&self.seal, label, sealed), &self.previous) {
            (Ok(plain), _) => Ok(Opened { plain, is_by_previous: false }),
            (Err(_), Some(previous)) => Ok(Opened { plain: open_with(previous, label, sealed)?, is_by_previous: true }),
            (Err(error), None) => Err(error),
        }
    }
}

fn open_with(key: &RandomizedNonceKey, label: &str, sealed: &[u8]) -> Result<Vec<u8>, Unspecified> {
    let (nonce, cipher) = sealed.split_at_checked(NONCE_LEN).ok_or(Unspecified)?;
    let mut buffer = cipher.to_vec();
    let nonce = Nonce::try_assume_unique_for_key(nonce)?;
    Ok(key.open_in_place(nonce, Aad::from(label), &mut buffer)?.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn master() -> MasterKey {
        MasterKey::parse(&STANDARD.encode([7; 32])).unwrap()
    }

    #[test]
    fn what_is_sealed_opens_only_under_its_label_and_key() {
        let sealed = master().seal("one", b"plain").unwrap();
        assert_eq!(master().open("one", &sealed).unwrap().plain, b"plain");
        assert!(master().open("other", &sealed).is_err());
        assert!(MasterKey::parse(&STANDARD.encode([8; 32])).unwrap().open("one", &sealed).is_err());
        assert!(master().open("one", b"short").is_err());
    }

    #[test]
    fn a_short_master_key_is_refused() {
        assert!(MasterKey::parse(&STANDARD.encode([7; 31])).is_none());
        assert!(MasterKey::parse("not base64!").is_none());
    }

    #[test]
    fn a_replaced_key_opens_and_does_not_seal() {
        let new = || MasterKey::parse(&STANDARD.encode([8; 32])).unwrap();
        let old = master().seal("one", b"plain").unwrap();
        let both = new().replacing(master());
        let opened = both.open("one", &old).unwrap();
        assert_eq!((opened.plain.as_slice(), opened.is_by_previous), (b"plain".as_slice(), true));
        let resealed = both.seal("one", b"plain").unwrap();
        assert!(!new().open("one", &resealed).unwrap().is_by_previous);
        assert!(master().open("one", &resealed).is_err());
        assert_eq!(both.first_mark_key(), master().first_mark_key());
    }

    #[test]
    fn secrets_are_recognised() {
        let secret = random_secret().unwrap();
        assert!(is_secret(&secret));
        assert!(!is_secret("x"));
        assert_ne!(secret, random_secret().unwrap());
    }
}
