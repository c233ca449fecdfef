//! Every table that no job of the list empties by itself, and why its rows stay. A table that stands neither here nor with a job
//! fails a test: whoever makes one says how long it lives.

/// How long the rows of a table live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stay {
    /// A job of this kind removes them in time.
    Job(&'static str),
    /// Until their person deletes them, or themselves.
    Person(&'static str),
    /// As long as the service runs; why, and that they name nobody.
    Always(&'static str),
}

use self::Stay::{Always, Job, Person};

pub const TABLES: &[(&str, Stay)] = &[
    ("account_links", Person("says which account is whose, and goes with the person")),
    ("api_keys", Job("api_keys")),
    ("audit_log", Job("audit_log")),
    ("collection_images", Person("what a person put together")),
    ("collections", Person("what a person put together")),
    ("erasures", Job("erasures")),
    ("events", Job("events")),
    ("flags", Job("flags")),
    ("gem_accounts", Always("the ledger: balances of accounts; whose they were goes with the person")),
    ("gem_adjustments", Always("the ledger's cause of what operators gave and took")),
    ("gem_transfers", Always("the ledger: append-only, by account; it names nobody once the link is cut")),
    ("generations", Person("prompts and what they cost: the account's history")),
    ("identities", Person("how a person signs in")),
    ("image_archives", Job("archives")),
    ("image_counts", Person("how many images a person has, counted from them")),
    ("images", Person("kept until deleted; what is in the trash goes with the job of the trash")),
    ("installation", Always("marks the bucket as this database's; knows no person")),
    ("notices", Job("notices")),
    ("payment_customers", Job("payments")),
    ("payment_events", Job("payments")),
    ("pending_identities", Job("sign_in")),
    ("people", Person("the account itself; who never confirmed their age goes after a day")),
    ("policy_acknowledgements", Person("which policies a person has read")),
    ("policy_versions", Always("versions of the policies; knows no person")),
    ("presets", Person("what a person put together")),
    ("promise_looks", Always("what was last seen of each promise; knows no person")),
    ("providers", Always("how each vendor does; knows no person")),
    ("purchases", Job("payments")),
    ("reconcile_runs", Job("traces")),
    ("redeem_codes", Always("codes and how often each was used: the ledger's cause of their gems; knows no person")),
    ("redemptions", Always("the ledger's cause of gems that came by a code, by account")),
    ("reference_images", Job("references")),
    ("refinements", Person("what was suggested and what it cost: the account's history")),
    ("refresh_tokens", Job("sign_in")),
    ("refusals", Job("refusals")),
    ("request_log", Job("request_log")),
    ("revocations", Job("sign_in")),
    ("sealed_keys", Always("keys that only this service can open; knows no person")),
    ("sessions", Job("sign_in")),
    ("share_links", Job("shares")),
    ("sign_in_attempts", Job("sign_in")),
    ("signing_keys", Always("one signs; a retired one goes after a day, when the next is made")),
    ("sweep_runs", Job("traces")),
    ("webhook_deliveries", Job("webhook_deliveries")),
    ("webhook_endpoints", Person("where a person wants to hear of things")),
    ("webhook_secrets", Job("webhook_deliveries")),
    ("welcome_marks", Always("keyed hashes, so that welcome gems are given once; nobody can be read out of them")),
];
