//! The course of a campaign: people and blows together, then quiet, then the reckoning.
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::Value;
use sqlx::PgPool;
use tokio::sync::watch;
use uuid::Uuid;

use crate::chance::Chance;
use crate::chaos::Chaos;
use crate::follower::{Follower, Seen};
use crate::maker::{Asked, Maker};
use crate::objects::Bucket;
use crate::person::Person;
use crate::process::Process;
use crate::stage::Stage;
use crate::tally::Tally;
use crate::truth;

/// Leases, their sweep, every further attempt and its back-off; a paused provider, which nothing waits for much longer.
const DRAIN_LIMIT: Duration = Duration::from_secs(16 * 60);
/// Once everything is settled a live stream is at most a poll behind.
const SEEN_LIMIT: Duration = Duration::from_secs(30);

pub struct Plan {
    seed: u64,
    generations: u64,
    /// Over which the submits are spread.
    length: Duration,
    people: u64,
    pace: Duration,
    is_long: bool,
    kills: u64,
    restarts: u64,
}

impl Plan {
    fn from_environment() -> Self {
        let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<f64>().ok());
        let seed = number("CAMPAIGN_SEED").map_or(7, |seed| seed as u64);
        match (number("CAMPAIGN_GENERATIONS"), number("CAMPAIGN_MINUTES")) {
            (None, None) => Self {
                seed,
                generations: 70,
                length: Duration::from_secs(22),
                people: 6,
                pace: Duration::from_millis(3_500),
                is_long: false,
                kills: 6,
                restarts: 1,
            },
            (generations, minutes) => Self {
                seed,
                generations: generations.unwrap_or(1_000.0) as u64,
                length: Duration::from_secs_f64(60.0 * minutes.unwrap_or(8.0)),
                people: 12,
                pace: Duration::from_secs(8),
                is_long: true,
                kills: 6,
                restarts: 1,
            },
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_when_processes_die() {
    let plan = Plan::from_environment();
    let began = Instant::now();
    println!("campaign: seed {}, {} generations over {:?}", plan.seed, plan.generations, plan.length);
    let tally = Arc::new(Tally::default());
    let extra = ["--worker-slots=6", "--running-per-person=6", "--model-timeout-seconds=15"];
    let (stage, database, store) = Stage::set(plan.seed, 2, &extra).await;
    stage.openai.set_speed(Duration::from_millis(400));
    let mut processes = stage.processes();
    for process in &mut processes {
        process.start();
        process.until_ready().await;
    }
    let people = people(&plan, &stage, &tally).await;
    let seen = Seen::default();
    let followers: Vec<_> = people.iter().map(|person| follow(person, &seen, &plan)).collect();
    let (go_on, goes_on) = watch::channel(true);
    let chaos = Chaos { seed: plan.seed, tally: Arc::clone(&tally), goes_on, pace: plan.pace, is_long: plan.is_long };
    let vendors = tokio::spawn(chaos.clone().at_vendors(stage.faults.clone()));
    let database = tokio::spawn(chaos.clone().at_database(database));
    let store = tokio::spawn(chaos.clone().at_store(store));
    let killers: Vec<_> =
        processes.into_iter().map(|process| tokio::spawn(chaos.clone().at_process(process))).collect();
    let asked = ask(&plan, &people).await;
    tally.add("time: seconds until everyone had asked", began.elapsed().as_secs());
    enough_blows(&plan, &tally).await;
    go_on.send_replace(false);
    let (_, database, store) = (vendors.await, database.await.expect("the database"), store.await.expect("the store"));
    stage.faults.clear();
    let mut processes: Vec<Process> =
        join_all(killers).await.into_iter().map(|process| process.expect("a process")).collect();
    for process in &mut processes {
        process.until_ready().await;
    }
    tally.add("time: seconds until it was quiet", began.elapsed().as_secs());
    let pool = stage.sql().await;
    drained(&pool, &tally).await;
    all_seen(&pool, &seen).await;
    isolated(&people, &pool, &tally).await;
    followers.iter().for_each(tokio::task::JoinHandle::abort);
    for process in &mut processes {
        ended_well(&chaos, process).await;
    }
    reckon(&stage, &pool, &asked, &seen, &tally).await;
    tally.add("time: seconds", began.elapsed().as_secs());
    tally.print(&format!("campaign with seed {}", plan.seed));
    let broken = tally.all_broken();
    assert!(broken.is_empty(), "seed {}: {broken:#?}\nlogs are in {}", plan.seed, stage.folder.display());
    drop((processes, store, database));
    let _ = std::fs::remove_dir_all(&stage.folder);
}

/// A third of them have their welcome gems only and run out; the others were given more, free and bought.
async fn people(plan: &Plan, stage: &Stage, tally: &Arc<Tally>) -> Vec<Arc<Person>> {
    let pool = stage.sql().await;
    let mut people = Vec::new();
    for number in 0..plan.people {
        let person = Person::sign_in(&stage.places(), &format!("Campaigner {number}"), tally).await;
        if !is_poor(number) {
            give(&pool, person.id, plan.generations as i64).await;
        }
        people.push(Arc::new(person));
    }
    people
}

fn is_poor(number: u64) -> bool {
    number % 3 == 2
}

/// What a grant and a purchase would post.
pub async fn give(pool: &PgPool, person_id: Uuid, gems: i64) {
    let account: Uuid = sqlx::query_scalar("select account_id from account_links where person_id = $1")
        .bind(person_id)
        .fetch_one(pool)
        .await
        .expect("an account");
    let granted = "with row as (
           insert into gem_transfers (id, account_id, debit, credit, amount, kind, reference, created_at)
           values (gen_random_uuid(), $1, 'grants', 'free', $2, 'grant', gen_random_uuid(), now()) returning amount
         ) update gem_accounts set free = free + row.amount from row where id = $1";
    let bought = "with bought as (
           insert into purchases (id, account_id, idempotency_key, fingerprint, request_id, pack, gems, amount, currency,
             catalogue_version, status, credited_gems, parts, charged_amount, created_at, paid_at)
           values (gen_random_uuid(), $1, 'campaign', '', 'campaign', 'campaign', $2, 499, 'usd', 'campaign', 'paid', $2, 1,
             499, now(), now()) returning id
         ), row as (
           insert into gem_transfers (id, account_id, debit, credit, amount, kind, reference, part, created_at)
           select gen_random_uuid(), $1, 'sales', 'bought', $2, 'purchase', id, 1, now() from bought returning amount
         ) update gem_accounts set bought = bought + row.amount, purchased = purchased + row.amount from row where id = $1";
    for statement in [granted, bought] {
        sqlx::query(statement).bind(account).bind(gems).execute(pool).await.expect("gems");
    }
}

fn follow(person: &Arc<Person>, seen: &Seen, plan: &Plan) -> tokio::task::JoinHandle<()> {
    let chance = Chance::of(plan.seed, &format!("{} follows", person.name));
    tokio::spawn(Follower { person: Arc::clone(person), seen: Arc::clone(seen), chance }.run())
}

/// Everyone at once, each their share.
async fn ask(plan: &Plan, people: &[Arc<Person>]) -> Vec<Asked> {
    let share = plan.generations.div_ceil(plan.people);
    let pause = plan.length / u32::try_from(share).expect("a number");
    let makers = people.iter().enumerate().map(|(number, person)| {
        let maker =
            Maker { person: Arc::clone(person), is_poor: is_poor(number as u64), share, pause, seed: plan.seed };
        tokio::spawn(maker.run())
    });
    join_all(makers).await.into_iter().flat_map(|asked| asked.expect("a maker")).collect()
}

/// However quick people were.
async fn enough_blows(plan: &Plan, tally: &Tally) {
    let began = Instant::now();
    while tally.sum("blows: SIGKILL") < plan.kills || tally.sum("blows: PostgreSQL") < plan.restarts {
        assert!(began.elapsed() < Duration::from_secs(120), "chaos was too tame");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn drained(pool: &PgPool, tally: &Tally) {
    let began = Instant::now();
    loop {
        let left: i64 = sqlx::query_scalar("select count(*) from generations where status in ('queued', 'running')")
            .fetch_one(pool)
            .await
            .expect("a count");
        if left == 0 {
            return tally.add("time: seconds until the queue was empty", began.elapsed().as_secs());
        }
        if began.elapsed() > DRAIN_LIMIT {
            return tally.broken(format!("{left} generations did not end within {DRAIN_LIMIT:?}"));
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

async fn all_seen(pool: &PgPool, seen: &Seen) {
    let ids: Vec<Uuid> = sqlx::query_scalar("select id from generations").fetch_all(pool).await.expect("ids");
    let began = Instant::now();
    // What is missing then is told by the reckoning.
    while began.elapsed() < SEEN_LIMIT {
        let is_complete = {
            let seen = seen.lock().expect("what was seen");
            ids.iter().all(|id| seen.contains_key(id))
        };
        if is_complete {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Everyone lists exactly their own images, and nobody else's can be read.
async fn isolated(people: &[Arc<Person>], pool: &PgPool, tally: &Tally) {
    let mut chance = Chance::of(1, "isolation");
    let mut somebody_elses: Option<Uuid> = None;
    for person in people {
        let own: Vec<Uuid> = sqlx::query_scalar("select id from images where person_id = $1")
            .bind(person.id)
            .fetch_all(pool)
            .await
            .expect("ids");
        let mut listed: HashSet<Uuid> = HashSet::new();
        let mut cursor = Value::Null;
        loop {
            let more = cursor.as_str().map_or(String::new(), |cursor| format!("&cursor={cursor}"));
            let path = format!("/v1/images?limit=50{more}");
            let page = person.until_answered(Method::GET, &path, None, &Value::Null, &mut chance).await;
            let ids = page.body["data"].as_array().map_or(&[][..], Vec::as_slice);
            listed.extend(ids.iter().filter_map(|image| image["id"].as_str()?.parse::<Uuid>().ok()));
            cursor = page.body["next_cursor"].clone();
            if cursor.is_null() {
                break;
            }
        }
        if listed != own.iter().copied().collect() {
            tally.broken(format!("{} lists {} images and has {}", person.name, listed.len(), own.len()));
        }
        if let Some(other) = somebody_elses {
            let path = format!("/v1/images/{other}");
            let answer = person.until_answered(Method::GET, &path, None, &Value::Null, &mut chance).await;
            if answer.status != 404 {
                tally.broken(format!("{} reads somebody else's image ({})", person.name, answer.status));
            }
        }
        somebody_elses = own.first().copied().or(somebody_elses);
    }
}

async fn ended_well(chaos: &Chaos, process: &mut Process) {
    if let Some(status) = process.ended() {
        chaos.tally.broken(format!("{} ended by itself ({status}): {}", process.name, process.tail()));
    }
    chaos.stop(process).await;
    let log = process.logged();
    if let Some(line) = log.lines().find(|line| line.contains("panicked at")) {
        chaos.tally.broken(format!("{} panicked: {line}", process.name));
    }
    // A connection went back to the pool in the middle of a transaction: what is written on it next may be lost.
    let leaked = log.lines().filter(|line| line.contains("already a transaction in progress")).count();
    if leaked > 0 {
        chaos.tally.broken(format!("{}: {leaked} transactions leaked into the pool", process.name));
    }
    for line in log.lines().filter(|line| line.contains("\"level\":\"ERROR\"")) {
        let entry: Value = serde_json::from_str(line).unwrap_or_default();
        let message = entry["fields"]["message"].as_str().unwrap_or("an error without a message");
        chaos.tally.one(format!("errors in the logs: {}", message.chars().take(60).collect::<String>()));
    }
}

async fn reckon(stage: &Stage, pool: &PgPool, asked: &[Asked], seen: &Seen, tally: &Tally) {
    let seen: HashMap<Uuid, String> = seen.lock().expect("what was seen").clone();
    truth::rules(pool, tally).await;
    truth::promises(pool, asked, &seen, tally).await;
    truth::count(pool, tally).await;
    let bucket = Bucket::of(stage);
    bucket.sweep(stage, pool, tally).await;
    bucket.check_images(pool, tally).await;
}
