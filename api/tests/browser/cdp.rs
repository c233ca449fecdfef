//! The DevTools protocol as plain JSON: calls with answers, and everything heard. Nothing is lost because a newer
//! Chromium says a word that generated types do not know. Knows no page.
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chromiumoxide::Connection;
use chromiumoxide::error::CdpError;
use chromiumoxide::types::{CallId, EventMessage, Message, Method, MethodId};
use futures_util::StreamExt;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    pub method: String,
    pub session_id: Option<String>,
    pub params: Value,
}

impl Method for Event {
    fn identifier(&self) -> MethodId {
        Cow::Owned(self.method.clone())
    }
}

impl EventMessage for Event {
    fn session_id(&self) -> Option<&str> {
        self.session_id.as_deref()
    }
}

type Answer = Result<Value, String>;

struct Call {
    method: &'static str,
    session: Option<String>,
    params: Value,
    answer: oneshot::Sender<Answer>,
}

#[derive(Clone)]
pub struct Cdp {
    calls: mpsc::UnboundedSender<Call>,
    heard: Arc<Mutex<Vec<Event>>>,
}

impl Cdp {
    pub async fn connect(address: &str) -> Self {
        let connection = Connection::<Event>::connect(address).await.expect("a connection to Chromium");
        let (calls, to_do) = mpsc::unbounded_channel();
        let heard = Arc::<Mutex<Vec<Event>>>::default();
        tokio::spawn(drive(connection, to_do, Arc::clone(&heard)));
        Self { calls, heard }
    }

    pub async fn call(&self, session: Option<&str>, method: &'static str, params: Value) -> Answer {
        let (answer, answered) = oneshot::channel();
        let call = Call { method, session: session.map(str::to_owned), params, answer };
        self.calls.send(call).map_err(|_| "Chromium is gone".to_owned())?;
        match tokio::time::timeout(PATIENCE, answered).await {
            Ok(Ok(answer)) => answer.map_err(|why| format!("{method}: {why}")),
            Ok(Err(_)) => Err(format!("{method}: Chromium is gone")),
            Err(_) => Err(format!("{method}: no answer in {PATIENCE:?}")),
        }
    }

    /// What a tab said from a moment on; see [`Cdp::moment`].
    pub fn heard(&self, session: &str, since: usize) -> Vec<Event> {
        let all = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().skip(since).filter(|event| event.session_id.as_deref() == Some(session)).cloned().collect()
    }

    /// What the browser as a whole said.
    pub fn heard_of_browser(&self) -> Vec<Event> {
        let all = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter(|event| event.session_id.is_none()).cloned().collect()
    }

    pub fn moment(&self) -> usize {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

async fn drive(
    mut connection: Connection<Event>,
    mut calls: mpsc::UnboundedReceiver<Call>,
    heard: Arc<Mutex<Vec<Event>>>,
) {
    let mut waiting = HashMap::<CallId, oneshot::Sender<Answer>>::new();
    loop {
        tokio::select! {
            call = calls.recv() => {
                let Some(Call { method, session, params, answer }) = call else { return };
                if let Ok(id) = connection.submit_command(method.into(), session.map(Into::into), params) {
                    waiting.insert(id, answer);
                }
            }
            message = connection.next() => match message {
                Some(Ok(Message::Response(response))) => {
                    if let Some(answer) = waiting.remove(&response.id) {
                        let answered = response.error.map_or(Ok(response.result.unwrap_or_default()), |it| Err(it.message));
                        let _ = answer.send(answered);
                    }
                }
                Some(Ok(Message::Event(event))) if event.method == "Network.dataReceived" => {}
                Some(Ok(Message::Event(event))) => {
                    heard.lock().unwrap_or_else(PoisonError::into_inner).push(event);
                }
                Some(Err(CdpError::InvalidMessage(text, why))) => panic!("Chromium said something odd ({why}): {text}"),
                Some(Err(_)) | None => return,
            },
        }
    }
}
