//! What the browser offers and web-sys does not carry stably: Web Locks, channels between tabs, storage, the clipboard.
//! Everything here may be missing (a plain http host has no locks) and then says so instead of failing.
use futures_channel::oneshot;
use js_sys::Intl::DateTimeFormat;
use js_sys::{Array, Function, JsString, Object, Promise, Reflect};
use leptos::prelude::{document, window};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, BroadcastChannel, FocusOptions, HtmlElement, MessageEvent, Storage, Url, Window};

/// A Web Lock: held until dropped, or until the tab goes.
pub struct Lock {
    release: Function,
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = self.release.call0(&JsValue::NULL);
    }
}

pub enum Locking {
    Held(Lock),
    /// Another tab has it.
    Taken,
    /// This browser, or this insecure origin, has no locks.
    Unsupported,
}

/// Asks for the lock. With `only_if_free` it answers at once, otherwise when the lock is ours.
pub async fn lock(name: &str, only_if_free: bool) -> Locking {
    let Ok(locks) = Reflect::get(&window().navigator(), &"locks".into()) else { return Locking::Unsupported };
    let Some(request) = Reflect::get(&locks, &"request".into()).ok().and_then(|it| it.dyn_into::<Function>().ok())
    else {
        return Locking::Unsupported;
    };
    let (tell, told) = oneshot::channel();
    let granted = Closure::once_into_js(move |lock: JsValue| -> JsValue {
        if lock.is_null() {
            let _ = tell.send(Locking::Taken);
            return JsValue::UNDEFINED;
        }
        let mut release = None;
        let held = Promise::new(&mut |resolve, _| release = Some(resolve));
        let _ = tell.send(match release {
            Some(release) => Locking::Held(Lock { release: release.unchecked_into() }),
            None => Locking::Unsupported,
        });
        held.into()
    });
    let options = Object::new();
    let _ = Reflect::set(&options, &"ifAvailable".into(), &only_if_free.into());
    if request.call3(&locks, &name.into(), &options, &granted).is_err() {
        return Locking::Unsupported;
    }
    told.await.unwrap_or(Locking::Unsupported)
}

/// Opens a channel to the other tabs of this origin; it lives as long as the page.
pub fn channel(name: &str, on_text: impl Fn(String) + 'static) -> Option<BroadcastChannel> {
    let channel = BroadcastChannel::new(name).ok()?;
    let hear = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
        if let Some(text) = event.data().as_string() {
            on_text(text);
        }
    });
    channel.set_onmessage(Some(hear.as_ref().unchecked_ref()));
    hear.forget();
    Some(channel)
}

/// Text that survives a sign-in in this tab: sessionStorage, where there is one.
pub mod kept {
    use super::{Storage, window};

    fn storage() -> Option<Storage> {
        window().session_storage().ok().flatten()
    }

    pub fn keep(name: &str, text: &str) {
        if let Some(storage) = storage() {
            let _ = storage.set_item(name, text);
        }
    }

    pub fn recall(name: &str) -> Option<String> {
        storage()?.get_item(name).ok().flatten()
    }

    pub fn forget(name: &str) {
        if let Some(storage) = storage() {
            let _ = storage.remove_item(name);
        }
    }
}

/// Whether the text is on the clipboard now. Plain http hosts have none.
pub async fn copy(text: &str) -> bool {
    let Ok(clipboard) = Reflect::get(&window().navigator(), &"clipboard".into()) else { return false };
    if clipboard.is_undefined() {
        return false;
    }
    let clipboard: web_sys::Clipboard = clipboard.unchecked_into();
    JsFuture::from(clipboard.write_text(text)).await.is_ok()
}

/// Puts the keyboard's focus on the first element that matches; false when there is none.
pub fn focus(selector: &str) -> bool {
    let found = document().query_selector(selector).ok().flatten().and_then(|it| it.dyn_into::<HtmlElement>().ok());
    found.is_some_and(|element| element.focus().is_ok())
}

/// Gives the focus to the view when the element that had it went with the last one.
pub fn keep_focus() {
    let is_lost = document().active_element().is_none_or(|element| element.tag_name() == "BODY");
    let main = document().get_element_by_id("main").and_then(|it| it.dyn_into::<HtmlElement>().ok());
    if let (true, Some(main)) = (is_lost, main) {
        let options = FocusOptions::new();
        options.set_prevent_scroll(true);
        let _ = main.focus_with_options(&options);
    }
}

/// Path, query and all: where the person is.
pub fn here() -> String {
    let location = window().location();
    location.pathname().unwrap_or_default() + &location.search().unwrap_or_default()
}

/// The address behind `#`, with it.
pub fn fragment() -> String {
    window().location().hash().unwrap_or_default()
}

pub fn origin() -> String {
    window().location().origin().unwrap_or_default()
}

/// Leaves this document for another address of our origin, so that nothing stays in memory.
pub fn leave_for(address: &str) {
    let _ = window().location().assign(address);
}

/// A tab opened at the press that asks for it: later a browser would take it for an advertisement.
pub struct NewTab(Option<Window>);

pub fn open_tab() -> NewTab {
    let tab = window().open_with_url_and_target("", "_blank").ok().flatten();
    if let Some(tab) = &tab {
        let _ = tab.set_opener(&JsValue::NULL);
    }
    NewTab(tab)
}

impl NewTab {
    /// Where no tab could be opened this one goes.
    pub fn go(self, address: &str) {
        match self.0 {
            Some(tab) => drop(tab.location().replace(address)),
            None => leave_for(address),
        }
    }

    pub fn close(self) {
        if let Some(tab) = self.0 {
            let _ = tab.close();
        }
    }
}

/// Saves a file under a name, as if a link to it had been pressed.
pub fn save(file: &Blob, name: &str) {
    let Ok(address) = Url::create_object_url_with_blob(file) else { return };
    let link = document().create_element("a").ok().and_then(|it| it.dyn_into::<HtmlElement>().ok());
    if let Some(link) = link {
        let _ = link.set_attribute("href", &address);
        let _ = link.set_attribute("download", name);
        link.click();
    }
    // The browser has it by now.
    let _ = Url::revoke_object_url(&address);
}

/// An IANA name: `Europe/Berlin`.
pub fn time_zone() -> String {
    let format = DateTimeFormat::new(&Array::new(), &Object::new());
    let zone = Reflect::get(&format.resolved_options(), &"timeZone".into()).ok().and_then(|zone| zone.as_string());
    zone.unwrap_or_else(|| "UTC".to_owned())
}

/// In small letters. The browser's own: Rust's table for every script weighs as much as a view.
pub fn lowercase(text: &str) -> String {
    if cfg!(target_family = "wasm") { JsString::from(text).to_lower_case().into() } else { text.to_lowercase() }
}

pub fn uppercase(text: &str) -> String {
    if cfg!(target_family = "wasm") { JsString::from(text).to_upper_case().into() } else { text.to_uppercase() }
}

pub fn encode(part: &str) -> String {
    js_sys::encode_uri_component(part).into()
}

/// `None`: it is not an encoded text.
pub fn decode(part: &str) -> Option<String> {
    js_sys::decode_uri_component(part).ok().map(String::from)
}
