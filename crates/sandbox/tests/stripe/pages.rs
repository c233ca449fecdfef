//! Pages as a browser or a script sees them: checkout, operator, receipts, invoices, portal, and `/_control`.
use lapidary_sandbox::stripe;
use serde_json::{Value, json};

use crate::shop::{Shop, id, open};

/// Posts a form of a page; answers status and where it leads.
async fn submit(shop: &Shop, path: &str, form: &[(&str, &str)]) -> (u16, String) {
    let answer = shop.client.post(format!("{}{path}", shop.stripe.url)).form(form).send().await.unwrap();
    let to = answer.headers().get("location").map(|to| to.to_str().unwrap().to_owned());
    (answer.status().as_u16(), to.unwrap_or_default())
}

async fn page(shop: &Shop, path: &str) -> (u16, String) {
    let answer = shop.client.get(format!("{}{path}", shop.stripe.url)).send().await.unwrap();
    let status = answer.status().as_u16();
    if answer.headers()["content-type"].to_str().unwrap().starts_with("text/html") {
        let policy = answer.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
    }
    (status, answer.text().await.unwrap())
}

fn path_of(url: &Value) -> String {
    url::Url::parse(url.as_str().unwrap()).unwrap().path().to_owned()
}

#[tokio::test]
async fn paying_leads_to_the_success_page_with_the_sessions_id() {
    let shop = open().await;
    let session =
        shop.session(&[("cancel_url", "http://shop.test/back"), ("customer_email", "ada@example.test")]).await;
    let path = path_of(&shop.stripe.object(&session).unwrap()["url"]);
    let (status, html) = page(&shop, &path).await;
    assert_eq!(status, 200);
    for shown in [
        "19.99 USD",
        "1,800 gems",
        "value=\"ada@example.test\"",
        "value=\"pay\"",
        "value=\"decline\"",
        "value=\"pay_later\"",
        "value=\"close\"",
    ] {
        assert!(html.contains(shown), "{shown}: {html}");
    }
    assert!(!html.contains("<script"));
    let paid = submit(&shop, &path, &[("decision", "pay"), ("email", "other@example.test")]).await;
    assert_eq!(paid, (303, format!("http://shop.test/thanks?session={session}")));
    let seen = shop.stripe.object(&session).unwrap();
    assert_eq!(
        (&seen["payment_status"], &seen["customer_details"]["email"]),
        (&json!("paid"), &json!("other@example.test"))
    );
    assert!(page(&shop, &path).await.1.contains("This is paid"));
    assert_eq!(submit(&shop, &path, &[("decision", "pay")]).await.0, 200, "a second click pays nothing");
    assert_eq!(shop.stripe.objects("charge").len(), 1);
}

#[tokio::test]
async fn a_decline_stays_on_the_page_and_says_so() {
    let shop = open().await;
    let session = shop.session(&[]).await;
    let path = format!("/c/pay/{session}");
    let (status, to) = submit(&shop, &path, &[("decision", "decline")]).await;
    assert_eq!(status, 303);
    let (status, html) = page(&shop, &to).await;
    assert!(status == 200 && html.contains("Your card was declined") && html.contains("role=\"alert\""), "{html}");
    assert!(!html.contains("value=\"close\""), "there is nowhere to go back to");
    assert_eq!(submit(&shop, &path, &[("decision", "pay"), ("email", "nobody")]).await.0, 422);
    assert_eq!(shop.stripe.object(&session).unwrap()["status"], "open");
}

#[tokio::test]
async fn closing_leads_back_and_paying_later_leads_on() {
    let shop = open().await;
    let session = shop.session(&[("cancel_url", "http://shop.test/back")]).await;
    let path = format!("/c/pay/{session}");
    assert_eq!(submit(&shop, &path, &[("decision", "close")]).await, (303, "http://shop.test/back".into()));
    assert_eq!(shop.stripe.object(&session).unwrap()["status"], "open");
    assert_eq!(submit(&shop, &path, &[("decision", "pay_later")]).await.0, 303);
    assert_eq!(shop.stripe.object(&session).unwrap()["payment_status"], "unpaid");
    assert!(page(&shop, &path).await.1.contains("under way"));
    let expired = shop.session(&[]).await;
    shop.stripe.expire(&expired).unwrap();
    assert!(page(&shop, &format!("/c/pay/{expired}")).await.1.contains("expired"));
    assert_eq!(page(&shop, "/c/pay/cs_test_x").await.0, 404);
}

#[tokio::test]
async fn the_operator_refunds_disputes_and_settles_with_forms() {
    let shop = open().await;
    assert!(page(&shop, "/operator").await.1.contains("Nobody has bought anything yet"));
    let (_, intent) = shop.paid(&[("client_reference_id", "<b>p-1</b>")]).await;
    let waiting = shop.session(&[]).await;
    shop.stripe.pay_later(&waiting).unwrap();
    let html = page(&shop, "/operator").await.1;
    for shown in [
        "&lt;b&gt;p-1&lt;/b&gt;",
        "value=\"refund\"",
        "value=\"dispute\"",
        "value=\"later_succeeds\"",
        "value=\"later_fails\"",
    ] {
        assert!(html.contains(shown), "{shown}");
    }
    let act = async |form: &[(&str, &str)]| submit(&shop, "/operator/acts", form).await.1;
    assert_eq!(act(&[("act", "refund"), ("id", &intent), ("amount", "4.99")]).await, "/operator");
    assert_eq!(act(&[("act", "refund"), ("id", &intent), ("amount", "5"), ("is_pending", "true")]).await, "/operator");
    let refunds = shop.stripe.objects("refund");
    assert_eq!(
        (&refunds[0]["amount"], &refunds[1]["amount"], &refunds[1]["status"]),
        (&json!(499), &json!(500), &json!("pending"))
    );
    assert_eq!(act(&[("act", "refund_fails"), ("id", &id(&refunds[1]))]).await, "/operator");
    let too_much = act(&[("act", "refund"), ("id", &intent), ("amount", "99")]).await;
    assert!(too_much.starts_with("/operator?trouble=") && page(&shop, &too_much).await.1.contains("greater than"));
    assert_eq!(act(&[("act", "dispute"), ("id", &intent)]).await, "/operator");
    let dispute = id(&shop.stripe.objects("dispute")[0]);
    assert!(page(&shop, "/operator").await.1.contains("We win"));
    assert_eq!(act(&[("act", "dispute_won"), ("id", &dispute)]).await, "/operator");
    assert_eq!(shop.stripe.object(&dispute).unwrap()["status"], "won");
    assert_eq!(act(&[("act", "later_succeeds"), ("id", &waiting)]).await, "/operator");
    assert_eq!(shop.stripe.object(&waiting).unwrap()["payment_status"], "paid");
    for wrong in [[("act", "steal"), ("id", "x")], [("act", "refund"), ("id", "pi_x")]] {
        assert!(act(&wrong).await.starts_with("/operator?trouble="));
    }
}

#[tokio::test]
async fn another_sites_page_can_do_nothing() {
    let shop = open().await;
    let (_, intent) = shop.paid(&[]).await;
    for (path, json) in [("/operator/acts", false), ("/_control/acts", true)] {
        let request = shop.client.post(format!("{}{path}", shop.stripe.url)).header("sec-fetch-site", "cross-site");
        let act = json!({ "act": "refund", "id": intent });
        let request = if json { request.json(&act) } else { request.form(&act) };
        assert_eq!(request.send().await.unwrap().status(), 403);
    }
    assert!(shop.stripe.objects("refund").is_empty());
}

#[tokio::test]
async fn programs_act_look_and_resend_through_control() {
    let shop = open().await;
    let session = shop.session(&[]).await;
    let control = |path: &str| format!("{}/_control/{path}", shop.stripe.url);
    let act = async |act: Value| {
        let answer = shop.client.post(control("acts")).json(&act).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap_or_default())
    };
    let (status, paid) = act(json!({ "act": "pay", "id": session, "email": "x@example.test" })).await;
    assert_eq!((status, &paid["payment_status"]), (200, &json!("paid")));
    let (_, refund) =
        act(json!({ "act": "refund", "id": paid["payment_intent"], "amount": 5, "is_pending": true })).await;
    assert_eq!((&refund["amount"], &refund["status"]), (&json!(5), &json!("pending")));
    assert_eq!(act(json!({ "act": "pay", "id": session })).await.0, 400);
    assert_eq!(act(json!({ "act": "refund", "id": "pi_x" })).await.0, 404);
    assert_eq!(act(json!({ "act": "refund", "id": "pi_x", "surprise": 1 })).await.0, 400);
    let seen: Value = shop.client.get(control("objects/refund")).send().await.unwrap().json().await.unwrap();
    assert_eq!(seen[0], refund);
    let events = shop.stripe.objects("event");
    let resent = shop.client.post(control(&format!("events/{}/resend", id(&events[0])))).send().await.unwrap();
    assert_eq!(resent.status(), 204);
    let sent: Value = shop.client.get(control("deliveries")).send().await.unwrap().json().await.unwrap();
    assert_eq!(sent, json!([]), "here every delivery is dropped");
}

#[tokio::test]
async fn a_program_is_given_the_letter_it_delivers_itself() {
    let shop = open().await;
    let (session, _) = shop.paid(&[]).await;
    let letter = async |object: &str| {
        let answer = shop.client.get(format!("{}/_control/letters/{object}", shop.stripe.url)).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let (status, text) = letter(&session).await;
    let (signature, body) = text.split_once('\n').unwrap();
    let at = signature.strip_prefix("t=").and_then(|rest| rest.split(',').next()).unwrap().parse().unwrap();
    assert_eq!(status, 200);
    assert_eq!(signature, stripe::sign(&shop.stripe.webhook_secret, at, body));
    let event: Value = serde_json::from_str(body).unwrap();
    assert_eq!(
        (&event["type"], &event["data"]["object"]["id"]),
        (&json!("checkout.session.completed"), &json!(session))
    );
    assert_eq!(letter("cs_test_unknown").await.0, 404);
    assert!(shop.stripe.deliveries().is_empty(), "the sandbox itself sends nothing");
}

#[tokio::test]
async fn receipt_invoice_and_portal_are_served_at_addresses_nobody_guesses() {
    let shop = open().await;
    let customer = id(&shop.made("/v1/customers", &[("email", "ada@example.test")]).await);
    let (_, intent) = shop.paid(&[("customer", &customer), ("invoice_creation[enabled]", "true")]).await;
    shop.stripe.refund(&intent, Some(500)).unwrap();
    let (charge, invoice) = (&shop.stripe.objects("charge")[0], &shop.stripe.objects("invoice")[0]);
    let (status, receipt) = page(&shop, &path_of(&charge["receipt_url"])).await;
    assert!(status == 200 && receipt.contains("19.99 USD") && receipt.contains("5.00 USD"), "{receipt}");
    let (_, hosted) = page(&shop, &path_of(&invoice["hosted_invoice_url"])).await;
    assert!(hosted.contains(invoice["number"].as_str().unwrap()) && hosted.contains("1,800 gems"));
    let (_, pdf) = page(&shop, &path_of(&invoice["invoice_pdf"])).await;
    assert!(pdf.starts_with("%PDF-1.4") && pdf.trim_end().ends_with("%%EOF") && pdf.contains("19.99 USD"));
    for wrong in [format!("/receipts/{}/x", id(charge)), format!("/invoices/{}/x", id(invoice)), "/p/session/x".into()]
    {
        assert_eq!(page(&shop, &wrong).await.0, 404, "{wrong}");
    }
    let form = [("customer", customer.as_str()), ("return_url", "http://shop.test/gems")];
    let portal = shop.made("/v1/billing_portal/sessions", &form).await;
    let (_, billing) = page(&shop, &path_of(&portal["url"])).await;
    assert!(billing.contains("ada@example.test") && billing.contains(invoice["number"].as_str().unwrap()));
    assert!(billing.contains("href=\"http://shop.test/gems\""));
    assert_eq!(shop.post("/v1/billing_portal/sessions", &[]).await.1["error"]["code"], "parameter_missing");
    assert_eq!(shop.post("/v1/billing_portal/sessions", &[("customer", "cus_x")]).await.0, 400);
}
