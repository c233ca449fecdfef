//! How a process ends: it is no longer ready, claims nothing, sends streams elsewhere; what runs gets its time, and what
//! is left goes back into the queue. A second signal leaves out the waiting, never the giving back.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::watch;

use crate::app::App;
use crate::server::Application;
use crate::work::Background;

/// What a balancer needs to see that this process is not ready: until then it sends requests, and they are served.
const LINGER: Duration = Duration::from_secs(3);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    Serving,
    /// Told to end: requests are answered and runs may finish.
    Ending,
    /// Told again: at once.
    Now,
}

/// How far this process is on its way out; it only goes forward.
#[derive(Debug)]
pub struct Stop {
    stage: watch::Sender<Stage>,
    lingers: AtomicBool,
}

impl Default for Stop {
    fn default() -> Self {
        Self { stage: watch::channel(Stage::Serving).0, lingers: AtomicBool::new(false) }
    }
}

impl Stop {
    pub fn is_serving(&self) -> bool {
        *self.stage.borrow() == Stage::Serving
    }

    /// The next stage: what each signal does.
    pub fn go_on(&self) -> Stage {
        self.stage.send_modify(|stage| *stage = if *stage == Stage::Serving { Stage::Ending } else { Stage::Now });
        *self.stage.borrow()
    }

    /// Returns once this stage, or one after it, has come.
    pub async fn reached(&self, stage: Stage) {
        let _ = self.stage.subscribe().wait_for(|now| *now >= stage).await;
    }

    /// The listener stays for a moment when a machine said stop; a person at a keyboard waits for nobody.
    async fn linger(&self) {
        if self.lingers.load(Ordering::Relaxed) {
            tokio::select! {
                () = tokio::time::sleep(LINGER) => {}
                () = self.reached(Stage::Now) => {}
            }
        }
    }
}

/// Serves until told to stop, and returns when all is quiet.
pub async fn serve(application: Application, background: Background) -> std::io::Result<()> {
    let app = Arc::clone(&application.app);
    let handle = application.handle();
    let signals = actix_web::rt::spawn(follow_signals(Arc::clone(&app)));
    let stopping = Arc::clone(&app);
    let ending = actix_web::rt::spawn(async move {
        stopping.stop.reached(Stage::Ending).await;
        stopping.live.close();
        // Requests are answered meanwhile.
        let (ears, ()) = tokio::join!(background.end(), stopping.stop.linger());
        let gracefully = tokio::select! {
            () = stopping.stop.reached(Stage::Now) => false,
            () = handle.stop(true) => true,
        };
        if !gracefully {
            handle.stop(false).await;
        }
        // Until the last answer it is heard whose session or key ended elsewhere.
        ears.end().await;
    });
    let served = application.serve().await;
    if app.stop.is_serving() {
        app.stop.go_on();
    }
    let _ = ending.await;
    signals.abort();
    app.request_log.end(&app.db).await;
    served
}

/// Works off the queue without a server until told to stop.
pub async fn work(app: Arc<App>, background: Background) {
    let signals = actix_web::rt::spawn(follow_signals(Arc::clone(&app)));
    app.stop.reached(Stage::Ending).await;
    background.end().await.end().await;
    signals.abort();
}

async fn follow_signals(app: Arc<App>) {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = match (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
        (Ok(terminate), Ok(interrupt)) => (terminate, interrupt),
        (Err(error), _) | (_, Err(error)) => {
            tracing::error!(%error, "cannot listen for signals");
            return;
        }
    };
    loop {
        tokio::select! {
            _ = terminate.recv() => app.stop.lingers.store(true, Ordering::Relaxed),
            _ = interrupt.recv() => {}
        }
        match app.stop.go_on() {
            Stage::Now => tracing::warn!("told again to stop: what runs goes back into the queue"),
            _ => tracing::info!("stopping: not ready, nothing new is claimed, what runs may finish"),
        }
    }
}
