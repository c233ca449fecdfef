//! What an operator watches, named in one place: every number the process counts is counted through a function here.
//! Labels are few and fixed: never a person, a prompt, a key or a path.

/// One call to a model ended. `outcome` is `made` or the failure's code.
pub fn model_answered(model: &str, outcome: &'static str, seconds: f64) {
    metrics::histogram!("lapidary_model_seconds", "model" => model.to_owned(), "outcome" => outcome).record(seconds);
}

/// A generation reached its last state.
pub fn generation_ended(status: &'static str, failure: Option<&'static str>) {
    metrics::counter!("lapidary_generations_total", "status" => status, "failure" => failure.unwrap_or("none"))
        .increment(1);
}

/// An image and its two thumbnails are in storage.
pub fn image_stored(bytes: u64) {
    metrics::counter!("lapidary_images_total").increment(1);
    metrics::counter!("lapidary_image_bytes_total").increment(bytes);
}

/// Gems moved. `kind` is the transfer's: `hold`, `capture`, `release`, `grant` …
pub fn gems_moved(kind: &'static str, gems: i64) {
    metrics::counter!("lapidary_gems_total", "kind" => kind).increment(u64::try_from(gems).unwrap_or(0));
}

/// A lease ended without its worker.
pub fn lease_lost() {
    metrics::counter!("lapidary_leases_lost_total").increment(1);
}

/// A provider is no longer asked (`true`), or asked again.
pub fn provider_paused(provider: &str, is_paused: bool) {
    metrics::gauge!("lapidary_provider_paused", "provider" => provider.to_owned()).set(f64::from(u8::from(is_paused)));
}

/// The storage did not do what it was asked. `act`: `put`, `delete`, `list`.
pub fn storage_failed(act: &'static str) {
    metrics::counter!("lapidary_storage_failures_total", "act" => act).increment(1);
}

/// Objects that belonged to no row were deleted.
pub fn orphans_swept(objects: u64) {
    metrics::counter!("lapidary_orphans_swept_total").increment(objects);
}

/// The database did not do what it was asked. `fault`: `away`, `full`, `read_only`, `contended`, `stuck`.
pub fn database_failed(fault: &'static str) {
    metrics::counter!("lapidary_database_failures_total", "fault" => fault).increment(1);
}

/// Rows whose objects were not in storage when the last sweep looked.
pub fn objects_missing(rows: i64) {
    metrics::gauge!("lapidary_objects_missing").set(f64::from(i32::try_from(rows).unwrap_or(i32::MAX)));
}
