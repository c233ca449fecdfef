//! An element of a view, made at once. The framework's own builder has a type for every attribute and every order of
//! them, and each weighs in everybody's first visit; this one is a single type that `view!` finds through [`Build`].
//! Knows no feature, and must never decide what is shown.
use std::any::Any;
use std::borrow::Cow;

use leptos::prelude::{AnyView, IntoAny, IntoRender, Mountable, NodeRef, Owner, Render, RenderHtml, document};
use leptos::reactive::effect::RenderEffect;
use leptos::tachys::html::attribute::Attribute;
use leptos::tachys::html::attribute::any_attribute::AnyAttribute;
use leptos::tachys::html::element::{ElementType, HtmlElement};
use leptos::tachys::html::event::EventDescriptor;
use leptos::tachys::html::node_ref::NodeRefContainer;
use leptos::tachys::hydration::Cursor;
use leptos::tachys::view::add_attr::AddAnyAttr;
use leptos::tachys::view::{Position, PositionState};
use send_wrapper::SendWrapper;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, Event, HtmlElement as Styled, Node};

use crate::ui::rows::Rows;
use crate::ui::value::{IntoClass, IntoValue, Value};

/// An element with all that keeps it up to date; gone when this is dropped.
pub struct El(Box<SendWrapper<Made>>);

struct Made {
    node: Element,
    kept: Vec<Box<dyn Any>>,
}

struct Listener {
    node: Element,
    event: Cow<'static, str>,
    heard: JsValue,
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.node.remove_event_listener_with_callback(&self.event, self.heard.unchecked_ref());
    }
}

impl El {
    #[inline(never)]
    fn new(tag: &str, namespace: Option<&str>) -> Self {
        let node = match namespace {
            Some(namespace) => document().create_element_ns(Some(namespace), tag),
            None => document().create_element(tag),
        };
        let node = node.unwrap_or_else(|_| wasm_bindgen::throw_str("not an element"));
        Self(Box::new(SendWrapper::new(Made { node, kept: Vec::new() })))
    }

    /// Sets what a value says, now and whenever it says something else.
    #[inline(never)]
    fn follow(mut self, name: Cow<'static, str>, value: Value, set: fn(&Element, &str, Value)) -> Self {
        match value {
            Value::Live(mut read) => {
                let node = self.0.node.clone();
                let run: Box<dyn FnMut(Option<()>)> = Box::new(move |_| set(&node, &name, read()));
                self.0.kept.push(Box::new(RenderEffect::new(run)));
            }
            value => set(&self.0.node, &name, value),
        }
        self
    }

    #[inline(never)]
    fn hold(mut self, view: AnyView) -> Self {
        let mut state = view.build();
        state.mount(&self.0.node, None);
        self.0.kept.push(Box::new(state));
        self
    }

    #[inline(never)]
    fn listen(mut self, event: Cow<'static, str>, mut hear: Box<dyn FnMut(Event)>) -> Self {
        let owner = Owner::current().unwrap_or_default();
        let heard = Closure::<dyn FnMut(Event)>::new(move |event: Event| owner.with(|| hear(event))).into_js_value();
        let node = self.0.node.clone();
        let _ = node.add_event_listener_with_callback(&event, heard.unchecked_ref());
        self.0.kept.push(Box::new(Listener { node, event, heard }));
        self
    }
}

#[inline(never)]
fn erased<C: IntoRender>(child: C) -> AnyView
where
    C::Output: RenderHtml,
{
    child.into_render().into_any()
}

fn set_attribute(node: &Element, name: &str, value: Value) {
    let _ = match value.text() {
        Some(text) => node.set_attribute(name, &text),
        None => node.remove_attribute(name),
    };
}

fn set_class(node: &Element, name: &str, value: Value) {
    let _ = node.class_list().toggle_with_force(name, value.text().is_some());
}

fn set_style(node: &Element, name: &str, value: Value) {
    let style = node.unchecked_ref::<Styled>().style();
    let _ = style.set_property(name, &value.text().unwrap_or_default());
}

fn set_property(node: &Element, name: &str, value: Value) {
    let value = match value {
        Value::Flag(is_set) => is_set.into(),
        value => JsValue::from_str(&value.text().unwrap_or_default()),
    };
    let _ = js_sys::Reflect::set(node, &JsValue::from_str(name), &value);
}

macro_rules! attributes {
    ($($method:ident $name:literal)*) => {$(
        fn $method(self, value: impl IntoValue) -> El {
            self.attr($name, value)
        }
    )*};
}

/// What `view!` calls on an element: on the framework's empty one, and on [`El`] from then on.
pub trait Build: Sized {
    fn begin(self) -> El;

    fn attr(self, name: &'static str, value: impl IntoValue) -> El {
        self.begin().follow(Cow::Borrowed(name), value.into_value(), set_attribute)
    }

    fn class(self, class: impl IntoClass) -> El {
        let (names, is_on) = class.into_class();
        match is_on {
            Some(is_on) => self.begin().follow(names, is_on, set_class),
            None => self.begin().follow(Cow::Borrowed("class"), Value::Text(names), set_attribute),
        }
    }

    fn style(self, (name, value): (&'static str, impl IntoValue)) -> El {
        self.begin().follow(Cow::Borrowed(name), value.into_value(), set_style)
    }

    fn prop(self, name: &'static str, value: impl IntoValue) -> El {
        self.begin().follow(Cow::Borrowed(name), value.into_value(), set_property)
    }

    fn on<E: EventDescriptor>(self, event: E, mut hear: impl FnMut(E::EventType) + 'static) -> El
    where
        E::EventType: JsCast,
    {
        self.begin().listen(event.name(), Box::new(move |event| hear(event.unchecked_into())))
    }

    fn node_ref<E: ElementType>(self, place: NodeRef<E>) -> El
    where
        NodeRef<E>: NodeRefContainer<E>,
    {
        let element = self.begin();
        place.load(&element.0.node);
        element
    }

    fn child<C: IntoRender>(self, child: C) -> El
    where
        C::Output: RenderHtml,
    {
        self.begin().hold(erased(child))
    }

    attributes! {
        alt "alt" aria_busy "aria-busy" aria_controls "aria-controls" aria_current "aria-current"
        aria_describedby "aria-describedby" aria_expanded "aria-expanded" aria_hidden "aria-hidden"
        aria_invalid "aria-invalid" aria_label "aria-label" aria_labelledby "aria-labelledby" aria_live "aria-live"
        aria_pressed "aria-pressed" aria_valuemax "aria-valuemax" aria_valuemin "aria-valuemin"
        aria_valuenow "aria-valuenow" aria_valuetext "aria-valuetext" autocomplete "autocomplete" datetime "datetime"
        decoding "decoding" dir "dir" disabled "disabled" draggable "draggable" height "height" hidden "hidden"
        href "href" id "id" inputmode "inputmode" loading "loading" max "max" maxlength "maxlength" name "name" placeholder "placeholder"
        popover "popover" popovertarget "popovertarget" r#for "for" r#type "type" rel "rel" role "role" rows "rows"
        scope "scope" src "src" tabindex "tabindex" title "title" value "value" width "width"
    }
}

impl Build for El {
    fn begin(self) -> El {
        self
    }
}

impl<E: ElementType> Build for HtmlElement<E, (), ()> {
    fn begin(self) -> El {
        El::new(E::TAG, E::NAMESPACE)
    }
}

impl Mountable for El {
    fn unmount(&mut self) {
        self.0.node.remove();
    }

    fn mount(&mut self, parent: &Element, marker: Option<&Node>) {
        let _ = parent.insert_before(&self.0.node, marker);
    }

    fn insert_before_this(&self, child: &mut dyn Mountable) -> bool {
        let Some(parent) = self.0.node.parent_element() else { return false };
        child.mount(&parent, Some(&self.0.node));
        true
    }

    fn elements(&self) -> Vec<Element> {
        vec![self.0.node.clone()]
    }
}

impl Render for El {
    type State = Self;

    fn build(self) -> Self {
        self
    }

    fn rebuild(mut self, state: &mut Self) {
        state.insert_before_this(&mut self);
        state.unmount();
        *state = self;
    }
}

/// Nothing is ever rendered to text here, nor taken over from it, nor given attributes from outside.
macro_rules! only_in_the_browser {
    ($($view:ident)*) => {$(
        impl AddAnyAttr for $view {
            type Output<A: Attribute> = Self;

            fn add_any_attr<A: Attribute>(self, _: A) -> Self {
                self
            }
        }

        impl RenderHtml for $view {
            type AsyncOutput = Self;
            type Owned = Self;

            const MIN_LENGTH: usize = 0;

            fn dry_resolve(&mut self) {}

            async fn resolve(self) -> Self {
                self
            }

            fn to_html_with_buf(self, _: &mut String, _: &mut Position, _: bool, _: bool, _: Vec<AnyAttribute>) {}

            fn hydrate<const FROM_SERVER: bool>(self, _: &Cursor, _: &PositionState) -> Self::State {
                self.build()
            }

            fn into_owned(self) -> Self {
                self
            }
        }
    )*};
}

only_in_the_browser! { El Rows }
