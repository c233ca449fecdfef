//! What an image is found by: the tokens of its generation, and those of images that are older than the search, cut a piece
//! at a time with a trace. Every token begins with its person's sign: `found_images` looks for no other.
use chrono::TimeDelta;
use lapidary_contract::domain::{Attribute, search};
use uuid::Uuid;

use super::objects::ObjectVersion;
use super::sweep_queries::{self as sweeps, Counts};
use super::words_queries::{self as queries, Said};
use crate::app::App;
use crate::work::queue::Claimed;

const KIND: &str = "words";
const LEASE: TimeDelta = TimeDelta::minutes(5);
/// Images of one statement.
const PIECE: i64 = 500;
/// Pieces of one round of housekeeping.
const PIECES: usize = 200;

/// Of each image of a generation that is about to be settled.
pub fn of_generation(job: &Claimed) -> Vec<String> {
    tokens(&Said {
        person_id: job.person_id,
        prompt: job.prompt.clone(),
        attributes: job.attributes.clone(),
        model: job.model.clone(),
        quality: job.quality.clone(),
    })
}

/// Goes on where there are images that cannot be found yet.
pub async fn cut_old(app: &App) -> Result<(), sqlx::Error> {
    let house = app.db.house();
    if !queries::is_any_uncut(house).await? {
        return Ok(());
    }
    sweeps::begin(house, KIND, false, app.clock.now()).await?;
    let now = app.clock.now();
    let Some(run) = sweeps::take(house, KIND, now, now + LEASE).await? else { return Ok(()) };
    for _ in 0..PIECES {
        let images = queries::uncut(house, PIECE).await?;
        let last = images.last().map(|image| ObjectVersion::from(image.id.to_string().as_str()));
        let (ids, cut): (Vec<Uuid>, Vec<serde_json::Value>) =
            images.iter().map(|image| (image.id, tokens(&image.said).into())).unzip();
        queries::keep(house, &ids, &cut).await?;
        let seen = i64::try_from(images.len()).unwrap_or(i64::MAX);
        let now = app.clock.now();
        let found = Counts { seen, ..Counts::default() };
        let counts = sweeps::go_on(house, run.id, found, last.as_ref(), now, now + LEASE).await?;
        if last.is_none() {
            tracing::info!(images = counts.seen, "images from before the search can be found");
            return Ok(());
        }
    }
    sweeps::put_down(house, run.id).await
}

fn tokens(said: &Said) -> Vec<String> {
    // An image whose attributes cannot be read is found by its prompt.
    let attributes: Vec<Attribute> = serde_json::from_value(said.attributes.clone()).unwrap_or_default();
    let sign = sign(said.person_id);
    let tokens = search::tokens(&said.prompt, &attributes, &said.model, &said.quality);
    tokens.into_iter().map(|token| format!("{sign}{token}")).collect()
}

/// The end of the id, which is random: as `found_images` takes it.
fn sign(person_id: Uuid) -> String {
    let id = person_id.to_string();
    id.get(id.len() - 8..).unwrap_or_default().to_owned()
}
