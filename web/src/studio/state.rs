//! What the parts of the studio share: the draft, what it would become, and the generations beside it.
use std::cell::RefCell;
use std::sync::Arc;

use crate::ui::prelude::*;
use lapidary_contract::{Availability, CreateGeneration, Generation, LiveEvent};
use lapidary_domain::Attribute;
use leptos::html;
use leptos::task::spawn_local;
use uuid::Uuid;

use super::choice::{self, Choice, Obstacle};
use super::draft::{self, Intent};
use super::pairs;
use super::refining::Refining;
use super::variation::Varied;
use super::words;
use crate::gallery::clock::{now, today};
use crate::gallery::listing::{Listing, Row};
use crate::http;
use crate::session::{KnownCatalogue, Session, use_session};
use crate::ui::dynamic::{effect, memo};
use crate::ui::failure::Failure;

pub const PATH: &str = "/v1/generations";
/// Seconds without a word of the stream after which unfinished work is asked for.
const SILENCE_SECONDS: i64 = 20;
/// Seconds a provider's next try may take before its state is asked for.
const GRACE_SECONDS: i64 = 15;

impl Row for Generation {
    fn id(&self) -> Uuid {
        self.id
    }

    fn order(&self) -> chrono::DateTime<chrono::Utc> {
        self.created_at
    }

    fn may_follow(&self, known: &Self) -> bool {
        self.status.is_final() || !known.status.is_final()
    }
}

thread_local! {
    static KEPT: RefCell<Option<(Uuid, Listing<Generation>)>> = const { RefCell::new(None) };
}

/// One person's generations; another person's are forgotten.
fn kept(person: Uuid) -> Listing<Generation> {
    KEPT.with_borrow_mut(|kept| match kept {
        Some((known, listing)) if *known == person => listing.clone(),
        _ => {
            let listing = Listing::new("/v1/generations?limit=20");
            *kept = Some((person, listing.clone()));
            listing
        }
    })
}

#[derive(Clone, Copy)]
pub struct Studio {
    pub(super) person: Uuid,
    pub draft: RwSignal<CreateGeneration>,
    session: Session,
    pub catalogue: Signal<Option<Arc<KnownCatalogue>>>,
    /// Which models wait for their provider.
    pub status: RwSignal<Availability>,
    pub choice: Memo<Option<Choice>>,
    pub obstacle: Memo<Option<Obstacle>>,
    pub is_sending: RwSignal<bool>,
    pub failure: RwSignal<Option<Failure>>,
    /// On a phone: whether the sheet shows everything.
    pub is_open: RwSignal<bool>,
    pub prompt_field: NodeRef<html::Textarea>,
    listing: StoredValue<Listing<Generation>>,
    /// Seconds since 1970, ticking while something is unfinished.
    pub clock: RwSignal<i64>,
    heard: StoredValue<i64>,
    /// What was sent last and not answered well; true when it was the draft.
    pub(super) unsent: StoredValue<Option<(Intent, bool)>>,
    /// Sections that a language model suggested.
    pub refining: Refining,
    /// What is being varied, or compared, while its dialog is open.
    pub varied: RwSignal<Option<Varied>>,
    /// Generations that were asked for side by side.
    pub pairs: RwSignal<Vec<Uuid>>,
    /// What a screen reader is told.
    pub said: RwSignal<String>,
}

impl Studio {
    pub fn new() -> Self {
        let session = use_session();
        let person = session.me.with_untracked(|me| me.as_ref().map(|me| me.id)).unwrap_or_default();
        let draft = RwSignal::new(draft::recall(person));
        let failure = RwSignal::new(None);
        effect(move |before: Option<()>| {
            draft.with(|draft| draft::keep(person, draft));
            // What the server said was about the words before.
            if before.is_some() && failure.with_untracked(|failure| matches!(failure, Some(Failure::Problem(..)))) {
                failure.set(None);
            }
        });
        let catalogue = session.catalogue;
        let choice = memo(move |_| catalogue.with(|known| Choice::of(&draft.read(), &known.as_ref()?.domain, today())));
        let gems = session.gems;
        let obstacle = memo(move |_| {
            catalogue.with(|known| match known {
                Some(known) => choice::obstacle(&draft.read(), &known.domain, gems.get(), today()),
                None => Some(Obstacle::Loading),
            })
        });
        Self {
            person,
            draft,
            session,
            catalogue,
            status: session.status,
            choice,
            obstacle,
            is_sending: RwSignal::new(false),
            failure,
            is_open: RwSignal::new(false),
            prompt_field: NodeRef::new(),
            listing: StoredValue::new(kept(person)),
            clock: RwSignal::new(now().timestamp()),
            heard: StoredValue::new(now().timestamp()),
            unsent: StoredValue::new(None),
            refining: Refining::new(person),
            varied: RwSignal::new(None),
            pairs: RwSignal::new(pairs::recall(person)),
            said: RwSignal::new(String::new()),
        }
    }

    pub fn listing(&self) -> Listing<Generation> {
        self.listing.get_value()
    }

    /// By its own id or by that of one of its images.
    pub fn find_known(&self, id: Uuid) -> Option<Generation> {
        self.listing().entries.with_untracked(|entries| {
            let mut rows = entries.iter().map(|entry| entry.row.get_untracked());
            rows.find(|row| row.id == id || row.images.iter().any(|image| image.id == id))
        })
    }

    pub fn refresh(&self) {
        let listing = self.listing();
        spawn_local(async move { listing.refresh().await });
    }

    /// Takes a state of a generation, and says it when it is another one.
    pub fn put(&self, generation: Generation) {
        let listing = self.listing();
        let known = listing.find(generation.id).map(|known| known.status);
        if let (true, Some(words)) = (known != Some(generation.status), words::announcement(&generation)) {
            self.said.set(words);
        }
        listing.put(generation);
    }

    pub fn hear(&self, event: &LiveEvent) {
        self.heard.set_value(now().timestamp());
        match event {
            LiveEvent::GenerationChanged { generation, .. } => self.put((**generation).clone()),
            LiveEvent::ImageChanged { image_id } => self.reread_image(*image_id),
            LiveEvent::GemsChanged { .. }
            | LiveEvent::PurchaseChanged { .. }
            | LiveEvent::NoticesChanged { .. }
            | LiveEvent::ArchiveChanged { .. }
            | LiveEvent::ExportChanged { .. }
            | LiveEvent::StatusChanged { .. } => {}
            LiveEvent::Reset => self.refresh(),
        }
    }

    /// Moves the clock while something is unfinished, and asks when the stream has been silent for long.
    pub fn tick(&self) {
        self.watch_pause();
        let is_waiting = self.listing().entries.with_untracked(|entries| {
            entries.iter().any(|entry| entry.row.with_untracked(|row| !row.status.is_final()))
        });
        let now = now().timestamp();
        if !is_waiting {
            self.heard.set_value(now);
            return;
        }
        self.clock.set(now);
        if now - self.heard.get_value() >= SILENCE_SECONDS {
            self.heard.set_value(now);
            self.refresh();
        }
    }

    /// As people know a model; reactive, for the catalogue comes when it comes.
    pub fn model_name(&self, id: &str) -> String {
        let name = self.catalogue.with(|known| Some(known.as_ref()?.domain.model(id)?.name.clone()));
        name.unwrap_or_else(|| id.to_owned())
    }

    pub fn is_paused(&self, model: &str) -> bool {
        self.status.with(|status| status.paused.iter().any(|paused| paused.model == model))
    }

    /// While a provider does not deliver the clock goes on, and its state is asked for when it should be another one.
    fn watch_pause(&self) {
        let next = self.status.with_untracked(|status| status.paused.iter().map(|it| it.next_try_at.timestamp()).min());
        let Some(next) = next else { return };
        let now = now().timestamp();
        self.clock.set(now);
        if now > next + GRACE_SECONDS && (now - next) % GRACE_SECONDS == 0 {
            self.session.read_status();
        }
    }

    /// An image went to the trash or came back: its generation lists it or not.
    fn reread_image(&self, image_id: Uuid) {
        let listing = self.listing();
        let owner = self.find_known(image_id).map(|row| row.id);
        spawn_local(async move {
            let id = match owner {
                Some(id) => id,
                None => match http::get::<lapidary_contract::Image>(&format!("/v1/images/{image_id}")).await {
                    Ok(image) if listing.find(image.generation_id).is_some() => image.generation_id,
                    _ => return,
                },
            };
            if let Ok(generation) = http::get::<Generation>(&format!("{PATH}/{id}")).await {
                listing.put(generation);
            }
        });
    }

    pub fn toggle(&self, attribute: Attribute) {
        self.draft.update(|draft| match draft.attributes.iter().position(|known| *known == attribute) {
            Some(at) => drop(draft.attributes.remove(at)),
            None => draft.attributes.push(attribute),
        });
    }

    /// Changes the settings, keeping of the others what the model can do.
    pub fn choose(&self, change: impl FnOnce(&mut CreateGeneration)) {
        let Some(catalogue) = self.catalogue.get_untracked() else { return };
        self.draft.update(|draft| {
            change(draft);
            if let Some(choice) = Choice::of(draft, &catalogue.domain, today()) {
                choice.fit(draft);
            }
        });
    }

    pub fn focus_prompt(&self) {
        if let Some(field) = self.prompt_field.get_untracked() {
            let _ = field.focus();
        }
    }
}
