//! What must be true of the database at the end, written from the rules of money and not from the code that keeps them.
use std::collections::{HashMap, HashSet};

use sqlx::{PgPool, Row};
use uuid::Uuid;

use crate::maker::Asked;
use crate::tally::Tally;

/// Each statement finds what breaks its rule.
const RULES: &[(&str, &str)] = &[
    ("a generation is still waiting or running", "select id::text from generations where status in ('queued', 'running')"),
    ("gems are still held", "select id::text from gem_accounts where held_free <> 0 or held_bought <> 0"),
    (
        "a balance is below zero",
        "select id::text from gem_accounts where least(free, bought, held_free, held_bought, debt, used, purchased) < 0",
    ),
    (
        "an account has not what it was given less the shares of its stored images",
        "select a.id::text from gem_accounts a
         where a.free + a.bought <>
           (select coalesce(sum(amount), 0) from gem_transfers t where t.account_id = a.id and t.kind in ('grant', 'purchase'))
           - (select coalesce(sum(i.price_gems), 0) from images i
              join account_links l on l.person_id = i.person_id where l.account_id = a.id)",
    ),
    (
        "used is not the shares of the stored images",
        "select a.id::text from gem_accounts a where a.used <>
           (select coalesce(sum(i.price_gems), 0) from images i
            join account_links l on l.person_id = i.person_id where l.account_id = a.id)",
    ),
    (
        "a generation was not held for exactly once",
        "select g.id::text from generations g where g.share_gems * g.count <>
           (select coalesce(sum(amount), 0) from gem_transfers t where t.reference = g.id and t.kind = 'hold')",
    ),
    (
        "captured is not the shares of its stored images",
        "select g.id::text from generations g where
           (select coalesce(sum(amount), 0) from gem_transfers t where t.reference = g.id and t.kind = 'capture')
           is distinct from g.share_gems * (select count(*) from images i where i.generation_id = g.id)",
    ),
    (
        "captured and released are not what was held",
        "select g.id::text from generations g where g.share_gems * g.count <>
           (select coalesce(sum(amount), 0) from gem_transfers t where t.reference = g.id and t.kind in ('capture', 'release'))",
    ),
    (
        "bought gems were captured while free ones of the same hold were given back",
        "select reference::text from gem_transfers where kind in ('capture', 'release') group by reference
         having bool_or(kind = 'capture' and debit = 'held_bought') and bool_or(kind = 'release' and debit = 'held_free')",
    ),
    (
        "gems came back as the other kind",
        "select reference::text from gem_transfers
         where kind = 'release' and (debit, credit) not in (('held_free', 'free'), ('held_bought', 'bought'))",
    ),
    (
        "gems moved for a generation that is not there, or on somebody else's account",
        "select t.id::text from gem_transfers t left join generations g on g.id = t.reference
         where t.kind in ('hold', 'capture', 'release') and g.account_id is distinct from t.account_id",
    ),
    (
        "a state does not fit its images",
        "select g.id::text from generations g
         cross join lateral (select count(*) as images from images i where i.generation_id = g.id) i
         where not case g.status
           when 'succeeded' then i.images = g.count
           when 'partly_succeeded' then i.images > 0 and i.images < g.count
           when 'failed' then i.images = 0 and g.failure_code is not null
           when 'cancelled' then g.cancel_requested_at is not null and i.images <= g.count
           else false end",
    ),
    (
        "an image is not its generation's owner's, or lies elsewhere",
        "select i.id::text from images i join generations g on g.id = i.generation_id
         left join account_links l on l.person_id = i.person_id
         where i.person_id <> g.person_id or l.account_id is distinct from g.account_id
           or not starts_with(i.object_prefix, 'users/' || i.person_id || '/')",
    ),
    (
        "one place in storage belongs to two images",
        "select object_prefix from images group by object_prefix having count(*) > 1",
    ),
];

pub async fn rules(pool: &PgPool, tally: &Tally) {
    for (sentence, statement) in RULES {
        let found: Vec<String> = sqlx::query_scalar(*statement).fetch_all(pool).await.expect(sentence);
        if !found.is_empty() {
            let some = &found[..found.len().min(5)];
            tally.broken(format!("{sentence}: {} times, for example {some:?}", found.len()));
        }
    }
    for sentence in lapidary::gems::audit::audit(pool).await.expect("an audit") {
        tally.broken(format!("the audit: {sentence}"));
    }
}

struct Row1 {
    id: Uuid,
    status: String,
    count: i64,
    captured: i64,
}

/// What people were told is what the database has.
pub async fn promises(pool: &PgPool, asked: &[Asked], seen: &HashMap<Uuid, String>, tally: &Tally) {
    let rows =
        sqlx::query("select id, person_id, idempotency_key, status, count::bigint, captured_gems from generations");
    let mut by_key: HashMap<(Uuid, String), Vec<Row1>> = HashMap::new();
    for row in rows.fetch_all(pool).await.expect("generations") {
        let key = (row.get("person_id"), row.get("idempotency_key"));
        let (id, status) = (row.get("id"), row.get("status"));
        by_key.entry(key).or_default().push(Row1 {
            id,
            status,
            count: row.get("count"),
            captured: row.get("captured_gems"),
        });
    }
    for asked in asked {
        let found = by_key.remove(&(asked.person_id, asked.key.clone())).unwrap_or_default();
        let ids: HashSet<Uuid> = asked.ids.iter().copied().collect();
        if ids.len() > 1 || found.len() > 1 {
            tally.broken(format!("{}: one key made {} generations ({ids:?})", asked.key, found.len().max(ids.len())));
        }
        match (ids.iter().next(), found.first()) {
            (Some(id), Some(row)) if *id == row.id => kept(asked, row, seen, tally),
            (Some(id), _) => tally.broken(format!("{id}: accepted, and not there")),
            (None, Some(_)) if asked.is_unknown => tally.one("asked: unanswered, and done all the same"),
            (None, Some(row)) => tally.broken(format!("{}: refused ({:?}), and there", row.id, asked.refused)),
            (None, None) => {}
        }
    }
    for (_, key) in by_key.keys() {
        tally.broken(format!("{key}: nobody asked for this"));
    }
}

fn kept(asked: &Asked, row: &Row1, seen: &HashMap<Uuid, String>, tally: &Tally) {
    if row.count != asked.count {
        tally.broken(format!("{}: {} images were asked for, not {}", row.id, asked.count, row.count));
    }
    if asked.was_cancelled && row.status != "cancelled" {
        tally.broken(format!("{}: was cancelled, and is {}", row.id, row.status));
    }
    if asked.was_cancelled && row.captured > 0 {
        tally.one("asked: cancelled with images that were stored by then");
    }
    if seen.get(&row.id) != Some(&row.status) {
        let told = seen.get(&row.id);
        tally.broken(format!("{}: is {}, and the live stream said {told:?}", row.id, row.status));
    }
}

/// The figures of the table that only the database knows.
pub async fn count(pool: &PgPool, tally: &Tally) {
    let groups = [
        ("generations", "select status, count(*) from generations group by 1"),
        (
            "failed because of",
            "select failure_code, count(*) from generations where failure_code is not null group by 1",
        ),
        ("gems", "select kind, sum(amount)::bigint from gem_transfers group by 1"),
        ("claims of one generation", "select attempt::text, count(*) from generations group by 1"),
        ("images", "select 'stored', count(*) from images"),
        ("images", "select 'bytes', coalesce(sum(bytes), 0)::bigint from images"),
    ];
    for (group, statement) in groups {
        for row in sqlx::query(statement).fetch_all(pool).await.expect(group) {
            tally.add(format!("{group}: {}", row.get::<String, _>(0)), row.get::<i64, _>(1).unsigned_abs());
        }
    }
}
