//! Which images are asked for: reads the query of the gallery's routes, where some parameters may be repeated, and refuses
//! what it does not know, since a filter that is passed over in silence shows too much.
use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use lapidary_contract::domain::limits::{ATTRIBUTES_MAX, SEARCH_MAX};
use lapidary_contract::domain::{Violation, ViolationCode, search};
use url::form_urlencoded;
use uuid::Uuid;

use crate::http::error::{ApiError, ApiResult};
use crate::http::paging::PageQuery;

/// Characters of a filter's value.
const VALUE_MAX: usize = 200;
/// Days that PostgreSQL and chrono both know, far on both sides of ours.
const YEARS: std::ops::RangeInclusive<i32> = 1970..=9999;

/// `Section:value`, as a generator of clients reads it.
fn attribute_schema() -> utoipa::openapi::schema::Array {
    use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Type};
    let pair = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[^:]{1,60}:.{1,120}$"));
    ArrayBuilder::new().items(pair).max_items(Some(40)).build()
}

/// What may stand in the query of the gallery's routes.
#[derive(Debug, Default, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FilterQuery {
    /// Words of prompt and attributes, in any language, up to 200 characters: an image has all of them, the last one
    /// perhaps as a beginning. Case, accents and width do not count.
    #[param(max_length = 200)]
    q: Option<String>,
    /// `Section:value`, exactly as on the image; several times where an image must have several.
    #[param(schema_with = attribute_schema, required = false)]
    attribute: Vec<String>,
    /// A catalogue id.
    model: Option<String>,
    quality: Option<String>,
    /// Only what is in this collection of yours.
    collection: Option<Uuid>,
    /// Only favourites.
    favourite: Option<bool>,
    /// What is in the trash instead, latest first; it is erased 30 days after it came there.
    trash: Option<bool>,
    /// Made on this day (`2026-11-01`, UTC) or at this time (RFC 3339), or later.
    from: Option<String>,
    /// Made on this day (UTC) or earlier, or before this time.
    to: Option<String>,
}

/// Which list there is an index of its own for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shelf {
    All,
    Favourites,
    Trash,
}

/// As the database is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageFilter {
    /// Tokens of `domain::search`.
    pub words: Vec<String>,
    pub beginnings: Vec<String>,
    pub favourite: bool,
    pub trash: bool,
    pub collection: Option<Uuid>,
    pub made_from: Option<DateTime<Utc>>,
    pub made_before: Option<DateTime<Utc>>,
}

impl ImageFilter {
    /// None where more than a shelf is asked for.
    pub fn shelf(&self) -> Option<Shelf> {
        let more = !self.words.is_empty()
            || !self.beginnings.is_empty()
            || self.collection.is_some()
            || self.made_from.is_some()
            || self.made_before.is_some();
        match (more, self.favourite, self.trash) {
            (false, false, false) => Some(Shelf::All),
            (false, true, false) => Some(Shelf::Favourites),
            (false, false, true) => Some(Shelf::Trash),
            _ => None,
        }
    }
}

/// A filter alone.
pub fn read(query: &str) -> ApiResult<ImageFilter> {
    let (filter, page) = read_page(query)?;
    match (page.limit, page.cursor) {
        (None, None) => Ok(filter),
        (Some(_), _) => Err(unknown("limit")),
        _ => Err(unknown("cursor")),
    }
}

/// A filter, and which page of it.
pub fn read_page(query: &str) -> ApiResult<(ImageFilter, PageQuery)> {
    let (mut asked, mut page) = (FilterQuery::default(), PageQuery::default());
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if value.contains('\0') {
            return Err(violation(&name, ViolationCode::ContainsNul));
        }
        match &*name {
            "q" => once(&mut asked.q, &name, value.into_owned())?,
            "attribute" => asked.attribute.push(value.into_owned()),
            "model" => once(&mut asked.model, &name, value.into_owned())?,
            "quality" => once(&mut asked.quality, &name, value.into_owned())?,
            "collection" => once(&mut asked.collection, &name, parsed(&name, &value)?)?,
            "favourite" => once(&mut asked.favourite, &name, parsed(&name, &value)?)?,
            "trash" => once(&mut asked.trash, &name, parsed(&name, &value)?)?,
            "from" => once(&mut asked.from, &name, value.into_owned())?,
            "to" => once(&mut asked.to, &name, value.into_owned())?,
            "limit" => once(&mut page.limit, &name, parsed(&name, &value)?)?,
            "cursor" => once(&mut page.cursor, &name, value.into_owned())?,
            _ => return Err(unknown(&name)),
        }
    }
    Ok((filter(asked)?, page))
}

fn once<T>(place: &mut Option<T>, name: &str, value: T) -> ApiResult<()> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(violation(name, ViolationCode::Duplicate)),
    }
}

fn parsed<T: std::str::FromStr>(name: &str, value: &str) -> ApiResult<T> {
    value.parse().map_err(|_| ApiError::Malformed(format!("The query cannot be read: {name} has another form.")))
}

fn unknown(name: &str) -> ApiError {
    violation(name, ViolationCode::UnknownField)
}

fn violation(name: &str, code: ViolationCode) -> ApiError {
    vec![Violation::new(format!("?{name}"), code)].into()
}

fn filter(asked: FilterQuery) -> ApiResult<ImageFilter> {
    let (favourite, trash) = (asked.favourite.unwrap_or(false), asked.trash.unwrap_or(false));
    if favourite && trash {
        return Err(violation("favourite", ViolationCode::NotAvailable));
    }
    let mut filter = ImageFilter { favourite, trash, collection: asked.collection, ..ImageFilter::default() };
    let q = asked.q.unwrap_or_default();
    if q.chars().count() > SEARCH_MAX {
        return Err(violation("q", ViolationCode::TooLong));
    }
    if !q.trim().is_empty() {
        let search::Asked { words, beginnings } = search::asked(&q);
        (filter.words, filter.beginnings) = (words, beginnings);
    }
    if asked.attribute.len() > ATTRIBUTES_MAX {
        return Err(violation("attribute", ViolationCode::TooMany));
    }
    for attribute in &asked.attribute {
        if !attribute.contains(':') {
            return Err(violation("attribute", ViolationCode::WrongType));
        }
        filter.words.push(search::attribute(value("attribute", attribute)?));
    }
    if let Some(model) = &asked.model {
        filter.words.push(search::model(value("model", model)?));
    }
    if let Some(quality) = &asked.quality {
        filter.words.push(search::quality(value("quality", quality)?));
    }
    filter.made_from = asked.from.map(|from| moment("from", &from, 0)).transpose()?;
    filter.made_before = asked.to.map(|to| moment("to", &to, 1)).transpose()?;
    match (filter.made_from, filter.made_before) {
        (Some(from), Some(before)) if from >= before => Err(violation("to", ViolationCode::OutOfRange)),
        _ => Ok(filter),
    }
}

fn value<'a>(name: &str, value: &'a str) -> ApiResult<&'a str> {
    match value.chars().count() {
        0..=VALUE_MAX => Ok(value),
        _ => Err(violation(name, ViolationCode::TooLong)),
    }
}

/// A time, or the beginning of a day so many days later.
fn moment(name: &str, text: &str, days_later: u64) -> ApiResult<DateTime<Utc>> {
    use chrono::Datelike;
    let day = |day: NaiveDate| Some(day.checked_add_days(Days::new(days_later))?.and_time(NaiveTime::MIN).and_utc());
    let at = match text.parse::<NaiveDate>() {
        Ok(date) => day(date),
        Err(_) => DateTime::parse_from_rfc3339(text).ok().map(|at| at.with_timezone(&Utc)),
    };
    let at = at.ok_or_else(|| violation(name, ViolationCode::WrongType))?;
    if YEARS.contains(&at.year()) { Ok(at) } else { Err(violation(name, ViolationCode::OutOfRange)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_whole_and_a_time_is_a_time() {
        let filter = read("from=2026-11-01&to=2026-11-30").expect("a filter");
        assert_eq!(filter.made_from, "2026-11-01T00:00:00Z".parse().ok());
        assert_eq!(filter.made_before, "2026-12-01T00:00:00Z".parse().ok());
        let filter = read("to=2026-11-30T12:00:00%2B02:00").expect("a filter");
        assert_eq!(filter.made_before, "2026-11-30T10:00:00Z".parse().ok());
        for junk in ["from=yesterday", "from=0099-01-01", "to=2026-13-01", "from=2026-11-02&to=2026-11-01"] {
            assert!(matches!(read(junk), Err(ApiError::Invalid(_))), "{junk}");
        }
    }

    #[test]
    fn a_shelf_is_asked_for_without_a_search() {
        assert_eq!(read("").expect("a filter").shelf(), Some(Shelf::All));
        assert_eq!(read("q=+&favourite=true").expect("a filter").shelf(), Some(Shelf::Favourites));
        assert_eq!(read("trash=true").expect("a filter").shelf(), Some(Shelf::Trash));
        assert_eq!(read("q=%3F").expect("a filter").shelf(), None);
    }
}
