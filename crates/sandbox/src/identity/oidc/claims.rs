//! What the provider tells about a person, in the id_token and at userinfo alike.
use serde_json::{Map, Value, json};

use crate::identity::people::{Person, Quirk};

pub type Claims = Map<String, Value>;

/// Faults that change what is told about the person. They hold for the id_token and its userinfo.
pub const FAULTS: [&str; 4] = ["email_unverified", "email_verified_string", "no_email", "changed_email"];

pub fn about(person: &Person, scopes: &[String], issuer: &str, fault: Option<&str>) -> Claims {
    let mut claims = Claims::new();
    let subject = person.oidc_subject();
    claims.insert("sub".into(), subject.clone().into());
    let asked = |scope: &str| scopes.iter().any(|asked| asked == scope);
    if asked("email") && person.quirk != Quirk::NoMail && fault != Some("no_email") {
        let unverified = matches!(person.quirk, Quirk::MailUnverified | Quirk::OnlySecondMailVerified);
        let (email, verified) = match fault {
            Some("changed_email") => (format!("changed.{}", person.email), json!(!unverified)),
            Some("email_unverified") => (person.email.clone(), json!(false)),
            Some("email_verified_string") => (person.email.clone(), json!((!unverified).to_string())),
            _ => (person.email.clone(), json!(!unverified)),
        };
        claims.insert("email".into(), email.into());
        claims.insert("email_verified".into(), verified);
    }
    if asked("profile") {
        claims.insert("picture".into(), format!("{issuer}/avatar/{subject}.png").into());
        if let Some(name) = person.display_name() {
            claims.insert("name".into(), name.into());
            let (given, family) = name.split_once(' ').unwrap_or((name, ""));
            claims.insert("given_name".into(), given.into());
            if !family.is_empty() {
                claims.insert("family_name".into(), family.into());
            }
        }
    }
    claims
}
