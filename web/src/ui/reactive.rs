//! Reading and writing signals and stored values. The framework's methods of these names carry the place of every call and a
//! sentence with the type's name into everybody's first visit, for the day that something is read which is gone.
use leptos::prelude as framework;

/// Nothing is read after its view is gone, except by mistake; what may be gone is asked with `try_`.
#[cold]
#[inline(never)]
#[cfg_attr(debug_assertions, track_caller)]
fn gone() -> ! {
    panic!("something was read after its view was gone")
}

macro_rules! reading {
    ($($name:ident: $get:ident $try_get:ident $($asked:ident)?;)*) => {$(
        pub trait $name: framework::$name {
            #[cfg_attr(debug_assertions, track_caller)]
            fn $get(&self) -> <Self as framework::$name>::Value
            where
                <Self as framework::$name>::Value: Sized,
            {
                match framework::$name::$try_get(self) {
                    Some(value) => value,
                    None => gone(),
                }
            }

            $(
                fn $asked(&self) -> Option<<Self as framework::$name>::Value>
                where
                    <Self as framework::$name>::Value: Sized,
                {
                    framework::$name::$asked(self)
                }
            )?
        }

        impl<S: framework::$name> $name for S {}
    )*};
}

macro_rules! looking {
    ($($name:ident: $with:ident $try_with:ident $($asked:ident)?;)*) => {$(
        pub trait $name: framework::$name {
            #[cfg_attr(debug_assertions, track_caller)]
            fn $with<U>(&self, look: impl FnOnce(&<Self as framework::$name>::Value) -> U) -> U {
                match framework::$name::$try_with(self, look) {
                    Some(seen) => seen,
                    None => gone(),
                }
            }

            $(
                fn $asked<U>(&self, look: impl FnOnce(&<Self as framework::$name>::Value) -> U) -> Option<U> {
                    framework::$name::$asked(self, look)
                }
            )?
        }

        impl<S: framework::$name> $name for S {}
    )*};
}

// The last word of a line, where there is one, is what is asked of something that may be gone.
reading! {
    Get: get try_get;
    GetUntracked: get_untracked try_get_untracked try_get_untracked;
    GetValue: get_value try_get_value try_get_value;
    Read: read try_read;
}

looking! {
    With: with try_with;
    WithUntracked: with_untracked try_with_untracked try_with_untracked;
    WithValue: with_value try_with_value try_with_value;
}

/// What a view above provided.
#[cfg_attr(debug_assertions, track_caller)]
pub fn expect_context<T: Clone + 'static>() -> T {
    match framework::use_context() {
        Some(value) => value,
        None => gone(),
    }
}
