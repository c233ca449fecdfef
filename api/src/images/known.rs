//! What the database knows of a page of keys, and what becomes of each. Deletes nothing.
use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::objects::Listed;
use super::place::Place;
use super::sweep_queries as queries;
use crate::app::App;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Stays,
    Orphan,
    Unknown,
}

/// What the database says about a page.
#[derive(Default)]
pub(super) struct Known {
    prefixes: HashSet<String>,
    references: HashSet<String>,
    unfinished: HashSet<Uuid>,
    /// People, with the key of their picture.
    pictures: HashMap<Uuid, Option<String>>,
    running_since: HashMap<Uuid, DateTime<Utc>>,
    /// Keys of archives.
    archives: HashSet<String>,
}

impl Known {
    /// One query for each kind of thing on the page.
    pub(super) async fn of(app: &App, page: &[(&Listed, Place)]) -> Result<Self, sqlx::Error> {
        if page.is_empty() {
            return Ok(Self::default());
        }
        let (mut prefixes, mut references, mut generations, mut people) =
            (HashSet::new(), HashSet::new(), HashSet::new(), HashSet::new());
        let mut archives = Vec::new();
        for (listed, place) in page {
            match place {
                Place::Image { person_id, prefix } => {
                    prefixes.insert(prefix.clone());
                    people.insert(*person_id);
                }
                Place::Reference { person_id, prefix } => {
                    references.insert(prefix.clone());
                    people.insert(*person_id);
                }
                Place::Preview { generation_id } => {
                    generations.insert(*generation_id);
                }
                Place::Picture { person_id } | Place::Other { person_id } => {
                    people.insert(*person_id);
                }
                Place::Archive => archives.push(listed.object.key.clone()),
                Place::Foreign => {}
            }
        }
        let (prefixes, references): (Vec<String>, Vec<String>) =
            (prefixes.into_iter().collect(), references.into_iter().collect());
        let generations: Vec<Uuid> = generations.into_iter().collect();
        let people: Vec<Uuid> = people.into_iter().collect();
        let house = app.db.house();
        // What runs is read first: a generation that ends meanwhile has its rows by then.
        let running_since = queries::running_since(house, &people).await?.into_iter().collect();
        Ok(Self {
            running_since,
            unfinished: queries::unfinished(house, &generations).await?.into_iter().collect(),
            prefixes: queries::known_prefixes(house, &prefixes).await?.into_iter().collect(),
            references: queries::known_references(house, &references).await?.into_iter().collect(),
            pictures: queries::pictures(house, &people).await?.into_iter().collect(),
            archives: queries::known_archives(house, &archives).await?.into_iter().collect(),
        })
    }

    pub(super) fn verdict(&self, listed: &Listed, place: &Place) -> Verdict {
        let orphan_if = |is_orphan| if is_orphan { Verdict::Orphan } else { Verdict::Stays };
        match place {
            Place::Image { person_id, prefix } => {
                let is_being_made = self.running_since.get(person_id).is_some_and(|since| listed.modified_at >= *since);
                orphan_if(!self.prefixes.contains(prefix) && !is_being_made)
            }
            Place::Reference { prefix, .. } => orphan_if(!self.references.contains(prefix)),
            Place::Preview { generation_id } => orphan_if(!self.unfinished.contains(generation_id)),
            Place::Picture { person_id } => {
                let current = self.pictures.get(person_id).and_then(Option::as_deref);
                // The key stays when the picture changes.
                orphan_if(!listed.is_current || current != Some(listed.object.key.as_str()))
            }
            // It lies there in a moment before its row says so, and that moment is shorter than a day.
            Place::Archive => orphan_if(!self.archives.contains(&listed.object.key)),
            // Whatever it is: of somebody who is gone nothing stays.
            Place::Other { person_id } if !self.pictures.contains_key(person_id) => Verdict::Orphan,
            Place::Other { .. } | Place::Foreign => Verdict::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    use crate::images::objects::ObjectVersion;

    #[test]
    fn what_somebody_s_running_work_stored_is_never_an_orphan() {
        let (person_id, now) = (Uuid::now_v7(), Utc::now());
        let prefix = format!("users/{person_id}/images/{}/1", Uuid::now_v7());
        let object = ObjectVersion::from(format!("{prefix}/original.png").as_str());
        let listed = Listed { object, modified_at: now, is_current: true };
        let place = Place::Image { person_id, prefix };
        let mut known = Known::default();
        assert_eq!(known.verdict(&listed, &place), Verdict::Orphan);
        known.running_since.insert(person_id, now - TimeDelta::minutes(1));
        assert_eq!(known.verdict(&listed, &place), Verdict::Stays);
        known.running_since.insert(person_id, now + TimeDelta::minutes(1));
        assert_eq!(known.verdict(&listed, &place), Verdict::Orphan);
    }
}
