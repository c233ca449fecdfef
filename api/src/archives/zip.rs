//! Writes a zip file front to back, a piece at a time: entries as they are, names in UTF-8, Zip64 where it has grown large.
//! Knows no storage; holds nothing of what it wrote but the list at its end (APPNOTE.TXT 6.3.10).
use chrono::{DateTime, Datelike, Timelike, Utc};

/// In UTF-8.
const UTF8: u16 = 1 << 11;
/// Checksum and size stand behind the bytes.
const BEHIND: u16 = 1 << 3;
/// A plain file for everyone to read, as Unix says it.
const ATTRIBUTES: u32 = 0o100_644 << 16;
const MADE_BY_UNIX: u16 = 3 << 8;
const PLAIN: u16 = 20;
const LARGE: u16 = 45;

#[derive(Debug, thiserror::Error)]
#[error("{0} is too large for a zip file that is written in one go")]
pub struct TooLarge(String);

struct Entry {
    name: String,
    flags: u16,
    modified: (u16, u16),
    checksum: u32,
    bytes: u32,
    offset: u64,
}

pub struct Zip {
    /// Bytes given out so far.
    offset: u64,
    entries: Vec<Entry>,
    /// Of the entry that is written in pieces.
    open: Option<(crc32fast::Hasher, u64)>,
}

impl Zip {
    /// `offset` is how much stands before it in the file.
    pub fn begin(offset: u64) -> Self {
        Self { offset, entries: Vec::new(), open: None }
    }

    /// What to write before `bytes`, which must follow.
    pub fn head(&mut self, name: &str, bytes: &[u8], modified: DateTime<Utc>) -> Result<Vec<u8>, TooLarge> {
        let size = u32::try_from(bytes.len()).map_err(|_| TooLarge(name.to_owned()))?;
        let head = self.enter(name, UTF8, (crc32fast::hash(bytes), size), modified)?;
        self.offset += u64::from(size);
        Ok(head)
    }

    /// What to write before an entry whose bytes are not known yet: each piece goes through [`Zip::feed`].
    pub fn open(&mut self, name: &str, modified: DateTime<Utc>) -> Result<Vec<u8>, TooLarge> {
        self.open = Some((crc32fast::Hasher::new(), 0));
        self.enter(name, UTF8 | BEHIND, (0, 0), modified)
    }

    pub fn feed(&mut self, bytes: &[u8]) {
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.offset += size;
        if let Some((checksum, sum)) = &mut self.open {
            checksum.update(bytes);
            *sum += size;
        }
    }

    /// What to write behind the last piece.
    pub fn close(&mut self) -> Result<Vec<u8>, TooLarge> {
        let (Some((checksum, size)), Some(entry)) = (self.open.take(), self.entries.last_mut()) else {
            return Ok(Vec::new());
        };
        entry.bytes = u32::try_from(size).map_err(|_| TooLarge(entry.name.clone()))?;
        entry.checksum = checksum.finalize();
        let mut out = Out(Vec::with_capacity(16));
        out.u32(0x0807_4b50).u32(entry.checksum).u32(entry.bytes).u32(entry.bytes);
        self.offset += out.len();
        Ok(out.0)
    }

    fn enter(
        &mut self,
        name: &str,
        flags: u16,
        (checksum, bytes): (u32, u32),
        modified: DateTime<Utc>,
    ) -> Result<Vec<u8>, TooLarge> {
        let length = u16::try_from(name.len()).map_err(|_| TooLarge(name.to_owned()))?;
        let modified = dos(modified);
        let mut out = Out(Vec::with_capacity(30 + name.len()));
        out.u32(0x0403_4b50).u16(PLAIN).u16(flags).u16(0).u16(modified.1).u16(modified.0);
        out.u32(checksum).u32(bytes).u32(bytes).u16(length).u16(0).text(name);
        let entry = Entry { name: name.to_owned(), flags, modified, checksum, bytes, offset: self.offset };
        self.entries.push(entry);
        self.offset += out.len();
        Ok(out.0)
    }

    /// The list of entries: the last that is written.
    pub fn end(self) -> Vec<u8> {
        let mut out = Out(Vec::new());
        for entry in &self.entries {
            let offset = u32::try_from(entry.offset).ok();
            let length = u16::try_from(entry.name.len()).unwrap_or(u16::MAX);
            let needs = if offset.is_some() { PLAIN } else { LARGE };
            out.u32(0x0201_4b50).u16(MADE_BY_UNIX | LARGE).u16(needs).u16(entry.flags).u16(0);
            out.u16(entry.modified.1).u16(entry.modified.0).u32(entry.checksum).u32(entry.bytes).u32(entry.bytes);
            out.u16(length).u16(if offset.is_some() { 0 } else { 12 }).u16(0).u16(0).u16(0).u32(ATTRIBUTES);
            out.u32(offset.unwrap_or(u32::MAX)).text(&entry.name);
            if offset.is_none() {
                out.u16(1).u16(8).u64(entry.offset);
            }
        }
        let (size, count) = (out.len(), u64::try_from(self.entries.len()).unwrap_or(u64::MAX));
        let small = (u16::try_from(count).ok(), u32::try_from(size).ok(), u32::try_from(self.offset).ok());
        let is_small = matches!(small, (Some(count), Some(_), Some(_)) if count < u16::MAX);
        if !is_small {
            out.u32(0x0606_4b50).u64(44).u16(MADE_BY_UNIX | LARGE).u16(LARGE).u32(0).u32(0);
            out.u64(count).u64(count).u64(size).u64(self.offset);
            out.u32(0x0706_4b50).u32(0).u64(self.offset + size).u32(1);
        }
        let (count, size, offset) =
            (small.0.unwrap_or(u16::MAX), small.1.unwrap_or(u32::MAX), small.2.unwrap_or(u32::MAX));
        out.u32(0x0605_4b50).u16(0).u16(0).u16(count).u16(count).u32(size).u32(offset).u16(0);
        out.0
    }
}

/// Days and seconds as the format counts them: from 1980, in steps of two seconds.
fn dos(at: DateTime<Utc>) -> (u16, u16) {
    let part = |number: u32| u16::try_from(number).unwrap_or(0);
    let years = part(u32::try_from(at.year().clamp(1980, 2107) - 1980).unwrap_or(0));
    let date = (years << 9) | (part(at.month()) << 5) | part(at.day());
    let time = (part(at.hour()) << 11) | (part(at.minute()) << 5) | (part(at.second()) / 2);
    (date, time)
}

/// Little end first.
struct Out(Vec<u8>);

impl Out {
    fn u16(&mut self, number: u16) -> &mut Self {
        self.0.extend_from_slice(&number.to_le_bytes());
        self
    }

    fn u32(&mut self, number: u32) -> &mut Self {
        self.0.extend_from_slice(&number.to_le_bytes());
        self
    }

    fn u64(&mut self, number: u64) -> &mut Self {
        self.0.extend_from_slice(&number.to_le_bytes());
        self
    }

    fn text(&mut self, text: &str) -> &mut Self {
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    fn len(&self) -> u64 {
        u64::try_from(self.0.len()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, SeekFrom, Write};
    use std::process::Command;

    use super::*;

    /// As Python's own reader finds it, which knows nothing of us; every checksum is compared.
    fn read_back(offset: u64) -> String {
        let at: DateTime<Utc> = "2026-11-29T12:34:56Z".parse().expect("a time");
        let mut zip = Zip::begin(offset);
        let mut bytes = zip.head("A fox 0abcde.png", b"picture", at).expect("a head");
        bytes.extend_from_slice(b"picture");
        bytes.extend(zip.open("лиса 狐.json", at).expect("a head"));
        for piece in [&b"[1,"[..], b"2]"] {
            zip.feed(piece);
            bytes.extend_from_slice(piece);
        }
        bytes.extend(zip.close().expect("an end"));
        bytes.extend(zip.end());
        let path = std::env::temp_dir().join(format!("lapidary-{}.zip", uuid::Uuid::now_v7()));
        let mut file = std::fs::File::create(&path).expect("a file");
        // What stands before it is a hole that takes no room on the disk.
        file.seek(SeekFrom::Start(offset)).expect("a place");
        file.write_all(&bytes).expect("written");
        let program = "import sys, zipfile
z = zipfile.ZipFile(sys.argv[1])
print(z.testzip(), [(i.filename, z.read(i), i.date_time) for i in z.infolist()])";
        let read = Command::new("python3").args(["-c", program]).arg(&path).output().expect("Python");
        std::fs::remove_file(&path).expect("removed");
        assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
        String::from_utf8(read.stdout).expect("a text")
    }

    #[test]
    fn other_peoples_readers_find_every_entry_also_behind_four_gigabytes() {
        let expected = "None [('A fox 0abcde.png', b'picture', (2026, 11, 29, 12, 34, 56)), \
                        ('лиса 狐.json', b'[1,2]', (2026, 11, 29, 12, 34, 56))]\n";
        assert_eq!(read_back(0), expected);
        assert_eq!(read_back((1 << 32) - 10), expected, "the second one begins behind them");
        assert_eq!(read_back(1 << 33), expected);
    }
}
