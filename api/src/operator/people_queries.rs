//! SQL of what an operator sees of people. Runs as the house: they are others. No prompt and no picture is read here.
use chrono::{DateTime, Utc};
use lapidary_contract::{PersonCounts, PersonIdentity, PersonState, PersonSummary};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::http::paging::Keyset;

pub struct PersonRow {
    pub id: Uuid,
    pub account_id: Uuid,
    pub email: String,
    pub name: Option<String>,
    pub suspended_at: Option<DateTime<Utc>>,
    pub is_confirmed: bool,
    pub is_closing: bool,
    pub is_operator: bool,
    pub providers: Vec<String>,
    pub remaining: i64,
    pub held: i64,
    pub debt: i64,
    pub created_at: DateTime<Utc>,
}

impl From<PersonRow> for PersonSummary {
    fn from(row: PersonRow) -> Self {
        Self {
            id: row.id,
            email: row.email,
            name: row.name,
            state: match (row.suspended_at.is_some(), row.is_closing, row.is_confirmed) {
                (true, ..) => PersonState::Suspended,
                (false, true, _) => PersonState::Closing,
                (false, false, true) => PersonState::Active,
                (false, false, false) => PersonState::AgeNotConfirmed,
            },
            is_operator: row.is_operator,
            providers: row.providers,
            remaining: row.remaining,
            held: row.held,
            debt: row.debt,
            created_at: row.created_at,
        }
    }
}

/// What an operator typed, as the things it may be.
pub struct Sought<'a> {
    /// A provider's account.
    pub text: &'a str,
    /// As addresses are stored.
    pub email: Option<String>,
    /// A person, or a request.
    pub id: Option<Uuid>,
}

/// Newest first, everybody where nobody is sought.
pub async fn find(
    conn: &mut PgConnection,
    sought: Option<&Sought<'_>>,
    before: Keyset,
    rows: i64,
) -> Result<Vec<PersonRow>, sqlx::Error> {
    sqlx::query_as!(
        PersonRow,
        r#"select p.id, l.account_id, p.email, p.name, p.suspended_at, p.age_confirmed_at is not null as "is_confirmed!", p.closing_at is not null as "is_closing!",
             p.is_operator, p.created_at,
             array(select i.provider from identities i where i.person_id = p.id order by i.created_at) as "providers!",
             a.free + a.bought as "remaining!", a.held_free + a.held_bought as "held!", a.debt
           from people p
             join account_links l on l.person_id = p.id
             join gem_accounts a on a.id = l.account_id
           where (p.created_at, p.id) < ($1, $2)
             and ($3::text is null or p.id in (
               select id from people where email_normalised = $6 or id = $4
               union all select person_id from identities where email_normalised = $6 or subject = $3
               union all select person_id from request_log where id = $4
               union all select person_id from generations where request_id = $4::uuid::text
               union all select person_id from refinements where request_id = $4::uuid::text
             ))
           order by p.created_at desc, p.id desc limit $5"#,
        before.before_at,
        before.before_id,
        sought.map(|sought| sought.text),
        sought.and_then(|sought| sought.id),
        rows,
        sought.and_then(|sought| sought.email.as_deref())
    )
    .fetch_all(conn)
    .await
}

pub async fn get(conn: &mut PgConnection, id: Uuid) -> Result<Option<PersonRow>, sqlx::Error> {
    sqlx::query_as!(
        PersonRow,
        r#"select p.id, l.account_id, p.email, p.name, p.suspended_at, p.age_confirmed_at is not null as "is_confirmed!", p.closing_at is not null as "is_closing!",
             p.is_operator, p.created_at,
             array(select i.provider from identities i where i.person_id = p.id order by i.created_at) as "providers!",
             a.free + a.bought as "remaining!", a.held_free + a.held_bought as "held!", a.debt
           from people p
             join account_links l on l.person_id = p.id
             join gem_accounts a on a.id = l.account_id
           where p.id = $1"#,
        id
    )
    .fetch_optional(conn)
    .await
}

pub async fn exists(conn: &mut PgConnection, id: Uuid) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(r#"select exists (select from people where id = $1) as "exists!""#, id).fetch_one(conn).await
}

pub async fn identities(conn: &mut PgConnection, id: Uuid) -> Result<Vec<PersonIdentity>, sqlx::Error> {
    sqlx::query_as!(
        PersonIdentity,
        r#"select provider, subject, email, created_at as "linked_at", last_used_at from identities
           where person_id = $1 order by created_at"#,
        id
    )
    .fetch_all(conn)
    .await
}

pub async fn counts(conn: &mut PgConnection, id: Uuid, now: DateTime<Utc>) -> Result<PersonCounts, sqlx::Error> {
    sqlx::query_as!(
        PersonCounts,
        r#"select
             (select count(*) from generations where person_id = $1) as "generations!",
             (select count(*) from generations where person_id = $1 and status in ('queued', 'running')) as "unfinished!",
             (select count(*) from images where person_id = $1 and deleted_at is null) as "images!",
             (select count(*) from sessions where person_id = $1 and revoked_at is null and expires_at > $2) as "sessions!",
             (select count(*) from flags where person_id = $1 and closed_at is null) as "open_flags!""#,
        id,
        now
    )
    .fetch_one(conn)
    .await
}
