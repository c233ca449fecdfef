//! How a program uses a key, to copy: with this site's own address, the key in the environment.
use super::api_keys::code_block;
use crate::ui::dynamic::changing;
use crate::ui::prelude::*;
use crate::ui::{Choice, Segmented};

const CURL: &str = r#"auth="Authorization: Bearer $LAPIDARY_API_KEY"
id=$(curl -sS --fail-with-body BASE/v1/generations -H "$auth" \
  -H "Idempotency-Key: $(openssl rand -hex 16)" \
  -H "Content-Type: application/json" \
  -d '{"prompt": "A fox crossing a frozen river", "quality": "low"}' | jq -er .id) &&
curl -sS --fail-with-body BASE/v1/generations/$id/events -H "$auth" -o /dev/null &&  # ends when it is done
url=$(curl -sS --fail-with-body BASE/v1/generations/$id -H "$auth" | jq -er '.images[0].url') &&
curl -sS --fail "$url" -o fox.png"#;

const OPENAI: &str = r#"import base64, os
from openai import OpenAI

client = OpenAI(base_url="BASE/openai/v1", api_key=os.environ["LAPIDARY_API_KEY"])
made = client.images.generate(prompt="A fox crossing a frozen river", quality="low")
with open("fox.png", "wb") as file:
    file.write(base64.b64decode(made.data[0].b64_json))"#;

const PYTHON: &str = r#"import os, time, uuid
import requests

def checked(answer):
    if not answer.ok:
        raise SystemExit(answer.text)
    return answer

site = requests.Session()
site.headers["Authorization"] = "Bearer " + os.environ["LAPIDARY_API_KEY"]
made = checked(site.post("BASE/v1/generations", headers={"Idempotency-Key": str(uuid.uuid4())},
                         json={"prompt": "A fox crossing a frozen river", "quality": "low"})).json()
while made["status"] in ("queued", "running"):
    time.sleep(2)
    made = checked(site.get("BASE/v1/generations/" + made["id"])).json()
if not made["images"]:
    raise SystemExit(made["status"])
with open("fox.png", "wb") as file:
    file.write(checked(requests.get(made["images"][0]["url"])).content)"#;

const JAVASCRIPT: &str = r#"import { writeFile } from "node:fs/promises";

const headers = { Authorization: `Bearer ${process.env.LAPIDARY_API_KEY}` };
async function ask(address, options) {
  const answer = await fetch(address, options);
  if (!answer.ok) throw new Error(await answer.text());
  return answer;
}
let made = await (await ask("BASE/v1/generations", {
  method: "POST",
  headers: { ...headers, "Content-Type": "application/json", "Idempotency-Key": crypto.randomUUID() },
  body: JSON.stringify({ prompt: "A fox crossing a frozen river", quality: "low" }),
})).json();
while (["queued", "running"].includes(made.status)) {
  await new Promise((wait) => setTimeout(wait, 2000));
  made = await (await ask(`BASE/v1/generations/${made.id}`, { headers })).json();
}
if (!made.images.length) throw new Error(made.status);
const picture = await ask(made.images[0].url);
await writeFile("fox.png", Buffer.from(await picture.arrayBuffer()));"#;

const RUST: &str = r#"let site = reqwest::Client::new();
let key = std::env::var("LAPIDARY_API_KEY")?;
let asked = site
    .post("BASE/v1/generations")
    .bearer_auth(&key)
    .header("Idempotency-Key", uuid::Uuid::new_v4().to_string())
    .json(&serde_json::json!({"prompt": "A fox crossing a frozen river", "quality": "low"}));
let mut made: serde_json::Value = asked.send().await?.error_for_status()?.json().await?;
while matches!(made["status"].as_str(), Some("queued" | "running")) {
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let address = format!("BASE/v1/generations/{}", made["id"].as_str().unwrap_or_default());
    made = site.get(address).bearer_auth(&key).send().await?.error_for_status()?.json().await?;
}
let url = made["images"][0]["url"].as_str().ok_or("it made no picture")?;
let picture = site.get(url).send().await?.error_for_status()?.bytes().await?;
std::fs::write("fox.png", picture)?;"#;

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
