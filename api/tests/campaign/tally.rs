//! What happened, counted by name, and what must not happen, in sentences. Prints the table at the end.
use std::collections::BTreeMap;
use std::sync::Mutex;

#[derive(Default)]
pub struct Tally {
    counts: Mutex<BTreeMap<String, u64>>,
    broken: Mutex<Vec<String>>,
}

impl Tally {
    pub fn add(&self, what: impl Into<String>, by: u64) {
        *self.counts.lock().expect("counts").entry(what.into()).or_default() += by;
    }

    pub fn one(&self, what: impl Into<String>) {
        self.add(what, 1);
    }

    /// All whose name begins like this.
    pub fn sum(&self, opening: &str) -> u64 {
        let counts = self.counts.lock().expect("counts");
        counts.iter().filter(|(name, _)| name.starts_with(opening)).map(|(_, count)| count).sum()
    }

    /// A promise that was not kept.
    pub fn broken(&self, sentence: impl Into<String>) {
        let sentence = sentence.into();
        eprintln!("BROKEN: {sentence}");
        self.broken.lock().expect("sentences").push(sentence);
    }

    pub fn all_broken(&self) -> Vec<String> {
        self.broken.lock().expect("sentences").clone()
    }

    /// `group: name` in two columns, a group a paragraph.
    pub fn print(&self, title: &str) {
        println!("\n{title}");
        let mut last = String::new();
        for (name, count) in self.counts.lock().expect("counts").iter() {
            let (group, name) = name.split_once(": ").unwrap_or(("", name));
            if group != last {
                println!("  {group}");
                last = group.to_owned();
            }
            println!("    {name:<44}{count:>8}");
        }
        let broken = self.all_broken();
        println!("  promises broken{:>39}", broken.len());
        for sentence in broken.iter().take(40) {
            println!("    {sentence}");
        }
    }
}
