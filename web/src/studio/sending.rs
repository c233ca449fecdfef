//! From a draft, or from what was made before, to a request: the only place of the studio that sends a wish to generate.
use lapidary_contract::{CreateGeneration, Generation};
use lapidary_domain::compose;
use leptos::task::spawn_local;

use super::draft::{self, Intent};
use super::pairs;
use super::state::{PATH, Studio};
use crate::http;
use crate::ui::failure::Failure;
use crate::ui::prelude::*;

/// What a generation was asked for with; its text as it was sent, where that was not composed.
pub fn wish_of(generation: &Generation) -> CreateGeneration {
    let composed = compose(&generation.prompt, &generation.attributes);
    CreateGeneration {
        prompt: generation.prompt.clone(),
        attributes: generation.attributes.clone(),
        composed_prompt: (composed != generation.composed_prompt).then(|| generation.composed_prompt.clone()),
        model: Some(generation.model.clone()),
        size: Some(generation.size.clone()),
        quality: Some(generation.quality.clone()),
        count: generation.count,
        background: generation.background.clone(),
        output_format: generation.output_format.clone(),
        references: generation.references.clone(),
        mask_id: generation.mask_id,
    }
}

impl Studio {
    /// Takes over everything of an earlier generation.
    pub fn use_again(&self, generation: &Generation) {
        self.failure.set(None);
        self.draft.set(wish_of(generation));
        self.focus_prompt();
    }

    /// Sends the draft, unless something is in the way: then the person is led there.
    pub fn generate(&self) {
        if self.is_sending.get_untracked() {
            return;
        }
        match (self.obstacle.get_untracked(), self.choice.get_untracked()) {
            (None, Some(choice)) => {
                let mut body = self.draft.get_untracked();
                choice.fit(&mut body);
                self.send(draft::intend(self.person, body), true);
            }
            (Some(obstacle), _) if obstacle.is_about_gems() => {}
            _ => self.focus_prompt(),
        }
    }

    /// The same wish once more, as a new one.
    pub fn repeat(&self, generation: &Generation) {
        if self.is_sending.get_untracked() {
            return;
        }
        let body =
            CreateGeneration { composed_prompt: Some(generation.composed_prompt.clone()), ..wish_of(generation) };
        self.send(Intent::new(body), false);
    }

    /// Once more what failed. A draft that was changed since goes out as it is now.
    pub fn retry(&self) {
        match self.unsent.get_value() {
            Some((intent, false)) => self.send(intent, false),
            _ => self.generate(),
        }
    }

    /// The line is back: what could not be sent goes out with the key it had, unless it is being rewritten.
    pub fn retry_when_online(&self) {
        if self.failure.with_untracked(|failure| *failure != Some(Failure::Offline)) {
            return;
        }
        let Some((intent, is_draft)) = self.unsent.get_value() else { return };
        let is_same = self.draft.with_untracked(|draft| draft.prompt == intent.body.prompt);
        if !is_draft || is_same {
            self.send(intent, is_draft);
        }
    }

    /// A wish that is no draft.
    pub fn ask(&self, body: CreateGeneration) {
        self.send(Intent::new(body), false);
    }

    /// Two wishes that are looked at side by side: each is a request of its own. The second is not asked for where the
    /// first came to nothing.
    pub fn ask_for_both(&self, bodies: [CreateGeneration; 2]) {
        let studio = *self;
        studio.is_sending.set(true);
        studio.failure.set(None);
        spawn_local(async move {
            let mut asked = Vec::new();
            for intent in bodies.map(Intent::new) {
                match http::post_with_key::<_, Generation>(PATH, &intent.body, &intent.key).await {
                    Ok(generation) => {
                        asked.push(generation.id);
                        studio.put(generation);
                    }
                    Err(failure) => {
                        studio.unsent.set_value(Some((intent, false)));
                        studio.failure.set(Some(failure));
                        break;
                    }
                }
            }
            if asked.len() == 2 {
                studio.is_open.set(false);
                studio.pairs.update(|pairs| pairs.extend(asked));
                studio.pairs.with_untracked(|pairs| pairs::keep(studio.person, pairs));
            }
            studio.is_sending.set(false);
        });
    }

    fn send(&self, intent: Intent, is_draft: bool) {
        let studio = *self;
        studio.unsent.set_value(Some((intent.clone(), is_draft)));
        studio.is_sending.set(true);
        studio.failure.set(None);
        spawn_local(async move {
            let answer = http::post_with_key::<_, Generation>(PATH, &intent.body, &intent.key).await;
            studio.is_sending.set(false);
            let is_answered = match &answer {
                Ok(_) => true,
                Err(failure) => is_final(failure),
            };
            if is_draft && is_answered {
                draft::answered(studio.person);
            }
            match answer {
                Ok(generation) => {
                    studio.unsent.set_value(None);
                    studio.is_open.set(false);
                    studio.put(generation);
                }
                Err(failure) => studio.failure.set(Some(failure)),
            }
        });
    }
}

/// Whether the server surely did nothing; otherwise the same key asks again.
pub fn is_final(failure: &Failure) -> bool {
    match failure {
        Failure::Problem(problem, _) => problem.status < 500,
        _ => false,
    }
}
