//! Confirming one's age: the door to everything else, to the welcome gems, and out again for those who are too young.
use chrono::{DateTime, TimeDelta, Utc};
use lapidary_domain::Gems;
use sqlx::PgConnection;
use uuid::Uuid;

use super::keys::KeyError;
use super::marks::MarkKeys;
use super::secret::MasterKey;
use super::{address, session_queries};
use crate::db::Db;
use crate::gems::ledger;
use crate::promises::policy;
use crate::requests;

/// Whoever has not said by then how old they are is not coming back to it.
pub const UNCONFIRMED_KEPT: TimeDelta = TimeDelta::hours(24);

/// Marks who is 13 or older. Welcome gems come with it, once for an identity and an address, ever.
pub async fn confirm(
    db: &Db,
    master: &MasterKey,
    person_id: Uuid,
    account_id: Uuid,
    welcome_gems: Gems,
    now: DateTime<Utc>,
) -> Result<(), KeyError> {
    let mut tx = db.begin_house().await?;
    let confirmed = sqlx::query!(
        "update people set age_confirmed_at = $2 where id = $1 and age_confirmed_at is null
         returning email_normalised, is_separate",
        person_id,
        now
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(person) = confirmed else { return Ok(()) };
    policy::queries::join(&mut tx, person_id, &policy::versions::ids_in_force(now), now).await?;
    let is_new = mark_all(&mut tx, master, person_id, &person.email_normalised, now).await?;
    if is_new && !person.is_separate {
        ledger::grant(&mut tx, account_id, account_id, welcome_gems, now).await?;
    }
    Ok(tx.commit().await?)
}

/// Leaves a mark for each identity and each address. False: at least one was there before.
pub async fn mark_all(
    conn: &mut PgConnection,
    master: &MasterKey,
    person_id: Uuid,
    email_normalised: &str,
    now: DateTime<Utc>,
) -> Result<bool, KeyError> {
    let keys = MarkKeys::load(&mut *conn, master, now).await?;
    let identities = sqlx::query!("select issuer, subject, email from identities where person_id = $1", person_id)
        .fetch_all(&mut *conn)
        .await?;
    let mut marks: Vec<Vec<u8>> =
        identities.iter().flat_map(|row| keys.marks("identity", &[&row.issuer, &row.subject])).collect();
    let theirs = identities.iter().filter_map(|row| address::normalise(&row.email));
    for address in theirs.chain([email_normalised.to_owned()]) {
        marks.extend(keys.marks("email", &[&address::fold(&address)]));
    }
    // In one order everywhere: two people with a mark in common must not wait for each other.
    marks.sort();
    marks.dedup();
    let fresh = sqlx::query!(
        "insert into welcome_marks (hash, created_at) select hash, $2 from unnest($1::bytea[]) as given (hash)
         on conflict do nothing",
        &marks,
        now
    )
    .execute(conn)
    .await?;
    Ok(usize::try_from(fresh.rows_affected()) == Ok(marks.len()))
}

/// What became of somebody who said they are too young.
pub enum Erased {
    Gone {
        sessions: Vec<Uuid>,
        picture_key: Option<String>,
    },
    /// They confirmed the opposite before; rows, images and gems need the whole erasure, which is a job.
    ConfirmedBefore,
}

/// Removes everything of a person who never confirmed: nothing else can exist of them yet.
pub async fn erase(db: &Db, person_id: Uuid) -> Result<Erased, sqlx::Error> {
    let mut tx = db.begin_house().await?;
    let person = sqlx::query!("select picture_key, age_confirmed_at from people where id = $1 for update", person_id)
        .fetch_optional(&mut *tx)
        .await?;
    // Another process was quicker.
    let Some(person) = person else { return Ok(Erased::Gone { sessions: Vec::new(), picture_key: None }) };
    if person.age_confirmed_at.is_some() {
        return Ok(Erased::ConfirmedBefore);
    }
    let sessions = session_queries::end_all(&mut tx, person_id, None).await?;
    delete_person(&mut tx, person_id).await?;
    tx.commit().await?;
    Ok(Erased::Gone { sessions, picture_key: person.picture_key })
}

/// The account goes too: nothing was ever granted or bought on it.
async fn delete_person(conn: &mut PgConnection, person_id: Uuid) -> Result<(), sqlx::Error> {
    let account = sqlx::query_scalar!("delete from account_links where person_id = $1 returning account_id", person_id)
        .fetch_optional(&mut *conn)
        .await?;
    sqlx::query!("delete from people where id = $1", person_id).execute(&mut *conn).await?;
    requests::queries::forget(&mut *conn, person_id).await?;
    sqlx::query!(
        "delete from gem_accounts a where a.id = $1
         and not exists (select from gem_transfers t where t.account_id = a.id)",
        account
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// People who did not confirm within a day, at most a hundred.
pub async fn unconfirmed(db: &Db, now: DateTime<Utc>) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar!(
        "select id from people where age_confirmed_at is null and suspended_at is null and created_at < $1 limit 100",
        now - UNCONFIRMED_KEPT
    )
    .fetch_all(db.house())
    .await
}
