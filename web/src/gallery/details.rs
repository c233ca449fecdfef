//! The panel beside the open picture: what it was made of, what it cost, and what can be done with it.
use crate::ui::prelude::*;
use lapidary_contract::Image;

use super::changes;
use super::facets::{address, model_name};
use super::image::OpenImage;
use super::wanted::Wanted;
use crate::browser;
use crate::page::Page;
use crate::ui::dynamic::{changing, memo};
use crate::ui::{Button, ButtonKind, Glyph, Icon, LinkButton, Moment, format_gems, format_number};

#[component]
pub fn Details() -> AnyView {
    let open = expect_context::<OpenImage>();
    let facts = changing(move || open.image.get().map(facts));
    let is_trashed = memo(move |_| open.image.with(|image| image.as_ref().is_some_and(|it| it.deleted_at.is_some())));
    let actions = changing(move || if is_trashed.get() { trashed_actions(open) } else { actions(open) });
    view! {
        <aside class="details" aria-label="About this picture">
            {actions}
            {facts}
        </aside>
    }
    .into_any()
}

/// Back to where the person came from; always the last in its row.
fn close(open: OpenImage) -> AnyView {
    let close = Callback::new(move |()| open.close());
    view! {
        <Button kind=ButtonKind::Bare class="details__close" on_press=close label=Signal::stored("Close".to_owned())>
            <Icon glyph=Glyph::Close />
        </Button>
    }
    .into_any()
}

fn actions(open: OpenImage) -> AnyView {
    let is_downloading = RwSignal::new(false);
    let download = Callback::new(move |()| {
        if let Some(image) = open.image.get_untracked() {
            changes::download(&image, is_downloading);
        }
    });
    let is_favourite = memo(move |_| open.image.with(|image| image.as_ref().is_some_and(|it| it.is_favourite)));
    let favour = Callback::new(move |()| open.toggle_favourite());
    let delete = Callback::new(move |()| open.delete());
    let studio = move |how: &'static str| {
        Signal::derive(move || {
            let id = open.image.with(|image| image.as_ref().map(|image| image.id)).unwrap_or_default();
            format!("{}?{how}={id}", Page::Studio.path())
        })
    };
    let share = Callback::new(move |()| open.is_sharing.set(true));
    let collect = Callback::new(move |()| {
        if let Some(id) = open.id.get_untracked() {
            open.collecting.ask(vec![id]);
        }
    });
    let heart = changing(move || {
        let glyph = if is_favourite.get() { Glyph::HeartFilled } else { Glyph::Heart };
        view! { <Icon glyph /> }
    });
    view! {
        <div class="details__actions">
            <div class="details__icons">
                <Button kind=ButtonKind::Bare on_press=favour pressed=is_favourite label="Favourite">
                    {heart}
                </Button>
                <Button kind=ButtonKind::Bare on_press=share label="Share">
                    <Icon glyph=Glyph::Share />
                </Button>
                <Button kind=ButtonKind::Bare on_press=collect label="Add to a collection">
                    <Icon glyph=Glyph::Collection />
                </Button>
                <Button kind=ButtonKind::Bare on_press=delete label=Signal::stored("Delete".to_owned())>
                    <Icon glyph=Glyph::Trash />
                </Button>
                {close(open)}
            </div>
            <Button kind=ButtonKind::Primary class="details__main" on_press=download busy=is_downloading>
                <Icon glyph=Glyph::Download />
                "Download"
            </Button>
            <LinkButton class="details__main" href=studio("from")>
                <Icon glyph=Glyph::Refresh />
                "Use again"
            </LinkButton>
            <LinkButton class="details__main" href=studio("vary")>
                <Icon glyph=Glyph::Vary />
                "Vary"
            </LinkButton>
            <LinkButton class="details__main" href=studio("edit")>
                <Icon glyph=Glyph::Pencil />
                "Edit"
            </LinkButton>
        </div>
    }
    .into_any()
}

fn trashed_actions(open: OpenImage) -> AnyView {
    let restore = Callback::new(move |()| open.restore());
    view! {
        <div class="details__actions">
            <div class="details__icons">
                <p>"This picture is in the trash."</p>
                {close(open)}
            </div>
            <Button kind=ButtonKind::Primary class="details__main" on_press=restore>
                <Icon glyph=Glyph::Undo />
                "Restore"
            </Button>
        </div>
    }
    .into_any()
}

fn facts(image: Image) -> AnyView {
    let name = model_name(&image.model);
    let attributes = image.attributes.iter().map(|attribute| {
        let like = Wanted { attributes: vec![attribute.clone()], ..Wanted::default() };
        let label = format!("More like this: {}, {}", attribute.section, attribute.value);
        view! {
            <li>
                <a class="chip" href=address(&like) title=label.clone() aria-label=label.clone() dir="auto">
                    {attribute.value.clone()}
                </a>
            </li>
        }
    });
    let attributes = attributes.collect_view();
    let revised = image.revised_prompt.clone().filter(|text| *text != image.prompt).map(|text| {
        view! {
            <section class="details__part">
                <h2>"What the model made of it"</h2>
                <p dir="auto">{text}</p>
            </section>
        }
    });
    let rows = [
        ("Model", name),
        ("Size", format!("{} × {}", image.width, image.height)),
        ("Quality", image.quality),
        ("Price", format_gems(image.price_gems)),
        ("File", format!("{} · {}", file_type(&image.content_type), file_size(image.bytes))),
    ];
    let rows =
        rows.into_iter().map(|(name, value)| view! { <div><dt>{name}</dt><dd>{value}</dd></div> }).collect_view();
    view! {
        <section class="details__part">
            <h2>"Prompt"</h2>
            <p class="details__prompt" dir="auto">{image.prompt}</p>
            <ul class="details__attributes" aria-label="Attributes">{attributes}</ul>
        </section>
        {revised}
        <dl class="details__facts">
            {rows}
            <div><dt>"Made"</dt><dd><Moment at=image.created_at /></dd></div>
            <div><dt>"Origin"</dt><dd>{origin(&image.digital_source_type)}</dd></div>
            {image
                .has_content_credentials
                .then(|| view! { <div><dt>"Content Credentials"</dt><dd>"In the original file"</dd></div> })}
        </dl>
    }
    .into_any()
}

/// IPTC's word for how it came about, in plain ones.
pub fn origin(source: &str) -> String {
    match source {
        "compositeWithTrainedAlgorithmicMedia" => "AI-generated, from other pictures".to_owned(),
        _ => "AI-generated, by a trained model".to_owned(),
    }
}

pub fn file_type(content_type: &str) -> String {
    browser::uppercase(content_type.rsplit('/').next().unwrap_or_default())
}

/// `1.5 MB`, `320 kB`.
fn file_size(bytes: i64) -> String {
    match bytes {
        ..1_000_000 => format!("{} kB", format_number((bytes + 500) / 1_000)),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
    }
}
