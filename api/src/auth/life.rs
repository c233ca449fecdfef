//! Whether whoever began something long may go on with it: a stream, a call that waits. Asks the database only while this
//! process does not hear of ends by itself, and then not more often than once a second.
use std::time::{Duration, Instant};

use super::CurrentUser;
use crate::app::App;

/// How often the database is asked, and how long that may take.
const ASK: Duration = Duration::from_secs(1);

#[derive(Default)]
pub struct Life {
    asked: Option<(Instant, bool)>,
}

impl Life {
    pub async fn goes_on(&mut self, app: &App, user: &CurrentUser) -> bool {
        if let Some(is_live) = app.auth.is_live(user) {
            return is_live;
        }
        if self.asked.is_none_or(|(at, _)| at.elapsed() >= ASK) {
            let asked = app.auth.allows(&app.db, user);
            // Without the database there is nothing to tell either: a later look asks again.
            let is_live = !matches!(tokio::time::timeout(ASK, asked).await, Ok(Ok(false)));
            self.asked = Some((Instant::now(), is_live));
        }
        self.asked.is_none_or(|(_, is_live)| is_live)
    }
}
