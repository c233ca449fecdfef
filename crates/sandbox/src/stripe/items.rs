//! `line_items` of a new Checkout Session: what is bought, at which price. Only one-time prices made on the spot.
use serde_json::{Value, json};

use super::book::{new_id, now};
use super::params::{Params, given_metadata};
use super::refusal::Refusal;
use super::shapes::{self, make};

const MOST_ITEMS: usize = 100;
const MOST_AMOUNT: i64 = 99_999_999;
/// Currency and the least that may be charged in it.
const CURRENCIES: [(&str, i64); 12] = [
    ("usd", 50),
    ("eur", 50),
    ("gbp", 30),
    ("chf", 50),
    ("cad", 50),
    ("aud", 50),
    ("nzd", 50),
    ("sek", 300),
    ("nok", 300),
    ("dkk", 250),
    ("pln", 200),
    ("jpy", 50),
];

pub struct Items {
    pub lines: Vec<Value>,
    pub currency: String,
    pub total: i64,
}

pub fn read(params: &mut Params) -> Result<Items, Refusal> {
    let given = params.objects("line_items")?;
    if given.is_empty() {
        return Err(Refusal::missing("line_items"));
    }
    if given.len() > MOST_ITEMS {
        let text = format!("Checkout Sessions in payment mode take at most {MOST_ITEMS} line items.");
        return Err(Refusal::invalid(text).about("line_items"));
    }
    let lines = given.into_iter().map(item).collect::<Result<Vec<_>, _>>()?;
    let currency = lines.first().and_then(|line| line["currency"].as_str()).unwrap_or_default().to_owned();
    if lines.iter().any(|line| line["currency"] != currency.as_str()) {
        return Err(Refusal::invalid("All line items must have the same currency.").about("line_items"));
    }
    let total = lines.iter().filter_map(|line| line["amount_total"].as_i64()).sum();
    check_total(total, &currency)?;
    Ok(Items { lines, currency, total })
}

fn check_total(total: i64, currency: &str) -> Result<(), Refusal> {
    let least = CURRENCIES.iter().find(|(known, _)| *known == currency).map_or(0, |(_, least)| *least);
    if total != 0 && total < least {
        let text = format!("The Checkout Session's total amount must convert to at least {least} {currency} cents.");
        return Err(Refusal::invalid(text).code("amount_too_small"));
    }
    if total > MOST_AMOUNT {
        let text = format!("The Checkout Session's total amount must be no more than {MOST_AMOUNT}.");
        return Err(Refusal::invalid(text).code("amount_too_large"));
    }
    Ok(())
}

fn item(mut params: Params) -> Result<Value, Refusal> {
    if let Some(price) = params.text("price")? {
        return Err(Refusal::no_such_param("price", &price, &params.name("price")));
    }
    let price_name = params.name("price_data");
    let price_data = params.object("price_data")?.ok_or_else(|| Refusal::missing(&price_name))?;
    let name = params.name("quantity");
    let quantity = params
        .integer_from("quantity", 1)?
        .ok_or_else(|| Refusal::invalid(format!("Quantity is required. Add `quantity` to `{name}`")).about(&name))?;
    let metadata = given_metadata(params.metadata()?);
    params.nothing_left()?;
    let (price, title) = price(price_data)?;
    let unit = price["unit_amount"].as_i64().unwrap_or_default();
    let total = unit.saturating_mul(quantity);
    Ok(make(
        shapes::LINE_ITEM,
        json!({
            "id": new_id("li_1", 23), "amount_subtotal": total, "amount_total": total, "currency": price["currency"],
            "description": title, "metadata": metadata, "price": price, "quantity": quantity,
        }),
    ))
}

/// The price and the name of what it buys.
fn price(mut params: Params) -> Result<(Value, String), Refusal> {
    if params.has("recurring") {
        let text = "You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode or \
                    use only one-time prices.";
        return Err(Refusal::invalid(text).about(&params.name("recurring")));
    }
    let currency = params.needed("currency")?;
    if !CURRENCIES.iter().any(|(known, _)| *known == currency) {
        let name = params.name("currency");
        return Err(Refusal::invalid(format!("Invalid currency: {currency}")).about(&name));
    }
    let (name, decimal) = (params.name("unit_amount"), params.text("unit_amount_decimal")?);
    let unit = match (params.integer_from("unit_amount", 0)?, decimal) {
        (Some(unit), None) => unit,
        (None, Some(decimal)) => decimal.parse().map_err(|_| {
            Refusal::invalid(format!("Invalid decimal: {decimal}; the sandbox takes whole units only")).about(&name)
        })?,
        (None, None) => return Err(Refusal::missing(&name)),
        (Some(_), Some(_)) => {
            let text = "You may only specify one of these parameters: unit_amount, unit_amount_decimal.";
            return Err(Refusal::invalid(text).about(&name));
        }
    };
    let behavior = params.choice("tax_behavior", &["exclusive", "inclusive", "unspecified"])?;
    if let Some(product) = params.text("product")? {
        return Err(Refusal::no_such_param("product", &product, &params.name("product")));
    }
    let name = params.name("product_data");
    let title = product_name(params.object("product_data")?.ok_or_else(|| Refusal::missing(&name))?)?;
    params.nothing_left()?;
    let price = make(
        shapes::PRICE,
        json!({
            "id": new_id("price_1", 23), "created": now(), "currency": currency, "product": new_id("prod_", 14),
            "tax_behavior": behavior.as_deref().unwrap_or("unspecified"), "unit_amount": unit,
            "unit_amount_decimal": unit.to_string(),
        }),
    );
    Ok((price, title))
}

fn product_name(mut params: Params) -> Result<String, Refusal> {
    let name = params.needed("name")?;
    params.text("description")?;
    params.texts("images")?;
    params.metadata()?;
    params.text("tax_code")?;
    params.text("unit_label")?;
    params.nothing_left()?;
    Ok(name)
}
