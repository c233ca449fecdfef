//! The main job without a mouse: every step by keys, with the focus always somewhere and always visible.
use crate::stage::{Stage, see_gems, see_picture};
use crate::tab::{Look, Tab};

const PROMPT: &str = "A greenhouse on the moon";
const FURTHEST: usize = 90;

/// Tab after Tab until the focus is there; each stop on the way must be visible.
pub async fn tab_to(tab: &Tab, role: &str, name: &str) {
    let mut seen = Vec::new();
    for _ in 0..FURTHEST {
        tab.key("Tab", false).await;
        let Some(focused) = tab.focused().await else { continue };
        see_focus(tab, &focused).await;
        let is_it =
            focused.0 == role && name.strip_suffix('*').map_or(focused.1 == name, |start| focused.1.starts_with(start));
        if is_it {
            return;
        }
        seen.push(focused);
    }
    panic!("Tab does not reach the {role} “{name}”; it went over {seen:?}");
}

/// An outline or a ring on the element or on the frame that stands for it.
async fn see_focus(tab: &Tab, focused: &(String, String)) {
    const VISIBLE: &str = "(() => {
        const ring = (it) => {
            const style = getComputedStyle(it);
            return (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== 'none';
        };
        const it = document.activeElement;
        return [it, it.parentElement, it.parentElement?.parentElement].some((one) => one && ring(one));
    })()";
    tab.until(VISIBLE, &format!("the focus on {focused:?} can be seen")).await;
}

pub async fn is_kept(tab: &Tab, after: &str) {
    tab.until(
        "document.activeElement && document.activeElement !== document.body",
        &format!("the focus is kept {after}"),
    )
    .await;
}

#[actix_web::test]
async fn the_main_job_works_by_keyboard_alone() {
    let mut stage = Stage::set().await;
    stage.start_work();
    let tab = stage.chrome.tab(Look::WIDE).await;
    tab.open(&stage.at("/")).await;
    tab.see("link", "Make your first picture").await;
    tab_to(&tab, "link", "Make your first picture").await;
    tab.key("Enter", false).await;
    tab.see("link", "Continue with GitHub").await;
    tab_to(&tab, "link", "Continue with GitHub").await;
    tab.key("Enter", false).await;
    tab.see("textbox", "Who are you?").await;
    is_kept(&tab, "on the provider's page").await;
    tab.write("Ada Lovelace").await;
    tab.key("Enter", false).await;
    tab.see("button", "I am 13 or older").await;
    tab_to(&tab, "button", "I am 13 or older").await;
    tab.key("Enter", false).await;
    see_gems(&tab, 50).await;
    is_kept(&tab, "when the studio opens").await;
    tab.key("n", false).await;
    tab.until("document.activeElement.id === 'prompt'", "n goes to the prompt").await;
    tab.write(PROMPT).await;
    tab_to(&tab, "button", "Style*").await;
    tab.key("Enter", false).await;
    tab_to(&tab, "button", "Cinematic still").await;
    tab.key("Space", false).await;
    is_kept(&tab, "when a value is picked").await;
    tab.see("button", "Remove Style: Cinematic still").await;
    tab.key("Enter", true).await;
    see_picture(&tab, PROMPT).await;
    is_kept(&tab, "when the picture comes").await;
    tab_to(&tab, "link", &format!("{PROMPT}*")).await;
    tab.key("Enter", false).await;
    tab.see("button", "Download").await;
    is_kept(&tab, "when a picture opens").await;
    tab.key("f", false).await;
    tab.until("document.querySelector('[aria-label=Favourite][aria-pressed=true]')", "f marks it").await;
    tab.key("Escape", false).await;
    tab.see("textbox", "What do you want to see?").await;
    is_kept(&tab, "when a picture closes").await;
    tab.key("g", false).await;
    tab.key("g", false).await;
    tab.see("heading", "Gallery").await;
    is_kept(&tab, "when the gallery opens").await;
    tab_to(&tab, "link", &format!("{PROMPT}*")).await;
    tab.key("Enter", false).await;
    tab.see("button", "Download").await;
    tab_to(&tab, "button", "Delete").await;
    tab.key("Enter", false).await;
    tab.see("button", "Undo").await;
    is_kept(&tab, "when the picture is gone").await;
    tab_to(&tab, "button", "Undo").await;
    tab.key("Enter", false).await;
    tab.see("button", "Download").await;
    is_kept(&tab, "when the picture is back").await;
    tab.key("g", false).await;
    tab.key("a", false).await;
    tab.see("button", "Sign out").await;
    tab_to(&tab, "button", "Sign out").await;
    tab.key("Enter", false).await;
    tab.see("link", "Make your first picture").await;
    assert_eq!(tab.complaints(0), Vec::<String>::new());
    stage.clear().await;
}
