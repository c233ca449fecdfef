//! Tells a caller that the model they ask for by name ends, or has ended, in the headers that tools know: `Deprecation`
//! (RFC 9745), `Sunset` (RFC 8594) and where the successor stands. Who answers instead is decided in `domain`.
use actix_web::HttpResponse;
use actix_web::http::header::{self, HeaderName, HeaderValue, HttpDate};
use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use lapidary_domain::Catalogue;
use lapidary_domain::life::SOON_DAYS;

const DEPRECATION: HeaderName = HeaderName::from_static("deprecation");
const SUNSET: HeaderName = HeaderName::from_static("sunset");

/// `asked`: the model's name as the caller wrote it.
pub fn say(answer: &mut HttpResponse, catalogue: &Catalogue, asked: Option<&str>, today: NaiveDate) {
    let Some(ends) = asked.and_then(|id| catalogue.model(id)?.retires) else { return };
    let since = ends - TimeDelta::days(SOON_DAYS);
    if today < since {
        return;
    }
    let midnight = |day: NaiveDate| DateTime::<Utc>::from_naive_utc_and_offset(day.and_time(NaiveTime::MIN), Utc);
    let values = [
        (DEPRECATION, format!("@{}", midnight(since).timestamp())),
        (SUNSET, HttpDate::from(std::time::SystemTime::from(midnight(ends))).to_string()),
        (header::LINK, "</v1/catalogue>; rel=\"successor-version\"".to_owned()),
    ];
    for (name, value) in values {
        if let Ok(value) = HeaderValue::from_str(&value) {
            answer.headers_mut().append(name, value);
        }
    }
}
