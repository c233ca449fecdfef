//! Pictures that are answered as URLs: kept in memory, for an hour at most, the newest few only.
use std::{
    collections::VecDeque,
    sync::Mutex,
    time::{Duration, Instant},
};

use actix_web::web::Bytes;

const LIFETIME: Duration = Duration::from_secs(60 * 60);
const PLACES: usize = 40;

#[derive(Default)]
pub struct Shelf(Mutex<VecDeque<Kept>>);

struct Kept {
    name: String,
    since: Instant,
    bytes: Bytes,
}

impl Shelf {
    /// Keeps a picture and answers the name it is fetched by.
    pub fn put(&self, bytes: Vec<u8>, extension: &str) -> String {
        let name = format!("{}.{extension}", uuid::Uuid::now_v7().simple());
        let mut kept = super::locked(&self.0);
        if kept.len() >= PLACES {
            kept.pop_front();
        }
        kept.push_back(Kept { name: name.clone(), since: Instant::now(), bytes: bytes.into() });
        name
    }

    pub fn get(&self, name: &str) -> Option<Bytes> {
        let kept = super::locked(&self.0);
        let found = kept.iter().find(|kept| kept.name == name && kept.since.elapsed() < LIFETIME)?;
        Some(found.bytes.clone())
    }
}
