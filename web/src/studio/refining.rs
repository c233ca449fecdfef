//! Refinement: asks for suggested sections and keeps them in this tab. What was paid for survives a reload, also when the
//! answer came to nobody: the wish stays until it is answered, and its key makes asking again the same request.
use gloo_timers::future::TimeoutFuture;
use lapidary_contract::{CreateRefinement, Refinement, RefinementStatus};
use lapidary_domain::RefinedSection;
use lapidary_domain::limits::SEEN_SECTIONS_MAX;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use wasm_bindgen_futures::spawn_local;

use super::sending::is_final;
use crate::browser::kept;
use crate::http;
use crate::json;
use crate::ui::failure::Failure;
use crate::ui::prelude::*;

const PATH: &str = "/v1/refinements";
/// Sections kept; older ones go.
const SECTIONS_MAX: usize = 30;
/// A refinement that still runs, asked for by this tab before it was reloaded.
const ASK_AGAIN_MS: u32 = 1_500;

#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
struct Kept {
    /// The newest first.
    sections: Vec<RefinedSection>,
    /// All that were ever suggested, also those that were put away: they are not suggested again.
    seen: Vec<String>,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
struct Wish {
    key: String,
    body: CreateRefinement,
}

/// Why nothing was suggested.
#[derive(Clone, PartialEq)]
pub enum Trouble {
    /// It was tried, and its gems are back: a sentence, and the request.
    Told(String, String),
    /// It was not even tried, or nobody knows.
    Failed(Failure),
}

#[derive(Clone, Copy)]
pub struct Refining {
    person: Uuid,
    kept: RwSignal<Kept>,
    /// How many of the sections came with the last answer.
    pub fresh: RwSignal<usize>,
    pub is_busy: RwSignal<bool>,
    pub trouble: RwSignal<Option<Trouble>>,
}

impl Refining {
    pub fn new(person: Uuid) -> Self {
        let kept = read::<Kept>(&kept_name(person)).unwrap_or_default();
        let refining = Self {
            person,
            kept: RwSignal::new(kept),
            fresh: RwSignal::new(0),
            is_busy: RwSignal::new(false),
            trouble: RwSignal::new(None),
        };
        if let Some(wish) = read::<Wish>(&wish_name(person)) {
            refining.send(wish);
        }
        refining
    }

    pub fn sections(&self) -> Vec<RefinedSection> {
        self.kept.with(|kept| kept.sections.clone())
    }

    pub fn sections_untracked(&self) -> Vec<RefinedSection> {
        self.kept.with_untracked(|kept| kept.sections.clone())
    }

    pub fn ask(&self, mut body: CreateRefinement) {
        if self.is_busy.get_untracked() {
            return;
        }
        body.seen_sections = self.kept.with_untracked(|kept| kept.seen.clone());
        // The same once more, when the answer to it never came.
        let open = read::<Wish>(&wish_name(self.person)).filter(|open| open.body == body);
        self.send(open.unwrap_or_else(|| Wish { key: Uuid::now_v7().to_string(), body }));
    }

    /// Takes all suggestions out of sight. What was picked stays picked, and none of them comes again.
    pub fn put_away(&self) {
        self.kept.update(|kept| kept.sections.clear());
        self.kept.with_untracked(|kept| write(&kept_name(self.person), kept));
    }

    fn send(&self, wish: Wish) {
        let refining = *self;
        write(&wish_name(self.person), &wish);
        self.is_busy.set(true);
        self.trouble.set(None);
        spawn_local(async move {
            let mut answer = http::post_with_key::<_, Refinement>(PATH, &wish.body, &wish.key).await;
            while let Ok(Refinement { id, status: RefinementStatus::Running, .. }) = answer {
                TimeoutFuture::new(ASK_AGAIN_MS).await;
                answer = http::get(&format!("{PATH}/{id}")).await;
            }
            refining.take(answer);
        });
    }

    fn take(&self, answer: Result<Refinement, Failure>) {
        if self.is_busy.try_get_untracked().is_none() {
            // The view is gone: the wish stays, and the next view asks for its answer.
            return;
        }
        let is_answered = match &answer {
            Ok(_) => true,
            Err(failure) => is_final(failure),
        };
        if is_answered {
            kept::forget(&wish_name(self.person));
        }
        self.is_busy.set(false);
        match answer {
            Ok(Refinement { failure: Some(failure), request_id, .. }) => {
                self.trouble.set(Some(Trouble::Told(failure.message, request_id)));
            }
            Ok(refinement) => self.add(refinement.sections),
            Err(failure) => self.trouble.set(Some(Trouble::Failed(failure))),
        }
    }

    fn add(&self, new: Vec<RefinedSection>) {
        self.fresh.set(new.len());
        self.kept.update(|kept| {
            kept.seen.extend(new.iter().map(|section| section.name.clone()));
            let old = kept.seen.len().saturating_sub(SEEN_SECTIONS_MAX);
            kept.seen.drain(..old);
            kept.sections.splice(0..0, new);
            kept.sections.truncate(SECTIONS_MAX);
        });
        self.kept.with_untracked(|kept| write(&kept_name(self.person), kept));
    }
}

fn kept_name(person: Uuid) -> String {
    format!("lapidary.refined.{person}")
}

fn wish_name(person: Uuid) -> String {
    format!("lapidary.refining.{person}")
}

fn read<T: serde::de::DeserializeOwned>(name: &str) -> Option<T> {
    json::read(&kept::recall(name)?).ok()
}

fn write<T: Serialize>(name: &str, value: &T) {
    if let Ok(text) = serde_json::to_string(value) {
        kept::keep(name, &text);
    }
}
