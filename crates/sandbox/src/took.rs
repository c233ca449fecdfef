//! When a vendor had a request in its hands, for whoever measures the caller: one line in the log a request, and only
//! when the log is asked for `sandbox_took=debug`. Never the request itself.
use std::time::{SystemTime, UNIX_EPOCH};

pub struct Took {
    vendor: &'static str,
    began_micros: u128,
}

impl Took {
    pub fn begins(vendor: &'static str) -> Self {
        Self { vendor, began_micros: micros() }
    }

    pub fn ends(self) {
        let Self { vendor, began_micros } = self;
        tracing::debug!(target: "sandbox_took", vendor, began_micros, ended_micros = micros());
    }
}

/// Since 1970.
fn micros() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros()
}
