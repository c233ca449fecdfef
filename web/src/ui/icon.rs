//! The icons, drawn here as strokes on a 24-px grid so that nothing is fetched, and the mark.
//! They are decoration: the words beside them or the button's label say what is meant.
use crate::ui::prelude::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Glyph {
    Account,
    Bell,
    Check,
    ChevronDown,
    ChevronLeft,
    ChevronRight,
    Close,
    Collection,
    Copy,
    Download,
    Gallery,
    Gem,
    Heart,
    HeartFilled,
    Minus,
    Offline,
    Pencil,
    Plus,
    Refresh,
    Search,
    Share,
    Studio,
    Trash,
    Undo,
    Vary,
    Warning,
}

impl Glyph {
    fn strokes(self) -> &'static str {
        match self {
            Self::Account => "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8Zm-7.5 8.5a7.5 7.5 0 0 1 15 0",
            Self::Bell => "M6 16.5V11a6 6 0 0 1 12 0v5.5l1.5 2h-15zM10 18.5a2 2 0 0 0 4 0",
            Self::Check => "m5 12.5 4.5 4.5L19 7.5",
            Self::ChevronDown => "m6 9.5 6 6 6-6",
            Self::ChevronLeft => "m14.5 6-6 6 6 6",
            Self::ChevronRight => "m9.5 6 6 6-6 6",
            Self::Close => "m6 6 12 12M18 6 6 18",
            Self::Collection => "M4 6.5h6l2 2.5h8v10.5H4zM12 12v5M9.5 14.5h5",
            Self::Copy => "M9 9h10v11H9zM5 15V4h10",
            Self::Download => "M12 4v11m-4.5-4L12 15.5 16.5 11M5 20h14",
            Self::Gallery => "M4 4h7v9H4zM13 4h7v5h-7zM4 15h7v5H4zM13 11h7v9h-7z",
            Self::Gem => "M7 4h10l4 5.5L12 20 3 9.5zM3 9.5h18M9 9.5 12 20l3-10.5L12 4z",
            Self::Heart | Self::HeartFilled => {
                "M12 20S4 15 4 9.3A4.3 4.3 0 0 1 12 7a4.3 4.3 0 0 1 8 2.3C20 15 12 20 12 20Z"
            }
            Self::Minus => "M5 12h14",
            Self::Offline => {
                "M4 4l16 16M8.5 15.5a5 5 0 0 1 6 0M5 11.5a10 10 0 0 1 4.5-2.5m5 .3a10 10 0 0 1 4.5 2.2M12 19h.01"
            }
            Self::Pencil => "M4.5 19.5 5.5 15 16 4.5l3.5 3.5L9 18.5zM13.5 7l3.5 3.5",
            Self::Plus => "M12 5v14M5 12h14",
            Self::Refresh => "M19.5 12a7.5 7.5 0 1 1-2.2-5.3L20 9.2M20 4v5.2h-5.2",
            Self::Search => "M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13Zm4.7-1.8L20 20",
            Self::Share => "M12 15V4m-4 4 4-4 4 4M6 12H5v8h14v-8h-1",
            Self::Studio => {
                "m4 20 9.5-9.5m2-2L17 7M15.5 3v3M20.5 8.5h-3M19.5 4.5 17.5 6.5M9.5 5.5 12 8M18.5 14.5 16 12"
            }
            Self::Trash => "M5 7h14M10 7V4.5h4V7M7 7l.8 12.5h8.4L17 7M10.5 11v5m3-5v5",
            Self::Undo => "M8.5 5 4.5 9l4 4M5 9h9a5.5 5.5 0 0 1 0 11H9",
            Self::Vary => "M4 7h4l8 10h4m-3-3 3 3-3 3M4 17h4l2-2.5m4-5L16 7h4m-3-3 3 3-3 3",
            Self::Warning => "M12 4 2.8 19.5h18.4zM12 10v4.5m0 2.5v.2",
        }
    }
}

#[component]
pub fn Icon(glyph: Glyph) -> AnyView {
    let class = if glyph == Glyph::HeartFilled { "icon icon--filled" } else { "icon" };
    view! {
        <svg class=class viewBox="0 0 24 24" aria-hidden="true" focusable="false">
            <path d=glyph.strokes() />
        </svg>
    }
    .into_any()
}

/// The mark: a small faceted hexagon.
#[component]
pub fn Mark() -> AnyView {
    view! {
        <svg class="mark" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
            <path class="mark__stone" d="M12 1.5 21.5 7v10L12 22.5 2.5 17V7z" />
            <path class="mark__light" d="M12 1.5 21.5 7 16 9.6 12 7.4 8 9.6 2.5 7z" />
            <path class="mark__table" d="m12 7.4 4 2.2v4.8l-4 2.2-4-2.2V9.6z" />
            <path class="mark__shade" d="M2.5 17 8 14.4l4 2.2 4-2.2 5.5 2.6-9.5 5.5z" />
        </svg>
    }
    .into_any()
}
