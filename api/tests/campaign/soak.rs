//! The quiet half: one process under steady load for as long as asked, measured from outside. `cargo xtask soak` runs it.
//! Fails when memory, descriptors, threads or database connections are not flat, or when anything is answered
//! wrongly.
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio::sync::watch;

use crate::chance::Chance;
use crate::person::Person;
use crate::run::give;
use crate::stage::Stage;
use crate::tally::Tally;

const CONNECTIONS: u64 = 16;
const SAMPLE_EVERY: Duration = Duration::from_secs(10);
const DATABASE_CONNECTIONS: u64 = 10;

/// What may grow from the second third of the time to the last: caches fill in the first.
/// Memory by 15 %, because an allocator gives back late; the others by what a moment's load differs.
const MEMORY_GROWTH_PERCENT: u64 = 15;
const DESCRIPTORS_GROWTH: u64 = 8;
const THREADS_GROWTH: u64 = 2;

#[derive(Clone, Copy, Debug, Default)]
struct Sample {
    seconds: u64,
    memory_kb: u64,
    descriptors: u64,
    threads: u64,
    database: u64,
}

/// Name, its value in a sample, and the most its last median may be, given the second.
type Column = (&'static str, fn(&Sample) -> u64, fn(u64) -> u64);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes as long as SOAK_MINUTES says: `cargo xtask soak`"]
async fn memory_descriptors_and_connections_stay_flat() {
    let minutes = std::env::var("SOAK_MINUTES").ok().and_then(|text| text.parse::<f64>().ok()).unwrap_or(30.0);
    let length = Duration::from_secs_f64(60.0 * minutes);
    let tally = Arc::new(Tally::default());
    let connections = format!("--database-connections={DATABASE_CONNECTIONS}");
    let (stage, database, store) = Stage::set(1, 1, &[&connections, "--worker-slots=4", "--log-filter=warn"]).await;
    println!("soak: {} for {minutes} minutes, {CONNECTIONS} connections", stage.program.display());
    stage.openai.set_speed(Duration::from_millis(300));
    let mut process = stage.processes().remove(0);
    process.start();
    process.until_ready().await;
    let pool = stage.sql().await;
    let pid = process.pid().expect("a process");
    let at_rest = sample(pid, Instant::now(), &pool).await;
    let (go_on, goes_on) = watch::channel(true);
    let mut visitors = Vec::new();
    for number in 0..CONNECTIONS {
        let person = Person::sign_in(&stage.places(), &format!("Visitor {number}"), &tally).await;
        give(&pool, person.id, 1_000_000).await;
        visitors.push(tokio::spawn(visit(Arc::new(person), goes_on.clone())));
    }
    let samples = watch_it(pid, length, &pool).await;
    go_on.send_replace(false);
    for visitor in visitors {
        visitor.await.expect("a visitor");
    }
    if let Some(status) = process.ended() {
        tally.broken(format!("it ended by itself ({status}): {}", process.tail()));
    }
    match process.stop().await {
        Some(status) if status.success() => {}
        other => tally.broken(format!("it did not stop well: {other:?}")),
    }
    println!("  at rest: {at_rest:?}");
    judge(&samples, &tally);
    let (answers, busy) = (tally.sum("answers"), tally.sum("too busy"));
    if busy * 1_000 > answers {
        tally.broken(format!("{busy} of {answers} requests found it too busy"));
    }
    tally.print(&format!("soak of {minutes} minutes"));
    let broken = tally.all_broken();
    assert!(broken.is_empty(), "{broken:#?}");
    drop((store, database));
    let _ = std::fs::remove_dir_all(&stage.folder);
}

/// Reads mostly, asks for a picture now and then, opens and closes a live stream, signs in again.
async fn visit(person: Arc<Person>, goes_on: watch::Receiver<bool>) {
    let mut chance = Chance::of(1, &person.name);
    let mut number = 0_u64;
    while *goes_on.borrow() {
        number += 1;
        match chance.below(1_000) {
            0..=14 => submit(&person, number, &mut chance).await,
            15..=34 => watch_live(&person, &mut chance).await,
            35..=37 => drop(Person::sign_in(&person.places, &person.name, &person.tally).await),
            38..=399 => read(&person, "/v1/gems", &mut chance).await,
            400..=699 => read(&person, "/v1/me", &mut chance).await,
            700..=849 => read(&person, "/v1/images?limit=20", &mut chance).await,
            _ => read(&person, "/v1/generations?limit=20", &mut chance).await,
        }
        // As people do; and the machine is shared.
        tokio::time::sleep(chance.millis(20, 140)).await;
    }
}

async fn read(person: &Person, path: &str, chance: &mut Chance) {
    hear(person, Method::GET, path, None, &Value::Null, 200, chance).await;
}

async fn submit(person: &Person, number: u64, chance: &mut Chance) {
    let body = json!({"prompt": format!("soak {number} of {}", person.name), "quality": "low"});
    let key = format!("soak-{number}");
    hear(person, Method::POST, "/v1/generations", Some(&key), &body, 202, chance).await;
}

async fn hear(
    person: &Person,
    method: Method,
    path: &str,
    key: Option<&str>,
    body: &Value,
    wanted: u16,
    chance: &mut Chance,
) {
    let token = person.token(chance).await;
    let name = path.split('?').next().unwrap_or(path);
    match person.ask(&person.places[0], method.clone(), path, key, body, &token).await {
        Some(answer) if answer.status == wanted => person.tally.one(format!("answers: {method} {name}")),
        // Too much at once is said, not served late: judged by how often.
        Some(answer) if matches!(answer.status, 408 | 503) => person.tally.one(format!("too busy: {}", answer.status)),
        Some(answer) => person.tally.broken(format!("{method} {name} was answered {}: {}", answer.status, answer.body)),
        None => person.tally.broken(format!("{method} {name} was not answered")),
    }
}

async fn watch_live(person: &Person, chance: &mut Chance) {
    let token = person.token(chance).await;
    let request = person.client.get(format!("{}/v1/events", person.places[0])).bearer_auth(token);
    let Ok(mut answer) = request.send().await else {
        return person.tally.broken("a live stream was not answered");
    };
    let patience = chance.millis(100, 5_000);
    let reading = async { while let Ok(Some(_)) = answer.chunk().await {} };
    let _ = tokio::time::timeout(patience, reading).await;
    person.tally.one("answers: GET /v1/events, opened and closed");
}

async fn watch_it(pid: u32, length: Duration, pool: &PgPool) -> Vec<Sample> {
    let began = Instant::now();
    let mut beat = tokio::time::interval(SAMPLE_EVERY);
    beat.tick().await;
    let mut samples = Vec::new();
    while began.elapsed() < length {
        beat.tick().await;
        let sample = sample(pid, began, pool).await;
        println!(
            "  {:>5} s {:>8} kB {:>4} descriptors {:>3} threads {:>3} database connections",
            sample.seconds, sample.memory_kb, sample.descriptors, sample.threads, sample.database
        );
        samples.push(sample);
    }
    samples
}

async fn sample(pid: u32, began: Instant, pool: &PgPool) -> Sample {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs, on a system with /proc");
    let number = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        line.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0)
    };
    let database: i64 =
        sqlx::query_scalar("select count(*) from pg_stat_activity where application_name like 'lapidary%'")
            .fetch_one(pool)
            .await
            .expect("a count");
    Sample {
        seconds: began.elapsed().as_secs(),
        memory_kb: number("VmRSS:"),
        descriptors: std::fs::read_dir(format!("/proc/{pid}/fd")).expect("descriptors").count() as u64,
        threads: number("Threads:"),
        database: database.unsigned_abs(),
    }
}

/// The rule: the last third may not be above the second by more than the growths named at the top, and the connections
/// never above what the two pools and one listener are allowed.
fn judge(samples: &[Sample], tally: &Tally) {
    let third = samples.len() / 3;
    assert!(third >= 3, "too short to judge: {} samples", samples.len());
    let (first, rest) = samples.split_at(third);
    let (second, last) = rest.split_at(rest.len() / 2);
    let limit = 2 * DATABASE_CONNECTIONS + 1;
    let columns: [Column; 4] = [
        ("memory, kB", |sample| sample.memory_kb, |kb| kb * (100 + MEMORY_GROWTH_PERCENT) / 100),
        ("descriptors", |sample| sample.descriptors, |count| count + DESCRIPTORS_GROWTH),
        ("threads", |sample| sample.threads, |count| count + THREADS_GROWTH),
        ("database connections", |sample| sample.database, |_| 2 * DATABASE_CONNECTIONS + 1),
    ];
    println!(
        "  {:<22}{:>10}{:>10}{:>10}{:>10}{:>16}",
        "medians of thirds", "first", "second", "last", "highest", "per hour"
    );
    for (name, of, allowed) in columns {
        let [first, second, last] = [first, second, last].map(|part| median(part.iter().map(of).collect()));
        let highest = samples.iter().map(of).max().unwrap_or(0);
        println!("  {name:<22}{first:>10}{second:>10}{last:>10}{highest:>10}{:>16.1}", slope(rest, of) * 3_600.0);
        if last > allowed(second) {
            tally.broken(format!("{name} is not flat: {second} in the second third, {last} in the last"));
        }
    }
    if samples.iter().any(|sample| sample.database > limit) {
        tally.broken(format!("more than {limit} database connections"));
    }
}

fn median(mut values: Vec<u64>) -> u64 {
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or(0)
}

/// Least squares, per second.
fn slope(samples: &[Sample], of: fn(&Sample) -> u64) -> f64 {
    let count = samples.len() as f64;
    let (mut x, mut y, mut xx, mut xy) = (0.0, 0.0, 0.0, 0.0);
    for sample in samples {
        let (at, value) = (sample.seconds as f64, of(sample) as f64);
        (x, y, xx, xy) = (x + at, y + value, xx + at * at, xy + at * value);
    }
    let spread = count * xx - x * x;
    if spread == 0.0 { 0.0 } else { (count * xy - x * y) / spread }
}
