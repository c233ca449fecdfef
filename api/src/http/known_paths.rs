//! The paths of the document with their methods: what tells a wrong method (405) from nothing (404).
use std::sync::OnceLock;

use actix_web::dev::ResourceDef;

/// Paths of the OpenAPI document with their methods, to tell 405 from 404.
#[derive(Default)]
pub struct KnownPaths(OnceLock<Vec<(ResourceDef, String)>>);

impl KnownPaths {
    fn of(document: &utoipa::openapi::OpenApi) -> Vec<(ResourceDef, String)> {
        let allow = |item: &utoipa::openapi::PathItem| {
            let methods = [
                (item.get.is_some(), "GET, HEAD"),
                (item.post.is_some(), "POST"),
                (item.put.is_some(), "PUT"),
                (item.patch.is_some(), "PATCH"),
                (item.delete.is_some(), "DELETE"),
            ];
            methods.iter().filter(|(is, _)| *is).map(|(_, name)| *name).collect::<Vec<_>>().join(", ")
        };
        let paths = document.paths.paths.iter();
        paths.map(|(path, item)| (ResourceDef::new(path.as_str()), allow(item))).collect()
    }

    pub fn allow(&self, path: &str) -> Option<&str> {
        let known = self.0.get_or_init(|| Self::of(&crate::openapi::document()));
        known.iter().find(|(pattern, _)| pattern.is_match(path)).map(|(_, allow)| allow.as_str())
    }

    /// As [`KnownPaths::allow`], of a path without parameters.
    pub fn allow_exactly(&self, path: &str) -> Option<&str> {
        let known = self.0.get_or_init(|| Self::of(&crate::openapi::document()));
        known.iter().find(|(pattern, _)| pattern.pattern() == Some(path)).map(|(_, allow)| allow.as_str())
    }
}
