//! The vendor's objects with every field it always sends; the files under `shapes/` hold what is the same in each.
//! Field names and defaults: npm `stripe` 23.1.0 and the fixtures of stripe/openapi.
use serde_json::Value;

pub const CHECKOUT_SESSION: &str = include_str!("shapes/checkout_session.json");
pub const LINE_ITEM: &str = include_str!("shapes/line_item.json");
pub const PRICE: &str = include_str!("shapes/price.json");
pub const PAYMENT_INTENT: &str = include_str!("shapes/payment_intent.json");
pub const CHARGE: &str = include_str!("shapes/charge.json");
pub const BALANCE_TRANSACTION: &str = include_str!("shapes/balance_transaction.json");
pub const REFUND: &str = include_str!("shapes/refund.json");
pub const DISPUTE: &str = include_str!("shapes/dispute.json");
pub const INVOICE: &str = include_str!("shapes/invoice.json");
pub const INVOICE_LINE: &str = include_str!("shapes/invoice_line.json");
pub const CUSTOMER: &str = include_str!("shapes/customer.json");
pub const PORTAL_SESSION: &str = include_str!("shapes/portal_session.json");
pub const WEBHOOK_ENDPOINT: &str = include_str!("shapes/webhook_endpoint.json");
pub const EVENT: &str = include_str!("shapes/event.json");
pub const ACCOUNT: &str = include_str!("shapes/account.json");
pub const BALANCE: &str = include_str!("shapes/balance.json");

/// A new object of a shape, with its own `fields`.
pub fn make(shape: &str, fields: Value) -> Value {
    let mut object = serde_json::from_str(shape).unwrap_or_default();
    merge(&mut object, fields);
    object
}

/// Sets fields, whole: what stood under a name is gone.
pub fn merge(object: &mut Value, fields: Value) {
    if let (Value::Object(object), Value::Object(fields)) = (object, fields) {
        object.extend(fields);
    }
}

/// What the API shows of an object. Names that begin with `_` are the sandbox's own notes.
pub fn shown(object: &Value) -> Value {
    let mut shown = object.clone();
    if let Value::Object(fields) = &mut shown {
        fields.retain(|name, _| !name.starts_with('_'));
    }
    shown
}
