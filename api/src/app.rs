//! What every route and job shares: settings, pools, catalogue, clients and feeds. Built once a process.
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use lapidary_domain::Catalogue;
use tokio::sync::{Notify, Semaphore};

use crate::auth::Auth;
use crate::clock::Clock;
use crate::config::Settings;
use crate::db::Db;
use crate::generation::estimate::Estimates;
use crate::generation::image_model::ImageModel;
use crate::generation::live::Live;
use crate::generation::provider::Providers;
use crate::http::fetch::Sender;
use crate::http::limits::Limits;
use crate::images::store::ImageStore;
use crate::moderation::client::Moderation;
use crate::page::Page;
use crate::payments::Payments;
use crate::promises::keeper::Keeper;
use crate::references::Uploads;
use crate::refinement::language_model::LanguageModel;
use crate::requests::RequestLog;
use crate::stop::Stop;
use crate::work::Wake;

pub struct App {
    pub settings: Settings,
    pub clock: Clock,
    pub db: Db,
    pub catalogue: Arc<Catalogue>,
    pub store: ImageStore,
    pub auth: Auth,
    pub limits: Limits,
    pub image_model: ImageModel,
    pub language_model: LanguageModel,
    pub providers: Providers,
    pub estimates: Estimates,
    /// Absent where nothing is sold.
    pub payments: Option<Payments>,
    /// Absent where nobody looks at prompts beforehand.
    pub moderation: Option<Moderation>,
    pub live: Live,
    pub request_log: RequestLog,
    /// What was seen of the promises.
    pub promises: Keeper,
    pub wake: Wake,
    /// Rung when an erasure was asked for: this process begins it at once, the others within a second.
    pub erasures: Notify,
    pub stop: Stop,
    /// Whether the guard has seen that the database keeps people apart: not ready before.
    pub is_judged: AtomicBool,
    /// A decoded picture takes up to 400 MB: as many at once as there are cores.
    pub decoders: Arc<Semaphore>,
    pub uploads: Uploads,
    /// Room for answers with pictures in OpenAI's wire.
    pub openai: crate::openai::Answers,
    /// Who was served with what in that wire.
    pub openai_calls: Arc<crate::openai::Calls>,
    /// Sends to the addresses that people name.
    pub webhooks: Sender,
    /// Absent where only the API is served.
    pub page: Option<Page>,
}

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Config(#[from] crate::config::ConfigError),
    #[error(transparent)]
    Catalogue(#[from] crate::catalogue::CatalogueError),
    #[error("the database: {0}")]
    Database(#[from] sqlx::Error),
    #[error("the database's schema: {0}")]
    Schema(#[from] sqlx::migrate::MigrateError),
    #[error("sign-in: {0}")]
    Auth(#[from] crate::auth::AuthError),
    #[error("{0}")]
    Http(#[from] reqwest::Error),
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("{0}")]
    Other(String),
}

impl App {
    pub async fn build(settings: Settings, clock: Clock) -> Result<Arc<Self>, StartError> {
        settings.check()?;
        let catalogue = crate::catalogue::load(settings.catalogue_file.as_deref(), clock.today())?;
        let db = Db::connect(&settings)?;
        let auth = Auth::build(&settings)?;
        let store = ImageStore::new(&settings, clock.clone());
        let page = Page::load(
            settings.page_dir.as_deref(),
            &store.public_origin().await,
            settings.support_contact.as_deref(),
        )?;
        let live = Live::new();
        Ok(Arc::new(Self {
            providers: Providers::new(&catalogue, &settings.openai_base_url),
            estimates: Estimates::default(),
            catalogue: Arc::new(catalogue),
            store,
            page,
            image_model: ImageModel::new(&settings)?,
            language_model: LanguageModel::new(&settings)?,
            payments: Payments::new(&settings)?,
            moderation: Moderation::new(&settings)?,
            webhooks: crate::webhooks::sender(&settings)?,
            wake: Wake::new(live.outbox.clone()),
            erasures: Notify::new(),
            live,
            request_log: RequestLog::default(),
            promises: Keeper::default(),
            stop: Stop::default(),
            is_judged: AtomicBool::default(),
            decoders: Arc::new(Semaphore::new(std::thread::available_parallelism().map_or(1, std::num::NonZero::get))),
            uploads: Uploads::default(),
            openai: crate::openai::Answers::default(),
            openai_calls: Arc::default(),
            limits: Limits::new(&settings),
            auth,
            db,
            clock,
            settings,
        }))
    }
}

/// A client for vendors: our name, bounded patience, no redirects unless asked for.
pub fn vendor_client(timeout: Duration) -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .user_agent(concat!("Lapidary/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(5))
        .timeout(timeout)
        .build()
}
