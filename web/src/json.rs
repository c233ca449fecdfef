//! From the server's JSON to the contract's types. The text is read once into a tree, and every type takes its own from
//! there: reading each type from text, with a sentence for every way to fail, weighs three times as much.
use std::fmt;

use serde::de::{self, DeserializeOwned, DeserializeSeed, Expected, Unexpected, Visitor};
use serde_json::{Value, map};

/// What did not fit: a field's name, or what was wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Misfit(&'static str);

pub fn read<T: DeserializeOwned>(text: &str) -> Result<T, Misfit> {
    T::deserialize(Tree(tree(text)?))
}

pub fn tree(text: &str) -> Result<Value, Misfit> {
    serde_json::from_str(text).map_err(|_| Misfit("JSON"))
}

impl fmt::Display for Misfit {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(self.0)
    }
}

impl std::error::Error for Misfit {}

impl de::Error for Misfit {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self("another value")
    }

    fn invalid_type(_: Unexpected<'_>, _: &dyn Expected) -> Self {
        Self("another type")
    }

    fn invalid_value(_: Unexpected<'_>, _: &dyn Expected) -> Self {
        Self("another value")
    }

    fn invalid_length(_: usize, _: &dyn Expected) -> Self {
        Self("another length")
    }

    fn unknown_variant(_: &str, _: &'static [&'static str]) -> Self {
        Self("a known word")
    }

    fn unknown_field(_: &str, _: &'static [&'static str]) -> Self {
        Self("known fields only")
    }

    fn missing_field(field: &'static str) -> Self {
        Self(field)
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self(field)
    }
}

struct Tree(Value);

impl Tree {
    fn unsigned(self) -> Result<u64, Misfit> {
        self.0.as_u64().ok_or(Misfit("a number from 0"))
    }

    fn signed(self) -> Result<i64, Misfit> {
        self.0.as_i64().ok_or(Misfit("a whole number"))
    }

    fn text(self) -> Result<String, Misfit> {
        match self.0 {
            Value::String(text) => Ok(text),
            _ => Err(Misfit("text")),
        }
    }
}

macro_rules! plain {
    ($($method:ident by $taken:ident to $visit:ident;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
            visitor.$visit(self.$taken()?)
        }
    )*};
}

impl<'de> de::Deserializer<'de> for Tree {
    type Error = Misfit;

    plain! {
        deserialize_i8 by signed to visit_i64;
        deserialize_i16 by signed to visit_i64;
        deserialize_i32 by signed to visit_i64;
        deserialize_i64 by signed to visit_i64;
        deserialize_u8 by unsigned to visit_u64;
        deserialize_u16 by unsigned to visit_u64;
        deserialize_u32 by unsigned to visit_u64;
        deserialize_u64 by unsigned to visit_u64;
        deserialize_string by text to visit_string;
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_str(&self.text()?)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_str(&self.text()?)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_bool(self.0.as_bool().ok_or(Misfit("true or false"))?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.0 {
            Value::Array(items) => visitor.visit_seq(Items(items.into_iter())),
            _ => Err(Misfit("a list")),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.0 {
            Value::Object(fields) => visitor.visit_map(Fields { rest: fields.into_iter(), value: Value::Null }),
            _ => Err(Misfit("an object")),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        self.deserialize_map(visitor)
    }

    /// Words only: the contract's enums carry nothing.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        visitor.visit_enum(Word(self.text()?))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_unit()
    }

    /// Nothing of the contract is read without saying what it wants.
    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Misfit> {
        Err(Misfit("a wish"))
    }

    serde::forward_to_deserialize_any! { f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct }
}

struct Items(std::vec::IntoIter<Value>);

impl<'de> de::SeqAccess<'de> for Items {
    type Error = Misfit;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Misfit> {
        self.0.next().map(|item| seed.deserialize(Tree(item))).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

struct Fields {
    rest: map::IntoIter,
    value: Value,
}

impl<'de> de::MapAccess<'de> for Fields {
    type Error = Misfit;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Misfit> {
        let Some((name, value)) = self.rest.next() else { return Ok(None) };
        self.value = value;
        seed.deserialize(Tree(Value::String(name))).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Misfit> {
        seed.deserialize(Tree(self.value.take()))
    }
}

struct Word(String);

impl<'de> de::EnumAccess<'de> for Word {
    type Error = Misfit;
    type Variant = Bare;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Bare), Misfit> {
        Ok((seed.deserialize(Tree(Value::String(self.0)))?, Bare))
    }
}

struct Bare;

impl<'de> de::VariantAccess<'de> for Bare {
    type Error = Misfit;

    fn unit_variant(self) -> Result<(), Misfit> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, _: T) -> Result<T::Value, Misfit> {
        Err(Misfit("a bare word"))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Misfit> {
        Err(Misfit("a bare word"))
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], _: V) -> Result<V::Value, Misfit> {
        Err(Misfit("a bare word"))
    }
}

#[cfg(test)]
mod tests {
    use lapidary_contract::{CatalogueBody, CreateGeneration, Generation, Problem};

    use super::*;

    const GENERATION: &str = r#"{"id":"0197f5a0-0000-7000-8000-000000000001","status":"failed","prompt":"A \"fox\" 🦊\n","composed_prompt":"A fox",
        "attributes":[{"section":"Light","value":"dusk"}],"model":"m","size":"1024x1024","quality":"medium","count":2,"price_gems":20,
        "captured_gems":-1,"request_id":"r","queue_position":null,"failure":{"code":"timeout","message":"It took too long."},
        "images":[],"created_at":"2026-11-23T10:00:00.25Z","a_field_of_tomorrow":[{"x":1}]}"#;

    #[test]
    fn what_is_read_is_what_serde_reads() {
        let ours = read::<Generation>(GENERATION).expect("a generation");
        assert_eq!(ours, serde_json::from_str(GENERATION).expect("a generation"));
    }

    #[test]
    fn models_with_days_and_sizes_are_read() {
        let text = r#"{"version":"1","default_model":"m","welcome_gems":5,"refinement_gems":3,"sections":[],"models":[{"id":"m","name":"M","description":"",
            "aliases":["a"],"prompt_max":4000,"count_max":4,"sizes":["1024x1024"],"free_size":null,"default_size":"1024x1024",
            "qualities":["low"],"default_quality":"low","prices":[{"quality":"low","up_to_pixels":1048576,"gems":2}],
            "prompt_surcharge":{"included_bytes":100,"bytes_per_gem":50},"backgrounds":["opaque"],"output_formats":[],
            "edits":{"references_max":4,"takes_mask":true,"reference_gems":8},"available":"2026-01-01","retires":null,"replacement":null,
            "is_retired":false}]}"#;
        assert_eq!(read::<CatalogueBody>(text), Ok(serde_json::from_str(text).expect("a catalogue")));
    }

    #[test]
    fn absent_fields_take_their_defaults() {
        let draft = read::<CreateGeneration>(r#"{"prompt":"p"}"#).expect("a draft");
        assert_eq!((draft.count, draft.model, draft.attributes.len()), (1, None, 0));
    }

    #[test]
    fn what_does_not_fit_is_named() {
        assert_eq!(read::<Problem>("{}"), Err(Misfit("type")));
        assert_eq!(read::<Problem>("<html>"), Err(Misfit("JSON")));
        let wrong = GENERATION.replace("\"failed\"", "\"elsewhere\"");
        assert_eq!(read::<Generation>(&wrong), Err(Misfit("a known word")));
        assert!(read::<CreateGeneration>(r#"{"prompt":"p","count":-1}"#).is_err());
        assert!(read::<CreateGeneration>(r#"{"prompt":"p","count":4294967296}"#).is_err());
    }
}
