//! A shop that sells with the sandbox's Stripe: its requests, as any client would send them.
use std::net::TcpListener;

use lapidary_sandbox::faults::{Fault, Faults};
use lapidary_sandbox::stripe::{self, Stripe};
use reqwest::{Client, RequestBuilder, Response};
use serde_json::Value;

pub const CHECKOUT: [(&str, &str); 6] = [
    ("mode", "payment"),
    ("success_url", "http://shop.test/thanks?session={CHECKOUT_SESSION_ID}"),
    ("line_items[0][quantity]", "1"),
    ("line_items[0][price_data][currency]", "usd"),
    ("line_items[0][price_data][unit_amount]", "1999"),
    ("line_items[0][price_data][product_data][name]", "1,800 gems"),
];

pub struct Shop {
    pub stripe: Stripe,
    pub faults: Faults,
    pub client: Client,
}

pub fn free_port() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

/// A shop whose webhook nobody listens to.
pub async fn open() -> Shop {
    let faults = Faults::default();
    faults.set(Fault::always("stripe", "webhook_dropped"));
    let stripe = stripe::start(free_port(), "http://127.0.0.1:9", faults.clone(), None).await.unwrap();
    faulty(stripe, faults)
}

pub fn faulty(stripe: Stripe, faults: Faults) -> Shop {
    let client = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    Shop { stripe, faults, client }
}

impl Shop {
    pub fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.stripe.url);
        self.client.request(method.parse().unwrap(), url).bearer_auth(&self.stripe.secret_key)
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        read(self.request("GET", path).send().await.unwrap()).await
    }

    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> (u16, Value) {
        read(self.request("POST", path).form(form).send().await.unwrap()).await
    }

    pub async fn post_with_key(&self, path: &str, form: &[(&str, &str)], key: &str) -> Response {
        self.request("POST", path).header("idempotency-key", key).form(form).send().await.unwrap()
    }

    /// The object, where it must work.
    pub async fn made(&self, path: &str, form: &[(&str, &str)]) -> Value {
        let (status, body) = self.post(path, form).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    pub async fn read(&self, path: &str) -> Value {
        let (status, body) = self.get(path).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// A session made with [`CHECKOUT`] and more; answers its id.
    pub async fn session(&self, more: &[(&str, &str)]) -> String {
        let session = self.made("/v1/checkout/sessions", &[&CHECKOUT, more].concat()).await;
        id(&session)
    }

    /// A paid session and its PaymentIntent.
    pub async fn paid(&self, more: &[(&str, &str)]) -> (String, String) {
        let session = self.session(more).await;
        let paid = self.stripe.pay(&session).unwrap();
        (session, paid["payment_intent"].as_str().unwrap().to_owned())
    }

    /// Kinds of the events so far.
    pub fn heard(&self) -> Vec<String> {
        self.stripe.objects("event").iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
    }
}

pub async fn read(answer: Response) -> (u16, Value) {
    let status = answer.status().as_u16();
    (status, answer.json().await.unwrap())
}

pub fn id(object: &Value) -> String {
    object["id"].as_str().unwrap().to_owned()
}
