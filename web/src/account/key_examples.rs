//! How a program uses a key, to copy: with this site's own address, the key in the environment.
use super::api_keys::code_block;
use crate::ui::dynamic::changing;
use crate::ui::prelude::*;
use crate::ui::{Choice, Segmented};

const CURL: &str = r#"curl BASE/v1/generations \
  -H "Authorization: Bearer $LAPIDARY_API_KEY" \
  -H "Idempotency-Key: $(uuidgen)" \
  -H "Content-Type: application/json" \
  -d '{"prompt": "A fox crossing a frozen river", "quality": "low"}'"#;

const OPENAI: &str = r#"import base64, os
from openai import OpenAI

client = OpenAI(base_url="BASE/openai/v1", api_key=os.environ["LAPIDARY_API_KEY"])
made = client.images.generate(prompt="A fox crossing a frozen river", quality="low")
with open("fox.png", "wb") as file:
    file.write(base64.b64decode(made.data[0].b64_json))"#;

const PYTHON: &str = r#"import os, time, uuid
import requests

site = requests.Session()
site.headers["Authorization"] = "Bearer " + os.environ["LAPIDARY_API_KEY"]
asked = site.post("BASE/v1/generations", headers={"Idempotency-Key": str(uuid.uuid4())},
                  json={"prompt": "A fox crossing a frozen river", "quality": "low"})
asked.raise_for_status()
made = asked.json()
while made["status"] in ("queued", "running"):
    time.sleep(2)
    made = site.get("BASE/v1/generations/" + made["id"]).json()
print([image["url"] for image in made["images"]])"#;

const JAVASCRIPT: &str = r#"const headers = { Authorization: `Bearer ${process.env.LAPIDARY_API_KEY}` };
const asked = await fetch("BASE/v1/generations", {
  method: "POST",
  headers: { ...headers, "Content-Type": "application/json", "Idempotency-Key": crypto.randomUUID() },
  body: JSON.stringify({ prompt: "A fox crossing a frozen river", quality: "low" }),
});
let made = await asked.json();
while (["queued", "running"].includes(made.status)) {
  await new Promise((wait) => setTimeout(wait, 2000));
  made = await (await fetch(`BASE/v1/generations/${made.id}`, { headers })).json();
}
console.log(made.images.map((image) => image.url));"#;

const RUST: &str = r#"let site = reqwest::Client::new();
let key = std::env::var("LAPIDARY_API_KEY")?;
let made: serde_json::Value = site
    .post("BASE/v1/generations")
    .bearer_auth(&key)
    .header("Idempotency-Key", uuid::Uuid::new_v4().to_string())
    .json(&serde_json::json!({"prompt": "A fox crossing a frozen river", "quality": "low"}))
    .send()
    .await?
    .error_for_status()?
    .json()
    .await?;
println!("{}", made["id"]);"#;

const ALL: [(&str, &str, &str); 5] = [
    ("curl", "curl", CURL),
    ("openai", "Python, openai", OPENAI),
    ("python", "Python, requests", PYTHON),
    ("javascript", "JavaScript", JAVASCRIPT),
    ("rust", "Rust", RUST),
];

pub fn examples() -> AnyView {
    let chosen = RwSignal::new("curl".to_owned());
    let choices =
        ALL.map(|(value, label, _)| Choice { value: value.to_owned(), label: label.to_owned(), ..Choice::default() });
    let choose = Callback::new(move |name| chosen.set(name));
    let shown = changing(move || {
        let base = window().location().origin().unwrap_or_default();
        let found = chosen.with(|chosen| ALL.iter().find(|(name, ..)| name == chosen));
        found.map(|(_, _, code)| code_block(code.replace("BASE", &base)))
    });
    view! {
        <div class="key-examples">
            <Segmented legend="Use it with" choices=Signal::stored(choices.to_vec()) chosen=chosen on_choose=choose />
            {shown}
        </div>
    }
    .into_any()
}
