//! What an operator watches, named in one place: every number the process counts is counted through a function here.
//! Labels are few and fixed: never a person, a prompt, a key or a path. Without METRICS_LISTEN nothing is kept.
pub mod exporter;
mod sample;

/// One call to a model ended. `outcome` is `made` or the failure's code.
pub fn model_answered(model: &str, outcome: &'static str, seconds: f64) {
    metrics::histogram!("lapidary_model_seconds", "model" => model.to_owned(), "outcome" => outcome).record(seconds);
}

/// A generation reached its last state.
pub fn generation_ended(status: &'static str, failure: Option<&'static str>) {
    metrics::counter!("lapidary_generations_total", "status" => status, "failure" => failure.unwrap_or("none"))
        .increment(1);
}

/// A refinement's language model was heard. `outcome` is `made` or the failure's code.
pub fn refinement_ended(outcome: &'static str, seconds: f64) {
    metrics::counter!("lapidary_refinements_total", "outcome" => outcome).increment(1);
    metrics::histogram!("lapidary_refinement_seconds", "outcome" => outcome).record(seconds);
}

/// A refinement lost its process and was ended by the sweep.
pub fn refinement_swept() {
    metrics::counter!("lapidary_refinements_total", "outcome" => "lost").increment(1);
}

/// An image and its two thumbnails are in storage.
pub fn image_stored(bytes: u64) {
    metrics::counter!("lapidary_images_total").increment(1);
    metrics::counter!("lapidary_image_bytes_total").increment(bytes);
}

/// Images were settled that cost so much at their provider, in millionths of a US dollar.
pub fn provider_cost(model: &str, microusd: i64) {
    if let Ok(microusd @ 1..) = u64::try_from(microusd) {
        metrics::counter!("lapidary_provider_cost_microusd_total", "model" => model.to_owned()).increment(microusd);
    }
}

/// A model's newest images cost more than their gems bring; said once a day.
pub fn model_at_loss(model: &str) {
    metrics::counter!("lapidary_model_losses_total", "model" => model.to_owned()).increment(1);
}

/// A safety system said no. `stage`: `before_making`, `input`, `output`, `unknown`.
pub fn refused(stage: &'static str) {
    metrics::counter!("lapidary_refusals_total", "stage" => stage).increment(1);
}

/// Somebody has to look at a person. `kind`: `refusals`.
pub fn flag_raised(kind: &'static str) {
    metrics::counter!("lapidary_flags_total", "kind" => kind).increment(1);
}

/// The moderation service did not look at a prompt, which was `allowed` or `refused` for that.
pub fn moderation_failed(then: &'static str) {
    metrics::counter!("lapidary_moderation_failures_total", "then" => then).increment(1);
}

/// Gems were posted; a transaction that then fails takes them back uncounted. `kind` is the transfer's: `hold`,
/// `capture`, `release`, `grant` …
pub fn gems_moved(kind: &'static str, gems: i64) {
    metrics::counter!("lapidary_gems_total", "kind" => kind).increment(u64::try_from(gems).unwrap_or(0));
}

/// The payment webhook was called. `outcome`: `posted`, `known`, `ignored`, `refused`, `failed`.
pub fn payment_event(outcome: &'static str) {
    metrics::counter!("lapidary_payment_events_total", "outcome" => outcome).increment(1);
}

/// A payment came that is not credited: somebody has to look.
pub fn payment_troubled() {
    metrics::counter!("lapidary_payment_troubles_total").increment(1);
}

/// Purchases that the reconcile job found elsewhere than their money.
pub fn payments_mended(purchases: i32) {
    metrics::counter!("lapidary_payments_mended_total").increment(u64::try_from(purchases).unwrap_or(0));
}

/// The payment vendor did not do what it was asked, however often.
pub fn payment_vendor_failed() {
    metrics::counter!("lapidary_payment_vendor_failures_total").increment(1);
}

/// A webhook was sent, or could not be. `outcome`: `delivered`, `again`, `failed`.
pub fn webhook_sent(outcome: &'static str, seconds: f64) {
    metrics::histogram!("lapidary_webhook_seconds", "outcome" => outcome).record(seconds);
}

/// An endpoint was switched off. `reason`: `gone`, `failing`.
pub fn webhook_disabled(reason: &'static str) {
    metrics::counter!("lapidary_webhooks_disabled_total", "reason" => reason).increment(1);
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

/// A request waited so long for its transaction, its first word included.
pub fn pool_waited(seconds: f64) {
    metrics::histogram!("lapidary_pool_wait_seconds", "pool" => "person").record(seconds);
}

/// A request got no transaction. `why`: `crowded` (too many waited already), `late` (it waited for its whole patience).
pub fn pool_refused(why: &'static str) {
    metrics::counter!("lapidary_pool_refusals_total", "pool" => "person", "why" => why).increment(1);
}

/// `P1` to `P15`: whether it was seen kept, or is declared, when it was last looked at.
pub fn promise_kept(promise: &str, is_kept: bool) {
    metrics::gauge!("lapidary_promise_kept", "promise" => promise.to_owned()).set(f64::from(u8::from(is_kept)));
}

/// Rows whose objects were not in storage when the last sweep looked.
pub fn objects_missing(rows: i64) {
    metrics::gauge!("lapidary_objects_missing").set(f64::from(i32::try_from(rows).unwrap_or(i32::MAX)));
}

/// Requests that are not in the request log: it was full, or could not be written.
pub fn request_log_dropped(rows: u64) {
    metrics::counter!("lapidary_request_log_dropped_total").increment(rows);
}

/// Anybody can invent methods.
pub fn method_name(method: &actix_web::http::Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        _ => "other",
    }
}

/// A request was answered. `route` is the pattern, never the path; one label stands for every unknown one.
pub fn request_ended(method: &actix_web::http::Method, route: String, status: u16, seconds: f64) {
    let method = method_name(method);
    let status = match status {
        100..=199 => "1xx",
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    };
    metrics::histogram!("lapidary_request_seconds", "method" => method, "route" => route, "status" => status)
        .record(seconds);
}

/// Counts an open stream of events until it is dropped.
pub struct OpenStream(());

impl OpenStream {
    pub fn count() -> Self {
        metrics::gauge!("lapidary_streams_open").increment(1.0);
        Self(())
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        metrics::gauge!("lapidary_streams_open").decrement(1.0);
    }
}
