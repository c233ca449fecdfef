//! What is kept about the person and no person may read by themselves. By its predicate alone: house only.
use super::table::{Table, table};

pub const TABLES: &[Table] = &[
    table!("session_renewals", "When each of your sessions was renewed. Never what renewed it.", House, Person,
        "t.created_at", "md5(t.hash)::uuid",
        select "t.session_id, t.created_at, t.spent_at, t.successor_used_at"
        from "sessions s join refresh_tokens t on t.session_id = s.id", "s.person_id = $1"),
    table!("payment_events", "What the payment vendor told us about your purchases, and how we heard of it.", House, Account,
        "t.received_at", "md5(t.id)::uuid",
        select "t.id, t.kind, t.purchase_id, t.heard_by, t.created_at, t.received_at"
        from "purchases i join payment_events t on t.purchase_id = i.id", "i.account_id = $1"),
    table!("adjustments", "Gems that an operator gave you or took.", House, Account, "t.created_at", "t.id",
        select "t.id, t.gems, t.created_at" from "gem_adjustments t", "t.account_id = $1"),
    table!("refusals", "What a safety system refused, at which stage, and why. Kept for 30 days.", House, Person,
        "t.created_at", "t.id",
        select "t.id, t.stage, t.categories, t.generation_id, t.request_id, t.created_at"
        from "refusals t", "t.person_id = $1"),
    table!("flags", "That somebody should look at refusals of yours.", House, Person, "t.created_at", "t.id",
        select "t.id, t.kind, t.refusals, t.created_at, t.updated_at, t.closed_at" from "flags t", "t.person_id = $1"),
    table!("operator_acts", "What operators did about you, and what you did if you are one; of others it names nobody.", House,
        Person, "t.created_at", "t.id",
        select "t.id, t.act, t.operator_id is not distinct from $1 as is_yours, case when t.subject = $1 then t.reason end as reason, t.gems,
            t.request_id, t.created_at"
        from "audit_log t", "(t.subject = $1 or t.operator_id = $1)"),
];
