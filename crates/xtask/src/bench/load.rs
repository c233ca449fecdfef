//! Many connections asking as fast as they are answered. One wrong answer ends the run: what fails is not fast.
use std::sync::Barrier;
use std::time::{Duration, Instant};

use super::http::Connection;
use crate::failure::{Failure, Result};
use crate::process;

/// xorshift: which person, not who must not guess it.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: usize) -> Self {
        Self((seed as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % end.max(1)
    }
}

/// What was done, and how many of it a second.
#[derive(Clone, Copy, Default)]
pub struct Pace {
    pub done: u64,
    pub rate: f64,
}

/// `write` puts the next request of a connection into an empty buffer.
pub fn run(
    port: u16,
    connections: usize,
    time: Duration,
    expected: u16,
    write: impl Fn(&mut Dice, &mut Vec<u8>) + Sync,
) -> Result<Pace> {
    let gate = Barrier::new(connections);
    let one = |index: usize| -> std::io::Result<(u64, f64)> {
        let opened = Connection::open(port);
        gate.wait();
        let (mut connection, mut dice) = (opened?, Dice::new(index));
        let (mut request, mut answered, started) = (Vec::new(), 0, Instant::now());
        while started.elapsed() < time && !process::is_interrupted() {
            request.clear();
            write(&mut dice, &mut request);
            let answer = connection.ask(&request)?;
            if answer.status != expected {
                let text = format!("status {}: {}", answer.status, answer.text());
                return Err(std::io::Error::other(text));
            }
            answered += 1;
        }
        Ok((answered, started.elapsed().as_secs_f64()))
    };
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..connections).map(|index| scope.spawn(move || one(index))).collect();
        running.into_iter().map(|thread| thread.join()).collect()
    });
    if process::is_interrupted() {
        return Err(Failure::Interrupted);
    }
    let mut pace = Pace::default();
    for outcome in outcomes {
        match outcome {
            Ok(Ok((answered, seconds))) => {
                pace.done += answered;
                pace.rate += answered as f64 / seconds;
            }
            Ok(Err(error)) => return Err(Failure::Said(format!("A connection of the load failed: {error}."))),
            Err(_) => return Err(Failure::Said("A connection of the load panicked.".into())),
        }
    }
    Ok(pace)
}
