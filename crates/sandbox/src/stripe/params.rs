//! Reads the parameters of one request as strictly as the vendor: each is taken once, what is left over is refused.
use serde_json::{Map, Value, json};

use super::form::Node;
use super::refusal::Refusal;

/// Limits of metadata: keys, characters of a key, characters of a value.
const METADATA: (usize, usize, usize) = (50, 40, 500);

/// The parameters under one name, or of the whole request.
pub struct Params {
    path: String,
    left: Vec<(String, Node)>,
}

impl Params {
    pub fn of(root: Node) -> Self {
        let left = match root {
            Node::Tree(children) => children,
            Node::Text(_) => Vec::new(),
        };
        Self { path: String::new(), left }
    }

    /// The full name of a parameter here, as the vendor writes it.
    pub fn name(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}[{key}]", self.path) }
    }

    pub fn has(&self, key: &str) -> bool {
        self.left.iter().any(|(name, _)| name == key)
    }

    pub fn is_tree(&self, key: &str) -> bool {
        self.left.iter().any(|(name, node)| name == key && matches!(node, Node::Tree(_)))
    }

    /// Refuses whatever nobody asked for. To be called once everything known is taken.
    pub fn nothing_left(self) -> Result<(), Refusal> {
        match self.left.first() {
            Some((stranger, _)) => Err(Refusal::unknown_parameter(&self.name(stranger))),
            None => Ok(()),
        }
    }

    fn take(&mut self, key: &str) -> Option<Node> {
        let at = self.left.iter().position(|(name, _)| name == key)?;
        Some(self.left.remove(at).1)
    }

    /// A text as it came, also an empty one.
    fn raw(&mut self, key: &str) -> Result<Option<String>, Refusal> {
        match self.take(key) {
            None => Ok(None),
            Some(Node::Text(text)) => Ok(Some(text)),
            Some(Node::Tree(_)) => {
                let name = self.name(key);
                Err(Refusal::invalid(format!("Invalid string: {name} must be a string")).about(&name))
            }
        }
    }

    pub fn text(&mut self, key: &str) -> Result<Option<String>, Refusal> {
        match self.raw(key)? {
            Some(text) if text.is_empty() => Err(Refusal::empty(&self.name(key))),
            text => Ok(text),
        }
    }

    pub fn needed(&mut self, key: &str) -> Result<String, Refusal> {
        self.text(key)?.ok_or_else(|| Refusal::missing(&self.name(key)))
    }

    /// A text that an empty one unsets: null, then.
    pub fn emptyable(&mut self, key: &str) -> Result<Option<Value>, Refusal> {
        Ok(self.raw(key)?.map(|text| if text.is_empty() { Value::Null } else { json!(text) }))
    }

    /// A text of at most `most` characters.
    pub fn short(&mut self, key: &str, most: usize) -> Result<Option<String>, Refusal> {
        match self.text(key)? {
            Some(text) if text.chars().count() > most => {
                let name = self.name(key);
                let length = text.chars().count();
                let message = format!("Invalid string: {name} must be at most {most} characters, but has {length}");
                Err(Refusal::invalid(message).code("parameter_invalid_string_length").about(&name))
            }
            text => Ok(text),
        }
    }

    pub fn integer(&mut self, key: &str) -> Result<Option<i64>, Refusal> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        let number = text.parse().map(Some);
        number.map_err(|_| {
            let name = self.name(key);
            Refusal::invalid(format!("Invalid integer: {text}")).code("parameter_invalid_integer").about(&name)
        })
    }

    /// `least` and more.
    pub fn integer_from(&mut self, key: &str, least: i64) -> Result<Option<i64>, Refusal> {
        match self.integer(key)? {
            Some(number) if number < least => {
                let name = self.name(key);
                let text = format!("This value must be greater than or equal to {least}.");
                Err(Refusal::invalid(text).code("parameter_invalid_integer").about(&name))
            }
            number => Ok(number),
        }
    }

    pub fn flag(&mut self, key: &str) -> Result<Option<bool>, Refusal> {
        match self.text(key)?.as_deref() {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(other) => {
                let name = self.name(key);
                Err(Refusal::invalid(format!("Invalid boolean: {other}")).about(&name))
            }
        }
    }

    pub fn choice(&mut self, key: &str, allowed: &[&str]) -> Result<Option<String>, Refusal> {
        match self.text(key)? {
            Some(text) if !allowed.contains(&text.as_str()) => {
                let name = self.name(key);
                let text = format!("Invalid {name}: must be one of {}", allowed.join(", "));
                Err(Refusal::invalid(text).about(&name))
            }
            text => Ok(text),
        }
    }

    /// An absolute http or https address.
    pub fn address(&mut self, key: &str) -> Result<Option<String>, Refusal> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        // Braces of {CHECKOUT_SESSION_ID} are no part of an address, but are allowed here.
        let is_web = url::Url::parse(&text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
        if is_web {
            return Ok(Some(text));
        }
        let name = self.name(key);
        Err(Refusal::invalid(format!("Not a valid URL: {text}")).code("url_invalid").about(&name))
    }

    pub fn email(&mut self, key: &str) -> Result<Option<String>, Refusal> {
        match self.short(key, 800)? {
            Some(text) if !is_email(&text) => {
                let name = self.name(key);
                Err(Refusal::invalid(format!("Invalid email address: {text}")).code("email_invalid").about(&name))
            }
            text => Ok(text),
        }
    }

    /// The parameters under a name.
    pub fn object(&mut self, key: &str) -> Result<Option<Params>, Refusal> {
        let path = self.name(key);
        match self.take(key) {
            None => Ok(None),
            Some(Node::Tree(left)) => Ok(Some(Params { path, left })),
            Some(Node::Text(_)) => Err(Refusal::invalid("Invalid object").about(&path)),
        }
    }

    /// What stands under `key[0]`, `key[1]` …
    fn numbered(&mut self, key: &str) -> Result<Vec<(String, Node)>, Refusal> {
        let path = self.name(key);
        match self.take(key) {
            None => Ok(Vec::new()),
            Some(Node::Tree(children)) if children.iter().all(|(name, _)| name.parse::<u16>().is_ok()) => Ok(children),
            Some(_) => Err(Refusal::invalid("Invalid array").about(&path)),
        }
    }

    pub fn objects(&mut self, key: &str) -> Result<Vec<Params>, Refusal> {
        let path = self.name(key);
        let children = self.numbered(key)?;
        let read = children.into_iter().map(|(name, node)| match node {
            Node::Tree(left) => Ok(Params { path: format!("{path}[{name}]"), left }),
            Node::Text(_) => Err(Refusal::invalid("Invalid object").about(&format!("{path}[{name}]"))),
        });
        read.collect()
    }

    pub fn texts(&mut self, key: &str) -> Result<Vec<String>, Refusal> {
        let path = self.name(key);
        let children = self.numbered(key)?;
        let read = children.into_iter().map(|(name, node)| match node {
            Node::Text(text) if !text.is_empty() => Ok(text),
            _ => Err(Refusal::empty(&format!("{path}[{name}]"))),
        });
        read.collect()
    }

    /// Texts only, within the vendor's limits. An empty value removes a key, see [`merge_metadata`].
    pub fn metadata(&mut self) -> Result<Option<Map<String, Value>>, Refusal> {
        let name = self.name("metadata");
        let refuse = |text: String| Err(Refusal::invalid(text).about(&name));
        let children = match self.take("metadata") {
            None => return Ok(None),
            Some(Node::Text(text)) if text.is_empty() => Vec::new(),
            Some(Node::Text(_)) => return refuse("Invalid object".into()),
            Some(Node::Tree(children)) => children,
        };
        let (keys, key_length, value_length) = METADATA;
        if children.len() > keys {
            return refuse(format!("Metadata can have at most {keys} keys, but has {}.", children.len()));
        }
        let mut metadata = Map::new();
        for (key, node) in children {
            let Node::Text(value) = node else { return refuse("Metadata values must be strings.".into()) };
            if key.chars().count() > key_length || value.chars().count() > value_length {
                return refuse(format!("Metadata keys take {key_length} characters, values {value_length}."));
            }
            metadata.insert(key, json!(value));
        }
        Ok(Some(metadata))
    }
}

/// What a creation stores: an empty value is no value.
pub fn given_metadata(given: Option<Map<String, Value>>) -> Value {
    let mut kept = json!({});
    merge_metadata(&mut kept, given.unwrap_or_default());
    kept
}

pub fn merge_metadata(kept: &mut Value, given: Map<String, Value>) {
    let Value::Object(kept) = kept else { return };
    for (key, value) in given {
        if value == "" {
            kept.remove(&key);
        } else {
            kept.insert(key, value);
        }
    }
}

pub fn is_email(text: &str) -> bool {
    let plain = !text.chars().any(|letter| letter.is_whitespace() || letter.is_control());
    plain
        && text
            .split_once('@')
            .is_some_and(|(name, host)| !name.is_empty() && host.contains('.') && !host.contains('@'))
}
