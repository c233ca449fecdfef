//! Every version of the privacy policy and of the terms there has been, newest first. A version is never changed: other
//! words are a new one, with a sentence of what is other, and everybody is told.
use aws_lc_rs::digest;
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use lapidary_contract::{Policy, PolicyKind};
use uuid::{Builder, Uuid, Variant};

#[derive(Clone, Copy, Debug)]
pub struct Version {
    pub kind: PolicyKind,
    /// The day from which it holds.
    pub version: &'static str,
    /// Of the text, in hexadecimal: what was published stays what it was.
    pub sha256: &'static str,
    pub changes: &'static str,
    pub text: &'static str,
}

pub const ALL: &[Version] = &[
    Version {
        kind: PolicyKind::Privacy,
        version: "2026-11-30",
        sha256: "3477369e66749a01d1bb22aa9b0546e2930c3ec0212d59b8c2c888f12d117b6a",
        changes: "Who is suspended reads so at sign-in, and whom to write to. That the reason is said there, too, was not so and is said no more.",
        text: include_str!("../../../policies/privacy/2026-11-30.md"),
    },
    Version {
        kind: PolicyKind::Privacy,
        version: "2026-11-29",
        sha256: "2d99d317bdae158f9fa6a33680b164f63e01463cc938afa0ff3e0519f4c121f0",
        changes: "The promises are written out one by one, with all data that is kept, why, and for how long. New: how long records of payments are kept, and that everything else goes with your account.",
        text: include_str!("../../../policies/privacy/2026-11-29.md"),
    },
    Version {
        kind: PolicyKind::Terms,
        version: "2026-11-29",
        sha256: "23eec9a433fbf8d215ea9b43ba87224d87084dc01416ccc257eeec9be4793a92",
        changes: "The first version with a date. New: how you hear of changes, and what becomes of gems when you remove your account.",
        text: include_str!("../../../policies/terms/2026-11-29.md"),
    },
];

impl Version {
    /// The same everywhere, from kind and version (RFC 9562, version 8).
    pub fn id(&self) -> Uuid {
        let name = format!("lapidary policy {} {}", self.kind.name(), self.version);
        let hash = digest::digest(&digest::SHA256, name.as_bytes());
        let mut bytes = [0; 16];
        bytes.iter_mut().zip(hash.as_ref()).for_each(|(to, from)| *to = *from);
        Builder::from_bytes(bytes).with_variant(Variant::RFC4122).with_version(uuid::Version::Custom).into_uuid()
    }

    pub fn text_hash(&self) -> Vec<u8> {
        digest::digest(&digest::SHA256, self.text.as_bytes()).as_ref().to_vec()
    }

    pub fn effective_at(&self) -> DateTime<Utc> {
        let day = NaiveDate::parse_from_str(self.version, "%Y-%m-%d").unwrap_or(NaiveDate::MAX);
        day.and_time(NaiveTime::MIN).and_utc()
    }

    pub fn policy(&self, is_current: bool) -> Policy {
        Policy {
            id: self.id(),
            kind: self.kind,
            version: self.version.to_owned(),
            effective_at: self.effective_at(),
            is_current,
            changes: self.changes.to_owned(),
            text: self.text.to_owned(),
        }
    }
}

/// Of each kind the newest that holds by now.
pub fn in_force(versions: &[Version], now: DateTime<Utc>) -> Vec<Version> {
    let newest = |kind: PolicyKind| {
        let of_kind = versions.iter().filter(move |version| version.kind == kind && version.effective_at() <= now);
        of_kind.max_by_key(|version| version.effective_at()).copied()
    };
    [PolicyKind::Privacy, PolicyKind::Terms].into_iter().filter_map(newest).collect()
}

pub fn ids_in_force(now: DateTime<Utc>) -> Vec<Uuid> {
    in_force(ALL, now).iter().map(Version::id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::promises::policy::write;

    const HINT: &str = "words are changed by a new version: write api/policies/{kind}/{day}.md, put it first in \
                        policy/versions.rs with what is other, and leave the old one as it is";

    fn hexadecimal(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn what_was_published_is_what_it_was() {
        for version in ALL {
            let hash = hexadecimal(&version.text_hash());
            assert_eq!(hash, version.sha256, "{} {}: {HINT}", version.kind.name(), version.version);
            assert!(NaiveDate::parse_from_str(version.version, "%Y-%m-%d").is_ok(), "{}", version.version);
            assert!(version.changes.ends_with('.') && version.changes.len() > 30, "say what is other");
        }
        let ids: std::collections::HashSet<Uuid> = ALL.iter().map(Version::id).collect();
        assert_eq!(ids.len(), ALL.len());
        assert_eq!(in_force(ALL, Utc::now()).len(), 2, "one of each kind holds");
        assert_eq!(in_force(ALL, DateTime::UNIX_EPOCH).len(), 0);
    }

    /// With POLICY_DRAFT=FILE the words of today are written there, for a new version.
    #[test]
    fn the_privacy_policy_says_what_the_promises_and_the_data_map_say() {
        let words = write::privacy();
        if let Some(file) = std::env::var_os("POLICY_DRAFT") {
            std::fs::write(file, &words).expect("a draft");
        }
        let newest = ALL.iter().find(|version| version.kind == PolicyKind::Privacy).expect("a privacy policy");
        assert!(newest.text == words, "{HINT}; POLICY_DRAFT=FILE writes the words of today");
    }

    #[test]
    fn texts_have_only_what_the_page_can_show() {
        for version in ALL {
            for block in version.text.trim_end().split("\n\n") {
                let is_list = block.starts_with("- ");
                let fits = |line: &str| is_list == line.starts_with("- ") && !line.starts_with("###");
                assert!(block.lines().all(fits) && !block.contains(['*', '`', '<', '!', '[']), "{block}");
                assert!(!block.starts_with('#') || block.starts_with("## ") && block.lines().count() == 1, "{block}");
            }
        }
    }
}
