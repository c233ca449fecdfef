//! The states of a generation and the steps between them that exist.
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GenerationStatus {
    Queued,
    Running,
    Succeeded,
    PartlySucceeded,
    Failed,
    Cancelled,
}

impl GenerationStatus {
    pub const ALL: [Self; 6] =
        [Self::Queued, Self::Running, Self::Succeeded, Self::PartlySucceeded, Self::Failed, Self::Cancelled];

    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::PartlySucceeded => "partly_succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    /// Nothing happens to it any more, and no gem is held for it.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }

    /// A running one goes back to queued when its lease ends with its worker gone.
    pub fn can_become(self, next: Self) -> bool {
        match self {
            Self::Queued => matches!(next, Self::Running | Self::Cancelled | Self::Failed),
            Self::Running => next != Self::Running,
            Self::Succeeded | Self::PartlySucceeded | Self::Failed | Self::Cancelled => false,
        }
    }

    /// What a generation ends as when `stored` of `asked` images are kept.
    pub fn ended(stored: u32, asked: u32) -> Self {
        match stored {
            0 => Self::Failed,
            some if some < asked => Self::PartlySucceeded,
            _ => Self::Succeeded,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_final_state_never_changes() {
        for from in GenerationStatus::ALL.into_iter().filter(|status| status.is_final()) {
            for to in GenerationStatus::ALL {
                assert!(!from.can_become(to), "{from:?} -> {to:?}");
            }
        }
    }

    #[test]
    fn names_are_read_back() {
        for status in GenerationStatus::ALL {
            assert_eq!(GenerationStatus::from_name(status.name()), Some(status));
        }
    }
}
