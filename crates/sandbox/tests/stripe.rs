//! The sandbox's Stripe seen from outside: the protocol, what becomes of payments, deliveries, pages, and the objects
//! held against the fields the vendor always sends. One program, so that it is linked once.
#[path = "stripe/checkout.rs"]
mod checkout;
#[path = "stripe/deliveries.rs"]
mod deliveries;
#[path = "stripe/listener.rs"]
mod listener;
#[path = "stripe/money.rs"]
mod money;
#[path = "stripe/objects.rs"]
mod objects;
#[path = "stripe/pages.rs"]
mod pages;
#[path = "stripe/protocol.rs"]
mod protocol;
#[path = "stripe/record.rs"]
mod record;
#[path = "stripe/shop.rs"]
mod shop;
