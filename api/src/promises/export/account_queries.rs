//! What is known of the person: who they are, how they come in, what they own in gems and what they paid. Read as the person.
use super::table::{Table, table};

pub const TABLES: &[Table] = &[
    table!("profile", "Who you are here, and the number that the payment vendor knows you by.", Person, Person,
        "t.created_at", "t.id",
        select "t.id, t.email, t.email_normalised, t.name, t.is_operator, t.age_confirmed_at, t.suspended_at, t.is_separate,
            t.closing_at, t.created_at, (select l.account_id from account_links l where l.person_id = t.id) as account_id,
            (select c.customer from payment_customers c join account_links l on l.account_id = c.account_id
              where l.person_id = t.id) as payment_customer,
            (select c.created_at from payment_customers c join account_links l on l.account_id = c.account_id
              where l.person_id = t.id) as payment_customer_since"
        from "people t", "t.id = $1"),
    table!("identities", "Your sign-in methods: the provider, and what it calls you.", Person, Person,
        "t.created_at", "t.id",
        select "t.id, t.provider, t.issuer, t.subject, t.email, t.email_normalised, t.created_at, t.last_used_at"
        from "identities t", "t.person_id = $1"),
    table!("sessions", "Where you are or were signed in.", Person, Person, "t.created_at", "t.id",
        select "t.id, t.provider, t.user_agent, t.created_at, t.last_used_at, t.expires_at, t.revoked_at"
        from "sessions t", "t.person_id = $1"),
    table!("policies", "Which policy you have read, and when: with the age question, or a later version.", Person, Person,
        "t.created_at", "t.policy_id",
        select "t.policy_id, t.way, t.created_at" from "policy_acknowledgements t", "t.person_id = $1"),
    table!("erasures", "What you asked to have erased, and when it is due.", Person, Person, "t.created_at", "t.id",
        select "t.id, t.kind, t.status, t.step, t.gems_forfeited, t.created_at, t.due_at, t.started_at" from "erasures t",
        "t.person_id = $1"),
    table!("api_keys", "Your API keys: what each may do and its first letters, which recognise it. Never the key.", Person,
        Person, "t.created_at", "t.id",
        select "t.id, t.name, t.start, t.scopes, t.daily_gems, t.free_gems_only, t.created_at, t.expires_at, t.last_used_at,
            t.revoked_at"
        from "api_keys t", "t.person_id = $1"),
    table!("gems", "Your balance in gems, what you let yourself spend, and the time zone of your days.", Person, Account,
        "t.created_at", "t.id",
        select "t.id, t.free, t.bought, t.free + t.bought as remaining, t.held_free, t.held_bought, t.debt, t.used, t.purchased,
            t.daily_cap, t.monthly_cap, t.time_zone, t.spends_until, t.created_at"
        from "gem_accounts t", "t.id = $1"),
    table!("statement", "Every transfer of gems: from which side to which, and by how much it changed what remained.", Person,
        Account, "t.created_at", "t.id",
        select "t.id, t.kind, t.debit, t.credit, t.amount,
            case when t.credit in ('free', 'bought') then t.amount else 0 end
              - case when t.debit in ('free', 'bought') then t.amount else 0 end as change,
            t.reference, t.part, t.created_at"
        from "gem_transfers t", "t.account_id = $1"),
    table!("purchases", "What you bought: amounts in the smallest unit of the currency, refunds, billing e-mail.", Person,
        Account, "t.created_at", "t.id",
        select "t.id, t.idempotency_key, t.request_id, t.pack, t.gems, t.amount, t.currency, t.catalogue_version, t.status,
            t.checkout_session, t.payment_intent, t.credited_gems, t.clawed_back_gems, t.parts, t.charged_amount,
            t.refunded_amount, t.disputed_amount, t.lost_disputes, t.billing_email, t.trouble, t.created_at, t.paid_at,
            t.read_at"
        from "purchases t", "t.account_id = $1"),
    table!("redemptions", "Codes that you redeemed: what each gave. Codes themselves are not kept.", Person, Account,
        "t.created_at", "t.id",
        select "t.id, t.code_id, t.gems, t.created_at" from "redemptions t", "t.account_id = $1"),
    table!("notices", "What you were told, and when you read it.", Person, Person, "t.created_at", "t.id",
        select "t.id, t.kind, t.subject, t.gems, t.part, t.created_at, t.read_at"
        from "notices t", "t.person_id = $1"),
];
