//! One attempt to sign in: begun for one browser, answered once, settled in one transaction. An identity is
//! (issuer, subject); the same e-mail address never merges two people by itself.
use chrono::{DateTime, Utc};
use lapidary_contract::SignInFailure;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use url::Url;
use uuid::Uuid;

use super::cookie::SIGN_IN_LIFETIME;
use super::keys::KeyError;
use super::providers::{Challenge, Provider, Refusal};
use super::queries::{self, Attempt, KnownPerson, NewPerson};
use super::secret::{hash, random_secret};
use super::session::{self, Started};
use super::{Auth, address, identity_queries, link};
use crate::db::Db;
use crate::http::error::ApiError;

/// Who a provider says this is. What we keep of them, and nothing that opens anything.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Proven {
    pub provider: String,
    pub issuer: String,
    pub subject: String,
    /// Verified by the provider.
    pub email: String,
    pub name: Option<String>,
    pub picture_url: Option<String>,
}

/// Why a step of signing in did not succeed: theirs, for the page to say, or ours.
pub enum Trouble {
    Refused(Refusal),
    Ours(ApiError),
}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<sqlx::Error> for Trouble {
    fn from(error: sqlx::Error) -> Self {
        Self::Ours(error.into())
    }
}

impl From<aws_lc_rs::error::Unspecified> for Trouble {
    fn from(error: aws_lc_rs::error::Unspecified) -> Self {
        Self::Ours(ApiError::internal(error))
    }
}

impl From<KeyError> for Trouble {
    fn from(error: KeyError) -> Self {
        Self::Ours(error.into())
    }
}

/// What a browser asks for when it sets out.
pub struct Departure<'a> {
    /// The secret of the binding cookie.
    pub browser: &'a str,
    pub return_to: &'a str,
    pub login_hint: Option<&'a str>,
    /// Link the identity that waits in this browser to whoever signs in now.
    pub takes_pending: bool,
    /// Link what comes back to the person of this session, and sign nobody in.
    pub session_id: Option<Uuid>,
}

/// Remembers the attempt and says where the browser goes.
pub async fn begin(db: &Db, provider: &Provider, asked: &Departure<'_>, now: DateTime<Utc>) -> Result<Url, Trouble> {
    let browser_hash = hash(asked.browser);
    let pending = if asked.takes_pending { queries::pending(db.house(), &browser_hash, now).await? } else { None };
    // They are to sign in to the account that has the waiting identity's address: it need not be typed again.
    let waiting = pending.as_ref().map(|pending| pending.email.as_str());
    let challenge = Challenge {
        state: random_secret()?,
        nonce: random_secret()?,
        pkce_verifier: random_secret()?,
        login_hint: asked.login_hint.or(waiting).map(str::to_owned),
    };
    let url = provider.authorization_url(&challenge).await?;
    let attempt = Attempt {
        browser_hash,
        nonce: challenge.nonce,
        pkce_verifier: challenge.pkce_verifier,
        return_to: asked.return_to.to_owned(),
        pending,
        session_id: asked.session_id,
        expires_at: now + SIGN_IN_LIFETIME,
    };
    queries::insert_attempt(db.house(), &hash(&challenge.state), provider.id, &attempt, now).await?;
    Ok(url)
}

/// What a browser brings back from the provider.
pub struct Arrival<'a> {
    pub code: Option<&'a str>,
    pub error: Option<&'a str>,
    pub issuer: Option<&'a str>,
    pub browser: Option<&'a str>,
    pub user_agent: &'a str,
}

/// Exchanges the code and signs the person in.
pub async fn finish(
    auth: &Auth,
    db: &Db,
    provider: &Provider,
    attempt: &Attempt,
    arrival: &Arrival<'_>,
    now: DateTime<Utc>,
) -> Result<SignedIn, Trouble> {
    let proven = prove(provider, attempt, arrival, now).await?;
    settle(auth, db, proven, attempt, arrival.user_agent, now).await
}

/// Who the provider says it is, if the answer belongs to this attempt, in this browser, in time.
pub async fn prove(
    provider: &Provider,
    attempt: &Attempt,
    arrival: &Arrival<'_>,
    now: DateTime<Utc>,
) -> Result<Proven, Trouble> {
    let refuse = |failure, reason: &str| Err(Refusal::new(failure, reason).into());
    if attempt.expires_at <= now {
        return refuse(SignInFailure::AttemptExpired, "older than ten minutes");
    }
    if arrival.browser.map(hash).as_deref() != Some(attempt.browser_hash.as_slice()) {
        return refuse(SignInFailure::OtherBrowser, "the binding cookie is not the one of this attempt");
    }
    if arrival.issuer.is_some_and(|issuer| !provider.is_issuer(issuer)) {
        return refuse(SignInFailure::ProviderUntrusted, "iss of the answer is another provider");
    }
    if let Some(error) = arrival.error {
        return Err(said_no(error).into());
    }
    let Some(code) = arrival.code else {
        return refuse(SignInFailure::CodeRefused, "the answer has no code");
    };
    Ok(provider.identify(code, &attempt.nonce, &attempt.pkce_verifier).await?)
}

fn said_no(error: &str) -> Refusal {
    let failure = match error {
        "access_denied" | "interaction_required" | "login_required" | "consent_required" => SignInFailure::Denied,
        _ => SignInFailure::ProviderDown,
    };
    let said: String = error.chars().filter(char::is_ascii_graphic).take(60).collect();
    Refusal::new(failure, format!("the provider says {said}"))
}

pub struct SignedIn {
    pub session: Started,
    /// For the picture, which is fetched after the answer.
    pub identity: Proven,
    pub has_picture: bool,
}

async fn settle(
    auth: &Auth,
    db: &Db,
    proven: Proven,
    attempt: &Attempt,
    user_agent: &str,
    now: DateTime<Utc>,
) -> Result<SignedIn, Trouble> {
    let email = normalised(&proven)?;
    let mut tx = db.begin_house().await?;
    queries::lock_email(&mut *tx, &email).await?;
    let known = queries::person_of_identity(&mut *tx, &proven.issuer, &proven.subject).await?;
    let (person_id, has_picture) = match known {
        Some(person) => {
            if person.is_suspended {
                return Err(suspended().into());
            }
            identity_queries::touch(&mut *tx, &proven, now).await?;
            identity_queries::follow_email(&mut *tx, &proven, &email).await?;
            if let Some(pending) = &attempt.pending {
                link_pending(&mut tx, auth, &person, pending, now).await?;
                queries::take_pending(&mut *tx, &attempt.browser_hash, now).await?;
            }
            (person.id, person.has_picture)
        }
        None if attempt.pending.is_some() => {
            // They came to join what waits to an account they have; this is none, and a new one is not what they asked for.
            return Err(email_in_use(None).into());
        }
        None => {
            if let Some(first) = queries::first_way_of_email(&mut *tx, &email).await? {
                if first.is_suspended {
                    return Err(suspended().into());
                }
                queries::keep_pending(&mut *tx, &attempt.browser_hash, &proven, now + SIGN_IN_LIFETIME).await?;
                tx.commit().await?;
                return Err(email_in_use(Some(first.provider)).into());
            }
            (create(&mut tx, &proven, &email, false, now).await?, false)
        }
    };
    let session = session::start(&mut tx, person_id, &proven.provider, user_agent, now).await?;
    tx.commit().await?;
    Ok(SignedIn { session, identity: proven, has_picture })
}

pub fn normalised(proven: &Proven) -> Result<String, Refusal> {
    address::normalise(&proven.email)
        .ok_or_else(|| Refusal::new(SignInFailure::EmailUnverified, "what the provider gave is no address"))
}

fn suspended() -> Refusal {
    Refusal::new(SignInFailure::Suspended, "this person is suspended")
}

fn email_in_use(first_provider: Option<String>) -> Refusal {
    Refusal { first_provider, ..Refusal::new(SignInFailure::EmailInUse, "another account has this address") }
}

/// Only to the account it was refused for: in a shared browser somebody else's identity may be waiting.
async fn link_pending(
    conn: &mut PgConnection,
    auth: &Auth,
    person: &KnownPerson,
    pending: &Proven,
    now: DateTime<Utc>,
) -> Result<(), Trouble> {
    let waiting = normalised(pending)?;
    if waiting != person.email_normalised && !identity_queries::has_address(&mut *conn, person.id, &waiting).await? {
        return Err(email_in_use(None).into());
    }
    link::attach(conn, auth, person, pending, now).await
}

/// Person, gem account, the link between them, and the identity that proves it.
async fn create(
    conn: &mut PgConnection,
    proven: &Proven,
    email_normalised: &str,
    is_separate: bool,
    now: DateTime<Utc>,
) -> Result<Uuid, Trouble> {
    let new = NewPerson {
        id: Uuid::now_v7(),
        account_id: Uuid::now_v7(),
        email_normalised,
        identity: proven,
        is_separate,
        now,
    };
    queries::insert_person(conn, &new).await?;
    if !queries::insert_identity(&mut *conn, new.id, proven, now).await? {
        return Err(Refusal::new(SignInFailure::IdentityInUse, "another sign-in was quicker").into());
    }
    Ok(new.id)
}

/// A second account for an address that has one: the person's choice, without welcome gems.
pub async fn separate_account(
    db: &Db,
    browser: &str,
    user_agent: &str,
    now: DateTime<Utc>,
) -> Result<SignedIn, Trouble> {
    let mut tx = db.begin_house().await?;
    let Some(proven) = queries::take_pending(&mut *tx, &hash(browser), now).await? else {
        return Err(Trouble::Ours(ApiError::IllegalTransition("No sign-in waits for a choice. Sign in again.")));
    };
    let email = normalised(&proven)?;
    queries::lock_email(&mut *tx, &email).await?;
    let first = queries::first_way_of_email(&mut *tx, &email).await?;
    if first.is_some_and(|first| first.is_suspended) {
        return Err(Trouble::Ours(ApiError::Suspended));
    }
    let person_id = create(&mut tx, &proven, &email, true, now).await?;
    let session = session::start(&mut tx, person_id, &proven.provider, user_agent, now).await?;
    tx.commit().await?;
    Ok(SignedIn { session, identity: proven, has_picture: false })
}
