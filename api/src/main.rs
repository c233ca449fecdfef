//! The binary: reads settings, starts what the command names, stops on a signal.
use std::net::TcpListener;
use std::process::ExitCode;

use lapidary::app::{App, StartError};
use lapidary::clock::Clock;
use lapidary::config::{self, Cli, Command, Settings};
use lapidary::doctor::guard;
use lapidary::images::owner;
use lapidary::images::store::ImageStore;
use lapidary::metrics::exporter::{self, Exporter};
use lapidary::server::Application;
use lapidary::telemetry::Telemetry;
use lapidary::{auth, db, doctor, gems, margin, moderation, openapi, promises, stop, work};

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
        Command::Doctor(doctor) => examine(doctor.settings, doctor.json).await,
        Command::People(people) => auth::people::act(people.act, &people.settings).await,
        Command::Keys(keys) => auth::key_command::act(keys.act, &keys.settings).await,
        Command::Margin(margin) => margin::command::act(&margin.asked, &margin.settings).await,
        Command::Flags(flags) => moderation::flag_command::act(flags.act, &flags.settings).await,
        Command::Retention(of) => promises::retention::command::act(&of.asked, &of.settings).await,
        Command::Codes(codes) => gems::code_command::act(codes.act, &codes.settings).await,
    }
}

async fn serve(settings: Settings) -> Result<(), StartError> {
    let telemetry = Telemetry::start(&settings)?;
    let numbers =
        settings.metrics_listen.map(|listen| Ok::<_, StartError>((exporter::begin()?, listen))).transpose()?;
    let listener = TcpListener::bind(settings.listen)?;
    let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let app = App::build(settings, Clock::default()).await?;
    let application = Application::build(app.clone(), listener, threads)?;
    let exporter = numbers.map(|(numbers, listen)| Exporter::start(app.clone(), numbers, listen)).transpose()?;
    let background = work::Background::start(app.clone());
    tracing::info!(address = %application.address, public_url = %app.settings.public_url, "serving");
    let guard = tokio::spawn(guard::judge(app.clone()));
    let served = stop::serve(application, background).await;
    end(&app, exporter, telemetry).await;
    served?;
    verdict(guard).await
}

async fn work_only(settings: Settings) -> Result<(), StartError> {
    let telemetry = Telemetry::start(&settings)?;
    if settings.worker_slots == 0 {
        return Err(StartError::Other("WORKER_SLOTS is 0: a worker without slots does nothing".into()));
    }
    let numbers =
        settings.metrics_listen.map(|listen| Ok::<_, StartError>((exporter::begin()?, listen))).transpose()?;
    let app = App::build(settings, Clock::default()).await?;
    let exporter = numbers.map(|(numbers, listen)| Exporter::start(app.clone(), numbers, listen)).transpose()?;
    let background = work::Background::start(app.clone());
    tracing::info!(slots = app.settings.worker_slots, "working off the queue");
    let guard = tokio::spawn(guard::judge(app.clone()));
    stop::work(app.clone(), background).await;
    end(&app, exporter, telemetry).await;
    verdict(guard).await
}

/// Why the process stopped, when it was not told to.
async fn verdict(guard: tokio::task::JoinHandle<Option<String>>) -> Result<(), StartError> {
    guard.abort();
    match guard.await {
        Ok(Some(sentence)) => Err(StartError::Other(sentence)),
        _ => Ok(()),
    }
}

async fn end(app: &App, exporter: Option<Exporter>, telemetry: Telemetry) {
    if let Some(exporter) = exporter {
        exporter.end().await;
    }
    app.db.close().await;
    telemetry.end();
}

async fn migrate(settings: Settings) -> Result<(), StartError> {
    let telemetry = Telemetry::start(&settings)?;
    db::migrate(&settings).await?;
    let store = ImageStore::new(&settings, Clock::default());
    store.ensure_bucket().await.map_err(|error| StartError::Other(format!("the bucket: {error}")))?;
    let db = db::Db::connect(&settings)?;
    owner::claim(db.house(), &store).await.map_err(|error| StartError::Other(format!("the bucket: {error}")))?;
    db.close().await;
    tracing::info!("the database and the bucket are ready");
    telemetry.end();
    Ok(())
}

/// Its findings are the answer; the exit code says whether anything is wrong.
#[expect(clippy::print_stdout, reason = "this command's answer is what it prints")]
async fn examine(settings: Settings, json: bool) -> Result<(), StartError> {
    let report = doctor::examine(settings, Clock::default()).await;
    println!("{}", if json { report.json() } else { report.text() });
    match report.wrong() {
        0 => Ok(()),
        1 => Err(StartError::Other("1 thing is wrong".into())),
        many => Err(StartError::Other(format!("{many} things are wrong"))),
    }
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
