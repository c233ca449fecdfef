//! Someone's open tab: one live stream that breaks with every process and goes on at the other, where it stopped.
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use uuid::Uuid;

use crate::chance::Chance;
use crate::person::Person;

const FINAL: [&str; 4] = ["succeeded", "partly_succeeded", "failed", "cancelled"];
/// A heartbeat comes every ten seconds; a stream that is silent for longer is dead.
const SILENCE: Duration = Duration::from_secs(25);

/// The final state of each generation as the stream told it.
pub type Seen = Arc<Mutex<HashMap<Uuid, String>>>;

pub struct Follower {
    pub person: Arc<Person>,
    pub seen: Seen,
    pub chance: Chance,
}

impl Follower {
    /// Until it is aborted.
    pub async fn run(mut self) {
        let mut last_id: Option<String> = None;
        loop {
            let token = self.person.token(&mut self.chance).await;
            let place = self.chance.pick(&self.person.places).clone();
            let mut request = self.person.client.get(format!("{place}/v1/events")).bearer_auth(token);
            request = request.timeout(Duration::from_secs(3_600));
            if let Some(id) = &last_id {
                request = request.header("Last-Event-ID", id);
            }
            match request.send().await {
                Ok(answer) if answer.status() == 200 => {
                    self.person.tally.one("live streams: opened");
                    self.read(answer, &mut last_id).await;
                }
                Ok(answer) => self.person.tally.one(format!("live streams: answered {}", answer.status().as_u16())),
                Err(_) => self.person.tally.one("live streams: nobody there"),
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    async fn read(&mut self, mut answer: reqwest::Response, last_id: &mut Option<String>) {
        let mut open = Vec::new();
        while let Ok(Ok(Some(chunk))) = tokio::time::timeout(SILENCE, answer.chunk()).await {
            open.extend_from_slice(&chunk);
            while let Some(end) = open.windows(2).position(|pair| pair == b"\n\n") {
                let event: Vec<u8> = open.drain(..end + 2).collect();
                self.hear(&String::from_utf8_lossy(&event), last_id);
            }
        }
    }

    fn hear(&self, event: &str, last_id: &mut Option<String>) {
        if let Some(id) = event.lines().find_map(|line| line.strip_prefix("id: ")) {
            *last_id = Some(id.to_owned());
        }
        let data = event.lines().find_map(|line| line.strip_prefix("data: "));
        let Some(event) = data.and_then(|data| serde_json::from_str::<Value>(data).ok()) else { return };
        match event["type"].as_str() {
            Some("generation_changed") => self.note(&event["generation"]),
            Some("reset") => self.person.tally.broken(format!("{}: a stream lost its place", self.person.name)),
            _ => {}
        }
    }

    fn note(&self, generation: &Value) {
        let (Some(id), Some(status)) = (generation["id"].as_str(), generation["status"].as_str()) else { return };
        let Ok(id) = id.parse::<Uuid>() else { return };
        let mut seen = self.seen.lock().expect("what was seen");
        match seen.get(&id) {
            Some(before) if before != status => {
                self.person.tally.broken(format!("{id}: was {before} for good, and then {status}"));
            }
            None if FINAL.contains(&status) => {
                seen.insert(id, status.to_owned());
            }
            _ => {}
        }
    }
}
