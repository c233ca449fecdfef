//! The binary: reads settings, starts what the command names, stops on a signal.
use std::io::IsTerminal;
use std::net::TcpListener;
use std::process::ExitCode;

use lapidary::app::{App, StartError};
use lapidary::clock::Clock;
use lapidary::config::{self, Cli, Command, LogFormat, Settings};
use lapidary::server::Application;
use lapidary::{auth, db, openapi, stop, work};
use tracing_subscriber::EnvFilter;

#[actix_web::main]
async fn main() -> ExitCode {
    // One TLS provider for all clients: two in one process make the default ambiguous.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let outcome = match config::read() {
        Ok(cli) => run(cli).await,
        Err(error) => Err(error.into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say_error(&error);
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> Result<(), StartError> {
    match cli.command {
        Command::Serve(settings) => serve(*settings).await,
        Command::Work(settings) => work_only(*settings).await,
        Command::Migrate(settings) => migrate(*settings).await,
        Command::Openapi { json } => print_openapi(json),
        Command::People(people) => auth::people::act(people.act, &people.settings).await,
    }
}

async fn serve(settings: Settings) -> Result<(), StartError> {
    start_logs(&settings);
    let listener = TcpListener::bind(settings.listen)?;
    let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let app = App::build(settings, Clock::default()).await?;
    let application = Application::build(app.clone(), listener, threads)?;
    let background = work::Background::start(app.clone());
    tracing::info!(address = %application.address, public_url = %app.settings.public_url, "serving");
    stop::serve(application, background).await?;
    app.db.close().await;
    Ok(())
}

async fn work_only(settings: Settings) -> Result<(), StartError> {
    start_logs(&settings);
    if settings.worker_slots == 0 {
        return Err(StartError::Other("WORKER_SLOTS is 0: a worker without slots does nothing".into()));
    }
    let app = App::build(settings, Clock::default()).await?;
    let background = work::Background::start(app.clone());
    tracing::info!(slots = app.settings.worker_slots, "working off the queue");
    stop::work(app.clone(), background).await;
    app.db.close().await;
    Ok(())
}

async fn migrate(settings: Settings) -> Result<(), StartError> {
    start_logs(&settings);
    db::migrate(&settings).await?;
    lapidary::images::store::ImageStore::new(&settings, Clock::default())
        .ensure_bucket()
        .await
        .map_err(|error| StartError::Other(format!("the bucket: {error}")))?;
    tracing::info!("the database and the bucket are ready");
    Ok(())
}

#[expect(clippy::print_stdout, reason = "this command's answer is what it prints")]
fn print_openapi(json: bool) -> Result<(), StartError> {
    let document = openapi::document();
    let text =
        if json { document.to_pretty_json().map_err(|error| error.to_string()) } else { openapi::yaml(&document) };
    print!("{}", text.map_err(StartError::Other)?);
    Ok(())
}

#[expect(clippy::print_stderr, reason = "before logs exist this is where a person looks")]
fn say_error(error: &StartError) {
    eprintln!("lapidary: {error}");
}

fn start_logs(settings: &Settings) {
    let filter = EnvFilter::try_new(&settings.log_filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match settings.log_format {
        LogFormat::Json => logs.json().init(),
        LogFormat::Pretty => logs.with_target(false).with_ansi(std::io::stderr().is_terminal()).init(),
    }
}
