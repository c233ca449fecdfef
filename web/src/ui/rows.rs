//! A row of views by their keys: what keeps its key keeps its elements, and nothing that stays in its place is touched.
//! Must never know what it shows.
use std::cell::RefCell;
use std::rc::Rc;

use leptos::prelude::{AnyView, Mountable, Owner, Render, untrack};
use leptos::reactive::effect::RenderEffect;
use leptos::tachys::renderer::Rndr;
use leptos::tachys::view::any_view::AnyViewState;
use web_sys::{Comment, Element, Node};

pub struct Item {
    pub key: String,
    pub view: Box<dyn FnOnce() -> AnyView + Send>,
}

pub struct Rows(pub Box<dyn Fn() -> Vec<Item> + Send + Sync>);

struct Row {
    key: String,
    state: AnyViewState,
    /// Dropped with the row, and with it all that the row's view follows.
    _owner: Owner,
}

/// What is shown, before a mark that is not seen.
struct Shown {
    rows: Vec<Row>,
    mark: Comment,
}

pub struct State {
    shown: Rc<RefCell<Shown>>,
    _follow: RenderEffect<()>,
}

impl Shown {
    fn take(&mut self, items: Vec<Item>, owner: &Owner) {
        let mut before = std::mem::take(&mut self.rows);
        let mut fresh = Vec::new();
        for item in items {
            let known = before.iter().position(|row| row.key == item.key);
            fresh.push(known.is_none());
            self.rows.push(match known {
                Some(at) => before.remove(at),
                None => {
                    let owner = owner.child();
                    let state = owner.with(|| untrack(|| (item.view)().build()));
                    Row { key: item.key, state, _owner: owner }
                }
            });
        }
        before.iter_mut().for_each(|row| row.state.unmount());
        if let Some(parent) = self.mark.parent_element() {
            self.arrange(&parent, &fresh);
        }
    }

    /// From the last to the first: each before the one that follows it, unless it stands there.
    fn arrange(&mut self, parent: &Element, fresh: &[bool]) {
        let mut next: Node = self.mark.clone().into();
        for (row, is_fresh) in self.rows.iter_mut().zip(fresh).rev() {
            let stands = row.state.elements().last().is_some_and(|last| last.next_sibling().as_ref() == Some(&next));
            if *is_fresh || !stands {
                row.state.mount(parent, Some(&next));
            }
            if let Some(first) = row.state.elements().first() {
                next = first.clone().into();
            }
        }
    }
}

impl Render for Rows {
    type State = State;

    fn build(self) -> State {
        let shown = Rc::new(RefCell::new(Shown { rows: Vec::new(), mark: Rndr::create_placeholder() }));
        let owner = Owner::current().unwrap_or_default();
        let follow = {
            let shown = shown.clone();
            let run: Box<dyn FnMut(Option<()>)> = Box::new(move |_| {
                let items = (self.0)();
                shown.borrow_mut().take(items, &owner);
            });
            RenderEffect::new(run)
        };
        State { shown, _follow: follow }
    }

    fn rebuild(self, state: &mut State) {
        let mut fresh = self.build();
        state.insert_before_this(&mut fresh);
        state.unmount();
        *state = fresh;
    }
}

impl Mountable for State {
    fn unmount(&mut self) {
        let mut shown = self.shown.borrow_mut();
        shown.rows.iter_mut().for_each(|row| row.state.unmount());
        shown.mark.remove();
    }

    fn mount(&mut self, parent: &Element, marker: Option<&Node>) {
        let mut shown = self.shown.borrow_mut();
        shown.rows.iter_mut().for_each(|row| row.state.mount(parent, marker));
        let _ = parent.insert_before(&shown.mark, marker);
    }

    fn insert_before_this(&self, child: &mut dyn Mountable) -> bool {
        let shown = self.shown.borrow();
        if shown.rows.first().is_some_and(|row| row.state.insert_before_this(child)) {
            return true;
        }
        let Some(parent) = shown.mark.parent_element() else { return false };
        child.mount(&parent, Some(&shown.mark));
        true
    }

    fn elements(&self) -> Vec<Element> {
        self.shown.borrow().rows.iter().flat_map(|row| row.state.elements()).collect()
    }
}
