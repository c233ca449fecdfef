//! Everything that goes wrong: processes die, the database and the store come and go, vendors misbehave.
//! Each actor draws from a chance of its own and leaves its charge running when it is told to stop.
use std::sync::Arc;
use std::time::{Duration, Instant};

use lapidary_sandbox::faults::{Fault, Faults};
use lapidary_sandbox::postgres::{Postgres, Stop};
use lapidary_sandbox::s3::S3;
use lapidary_sandbox::{openai, s3};
use tokio::sync::watch;

use crate::chance::Chance;
use crate::process::Process;
use crate::tally::Tally;

/// What all actors share.
#[derive(Clone)]
pub struct Chaos {
    pub seed: u64,
    pub tally: Arc<Tally>,
    pub goes_on: watch::Receiver<bool>,
    /// Time between two blows of one actor, on average; the rarer ones are multiples of it.
    pub pace: Duration,
    /// Also what takes minutes to get over: freezing for longer than a lease, and faults that make a provider be paused.
    pub is_long: bool,
}

/// Faults that only the operator can mend: each pauses the provider for a minute or more.
const PAUSING: [&str; 4] = ["billing_hard_limit", "quota_exhausted", "invalid_api_key", "forbidden"];
/// How many of them are let through, or nothing would ever be made.
const PAUSING_PERCENT: u64 = 5;

/// The lease of a claim, and the beat of its sweep after it.
const LONGER_THAN_A_LEASE: Duration = Duration::from_secs(38);

impl Chaos {
    /// Waits up to twice `mean`; false when it is over.
    async fn rest(&mut self, chance: &mut Chance, mean: Duration) -> bool {
        let time = chance.millis(mean.as_millis() as u64 / 4, mean.as_millis() as u64 * 7 / 4);
        tokio::select! {
            () = tokio::time::sleep(time) => {}
            _ = self.goes_on.wait_for(|goes_on| !goes_on) => {}
        }
        *self.goes_on.borrow()
    }

    /// Kills its process at random moments, or asks it to stop as a rolling restart does.
    pub async fn at_process(mut self, mut process: Process) -> Process {
        let mut chance = Chance::of(self.seed, &process.name);
        while self.rest(&mut chance, self.pace).await {
            if let Some(status) = process.ended() {
                self.tally.broken(format!("{} ended by itself ({status}): {}", process.name, process.tail()));
            }
            if self.is_long && chance.percent(10) {
                self.freeze(&process).await;
                continue;
            }
            if chance.percent(75) {
                process.kill();
                self.tally.one("blows: SIGKILL of a process");
            } else {
                self.stop(&mut process).await;
            }
            let pause = chance.millis(0, 3_000);
            tokio::time::sleep(pause).await;
            process.start();
        }
        process
    }

    /// Late results are what fencing is for.
    async fn freeze(&self, process: &Process) {
        process.signal("STOP");
        tokio::time::sleep(LONGER_THAN_A_LEASE).await;
        process.signal("CONT");
        self.tally.one("blows: frozen for longer than a lease");
    }

    pub async fn stop(&self, process: &mut Process) {
        let began = Instant::now();
        self.tally.one("blows: SIGTERM of a process");
        match process.stop().await {
            Some(status) if status.success() => {}
            // Told so early that it had begun nothing.
            Some(_) if !process.has_served() => {}
            Some(status) => self.tally.broken(format!("{} did not stop well ({status})", process.name)),
            None => {
                let waited = began.elapsed();
                self.tally.broken(format!("{} did not stop within {waited:?}: {}", process.name, process.tail()));
            }
        }
    }

    pub async fn at_database(mut self, mut database: Postgres) -> Postgres {
        let mut chance = Chance::of(self.seed, "database");
        let mut number = chance.below(2);
        while self.rest(&mut chance, self.pace * 4).await {
            let how = if number.is_multiple_of(2) { Stop::Immediate } else { Stop::Fast };
            number += 1;
            let pause = chance.millis(0, 3_000);
            database.restart_after(how, pause).await.expect("PostgreSQL comes back");
            self.tally.one(format!("blows: PostgreSQL restarted, {how:?}"));
        }
        database
    }

    pub async fn at_store(mut self, mut store: S3) -> S3 {
        let mut chance = Chance::of(self.seed, "store");
        while self.rest(&mut chance, self.pace * 3).await {
            store.restart_after(chance.millis(0, 3_000)).await.expect("S3 comes back");
            self.tally.one("blows: S3 restarted");
        }
        store
    }

    pub async fn at_vendors(mut self, faults: Faults) {
        let mut chance = Chance::of(self.seed, "vendors");
        while self.rest(&mut chance, self.pace / 2).await {
            let fault = fault(&mut chance);
            if PAUSING.contains(&fault.kind.as_str()) && !(self.is_long && chance.percent(PAUSING_PERCENT)) {
                continue;
            }
            self.tally.one(format!("faults of {}: {}", fault.vendor, fault.kind));
            faults.set(fault);
        }
    }
}

/// Any kind of either vendor; a long hang now and then, mostly short ones.
fn fault(chance: &mut Chance) -> Fault {
    let is_store = chance.percent(35);
    let vendor = if is_store { "s3" } else { "openai" };
    let kinds: Vec<&str> = if is_store { s3::KINDS } else { openai::KINDS }
        .iter()
        .copied()
        // Not a fault: it is asked for where speed is measured.
        .filter(|kind| !kind.starts_with("ready"))
        .collect();
    let kind = *chance.pick(&kinds);
    let fault = Fault::once(vendor, kind);
    let fault = match kind {
        "hang" if chance.percent(20) => fault.with(60.0),
        "hang" | "slow_body" => fault.with(0.5 + chance.below(40) as f64 / 10.0),
        "rate_limited" => fault.with(1.0),
        "refuse" | "refuse_put" => fault.with(*chance.pick(&["AccessDenied", "RequestTimeTooSkewed", "InternalError"])),
        _ => fault,
    };
    Fault { times: 1 + chance.below(2) as u32, ..fault }
}
