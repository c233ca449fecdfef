//! What processes have used so far, read from /proc: processor seconds and memory. Only Linux tells.
use std::collections::BTreeSet;
use std::path::Path;

use crate::failure::{OnPath, Result, said};

/// Clock ticks a second; Linux has answered 100 to every program for decades.
const TICKS: f64 = 100.0;

struct Stat {
    name: String,
    parent: u32,
    /// Of itself and, second, of ended children that it waited for.
    ticks: (f64, f64),
}

fn stat(pid: u32) -> Option<Stat> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in brackets and may hold spaces and brackets.
    let (start, end) = (text.find('(')?, text.rfind(')')?);
    let fields: Vec<&str> = text.get(end + 2..)?.split(' ').collect();
    let number = |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok());
    Some(Stat {
        name: text.get(start + 1..end)?.to_owned(),
        parent: fields.get(1)?.parse().ok()?,
        ticks: (number(11)? + number(12)?, number(13)? + number(14)?),
    })
}

/// Processor seconds of one process, all its threads.
pub fn seconds(pid: u32) -> Result<f64> {
    match stat(pid) {
        Some(stat) => Ok(stat.ticks.0 / TICKS),
        None => said(format!("/proc/{pid}/stat cannot be read: processor time can be measured on Linux only.")),
    }
}

/// Processor seconds of every process of this name below `ancestor`, those that ended included.
pub fn seconds_below(ancestor: u32, name: &str) -> f64 {
    let of_name = |pid: &u32| stat(*pid).filter(|stat| stat.name == name);
    below(ancestor).iter().filter_map(of_name).map(|stat| (stat.ticks.0 + stat.ticks.1) / TICKS).sum()
}

/// The process of this name below `ancestor`.
pub fn find(ancestor: u32, name: &str) -> Result<u32> {
    match below(ancestor).into_iter().find(|pid| stat(*pid).is_some_and(|stat| stat.name == name)) {
        Some(pid) => Ok(pid),
        None => said(format!("No {name} runs below process {ancestor}.")),
    }
}

fn below(ancestor: u32) -> BTreeSet<u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let parents: Vec<(u32, u32)> = pids.filter_map(|pid| Some((pid, stat(pid)?.parent))).collect();
    let mut found = BTreeSet::from([ancestor]);
    loop {
        let children: Vec<u32> = parents
            .iter()
            .filter(|(pid, parent)| found.contains(parent) && !found.contains(pid))
            .map(|(pid, _)| *pid)
            .collect();
        if children.is_empty() {
            return found;
        }
        found.extend(children);
    }
}

/// Megabytes that a process holds now (`VmRSS`), or held at most (`VmHWM`).
pub fn memory(pid: u32, which: &str) -> Result<f64> {
    let path = format!("/proc/{pid}/status");
    let text = std::fs::read_to_string(&path).on("read", Path::new(&path))?;
    let line = text.lines().find_map(|line| line.strip_prefix(which)?.strip_prefix(':'));
    match line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<f64>().ok()) {
        Some(kibibytes) => Ok(kibibytes * 1_024.0 / 1_000_000.0),
        None => said(format!("{path} does not say {which}.")),
    }
}

/// Of the whole machine.
pub fn memory_megabytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    Some(line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()? / 1_024)
}

/// Of the last minute: how busy everybody keeps this machine.
pub fn load_average() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or("unknown").to_owned()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn work_and_memory_of_this_process_are_seen() {
        let me = std::process::id();
        let before = seconds(me).unwrap();
        let mut sum = 0_u64;
        while seconds(me).unwrap() < before + 0.05 {
            sum = sum.wrapping_add((0..10_000_u64).sum());
        }
        assert!(sum > 0 && memory(me, "VmRSS").unwrap() > 1.0);
        assert!(memory_megabytes().is_some_and(|megabytes| megabytes > 100));
        assert!(memory(me, "VmHWM").unwrap() >= memory(me, "VmRSS").unwrap() * 0.5);
    }

    #[test]
    fn a_child_is_found_by_its_name() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let found = find(std::process::id(), "sleep");
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(found.unwrap(), child.id());
        assert!(find(std::process::id(), "no such name").is_err());
    }
}
