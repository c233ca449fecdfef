//! One fast server for all tests of a test binary, removed with its data when the binary ends.
use std::sync::{OnceLock, mpsc};

use super::{Options, start};

/// The address of a server that lasts as long as this process. Blocks until it is ready; a test may call it anywhere.
///
/// `LAPIDARY_TEST_DATABASE_URL` names another server to use instead.
///
/// # Panics
/// When the server does not start: without it no test means anything.
pub fn shared_for_tests() -> &'static str {
    static URL: OnceLock<String> = OnceLock::new();
    URL.get_or_init(|| match std::env::var("LAPIDARY_TEST_DATABASE_URL") {
        Ok(url) => url,
        Err(_) => start_in_own_thread(),
    })
}

fn start_in_own_thread() -> String {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = match runtime {
            Ok(runtime) => runtime,
            Err(error) => return drop(sender.send(Err(error.to_string()))),
        };
        runtime.block_on(async {
            let name = format!("lapidary-postgres-{}", uuid::Uuid::now_v7().simple());
            let options = Options::fast(std::env::temp_dir().join(name));
            match start(Options { remove_at_end: true, ..options }).await {
                Ok(server) => {
                    let _ = sender.send(Ok(server.url()));
                    // The server lives as long as this future, which is as long as the process.
                    std::future::pending::<()>().await;
                    drop(server);
                }
                Err(error) => drop(sender.send(Err(error.to_string()))),
            }
        });
    });
    match receiver.recv() {
        Ok(Ok(url)) => url,
        Ok(Err(error)) => panic!("{error}"),
        Err(_) => panic!("the thread of the shared PostgreSQL ended"),
    }
}
