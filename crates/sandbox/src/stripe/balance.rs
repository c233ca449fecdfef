//! Movements of the account's money, one object each; the balance is their sum.
use serde_json::{Value, json};

use super::book::{Book, new_id, now, text};
use super::shapes::{self, make};

const KIND: &str = "balance_transaction";
/// What a dispute costs, won or lost.
const DISPUTE_FEE: i64 = 1500;

fn amount_of(object: &Value) -> i64 {
    object["amount"].as_i64().unwrap_or_default()
}

/// The vendor takes 2.9 % and 30 of each payment.
pub fn charged(book: &mut Book, charge: &Value) -> String {
    let amount = amount_of(charge);
    moved(book, charge, amount, amount * 29 / 1000 + 30, ("charge", "charge"))
}

pub fn refunded(book: &mut Book, refund: &Value) -> String {
    let amount = amount_of(refund);
    moved(book, refund, -amount, 0, ("refund", "refund"))
}

/// A refund came back.
pub fn refund_failed(book: &mut Book, refund: &Value) -> String {
    let amount = amount_of(refund);
    moved(book, refund, amount, 0, ("refund_failure", "refund_failure"))
}

pub fn withdrawn(book: &mut Book, dispute: &Value) -> String {
    let amount = amount_of(dispute);
    moved(book, dispute, -amount, DISPUTE_FEE, ("adjustment", "dispute"))
}

pub fn reinstated(book: &mut Book, dispute: &Value) -> String {
    let amount = amount_of(dispute);
    moved(book, dispute, amount, 0, ("adjustment", "dispute_reversal"))
}

fn moved(book: &mut Book, source: &Value, amount: i64, fee: i64, kinds: (&str, &str)) -> String {
    let (kind, category) = kinds;
    let fees = match fee {
        0 => json!([]),
        fee => {
            let description = if category == "dispute" { "Dispute fee" } else { "Stripe processing fees" };
            json!([{
                "amount": fee, "application": null, "currency": source["currency"], "description": description,
                "type": "stripe_fee",
            }])
        }
    };
    book.put(make(
        shapes::BALANCE_TRANSACTION,
        json!({
            "id": new_id("txn_1", 23), "amount": amount, "available_on": now(), "created": now(),
            "currency": source["currency"], "fee": fee, "fee_details": fees, "net": amount - fee,
            "reporting_category": category, "source": text(source, "id"), "type": kind,
        }),
    ))
}

pub fn balance(book: &Book) -> Value {
    let mut sums: std::collections::BTreeMap<&str, i64> = [("usd", 0)].into();
    for moved in book.all(KIND) {
        *sums.entry(text(moved, "currency")).or_default() += moved["net"].as_i64().unwrap_or_default();
    }
    let line = |(currency, amount): (&&str, &i64)| json!({ "amount": amount, "currency": currency, "source_types": { "card": amount } });
    let available: Vec<Value> = sums.iter().map(line).collect();
    let pending: Vec<Value> = sums.keys().map(|currency| line((currency, &0))).collect();
    make(shapes::BALANCE, json!({ "available": available, "pending": pending }))
}
