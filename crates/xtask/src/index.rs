//! index.html: its `data-trunk` tags, which `trunk build` understands too, say what the page is made of and become links
//! to what was made. Otherwise only comments and the space between words go. Knows no file but index.html.

/// index.html without comments and indents.
pub struct Index(String);

/// What was built, as names of files.
pub struct Built {
    pub sheet: String,
    pub icon: String,
    pub script: String,
    pub program: String,
}

impl Index {
    pub fn of(source: &str) -> Self {
        let mut text = String::new();
        let mut rest = source;
        while let Some((before, comment)) = rest.split_once("<!--") {
            text.push_str(before);
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
        }
        text.push_str(rest);
        let mut lean = String::new();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let joins = lean.ends_with('>') && line.starts_with('<');
            lean.push_str(if joins || lean.is_empty() { "" } else { " " });
            lean.push_str(line);
        }
        // Of a drawing's elements the slash is all that ends them.
        let is_void = |piece: &str| ["<meta ", "<link "].iter().any(|tag| piece.contains(tag));
        let bare = |piece: &str| if is_void(piece) { piece.replace(" />", ">") } else { piece.to_owned() };
        Self(lean.split_inclusive('>').map(bare).collect())
    }

    fn tags(&self, rel: &str) -> impl Iterator<Item = &str> {
        let is_wanted = move |tag: &&str| tag.contains("data-trunk") && value(tag, "rel") == Some(rel);
        self.0.split_inclusive('>').filter_map(|piece| Some(&piece[piece.rfind('<')?..])).filter(is_wanted)
    }

    /// The style sheets in their order.
    pub fn sheets(&self) -> Vec<&str> {
        self.tags("css").filter_map(|tag| value(tag, "href")).collect()
    }

    pub fn icon(&self) -> Option<&str> {
        self.tags("icon").find_map(|tag| value(tag, "href"))
    }

    /// What wasm-opt is told.
    pub fn optimising(&self) -> Vec<String> {
        let Some(tag) = self.tags("rust").next() else { return Vec::new() };
        let level = value(tag, "data-wasm-opt").map(|level| format!("-O{level}"));
        let words = value(tag, "data-wasm-opt-params").unwrap_or_default().split_ascii_whitespace();
        level.into_iter().chain(words.map(str::to_owned)).collect()
    }

    pub fn filled(&self, built: &Built) -> String {
        let sheets: Vec<&str> = self.tags("css").collect();
        let mut text = self.0.clone();
        let sheet = format!("<link rel=stylesheet href=/{}>", built.sheet);
        for (at, tag) in sheets.into_iter().enumerate() {
            text = text.replacen(tag, if at == 0 { &sheet } else { "" }, 1);
        }
        if let Some(tag) = self.tags("icon").next() {
            text = text.replacen(tag, &format!("<link rel=icon href=/{} type=image/svg+xml>", built.icon), 1);
        }
        if let Some(tag) = self.tags("rust").next() {
            text = text.replacen(tag, &start(built), 1);
        }
        text
    }
}

/// The value of an attribute in double quotes.
fn value<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let (_, after) = tag.split_once(&format!(" {name}=\""))?;
    after.split_once('"').map(|(value, _)| value)
}

/// Script and program are asked for at once.
fn start(Built { script, program, .. }: &Built) -> String {
    format!(
        "<link rel=modulepreload href=/{script}><link rel=preload href=/{program} as=fetch crossorigin \
         type=application/wasm><script type=module>import start from\"/{script}\";\
         start({{module_or_path:\"/{program}\"}})</script>"
    )
}

/// A style sheet without comments and without space that says nothing.
pub fn tight(css: &str) -> String {
    let mut tight = String::new();
    let mut rest = css;
    let mut is_apart = false;
    while let Some(letter) = rest.chars().next() {
        let mut taken = letter.len_utf8();
        if rest.starts_with("/*") {
            rest = rest.split_once("*/").map_or("", |(_, after)| after);
            is_apart = true;
            continue;
        }
        if letter.is_whitespace() {
            rest = &rest[taken..];
            is_apart = true;
            continue;
        }
        if letter == '"' || letter == '\'' {
            taken = rest[1..].find(letter).map_or(rest.len(), |end| end + 2);
        }
        if is_apart && !tight.is_empty() && !tight.ends_with(['{', '}', ';', ',', ':', '>', '(']) {
            let says_nothing = matches!(letter, '{' | '}' | ';' | ',' | '>' | ')' | '!');
            tight.push_str(if says_nothing { "" } else { " " });
        }
        if letter == '}' && tight.ends_with(';') {
            tight.pop();
        }
        tight.push_str(&rest[..taken]);
        rest = &rest[taken..];
        is_apart = false;
    }
    tight
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "<head>\n  <!-- > why -->\n  <meta name=\"a\" content=\"\" />\n  \
         <link data-trunk rel=\"icon\" href=\"i.svg\" />\n  <link data-trunk rel=\"css\" href=\"a.css\" />\n  \
         <link data-trunk rel=\"css\" href=\"b.css\" />\n  <link\n    data-trunk\n    rel=\"rust\"\n    \
         data-wasm-opt=\"s\"\n    data-wasm-opt-params=\"--x --y=0\"\n  />\n</head>\n<body>\n  <p>one\n  two</p><svg><path d=\"m1\" /></svg></body>";

    #[test]
    fn the_tags_say_what_the_page_is_made_of() {
        let index = Index::of(SOURCE);
        assert_eq!(index.sheets(), ["a.css", "b.css"]);
        assert_eq!(index.icon(), Some("i.svg"));
        assert_eq!(index.optimising(), ["-Os", "--x", "--y=0"]);
    }

    #[test]
    fn the_tags_become_links_to_what_was_built() {
        let built =
            Built { sheet: "s.css".into(), icon: "i-1.svg".into(), script: "p.js".into(), program: "p.wasm".into() };
        let page = Index::of(SOURCE).filled(&built);
        let head = "<head><meta name=\"a\" content=\"\"><link rel=icon href=/i-1.svg type=image/svg+xml>\
             <link rel=stylesheet href=/s.css><link rel=modulepreload href=/p.js>";
        assert!(page.starts_with(head), "{page}");
        assert!(page.contains("start({module_or_path:\"/p.wasm\"})"), "{page}");
        assert!(page.ends_with("</script></head><body><p>one two</p><svg><path d=\"m1\" /></svg></body>"), "{page}");
        assert!(!page.contains("data-trunk") && !page.contains("why"));
    }

    #[test]
    fn only_what_says_nothing_leaves_a_style_sheet() {
        let css = "/* why */\na > b :hover,\n c {\n  width: calc(1px + 2px);\n  content: \"a  /* b\";\n}\n\
             @media (width >= 6rem) and (hover) {\n  d { color: var(--x) !important; }\n}\n";
        assert_eq!(
            tight(css),
            "a>b :hover,c{width:calc(1px + 2px);content:\"a  /* b\"}\
             @media (width>= 6rem) and (hover){d{color:var(--x)!important}}"
        );
    }
}
