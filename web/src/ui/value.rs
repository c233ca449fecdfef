//! What an element's attribute, class, style or property can be given: words, a yes or no, nothing, or something that
//! changes. Everything becomes one type, so that the code that sets it exists once.
use std::borrow::Cow;
use std::sync::{Arc, Mutex};

use leptos::prelude::{Get, Memo, RwSignal, Signal};

pub enum Value {
    Nothing,
    Flag(bool),
    Text(Cow<'static, str>),
    Live(Box<dyn FnMut() -> Value>),
}

impl Value {
    /// As an attribute has it: a yes is empty, a no is absent.
    pub fn text(self) -> Option<Cow<'static, str>> {
        match self {
            Self::Text(text) => Some(text),
            Self::Flag(true) => Some(Cow::Borrowed("")),
            Self::Live(mut read) => read().text(),
            Self::Flag(false) | Self::Nothing => None,
        }
    }
}

pub trait IntoValue {
    fn into_value(self) -> Value;
}

impl IntoValue for &'static str {
    fn into_value(self) -> Value {
        Value::Text(Cow::Borrowed(self))
    }
}

impl IntoValue for String {
    fn into_value(self) -> Value {
        Value::Text(Cow::Owned(self))
    }
}

impl IntoValue for bool {
    fn into_value(self) -> Value {
        Value::Flag(self)
    }
}

impl IntoValue for u32 {
    fn into_value(self) -> Value {
        self.to_string().into_value()
    }
}

impl<V: IntoValue> IntoValue for Option<V> {
    fn into_value(self) -> Value {
        self.map_or(Value::Nothing, V::into_value)
    }
}

impl<V: IntoValue, F: FnMut() -> V + 'static> IntoValue for F {
    fn into_value(mut self) -> Value {
        Value::Live(Box::new(move || self().into_value()))
    }
}

/// What `view!` makes of a closure.
impl<V: IntoValue + 'static> IntoValue for Arc<Mutex<dyn FnMut() -> V + Send>> {
    fn into_value(self) -> Value {
        Value::Live(Box::new(move || match self.lock() {
            Ok(mut read) => read().into_value(),
            Err(_) => Value::Nothing,
        }))
    }
}

macro_rules! followed {
    ($($signal:ident)*) => {$(
        impl<V: IntoValue + Clone + Send + Sync + 'static> IntoValue for $signal<V> {
            fn into_value(self) -> Value {
                Value::Live(Box::new(move || self.get().into_value()))
            }
        }
    )*};
}

followed! { Memo RwSignal Signal }

/// All the classes of an element, or one of them with when it has it.
pub trait IntoClass {
    fn into_class(self) -> (Cow<'static, str>, Option<Value>);
}

impl IntoClass for &'static str {
    fn into_class(self) -> (Cow<'static, str>, Option<Value>) {
        (Cow::Borrowed(self), None)
    }
}

impl IntoClass for String {
    fn into_class(self) -> (Cow<'static, str>, Option<Value>) {
        (Cow::Owned(self), None)
    }
}

impl<V: IntoValue> IntoClass for (&'static str, V) {
    fn into_class(self) -> (Cow<'static, str>, Option<Value>) {
        (Cow::Borrowed(self.0), Some(self.1.into_value()))
    }
}
