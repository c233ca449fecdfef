//! The JSON of an edit, read so that it takes no more room than its bytes: pictures are borrowed, everything else is a few
//! words, and what nobody reads is not kept. Knows no meaning of a field.
use std::borrow::Cow;
use std::fmt;

use lapidary_contract::domain::limits::{BODY_MAX, REFERENCES_MAX};
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::order::KNOWN;

/// Unknown names that are told of.
const UNKNOWN_MAX: usize = 8;

#[derive(Default)]
pub struct Body<'a> {
    /// One more than is allowed, where there are more.
    pub images: Vec<Pointer<'a>>,
    pub mask: Option<Pointer<'a>>,
    /// Words, numbers, yes and no; a list or an object is an empty one.
    pub fields: Map<String, Value>,
    /// All fields together have more than `BODY_MAX` bytes.
    pub is_too_large: bool,
}

/// Exactly one of the two in this wire; the second names a file that was uploaded to it, and here there are none.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pointer<'a> {
    #[serde(default, borrow)]
    pub image_url: Option<Text<'a>>,
    #[serde(default)]
    pub file_id: Option<IgnoredAny>,
}

/// Borrowed where the JSON has no escapes.
#[derive(serde::Deserialize)]
pub struct Text<'a>(#[serde(borrow)] pub Cow<'a, str>);

impl<'de> Deserialize<'de> for Body<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Body<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Body<'de>, A::Error> {
        let (mut body, mut bytes, mut has_images, mut unknown) = (Body::default(), 0_usize, false, 0);
        while let Some(Text(name)) = members.next_key()? {
            match &*name {
                "images" if has_images => return Err(A::Error::duplicate_field("images")),
                "images" => {
                    has_images = true;
                    body.images = members.next_value::<Pointers<'de>>()?.0;
                }
                "mask" => body.mask = members.next_value()?,
                known if KNOWN.contains(&known) => {
                    let Word(value) = members.next_value()?;
                    bytes = bytes.saturating_add(value.as_str().map_or(0, str::len));
                    body.fields.insert(known.to_owned(), value);
                }
                other => {
                    members.next_value::<IgnoredAny>()?;
                    bytes = bytes.saturating_add(other.len());
                    unknown += 1;
                    if unknown <= UNKNOWN_MAX && bytes <= BODY_MAX {
                        body.fields.insert(other.to_owned(), Value::Null);
                    }
                }
            }
            body.is_too_large |= bytes > BODY_MAX;
        }
        Ok(body)
    }
}

struct Pointers<'a>(Vec<Pointer<'a>>);

impl<'de> Deserialize<'de> for Pointers<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Few)
    }
}

struct Few;

impl<'de> Visitor<'de> for Few {
    type Value = Pointers<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Pointers<'de>, A::Error> {
        let mut few = Vec::new();
        while few.len() <= REFERENCES_MAX {
            match list.next_element()? {
                Some(pointer) => few.push(pointer),
                None => return Ok(Pointers(few)),
            }
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Pointers(few))
    }
}

/// A value of one word.
struct Word(Value);

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Words).map(Self)
    }
}

struct Words;

impl<'de> Visitor<'de> for Words {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    /// Of what is far too long only so much that it is seen to be.
    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        let shown = if value.len() > BODY_MAX { value.chars().take(BODY_MAX + 1).collect() } else { value.to_owned() };
        Ok(Value::String(shown))
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Array(Vec::new()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value::Object(Map::new()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::extract;

    fn read(text: &str) -> Body<'_> {
        extract::parse(text.as_bytes()).expect("a body")
    }

    #[test]
    fn what_a_call_says_is_read_and_what_nobody_reads_is_not_kept() {
        let body = read(
            r#"{"prompt": "A fox", "n": 2, "stream": false, "user": [1, 2, 3], "svg": {"model": "x"}, "odd": [{}],
                "images": [{"image_url": "data:,"}, {"file_id": ["a"]}], "mask": null}"#,
        );
        let fields =
            serde_json::json!({"prompt": "A fox", "n": 2, "stream": false, "user": [], "svg": {}, "odd": null});
        assert_eq!(Value::Object(body.fields), fields);
        assert_eq!((body.images.len(), body.mask.is_some(), body.is_too_large), (2, false, false));
        assert!(body.images[1].file_id.is_some() && body.images[1].image_url.is_none());
    }

    #[test]
    fn however_much_is_sent_little_is_kept() {
        let many = format!(r#"{{"images": [{}]}}"#, vec!["{}"; 100_000].join(","));
        assert_eq!(read(&many).images.len(), REFERENCES_MAX + 1);
        let names: Vec<String> = (0..100_000).map(|at| format!(r#""name{at}": 0"#)).collect();
        let body = read_owned(&format!("{{{}}}", names.join(",")));
        assert_eq!((body.0, body.1), (UNKNOWN_MAX, true));
        let long = read_owned(&format!(r#"{{"prompt": "{}"}}"#, "a".repeat(BODY_MAX + 1)));
        assert!(long.1);
    }

    fn read_owned(text: &str) -> (usize, bool) {
        let body = read(text);
        (body.fields.len(), body.is_too_large)
    }
}
