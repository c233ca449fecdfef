//! Pictures from pictures in Chromium: a file is uploaded, marked by keys, and becomes another picture; one of the gallery is
//! picked; a file that is none is refused in words.
use std::io::Cursor;
use std::path::PathBuf;

use image::{ImageFormat, Rgb, RgbImage};
use serde_json::json;

use crate::every_page::Looks;
use crate::stage::{Stage, enter, see_picture, sign_in};
use crate::tab::{Look, Size, Tab};

const PROMPT: &str = "The same place by night";

/// Files of this test, gone with it.
struct Files(PathBuf);

impl Files {
    fn write() -> Self {
        let folder = std::env::temp_dir().join(format!("lapidary-{}", uuid::Uuid::now_v7()));
        std::fs::create_dir(&folder).expect("a folder");
        let picture = RgbImage::from_fn(320, 240, |x, y| Rgb([(x / 2) as u8, (y / 2) as u8, 120]));
        let mut bytes = Vec::new();
        picture.write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png).expect("written");
        std::fs::write(folder.join("place.png"), &bytes).expect("a file");
        std::fs::write(folder.join("cut.png"), &bytes[..bytes.len() / 2]).expect("a file");
        Self(folder)
    }

    fn at(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// As the browser's own dialog would give them.
async fn give(tab: &Tab, paths: &[String]) {
    // What unfolds may still be on its way.
    tab.until("document.getElementById('reference-files')", "files can be chosen").await;
    let root = tab.call("DOM.getDocument", json!({})).await["root"]["nodeId"].clone();
    let asked = json!({"nodeId": root, "selector": "#reference-files"});
    let node = tab.call("DOM.querySelector", asked).await["nodeId"].clone();
    tab.call("DOM.setFileInputFiles", json!({"nodeId": node, "files": paths})).await;
}

#[actix_web::test]
async fn a_picture_is_made_from_a_file_with_a_mask_by_keys_on_a_phone() {
    journey(Look::PHONE).await;
}

#[actix_web::test]
async fn a_picture_is_made_from_a_file_with_a_mask_by_keys_on_a_wide_screen() {
    journey(Look::WIDE).await;
}

async fn journey(look: Look) {
    let (mut stage, files) = (Stage::set().await, Files::write());
    let tab = stage.chrome.tab(look).await;
    enter(&tab, &stage.app.url, "GitHub", "Ada Lovelace").await;
    tab.press("textbox", "What do you want to see?").await;
    tab.write(PROMPT).await;
    if look.size == Size::Phone {
        tab.press("button", "Options*").await;
    }
    tab.press("button", "Start from pictures*").await;
    give(&tab, &[files.at("cut.png"), files.at("place.png")]).await;
    tab.until("document.body.innerText.includes('cannot be read as a picture')", "a broken file is told in words")
        .await;
    tab.see("button", "Remove picture 1").await;
    tab.see("button", "Start from pictures 1 picture · 8 gems").await;
    tab.press("button", "Dismiss cut.png").await;
    mark(&tab).await;
    tab.press("radio", "Transparent").await;
    tab.press("button", "Generate · 11 gems").await;
    stage.start_work();
    see_picture(&tab, PROMPT).await;
    let sent = stage.app.openai.requests().pop().expect("a request");
    assert_eq!((sent.path.as_str(), &sent.body["background"]), ("/v1/images/edits", &json!("transparent")));
    let names: Vec<&str> =
        sent.body["files"].as_array().expect("files").iter().filter_map(|it| it["name"].as_str()).collect();
    assert_eq!(names, ["image[]", "mask"]);
    pick(&tab, look).await;
    let unexpected: Vec<String> = tab.complaints(0).into_iter().filter(|it| !it.contains("422")).collect();
    assert_eq!(unexpected, Vec::<String>::new());
    stage.clear().await;
}

/// A stroke by keys; what is marked is sent as a mask.
async fn mark(tab: &Tab) {
    tab.press("button", "Mark what may change").await;
    tab.see("application", "The picture to mark").await;
    tab.until(
        "(document.querySelector('.mask').focus(), document.activeElement.className === 'mask')",
        "it has the focus",
    )
    .await;
    for key in ["ArrowLeft", "ArrowLeft", "Space", "ArrowUp", "ArrowUp", "Space"] {
        tab.key(key, false).await;
    }
    tab.until("document.body.textContent.includes('The brush is lifted.')", "what the brush does is said").await;
    tab.press("button", "Use the mask").await;
    tab.until("document.body.innerText.includes('Only the marked part may change.')", "the mask is set").await;
}

/// The picture that was just made stands in the gallery's dialog, and becomes the second to start from.
async fn pick(tab: &Tab, look: Look) {
    if look.size == Size::Phone {
        tab.press("button", "Options*").await;
    }
    tab.press("button", "From the gallery").await;
    tab.press("button", &format!("Start from “{PROMPT}”")).await;
    tab.see("button", "Remove picture 2").await;
    tab.press("button", "Move picture 2 forward").await;
    tab.until(
        "!document.body.innerText.includes('Only the marked part may change.')",
        "a mask of another picture is gone",
    )
    .await;
}

#[actix_web::test]
async fn starting_from_pictures_passes_axe_in_both_sizes_and_themes() {
    let (stage, files) = (Stage::set().await, Files::write());
    {
        let person = stage.app.person("Ada Lovelace").await;
        for prompt in ["A lighthouse on a rocky coast", "A bowl of lemons", "A temple above the clouds"] {
            person.make(&json!({"prompt": prompt, "quality": "low"})).await;
        }
    }
    let (mut tab, mut looks) = (stage.chrome.tab(Look::PHONE).await, Looks::new());
    sign_in(&tab, &stage.app.url, "GitHub", "Ada Lovelace").await;
    tab.press("button", "Options*").await;
    tab.press("button", "Start from pictures*").await;
    give(&tab, &[files.at("cut.png"), files.at("place.png")]).await;
    tab.until("document.body.innerText.includes('cannot be read as a picture')", "a broken file is told in words")
        .await;
    tab.see("button", "Remove picture 1").await;
    tab.press("radio", "Transparent").await;
    tab.eval("document.querySelector('.composer__scroll').scrollTop = 10_000").await;
    looks.take(&mut tab, "studio-options").await;
    let to_references = "(() => {
        const it = document.getElementById('references');
        it.closest('.composer__scroll').scrollTop += it.getBoundingClientRect().top - 200;
    })()";
    tab.eval(to_references).await;
    looks.take(&mut tab, "studio-references").await;
    tab.press("button", "Mark what may change").await;
    tab.until(
        "(document.querySelector('.mask').focus(), document.activeElement.className === 'mask')",
        "it has the focus",
    )
    .await;
    for key in ["Space", "ArrowLeft", "ArrowLeft", "ArrowLeft", "ArrowUp", "ArrowUp", "ArrowUp"] {
        tab.key(key, false).await;
    }
    looks.take(&mut tab, "studio-mask").await;
    tab.press("button", "Close").await;
    tab.press("button", "From the gallery").await;
    tab.see("button", "Start from “A bowl of lemons”").await;
    looks.take(&mut tab, "studio-pick").await;
    assert!(looks.faults.is_empty(), "{} faults:\n{}", looks.faults.len(), looks.faults.join("\n"));
    stage.clear().await;
}
