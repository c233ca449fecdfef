//! What the language model says: sections of attributes in the prompt's script, with its words, and none that it was told
//! to avoid. Knows only what a model would read.
use serde_json::{Value, json};

use super::ask::{Ask, Format};
use super::lexicon::{Lexicon, of_script};
use super::schema;

/// As many as the instructions of such requests ask for, with some to spare.
const SECTIONS: usize = 4;
const VALUES: usize = 12;
/// Of them so many carry a word of the prompt.
const WITH_WORDS: usize = 4;
const WORD_MAX: usize = 18;

/// What it says, as JSON.
pub fn say(ask: &Ask) -> Value {
    match &ask.format {
        Format::Schema(schema) if schema["properties"].get("sections").is_none() => schema::least(schema),
        _ => suggestion(&ask.words),
    }
}

fn suggestion(said: &str) -> Value {
    let material: Value = serde_json::from_str(said).unwrap_or_default();
    let prompt = material["prompt"].as_str().unwrap_or(said);
    let texts = |name: &str| -> Vec<String> {
        material[name].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_lowercase).collect()
    };
    let (avoid, picked) = (texts("avoid_sections"), texts("avoid_values"));
    let lexicon = of_script(prompt);
    let words = words(prompt, &lexicon);
    let seed = seed(prompt);
    let mut names: Vec<(String, usize)> = Vec::new();
    // When all of its own sections are used up, the prompt's words give it new ones.
    for round in 0..=words.len() {
        for step in 0..lexicon.sections.len() {
            let at = (seed + step) % lexicon.sections.len();
            let own = lexicon.sections[at].0;
            let name = if round == 0 { own.to_owned() } else { format!("{}: {own}", words[round - 1]) };
            if names.len() < SECTIONS && !avoid.contains(&name.to_lowercase()) {
                names.push((name, at));
            }
        }
    }
    let sections: Vec<Value> = names
        .iter()
        .enumerate()
        .map(|(nth, (name, at))| json!({"name": name, "values": values(&lexicon, *at, &words, seed + nth, &picked)}))
        .collect();
    json!({"sections": sections})
}

fn values(lexicon: &Lexicon, at: usize, words: &[String], turn: usize, picked: &[String]) -> Vec<String> {
    let own = &lexicon.sections[at].1;
    let joined = own.iter().take(WITH_WORDS).enumerate().filter(|_| !words.is_empty()).map(|(nth, value)| {
        let word = &words[(turn + nth) % words.len()];
        lexicon.join.replace("{value}", value).replace("{word}", word)
    });
    let plain = own.iter().map(|value| (*value).to_owned());
    let all: Vec<String> = joined.chain(plain).filter(|value| !picked.contains(&value.to_lowercase())).collect();
    let start = turn % all.len().max(1);
    all.iter().cycle().skip(start).take(VALUES.min(all.len())).cloned().collect()
}

/// Of the prompt, without the little ones.
fn words(prompt: &str, lexicon: &Lexicon) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for run in prompt.split(|letter: char| !letter.is_alphanumeric() && !is_mark(letter)) {
        // Where words are written together, a few signs stand for one.
        let word: String = run.chars().take(if lexicon.is_spaced { WORD_MAX } else { 3 }).collect();
        let word = word.to_lowercase();
        let least = if lexicon.is_spaced { 4 } else { 1 };
        if word.chars().count() >= least && !words.contains(&word) {
            words.push(word);
        }
    }
    words.truncate(6);
    words
}

/// Vowel signs are no letters to Unicode, and no ends of words to anybody.
fn is_mark(letter: char) -> bool {
    matches!(letter, '\u{300}'..='\u{36f}' | '\u{64b}'..='\u{65f}' | '\u{900}'..='\u{903}' | '\u{93a}'..='\u{94f}' | '\u{e31}'..='\u{e4e}')
}

/// FNV-1a: the same on every machine.
fn seed(text: &str) -> usize {
    let hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    (hash % 1009) as usize
}
