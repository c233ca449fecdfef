//! `cargo xtask`: what a person or a CI asks of this repository. Builds and starts programs; imports none of ours and
//! holds no logic the product needs.
mod arguments;
mod bench;
mod bundle;
mod campaign;
mod cargo;
mod demo;
mod failure;
mod index;
mod lean;
mod linked;
mod logs;
mod openapi;
mod page;
mod prepare;
mod process;
mod say;
mod sdks;
mod server;
mod settings;
mod test;
mod tidy;
mod tools;
mod weight;

use std::process::ExitCode;

use arguments::Arguments;
use failure::{Failure, Result, said};

const HELP: &str = "\
cargo xtask demo      start Lapidary with every vendor on this machine; Ctrl-C stops it
                        --port N      the port of API and page (8080)
                        --data DIR    where its data stays between starts (.sandbox)
                        --fresh       start over with empty data
                        --release     a release build: slower to make, faster to use
cargo xtask test      everything that proves this repository
                        FILTER        only the tests whose name contains it
                        --with-sdks   also the sandbox and the API against other people's clients
cargo xtask logs      search what tests logged for what is private, once more
                        FOLDER        where they logged to (target/test-logs): LAPIDARY_TEST_LOGS of a run by hand
cargo xtask bench     the budgets of speed, memory and weight, each beside its reference, as a table
                        --only NAME   start, memory, me, gems, time, cpu, submit, gallery, page; several by commas
                        --quick       fewer rounds
                        --json        the same for programs
cargo xtask campaign  a thousand generations while processes, database, store and vendors fail; then all is counted
                        --seed N         again what another campaign did (a new one)
                        --generations N  how many are asked for (1000)
                        --minutes M      over which they are spread (8)
cargo xtask soak      one server under steady load: memory, descriptors, connections must stay flat
                        --minutes M   for how long (30)
                        --debug       the debug build instead of a release build
cargo xtask page      build the page into web/dist and say what it weighs
cargo xtask tidy      the rules of the house: walls, lengths, names, colours, bans
cargo xtask prepare   refresh .sqlx from the migrations; --check only says whether it is fresh
                        --database URL  ask this empty database instead of starting one
cargo xtask openapi   refresh openapi.yaml from the API; --check only says whether it is fresh

Tools that are missing are fetched into LAPIDARY_TOOLS (the user's cache folder, lapidary/tools).";

fn main() -> ExitCode {
    match process::listen_for_signals().and_then(|()| run()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Interrupted) => {
            eprintln!("Stopped.");
            ExitCode::from(130)
        }
        Err(Failure::Said(sentence)) => {
            eprintln!("{sentence}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let mut words = std::env::args().skip(1);
    let command = words.next().unwrap_or_default();
    let mut given = Arguments::new(words);
    if given.flag("--help") || given.flag("-h") {
        println!("{HELP}");
        return Ok(());
    }
    match command.as_str() {
        "demo" => demo::run(given),
        "test" => test::run(given),
        "logs" => logs::run(given),
        "bench" => bench::run(given),
        "campaign" => campaign::campaign(given),
        "soak" => campaign::soak(given),
        "page" => page::run(given),
        "tidy" => tidy::run(given),
        "prepare" => prepare::run(given),
        "openapi" => openapi::run(given),
        "" | "help" | "--help" | "-h" => {
            println!("{HELP}");
            Ok(())
        }
        other => said(format!("There is no `cargo xtask {other}`.\n\n{HELP}")),
    }
}
