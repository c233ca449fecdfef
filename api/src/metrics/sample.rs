//! What is looked up when somebody scrapes: the queue, pools and the process itself. One query, remembered for seconds:
//! nothing here costs a request anything.
use std::sync::Arc;
use std::time::{Duration, Instant};

use metrics::gauge;
use sqlx::Row;
use tokio::sync::Mutex;

use crate::app::App;

/// Several scrapers ask the database once.
const REMEMBERED: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(2);

pub struct Samples {
    app: Arc<App>,
    started: Instant,
    taken: Mutex<Option<Instant>>,
}

impl Samples {
    pub fn new(app: Arc<App>) -> Self {
        gauge!("lapidary_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        Self { app, started: Instant::now(), taken: Mutex::default() }
    }

    pub async fn take(&self) {
        self.of_process();
        self.of_pools();
        self.of_models();
        let mut taken = self.taken.lock().await;
        if taken.is_some_and(|at| at.elapsed() < REMEMBERED) {
            return;
        }
        let asked = tokio::time::timeout(PATIENCE, self.of_queue()).await;
        gauge!("lapidary_database_up").set(f64::from(u8::from(matches!(asked, Ok(Ok(()))))));
        *taken = Some(Instant::now());
    }

    async fn of_queue(&self) -> Result<(), sqlx::Error> {
        let row = sqlx::query(
            "select count(*) filter (where status = 'queued')::float8 as queued,
               coalesce(extract(epoch from $1 - min(created_at) filter (where status = 'queued')), 0)::float8 as oldest,
               count(*) filter (where status = 'running')::float8 as running,
               count(*) filter (where status = 'running' and lease_until < $1)::float8 as overdue
             from generations where status in ('queued', 'running')",
        )
        .bind(self.app.clock.now())
        .fetch_one(self.app.db.house())
        .await?;
        gauge!("lapidary_queue_depth").set(row.try_get::<f64, _>("queued")?);
        gauge!("lapidary_queue_oldest_seconds").set(row.try_get::<f64, _>("oldest")?.max(0.0));
        gauge!("lapidary_leases_running").set(row.try_get::<f64, _>("running")?);
        gauge!("lapidary_leases_overdue").set(row.try_get::<f64, _>("overdue")?);
        Ok(())
    }

    fn of_pools(&self) {
        for numbers in self.app.db.numbers() {
            let pool = numbers.pool;
            gauge!("lapidary_pool_connections", "pool" => pool).set(f64::from(numbers.connections));
            gauge!("lapidary_pool_idle", "pool" => pool).set(float(numbers.idle));
            gauge!("lapidary_pool_connections_max", "pool" => pool).set(f64::from(numbers.connections_max));
        }
        gauge!("lapidary_pool_waiting", "pool" => "person").set(float(self.app.db.waiting()));
    }

    /// Whole days, zero once a model is gone; models without a known end are not shown.
    fn of_models(&self) {
        let today = self.app.clock.today();
        for model in &self.app.catalogue.models {
            if let Some(days) = lapidary_domain::life::days_left(model, today) {
                let days = f64::from(i32::try_from(days).unwrap_or(i32::MAX));
                gauge!("lapidary_model_retires_in_days", "model" => model.id.clone()).set(days);
            }
        }
    }

    /// Where the system shows no `/proc` there are no numbers, rather than wrong ones.
    fn of_process(&self) {
        gauge!("lapidary_uptime_seconds").set(self.started.elapsed().as_secs_f64());
        if let Some(bytes) = resident_bytes() {
            gauge!("process_resident_memory_bytes").set(bytes);
        }
        if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
            gauge!("process_open_fds").set(float(open.count()));
        }
    }
}

fn resident_bytes() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1024.0)
}

fn float(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}
