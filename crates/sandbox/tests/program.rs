//! The program `sandbox` as those who start it see it: one line, a control port, data that stays, a clean end.
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};

type Outcome = Result<(), Box<dyn std::error::Error>>;

struct Program {
    child: Child,
    addresses: Value,
}

/// A folder that goes whatever becomes of the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        Self(std::env::temp_dir().join(format!("lapidary-test-program-{}", uuid::Uuid::now_v7().simple())))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Program {
    fn start(data: &Path) -> Result<Self, Box<dyn std::error::Error>> {
        let mut child = Command::new(env!("CARGO_BIN_EXE_sandbox"))
            .arg("--data")
            .arg(data)
            .args(["--public-url", "http://localhost:8080", "--port-base", "65530", "--until-stdin-closes", "--fast"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("no stdout")?).read_line(&mut line)?;
        Ok(Self { child, addresses: serde_json::from_str(&line)? })
    }

    fn address(&self, name: &str) -> &str {
        self.addresses[name].as_str().unwrap_or_default()
    }

    /// Closes its standard input and waits for a success.
    fn end(mut self) -> Outcome {
        drop(self.child.stdin.take());
        let status = self.child.wait()?;
        if status.success() { Ok(()) } else { Err(status.to_string().into()) }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

#[tokio::test]
async fn it_says_where_everything_is_keeps_the_data_and_ends_with_its_standard_input() -> Outcome {
    let data = Folder::new();
    let program = Program::start(&data.0)?;
    for name in [
        "database_url",
        "s3_endpoint",
        "s3_region",
        "s3_bucket",
        "s3_access_key",
        "s3_secret_key",
        "github_url",
        "github_api_url",
        "github_client_id",
        "github_client_secret",
        "oidc_issuer",
        "oidc_client_id",
        "oidc_client_secret",
        "openai_base_url",
        "openai_api_key",
        "stripe_url",
        "stripe_secret_key",
        "stripe_webhook_secret",
        "stripe_operator_url",
        "control_url",
    ] {
        assert!(!program.address(name).is_empty(), "{name}");
    }
    assert_eq!(program.address("s3_bucket"), "lapidary");
    let mut connection = PgConnection::connect(program.address("database_url")).await?;
    sqlx::query("create table kept ()").execute(&mut connection).await?;
    drop(connection);
    let discovery = format!("{}/.well-known/openid-configuration", program.address("oidc_issuer"));
    let first_keys = keys_of(&discovery).await?;
    program.end()?;

    let again = Program::start(&data.0)?;
    let mut connection = PgConnection::connect(again.address("database_url")).await?;
    sqlx::query("drop table kept").execute(&mut connection).await?;
    drop(connection);
    assert_eq!(
        keys_of(&format!("{}/.well-known/openid-configuration", again.address("oidc_issuer"))).await?,
        first_keys
    );
    again.end()?;
    Ok(())
}

async fn keys_of(discovery: &str) -> Result<Value, Box<dyn std::error::Error>> {
    let document: Value = reqwest::get(discovery).await?.json().await?;
    Ok(reqwest::get(document["jwks_uri"].as_str().ok_or("no jwks_uri")?).await?.json().await?)
}

#[tokio::test]
async fn faults_are_set_shown_and_cleared_through_the_control_port() -> Outcome {
    let data = Folder::new();
    let program = Program::start(&data.0)?;
    let control = program.address("control_url").to_owned();
    let client = reqwest::Client::new();
    let faults = format!("{control}/faults");
    let set = |fault: Value| client.post(&faults).json(&fault).send();
    assert_eq!(set(json!({ "vendor": "s3", "kind": "slow_down", "times": 0 })).await?.status(), 201);
    assert_eq!(reqwest::get(program.address("s3_endpoint")).await?.status(), 503);
    assert_eq!(set(json!({ "vendor": "nobody", "kind": "x" })).await?.status(), 422);
    assert_eq!(set(json!({ "vendor": "s3", "kind": "x", "surprise": 1 })).await?.status(), 400);

    let page = reqwest::get(&control).await?.text().await?;
    assert!(page.contains("slow_down") && page.contains(program.address("oidc_issuer")), "{page}");
    let form = [("vendor", "s3"), ("kind", "hang"), ("times", "1"), ("value", "0.1")];
    let elsewhere = client.post(&faults).header("sec-fetch-site", "cross-site").form(&form).send().await?;
    assert_eq!(elsewhere.status(), 403);
    assert_eq!(client.post(&faults).form(&form).send().await?.status(), 200, "the form leads back to the page");
    let listed: Value = client.get(&faults).send().await?.json().await?;
    assert_eq!(listed[1], json!({ "vendor": "s3", "kind": "hang", "times": 1, "skip": 0, "value": 0.1 }));

    assert_eq!(client.delete(&faults).send().await?.status(), 204);
    assert_eq!(reqwest::get(program.address("s3_endpoint")).await?.status(), 403);
    let addresses: Value = client.get(format!("{control}/addresses")).send().await?.json().await?;
    assert_eq!(addresses, program.addresses);
    program.end()?;
    Ok(())
}
