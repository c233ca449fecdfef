//! A person with a browser: signs in once, keeps a fresh token, talks to whichever process answers.
//! Never judges what a generation became; that is `truth`'s.
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::chance::Chance;
use crate::tally::Tally;

/// A tenth of a token's life: renewing it is part of what must survive.
const TOKEN_AGE: Duration = Duration::from_secs(60);
/// Nobody is away for longer: a process, the database or both.
pub const PATIENCE: Duration = Duration::from_secs(120);
const AGAIN: Duration = Duration::from_millis(250);

pub struct Person {
    pub name: String,
    pub id: Uuid,
    pub places: Vec<String>,
    pub client: reqwest::Client,
    pub tally: Arc<Tally>,
    token: Mutex<(String, Instant)>,
}

/// An answer, or nothing: the connection was refused or broke.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

impl Person {
    /// Through the provider's own page, at a moment when everything works.
    pub async fn sign_in(places: &[String], name: &str, tally: &Arc<Tally>) -> Self {
        let client = reqwest::Client::builder()
            .cookie_store(true)
            .redirect(reqwest::redirect::Policy::none())
            .resolve("localhost", ([127, 0, 0, 1], 0).into())
            .timeout(Duration::from_secs(30))
            .build()
            .expect("a client");
        let mut person = Self {
            name: name.to_owned(),
            id: Uuid::nil(),
            places: places.to_vec(),
            client,
            tally: Arc::clone(tally),
            token: Mutex::new((String::new(), Instant::now())),
        };
        person.pass_the_provider().await;
        let token = person.refreshed(&places[0]).await.expect("an answer").1.expect("a token");
        *person.token.lock().await = (token, Instant::now());
        person
            .until_answered(Method::PATCH, "/v1/me", None, &json!({"age_confirmed": true}), &mut Chance::of(0, name))
            .await;
        let me = person.until_answered(Method::GET, "/v1/me", None, &Value::Null, &mut Chance::of(0, name)).await;
        person.id = me.body["id"].as_str().expect("an id").parse().expect("an id");
        person
    }

    async fn pass_the_provider(&self) {
        let login = format!("{}/v1/auth/github/login?return_to=/studio", self.places[0]);
        let location = |answer: reqwest::Response| {
            let location = answer.headers().get("location").expect("a redirect");
            location.to_str().expect("text").to_owned()
        };
        let authorize = location(self.client.get(login).send().await.expect("an answer"));
        let mut page: url::Url = authorize.parse().expect("an address");
        let mut form: Vec<(String, String)> = page.query_pairs().into_owned().collect();
        form.push(("person".into(), self.name.clone()));
        form.push(("decision".into(), "allow".into()));
        page.set_query(None);
        let callback = location(self.client.post(page).form(&form).send().await.expect("an answer"));
        let landed = location(self.client.get(callback).send().await.expect("an answer"));
        assert!(landed.ends_with("/studio"), "{} did not get in: {landed}", self.name);
    }

    /// Status and token; nothing when nobody answered.
    async fn refreshed(&self, place: &str) -> Option<(u16, Option<String>)> {
        let request = self.client.post(format!("{place}/v1/auth/refresh"));
        let request = request.header("X-Lapidary-Refresh", "1").header("Origin", &self.places[0]);
        let answer = request.send().await.ok()?;
        let status = answer.status().as_u16();
        let body: Value = answer.json().await.ok()?;
        Some((status, body["access_token"].as_str().map(str::to_owned)))
    }

    pub async fn token(&self, chance: &mut Chance) -> String {
        let mut token = self.token.lock().await;
        let began = Instant::now();
        while token.1.elapsed() > TOKEN_AGE && began.elapsed() < PATIENCE {
            let place = chance.pick(&self.places);
            match self.refreshed(place).await {
                Some((200, Some(fresh))) => {
                    self.tally.one("tokens: renewed");
                    *token = (fresh, Instant::now());
                }
                Some((401, _)) => {
                    self.tally.broken(format!("{} was signed out although nobody asked for it", self.name));
                    token.1 = Instant::now();
                }
                other => {
                    let what = other.map_or("no answer".to_owned(), |(status, _)| status.to_string());
                    self.tally.one(format!("tokens: tried again after {what}"));
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
        token.0.clone()
    }

    /// One try at one process; nothing when the connection broke.
    pub async fn ask(
        &self,
        place: &str,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: &Value,
        token: &str,
    ) -> Option<Answer> {
        let mut request = self.client.request(method, format!("{place}{path}")).bearer_auth(token);
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        if !body.is_null() {
            request = request.json(body);
        }
        let answer = request.send().await.ok()?;
        let status = answer.status().as_u16();
        let body = answer.bytes().await.ok()?;
        Some(Answer { status, body: serde_json::from_slice(&body).unwrap_or_default() })
    }

    /// Asks one process after another until somebody says yes or no.
    pub async fn until_answered(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: &Value,
        chance: &mut Chance,
    ) -> Answer {
        let began = Instant::now();
        loop {
            let token = self.token(chance).await;
            let place = chance.pick(&self.places).clone();
            match self.ask(&place, method.clone(), path, key, body, &token).await {
                // 408 is what a connection hears that was opened ahead and not used in time.
                Some(answer) if answer.status < 500 && !matches!(answer.status, 408 | 429) => return answer,
                Some(answer) => self.tally.one(format!("asked again: after {}", answer.status)),
                None => self.tally.one("asked again: after no answer"),
            }
            if began.elapsed() > PATIENCE {
                self.tally.broken(format!("{}: nobody answered {method} {path} for {PATIENCE:?}", self.name));
                return Answer { status: 0, body: Value::Null };
            }
            tokio::time::sleep(AGAIN).await;
        }
    }
}
