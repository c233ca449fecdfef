//! SQL of notices. Only the house makes them; a person reads their own.
use chrono::{DateTime, Utc};
use lapidary_contract::NoticeKind;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::http::paging::Keyset;

/// Fewer gems than this, held ones counted, are low: a handful of pictures.
const LOW_GEMS: i64 = 20;

/// Tells a person once of each (kind, subject, part), however often it is called, and announces it. The caller nudges the
/// person's streams after the commit.
pub async fn add(
    conn: &mut PgConnection,
    person_id: Uuid,
    kind: NoticeKind,
    subject: Option<Uuid>,
    gems: Option<i64>,
    part: i32,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "with added as (
           insert into notices (id, person_id, kind, subject, gems, part, created_at)
           values ($1, $2, $3, $4, $5, $6, $7)
           on conflict on constraint notices_once do nothing
           returning id
         )
         select record_event($2, 'notice', id) from added",
        Uuid::now_v7(),
        person_id,
        kind.name(),
        subject,
        gems,
        part,
        now
    )
    .fetch_optional(conn)
    .await?;
    Ok(())
}

/// Tells that gems have become low, where it is this that left so few: whoever listens from outside each time, and the person
/// where they have read of the last time. The caller has locked the account: no two pass the line together.
pub async fn gems_low(
    conn: &mut PgConnection,
    person_id: Uuid,
    gems: i64,
    gone_gems: i64,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    if !become_low(gems, gone_gems) {
        return Ok(());
    }
    sqlx::query!(
        "with earlier as (
           select coalesce(max(part) + 1, 0) as part, coalesce(bool_or(read_at is null), false) as is_unread
           from notices where person_id = $2 and kind = 'gems_low'
         ),
         added as (
           insert into notices (id, person_id, kind, gems, part, created_at)
           select $1, $2, 'gems_low', $3, earlier.part, $4 from earlier where not earlier.is_unread
           on conflict on constraint notices_once do nothing
           returning id
         )
         select (select record_event($2, 'notice', id) from added), emit_gems_low($2, $1, $3, $4)",
        Uuid::now_v7(),
        person_id,
        gems,
        now
    )
    .fetch_one(conn)
    .await?;
    Ok(())
}

fn become_low(gems: i64, gone_gems: i64) -> bool {
    gems < LOW_GEMS && gems + gone_gems >= LOW_GEMS
}

/// As [`gems_low`], where a notice of its own says already what took them: only whoever listens from outside is told.
pub async fn gems_low_outside(
    conn: &mut PgConnection,
    person_id: Uuid,
    gems: i64,
    gone_gems: i64,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    if become_low(gems, gone_gems) {
        let subject = Uuid::now_v7();
        sqlx::query!("select emit_gems_low($1, $2, $3, $4)", person_id, subject, gems, now).fetch_one(conn).await?;
    }
    Ok(())
}

pub struct NoticeRow {
    pub id: Uuid,
    pub kind: String,
    pub subject: Option<Uuid>,
    pub gems: Option<i64>,
    pub created_at: DateTime<Utc>,
    pub read_at: Option<DateTime<Utc>>,
}

pub async fn list(
    conn: &mut PgConnection,
    person_id: Uuid,
    from: Keyset,
    rows: i64,
) -> Result<Vec<NoticeRow>, sqlx::Error> {
    sqlx::query_as!(
        NoticeRow,
        "select id, kind, subject, gems, created_at, read_at from notices
         where person_id = $1 and (created_at, id) < ($2, $3)
         order by created_at desc, id desc limit $4",
        person_id,
        from.before_at,
        from.before_id,
        rows
    )
    .fetch_all(conn)
    .await
}

pub async fn unread(conn: &mut PgConnection, person_id: Uuid) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select count(*) as "unread!" from notices where person_id = $1 and read_at is null"#,
        person_id
    )
    .fetch_one(conn)
    .await
}

/// Announces it when this is the first time. `None`: no such notice of theirs.
pub async fn mark_read(
    conn: &mut PgConnection,
    person_id: Uuid,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<Option<bool>, sqlx::Error> {
    let marked = sqlx::query!(
        "with marked as (
           update notices set read_at = $3 where person_id = $1 and id = $2 and read_at is null returning id
         )
         select record_event($1, 'notice', id) from marked",
        person_id,
        id,
        now
    )
    .fetch_optional(&mut *conn)
    .await?;
    if marked.is_some() {
        return Ok(Some(true));
    }
    let known = sqlx::query!("select id from notices where person_id = $1 and id = $2", person_id, id)
        .fetch_optional(conn)
        .await?;
    Ok(known.map(|_| false))
}
