//! Access tokens: JWT after RFC 9068, EdDSA only, ten minutes. Says what a token is, not who may do what.
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::keys::SigningKey;

pub const LIFETIME: TimeDelta = TimeDelta::minutes(10);
const TYPE: &str = "at+jwt";
const CLIENT_ID: &str = "lapidary";

/// Whom a token speaks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject {
    pub person_id: Uuid,
    pub account_id: Uuid,
    pub session_id: Uuid,
    pub is_confirmed: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    /// The person.
    sub: Uuid,
    client_id: String,
    iat: i64,
    exp: i64,
    jti: Uuid,
    /// The session, whose end ends the token.
    sid: Uuid,
    /// The gem account: saves a look-up.
    acc: Uuid,
    /// Whether the person has confirmed their age; false is looked up again.
    age: bool,
}

/// Why a token does not count. For tests and logs; a caller hears only 401.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    #[error("not an access token of ours")]
    Foreign,
    #[error("expired")]
    Expired,
    #[error(transparent)]
    Jwt(#[from] jsonwebtoken::errors::Error),
}

/// Issues and reads tokens of one site.
pub struct Tokens {
    issuer: String,
    audience: String,
    validation: Validation,
}

impl Tokens {
    pub fn new(origin: &str) -> Self {
        let audience = format!("{origin}/v1");
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[origin]);
        validation.set_audience(&[&audience]);
        validation.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
        // Checked below against the clock that tests can move.
        validation.validate_exp = false;
        Self { issuer: origin.to_owned(), audience, validation }
    }

    pub fn issue(&self, key: &SigningKey, subject: &Subject, now: DateTime<Utc>) -> Result<String, TokenError> {
        let header = Header { typ: Some(TYPE.into()), kid: Some(key.id.clone()), ..Header::new(Algorithm::EdDSA) };
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
            sub: subject.person_id,
            client_id: CLIENT_ID.into(),
            iat: now.timestamp(),
            exp: (now + LIFETIME).timestamp(),
            jti: Uuid::now_v7(),
            sid: subject.session_id,
            acc: subject.account_id,
            age: subject.is_confirmed,
        };
        Ok(jsonwebtoken::encode(&header, &claims, &key.key)?)
    }

    /// The id of the key that is said to have signed it; refuses everything but our type and algorithm.
    pub fn key_id(token: &str) -> Result<String, TokenError> {
        let header = jsonwebtoken::decode_header(token)?;
        let is_ours = header.alg == Algorithm::EdDSA && header.typ.as_deref() == Some(TYPE);
        header.kid.filter(|_| is_ours).ok_or(TokenError::Foreign)
    }

    pub fn read(&self, token: &str, key: &DecodingKey, now: DateTime<Utc>) -> Result<Subject, TokenError> {
        let claims = jsonwebtoken::decode::<Claims>(token, key, &self.validation)?.claims;
        if claims.exp <= now.timestamp() {
            return Err(TokenError::Expired);
        }
        Ok(Subject { person_id: claims.sub, account_id: claims.acc, session_id: claims.sid, is_confirmed: claims.age })
    }
}
