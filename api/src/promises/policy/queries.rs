//! SQL of policies: which versions there are, who was told and who has read them.
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::versions::Version;

/// Another process may have been quicker.
pub async fn publish(house: &PgPool, version: &Version, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into policy_versions (id, kind, version, text_hash, effective_at, created_at)
         select $1, $2, $3, $4, $5, $6
         where not exists (select from policy_versions where kind = $2 and version = $3)
         on conflict do nothing",
        version.id(),
        version.kind.name(),
        version.version,
        version.text_hash(),
        version.effective_at(),
        now
    )
    .execute(house)
    .await?;
    Ok(())
}

/// How far everybody has been told, the row locked. `None`: to the end, or another process is at it.
pub async fn take(conn: &mut PgConnection, id: Uuid) -> Result<Option<Uuid>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select coalesce(told_to, '00000000-0000-0000-0000-000000000000') as "told_to!" from policy_versions
           where id = $1 and told_at is null for update skip locked"#,
        id
    )
    .fetch_optional(conn)
    .await
}

/// Who has an account, in the order of ids; they stay until the transaction ends.
pub async fn people_after(conn: &mut PgConnection, after: Uuid, rows: i64) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar!(
        "select id from people where id > $1 and age_confirmed_at is not null order by id limit $2 for key share",
        after,
        rows
    )
    .fetch_all(conn)
    .await
}

/// Tells those of them who have not read it; gives whom.
pub async fn tell(
    conn: &mut PgConnection,
    policy_id: Uuid,
    people: &[Uuid],
    notices: &[Uuid],
    now: DateTime<Utc>,
) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"with added as (
             insert into notices (id, person_id, kind, subject, created_at)
             select told.notice_id, told.person_id, 'policy', $3, $4
             from unnest($1::uuid[], $2::uuid[]) as told (person_id, notice_id)
             where not exists (
               select from policy_acknowledgements a where a.person_id = told.person_id and a.policy_id = $3
             )
             on conflict on constraint notices_once do nothing
             returning id, person_id
           ),
           announced as (select person_id, record_event(person_id, 'notice', id) from added)
           select person_id as "person_id!" from announced"#,
        people,
        notices,
        policy_id,
        now
    )
    .fetch_all(conn)
    .await
}

pub async fn told_to(conn: &mut PgConnection, id: Uuid, last: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query!("update policy_versions set told_to = $2 where id = $1", id, last).execute(conn).await?;
    Ok(())
}

/// How far it came named a person, who may be erased one day.
pub async fn told_all(conn: &mut PgConnection, id: Uuid, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
    sqlx::query!("update policy_versions set told_at = $2, told_to = null where id = $1", id, now)
        .execute(conn)
        .await?;
    Ok(())
}

/// Once for each person and version; the notice of it is read with that, and announced.
pub async fn acknowledge(
    conn: &mut PgConnection,
    person_id: Uuid,
    policy_id: Uuid,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into policy_acknowledgements (person_id, policy_id, way, created_at) values ($1, $2, 'reading', $3)
         on conflict on constraint policy_acknowledgements_pk do nothing",
        person_id,
        policy_id,
        now
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "with marked as (
           update notices set read_at = $3
           where person_id = $1 and kind = 'policy' and subject = $2 and read_at is null
           returning id
         )
         select record_event($1, 'notice', id) from marked",
        person_id,
        policy_id,
        now
    )
    .fetch_optional(conn)
    .await?;
    Ok(())
}

/// Whoever joins has read what holds by then: the sign-in page and the age question say so.
pub async fn join(
    conn: &mut PgConnection,
    person_id: Uuid,
    policies: &[Uuid],
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into policy_acknowledgements (person_id, policy_id, way, created_at)
         select $1, read.id, 'joining', $3 from unnest($2::uuid[]) as read (id)
         on conflict on constraint policy_acknowledgements_pk do nothing",
        person_id,
        policies,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

pub struct Told {
    pub text_hash: Vec<u8>,
    pub created_at: DateTime<Utc>,
    pub told_at: Option<DateTime<Utc>>,
}

pub async fn told(conn: &mut PgConnection, id: Uuid) -> Result<Option<Told>, sqlx::Error> {
    sqlx::query_as!(Told, "select text_hash, created_at, told_at from policy_versions where id = $1", id)
        .fetch_optional(conn)
        .await
}
