//! Keys, versions, encodings, unknown parameters, errors, idempotency, lists and expansion.
use std::time::Duration;

use lapidary_sandbox::faults::Fault;
use serde_json::{Value, json};

use crate::shop::{CHECKOUT, Shop, id, open, read};

async fn error_of(shop: &Shop, path: &str, form: &[(&str, &str)]) -> (u16, String, String) {
    let (status, body) = shop.post(path, form).await;
    let text = |name: &str| body["error"][name].as_str().unwrap_or_default().to_owned();
    (status, text("code"), text("param"))
}

#[tokio::test]
async fn a_key_is_needed_as_bearer_or_as_basic_user() {
    let shop = open().await;
    let url = format!("{}/v1/balance", shop.stripe.url);
    let statuses = [
        shop.client.get(&url),
        shop.client.get(&url).bearer_auth("sk_test_somebodyElse"),
        shop.client.get(&url).bearer_auth("sk_live_51x"),
        shop.client.get(&url).bearer_auth(&shop.stripe.secret_key),
        shop.client.get(&url).basic_auth(&shop.stripe.secret_key, None::<&str>),
    ];
    let mut seen = Vec::new();
    for request in statuses {
        let answer = request.send().await.unwrap();
        assert!(answer.headers()["request-id"].to_str().unwrap().starts_with("req_"));
        seen.push(answer.status().as_u16());
    }
    assert_eq!(seen, [401, 401, 401, 200, 200]);
}

#[tokio::test]
async fn any_month_of_the_release_is_spoken_and_nothing_else() {
    let shop = open().await;
    for (version, status) in [
        ("2026-09-30.endive", 200),
        ("2026-10-28.endive", 200),
        ("2026-07-29.dahlia", 400),
        ("2023-10-16", 400),
        ("2026-13-01.endive", 400),
        ("endive", 400),
    ] {
        let answer = shop.request("GET", "/v1/account").header("stripe-version", version).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{version}");
    }
}

#[tokio::test]
async fn json_a_query_on_a_post_and_a_body_on_a_get_are_refused() {
    let shop = open().await;
    let json = shop.request("POST", "/v1/customers").json(&json!({ "email": "a@b.test" })).send().await.unwrap();
    let query = shop.request("POST", "/v1/customers?email=a@b.test").send().await.unwrap();
    let body = shop.request("GET", "/v1/customers").form(&[("limit", "1")]).send().await.unwrap();
    for answer in [json, query, body] {
        let (status, body) = read(answer).await;
        assert_eq!((status, body["error"]["type"].as_str()), (400, Some("invalid_request_error")));
    }
    assert!(shop.stripe.objects("customer").is_empty());
}

#[tokio::test]
async fn an_unknown_parameter_is_named_wherever_it_stands() {
    let shop = open().await;
    for stranger in [
        "payment_method_types[0]",
        "surprise",
        "line_items[0][price_data][surprise]",
        "payment_intent_data[surprise]",
        "invoice_creation[invoice_data][surprise]",
    ] {
        let form = [&CHECKOUT[..], &[("invoice_creation[enabled]", "true"), (stranger, "card")]].concat();
        let (status, code, param) = error_of(&shop, "/v1/checkout/sessions", &form).await;
        assert_eq!((status, code.as_str()), (400, "parameter_unknown"), "{stranger}");
        assert!(stranger.starts_with(&param), "{stranger} is named {param}");
    }
    let (status, body) = shop.get("/v1/refunds?surprise=1").await;
    assert_eq!((status, body["error"]["param"].as_str()), (400, Some("surprise")));
}

#[tokio::test]
async fn wrong_types_missing_and_empty_values_are_refused_with_their_names() {
    let shop = open().await;
    let cases = [
        ("line_items[0][quantity]", "two", "parameter_invalid_integer", "line_items[0][quantity]"),
        ("line_items[0][quantity]", "0", "parameter_invalid_integer", "line_items[0][quantity]"),
        (
            "line_items[0][price_data][unit_amount]",
            "19.99",
            "parameter_invalid_integer",
            "line_items[0][price_data][unit_amount]",
        ),
        ("line_items[0][price_data][unit_amount]", "49", "amount_too_small", ""),
        ("line_items[0][price_data][unit_amount]", "100000000", "amount_too_large", ""),
        ("line_items[0][price_data][currency]", "USD", "", "line_items[0][price_data][currency]"),
        (
            "line_items[0][price_data][product_data][name]",
            "",
            "parameter_invalid_empty",
            "line_items[0][price_data][product_data][name]",
        ),
        ("success_url", "gems", "url_invalid", "success_url"),
        ("mode", "subscription", "", "mode"),
        ("mode", "barter", "", "mode"),
    ];
    for (name, value, code, param) in cases {
        let form: Vec<(&str, &str)> =
            CHECKOUT.iter().map(|(known, old)| (*known, if *known == name { value } else { *old })).collect();
        let seen = error_of(&shop, "/v1/checkout/sessions", &form).await;
        assert_eq!(seen, (400, code.to_owned(), param.to_owned()), "{name}={value}");
    }
    for name in ["mode", "success_url", "line_items[0][price_data][currency]", "line_items[0][price_data][unit_amount]"]
    {
        let form: Vec<(&str, &str)> = CHECKOUT.iter().filter(|(known, _)| *known != name).copied().collect();
        let seen = error_of(&shop, "/v1/checkout/sessions", &form).await;
        assert_eq!(seen, (400, "parameter_missing".to_owned(), name.to_owned()));
    }
}

#[tokio::test]
async fn what_contradicts_itself_or_is_not_there_is_refused() {
    let shop = open().await;
    let customer = id(&shop.made("/v1/customers", &[("email", "ada@example.test")]).await);
    let long = "x".repeat(201);
    let soon = (chrono::Utc::now().timestamp() + 60).to_string();
    let late = (chrono::Utc::now().timestamp() + 25 * 3600).to_string();
    let cases: [&[(&str, &str)]; 8] = [
        &[("customer", &customer), ("customer_email", "ada@example.test")],
        &[("customer_creation", "always"), ("customer", &customer)],
        &[("customer", "cus_nobody")],
        &[("customer_email", "no address")],
        &[("client_reference_id", &long)],
        &[("expires_at", &soon)],
        &[("expires_at", &late)],
        &[("ui_mode", "embedded_page")],
    ];
    for more in cases {
        let (status, _, param) = error_of(&shop, "/v1/checkout/sessions", &[&CHECKOUT, more].concat()).await;
        assert_eq!((status, param.as_str()), (400, more[0].0), "{more:?}");
    }
    let price = [("line_items[0][price]", "price_1x"), ("line_items[0][quantity]", "1"), CHECKOUT[0], CHECKOUT[1]];
    assert_eq!(error_of(&shop, "/v1/checkout/sessions", &price).await.1, "resource_missing");
}

#[tokio::test]
async fn metadata_has_the_vendors_limits() {
    let shop = open().await;
    let (key, value) = ("k".repeat(40), "v".repeat(500));
    let fits = shop.made("/v1/customers", &[(format!("metadata[{key}]").as_str(), value.as_str())]).await;
    assert_eq!(fits["metadata"][&key], value);
    let (longer_key, longer_value) = (format!("metadata[{key}k]"), format!("{value}v"));
    assert_eq!(error_of(&shop, "/v1/customers", &[(&longer_key, "x")]).await.0, 400);
    assert_eq!(error_of(&shop, "/v1/customers", &[("metadata[k]", &longer_value)]).await.0, 400);
    let names: Vec<String> = (0..51).map(|number| format!("metadata[k{number}]")).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "x")).collect();
    assert_eq!(error_of(&shop, "/v1/customers", &many).await.0, 400);
    assert_eq!(error_of(&shop, "/v1/customers", &many[..50]).await.0, 200);
}

#[tokio::test]
async fn unknown_addresses_and_ids_are_404() {
    let shop = open().await;
    for path in [
        "/v1/checkout/sessions/cs_test_x",
        "/v1/customers/cus_x",
        "/v1/refunds/re_x",
        "/v1/events/evt_x",
        "/v1/nothing",
        "/v1/plans",
    ] {
        let (status, body) = shop.get(path).await;
        assert_eq!((status, body["error"]["type"].as_str()), (404, Some("invalid_request_error")), "{path}");
    }
    let (_, intent) = shop.paid(&[]).await;
    assert_eq!(shop.get(&format!("/v1/refunds/{intent}")).await.0, 404, "an id of another kind");
    assert_eq!(shop.get("/v1/refunds?payment_intent=pi_x").await.1["error"]["code"], "resource_missing");
}

#[tokio::test]
async fn the_same_key_replays_and_other_parameters_are_refused() {
    let shop = open().await;
    let first = shop.post_with_key("/v1/customers", &[("email", "ada@example.test")], "key-1").await;
    assert!(first.headers().get("idempotent-replayed").is_none());
    let first = read(first).await.1;
    let again = shop.post_with_key("/v1/customers", &[("email", "ada@example.test")], "key-1").await;
    assert_eq!(again.headers()["idempotent-replayed"], "true");
    assert_eq!(read(again).await.1, first);
    for (path, email) in [("/v1/customers", "grace@example.test"), ("/v1/refunds", "ada@example.test")] {
        let (status, body) = read(shop.post_with_key(path, &[("email", email)], "key-1").await).await;
        assert_eq!((status, body["error"]["type"].as_str()), (400, Some("idempotency_error")));
    }
    assert_eq!(shop.post_with_key("/v1/customers", &[], &"k".repeat(256)).await.status(), 400);
    assert_eq!(shop.stripe.objects("customer").len(), 1);
}

#[tokio::test]
async fn a_refused_request_leaves_its_key_free() {
    let shop = open().await;
    assert_eq!(shop.post_with_key("/v1/customers", &[("email", "no")], "key-1").await.status(), 400);
    let good = shop.post_with_key("/v1/customers", &[("email", "ada@example.test")], "key-1").await;
    assert_eq!(good.status(), 200);
    for kind in ["rate_limited", "lock_conflict", "server_error"] {
        shop.faults.set(Fault::once("stripe", kind));
        let struck = shop.post_with_key("/v1/customers", &[("name", "G")], kind).await.status().as_u16();
        let again = shop.post_with_key("/v1/customers", &[("name", "G")], kind).await.status().as_u16();
        assert!(matches!((struck, again), (429 | 409 | 500, 200)), "{kind}: {struck}, {again}");
    }
}

#[tokio::test]
async fn an_error_after_the_beginning_is_kept_and_a_lost_answer_is_there_on_retry() {
    let shop = open().await;
    shop.faults.set(Fault::once("stripe", "server_error_kept"));
    for _ in 0..2 {
        assert_eq!(shop.post_with_key("/v1/customers", &[], "kept").await.status(), 500);
    }
    shop.faults.set(Fault::once("stripe", "answer_lost"));
    let sent = shop.request("POST", "/v1/customers").header("idempotency-key", "lost").form(&[("name", "Ada")]);
    let heard = match sent.send().await {
        Ok(answer) => answer.bytes().await.map(drop),
        Err(error) => Err(error),
    };
    assert!(heard.is_err());
    let again = shop.post_with_key("/v1/customers", &[("name", "Ada")], "lost").await;
    assert_eq!(again.headers()["idempotent-replayed"], "true");
    assert_eq!(shop.stripe.objects("customer").len(), 1);
}

#[tokio::test]
async fn a_second_request_while_the_first_runs_is_409() {
    let shop = open().await;
    shop.faults.set(Fault::once("stripe", "slow").with(0.5));
    let send = || shop.post_with_key("/v1/customers", &[("name", "Ada")], "both");
    let (first, second) = tokio::join!(send(), async {
        tokio::time::sleep(Duration::from_millis(150)).await;
        send().await
    });
    assert_eq!((first.status().as_u16(), second.status().as_u16()), (200, 409));
    assert_eq!(send().await.headers()["idempotent-replayed"], "true");
}

#[tokio::test]
async fn faults_strike_the_path_they_are_meant_for() {
    let shop = open().await;
    let value = json!({ "path": "/v1/refunds", "method": "GET" });
    shop.faults.set(Fault::once("stripe", "server_error").with(value));
    assert_eq!(shop.get("/v1/disputes").await.0, 200);
    assert_eq!(shop.get("/v1/refunds").await.0, 500);
    assert_eq!(shop.get("/v1/refunds").await.0, 200);
    shop.faults.set(Fault::once("stripe", "hang"));
    let client = reqwest::Client::builder().timeout(Duration::from_millis(200)).build().unwrap();
    let asked = client.get(format!("{}/v1/balance", shop.stripe.url)).bearer_auth(&shop.stripe.secret_key);
    assert!(asked.send().await.unwrap_err().is_timeout());
}

fn ids(list: &Value) -> Vec<String> {
    list["data"].as_array().unwrap().iter().map(id).collect()
}

#[tokio::test]
async fn lists_are_newest_first_and_walked_both_ways() {
    let shop = open().await;
    let mut made = Vec::new();
    for number in 0..5 {
        made.push(id(&shop.made("/v1/customers", &[("name", &format!("{number}"))]).await));
    }
    made.reverse();
    let first = shop.read("/v1/customers?limit=2").await;
    assert_eq!((ids(&first), first["has_more"].as_bool()), (made[..2].to_vec(), Some(true)));
    let rest = shop.read(&format!("/v1/customers?limit=3&starting_after={}", made[1])).await;
    assert_eq!((ids(&rest), rest["has_more"].as_bool()), (made[2..].to_vec(), Some(false)));
    let back = shop.read(&format!("/v1/customers?limit=2&ending_before={}", made[4])).await;
    assert_eq!((ids(&back), back["has_more"].as_bool()), (made[2..4].to_vec(), Some(true)));
    assert_eq!(rest["url"], "/v1/customers");
    for wrong in ["limit=0", "limit=101", "starting_after=cus_x", "created[before]=1", "created=soon"] {
        assert_eq!(shop.get(&format!("/v1/customers?{wrong}")).await.0, 400, "{wrong}");
    }
    let now = chrono::Utc::now().timestamp();
    assert_eq!(ids(&shop.read(&format!("/v1/customers?created[gte]={}", now - 60)).await).len(), 5);
    assert!(ids(&shop.read(&format!("/v1/customers?created[gt]={}", now + 60)).await).is_empty());
}

#[tokio::test]
async fn ids_become_objects_where_they_may() {
    let shop = open().await;
    let customer = id(&shop.made("/v1/customers", &[("email", "ada@example.test")]).await);
    let (session, intent) = shop.paid(&[("customer", &customer), ("invoice_creation[enabled]", "true")]).await;
    let wanted = "expand[]=payment_intent.latest_charge&expand[]=line_items&expand[]=invoice&expand[]=customer";
    let seen = shop.read(&format!("/v1/checkout/sessions/{session}?{wanted}")).await;
    assert_eq!(seen["payment_intent"]["latest_charge"]["amount"], 1999);
    assert_eq!(seen["line_items"]["data"][0]["price"]["unit_amount"], 1999);
    assert_eq!(
        (seen["invoice"]["status"].as_str(), seen["customer"]["email"].as_str()),
        (Some("paid"), Some("ada@example.test"))
    );
    shop.stripe.refund(&intent, Some(100)).unwrap();
    let refunds = shop.read(&format!("/v1/refunds?payment_intent={intent}&expand[]=data.charge")).await;
    assert_eq!(refunds["data"][0]["charge"]["amount_refunded"], 100);
    for wrong in
        ["expand[]=amount_total", "expand[]=payment_intent.latest_charge.payment_intent.latest_charge.customer"]
    {
        assert_eq!(shop.get(&format!("/v1/checkout/sessions/{session}?{wrong}")).await.0, 400, "{wrong}");
    }
    assert_eq!(shop.get("/v1/refunds?expand[]=charge").await.0, 400, "in a list it is data.charge");
}
