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
