//! What the person's programs and this service did in their name. Read as the person.
use super::table::{Table, table};

pub const TABLES: &[Table] = &[
    table!("webhook_endpoints", "Where your programs hear of what happens.", Person, Person, "t.created_at", "t.id",
        select "t.id, t.url, t.description, t.event_types, t.status, t.disabled_reason, t.failing_since, t.is_slow,
            t.created_at, t.updated_at"
        from "webhook_endpoints t", "t.person_id = $1"),
    table!("webhook_signing", "When what signs your webhooks was made, and until when a replaced one signs. Never the secret.",
        Person, Person, "t.created_at", "t.id",
        select "t.id, t.endpoint_id, t.created_at, t.expires_at" from "webhook_secrets t", "t.person_id = $1"),
    table!("webhook_deliveries", "What was sent to them, and what they answered. Kept for 30 days.", Person, Person,
        "t.created_at", "t.id",
        select "t.id, t.endpoint_id, t.event_type, t.subject, t.part, t.data, t.status, t.attempt, t.tries, t.next_attempt_at,
            t.attempts, t.created_at, t.finished_at"
        from "webhook_endpoints e join webhook_deliveries t on t.endpoint_id = e.id", "t.person_id = $1"),
    table!("requests", "What was asked in your name, how it went, how long it took. Kept for 30 days.", Person, Person,
        "t.created_at", "t.id",
        select "t.id, t.created_at, t.api_key_id, t.method, t.route, t.status, t.latency_micros, t.gems, t.problem,
            t.generation_id"
        from "request_log t", "t.person_id = $1"),
    table!("archives", "Zips that you asked for: of images, and of everything.", Person, Person, "t.created_at", "t.id",
        select "t.id, t.kind, t.request_id, t.idempotency_key, t.status, t.image_ids, t.image_count, t.done_count, t.bytes,
            t.failure, t.created_at, t.finished_at, t.expires_at"
        from "image_archives t", "t.person_id = $1"),
    table!("events", "What open pages were told of. Kept for a day.", Person, Person, "t.created_at",
        "lpad(to_hex(t.id), 32, '0')::uuid",
        select "t.id, t.kind, t.subject, t.created_at" from "events t", "t.person_id = $1"),
];
