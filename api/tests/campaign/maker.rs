//! Someone who asks for pictures in every way that people do: twice, in parallel, with a line that breaks, and changing
//! their mind. Remembers what they were promised.
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{join, join_all};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::chance::Chance;
use crate::person::Person;

/// One intention to have a generation, and what we were told about it.
#[derive(Clone, Debug)]
pub struct Asked {
    pub person_id: Uuid,
    pub key: String,
    pub count: i64,
    /// Every id a 202 gave for this key: must be one.
    pub ids: Vec<Uuid>,
    /// The last refusal: 402 or 422.
    pub refused: Option<u16>,
    /// A try ended without an answer and nobody asked again.
    pub is_unknown: bool,
    /// The answer to a cancellation said that it is cancelled.
    pub was_cancelled: bool,
}

pub struct Maker {
    pub person: Arc<Person>,
    pub is_poor: bool,
    /// How many are asked for, and how long it thinks between two on average.
    pub share: u64,
    pub pause: Duration,
    pub seed: u64,
}

impl Maker {
    pub async fn run(self) -> Vec<Asked> {
        let mut chance = Chance::of(self.seed, &self.person.name);
        let mut all = Vec::new();
        while (all.len() as u64) < self.share {
            let at_once = if chance.percent(15) { 2 + chance.below(4) } else { 1 };
            let at_once = at_once.min(self.share - all.len() as u64);
            let streams = (0..at_once).map(|place| {
                let number = all.len() as u64 + place;
                (number, Chance::of(self.seed, &format!("{} {number}", self.person.name)))
            });
            all.extend(join_all(streams.map(|(number, chance)| self.one(number, chance))).await);
            let pause = chance.millis(0, 2 * self.pause.as_millis() as u64 * at_once);
            tokio::time::sleep(pause).await;
        }
        all
    }

    async fn one(&self, number: u64, mut chance: Chance) -> Asked {
        let body = self.order(number, &mut chance);
        let mut asked = Asked {
            person_id: self.person.id,
            key: format!("{}-{number}", self.person.name.replace(' ', "-")),
            count: body["count"].as_i64().unwrap_or(1),
            ids: Vec::new(),
            refused: None,
            is_unknown: false,
            was_cancelled: false,
        };
        match chance.below(100) {
            0..=19 => self.twice_at_once(&mut asked, &body, &mut chance).await,
            20..=34 => self.with_a_line_that_breaks(&mut asked, &body, &mut chance).await,
            _ => self.submit(&mut asked, &body, &mut chance).await,
        }
        if let Some(id) = asked.ids.first().copied() {
            match chance.below(100) {
                0..=14 => self.cancel(&mut asked, id, &mut chance).await,
                // Long after: it is the same request still.
                15..=24 => self.submit(&mut asked, &body, &mut chance).await,
                25..=49 => self.look(id, &mut chance).await,
                _ => {}
            }
        }
        asked
    }

    fn order(&self, number: u64, chance: &mut Chance) -> Value {
        if chance.percent(3) {
            self.person.tally.one("asked: a prompt that is refused");
            return json!({"prompt": "x".repeat(4_001)});
        }
        let count = match chance.below(100) {
            _ if self.is_poor && chance.percent(40) => 6 + chance.below(5),
            0..=64 => 1,
            65..=84 => 2,
            _ => 3 + chance.below(2),
        };
        // One at a better quality is shown while it is made: streams, previews and what breaks them.
        let quality = if count == 1 && chance.percent(50) { "medium" } else { "low" };
        let light = *chance.pick(&["golden hour", "moonlight", "overcast"]);
        json!({
            "prompt": format!("campaign {} of {}: 山 جبل гора", number, self.person.name),
            "attributes": [{"section": "Light", "value": light}],
            "quality": quality,
            "count": count,
        })
    }

    async fn submit(&self, asked: &mut Asked, body: &Value, chance: &mut Chance) {
        let answer = self.person.until_answered(Method::POST, "/v1/generations", Some(&asked.key), body, chance).await;
        self.hear(asked, answer.status, &answer.body);
        asked.is_unknown |= answer.status == 0;
    }

    fn hear(&self, asked: &mut Asked, status: u16, body: &Value) {
        self.person.tally.one(format!("answers to a submit: {status}"));
        match (status, body["id"].as_str().and_then(|id| id.parse().ok())) {
            (202, Some(id)) => asked.ids.push(id),
            (402 | 422, _) => asked.refused = Some(status),
            (0, _) => {}
            _ => self.person.tally.broken(format!("{}: a submit was answered {status}: {body}", asked.key)),
        }
    }

    /// The same key at both processes in the same moment.
    async fn twice_at_once(&self, asked: &mut Asked, body: &Value, chance: &mut Chance) {
        self.person.tally.one("asked: twice at once");
        let token = self.person.token(chance).await;
        let places = &self.person.places;
        let key = asked.key.clone();
        let at = |place| self.person.ask(place, Method::POST, "/v1/generations", Some(&key), body, &token);
        let (one, other) = join(at(&places[0]), at(&places[places.len() - 1])).await;
        let mut is_clear = false;
        for answer in [one, other].into_iter().flatten() {
            if matches!(answer.status, 202 | 402 | 422) {
                self.hear(asked, answer.status, &answer.body);
                is_clear = true;
            }
        }
        if !is_clear {
            self.submit(asked, body, chance).await;
        }
    }

    /// The client goes away in the middle. Half of them come back with the same key, the others never learn.
    async fn with_a_line_that_breaks(&self, asked: &mut Asked, body: &Value, chance: &mut Chance) {
        self.person.tally.one("asked: with a line that breaks");
        let token = self.person.token(chance).await;
        let place = chance.pick(&self.person.places).clone();
        let patience = Duration::from_micros(chance.below(12_000));
        let request = self.person.ask(&place, Method::POST, "/v1/generations", Some(&asked.key), body, &token);
        match tokio::time::timeout(patience, request).await {
            Ok(Some(answer)) if matches!(answer.status, 202 | 402 | 422) => {
                self.hear(asked, answer.status, &answer.body);
            }
            _ if chance.percent(50) => self.submit(asked, body, chance).await,
            _ => {
                self.person.tally.one("asked: and never learnt what became of it");
                asked.is_unknown = true;
            }
        }
    }

    async fn cancel(&self, asked: &mut Asked, id: Uuid, chance: &mut Chance) {
        // As long as people take to change their mind.
        tokio::time::sleep(chance.millis(0, 4_000)).await;
        let path = format!("/v1/generations/{id}/cancel");
        let answer = self.person.until_answered(Method::POST, &path, None, &Value::Null, chance).await;
        let status = answer.body["status"].as_str().unwrap_or_default().to_owned();
        let shown = if answer.status == 200 { status.clone() } else { answer.status.to_string() };
        self.person.tally.one(format!("answers to a cancel: {shown}"));
        asked.was_cancelled = status == "cancelled";
        if !matches!(answer.status, 200 | 202 | 409) {
            self.person.tally.broken(format!("{id}: a cancellation was answered {}: {}", answer.status, answer.body));
        }
    }

    async fn look(&self, id: Uuid, chance: &mut Chance) {
        let path = format!("/v1/generations/{id}");
        let answer = self.person.until_answered(Method::GET, &path, None, &Value::Null, chance).await;
        if answer.status != 200 {
            self.person.tally.broken(format!("{id}: accepted, but reading it was answered {}", answer.status));
        }
    }
}
