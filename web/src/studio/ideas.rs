//! What stands where nothing was made yet: three ideas that can be pressed.
use crate::ui::prelude::*;
use lapidary_domain::{Attribute, Catalogue};

use super::glow;
use super::state::Studio;

use crate::ui::dynamic::{changing, memo};

struct Idea {
    prompt: &'static str,
    /// Taken where the catalogue has them.
    values: [&'static str; 4],
}

const IDEAS: [Idea; 3] = [
    Idea {
        prompt: "A fox crossing a frozen river at first light, breath in the cold air",
        values: ["35 mm film photograph", "First light", "Deep winter", "Low mist"],
    },
    Idea {
        prompt: "A greenhouse on the moon, overgrown with ferns, the blue Earth behind the glass",
        values: ["Cinematic still", "Serene", "Emerald and brass", "Deep focus"],
    },
    Idea {
        prompt: "A market street in the rain, paper lanterns of red and amber reflected in the puddles",
        values: ["Watercolour", "Lantern glow", "Nostalgic", "Rippling water"],
    },
];

#[component]
pub fn Ideas() -> AnyView {
    let studio = expect_context::<Studio>();
    view! {
        <section class="ideas" aria-labelledby="ideas-title">
            <h2 id="ideas-title">"Your pictures will appear here"</h2>
            <p>"Write what you want to see, or begin with one of these."</p>
            <ul class="ideas__list">{IDEAS.iter().map(|idea| idea_card(studio, idea)).collect_view()}</ul>
        </section>
    }
    .into_any()
}

fn idea_card(studio: Studio, idea: &'static Idea) -> AnyView {
    let (first, second) = glow::hues(&format!("{} {}", idea.prompt, idea.values.join(" ")), 0);
    let attributes =
        memo(move |_| studio.catalogue.with(|known| known.as_ref().map(|it| known_values(idea, &it.domain))));
    let take = move |_| {
        studio.draft.update(|draft| {
            draft.prompt = idea.prompt.to_owned();
            draft.attributes = attributes.get_untracked().unwrap_or_default();
            draft.composed_prompt = None;
        });
        studio.focus_prompt();
    };
    let words = changing(move || {
        attributes.with(|known| known.iter().flatten().map(|it| it.value.clone()).collect::<Vec<_>>().join(" · "))
    });
    view! {
        <li>
            <button type="button" class="idea" on:click=take>
                <span
                    class="idea__glow glow"
                    aria-hidden="true"
                    style=("--glow-first", first.to_string())
                    style=("--glow-second", second.to_string())
                ></span>
                <span class="idea__prompt">{idea.prompt}</span>
                <span class="idea__words">{words}</span>
            </button>
        </li>
    }
    .into_any()
}

fn known_values(idea: &Idea, catalogue: &Catalogue) -> Vec<Attribute> {
    let find = |wanted: &&str| {
        catalogue.sections.iter().find_map(|section| {
            let value = section.values.iter().find(|value| value.eq_ignore_ascii_case(wanted))?;
            Some(Attribute::new(section.name.clone(), value.clone()))
        })
    };
    idea.values.iter().filter_map(find).collect()
}
