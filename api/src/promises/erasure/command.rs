//! `lapidary people erase`: for who cannot sign in any more and wrote to the operator. Recorded in the audit log, which
//! forgets whom it was about when they are gone.
use lapidary_contract::{ErasureKind, OperatorAct};
use sqlx::PgConnection;
use uuid::Uuid;

use super::begin::{self, Asked};
use super::begin_queries;
use crate::app::StartError;
use crate::auth::address;
use crate::clock::Clock;
use crate::config::Settings;
use crate::db::Db;
use crate::operator::audit::{self, By, Done};
use crate::work::bell::{self, News};

/// What to say on standard output. `who` is an id, or an e-mail address that one account has.
pub async fn erase(
    who: &str,
    at_once: bool,
    settings: &Settings,
    db: &Db,
    clock: &Clock,
) -> Result<String, StartError> {
    let now = clock.now();
    let mut tx = db.begin_house().await?;
    let person_id = find(&mut tx, who).await?;
    if begin_queries::is_operator(&mut *tx, person_id).await? {
        return Err(StartError::Other(format!(
            "{person_id} is an operator, and the audit log must say whose acts they were: `lapidary people remove-operator \
             {person_id}` first"
        )));
    }
    let undo_days = if at_once { 0 } else { settings.erasure.erasure_undo_days };
    let asked = Asked { kind: ErasureKind::Account, person_id, undo_days };
    let begun = begin::begin(&mut tx, asked, &settings.origin(), now).await;
    let begun = begun.map_err(|error| StartError::Other(error.to_string()))?;
    audit::record(&mut tx, &Done::new(By::CommandLine, OperatorAct::Erase, person_id), now).await?;
    tx.commit().await?;
    // Whoever is deaf polls within a second.
    let _ = bell::tell_once(db.house(), News::Revocation).await;
    let when = if begun.is_at_once(now) {
        "is being erased".to_owned()
    } else {
        format!("will be erased at {}, and can undo it until then", begun.erasure.at.format("%Y-%m-%d %H:%M UTC"))
    };
    let receipt = begun.erasure.receipt_url.map(|url| format!("\nthe receipt, for them: {url}")).unwrap_or_default();
    Ok(format!("{person_id} {when}; gems that are forfeited: {}{receipt}", begun.erasure.gems_forfeited))
}

async fn find(conn: &mut PgConnection, who: &str) -> Result<Uuid, StartError> {
    if let Ok(id) = who.trim().parse() {
        return Ok(id);
    }
    let nobody = || StartError::Other(format!("nobody has the id or e-mail address {who}"));
    let normalised = address::normalise(who).ok_or_else(nobody)?;
    match super::person_queries::with_address(conn, &normalised).await?.as_slice() {
        [] => Err(nobody()),
        [only] => Ok(*only),
        many => {
            let ids: Vec<String> = many.iter().map(Uuid::to_string).collect();
            Err(StartError::Other(format!("several have that address, say which one: {}", ids.join(" "))))
        }
    }
}
