//! What whoever has a share link sees: one picture, and nothing of its person. Needs no session and leaves no trace here;
//! search engines are told to stay out.
use crate::ui::prelude::*;
use lapidary_contract::{ProblemType, SharedImage};
use wasm_bindgen_futures::spawn_local;

use super::details::{file_type, origin};
use crate::http;
use crate::page::Page;
use crate::router;
use crate::ui::dynamic::changing;
use crate::ui::time::format_whole_date;
use crate::ui::{Empty, Failure, FailureNote, Glyph, Icon, LinkButton, Picture, Skeleton, ratio};

#[derive(Clone, Copy)]
struct Look {
    image: RwSignal<Option<SharedImage>>,
    failure: RwSignal<Option<Failure>>,
}

impl Look {
    fn read(self, token: String) {
        self.failure.set(None);
        spawn_local(async move {
            match http::get_public::<SharedImage>(&format!("/v1/shared/{token}")).await {
                Ok(image) => drop(self.image.try_set(Some(image))),
                Err(failure) => drop(self.failure.try_set(Some(failure))),
            }
        });
    }
}

#[component]
pub fn SharedPage() -> AnyView {
    let look = Look { image: RwSignal::new(None), failure: RwSignal::new(None) };
    let token = untrack(router::last_part);
    stay_out();
    look.read(token.clone());
    let token = StoredValue::new(token);
    let again = Callback::new(move |()| look.read(token.get_value()));
    let body = changing(move || match (look.image.get(), look.failure.get()) {
        (Some(image), _) => shown(image),
        (None, Some(failure)) if failure.is(ProblemType::NotFound) => gone(),
        (None, Some(failure)) => view! { <FailureNote failure on_retry=again /> }.into_any(),
        (None, None) => {
            view! { <div aria-busy="true"><Skeleton ratio=(1, 1) class="shared__skeleton" /></div> }.into_any()
        }
    });
    view! { <article class="shared">{body}</article> }.into_any()
}

/// Says to search engines that this is between two people; unsaid when the view goes.
fn stay_out() {
    let Ok(meta) = document().create_element("meta") else { return };
    let _ = meta.set_attribute("name", "robots");
    let _ = meta.set_attribute("content", "noindex, nofollow");
    if let Some(head) = document().head() {
        let _ = head.append_child(&meta);
    }
    let meta = StoredValue::new_local(meta);
    on_cleanup(move || {
        let _ = meta.try_with_value(|meta| meta.remove());
    });
}

fn shown(image: SharedImage) -> AnyView {
    let alt = image.prompt.clone().unwrap_or_else(|| "A shared picture, AI-generated".to_owned());
    let words = image.prompt.clone().map(|prompt| {
        let attributes = image.attributes.iter().map(|attribute| {
            view! { <li class="chip chip--still" title=attribute.section.clone() dir="auto">{attribute.value.clone()}</li> }
        });
        view! {
            <section class="details__part">
                <h2>"Prompt"</h2>
                <p dir="auto">{prompt}</p>
                <ul class="details__attributes" aria-label="Attributes">{attributes.collect_view()}</ul>
            </section>
        }
    });
    let model = image.model.clone().map(|model| view! { <div><dt>"Model"</dt><dd>{model}</dd></div> });
    let credentials = image
        .has_content_credentials
        .then(|| view! { <div><dt>"Content Credentials"</dt><dd>"In the original file"</dd></div> });
    view! {
        <figure class="stage__figure shared__figure" style=("--ratio", ratio(image.width, image.height))>
            <Picture
                src=image.preview_url.clone()
                alt=alt
                thumbhash=image.thumbhash.clone()
                width=image.width
                height=image.height
                eager=true
            />
            <figcaption class="stage__badge">"AI-generated"</figcaption>
        </figure>
        <div class="shared__words">
            <h1>"Made with AI by somebody with Lapidary"</h1>
            {words}
            <dl class="details__facts">
                <div><dt>"Made"</dt><dd>{format_whole_date(image.made_on)}</dd></div>
                <div>
                    <dt>"Original"</dt>
                    <dd>{format!("{}, {} × {}", file_type(&image.content_type), image.width, image.height)}</dd>
                </div>
                {model}
                <div><dt>"Origin"</dt><dd>{origin(&image.digital_source_type)}</dd></div>
                {credentials}
            </dl>
            <LinkButton href=image.url leaves=true>
                <Icon glyph=Glyph::Download />
                "Download the original"
            </LinkButton>
            <a class="shared__more" href=Page::Landing.path()>"What is Lapidary?"</a>
        </div>
    }
    .into_any()
}

fn gone() -> AnyView {
    view! {
        <h1 class="visually-hidden">"A shared picture"</h1>
        <Empty
            title="This link does not show a picture any more"
            text="It has expired, or whoever shared it has ended it. Ask them for a new one."
        >
            <LinkButton href=Page::Landing.path()>"What is Lapidary?"</LinkButton>
        </Empty>
    }
    .into_any()
}
