//! The built page: read once, served with immutable caching and precompressed brotli, guarded by a CSP.
use std::collections::HashMap;
use std::path::Path;

use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::app::App;
use crate::http::error::{ApiError, ApiResult};

#[cfg(feature = "embed-page")]
#[derive(rust_embed::RustEmbed)]
#[folder = "../web/dist"]
struct Embedded;

struct File {
    bytes: Bytes,
    brotli: Option<Bytes>,
    content_type: &'static str,
    etag: String,
    /// Its name holds a hash of what is in it.
    is_immutable: bool,
}

/// All files of the page in memory: it is under two megabytes.
pub struct Page {
    files: HashMap<String, File>,
    csp: String,
    storage_origin: String,
}

impl Page {
    /// From a folder, else from the binary; `None` when there is no page at all.
    pub fn load(
        folder: Option<&Path>,
        storage_origin: &str,
        support_contact: Option<&str>,
    ) -> std::io::Result<Option<Self>> {
        let mut contents = match folder {
            Some(folder) => read(folder)?,
            None => embedded(),
        };
        if let (Some(index), Some(contact)) = (contents.get_mut("index.html"), support_contact) {
            *index = with_contact(&String::from_utf8_lossy(index), contact).into_bytes();
            // Compressed on the way out like any other answer.
            contents.remove("index.html.br");
        }
        let Some(index) = contents.get("index.html") else {
            return match folder {
                Some(folder) => Err(std::io::Error::other(format!("{}: there is no index.html", folder.display()))),
                None => Ok(None),
            };
        };
        let csp = csp(&String::from_utf8_lossy(index), storage_origin);
        let files = contents
            .iter()
            .filter(|(name, _)| !name.ends_with(".br"))
            .map(|(name, bytes)| (name.clone(), file(name, bytes, contents.get(&format!("{name}.br")))))
            .collect();
        Ok(Some(Self { files, csp, storage_origin: storage_origin.to_owned() }))
    }

    /// What browsers let this page do.
    pub fn policy(&self) -> &str {
        &self.csp
    }

    /// The only other origin in it.
    pub fn storage_origin(&self) -> &str {
        &self.storage_origin
    }

    fn answer(&self, name: &str, headers: &HeaderMap) -> Option<HttpResponse> {
        let file = self.files.get(name)?;
        let mut answer = HttpResponse::Ok();
        answer
            .insert_header((header::ETAG, file.etag.as_str()))
            .insert_header((header::VARY, "Accept-Encoding"))
            .insert_header((
                header::CACHE_CONTROL,
                if file.is_immutable { "public, max-age=31536000, immutable" } else { "no-cache" },
            ));
        if name == "index.html" {
            answer
                .insert_header((header::CONTENT_SECURITY_POLICY, self.csp.as_str()))
                .insert_header(("Cross-Origin-Opener-Policy", "same-origin"))
                .insert_header(("Permissions-Policy", "camera=(), microphone=(), geolocation=()"));
        }
        let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
        if known.is_some_and(|known| known.split(',').any(|tag| tag.trim().trim_start_matches("W/") == file.etag)) {
            return Some(answer.status(actix_web::http::StatusCode::NOT_MODIFIED).finish());
        }
        let takes_brotli = headers
            .get(header::ACCEPT_ENCODING)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.split(',').any(|coding| coding.trim().starts_with("br")));
        answer.content_type(file.content_type);
        Some(match &file.brotli {
            Some(brotli) if takes_brotli => answer.insert_header((header::CONTENT_ENCODING, "br")).body(brotli.clone()),
            _ => answer.body(file.bytes.clone()),
        })
    }
}

/// Files by name; any other address that a person may have in the address bar is a view of the page.
pub fn serve(app: &App, request: &HttpRequest) -> ApiResult<HttpResponse> {
    let page = app.page.as_ref().ok_or(ApiError::NotFound)?;
    let name = request.path().trim_start_matches('/');
    if !name.is_empty()
        && let Some(answer) = page.answer(name, request.headers())
    {
        return Ok(answer);
    }
    let is_api = name.starts_with("v1/") || crate::openai::is_spoken_at(request.path());
    let is_view = !name.rsplit('/').next().unwrap_or_default().contains('.') && !is_api;
    if !is_view {
        return Err(ApiError::NotFound);
    }
    let mut answer = page.answer("index.html", request.headers()).ok_or(ApiError::NotFound)?;
    // What a person shows to some is not for everyone to find.
    if name.starts_with("s/") {
        let headers = answer.headers_mut();
        headers.insert(header::HeaderName::from_static("x-robots-tag"), HeaderValue::from_static("noindex, nofollow"));
    }
    Ok(answer)
}

/// Where to find help, said to a page that nobody is signed in to. Minified or not.
fn with_contact(index: &str, contact: &str) -> String {
    let escaped = contact.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
    let filled = format!("<meta name=\"support-contact\" content=\"{escaped}\">");
    [
        "<meta name=\"support-contact\" content=\"\" />",
        "<meta name=\"support-contact\" content=\"\">",
        "<meta name=support-contact>",
    ]
    .iter()
    .fold(index.to_owned(), |text, empty| text.replace(empty, &filled))
}

/// Hashes of the page's own inline scripts; everything else comes from our origin, pictures from storage too.
fn csp(index: &str, storage_origin: &str) -> String {
    let mut scripts = String::new();
    for (start, _) in index.match_indices("<script") {
        let tag = index.get(start..).unwrap_or_default();
        let Some((attributes, rest)) = tag.split_once('>') else { continue };
        let Some((body, _)) = rest.split_once("</script>") else { continue };
        if attributes.contains("src=") || body.trim().is_empty() {
            continue;
        }
        let hash = digest::digest(&digest::SHA256, body.as_bytes());
        scripts.push_str(&format!(" 'sha256-{}'", STANDARD.encode(hash)));
    }
    format!(
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'{scripts}; style-src 'self'; \
         img-src 'self' data: blob: {storage_origin}; connect-src 'self'; manifest-src 'self'; base-uri 'none'; \
         form-action 'self'; frame-ancestors 'none'"
    )
}

fn file(name: &str, bytes: &[u8], brotli: Option<&Vec<u8>>) -> File {
    let hash = digest::digest(&digest::SHA256, bytes);
    let content_type = match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "json" | "webmanifest" => "application/json",
        _ => "text/plain; charset=utf-8",
    };
    let is_hash = |part: &str| part.len() >= 12 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    File {
        bytes: Bytes::copy_from_slice(bytes),
        brotli: brotli.map(|bytes| Bytes::copy_from_slice(bytes)),
        content_type,
        etag: format!("\"{}\"", STANDARD.encode(hash.as_ref().get(..12).unwrap_or_default())),
        is_immutable: name.split(['-', '.', '_']).any(is_hash),
    }
}

fn read(folder: &Path) -> std::io::Result<HashMap<String, Vec<u8>>> {
    let mut files = HashMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(name) = path.strip_prefix(folder) {
                files.insert(name.to_string_lossy().replace('\\', "/"), std::fs::read(&path)?);
            }
        }
    }
    Ok(files)
}

#[cfg(feature = "embed-page")]
fn embedded() -> HashMap<String, Vec<u8>> {
    Embedded::iter()
        .filter_map(|name| Embedded::get(&name).map(|file| (name.to_string(), file.data.into_owned())))
        .collect()
}

#[cfg(not(feature = "embed-page"))]
fn embedded() -> HashMap<String, Vec<u8>> {
    HashMap::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inline_scripts_are_allowed_by_their_hash_only() {
        let policy = csp("<script type=\"module\">init()</script><script src=\"/x.js\"></script>", "http://s:1");
        assert_eq!(policy.matches("'sha256-").count(), 1);
        assert!(policy.contains("img-src 'self' data: blob: http://s:1;"));
        assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"));
    }

    #[test]
    fn the_contact_stands_in_a_minified_page_too() {
        for empty in ["<meta name=support-contact>", "<meta name=\"support-contact\" content=\"\" />"] {
            let page = with_contact(&format!("<head>{empty}</head>"), "a\"b@example.org");
            assert_eq!(page, "<head><meta name=\"support-contact\" content=\"a&quot;b@example.org\"></head>");
        }
    }

    #[test]
    fn only_hashed_names_are_cached_for_ever() {
        assert!(file("lapidary-web-4f3a9c1b2d5e6f70_bg.wasm", b"", None).is_immutable);
        assert!(!file("index.html", b"", None).is_immutable);
        assert!(!file("favicon.svg", b"", None).is_immutable);
    }
}
