//! Buckets that keep versions. The newest lies where s3s-fs looks for objects; what was written over or deleted, and the marks
//! of deletions, lie in a hidden folder beside the buckets, with the headers they had. A change is made under one lock.
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use s3s::{S3Error, S3Result, s3_error};

use super::staged::{self, Staged};

/// No bucket's name begins with a dot, so that nobody lists it or asks for it.
const HIDDEN: &str = ".versions";
/// What was there before the bucket kept versions, and all there is in one that does not.
pub(super) const NULL: &str = "null";

/// How the files of a version end, behind its id.
const OBJECT: &str = "object";
const HEADERS: [&str; 2] = ["metadata.json", "internal.json"];
const MARKER: &str = "marker";
/// A file of the key's folder that says which version the one in the bucket is.
const CURRENT: &str = "current";

pub(super) struct Versions {
    folder: PathBuf,
    /// Who holds it changes versions; inside is when the last one was made.
    last: Mutex<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Current,
    Past,
    Marker,
}

#[derive(Clone, Debug)]
pub(super) struct Version {
    pub(super) time: u64,
    pub(super) id: String,
    pub(super) kind: Kind,
}

/// Where the files of one key lie.
struct Home {
    object: PathBuf,
    headers: [PathBuf; 2],
    past: PathBuf,
}

impl Home {
    fn past(&self, id: &str, ending: &str) -> PathBuf {
        self.past.join(format!("{id}.{ending}"))
    }

    /// Newest first.
    fn versions(&self) -> io::Result<Vec<Version>> {
        let mut found = Vec::new();
        for name in names(&self.past)? {
            let Some((id, ending)) = name.split_once('.') else { continue };
            let kind = match ending {
                OBJECT => Kind::Past,
                MARKER => Kind::Marker,
                _ => continue,
            };
            found.extend(time_of(id).map(|time| Version { time, id: id.to_owned(), kind }));
        }
        if let Some(current) = self.current()? {
            // Both names are there where the store died between two steps.
            found.retain(|version| version.id != current.id);
            found.push(current);
        }
        found.sort_by_key(|version| std::cmp::Reverse(version.time));
        Ok(found)
    }

    fn current(&self) -> io::Result<Option<Version>> {
        if !self.object.is_file() {
            return Ok(None);
        }
        let id = match std::fs::read_to_string(self.past.join(CURRENT)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => NULL.to_owned(),
            id => id?,
        };
        Ok(time_of(&id).map(|time| Version { time, id, kind: Kind::Current }))
    }

    /// The current version lies among the past ones, too: as another name of the same file, which keeps its date.
    fn shelve(&self) -> io::Result<()> {
        std::fs::create_dir_all(&self.past)?;
        let Some(Version { id, .. }) = self.current()? else { return Ok(()) };
        let names = [OBJECT].into_iter().chain(HEADERS).map(|ending| self.past(&id, ending));
        for (path, name) in [&self.object].into_iter().chain(&self.headers).zip(names) {
            gone(&name)?;
            if path.is_file() {
                std::fs::hard_link(path, name)?;
            }
        }
        gone(&self.past.join(CURRENT))
    }

    fn settle(&self, id: &str, object: &Path, headers: &[PathBuf; 2]) -> io::Result<()> {
        if let Some(folder) = self.object.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(self.past.join(CURRENT), id)?;
        std::fs::rename(object, &self.object)?;
        for (from, to) in headers.iter().zip(&self.headers) {
            if from.is_file() { std::fs::rename(from, to)? } else { gone(to)? }
        }
        Ok(())
    }

    fn clear(&self) -> io::Result<()> {
        gone(&self.object)?;
        self.headers.iter().try_for_each(|path| gone(path))
    }

    fn remove(&self, version: &Version) -> io::Result<()> {
        let id = version.id.as_str();
        if version.kind == Kind::Current {
            self.clear()?;
            gone(&self.past.join(CURRENT))?;
        }
        for ending in [OBJECT, MARKER].into_iter().chain(HEADERS) {
            gone(&self.past(id, ending))?;
        }
        // Only where it is empty.
        let _ = std::fs::remove_dir(&self.past);
        Ok(())
    }
}

impl Versions {
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        staged::begin(folder)?;
        Ok(Self { folder: folder.to_owned(), last: Mutex::new(0) })
    }

    pub(super) fn is_on(&self, bucket: &str) -> bool {
        self.folder.join(HIDDEN).join(bucket).is_dir()
    }

    pub(super) fn turn_on(&self, bucket: &str) -> S3Result<()> {
        let _alone = self.alone();
        std::fs::create_dir_all(self.folder.join(HIDDEN).join(bucket)).map_err(S3Error::internal_error)
    }

    fn alone(&self) -> MutexGuard<'_, u64> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn home(&self, bucket: &str, key: &str) -> Home {
        Home {
            object: self.folder.join(bucket).join(key),
            headers: staged::headers(&self.folder, bucket, key),
            past: self.folder.join(HIDDEN).join(bucket).join(URL_SAFE_NO_PAD.encode(key)),
        }
    }

    /// The id of what a reader gets.
    pub(super) fn current(&self, bucket: &str, key: &str) -> S3Result<Option<String>> {
        let _alone = self.alone();
        let current = self.home(bucket, key).current().map_err(S3Error::internal_error)?;
        Ok(current.map(|version| version.id))
    }

    /// Puts it where it belongs, over what is there; gives its id.
    pub(super) fn put(&self, bucket: &str, key: &str, staged: &Staged, must_be_new: bool) -> S3Result<String> {
        let mut last = self.alone();
        let home = self.home(bucket, key);
        if must_be_new && home.object.is_file() {
            return Err(s3_error!(PreconditionFailed, "Object already exists"));
        }
        let id = next_id(&mut last)?;
        home.shelve()
            .and_then(|()| home.settle(&id, &staged.object(), &staged.headers()))
            .map_err(S3Error::internal_error)?;
        Ok(id)
    }

    /// Deletes as a reader sees it; gives the id of the mark.
    pub(super) fn mark(&self, bucket: &str, key: &str) -> S3Result<String> {
        let mut last = self.alone();
        let home = self.home(bucket, key);
        let id = next_id(&mut last)?;
        home.shelve()
            .and_then(|()| home.clear())
            .and_then(|()| std::fs::write(home.past(&id, MARKER), ""))
            .map_err(S3Error::internal_error)?;
        Ok(id)
    }

    /// Removes one version for good, and says whether it was a mark. What is the newest then is current, unless it is a mark.
    pub(super) fn remove(&self, bucket: &str, key: &str, id: &str) -> S3Result<bool> {
        known(id)?;
        let _alone = self.alone();
        let home = self.home(bucket, key);
        let removed = || -> io::Result<bool> {
            let mut versions = home.versions()?.into_iter();
            let Some(going) = versions.clone().find(|version| version.id == id) else { return Ok(false) };
            home.remove(&going)?;
            if let Some(newest) = versions.find(|version| version.id != id)
                && newest.kind == Kind::Past
            {
                let headers = HEADERS.map(|ending| home.past(&newest.id, ending));
                home.settle(&newest.id, &home.past(&newest.id, OBJECT), &headers)?;
            }
            Ok(going.kind == Kind::Marker)
        };
        removed().map_err(S3Error::internal_error)
    }

    /// All versions of all keys that begin with `prefix`, in the vendor's order.
    pub(super) fn all(&self, bucket: &str, prefix: &str) -> io::Result<Vec<Found>> {
        let _alone = self.alone();
        let mut keys = Vec::new();
        walk(&self.folder.join(bucket), "", &mut keys)?;
        for name in names(&self.folder.join(HIDDEN).join(bucket))? {
            keys.extend(URL_SAFE_NO_PAD.decode(name).ok().and_then(|key| String::from_utf8(key).ok()));
        }
        keys.retain(|key| key.starts_with(prefix));
        keys.sort();
        keys.dedup();
        let mut found = Vec::new();
        for key in keys {
            let home = self.home(bucket, &key);
            for (place, version) in home.versions()?.into_iter().enumerate() {
                let file = match version.kind {
                    Kind::Current => home.object.clone(),
                    Kind::Past => home.past(&version.id, OBJECT),
                    Kind::Marker => home.past(&version.id, MARKER),
                };
                // In a bucket without versions it may be deleted while it is listed.
                let Ok(about) = file.metadata() else { continue };
                let (is_latest, size, modified) = (place == 0, about.len(), about.modified()?);
                found.push(Found { key: key.clone(), version, is_latest, size, modified });
            }
        }
        Ok(found)
    }
}

/// A version with what a listing says of it.
pub(super) struct Found {
    pub(super) key: String,
    pub(super) version: Version,
    pub(super) is_latest: bool,
    pub(super) size: u64,
    pub(super) modified: SystemTime,
}

/// Names of what lies in a folder, if it is there.
fn names(folder: &Path) -> io::Result<Vec<String>> {
    match std::fs::read_dir(folder) {
        Ok(entries) => Ok(entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn walk(folder: &Path, above: &str, keys: &mut Vec<String>) -> io::Result<()> {
    for name in names(folder)? {
        let (path, key) = (folder.join(&name), format!("{above}{name}"));
        if path.is_dir() { walk(&path, &format!("{key}/"), keys)? } else { keys.push(key) }
    }
    Ok(())
}

/// Absent is as good as removed.
fn gone(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Random, and its time in it: a list goes on behind a version that is gone meanwhile. It looks like nothing one could order.
fn next_id(last: &mut u64) -> S3Result<String> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_err(S3Error::internal_error)?;
    *last = u64::try_from(now.as_nanos()).map_err(S3Error::internal_error)?.max(last.saturating_add(1));
    let mut random = [0; 16];
    aws_lc_rs::rand::fill(&mut random).map_err(S3Error::internal_error)?;
    let mask = random.first_chunk().map_or(0, |first| u64::from_be_bytes(*first));
    Ok(URL_SAFE_NO_PAD.encode([&random[..], &(mask ^ *last).to_be_bytes()].concat()))
}

/// None where it is no id of a version.
pub(super) fn time_of(id: &str) -> Option<u64> {
    if id == NULL {
        return Some(0);
    }
    let bytes = URL_SAFE_NO_PAD.decode(id).ok().filter(|bytes| bytes.len() == 24)?;
    Some(u64::from_be_bytes(*bytes.first_chunk()?) ^ u64::from_be_bytes(*bytes.last_chunk()?))
}

/// The time of a version's id, or the vendor's refusal.
pub(super) fn known(id: &str) -> S3Result<u64> {
    time_of(id).ok_or_else(|| s3_error!(InvalidArgument, "Invalid version id specified"))
}
