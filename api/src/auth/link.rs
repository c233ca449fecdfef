//! Another way to sign in for an account that is there: what comes back from the provider goes to the person of the
//! session that asked, in the browser that asked, and to nobody else. Two accounts are never joined.
use chrono::{DateTime, Utc};
use lapidary_contract::SignInFailure;
use sqlx::PgConnection;
use uuid::Uuid;

use super::providers::{Provider, Refusal};
use super::queries::{self, Attempt, KnownPerson};
use super::secret::hash;
use super::session::{self, IDLE};
use super::sign_in::{self, Arrival, Proven, Trouble};
use super::{Auth, age, identity_queries, session_queries};
use crate::db::Db;

/// The session that started an attempt, and what the browser that came back shows of it.
pub struct Asking<'a> {
    pub session_id: Uuid,
    /// The refresh token of this browser: an access token alone, which scripts may see, links nothing.
    pub refresh_token: Option<&'a str>,
}

/// Exchanges the code and links the identity to the person of the session.
pub async fn finish(
    auth: &Auth,
    db: &Db,
    provider: &Provider,
    attempt: &Attempt,
    arrival: &Arrival<'_>,
    asking: &Asking<'_>,
    now: DateTime<Utc>,
) -> Result<(), Trouble> {
    let proven = sign_in::prove(provider, attempt, arrival, now).await?;
    let email = sign_in::normalised(&proven)?;
    let mut tx = db.begin_house().await?;
    // Somebody may be signing up with this address right now.
    queries::lock_email(&mut *tx, &email).await?;
    match person_of(&mut tx, asking, now).await? {
        Asked::By(person) => {
            attach(&mut tx, auth, &person, &proven, now).await?;
            Ok(tx.commit().await?)
        }
        Asked::Reused(session_id) => {
            session_queries::end(&mut tx, session_id, now).await?;
            tx.commit().await?;
            auth.revocations.add(session_id);
            Err(ended("a spent refresh token came back: its session ends").into())
        }
    }
}

enum Asked {
    By(KnownPerson),
    /// By a token spent long ago, which two hold: as at a refresh, the session must end.
    Reused(Uuid),
}

fn ended(reason: &str) -> Refusal {
    Refusal::new(SignInFailure::SessionEnded, reason)
}

/// Looked at after the provider was asked, and locked: the session may have ended while the person was there.
async fn person_of(conn: &mut PgConnection, asking: &Asking<'_>, now: DateTime<Utc>) -> Result<Asked, Trouble> {
    let ended = || Trouble::from(ended("the session that asked has ended"));
    let token = hash(asking.refresh_token.ok_or_else(ended)?);
    let session = session_queries::lock_session(&mut *conn, &token).await?;
    let session = session.filter(|session| session.id == asking.session_id).ok_or_else(ended)?;
    if session.is_suspended {
        return Err(Refusal::new(SignInFailure::Suspended, "this person is suspended").into());
    }
    if session.is_revoked || session.expires_at <= now || session.last_used_at + IDLE <= now {
        return Err(ended());
    }
    let row = session_queries::token(conn, &token).await?.ok_or_else(ended)?;
    if session::is_reused(&row, now) {
        return Ok(Asked::Reused(session.id));
    }
    Ok(Asked::By(KnownPerson {
        id: session.person_id,
        email_normalised: session.email_normalised,
        is_suspended: false,
        is_confirmed: session.is_confirmed,
        has_picture: true,
    }))
}

/// Gives the identity to the person, unless it is another's. Welcome gems were theirs: nobody gets them for it again.
pub async fn attach(
    conn: &mut PgConnection,
    auth: &Auth,
    person: &KnownPerson,
    proven: &Proven,
    now: DateTime<Utc>,
) -> Result<(), Trouble> {
    if !queries::insert_identity(&mut *conn, person.id, proven, now).await? {
        let owner = queries::person_of_identity(&mut *conn, &proven.issuer, &proven.subject).await?;
        if owner.is_none_or(|owner| owner.id != person.id) {
            let reason = "this identity belongs to another account";
            return Err(Refusal::new(SignInFailure::IdentityInUse, reason).into());
        }
        identity_queries::touch(&mut *conn, proven, now).await?;
    }
    if person.is_confirmed {
        age::mark_all(conn, &auth.master, person.id, &person.email_normalised, now).await?;
    }
    Ok(())
}
