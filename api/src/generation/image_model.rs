//! One client for every server that speaks OpenAI's image API, as a whole answer or as a stream. Facts: OpenAI's API
//! reference, Images. Says of every failure whether asking again can help; the queue does the waiting.
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix_web::web::Bytes;
use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::Utc;
use lapidary_contract::{FailureCode, Refusal};
use lapidary_domain::{Dialect, Model};
use reqwest::RequestBuilder;
use serde_json::{Map, Value};
use tokio::sync::watch;
use tracing::field::Empty;
use tracing::{Instrument, info_span};
use url::Url;
use uuid::Uuid;

use super::model_answer::{Answer, Call, IMAGE_MAX, Item, ModelImage, Parsed, Source};
pub use super::model_error::ModelError;
use super::model_error::{Again, Hints};
use super::originals::Originals;
use super::{model_read, retry};
use crate::config::Settings;
use crate::http::fetch::{self, FetchError};
use crate::http::public::NotReachable;
use crate::metrics;
use crate::telemetry::PHASE;

/// Before a picture that is made already is fetched again.
const DOWNLOAD_AGAIN: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(2)];
/// What one more of several calls may wait: its generation holds a worker meanwhile.
const IN_PLACE_MAX: Duration = Duration::from_secs(20);

pub struct ImageModel {
    client: reqwest::Client,
    base_url: Url,
    api_key: Option<String>,
    /// Models whose server refused to stream: not asked to again by this process.
    without_streams: Mutex<HashSet<String>>,
    /// Models whose server takes no forms, but edits as JSON.
    without_forms: Mutex<HashSet<String>>,
}

/// What a model is asked for.
pub struct Order<'a> {
    pub model: &'a Model,
    pub prompt: &'a str,
    pub size: String,
    pub quality: &'a str,
    pub count: u32,
    /// Asked for only where somebody chose it.
    pub background: Option<&'a str>,
    pub output_format: Option<&'a str>,
    /// What it is made from; without it a picture is made from words alone.
    pub originals: Option<&'a Originals>,
    pub person_id: Uuid,
}

/// How one call is made.
#[derive(Clone, Copy)]
struct Manner {
    /// Rough looks to stream; none: no stream.
    partial: u32,
    /// Originals as data URLs instead of a form.
    is_json: bool,
}

/// A rough look at the picture under way.
#[derive(Clone, Debug)]
pub struct Partial {
    pub index: u32,
    pub bytes: Bytes,
}

/// What the client says while it works.
pub struct Hears<'a> {
    /// Holds the newest only: nobody has to keep up.
    pub partial: &'a watch::Sender<Option<Partial>>,
    /// Every call that ended, also of an order that brought nothing.
    pub calls: &'a mut Vec<Call>,
}

impl ImageModel {
    pub fn new(settings: &Settings) -> Result<Self, reqwest::Error> {
        Ok(Self {
            client: crate::app::vendor_client(Duration::from_secs(settings.model_timeout_seconds))?,
            base_url: settings.openai_base_url.clone(),
            api_key: settings.openai_api_key.clone(),
            without_streams: Mutex::default(),
            without_forms: Mutex::default(),
        })
    }

    /// May take minutes. DALL·E makes one image a call: the calls follow one another, and the last failure ends them.
    pub async fn generate(&self, order: &Order<'_>, mut hears: Hears<'_>) -> Result<Answer, ModelError> {
        match order.model.dialect {
            Dialect::GptImage => self.call(order, order.count, &mut hears).await,
            Dialect::DallE => {
                let mut answer = self.call(order, 1, &mut hears).await?;
                for _ in 1..order.count {
                    match self.call_patiently(order, &mut hears).await {
                        Ok(more) => answer.images.extend(more.images),
                        Err(error) => {
                            answer.shortfall = Some(error);
                            break;
                        }
                    }
                }
                Ok(answer)
            }
        }
    }

    /// One more of several: what is made already would be lost in the queue, so a short wait happens here.
    async fn call_patiently(&self, order: &Order<'_>, hears: &mut Hears<'_>) -> Result<Answer, ModelError> {
        let mut asked = retry::Asked { calls: 0, cuts: 0, failing_since: Utc::now() };
        loop {
            let error = match self.call(order, 1, hears).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            asked.calls += 1;
            let wait = retry::wait(&error, asked, Utc::now(), retry::spread(order.person_id, asked.calls));
            match wait.filter(|wait| *wait <= IN_PLACE_MAX) {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return Err(error),
            }
            asked.cuts += i32::from(error.again == Again::Once);
        }
    }

    fn base_url(&self, model: &Model) -> Result<Url, ModelError> {
        match &model.base_url {
            None => Ok(self.base_url.clone()),
            Some(text) => text
                .parse()
                .map_err(|_| ModelError::new(FailureCode::OperatorConfiguration, "the model's base_url is no URL")),
        }
    }

    /// Streams where there is something to see, and asks once more without where the server knows no streams (§10), and once
    /// more in JSON where it knows no forms (§3): each time it refused, so nothing was made.
    async fn call(&self, order: &Order<'_>, count: u32, hears: &mut Hears<'_>) -> Result<Answer, ModelError> {
        let id = &order.model.id;
        let is_json = known(&self.without_forms).contains(id);
        let mut manner = Manner { partial: self.partial_images(order, count), is_json };
        loop {
            match self.ask(order, count, manner, hears).await {
                Err(error) if manner.partial > 0 && error.is_about_streaming => {
                    tracing::info!(model = id, detail = error.detail, "this model's server takes no streams");
                    known(&self.without_streams).insert(id.clone());
                    manner.partial = 0;
                }
                Err(error) if order.originals.is_some() && !manner.is_json && error.is_about_form => {
                    tracing::info!(model = id, detail = error.detail, "this model's server may take no forms");
                    manner.is_json = true;
                }
                answer => {
                    if manner.is_json && answer.is_ok() {
                        known(&self.without_forms).insert(id.clone());
                    }
                    return answer;
                }
            }
        }
    }

    /// A stream is of one picture (§5), and without partial ones it shows nothing earlier.
    fn partial_images(&self, order: &Order<'_>, count: u32) -> u32 {
        let model = order.model;
        if model.dialect != Dialect::GptImage || count != 1 || known(&self.without_streams).contains(&model.id) {
            return 0;
        }
        lapidary_domain::price::partial_images(model, order.quality)
    }

    /// One call, counted and measured.
    async fn ask(
        &self,
        order: &Order<'_>,
        count: u32,
        manner: Manner,
        hears: &mut Hears<'_>,
    ) -> Result<Answer, ModelError> {
        let started = Instant::now();
        let mut request_id = None;
        let span =
            info_span!(target: PHASE, "model", model = order.model.id, outcome = Empty, model_request_id = Empty);
        let answer = self.send(order, count, manner, hears.partial, &mut request_id).instrument(span.clone()).await;
        let mut answer = answer.map_err(|error| ModelError { request_id: request_id.clone(), ..error });
        if let Ok(answer) = &mut answer {
            answer.images.iter_mut().for_each(|image| image.call = hears.calls.len());
        }
        let (outcome, usage, was_cut) = match &answer {
            Ok(answer) => ("made", answer.images.first().and_then(|image| image.usage.clone()), false),
            Err(error) => (error.code.name(), error.usage.clone(), error.again == Again::Once),
        };
        span.record("outcome", outcome).record("model_request_id", request_id.as_deref());
        metrics::model_answered(&order.model.id, outcome, started.elapsed().as_secs_f64());
        let refusal = answer.as_ref().err().and_then(|error| error.refusal.as_deref());
        let refusal = refusal.map(|said| Refusal { provider_request_id: request_id.clone(), ..said.clone() });
        hears.calls.push(Call { request_id, outcome, usage, was_cut, refusal });
        answer
    }

    async fn send(
        &self,
        order: &Order<'_>,
        count: u32,
        manner: Manner,
        show: &watch::Sender<Option<Partial>>,
        request_id: &mut Option<String>,
    ) -> Result<Answer, ModelError> {
        let base_url = self.base_url(order.model)?;
        let mut request = self.request(order, body(order, count, manner.partial), manner, &base_url).await?;
        // The key is the configured server's: another one, named by the catalogue, must not learn it.
        if let Some(key) = self.api_key.as_ref().filter(|_| base_url.origin() == self.base_url.origin()) {
            request = request.bearer_auth(key);
        }
        let response = request.send().await.map_err(|error| ModelError::transport(&error))?;
        *request_id = header(&response, "x-request-id");
        let hints = Hints::read(response.headers(), Utc::now());
        let Parsed { items, usage } = model_read::read(response, count, hints, show).await?;
        let (mut images, mut shortfall) = (Vec::new(), None);
        for item in items.into_iter().take(usize::try_from(count).unwrap_or(usize::MAX)) {
            match self.image(item, &base_url, usage.as_ref()).await {
                Ok(image) => images.push(image),
                Err(error) => shortfall = Some(ModelError { usage: usage.clone(), ..error }),
            }
        }
        match shortfall {
            Some(error) if images.is_empty() => Err(error),
            shortfall => Ok(Answer {
                images,
                shortfall: shortfall.map(|error| ModelError { request_id: request_id.clone(), ..error }),
            }),
        }
    }

    /// An edit where it is made from something.
    async fn request(
        &self,
        order: &Order<'_>,
        fields: Map<String, Value>,
        manner: Manner,
        base_url: &Url,
    ) -> Result<RequestBuilder, ModelError> {
        let post = |path: &str| self.client.post(format!("{}{path}", base_url.as_str().trim_end_matches('/')));
        Ok(match order.originals {
            None => post("/images/generations").json(&fields),
            Some(originals) if manner.is_json => post("/images/edits").json(&originals.json(fields).await?),
            Some(originals) => post("/images/edits").multipart(originals.form(&fields, order.model.dialect)?),
        })
    }

    async fn image(&self, item: Item, base_url: &Url, usage: Option<&Value>) -> Result<ModelImage, ModelError> {
        let bytes = match item.source {
            Source::Bytes(bytes) => bytes,
            Source::Url(url) => download(base_url, &url).await?.into(),
        };
        if bytes.len() > IMAGE_MAX {
            return Err(ModelError::bad_answer("an image is too large"));
        }
        Ok(ModelImage { bytes, revised_prompt: item.revised_prompt, usage: usage.cloned(), call: 0 })
    }
}

/// The provider's own address is trusted; anywhere else must be public. The picture is made and perhaps billed: what can
/// be a moment's trouble is fetched again, which costs nobody anything.
async fn download(base_url: &Url, text: &str) -> Result<Vec<u8>, ModelError> {
    let url = base_url.join(text).map_err(|_| ModelError::bad_answer("the answer's url is no URL"))?;
    let mut waits = DOWNLOAD_AGAIN.iter();
    loop {
        let error = match fetch::get(&url, Some(base_url), IMAGE_MAX).await {
            Ok(bytes) => return Ok(bytes),
            Err(error) => error,
        };
        let may_pass = matches!(
            error,
            FetchError::Http(_) | FetchError::NotReachable(NotReachable::Unresolved) | FetchError::Status(429 | 500..)
        );
        match waits.next().filter(|_| may_pass) {
            Some(wait) => tokio::time::sleep(*wait).await,
            None => return Err(ModelError::bad_answer(format!("the answer's url: {error}"))),
        }
    }
}

fn body(order: &Order<'_>, count: u32, partial: u32) -> Map<String, Value> {
    let mut body = Map::new();
    let mut say = |name: &str, value: Value| drop(body.insert(name.to_owned(), value));
    say("model", order.model.wire_model.as_str().into());
    say("prompt", order.prompt.into());
    say("n", count.into());
    say("size", order.size.as_str().into());
    say("quality", order.quality.into());
    match order.model.dialect {
        Dialect::GptImage => {
            say("safety_identifier", pseudonym(order.person_id).into());
            for (name, asked) in [("background", order.background), ("output_format", order.output_format)] {
                if let Some(asked) = asked {
                    say(name, asked.into());
                }
            }
        }
        Dialect::DallE => say("response_format", "b64_json".into()),
    }
    if partial > 0 {
        say("stream", true.into());
        say("partial_images", partial.into());
    }
    body
}

fn known(models: &Mutex<HashSet<String>>) -> std::sync::MutexGuard<'_, HashSet<String>> {
    models.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets the provider tell our people apart without knowing them.
fn pseudonym(person_id: Uuid) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, person_id.as_bytes()))
}

fn header(response: &reqwest::Response, name: &str) -> Option<String> {
    response.headers().get(name).and_then(|value| value.to_str().ok()).map(|text| text.chars().take(200).collect())
}
