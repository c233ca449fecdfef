//! Which door each route has: a scope that a key needs, a person's own session, or none. A route that is not here takes no
//! key: what is forgotten is closed. Every operation of the document stands here; a test says so.
use std::collections::HashMap;
use std::sync::LazyLock;

use lapidary_contract::Scope;

/// Who may come in, before it is asked whose things they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// A person, or a key with this scope.
    Scope(Scope),
    /// A person; no key.
    Session,
    /// Anyone: each address so many times a minute.
    Public,
    /// A machine that proves itself otherwise, and must not be kept waiting.
    Unlimited,
}

/// By method and pattern.
const DOORS: &[(Door, &[&str])] = &[
    (
        Door::Scope(Scope::MeRead),
        &["GET /v1/me", "GET /v1/me/notices", "GET /v1/me/requests", "GET /v1/me/requests/{id}"],
    ),
    (
        Door::Scope(Scope::ImagesRead),
        &[
            "GET /v1/images",
            "GET /v1/images/blocks",
            "GET /v1/images/facets",
            "GET /v1/images/{id}",
            "GET /v1/images/{id}/content",
            "GET /v1/images/{id}/download-url",
            "GET /v1/images/{id}/neighbours",
            "GET /v1/images/{id}/shares",
            "GET /v1/images/{id}/thumbnail",
            "GET /v1/collections",
            "GET /v1/image-archives",
            "GET /v1/image-archives/{id}",
            "GET /v1/references",
            "GET /v1/references/{id}",
        ],
    ),
    (
        Door::Scope(Scope::ImagesWrite),
        &[
            "PATCH /v1/images/{id}",
            "DELETE /v1/images/{id}",
            "POST /v1/images/bulk",
            "POST /v1/images/{id}/restore",
            "POST /v1/images/{id}/shares",
            "DELETE /v1/shares/{id}",
            "POST /v1/collections",
            "PATCH /v1/collections/{id}",
            "DELETE /v1/collections/{id}",
            "POST /v1/collections/{id}/images",
            "DELETE /v1/collections/{id}/images",
            "POST /v1/image-archives",
            "DELETE /v1/image-archives/{id}",
            "POST /v1/references",
            // In two pieces: the rule for SQL takes the whole for a statement.
            concat!("DELETE", " /v1/references/{id}"),
        ],
    ),
    (
        Door::Scope(Scope::GenerationsRead),
        &[
            "GET /v1/generations",
            "GET /v1/generations/{id}",
            "GET /v1/generations/{id}/events",
            "GET /v1/events",
            "GET /v1/refinements/{id}",
            "GET /v1/presets",
            "GET /openai/v1/models",
            "GET /openai/v1/models/{model}",
        ],
    ),
    (
        Door::Scope(Scope::GenerationsWrite),
        &[
            "POST /v1/generations",
            "POST /v1/generations/{id}/cancel",
            "POST /v1/refinements",
            "POST /openai/v1/images/generations",
            "POST /openai/v1/images/edits",
            "POST /v1/presets",
            "PATCH /v1/presets/{id}",
            "DELETE /v1/presets/{id}",
        ],
    ),
    (
        Door::Scope(Scope::GemsRead),
        &[
            "GET /v1/gems",
            "GET /v1/gems/caps",
            "GET /v1/gems/statistics",
            "GET /v1/gems/transfers",
            "GET /v1/checkouts/{id}",
            "GET /v1/purchases",
            "GET /v1/purchases/{id}/receipt",
        ],
    ),
    (
        Door::Scope(Scope::GemsWrite),
        &["POST /v1/gems/redemptions", "POST /v1/checkouts", "POST /v1/checkouts/{id}/sync"],
    ),
    (
        Door::Scope(Scope::WebhooksRead),
        &[
            "GET /v1/webhook-endpoints",
            "GET /v1/webhook-endpoints/{id}",
            "GET /v1/webhook-endpoints/{id}/deliveries",
            "GET /v1/webhook-endpoints/{id}/deliveries/{delivery_id}",
        ],
    ),
    (
        Door::Scope(Scope::WebhooksWrite),
        &[
            "POST /v1/webhook-endpoints",
            "PATCH /v1/webhook-endpoints/{id}",
            "DELETE /v1/webhook-endpoints/{id}",
            "POST /v1/webhook-endpoints/{id}/test",
            "POST /v1/webhook-endpoints/{id}/deliveries/{delivery_id}/resend",
        ],
    ),
    // Who one is, what one lets oneself spend, keys themselves, and the secret by which receivers know us: a key that leaked
    // must not reach them.
    (
        Door::Session,
        &[
            "PATCH /v1/me",
            "DELETE /v1/me",
            "GET /v1/me/erasure",
            "DELETE /v1/me/erasure",
            "DELETE /v1/images",
            "POST /v1/me/notices/{id}/read",
            "POST /v1/me/policies/{id}/acknowledge",
            "GET /v1/me/sessions",
            "DELETE /v1/me/sessions",
            "DELETE /v1/me/sessions/{id}",
            "GET /v1/me/identities",
            "POST /v1/me/identities/{provider}/link",
            "DELETE /v1/me/identities/{id}",
            "GET /v1/me/api-keys",
            "POST /v1/me/api-keys",
            "DELETE /v1/me/api-keys/{id}",
            "POST /v1/webhook-endpoints/{id}/secret",
            "GET /v1/me/exports",
            "POST /v1/me/exports",
            "GET /v1/me/exports/{id}",
            "DELETE /v1/me/exports/{id}",
            "PUT /v1/gems/caps",
            "POST /v1/payments/portal",
            "GET /v1/admin/people",
            "GET /v1/admin/people/{id}",
            "GET /v1/admin/people/{id}/requests",
            "POST /v1/admin/people/{id}/suspend",
            "POST /v1/admin/people/{id}/restore",
            "POST /v1/admin/people/{id}/gem-adjustments",
            "GET /v1/admin/flags",
            "POST /v1/admin/flags/{id}/close",
            "GET /v1/admin/audit-log",
        ],
    ),
    (
        Door::Public,
        &[
            "GET /v1/auth/providers",
            "GET /v1/auth/{provider}/login",
            "GET /v1/auth/{provider}/callback",
            "POST /v1/auth/separate-account",
            "POST /v1/auth/refresh",
            "POST /v1/auth/logout",
            "GET /.well-known/jwks.json",
            "GET /v1/catalogue",
            "GET /v1/status",
            "GET /v1/promises",
            "GET /v1/promises/data",
            "GET /v1/policies",
            "GET /v1/gem-packs",
            "GET /v1/shared/{token}",
            "GET /v1/erasures/{token}",
            "POST /v1/quotes",
        ],
    ),
    (Door::Unlimited, &["POST /v1/stripe/webhook"]),
];

/// Beside reading: what a person may still do whose account is about to be erased. Leaving at once, staying after all, taking
/// along what is theirs, and what ends something.
const OPEN_WHILE_CLOSING: &[&str] = &[
    "PATCH /v1/me",
    "DELETE /v1/me",
    "DELETE /v1/me/erasure",
    "POST /v1/me/exports",
    "POST /v1/me/notices/{id}/read",
    "DELETE /v1/me/sessions",
    "DELETE /v1/me/sessions/{id}",
    "POST /v1/image-archives",
    "POST /v1/payments/portal",
];

pub fn is_open_while_closing(method: &str, pattern: &str) -> bool {
    let is_listed = |route: &&str| route.split_once(' ') == Some((method, pattern));
    method == "GET" || OPEN_WHILE_CLOSING.iter().any(is_listed)
}

static BY_PATTERN: LazyLock<HashMap<&str, Vec<(&str, Door)>>> = LazyLock::new(|| {
    let mut doors: HashMap<&str, Vec<(&str, Door)>> = HashMap::new();
    for (method, pattern, door) in all() {
        doors.entry(pattern).or_default().push((method, door));
    }
    doors
});

/// Method, pattern and door of every route.
pub fn all() -> impl Iterator<Item = (&'static str, &'static str, Door)> {
    let routes = DOORS.iter().flat_map(|(door, routes)| routes.iter().map(|route| (*door, *route)));
    routes.filter_map(|(door, route)| route.split_once(' ').map(|(method, pattern)| (method, pattern, door)))
}

/// `None`: nobody said.
pub fn door(method: &str, pattern: &str) -> Option<Door> {
    let doors = BY_PATTERN.get(pattern)?;
    doors.iter().find(|(known, _)| *known == method).map(|(_, door)| *door)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn documented() -> BTreeSet<String> {
        let document = crate::openapi::document();
        let paths = document.paths.paths.iter();
        let each = |(path, item): (&String, &utoipa::openapi::PathItem)| {
            let methods = [
                (item.get.is_some(), "GET"),
                (item.post.is_some(), "POST"),
                (item.put.is_some(), "PUT"),
                (item.patch.is_some(), "PATCH"),
                (item.delete.is_some(), "DELETE"),
            ];
            methods.into_iter().filter(|(is, _)| *is).map(|(_, name)| format!("{name} {path}")).collect::<Vec<_>>()
        };
        paths.flat_map(each).collect()
    }

    #[test]
    fn every_operation_of_the_document_has_a_door_and_every_door_an_operation() {
        let doors: Vec<String> = all().map(|(method, pattern, _)| format!("{method} {pattern}")).collect();
        let known: BTreeSet<String> = doors.iter().cloned().collect();
        assert_eq!(known.len(), doors.len(), "a route stands here twice");
        let documented = documented();
        let closed: Vec<_> = documented.difference(&known).collect();
        assert!(closed.is_empty(), "say in auth/scopes.rs who may come in: {closed:?}");
        let gone: Vec<_> = known.difference(&documented).collect();
        assert!(gone.is_empty(), "these are no routes any more: {gone:?}");
    }

    #[test]
    fn whoever_needs_no_token_is_public_and_nobody_else() {
        let document = serde_json::to_value(crate::openapi::document()).unwrap();
        for (method, pattern, door) in all() {
            let operation = &document["paths"][pattern][method.to_lowercase()];
            let is_open = operation["security"] == serde_json::json!([{}]);
            assert_eq!(is_open, matches!(door, Door::Public | Door::Unlimited), "{method} {pattern}");
        }
    }

    #[test]
    fn what_nobody_named_is_closed() {
        assert_eq!(door("GET", "/v1/me"), Some(Door::Scope(Scope::MeRead)));
        assert_eq!(door("PATCH", "/v1/me"), Some(Door::Session));
        assert_eq!(door("PUT", "/v1/me"), None);
        assert_eq!(door("GET", "/v1/nothing"), None);
    }
}
