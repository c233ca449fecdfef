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

/// What comes from MASTER_KEY, one key a purpose.
pub struct MasterKey {
    seal: RandomizedNonceKey,
    marks: hmac::Key,
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
            marks: hmac::Key::new(hmac::HMAC_SHA256, derived("lapidary welcome marks").as_ref()),
        })
    }

    /// Nonce and ciphertext, readable only together with `label`.
    pub fn seal(&self, label: &str, plain: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let mut sealed = plain.to_vec();
        let nonce = self.seal.seal_in_place_append_tag(Aad::from(label), &mut sealed)?;
        let mut all = nonce.as_ref().to_vec();
        all.append(&mut sealed);
        Ok(all)
    }

    pub fn open(&self, label: &str, sealed: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let (nonce, cipher) = sealed.split_at_checked(NONCE_LEN).ok_or(Unspecified)?;
        let mut buffer = cipher.to_vec();
        let nonce = Nonce::try_assume_unique_for_key(nonce)?;
        Ok(self.seal.open_in_place(nonce, Aad::from(label), &mut buffer)?.to_vec())
    }

    /// A keyed hash that recognises a returning identity or address and tells nobody which it was.
    pub fn welcome_mark(&self, kind: &str, parts: &[&str]) -> Vec<u8> {
        let mut context = hmac::Context::with_key(&self.marks);
        for part in std::iter::once(&kind).chain(parts) {
            context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            context.update(part.as_bytes());
        }
        context.sign().as_ref().to_vec()
    }
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
        assert_eq!(master().open("one", &sealed).unwrap(), b"plain");
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
    fn marks_tell_their_parts_apart() {
        let master = master();
        assert_ne!(master.welcome_mark("identity", &["ab", "c"]), master.welcome_mark("identity", &["a", "bc"]));
        assert_ne!(master.welcome_mark("identity", &["a"]), master.welcome_mark("email", &["a"]));
        assert_eq!(master.welcome_mark("email", &["a"]), master.welcome_mark("email", &["a"]));
    }

    #[test]
    fn secrets_are_recognised() {
        let secret = random_secret().unwrap();
        assert!(is_secret(&secret));
        assert!(!is_secret("x"));
        assert_ne!(secret, random_secret().unwrap());
    }
}
