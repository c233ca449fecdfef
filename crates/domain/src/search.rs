//! Cuts prompts, attributes and searches into tokens, the same way: whole words, and pairs of neighbouring characters where
//! a script puts no spaces. Never knows a language: what was written is what is found.
mod letters;

use std::collections::BTreeSet;

use self::letters::{Class, class, fold};
use crate::attribute::Attribute;

/// Tokens of one image; a prompt of 4,000 characters without spaces has more, and its end is not searched.
pub const TOKENS_MAX: usize = 2_000;
/// Characters of a word that count.
const WORD_MAX: usize = 40;
/// What a token is of is its first letter.
const WORD: char = 'w';
const ATTRIBUTE: char = 'a';
const MODEL: char = 'm';
const QUALITY: char = 'q';

/// What an image must have to be found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    pub words: Vec<String>,
    /// Of words.
    pub beginnings: Vec<String>,
}

/// All tokens of an image, what it is of before what it says.
pub fn tokens(prompt: &str, attributes: &[Attribute], model_id: &str, quality_name: &str) -> Vec<String> {
    let mut tokens = BTreeSet::from([model(model_id), quality(quality_name)]);
    tokens.extend(attributes.iter().map(|chosen| attribute(&format!("{}:{}", chosen.section, chosen.value))));
    let texts = attributes.iter().flat_map(|chosen| [chosen.section.as_str(), chosen.value.as_str()]);
    for piece in texts.chain([prompt]).flat_map(pieces) {
        for word in piece.tokens() {
            if tokens.len() >= TOKENS_MAX {
                return tokens.into_iter().collect();
            }
            tokens.insert(word);
        }
    }
    tokens.into_iter().collect()
}

/// Of `section:value`, exactly as they are written.
pub fn attribute(section_and_value: &str) -> String {
    format!("{ATTRIBUTE}{section_and_value}")
}

pub fn model(id: &str) -> String {
    format!("{MODEL}{id}")
}

pub fn quality(name: &str) -> String {
    format!("{QUALITY}{name}")
}

/// What a person typed: all of its words, the last one perhaps not to its end. Nothing that could be searched for finds
/// nothing.
pub fn asked(text: &str) -> Asked {
    let pieces = pieces(text);
    let last = pieces.len().saturating_sub(1);
    let mut asked = Asked::default();
    for (index, piece) in pieces.iter().enumerate() {
        match piece {
            Piece::Word(word) if index == last => asked.beginnings.push(token(word)),
            Piece::Word(word) => asked.words.push(token(word)),
            Piece::Sign(sign) => asked.words.push(token(&sign.to_string())),
            Piece::Run(run) => match run.as_slice() {
                // Alone it is the beginning of a pair, or the end of a run.
                [only] => asked.beginnings.push(token(&only.to_string())),
                more => asked.words.extend(pairs(more)),
            },
        }
    }
    if pieces.is_empty() {
        asked.words.push(token(""));
    }
    for list in [&mut asked.words, &mut asked.beginnings] {
        list.sort();
        list.dedup();
    }
    asked
}

fn token(word: &str) -> String {
    format!("{WORD}{word}")
}

fn pairs(run: &[char]) -> impl Iterator<Item = String> {
    run.windows(2).map(|pair| token(&pair.iter().collect::<String>()))
}

/// What stands by itself in a text.
enum Piece {
    Word(String),
    /// An emoji.
    Sign(char),
    /// Characters without spaces between words.
    Run(Vec<char>),
}

impl Piece {
    fn tokens(&self) -> Vec<String> {
        match self {
            Self::Word(word) => vec![token(word)],
            Self::Sign(sign) => vec![token(&sign.to_string())],
            // The last one begins no pair.
            Self::Run(run) => pairs(run).chain(run.last().map(|last| token(&last.to_string()))).collect(),
        }
    }
}

fn pieces(text: &str) -> Vec<Piece> {
    let (mut pieces, mut word, mut run) = (Vec::new(), String::new(), Vec::new());
    for letter in fold(text) {
        let class = class(letter);
        if class != Class::Letter {
            end_word(&mut word, &mut pieces);
        }
        if class != Class::Unspaced && !run.is_empty() {
            pieces.push(Piece::Run(std::mem::take(&mut run)));
        }
        match class {
            Class::Letter => word.push(letter),
            Class::Unspaced => run.push(letter),
            Class::Sign => pieces.push(Piece::Sign(letter)),
            Class::Between => {}
        }
    }
    end_word(&mut word, &mut pieces);
    if !run.is_empty() {
        pieces.push(Piece::Run(run));
    }
    pieces
}

fn end_word(word: &mut String, pieces: &mut Vec<Piece>) {
    if !word.is_empty() {
        pieces.push(Piece::Word(word.chars().take(WORD_MAX).collect()));
        word.clear();
    }
}
