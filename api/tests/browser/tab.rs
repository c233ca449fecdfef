//! A tab as a person has it: looks for things by role and name, presses them where they can be pressed, types, waits.
//! Never reaches into the page's own code.
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::cdp::{Cdp, Event};

const PATIENCE: Duration = Duration::from_secs(20);
const STEP: Duration = Duration::from_millis(40);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// The narrowest that must hold.
    Narrow,
    Phone,
    Wide,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    pub size: Size,
    pub is_dark: bool,
}

impl Look {
    pub const NARROW: Self = Self { size: Size::Narrow, is_dark: false };
    pub const PHONE: Self = Self { size: Size::Phone, is_dark: false };
    pub const WIDE: Self = Self { size: Size::Wide, is_dark: false };

    pub fn every() -> [Self; 4] {
        [Self::WIDE, Self { is_dark: true, ..Self::WIDE }, Self::PHONE, Self { is_dark: true, ..Self::PHONE }]
    }

    /// `360-dark`.
    pub fn name(self) -> String {
        format!("{}-{}", self.width(), if self.is_dark { "dark" } else { "light" })
    }

    fn width(self) -> u32 {
        match self.size {
            Size::Narrow => 320,
            Size::Phone => 360,
            Size::Wide => 1280,
        }
    }
}

/// Where something can be pressed, or why it cannot.
enum Spot {
    At(f64, f64),
    Not(String),
}

pub struct Tab {
    pub cdp: Cdp,
    pub session: String,
    target: String,
    has_touch: bool,
}

impl Tab {
    pub async fn open_in(cdp: &Cdp, look: Look) -> Self {
        // In a window of its own, so that no tab hides another one.
        let made = cdp.call(None, "Target.createTarget", json!({"url": "about:blank", "newWindow": true})).await;
        let target = text(&made.expect("a tab"), "targetId");
        let attached = cdp.call(None, "Target.attachToTarget", json!({"targetId": target, "flatten": true})).await;
        let session = text(&attached.expect("the tab is ours"), "sessionId");
        let mut tab = Self { cdp: cdp.clone(), session, target, has_touch: false };
        for domain in ["Page.enable", "Network.enable", "Runtime.enable", "Log.enable"] {
            tab.call(domain, json!({})).await;
        }
        tab.look(look).await;
        tab
    }

    pub async fn close(self) {
        self.cdp.call(None, "Target.closeTarget", json!({"targetId": self.target})).await.expect("the tab closes");
    }

    #[track_caller]
    pub fn call(&self, method: &'static str, params: Value) -> impl Future<Output = Value> {
        let caller = std::panic::Location::caller();
        async move {
            let answer = self.cdp.call(Some(&self.session), method, params).await;
            answer.unwrap_or_else(|why| panic!("{why}, at {caller}"))
        }
    }

    /// Size, touch and theme; nothing moves, so that a look is the last look.
    pub async fn look(&mut self, look: Look) {
        self.has_touch = look.size != Size::Wide;
        let scale = if self.has_touch { 2 } else { 1 };
        let metrics =
            json!({"width": look.width(), "height": 800, "deviceScaleFactor": scale, "mobile": self.has_touch});
        self.call("Emulation.setDeviceMetricsOverride", metrics).await;
        let touch = json!({"enabled": self.has_touch, "maxTouchPoints": 1});
        self.call("Emulation.setTouchEmulationEnabled", touch).await;
        let theme = if look.is_dark { "dark" } else { "light" };
        let features = json!([
            {"name": "prefers-color-scheme", "value": theme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]);
        self.call("Emulation.setEmulatedMedia", json!({"features": features})).await;
    }

    pub async fn open(&self, address: &str) {
        let answer = self.call("Page.navigate", json!({"url": address})).await;
        assert_eq!(answer["errorText"], Value::Null, "{address} does not open");
        self.until("document.readyState === 'complete'", "the document is there").await;
    }

    pub async fn reload(&self) {
        // The mark goes with the old document, so nothing of it can be mistaken for the new one.
        self.eval("window.isOld = true").await;
        self.call("Page.reload", json!({})).await;
        self.until("!window.isOld && document.readyState === 'complete'", "the document is there again").await;
    }

    pub async fn try_eval(&self, expression: &str) -> Result<Value, String> {
        let params =
            json!({"expression": expression, "awaitPromise": true, "returnByValue": true, "userGesture": true});
        let answer = self.cdp.call(Some(&self.session), "Runtime.evaluate", params).await?;
        match answer.get("exceptionDetails") {
            Some(trouble) => Err(trouble.to_string()),
            None => Ok(answer["result"]["value"].clone()),
        }
    }

    pub async fn eval(&self, expression: &str) -> Value {
        self.try_eval(expression).await.unwrap_or_else(|why| panic!("{expression}: {why}"))
    }

    /// Waits until an expression is true; documents may come and go meanwhile.
    pub async fn until(&self, expression: &str, what: &str) {
        let until = Instant::now() + PATIENCE;
        let expression = format!("Boolean({expression})");
        while self.try_eval(&expression).await != Ok(Value::Bool(true)) {
            if Instant::now() > until {
                self.give_up(&format!("it never came that {what}")).await;
            }
            tokio::time::sleep(STEP).await;
        }
    }

    async fn give_up(&self, why: &str) -> ! {
        let at = self.try_eval("location.href").await;
        let words = self.try_eval("document.body.innerText.slice(0, 4000)").await;
        let words = words.ok().and_then(|it| it.as_str().map(str::to_owned)).unwrap_or_default();
        panic!("{why}\nat {at:?}\n--- the page says\n{words}\n--- it complains\n{:#?}", self.complaints(0));
    }

    /// Everything of a role that assistive technology finds, as (id, name).
    async fn all(&self, role: &str) -> Result<Vec<(i64, String)>, String> {
        let document = json!({"expression": "document"});
        let found = self.cdp.call(Some(&self.session), "Runtime.evaluate", document).await?;
        let query = json!({"objectId": found["result"]["objectId"], "role": role});
        let nodes = self.cdp.call(Some(&self.session), "Accessibility.queryAXTree", query).await?;
        let nodes = nodes["nodes"].as_array().cloned().unwrap_or_default();
        let visible = nodes.iter().filter(|node| node["ignored"] != true);
        Ok(visible
            .filter_map(|node| Some((node["backendDOMNodeId"].as_i64()?, text(&node["name"], "value"))))
            .collect())
    }

    pub async fn names(&self, role: &str) -> Vec<String> {
        self.all(role).await.unwrap_or_default().into_iter().map(|(_, name)| name).collect()
    }

    /// The first of a role with this name; a star at the end stands for any rest.
    async fn find(&self, role: &str, name: &str) -> Option<(i64, String)> {
        let all = self.all(role).await.ok()?;
        all.into_iter().find(|(_, known)| is_called(known, name))
    }

    /// Waits for something and gives its whole name.
    pub async fn see(&self, role: &str, name: &str) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some((_, name)) = self.find(role, name).await {
                return name;
            }
            if Instant::now() > until {
                let names = self.names(role).await;
                self.give_up(&format!("there is no {role} “{name}”; there are {names:?}")).await;
            }
            tokio::time::sleep(STEP).await;
        }
    }

    /// Waits until something is gone.
    pub async fn miss(&self, role: &str, name: &str) {
        let until = Instant::now() + PATIENCE;
        while self.find(role, name).await.is_some() {
            if Instant::now() > until {
                self.give_up(&format!("the {role} “{name}” stays")).await;
            }
            tokio::time::sleep(STEP).await;
        }
    }

    /// Presses with mouse or finger, once it is there, still, enabled and not covered.
    pub async fn press(&self, role: &str, name: &str) {
        let until = Instant::now() + PATIENCE;
        loop {
            let why = match self.find(role, name).await {
                None => format!("there is none; there are {:?}", self.names(role).await),
                Some((id, _)) => match self.spot(id).await {
                    Ok(Spot::At(x, y)) => return self.touch(x, y).await,
                    Ok(Spot::Not(why)) | Err(why) => why,
                },
            };
            if Instant::now() > until {
                self.give_up(&format!("the {role} “{name}” cannot be pressed: {why}")).await;
            }
            tokio::time::sleep(STEP).await;
        }
    }

    async fn spot(&self, id: i64) -> Result<Spot, String> {
        const LOOK: &str = "async function () {
            const box = () => this.getBoundingClientRect();
            const before = box();
            await new Promise((resolve) => setTimeout(resolve, 40));
            const now = box(), x = now.x + now.width / 2, y = now.y + now.height / 2;
            if (before.x !== now.x || before.y !== now.y) return { why: 'it moves' };
            if (this.disabled) return { why: 'it is disabled' };
            const top = document.elementFromPoint(x, y);
            if (!top) return { why: `it is out of sight at ${x}, ${y}` };
            const isOurs = this.contains(top) || top.closest('label')?.control === this;
            return isOurs ? { x, y } : { why: `it is covered by ${top.outerHTML.slice(0, 160)}` };
        }";
        let session = Some(self.session.as_str());
        self.cdp.call(session, "DOM.scrollIntoViewIfNeeded", json!({"backendNodeId": id})).await?;
        let node = self.cdp.call(session, "DOM.resolveNode", json!({"backendNodeId": id})).await?;
        let ask = json!({"objectId": node["object"]["objectId"], "functionDeclaration": LOOK,
            "returnByValue": true, "awaitPromise": true});
        let answer = self.cdp.call(session, "Runtime.callFunctionOn", ask).await?;
        let place = &answer["result"]["value"];
        match (place["x"].as_f64(), place["y"].as_f64()) {
            (Some(x), Some(y)) => Ok(Spot::At(x, y)),
            _ => Ok(Spot::Not(text(place, "why"))),
        }
    }

    async fn touch(&self, x: f64, y: f64) {
        if self.has_touch {
            let point = json!({"type": "touchStart", "touchPoints": [{"x": x, "y": y}]});
            self.call("Input.dispatchTouchEvent", point).await;
            self.call("Input.dispatchTouchEvent", json!({"type": "touchEnd", "touchPoints": []})).await;
            return;
        }
        for kind in ["mouseMoved", "mousePressed", "mouseReleased"] {
            let button = if kind == "mouseMoved" { "none" } else { "left" };
            let event = json!({"type": kind, "x": x, "y": y, "button": button, "clickCount": 1});
            self.call("Input.dispatchMouseEvent", event).await;
        }
    }

    /// Types where the focus is.
    pub async fn write(&self, words: &str) {
        self.call("Input.insertText", json!({"text": words})).await;
    }

    /// Selects what the focused field holds, so that writing replaces it.
    pub async fn select_all(&self) {
        let down = json!({"type": "rawKeyDown", "key": "a", "code": "KeyA", "modifiers": 2, "commands": ["selectAll"]});
        self.call("Input.dispatchKeyEvent", down).await;
        self.call("Input.dispatchKeyEvent", json!({"type": "keyUp", "key": "a", "code": "KeyA"})).await;
    }

    /// `Tab`, `Enter`, `Escape`, `Space`, two of the arrows or a letter; `ctrl` holds the control key meanwhile.
    pub async fn key(&self, key: &str, ctrl: bool) {
        let (name, code, number, words) = match key {
            "Tab" => ("Tab", "Tab".to_owned(), 9, ""),
            "Enter" => ("Enter", "Enter".to_owned(), 13, "\r"),
            "Escape" => ("Escape", "Escape".to_owned(), 27, ""),
            "Space" => (" ", "Space".to_owned(), 32, " "),
            "ArrowLeft" => ("ArrowLeft", "ArrowLeft".to_owned(), 37, ""),
            "ArrowUp" => ("ArrowUp", "ArrowUp".to_owned(), 38, ""),
            letter => (
                letter,
                format!("Key{}", letter.to_uppercase()),
                i64::from(letter.to_uppercase().as_bytes()[0]),
                letter,
            ),
        };
        let mut down = json!({"type": "keyDown", "key": name, "code": code, "windowsVirtualKeyCode": number});
        if ctrl {
            down["modifiers"] = json!(2);
        } else if !words.is_empty() {
            down["text"] = json!(words);
        }
        let mut up = down.clone();
        up["type"] = json!("keyUp");
        self.call("Input.dispatchKeyEvent", down).await;
        self.call("Input.dispatchKeyEvent", up).await;
    }

    /// Role and name of what has the keyboard's focus; `None` when nothing has it.
    pub async fn focused(&self) -> Option<(String, String)> {
        let session = Some(self.session.as_str());
        let ask = json!({"expression": "document.activeElement === document.body ? null : document.activeElement"});
        let found = self.cdp.call(session, "Runtime.evaluate", ask).await.ok()?;
        let query = json!({"objectId": found["result"].get("objectId")?, "fetchRelatives": false});
        let tree = self.cdp.call(session, "Accessibility.getPartialAXTree", query).await.ok()?;
        // What has gone from the page meanwhile is no stop on anyone's way.
        let there = json!({"objectId": found["result"]["objectId"], "functionDeclaration": "function() { return this.isConnected }", "returnByValue": true});
        let there = self.cdp.call(session, "Runtime.callFunctionOn", there).await.ok()?;
        if there["result"]["value"] != true {
            return None;
        }
        let node = tree["nodes"].get(0)?;
        Some((text(&node["role"], "value"), text(&node["name"], "value")))
    }

    /// Waits until no answer is on its way, nothing is being read, and what can be seen is painted.
    pub async fn settle(&self) {
        const QUIET: &str = "document.readyState === 'complete' && !document.getElementById('skeleton')
            && !document.querySelector('[aria-busy=true], .skeleton')
            && [...document.images].every((it) => it.complete || it.getBoundingClientRect().top > innerHeight)";
        let until = Instant::now() + PATIENCE;
        let mut quiet = 0;
        while quiet < 3 {
            let open = self.unanswered();
            let is_quiet = open.is_empty() && self.try_eval(QUIET).await == Ok(Value::Bool(true));
            quiet = if is_quiet { quiet + 1 } else { 0 };
            if Instant::now() > until {
                self.give_up(&format!("the page does not come to rest; unanswered: {open:?}")).await;
            }
            tokio::time::sleep(STEP).await;
        }
    }

    pub fn heard(&self, since: usize) -> Vec<Event> {
        self.cdp.heard(&self.session, since)
    }

    /// Requests from a moment on, as (method, address).
    pub fn requests(&self, since: usize) -> Vec<(String, String)> {
        let sent = self.heard(since).into_iter().filter(|event| event.method == "Network.requestWillBeSent");
        sent.map(|event| (text(&event.params["request"], "method"), text(&event.params["request"], "url"))).collect()
    }

    /// Addresses asked for and not answered.
    pub fn unanswered(&self) -> Vec<String> {
        let mut open: Vec<(String, String)> = Vec::new();
        for event in self.heard(0) {
            let id = text(&event.params, "requestId");
            match event.method.as_str() {
                "Network.requestWillBeSent" => open.push((id, text(&event.params["request"], "url"))),
                // The body of an answer nobody reads never finishes, so the head of it counts.
                "Network.responseReceived" | "Network.loadingFinished" | "Network.loadingFailed" => {
                    open.retain(|(known, _)| *known != id);
                }
                // A new document ends what the old one waited for.
                "Page.frameNavigated" => open.clear(),
                _ => {}
            }
        }
        open.into_iter().map(|(_, address)| address).collect()
    }

    /// Errors on the console, policy violations and uncaught exceptions; not those of the provider's own page.
    pub fn complaints(&self, since: usize) -> Vec<String> {
        let complaint = |event: Event| match event.method.as_str() {
            "Log.entryAdded" if event.params["entry"]["level"] == "error" => {
                let entry = &event.params["entry"];
                Some(format!("{}: {} {}", text(entry, "source"), text(entry, "text"), text(entry, "url")))
            }
            "Runtime.exceptionThrown" => Some(event.params["exceptionDetails"].to_string()),
            "Runtime.consoleAPICalled" if event.params["type"] == "error" => Some(event.params["args"].to_string()),
            _ => None,
        };
        // A browser nobody signed in with learns that by this answer, and Chromium prints every 401.
        let is_expected = |it: &String| {
            (it.contains("status of 401") && it.ends_with("/v1/auth/refresh")) || it.contains("/authorize?")
        };
        self.heard(since).into_iter().filter_map(complaint).filter(|it| !is_expected(it)).collect()
    }

    /// A picture of the page as PNG; `whole` reaches beyond what is in sight.
    pub async fn screenshot(&self, whole: bool) -> Vec<u8> {
        let mut params = json!({"format": "png", "captureBeyondViewport": whole});
        if whole {
            let size = &self.call("Page.getLayoutMetrics", json!({})).await["cssContentSize"];
            params["clip"] = json!({"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1});
        }
        let shot = self.call("Page.captureScreenshot", params).await;
        use base64::Engine;
        base64::engine::general_purpose::STANDARD.decode(text(&shot, "data")).expect("base64")
    }
}

fn is_called(known: &str, wanted: &str) -> bool {
    let known = known.trim();
    match wanted.strip_suffix('*') {
        Some(start) => known.starts_with(start),
        None => known == wanted,
    }
}

pub fn text(value: &Value, member: &str) -> String {
    value[member].as_str().unwrap_or_default().to_owned()
}
