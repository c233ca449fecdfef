//! Crates that must not come in, each with its reason. `.cargo/deny.toml` says the same for those who have cargo-deny.
use super::{Complaints, walls};
use crate::cargo;
use crate::failure::{OnPath, Result};
use crate::process;

/// `(name, reason)`; a name that ends in `*` is a beginning.
const LOCKED: [(&str, &str); 5] = [
    ("openssl-sys", "a second TLS stack, and a system library"),
    ("native-tls", "a second TLS stack, and a system library"),
    ("rusoto_*", "unmaintained (RUSTSEC-2022-0071)"),
    ("stripe-rust", "unmaintained, does not resolve"),
    ("utoipa-redoc", "turns actix-web's http2 on, and with it h2 0.3"),
];
/// May stand in Cargo.lock as somebody's option, but not be compiled.
const COMPILED: [(&str, &str); 1] = [("ring", "a second crypto provider: rustls then panics for want of a default")];
/// RUSTSEC-2026-0258; 0.3 has no fix and comes in with actix-web's `http2`.
const OLDEST_H2: [u32; 3] = [0, 4, 16];

pub fn check() -> Result<Complaints> {
    let path = cargo::root().join("Cargo.lock");
    let lock = std::fs::read_to_string(&path).on("read", &path)?;
    let mut complaints = of_lock(&cargo::packages(&lock));
    let mut tree = cargo::cargo();
    tree.args(["tree", "--locked", "--workspace", "--prefix", "none", "-e", "normal,build,dev"]);
    let compiled = walls::names(&process::capture(&mut tree)?);
    for (name, reason) in COMPILED.iter().filter(|(name, _)| compiled.contains(*name)) {
        complaints.push(format!("Cargo.lock: {name} is compiled: {reason} (`cargo tree -i {name}`)."));
    }
    Ok(complaints)
}

fn of_lock(packages: &[(String, String)]) -> Complaints {
    let mut complaints = Vec::new();
    for (name, version) in packages {
        for (_, reason) in LOCKED.iter().filter(|(banned, _)| is_named(name, banned)) {
            complaints.push(format!("Cargo.lock: {name} {version} is banned: {reason}."));
        }
        if name == "h2" && numbers(version) < OLDEST_H2.to_vec() {
            complaints.push(format!("Cargo.lock: h2 {version} is banned: RUSTSEC-2026-0258 is fixed in 0.4.16."));
        }
    }
    complaints
}

fn is_named(name: &str, banned: &str) -> bool {
    banned.strip_suffix('*').map_or(name == banned, |start| name.starts_with(start))
}

fn numbers(version: &str) -> Vec<u32> {
    version.split(['.', '-', '+']).map_while(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_banned_crate_is_told() {
        for (name, version) in [
            ("openssl-sys", "0.9.1"),
            ("native-tls", "0.2.1"),
            ("rusoto_s3", "0.48.0"),
            ("stripe-rust", "0.12.3"),
            ("utoipa-redoc", "7.0.0"),
            ("h2", "0.3.27"),
            ("h2", "0.4.9"),
        ] {
            assert_eq!(of_lock(&[(name.into(), version.into())]).len(), 1, "{name} {version}");
        }
        assert!(of_lock(&[("h2".into(), "0.4.16".into()), ("ring".into(), "0.17.14".into())]).is_empty());
    }
}
