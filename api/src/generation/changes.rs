//! From a person's event rows to what a stream says of them: the resource as it is now, read once however often it changed.
use std::collections::{HashMap, HashSet};

use lapidary_contract::{GemBalance, Generation, ImageArchive, LiveEvent, Purchase};
use sqlx::PgConnection;
use uuid::Uuid;

use super::queries;
use crate::app::App;
use crate::archives::kind::Kind;
use crate::auth::CurrentUser;
use crate::http::error::ApiResult;
use crate::promises::export;
use crate::{archives, gems, notices, payments};

pub struct Change {
    pub id: i64,
    pub kind: String,
    pub subject: Uuid,
}

/// What the changed subjects are now.
#[derive(Default)]
pub struct Told {
    pub generations: HashMap<Uuid, Generation>,
    purchases: HashMap<Uuid, Purchase>,
    archives: HashMap<Uuid, (Kind, ImageArchive)>,
    /// Where any of the changes may have moved gems.
    gems: Option<GemBalance>,
    /// Notices, where one came or was read; told once.
    unread: Option<i64>,
}

impl Told {
    pub fn of_one(generation: Generation, gems: GemBalance) -> Self {
        Self { generations: HashMap::from([(generation.id, generation)]), gems: Some(gems), ..Self::default() }
    }

    pub async fn read(conn: &mut PgConnection, app: &App, user: &CurrentUser, changes: &[Change]) -> ApiResult<Self> {
        let subjects = |kind: &str| -> Vec<Uuid> {
            changes.iter().filter(|change| change.kind == kind).map(|change| change.subject).collect()
        };
        let (generations, purchases) = (subjects("generation"), subjects("purchase"));
        let mut told = Self::default();
        if changes.iter().any(|change| !matches!(change.kind.as_str(), "image" | "images" | "notice" | "archive")) {
            told.gems = Some(gems::queries::balance(conn, user.account_id).await?);
        }
        if !generations.is_empty() {
            let found = queries::get_many(conn, app, user.person_id, &generations).await?;
            told.generations = found.into_iter().map(|one| (one.id, one)).collect();
        }
        if !purchases.is_empty() {
            let found = payments::queries::get_many(conn, user.account_id, &purchases).await?;
            told.purchases = found.into_iter().map(|one| (one.id, one)).collect();
        }
        let archives = subjects("archive");
        if !archives.is_empty() {
            let found = archives::queries::get_many(conn, &app.store, user.person_id, &archives).await?;
            told.archives = found.into_iter().map(|one| (one.1.id, one)).collect();
        }
        if changes.iter().any(|change| change.kind == "notice") {
            told.unread = Some(notices::unread(conn, user.person_id).await?);
        }
        Ok(told)
    }

    /// Nothing where there is nothing to say.
    pub fn event(&mut self, change: &Change) -> Option<LiveEvent> {
        if change.kind == "image" {
            return Some(LiveEvent::ImageChanged { image_id: change.subject });
        }
        // So many at once that reading everything again is less than hearing of each.
        if change.kind == "images" {
            return Some(LiveEvent::Reset);
        }
        if change.kind == "notice" {
            return self.unread.take().map(|unread| LiveEvent::NoticesChanged { unread });
        }
        if change.kind == "archive" {
            return Some(match self.archives.remove(&change.subject)? {
                (Kind::Images, archive) => LiveEvent::ArchiveChanged { archive: Box::new(archive) },
                (Kind::Everything, archive) => LiveEvent::ExportChanged { export: Box::new(export::shown(archive)) },
            });
        }
        let gems = self.gems?;
        if let Some(generation) = self.generations.remove(&change.subject) {
            return Some(LiveEvent::GenerationChanged { generation: Box::new(generation), gems });
        }
        if let Some(purchase) = self.purchases.remove(&change.subject) {
            return Some(LiveEvent::PurchaseChanged { purchase: Box::new(purchase), gems });
        }
        Some(LiveEvent::GemsChanged { gems })
    }
}

/// The resource is read as it is now, so only its last row matters. The rest of a long list comes with the next reading.
pub fn last_of_each(rows: impl DoubleEndedIterator<Item = Change>, at_most: usize) -> Vec<Change> {
    let mut seen = HashSet::new();
    let mut last: Vec<Change> = rows.rev().filter(|row| seen.insert((row.kind.clone(), row.subject))).collect();
    last.reverse();
    last.truncate(at_most);
    last
}

pub async fn exists(conn: &mut PgConnection, person_id: Uuid, id: i64) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select exists (select from events where person_id = $1 and id = $2) as "known!""#,
        person_id,
        id
    )
    .fetch_one(conn)
    .await
}

pub async fn has_later(conn: &mut PgConnection, person_id: Uuid, subject: Uuid, id: i64) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select exists (select from events where person_id = $1 and subject = $2 and id > $3) as "has_later!""#,
        person_id,
        subject,
        id
    )
    .fetch_one(conn)
    .await
}

pub async fn newest_in(conn: &mut PgConnection, person_id: Uuid) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(r#"select coalesce(max(id), 0) as "id!" from events where person_id = $1"#, person_id)
        .fetch_one(conn)
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_is_told_in_pieces_and_in_order() {
        let subjects: Vec<Uuid> = (0..60).map(|_| Uuid::now_v7()).collect();
        let row = |id: i64, subject: Uuid| Change { id, kind: "generation".into(), subject };
        let rows = (1..=60).zip(subjects.iter().copied()).map(|(id, subject)| row(id, subject));
        // The first one changes once more at the end.
        let rows: Vec<Change> = rows.chain(std::iter::once(row(61, subjects[0]))).collect();
        let told: Vec<i64> = last_of_each(rows.into_iter(), 50).iter().map(|change| change.id).collect();
        assert_eq!(told, (2..=51).collect::<Vec<i64>>());
    }
}
