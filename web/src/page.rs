//! Every view of the page with its address and its title. A view that is not here does not exist.
use crate::ui::prelude::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    Landing,
    SignIn,
    Studio,
    Gallery,
    Trash,
    Image,
    Gems,
    Account,
    Terms,
    Promises,
    NotFound,
}

impl Page {
    /// The address; `Image` stands for `/images/{id}`, see [`image_path`].
    pub fn path(self) -> &'static str {
        match self {
            Self::Landing | Self::NotFound => "/",
            Self::SignIn => "/sign-in",
            Self::Studio => "/studio",
            Self::Gallery => "/gallery",
            Self::Trash => "/gallery/trash",
            Self::Image => "/images",
            Self::Gems => "/gems",
            Self::Account => "/account",
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
            Self::Trash => "Trash",
            Self::Image => "Image",
            Self::Gems => "Gems",
            Self::Account => "Account",
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
            "/gallery/trash" => Self::Trash,
            "/gems" => Self::Gems,
            "/account" => Self::Account,
            "/terms" => Self::Terms,
            "/promises" => Self::Promises,
            path if path.strip_prefix("/images/").is_some_and(|id| !id.is_empty() && !id.contains('/')) => Self::Image,
            _ => Self::NotFound,
        }
    }

    /// Which entry of the navigation is the current one.
    pub fn section(self) -> Option<Self> {
        match self {
            Self::Studio | Self::Gems | Self::Account => Some(self),
            Self::Gallery | Self::Trash | Self::Image => Some(Self::Gallery),
            Self::Landing | Self::SignIn | Self::Terms | Self::Promises | Self::NotFound => None,
        }
    }
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
        for page in pages.into_iter().chain([Page::Terms, Page::Promises]) {
            assert_eq!(Page::at(page.path()), page);
        }
        assert_eq!(Page::at(&image_path(&uuid::Uuid::nil())), Page::Image);
        assert_eq!(Page::at("/images/"), Page::NotFound);
        assert_eq!(Page::at("/studio/else"), Page::NotFound);
    }
}
