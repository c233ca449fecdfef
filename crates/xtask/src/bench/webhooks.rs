//! Paid purchases whose webhooks come all at once, beside pgbench's TPC-B: from the first delivery to the last credit, both
//! durable, at the same concurrency, on the same server. The sandbox signs the deliveries; its own pace does not count.
use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::http::{self, Connection};
use super::load::Pace;
use super::reads::{in_turns, rounds};
use super::stage::Stage;
use super::table::{Row, median};
use super::{CONNECTIONS, people};
use crate::failure::{Failure, Result, said};
use crate::process;
use crate::say::Step;

const DROPPED: &str = r#"{"vendor":"stripe","kind":"webhook_dropped","times":0}"#;
const JSON: &str = "Content-Type: application/json";

pub fn measure(stage: &mut Stage, step: &mut Step, quick: bool) -> Result<Vec<Row>> {
    // Of a round; no more than there are people, so that each is another's.
    let each = if quick { 150 } else { 600 };
    stage.serve(&[("WORKER_SLOTS", "0")])?;
    if let Ok(pgbench) = &stage.pgbench {
        step.progress("filling the tables of TPC-B");
        pgbench.prepare_tpc_b()?;
    }
    // One round more, to warm up.
    let count = each * (rounds(quick).0 + 1);
    step.progress(&format!("buying {count} times"));
    let letters = letters(stage, &buy(stage, count)?)?;
    let (next, vendors_micros) = (Cell::new(0), RefCell::new(Vec::new()));
    let ours = |_: Duration| -> Result<Pace> {
        let from = next.replace(next.get() + each);
        let before = stage.vendors_cpu()?;
        let pace = deliver(stage, &letters[from..from + each])?;
        vendors_micros.borrow_mut().push((stage.vendors_cpu()? - before) * 1e6 / each as f64);
        Ok(pace)
    };
    ours(Duration::ZERO)?;
    let found = in_turns(step, quick, &stage.pgbench, ours, |pgbench, time| pgbench.tpc_b(time), || stage.cpu())?;
    prove(stage, count)?;
    let mut row = found.filled_in(Row::without_budget("webhooks, gems credited", "req/s"), "TPC-B");
    let vendor = median(vendors_micros.into_inner().get(1..).unwrap_or_default());
    row.note.push_str(&format!(
        "; {each} of different people a round, {CONNECTIONS} at a time; each makes the server first read session, refunds \
         and disputes from the vendor (3 calls), which takes the sandbox {vendor:.0} µs CPU of this machine"
    ));
    Ok(vec![row])
}

/// Begins so many purchases, of which the sandbox will tell us nothing; answers their sessions.
fn buy(stage: &Stage, count: usize) -> Result<Vec<String>> {
    stage.only_fault(DROPPED)?;
    let (people, body) = (people::authorizations(stage)?, r#"{"pack":"pouch"}"#);
    together(stage.port, count, |connection, index| {
        let (person, key) = (&people[index % people.len()], format!("Idempotency-Key: bench-{index}"));
        let request = http::request("POST", "/v1/checkouts", &[person, JSON, &key], body);
        let text = ask(connection, &request, 201)?;
        let session = http::member(&text, "url").and_then(session_of).map(str::to_owned);
        session.ok_or_else(|| std::io::Error::other(format!("no payment page: {text}")))
    })
}

/// Of the address of its payment page.
fn session_of(url: &str) -> Option<&str> {
    let name = url.rsplit('/').next()?.split(['?', '#']).next()?;
    name.starts_with("cs_").then_some(name)
}

/// Pays each session; answers the requests that tell of it. Their signatures are good for five minutes, and all of this takes
/// one.
fn letters(stage: &Stage, sessions: &[String]) -> Result<Vec<Vec<u8>>> {
    together(stage.port_of("stripe_url")?, sessions.len(), |connection, index| {
        let act = format!(r#"{{"act":"pay","id":"{}"}}"#, sessions[index]);
        ask(connection, &http::request("POST", "/_control/acts", &[JSON], &act), 200)?;
        let path = format!("/_control/letters/{}", sessions[index]);
        let text = ask(connection, &http::request("GET", &path, &[], ""), 200)?;
        delivery(&text).ok_or_else(|| std::io::Error::other(format!("no letter of a completed session: {text}")))
    })
}

/// The signature stands on the first line, the body after it.
fn delivery(letter: &str) -> Option<Vec<u8>> {
    let (signature, body) = letter.split_once('\n')?;
    let header = format!("Stripe-Signature: {signature}");
    let is_wanted = body.contains(r#""checkout.session.completed""#);
    is_wanted.then(|| http::request("POST", "/v1/stripe/webhook", &[JSON, &header], body))
}

fn deliver(stage: &Stage, letters: &[Vec<u8>]) -> Result<Pace> {
    let began = Instant::now();
    // Answered when committed, and not before.
    together(stage.port, letters.len(), |connection, index| ask(connection, &letters[index], 200).map(drop))?;
    Ok(Pace { done: letters.len() as u64, rate: letters.len() as f64 / began.elapsed().as_secs_f64() })
}

/// What was fast must also be right: every purchase is paid and credited by one transfer, from one event that we delivered,
/// and no balance is anything but the sum of its rows.
fn prove(stage: &Stage, count: usize) -> Result<()> {
    let found = stage.psql(
        "with credits as (
           select reference, account_id, count(*) as transfers, sum(amount) as gems
           from gem_transfers where kind = 'purchase' group by reference, account_id
         ), sums as (
           select account_id,
             sum(case when credit = 'free' then amount when debit = 'free' then -amount else 0 end) as free,
             sum(case when credit = 'bought' then amount when debit = 'bought' then -amount else 0 end) as bought,
             sum(case when debit = 'sales' then amount when credit = 'sales' then -amount else 0 end) as purchased
           from gem_transfers group by account_id
         )
         select (select count(*) from purchases),
           (select count(*) from purchases p join credits c on c.reference = p.id and c.account_id = p.account_id
            where p.status = 'paid' and p.credited_gems = p.gems and p.clawed_back_gems = 0 and p.trouble is null
              and c.transfers = 1 and c.gems = p.gems),
           (select count(*) from credits),
           (select count(distinct purchase_id) from payment_events
            where kind = 'checkout.session.completed' and heard_by = 'webhook'),
           (select count(*) from payment_events),
           (select count(*) from gem_accounts a left join sums s on s.account_id = a.id
            where (a.free, a.bought, a.purchased)
              is distinct from (coalesce(s.free, 0), coalesce(s.bought, 0), coalesce(s.purchased, 0)))",
    )?;
    if found.trim() == format!("{count}|{count}|{count}|{count}|{count}|0") {
        return Ok(());
    }
    said(format!(
        "The gems of {count} purchases do not add up. Purchases, credited rightly, credits, purchases told, events, wrong \
         balances: {}.",
        found.trim()
    ))
}

/// Does `one` so many times, in the order of their numbers, over as many connections as everything is measured with.
fn together<T: Send>(
    port: u16,
    count: usize,
    one: impl Fn(&mut Connection, usize) -> std::io::Result<T> + Sync,
) -> Result<Vec<T>> {
    let next = AtomicUsize::new(0);
    let some = || -> std::io::Result<Vec<(usize, T)>> {
        let (mut connection, mut done) = (Connection::open(port)?, Vec::new());
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= count || process::is_interrupted() {
                return Ok(done);
            }
            done.push((index, one(&mut connection, index)?));
        }
    };
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(some)).collect();
        running.into_iter().map(|thread| thread.join()).collect()
    });
    if process::is_interrupted() {
        return Err(Failure::Interrupted);
    }
    let mut all = Vec::new();
    for outcome in outcomes {
        match outcome {
            Ok(Ok(done)) => all.extend(done),
            Ok(Err(error)) => return said(format!("A purchase or its webhook failed: {error}.")),
            Err(_) => return said("A connection of the purchases panicked."),
        }
    }
    all.sort_by_key(|(index, _)| *index);
    Ok(all.into_iter().map(|(_, done)| done).collect())
}

/// Its text, when it is answered as it must be.
fn ask(connection: &mut Connection, request: &[u8], status: u16) -> std::io::Result<String> {
    let answer = connection.ask(request)?;
    if answer.status == status {
        Ok(answer.text())
    } else {
        Err(std::io::Error::other(format!("status {}: {}", answer.status, answer.text())))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{Ipv4Addr, TcpListener};

    use super::*;

    #[test]
    fn the_session_is_read_from_the_address_of_its_page() {
        assert_eq!(session_of("http://127.0.0.1:7006/c/pay/cs_test_a1B2#fid"), Some("cs_test_a1B2"));
        assert_eq!(session_of("http://127.0.0.1:7006/c/pay/"), None);
    }

    #[test]
    fn a_letter_is_delivered_byte_for_byte_and_only_of_completed_sessions() {
        let body = "{\n  \"type\": \"checkout.session.completed\"\n}";
        let request = String::from_utf8(delivery(&format!("t=1,v1=ab\n{body}")).unwrap()).unwrap();
        assert!(request.starts_with("POST /v1/stripe/webhook ") && request.ends_with(&format!("\r\n\r\n{body}")));
        assert!(request.contains("\r\nStripe-Signature: t=1,v1=ab\r\n"));
        assert!(request.contains(&format!("\r\nContent-Length: {}\r\n", body.len())));
        assert!(delivery("t=1,v1=ab\n{\"type\": \"charge.succeeded\"}").is_none());
        assert!(delivery("nothing").is_none());
    }

    /// Answers each request by what it asked for, or by this status.
    fn server(status: &'static str) -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                std::thread::spawn(move || {
                    let mut asked = [0; 4096];
                    while let Ok(read @ 1..) = stream.read(&mut asked) {
                        let text = String::from_utf8_lossy(&asked[..read]).into_owned();
                        let path = text.split(' ').nth(1).unwrap();
                        let length = path.len();
                        write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{path}").unwrap();
                    }
                });
            }
        });
        port
    }

    #[test]
    fn everything_is_done_once_and_answered_in_order_and_one_failure_is_a_failure() {
        let one = |connection: &mut Connection, index: usize| {
            ask(connection, &http::request("GET", &format!("/{index}"), &[], ""), 200)
        };
        let wanted: Vec<String> = (0..100).map(|index| format!("/{index}")).collect();
        assert_eq!(together(server("200 OK"), 100, one).unwrap(), wanted);
        let failure = together(server("503 Busy"), 100, one).unwrap_err().to_string();
        assert!(failure.contains("status 503: /"), "{failure}");
    }
}
