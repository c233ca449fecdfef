//! PUBLIC_URL, as a browser would come to it: whether somebody answers there, and whether it is this installation.
use std::collections::HashSet;

use serde_json::Value;
use sqlx::{Connection, PgConnection};

use super::{Examination, Finding, streams, unanswered};

const CHECK: &str = "public url";

pub(super) async fn check(all: &Examination) -> Vec<Finding> {
    let origin = all.settings.origin();
    let answer = match all.http.get(format!("{origin}/health/live")).send().await {
        Ok(answer) => answer,
        Err(error) if is_absent(&error) => {
            let hint = "Start `lapidary serve`, or look at the proxy and the name's address.";
            return vec![Finding::odd(CHECK, format!("nobody answers at {origin}: {}", unanswered(error)), hint)];
        }
        Err(error) => {
            let hint = "Look at the proxy in front of `lapidary serve`.";
            return vec![Finding::wrong(CHECK, format!("{origin} does not answer: {}", unanswered(error)), hint)];
        }
    };
    let status = answer.status();
    if status.is_redirection() {
        let to = answer.headers().get("location").and_then(|to| to.to_str().ok()).unwrap_or("another address");
        let hint = "PUBLIC_URL must be the address at the end of every redirect.";
        return vec![Finding::wrong(CHECK, format!("{origin} sends browsers on to {to}"), hint)];
    }
    // Our own says its request id with everything.
    if !status.is_success() || !answer.headers().contains_key("x-request-id") {
        let says = format!("what answers at {origin} is not Lapidary (status {})", status.as_u16());
        return vec![Finding::wrong(CHECK, says, "Look at PUBLIC_URL and at where the proxy sends its requests.")];
    }
    let (installation, streams) = tokio::join!(installation(all, &origin), streams::check(all, &origin));
    vec![installation, streams]
}

/// Nobody listens, or the name has no address yet. What listens and speaks no TLS that a browser takes is wrong.
fn is_absent(error: &reqwest::Error) -> bool {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(now) = cause {
        let refused = now.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        if refused == Some(std::io::ErrorKind::ConnectionRefused) || now.to_string().starts_with("dns error") {
            return true;
        }
        cause = now.source();
    }
    false
}

/// The same database means the same keys, and nobody else has them.
async fn installation(all: &Examination, origin: &str) -> Finding {
    let published = match all.http.get(format!("{origin}/.well-known/jwks.json")).send().await {
        Ok(answer) if answer.status().is_success() => answer.json::<Value>().await.unwrap_or_default(),
        Ok(answer) => {
            let status = answer.status().as_u16();
            let says =
                format!("{origin} keeps its keys back with status {status}: whether it is this one cannot be told");
            return Finding::odd(CHECK, says, "Look at its log.");
        }
        Err(error) => return Finding::odd(CHECK, format!("{origin} keeps its keys back: {}", unanswered(error)), ""),
    };
    let published: HashSet<&str> = published
        .get("keys")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|key| key.get("kid")?.as_str())
        .collect();
    match stored(&all.settings.database_url).await {
        Ok(stored) if stored.iter().any(|id| published.contains(id.as_str())) => {
            Finding::right(CHECK, format!("{origin} is this installation"))
        }
        Ok(_) => Finding::wrong(
            CHECK,
            format!("{origin} is a Lapidary with another database"),
            "Look at PUBLIC_URL and DATABASE_URL: one of them belongs to another installation.",
        ),
        Err(_) => Finding::odd(
            CHECK,
            format!("a Lapidary answers at {origin}; whether it is this one cannot be told without the database"),
            "",
        ),
    }
}

async fn stored(database_url: &str) -> Result<Vec<String>, sqlx::Error> {
    let mut conn = PgConnection::connect(database_url).await?;
    let ids = sqlx::query_scalar("select id from signing_keys").fetch_all(&mut conn).await;
    conn.close().await?;
    ids
}
