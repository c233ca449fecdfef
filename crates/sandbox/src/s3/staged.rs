//! Where an object of a bucket with versions is written first: s3s-fs puts it aside whole, and from there it goes to its
//! place in one piece, while the version before it still lies there.
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// No bucket's name begins with a dot, so that nobody lists it or asks for it.
pub(super) const BUCKET: &str = ".staged";

/// Gone when dropped, unless it went to its place.
pub(super) struct Staged {
    folder: PathBuf,
    pub(super) key: String,
}

impl Staged {
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), key: uuid::Uuid::now_v7().simple().to_string() }
    }

    pub(super) fn object(&self) -> PathBuf {
        self.folder.join(BUCKET).join(&self.key)
    }

    pub(super) fn headers(&self) -> [PathBuf; 2] {
        headers(&self.folder, BUCKET, &self.key)
    }

    /// s3s-fs finds the headers of an upload in parts by bucket, key and id of the upload.
    pub(super) fn upload_headers(&self, upload: &str) -> PathBuf {
        upload_headers(&self.folder, BUCKET, &self.key, upload)
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(self.object());
        for path in self.headers() {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// What a store that died left here.
pub(super) fn begin(folder: &Path) -> io::Result<()> {
    let _ = std::fs::remove_dir_all(folder.join(BUCKET));
    std::fs::create_dir_all(folder.join(BUCKET))?;
    let stem = stem(BUCKET, "");
    for entry in std::fs::read_dir(folder)?.flatten() {
        if entry.file_name().to_str().is_some_and(|name| name.starts_with(&stem)) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
    Ok(())
}

/// The files in which s3s-fs keeps an object's headers.
pub(super) fn headers(folder: &Path, bucket: &str, key: &str) -> [PathBuf; 2] {
    let stem = stem(bucket, key);
    ["metadata.json", "internal.json"].map(|ending| folder.join(format!("{stem}.{ending}")))
}

pub(super) fn upload_headers(folder: &Path, bucket: &str, key: &str, upload: &str) -> PathBuf {
    folder.join(format!("{}.upload-{upload}.metadata.json", stem(bucket, key)))
}

fn stem(bucket: &str, key: &str) -> String {
    format!(".bucket-{}.object-{}", URL_SAFE_NO_PAD.encode(bucket), URL_SAFE_NO_PAD.encode(key))
}
