//! SQL of taking a person out of every table. House only; the caller owns the transaction.
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

/// Images that were made until then, and their shares written down; how many.
pub async fn erase_images(
    conn: &mut PgConnection,
    person_id: Uuid,
    made_until: DateTime<Utc>,
    most: i64,
) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(
        r#"with erased as (
             delete from images where id in (
               select id from images where person_id = $1 and created_at <= $2 order by id limit $3 for update
             )
             returning generation_id, price_gems
           ),
           written as (
             update generations g set erased_gems = g.erased_gems + e.gems
             from (select generation_id, sum(price_gems)::bigint as gems from erased group by generation_id) e
             where g.id = e.generation_id
           )
           select count(*) as "count!" from erased"#,
        person_id,
        made_until,
        most
    )
    .fetch_one(conn)
    .await
}

/// Of every table but these; how many went, by table.
pub async fn erase_rows(
    conn: &mut PgConnection,
    person_id: Uuid,
    most: i32,
    kept: &[&str],
) -> Result<Value, sqlx::Error> {
    let kept: Vec<String> = kept.iter().map(|name| (*name).to_owned()).collect();
    sqlx::query_scalar!(r#"select erase_rows_of($1, $2, $3) as "gone!""#, person_id, most, &kept).fetch_one(conn).await
}

pub struct Person {
    pub email_normalised: String,
    pub is_confirmed: bool,
}

/// Already locked.
pub async fn person(conn: &mut PgConnection, id: Uuid) -> Result<Option<Person>, sqlx::Error> {
    sqlx::query_as!(
        Person,
        r#"select email_normalised, age_confirmed_at is not null as "is_confirmed!" from people where id = $1"#,
        id
    )
    .fetch_optional(conn)
    .await
}

pub async fn forget_in_audit_log(conn: &mut PgConnection, person_id: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query!("select forget_in_audit_log($1)", person_id).fetch_one(conn).await?;
    Ok(())
}

/// Attempts to sign in, and identities that wait for a choice, of whoever has one of the person's identities, addresses or
/// sessions.
pub async fn forget_sign_ins(conn: &mut PgConnection, person_id: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "delete from sign_in_attempts a
         where a.session_id in (select s.id from sessions s where s.person_id = $1)
           or exists (
             select from identities i where i.person_id = $1
               and ((i.issuer, i.subject) = (a.pending_identity ->> 'issuer', a.pending_identity ->> 'subject')
                 or lower(i.email) = lower(a.pending_identity ->> 'email'))
           )",
        person_id
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "delete from pending_identities w
         where exists (
           select from identities i where i.person_id = $1
             and ((i.issuer, i.subject) = (w.identity ->> 'issuer', w.identity ->> 'subject')
               or lower(i.email) = lower(w.identity ->> 'email'))
         )",
        person_id
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What is bought and adjusted stays, and whatever in it was chosen by somebody or leads to a request goes. Both keys stay
/// unique: each is its row's own id.
pub async fn take_names_out_of_the_books(
    conn: &mut PgConnection,
    person_id: Uuid,
    account_id: Uuid,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update purchases set billing_email = null, idempotency_key = id::text, fingerprint = '', request_id = ''
         where account_id = $1",
        account_id
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "update gem_adjustments
         set idempotency_key = id::text, fingerprint = '',
           operator_id = case when operator_id = $2 then '00000000-0000-0000-0000-000000000000'::uuid else operator_id end
         where account_id = $1 or operator_id = $2",
        account_id,
        person_id
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A sweep of objects that is among this person's goes on from before them.
pub async fn forget_in_sweeps(conn: &mut PgConnection, person_id: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update sweep_runs set cursor_key = left(cursor_key, length('users/') + 8), cursor_version = null
         where cursor_key like 'users/' || $1::uuid::text || '/%'",
        person_id
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The vendor's customer, which nothing else knows from here on.
pub async fn take_customer(conn: &mut PgConnection, account_id: Uuid) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar!("delete from payment_customers where account_id = $1 returning customer", account_id)
        .fetch_optional(conn)
        .await
}

pub async fn delete_person(conn: &mut PgConnection, person_id: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query!("delete from account_links where person_id = $1", person_id).execute(&mut *conn).await?;
    sqlx::query!("delete from people where id = $1", person_id).execute(conn).await?;
    Ok(())
}

/// The person is gone: what the job still has to do. False: it is another's now.
pub async fn note_gone(
    conn: &mut PgConnection,
    (id, attempt): (Uuid, i32),
    gems: i64,
    customer: Option<&str>,
) -> Result<bool, sqlx::Error> {
    let noted = sqlx::query!(
        "update erasures
         set step = 'remains', gems_forfeited = gems_forfeited + $3, customer = coalesce($4, customer),
           erased_rows = add_counts(erased_rows, '{\"people\": 1}')
         where id = $1 and attempt = $2 and status = 'running'",
        id,
        attempt,
        gems,
        customer
    )
    .execute(conn)
    .await?;
    Ok(noted.rows_affected() == 1)
}

/// Everyone who has this address, or signs in with it.
pub async fn with_address(conn: &mut PgConnection, normalised: &str) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select id as "id!" from people where email_normalised = $1
           union select person_id from identities where lower(email) = $1"#,
        normalised
    )
    .fetch_all(conn)
    .await
}
