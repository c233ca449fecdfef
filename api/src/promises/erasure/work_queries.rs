//! SQL of ending what one person has under way, whoever runs it. House only.
use chrono::{DateTime, Utc};
use lapidary_contract::domain::Hold;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

/// Something with a hold.
pub struct Held {
    pub id: Uuid,
    pub account_id: Uuid,
    held_free: i64,
    held_bought: i64,
}

impl Held {
    pub fn hold(&self) -> Hold {
        Hold { free: self.held_free, bought: self.held_bought }
    }
}

/// The next ones after `after`, locked. Without what runs, where that is told to stop by itself.
pub async fn generations(
    conn: &mut PgConnection,
    person_id: Uuid,
    after: Uuid,
    takes_running: bool,
    most: i64,
) -> Result<Vec<Held>, sqlx::Error> {
    sqlx::query_as!(
        Held,
        "select id, account_id, held_free, held_bought from generations
         where person_id = $1 and id > $2 and (status = 'queued' or ($3 and status = 'running'))
         order by id limit $4 for update",
        person_id,
        after,
        takes_running,
        most
    )
    .fetch_all(conn)
    .await
}

/// Who may start nothing, and has something that waits, or runs and was not told to stop.
pub async fn refused_people(house: &PgPool, most: i64) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"with recursive waiting as (
             (select person_id from generations where status = 'queued' order by person_id limit 1)
             union all
             select (select g.person_id from generations g
                     where g.status = 'queued' and g.person_id > w.person_id order by g.person_id limit 1)
             from waiting w where w.person_id is not null
           ),
           busy as (
             select person_id from waiting
             union
             select person_id from generations where status = 'running' and cancel_requested_at is null
           )
           select p.id as "id!" from busy b join people p on p.id = b.person_id
           where p.suspended_at is not null or p.closing_at is not null limit $1"#,
        most
    )
    .fetch_all(house)
    .await
}

/// What runs is told to stop, and keeps what it has made by then.
pub async fn request_cancels(
    conn: &mut PgConnection,
    person_id: Uuid,
    now: DateTime<Utc>,
) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar!(
        "update generations set cancel_requested_at = coalesce(cancel_requested_at, $2)
         where person_id = $1 and status = 'running' returning id",
        person_id,
        now
    )
    .fetch_all(conn)
    .await
}

pub async fn refinements(conn: &mut PgConnection, person_id: Uuid) -> Result<Vec<Held>, sqlx::Error> {
    sqlx::query_as!(
        Held,
        "select id, account_id, held_free, held_bought from refinements
         where person_id = $1 and status = 'running' order by id for update",
        person_id
    )
    .fetch_all(conn)
    .await
}

/// Whoever makes one notices at the next beat, and throws away what it sent.
pub async fn end_archives(conn: &mut PgConnection, person_id: Uuid, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update image_archives
         set status = 'expired', lease_until = null, finished_at = coalesce(finished_at, $2), expires_at = $2
         where person_id = $1 and status in ('queued', 'running', 'ready')",
        person_id,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}
