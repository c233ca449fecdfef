//! Which promises each of the jobs keeps whose traces are looked at. What they do is theirs.

/// Every job keeps P10.
pub fn promises_of(kind: &str) -> &'static [&'static str] {
    match kind {
        "request_log" => &["P4", "P10"],
        "erasures" => &["P8", "P10"],
        "objects" => &["P8", "P9", "P10"],
        "shares" | "archives" | "previews" => &["P9", "P10"],
        "unconfirmed" => &["P12", "P10"],
        "refusals" => &["P14", "P10"],
        _ => &["P10"],
    }
}
