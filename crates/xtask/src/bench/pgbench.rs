//! PostgreSQL's own benchmark as the reference: the same transaction without anything of ours around it.
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::CONNECTIONS;
use crate::failure::{Failure, OnPath, Result, said};
use crate::process;
use crate::tools::on_path;

/// The contended row of TPC-B is the branch: as many as there are connections, as pgbench's manual wants it.
const SCALE: usize = 16;
const TPC_B: &str = "bench_tpc_b";

pub struct Pgbench {
    program: PathBuf,
    url: String,
    folder: PathBuf,
}

impl Pgbench {
    /// Beside PostgreSQL's other programs, or on PATH; distributions put it into a package of its own now and then.
    pub fn find(binaries: &Path, url: &str, folder: &Path) -> std::result::Result<Self, String> {
        let mut candidates = std::iter::once(binaries.join("pgbench")).chain(on_path("pgbench"));
        match candidates.find(|program| program.is_file()) {
            Some(program) => Ok(Self { program, url: url.to_owned(), folder: folder.to_path_buf() }),
            None => Err(format!(
                "pgbench is missing from {} and from PATH (packages: postgresql-contrib, postgresql): not judged.",
                binaries.display()
            )),
        }
    }

    /// Transactions a second of a script that people run under row-level security.
    pub fn of_people(&self, script: &str, time: Duration) -> Result<f64> {
        let path = self.folder.join("people.pgbench");
        std::fs::write(&path, script).on("write", &path)?;
        let mut run = self.run(time);
        run.arg("--no-vacuum").arg("--file").arg(&path).arg(&self.url).env("PGOPTIONS", "-c role=lapidary_person");
        tps(&process::capture(&mut run)?)
    }

    /// Anew for each part that asks.
    pub fn prepare_tpc_b(&self) -> Result<()> {
        let mut make = Command::new(self.program.with_file_name("psql"));
        make.args(["--no-psqlrc", "--quiet", "--dbname", &self.url]);
        make.args(["--command", &format!("drop database if exists {TPC_B}")]);
        process::capture(make.args(["--command", &format!("create database {TPC_B}")]))?;
        let mut fill = Command::new(&self.program);
        fill.args(["--initialize", "--quiet", "--scale", &SCALE.to_string()]).arg(self.tpc_b_url()?);
        process::capture(&mut fill).map(drop)
    }

    /// Transactions a second of the classic one: three updates, a select and an insert.
    pub fn tpc_b(&self, time: Duration) -> Result<f64> {
        let url = self.tpc_b_url()?;
        tps(&process::capture(self.run(time).arg(url))?)
    }

    fn tpc_b_url(&self) -> Result<String> {
        match self.url.rsplit_once('/') {
            Some((server, _)) => Ok(format!("{server}/{TPC_B}")),
            None => said("The database's URL names no database."),
        }
    }

    fn run(&self, time: Duration) -> Command {
        let mut run = Command::new(&self.program);
        let (clients, seconds) = (CONNECTIONS.to_string(), time.as_secs().max(1).to_string());
        run.args(["--protocol", "prepared", "--client", &clients, "--jobs", "2", "--time", &seconds]);
        run
    }
}

fn tps(said_by_pgbench: &str) -> Result<f64> {
    if let Some(failed) = said_by_pgbench.lines().find_map(|line| line.strip_prefix("number of failed transactions: "))
        && !failed.starts_with("0 ")
    {
        return said(format!("pgbench failed in {failed} transactions."));
    }
    let found = said_by_pgbench.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    found.ok_or_else(|| Failure::Said(format!("pgbench said no tps:\n{said_by_pgbench}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_read_and_failures_are_no_rate() {
        let output = "number of failed transactions: 0 (0.000%)\ntps = 5123.45 (without initial connection time)\n";
        assert_eq!(tps(output).unwrap(), 5123.45);
        assert!(tps(&output.replace(": 0 (", ": 3 (")).unwrap_err().to_string().contains("3 (0.000%)"));
        assert!(tps("").is_err());
    }
}
