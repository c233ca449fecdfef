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
