//! `sandbox`: every vendor on its own port, until told to stop. Says where they are in one line of JSON.
//! Data stays in its folder; nothing it starts outlives it.
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;

use clap::Parser;
use lapidary_sandbox::faults::Faults;
use lapidary_sandbox::identity::{github, oidc};
use lapidary_sandbox::postgres::{self, Durability, Options};
use lapidary_sandbox::{control, openai, s3, stripe};
use serde_json::{Map, Value, json};
use tokio::signal::unix::{SignalKind, signal};

type Failure = Box<dyn std::error::Error>;

const BUCKET: &str = "lapidary";

/// Local PostgreSQL, S3, GitHub, OpenID provider, OpenAI and Stripe, each on its own port of 127.0.0.1.
#[derive(Debug, Parser)]
struct Arguments {
    /// Folder that keeps the data between runs.
    #[arg(long)]
    data: PathBuf,
    /// Where Lapidary is reached by a browser: identity vendors send people back there only.
    #[arg(long)]
    public_url: String,
    /// PostgreSQL gets this port, then S3, GitHub, OIDC, OpenAI, control and Stripe the next ones. A busy port is replaced.
    #[arg(long, default_value_t = 9100)]
    port_base: u16,
    /// End when standard input closes, as it does when whoever started this dies.
    #[arg(long)]
    until_stdin_closes: bool,
    /// Trade safety against a power cut for speed.
    #[arg(long)]
    fast: bool,
    /// PostgreSQL's `shared_buffers`; without this its own small default.
    #[arg(long)]
    database_buffer_megabytes: Option<u32>,
}

#[tokio::main]
async fn main() -> std::process::ExitCode {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(
            // s3s logs whole requests, presigned URLs included.
            tracing_subscriber::EnvFilter::try_from_default_env()
                .unwrap_or_else(|_| "info,actix_server=warn,s3s=off,s3s_fs=off".into()),
        )
        .init();
    match run(Arguments::parse()).await {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(failure) => {
            tracing::error!("{failure}");
            std::process::ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Failure> {
    // Listened to from the start: an impatient Ctrl-C must not leave anything behind either.
    let told_to_stop = stop_orders(arguments.until_stdin_closes)?;
    tokio::pin!(told_to_stop);
    std::fs::create_dir_all(&arguments.data)?;
    let faults = Faults::default();
    let port = |place: u16| arguments.port_base.saturating_add(place);

    let durability = if arguments.fast { Durability::Fast } else { Durability::Durable };
    let buffer_megabytes = arguments.database_buffer_megabytes;
    let folder = arguments.data.join("postgres");
    let options = Options { port: port(0), durability, buffer_megabytes, ..Options::durable(folder) };
    let database = tokio::select! {
        started = postgres::start(options) => started?,
        () = &mut told_to_stop => return Ok(()),
    };
    let store = s3::start(listen(port(1))?, arguments.data.join("objects"), faults.clone()).await?;
    store.create_bucket(BUCKET)?;
    let github = github::start(listen(port(2))?, &arguments.public_url, faults.clone()).await?;
    let keys = arguments.data.join("oidc");
    std::fs::create_dir_all(&keys)?;
    let oidc = oidc::start(listen(port(3))?, &arguments.public_url, faults.clone(), Some(&keys)).await?;
    let openai = openai::start(listen(port(4))?, faults.clone()).await?;
    // Long enough to see a generation wait and run.
    openai.set_speed(std::time::Duration::from_millis(1500));

    let control_port = listen(port(5))?;
    let sold = arguments.data.join("stripe");
    std::fs::create_dir_all(&sold)?;
    let stripe = stripe::start(listen(port(6))?, &arguments.public_url, faults.clone(), Some(&sold)).await?;
    let addresses = addresses([
        ("database_url", json!(database.url())),
        ("s3_endpoint", json!(store.url)),
        ("s3_region", json!(store.region)),
        ("s3_bucket", json!(BUCKET)),
        ("s3_access_key", json!(store.access_key)),
        ("s3_secret_key", json!(store.secret_key)),
        ("github_url", json!(github.url)),
        ("github_api_url", json!(github.api_url)),
        ("github_client_id", json!(github.client_id)),
        ("github_client_secret", json!(github.client_secret)),
        ("oidc_issuer", json!(oidc.issuer)),
        ("oidc_client_id", json!(oidc.client_id)),
        ("oidc_client_secret", json!(oidc.client_secret)),
        ("openai_base_url", json!(openai.base_url)),
        ("openai_compatible_base_url", json!(openai.compatible_base_url)),
        ("openai_api_key", json!(openai.api_key)),
        ("stripe_url", json!(stripe.url)),
        ("stripe_secret_key", json!(stripe.secret_key)),
        ("stripe_webhook_secret", json!(stripe.webhook_secret)),
        ("stripe_operator_url", json!(stripe.operator_url)),
        ("control_url", json!(format!("http://{}", control_port.local_addr()?))),
    ]);
    let control = control::start(control_port, faults, addresses.clone()).await?;
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{}", Value::Object(addresses))?;
    stdout.flush()?;
    drop(stdout);
    tracing::info!("every vendor is up; faults are set at {}", control.url);

    told_to_stop.await;
    drop((control, stripe, openai, oidc, github, store));
    database.stop().await?;
    tracing::info!("everything has stopped");
    Ok(())
}

fn addresses<const COUNT: usize>(pairs: [(&str, Value); COUNT]) -> Map<String, Value> {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The wanted port, or any: two sandboxes may run beside each other.
fn listen(port: u16) -> Result<TcpListener, Failure> {
    match TcpListener::bind(("127.0.0.1", port)) {
        Ok(listener) => Ok(listener),
        Err(busy) => {
            let listener = TcpListener::bind(("127.0.0.1", 0))?;
            tracing::warn!("port {port}: {busy}; taking {} instead", listener.local_addr()?.port());
            Ok(listener)
        }
    }
}

/// Resolves once we are to end.
fn stop_orders(until_stdin_closes: bool) -> Result<impl Future<Output = ()>, Failure> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let (closed, stdin_closed) = tokio::sync::oneshot::channel::<()>();
    if until_stdin_closes {
        // A thread of its own: the runtime would wait for a read that never ends.
        std::thread::spawn(move || {
            let _ = std::io::copy(&mut std::io::stdin().lock().by_ref(), &mut std::io::sink());
            let _ = closed.send(());
        });
    } else {
        std::mem::forget(closed);
    }
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = stdin_closed => {}
        }
    })
}
