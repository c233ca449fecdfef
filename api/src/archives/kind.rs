//! What a zip is of: chosen images, or everything that is known of a person. One job makes both.
use lapidary_contract::NoticeKind;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Images,
    Everything,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Images => "images",
            Self::Everything => "everything",
        }
    }

    /// The database knows no others.
    pub fn of(name: &str) -> Self {
        if name == Self::Everything.name() { Self::Everything } else { Self::Images }
    }

    /// Below the person's.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Images => "archives",
            Self::Everything => "exports",
        }
    }

    pub fn file_stem(self) -> &'static str {
        match self {
            Self::Images => "lapidary-images",
            Self::Everything => "lapidary-export",
        }
    }

    pub fn notice(self) -> NoticeKind {
        match self {
            Self::Images => NoticeKind::ArchiveReady,
            Self::Everything => NoticeKind::ExportReady,
        }
    }
}
