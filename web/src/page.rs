//! Every view of the page with its address and its title. A view that is not here does not exist.
use crate::ui::prelude::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    Landing,
    SignIn,
    Studio,
    Gallery,
    Collections,
    Trash,
    Image,
    Gems,
    Checkout,
    Shared,
    Erased,
    Notices,
    Account,
    Requests,
    Operator,
    Terms,
    Promises,
    NotFound,
}

impl Page {
    /// The address; `Image` stands for `/images/{id}`, see [`image_path`], `Checkout` for `/gems/checkouts/{id}`, `Shared`
    /// for `/s/{token}`.
    pub fn path(self) -> &'static str {
        match self {
            Self::Landing | Self::NotFound => "/",
            Self::SignIn => "/sign-in",
            Self::Studio => "/studio",
            Self::Gallery => "/gallery",
            Self::Collections => "/gallery/collections",
            Self::Trash => "/gallery/trash",
            Self::Image => "/images",
            Self::Gems => "/gems",
            Self::Checkout => "/gems/checkouts",
            Self::Shared => "/s",
            Self::Erased => "/erased",
            Self::Notices => "/notices",
            Self::Account => "/account",
            Self::Requests => "/account/requests",
            Self::Operator => "/operator",
            Self::Terms => "/terms",
            Self::Promises => "/promises",
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            Self::Landing => "An idea, cut into a picture",
            Self::SignIn => "Sign in",
            Self::Studio => "Studio",
            Self::Gallery => "Gallery",
            Self::Collections => "Collections",
            Self::Trash => "Trash",
            Self::Image => "Image",
            Self::Gems => "Gems",
            Self::Checkout => "Your purchase",
            Self::Shared => "A shared picture",
            Self::Erased => "Receipt of a deletion",
            Self::Notices => "Notices",
            Self::Account => "Account",
            Self::Requests => "Requests",
            Self::Operator => "Operator",
            Self::Terms => "Terms",
            Self::Promises => "Promises",
            Self::NotFound => "Nothing here",
        }
    }

    /// The view at an address, as the router finds it.
    pub fn at(path: &str) -> Self {
        match path.trim_end_matches('/') {
            "" => Self::Landing,
            "/sign-in" => Self::SignIn,
            "/studio" => Self::Studio,
            "/gallery" => Self::Gallery,
            "/gallery/collections" => Self::Collections,
            "/gallery/trash" => Self::Trash,
            "/gems" => Self::Gems,
            "/notices" => Self::Notices,
            "/erased" => Self::Erased,
            "/account" => Self::Account,
            "/account/requests" => Self::Requests,
            "/operator" => Self::Operator,
            "/terms" => Self::Terms,
            "/promises" => Self::Promises,
            path if has_id_after(path, "/images/") => Self::Image,
            path if has_id_after(path, "/s/") => Self::Shared,
            path if has_id_after(path, "/gems/checkouts/") => Self::Checkout,
            _ => Self::NotFound,
        }
    }

    /// Which entry of the navigation is the current one.
    pub fn section(self) -> Option<Self> {
        match self {
            Self::Studio | Self::Gems | Self::Notices | Self::Account => Some(self),
            Self::Checkout => Some(Self::Gems),
            Self::Requests | Self::Operator => Some(Self::Account),
            Self::Gallery | Self::Collections | Self::Trash | Self::Image => Some(Self::Gallery),
            Self::Landing
            | Self::SignIn
            | Self::Shared
            | Self::Erased
            | Self::Terms
            | Self::Promises
            | Self::NotFound => None,
        }
    }
}

fn has_id_after(path: &str, start: &str) -> bool {
    path.strip_prefix(start).is_some_and(|id| !id.is_empty() && !id.contains('/'))
}

/// The gems, at one of their parts: `packs`, `caps` or `purchases`.
pub fn gems_path(part: &str) -> String {
    format!("{}?to={part}", Page::Gems.path())
}

pub fn checkout_path(id: &uuid::Uuid) -> String {
    format!("{}/{id}", Page::Checkout.path())
}

/// What came of a request.
pub fn request_path(id: &str) -> String {
    format!("{}?id={}", Page::Requests.path(), crate::browser::encode(id))
}

/// What came with one API key.
pub fn requests_of_key_path(id: &uuid::Uuid) -> String {
    format!("{}?key={id}", Page::Requests.path())
}

/// A person, for operators.
pub fn person_path(id: &uuid::Uuid) -> String {
    format!("{}?person={id}", Page::Operator.path())
}

pub fn image_path(id: &uuid::Uuid) -> String {
    format!("{}/{id}", Page::Image.path())
}

/// The document's title while this view is shown.
pub fn set_title(title: &str) {
    document().set_title(&format!("{title} · Lapidary"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_is_found_at_its_own_address() {
        let pages = [Page::Landing, Page::SignIn, Page::Studio, Page::Gallery, Page::Trash, Page::Gems, Page::Account];
        let more = [
            Page::Collections,
            Page::Erased,
            Page::Terms,
            Page::Promises,
            Page::Notices,
            Page::Requests,
            Page::Operator,
        ];
        for page in pages.into_iter().chain(more) {
            assert_eq!(Page::at(page.path()), page);
        }
        assert_eq!(Page::at(&image_path(&uuid::Uuid::nil())), Page::Image);
        assert_eq!(Page::at(&checkout_path(&uuid::Uuid::nil())), Page::Checkout);
        assert_eq!(Page::at("/s/a-token"), Page::Shared);
        assert_eq!(Page::at("/images/"), Page::NotFound);
        assert_eq!(Page::at("/gems/checkouts/"), Page::NotFound);
        assert_eq!(Page::at("/studio/else"), Page::NotFound);
    }
}
