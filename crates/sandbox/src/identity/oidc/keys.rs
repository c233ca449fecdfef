//! RS256 keys: one signs, the one before is still published. Kept as PEM in one file that only its owner reads.
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

const FILE: &str = "oidc-signing-keys.pem";
const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";
/// The signing one and its predecessor.
const PUBLISHED: usize = 2;

pub struct SigningKey {
    pub id: String,
    pub signing: EncodingKey,
    /// What a careless verifier would take for an HMAC secret.
    pub public_pem: String,
    public: Value,
    private_pem: String,
}

pub struct Keys {
    file: Option<PathBuf>,
    /// Newest first, never empty.
    ring: RwLock<Vec<Arc<SigningKey>>>,
}

impl Keys {
    pub fn open(data: Option<&Path>) -> io::Result<Self> {
        let file = data.map(|folder| folder.join(FILE));
        let kept = match &file {
            Some(file) if file.exists() => fs::read_to_string(file)?,
            _ => String::new(),
        };
        let mut ring = Vec::new();
        for block in kept.split_inclusive(END).filter(|block| block.contains(BEGIN)) {
            ring.push(Arc::new(SigningKey::read(block.trim())?));
        }
        let is_new = ring.is_empty();
        if is_new {
            ring.push(Arc::new(SigningKey::generate()?));
        }
        let keys = Self { file, ring: RwLock::new(ring) };
        if is_new {
            keys.keep()?;
        }
        Ok(keys)
    }

    pub fn rotate(&self) -> io::Result<()> {
        let fresh = Arc::new(SigningKey::generate()?);
        {
            let mut ring = self.ring.write().unwrap_or_else(PoisonError::into_inner);
            ring.insert(0, fresh);
            ring.truncate(PUBLISHED);
        }
        self.keep()
    }

    pub fn current(&self) -> io::Result<Arc<SigningKey>> {
        self.all().into_iter().next().ok_or_else(|| io::Error::other("no signing key"))
    }

    /// The `keys` of the key set.
    pub fn public(&self) -> Vec<Value> {
        self.all().iter().map(|key| key.public.clone()).collect()
    }

    fn all(&self) -> Vec<Arc<SigningKey>> {
        self.ring.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn keep(&self) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        let half_written = file.with_extension("new");
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut writer = options.open(&half_written)?;
        for key in self.all() {
            writeln!(writer, "{}", key.private_pem)?;
        }
        writer.sync_all()?;
        fs::rename(half_written, file)
    }
}

impl SigningKey {
    fn generate() -> io::Result<Self> {
        let pair = KeyPair::generate(KeySize::Rsa2048).map_err(io::Error::other)?;
        let pkcs8 = pair.as_der().map_err(io::Error::other)?;
        Self::read(&pem("PRIVATE KEY", pkcs8.as_ref()))
    }

    fn read(private_pem: &str) -> io::Result<Self> {
        let body: String = private_pem.lines().filter(|line| !line.starts_with('-')).map(str::trim).collect();
        let pkcs8 = BASE64_STANDARD.decode(body).map_err(io::Error::other)?;
        let pair = KeyPair::from_pkcs8(&pkcs8).map_err(io::Error::other)?;
        let spki = pair.public_key().as_der().map_err(io::Error::other)?;
        let id: String = Sha256::digest(spki.as_ref()).iter().take(20).map(|byte| format!("{byte:02x}")).collect();
        let signing = EncodingKey::from_rsa_pem(private_pem.as_bytes()).map_err(io::Error::other)?;
        let mut jwk = Jwk::from_encoding_key(&signing, Algorithm::RS256).map_err(io::Error::other)?;
        jwk.common.key_id = Some(id.clone());
        jwk.common.public_key_use = Some(jsonwebtoken::jwk::PublicKeyUse::Signature);
        let public = serde_json::to_value(&jwk)?;
        let public_pem = pem("PUBLIC KEY", spki.as_ref());
        Ok(Self { id, signing, public_pem, public, private_pem: private_pem.to_owned() })
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let encoded = BASE64_STANDARD.encode(der);
    let mut text = format!("-----BEGIN {label}-----\n");
    for (at, letter) in encoded.chars().enumerate() {
        if at > 0 && at % 64 == 0 {
            text.push('\n');
        }
        text.push(letter);
    }
    text.push_str(&format!("\n-----END {label}-----"));
    text
}
