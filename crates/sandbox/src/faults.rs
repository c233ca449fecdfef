//! Faults a person or a test asks a vendor to show, first come first served. Never chosen by words in a prompt.
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// One fault. `kind` belongs to the vendor (see each vendor's page of the control port).
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// `openai` (pictures), `chat` (its language model), `s3`, `github`, `oidc`, `stripe`.
    pub vendor: String,
    pub kind: String,
    /// How many requests it strikes; 0 means until cleared.
    #[serde(default = "once")]
    pub times: u32,
    /// How many matching requests pass unharmed before it strikes.
    #[serde(default)]
    pub skip: u32,
    /// What the kind wants to know, for example a number of seconds.
    #[serde(default)]
    pub value: serde_json::Value,
}

fn once() -> u32 {
    1
}

impl Fault {
    pub fn once(vendor: &str, kind: &str) -> Self {
        Self { vendor: vendor.into(), kind: kind.into(), times: 1, skip: 0, value: serde_json::Value::Null }
    }

    pub fn always(vendor: &str, kind: &str) -> Self {
        Self { times: 0, ..Self::once(vendor, kind) }
    }

    pub fn with(mut self, value: impl Into<serde_json::Value>) -> Self {
        self.value = value.into();
        self
    }
}

/// Shared by the vendors and the control port.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<Vec<Fault>>>);

impl Faults {
    pub fn set(&self, fault: Fault) {
        self.locked().push(fault);
    }

    pub fn clear(&self) {
        self.locked().clear();
    }

    pub fn list(&self) -> Vec<Fault> {
        self.locked().clone()
    }

    /// The fault this request must show, if any. Counts it as shown.
    pub fn take(&self, vendor: &str) -> Option<Fault> {
        self.take_where(vendor, |_| true)
    }

    /// As [`Faults::take`], for a vendor whose kinds belong to different requests.
    pub fn take_where(&self, vendor: &str, concerns: impl Fn(&str) -> bool) -> Option<Fault> {
        self.take_matching(vendor, |fault| concerns(&fault.kind))
    }

    /// As [`Faults::take`], for a vendor whose faults choose their requests themselves.
    pub fn take_matching(&self, vendor: &str, concerns: impl Fn(&Fault) -> bool) -> Option<Fault> {
        let mut faults = self.locked();
        let at = faults.iter().position(|fault| fault.vendor == vendor && concerns(fault))?;
        let fault = faults.get_mut(at)?;
        if fault.skip > 0 {
            fault.skip -= 1;
            return None;
        }
        let shown = fault.clone();
        if fault.times == 1 {
            faults.remove(at);
        } else if fault.times > 1 {
            fault.times -= 1;
        }
        Some(shown)
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, Vec<Fault>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
