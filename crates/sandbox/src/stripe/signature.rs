//! `Stripe-Signature`: HMAC-SHA256 over `{t}.{raw body}` with the whole secret as the key, in lower-case hexadecimal.
use aws_lc_rs::hmac;

/// The header's value.
pub fn sign(secret: &str, timestamp: i64, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, format!("{timestamp}.{body}").as_bytes());
    let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={timestamp},v1={hex}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checked with npm `stripe` 23.1.0.
    #[test]
    fn the_signature_is_the_vendors_own() {
        let body = r#"{"id":"evt_1TestEvent0001","object":"event","api_version":"2026-10-28.endive","created":1795348800,"data":{"object":{"id":"cs_test_a1","object":"checkout.session","payment_status":"paid"}},"livemode":false,"pending_webhooks":1,"request":{"id":null,"idempotency_key":null},"type":"checkout.session.completed"}"#;
        let wanted = "t=1795348800,v1=1193a3c352764375397777fe9863014d4341b31eaa0a77653078fd10164fbb06";
        assert_eq!(sign("whsec_test_secret_new", 1_795_348_800, body), wanted);
    }
}
