//! Rust source as the rules want it: code without comments and strings, and the strings by themselves. Not a parser.
pub struct RustText {
    /// The source with comments and the insides of literals as blanks; every line stays where it was.
    pub code: String,
    /// What string literals say, with the line they begin on (from 1).
    pub strings: Vec<(usize, String)>,
}

impl RustText {
    pub fn read(text: &str) -> Self {
        let mut reader =
            Reader { letters: text.chars().collect(), at: 0, line: 1, code: String::new(), strings: Vec::new() };
        while reader.at < reader.letters.len() {
            reader.step();
        }
        Self { code: reader.code, strings: reader.strings }
    }
}

struct Reader {
    letters: Vec<char>,
    at: usize,
    line: usize,
    code: String,
    strings: Vec<(usize, String)>,
}

impl Reader {
    fn peek(&self, ahead: usize) -> char {
        self.letters.get(self.at + ahead).copied().unwrap_or('\0')
    }

    fn step(&mut self) {
        match (self.peek(0), self.peek(1)) {
            ('/', '/') => {
                while self.at < self.letters.len() && self.peek(0) != '\n' {
                    self.blank();
                }
            }
            ('/', '*') => self.block_comment(),
            ('"', _) => self.string(),
            ('r', '"' | '#') if self.opens_raw() => self.raw_string(),
            ('\'', '\\') => self.escaped_letter(),
            ('\'', _) if self.peek(2) == '\'' => {
                for _ in 0..3 {
                    self.blank();
                }
            }
            _ => self.keep(),
        }
    }

    fn keep(&mut self) {
        let letter = self.peek(0);
        self.line += usize::from(letter == '\n');
        self.code.push(letter);
        self.at += 1;
    }

    fn blank(&mut self) {
        let letter = self.peek(0);
        self.line += usize::from(letter == '\n');
        self.code.push(if letter == '\n' { '\n' } else { ' ' });
        self.at += 1;
    }

    fn block_comment(&mut self) {
        let mut depth = 0;
        while self.at < self.letters.len() {
            match (self.peek(0), self.peek(1)) {
                ('/', '*') => {
                    depth += 1;
                    self.blank();
                }
                ('*', '/') => {
                    depth -= 1;
                    self.blank();
                }
                _ => {}
            }
            self.blank();
            if depth == 0 {
                return;
            }
        }
    }

    fn string(&mut self) {
        let line = self.line;
        let mut said = String::new();
        self.keep();
        while self.at < self.letters.len() && self.peek(0) != '"' {
            if self.peek(0) == '\\' {
                self.blank();
            }
            said.push(self.peek(0));
            self.blank();
        }
        self.keep();
        self.strings.push((line, said));
    }

    fn opens_raw(&self) -> bool {
        let before =
            |back: usize| self.at.checked_sub(back).and_then(|at| self.letters.get(at)).copied().unwrap_or(' ');
        let is_name = |letter: char| letter.is_alphanumeric() || letter == '_';
        let starts_word = !is_name(before(1)) || (matches!(before(1), 'b' | 'c') && !is_name(before(2)));
        let hashes = (1..).take_while(|ahead| self.peek(*ahead) == '#').count();
        starts_word && self.peek(1 + hashes) == '"'
    }

    fn raw_string(&mut self) {
        let line = self.line;
        self.keep();
        let hashes = (0..).take_while(|ahead| self.peek(*ahead) == '#').count();
        for _ in 0..=hashes {
            self.keep();
        }
        let mut said = String::new();
        let closes = |reader: &Self| reader.peek(0) == '"' && (1..=hashes).all(|ahead| reader.peek(ahead) == '#');
        while self.at < self.letters.len() && !closes(self) {
            said.push(self.peek(0));
            self.blank();
        }
        for _ in 0..=hashes {
            self.keep();
        }
        self.strings.push((line, said));
    }

    fn escaped_letter(&mut self) {
        self.blank();
        self.blank();
        self.blank();
        while self.at < self.letters.len() && self.peek(0) != '\'' {
            self.blank();
        }
        self.blank();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_strings_are_no_code() {
        let read = RustText::read(
            "let a = \"fn {\"; // fn {\n/* { /* { */ */ let b = '{'; let c: &'static str = r#\"{\"x\"}\"#;",
        );
        assert!(!read.code.contains('{') && !read.code.contains("fn"), "{}", read.code);
        assert!(read.code.contains("&'static str"));
        assert_eq!(read.strings, [(1, "fn {".to_owned()), (2, "{\"x\"}".to_owned())]);
    }

    #[test]
    fn escapes_do_not_end_a_literal() {
        let read = RustText::read(r#"let a = ['\'', '\\', '"']; let b = "\"{"; let c = b"x"; let r#fn = 1;"#);
        assert_eq!(read.strings.iter().map(|(_, said)| said.as_str()).collect::<Vec<_>>(), ["\"{", "x"]);
        assert!(read.code.ends_with("let r#fn = 1;"));
    }

    #[test]
    fn lines_stay_where_they_are() {
        let text = "a\n\"b\nc\"\n/* d\n */ e";
        assert_eq!(RustText::read(text).code.lines().count(), text.lines().count());
    }
}
