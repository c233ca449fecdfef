//! Where the database keeps what: every column of every table, with the kind of data it holds or why it holds none about
//! people. A column that is not here fails a test, and breaks promise P1 of an installation that has it.
use super::categories::Kind::{self, *};

/// What some columns of a table hold.
pub enum Holds {
    About(Kind),
    /// Nothing about people, for this reason.
    Nothing(&'static str),
}

use Holds::{About, Nothing};

pub struct Table {
    pub name: &'static str,
    /// Names of columns, separated by spaces.
    pub columns: &'static [(Holds, &'static str)],
}

const STAMP: Holds = Nothing("bookkeeping of a row");

const fn table(name: &'static str, columns: &'static [(Holds, &'static str)]) -> Table {
    Table { name, columns }
}

pub const ALL: &[Table] = &[
    table("account_links", &[(About(Gems), "person_id account_id")]),
    table(
        "api_keys",
        &[(
            About(Programs),
            "id person_id name start key_hash scopes daily_gems free_gems_only created_at expires_at last_used_at revoked_at",
        )],
    ),
    table("audit_log", &[(About(Safety), "id operator_id act subject reason gems request_id created_at")]),
    table("collection_images", &[(About(Order), "collection_id image_id person_id added_at")]),
    table("collections", &[(About(Order), "id person_id name created_at")]),
    table(
        "erasures",
        &[
            (
                About(Profile),
                "id kind status token_hash person_id account_id customer step erased_rows erased_objects gems_forfeited \
                 created_at due_at started_at finished_at",
            ),
            (STAMP, "attempt lease_until tries next_try_at"),
        ],
    ),
    table("events", &[(About(News), "id person_id kind subject created_at")]),
    table("flags", &[(About(Safety), "id person_id kind refusals created_at updated_at closed_at")]),
    table(
        "gem_accounts",
        &[(
            About(Gems),
            "id free bought held_free held_bought debt used purchased created_at daily_cap monthly_cap time_zone spends_until \
             closed_at",
        )],
    ),
    table(
        "gem_adjustments",
        &[
            (About(Gems), "id account_id gems created_at"),
            (About(Safety), "operator_id"),
            (STAMP, "idempotency_key fingerprint"),
        ],
    ),
    table("gem_transfers", &[(About(Gems), "id account_id debit credit amount kind reference created_at part")]),
    table(
        "generations",
        &[
            (
                About(Made),
                "id person_id account_id request_id status prompt composed_prompt attributes model width height quality count \
                 share_gems held_free held_bought captured_gems model_request_id created_at started_at finished_at preview_key \
                 model_answers erased_gems background output_format made_from mask_id api_key_id called_by failure_code",
            ),
            (About(Safety), "refusal"),
            (
                STAMP,
                "idempotency_key fingerprint catalogue_version attempt lease_until available_at cancel_requested_at \
                 model_calls model_cuts model_failing_since forgiven_attempts traceparent call_fingerprint called_at joins",
            ),
        ],
    ),
    table(
        "identities",
        &[(About(Profile), "id person_id provider issuer subject email created_at last_used_at email_normalised")],
    ),
    table(
        "image_archives",
        &[
            (
                About(Order),
                "id person_id request_id kind status image_ids image_count done_count object_key bytes created_at finished_at \
                 expires_at",
            ),
            (STAMP, "idempotency_key fingerprint attempt lease_until upload_id failure"),
        ],
    ),
    table("image_counts", &[(About(Made), "person_id kind section value images")]),
    table(
        "images",
        &[
            (
                About(Made),
                "id generation_id person_id position object_prefix extension content_type bytes width height thumbhash \
                 revised_prompt price_gems usage created_at deleted_at prompt attributes model quality search cost_microusd \
                 cost_source has_content_credentials digital_source_type",
            ),
            (About(Order), "is_favourite"),
            (STAMP, "erase_tried_at"),
        ],
    ),
    table("installation", &[(Nothing("a mark of this database, made by chance"), "only_one id")]),
    table("notices", &[(About(News), "id person_id kind subject gems part created_at read_at")]),
    table("payment_customers", &[(About(Payments), "account_id customer created_at")]),
    table("payment_events", &[(About(Payments), "id kind purchase_id heard_by created_at received_at")]),
    table("pending_identities", &[(About(Sessions), "browser_hash identity expires_at")]),
    table(
        "people",
        &[
            (
                About(Profile),
                "id email email_normalised name picture_key is_operator is_separate created_at closing_at",
            ),
            (About(Age), "age_confirmed_at"),
            (About(Safety), "suspended_at"),
        ],
    ),
    table("policy_acknowledgements", &[(About(Age), "person_id policy_id way created_at")]),
    table(
        "policy_versions",
        &[(
            Nothing("versions of the policies, and how far everybody has been told of them"),
            "id kind version text_hash effective_at created_at told_to told_at",
        )],
    ),
    table("presets", &[(About(Order), "id person_id name attributes created_at updated_at")]),
    table("promise_looks", &[(Nothing("what was seen of each promise"), "id state trouble looked_at kept_at")]),
    table(
        "providers",
        &[(
            Nothing("which providers of models do not deliver"),
            "origin failures paused_until since code probing_until updated_at",
        )],
    ),
    table(
        "purchases",
        &[
            (
                About(Payments),
                "id account_id request_id pack gems amount currency status checkout_session payment_intent credited_gems \
                 clawed_back_gems parts charged_amount refunded_amount disputed_amount lost_disputes billing_email trouble \
                 created_at paid_at read_at",
            ),
            (STAMP, "idempotency_key fingerprint catalogue_version reading posted_reading"),
        ],
    ),
    table(
        "reconcile_runs",
        &[(
            Nothing("traces of the comparison with the payment provider"),
            "id started_at finished_at events_until events_read purchases_read mended failures",
        )],
    ),
    table(
        "redeem_codes",
        &[(
            Nothing("codes that an operator made, as hashes, for whoever has one"),
            "id code_hash gems uses_max uses note created_at expires_at revoked_at",
        )],
    ),
    table("redemptions", &[(About(Gems), "id code_id account_id gems created_at")]),
    table(
        "reference_images",
        &[
            (
                About(Uploads),
                "id person_id object_prefix extension content_type bytes width height thumbhash is_mask created_at deleted_at \
                 is_passing",
            ),
            (STAMP, "fingerprint"),
        ],
    ),
    table(
        "refinements",
        &[
            (
                About(Made),
                "id person_id account_id request_id status prompt attributes seen_sections price_gems held_free held_bought \
                 captured_gems sections failure_code model_request_id usage created_at finished_at api_key_id",
            ),
            (STAMP, "idempotency_key fingerprint lease_until"),
        ],
    ),
    table("refresh_tokens", &[(About(Sessions), "hash session_id created_at predecessor spent_at successor_used_at")]),
    table("refusals", &[(About(Safety), "id person_id stage categories generation_id request_id created_at")]),
    table(
        "request_log",
        &[(
            About(Requests),
            "id created_at person_id api_key_id method route status latency_micros gems problem generation_id",
        )],
    ),
    table("revocations", &[(About(Sessions), "id session_id created_at")]),
    table("sealed_keys", &[(Nothing("sealed keys of the installation itself"), "id purpose sealed created_at")]),
    table(
        "sessions",
        &[(About(Sessions), "id person_id provider user_agent created_at last_used_at expires_at revoked_at")],
    ),
    table(
        "share_links",
        &[(
            About(Order),
            "id person_id image_id token_hash token_sealed shows_prompt view_count created_at expires_at revoked_at \
             last_viewed_at",
        )],
    ),
    table(
        "sign_in_attempts",
        &[(
            About(Sessions),
            "state_hash browser_hash provider nonce pkce_verifier return_to pending_identity created_at expires_at session_id",
        )],
    ),
    table(
        "signing_keys",
        &[(Nothing("sealed keys that sign access tokens"), "id sealed public_key created_at retired_at")],
    ),
    table(
        "sweep_runs",
        &[
            (
                Nothing("traces of jobs, with counts"),
                "id kind is_dry_run day started_at finished_at failed_at lease_until seen deleted deleted_previews failed unknown \
                 missing",
            ),
            (Nothing("where a run goes on, until it is finished: an object's key"), "cursor_key cursor_version"),
        ],
    ),
    table(
        "webhook_deliveries",
        &[
            (
                About(Programs),
                "id endpoint_id person_id event_type subject part data status tries attempts created_at finished_at",
            ),
            (STAMP, "attempt next_attempt_at lease_until"),
        ],
    ),
    table(
        "webhook_endpoints",
        &[(
            About(Programs),
            "id person_id url description event_types status disabled_reason failing_since is_slow created_at updated_at",
        )],
    ),
    table("webhook_secrets", &[(About(Programs), "id endpoint_id person_id sealed created_at expires_at")]),
    table("welcome_marks", &[(About(Marks), "hash created_at")]),
];

/// Whether the map has this column.
pub fn knows(table: &str, column: &str) -> bool {
    let known = ALL.iter().filter(|known| known.name == table).flat_map(|known| known.columns);
    known.into_iter().any(|(_, names)| names.split(' ').any(|name| name == column))
}

/// Tables that hold something of this kind.
pub fn of(kind: Kind) -> impl Iterator<Item = &'static str> {
    let holds = move |table: &&Table| table.columns.iter().any(|(holds, _)| matches!(holds, About(it) if *it == kind));
    ALL.iter().filter(holds).map(|table| table.name)
}
