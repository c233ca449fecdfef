//! Which settings are refused, and what their files may say.
use super::*;

#[test]
fn a_remote_database_without_verified_tls_is_refused() {
    assert!(database_is_safe("postgres://a:b@127.0.0.1:5432/x"));
    assert!(database_is_safe("postgres://a:b@localhost/x"));
    assert!(database_is_safe("postgres://a:b@db.example.com/x?sslmode=verify-full"));
    assert!(!database_is_safe("postgres://a:b@db.example.com/x?sslmode=require"));
    assert!(!database_is_safe("postgres://a:b@db.example.com/x"));
    assert!(!database_is_safe("postgres://a:b@localhost/x?host=db.example.com"));
    assert!(!database_is_safe("postgres://a:b@localhost/x?hostaddr=8.8.8.8"));
    assert!(database_is_safe("postgres://a:b@localhost/x?host=/var/run/postgresql"));
}

#[test]
fn both_logins_of_a_remote_database_need_verified_tls_whatever_else_is_asked_for() {
    let refused = |url: &str, person: Option<&str>| {
        let mut all = vec![format!("--database-url={url}")];
        all.extend(person.map(|person| format!("--database-person-url={person}")));
        let others = ["--master-key=x", "--s3-bucket=x", "--s3-access-key-id=x", "--s3-secret-access-key=x"];
        all.extend(others.iter().chain(&["--github-client-id=x"]).map(|flag| (*flag).to_owned()));
        settings_from(std::iter::once("lapidary".to_owned()).chain(all)).expect("settings").check().is_err()
    };
    let (here, far) = ("postgres://a:b@127.0.0.1/x", "postgres://a:b@db.example.com/x");
    for mode in ["disable", "allow", "prefer", "require", "verify-ca"] {
        let weak = format!("{far}?sslmode={mode}");
        assert!(refused(&weak, None), "{mode}");
        assert!(refused(here, Some(&weak)), "{mode} of the second login");
        assert!(refused(&format!("{far}?sslmode=verify-full"), Some(&weak)), "{mode} beside a verified one");
    }
    let strong = format!("{far}?sslmode=verify-full");
    assert!(refused(far, None) && refused(here, Some(far)));
    assert!(!refused(&strong, Some(&strong)) && !refused(here, Some(&strong)) && !refused(here, None));
    assert!(database_is_local(here) && !database_is_local(&strong) && !database_is_local("nonsense"));
}

#[test]
fn a_payment_key_comes_with_its_webhook_secret_and_a_live_one_with_https() {
    let required = [
        "--database-url=postgres://localhost/x",
        "--master-key=x",
        "--s3-bucket=x",
        "--s3-access-key-id=x",
        "--s3-secret-access-key=x",
        "--github-client-id=x",
    ];
    let judged = |extra: &[&str]| {
        let all = std::iter::once("lapidary").chain(required).chain(extra.iter().copied());
        settings_from(all).expect("settings").check().map_err(|error| error.to_string())
    };
    assert_eq!(judged(&[]), Ok(()));
    assert_eq!(judged(&["--stripe-secret-key=sk_test_a", "--stripe-webhook-secret=whsec_a"]), Ok(()));
    for extra in [
        &["--stripe-secret-key=sk_test_a"][..],
        &["--stripe-secret-key=sk_test_a", "--stripe-webhook-secret= , "],
        &["--stripe-secret-key= ", "--stripe-webhook-secret=whsec_a"],
        &["--stripe-secret-key=sk_live_a", "--stripe-webhook-secret=whsec_a"],
        &["--stripe-api-url=http://stripe.example.com"],
    ] {
        assert!(judged(extra).is_err(), "{extra:?}");
    }
    let live = [
        "--stripe-secret-key=rk_live_a",
        "--stripe-webhook-secret=whsec_a",
        "--public-url=https://pic.example",
        "--support-contact=a@b.example",
    ];
    assert_eq!(judged(&live), Ok(()));
}

#[test]
fn an_unknown_key_in_a_file_is_named() {
    let error = parse("my.toml", "publik_url = 'x'").expect_err("refused");
    assert_eq!(error.to_string(), "my.toml: publik_url is not a setting");
}

#[test]
fn every_setting_is_explained_and_what_may_hold_a_secret_is_not_shown() {
    let settings = Settings::augment_args(clap::Command::new("settings"));
    for argument in settings.get_arguments() {
        let name = argument.get_id().as_str();
        assert!(argument.get_help().is_some_and(|help| help.to_string().len() > 8), "{name} is not explained");
        let may_hold_one = ["secret", "database_url", "person_url", "master_key", "api_key", "otlp_endpoint"];
        let hides = may_hold_one.iter().any(|part| name.contains(part) && name != "s3_access_key_id");
        assert!(!hides || argument.is_hide_env_values_set(), "{name} would be shown");
    }
}
