//! Calls that bring no idempotency key and may come again: a client that lost its patience repeats what it sent, and finds what
//! its first try began, or the other way round. Decided in the account's turn, within the transaction that would accept it.
use chrono::{DateTime, TimeDelta, Utc};
use lapidary_contract::FailureCode;
use uuid::Uuid;

use super::call_queries;
use super::queries;
use super::submit::Submitted;
use crate::app::App;
use crate::auth::CurrentUser;
use crate::db::PersonTx;
use crate::gems;
use crate::http::error::{ApiError, ApiResult};

/// A client's own patience is ten minutes. Counts anew with each try that found it.
pub const WINDOW: TimeDelta = TimeDelta::minutes(15);
/// More tries than anybody makes.
const TRIES_MAX: u32 = 1_000;

#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// Of the whole call as it came.
    pub fingerprint: &'a [u8],
    /// The session or API key that called.
    pub by: Uuid,
    /// How many tries came before, as the client counts them.
    tries: u32,
    /// Before anything of its body was looked at.
    pub arrived_at: DateTime<Utc>,
    /// The try before this one was refused: there is nothing of its own to be found.
    pub was_refused: bool,
    /// Generations of calls like this one that somebody waits for, or was told of to the end: rather not this one's.
    pub served: &'a [Uuid],
}

impl<'a> Call<'a> {
    pub fn new(fingerprint: &'a [u8], by: Uuid, tries: u32, arrived_at: DateTime<Utc>) -> Self {
        Self { fingerprint, by, tries: tries.min(TRIES_MAX), arrived_at, was_refused: false, served: &[] }
    }

    pub fn is_retry(&self) -> bool {
        self.tries > 0
    }

    /// What a generation begins with that no earlier try began.
    pub fn joins(&self) -> i32 {
        i32::try_from(self.tries).unwrap_or(i32::MAX)
    }
}

/// What becomes of a call.
pub enum Begun {
    /// Another try of it was accepted.
    Joined(Box<Submitted>),
    /// Nothing of it is there; nobody can accept another try of it until this transaction ends.
    Alone(PersonTx),
}

/// Begins the transaction in which a call is accepted.
pub async fn begin(app: &App, user: &CurrentUser, call: Option<&Call<'_>>) -> ApiResult<Begun> {
    let mut tx = app.db.begin_as(user.actor()).await?;
    let Some(call) = call else { return Ok(Begun::Alone(tx)) };
    // Behind whichever try is being accepted at this moment: its row is seen below.
    gems::queries::take_turns(&mut tx, user.account_id).await?;
    let now = app.clock.now();
    let found = if !call.is_retry() {
        call_queries::of_its_retry(&mut tx, user.person_id, call).await?
    } else if call.was_refused {
        None
    } else {
        let passing: Vec<String> =
            FailureCode::ALL.into_iter().filter(|code| code.may_pass()).map(|code| code.name().to_owned()).collect();
        let found = call_queries::join(&mut tx, user.person_id, call, now - WINDOW, now, &passing).await?;
        // One that failed for what may be over by now cost nothing and is made anew; that it was found stays with this.
        found.filter(|found| !found.is_to_be_made_anew).map(|found| found.id)
    };
    let Some(id) = found else { return Ok(Begun::Alone(tx)) };
    let generation = queries::get(&mut tx, app, user.person_id, id).await?.ok_or(ApiError::NotFound)?;
    let gems = gems::queries::balance(&mut tx, user.account_id).await?;
    tx.commit().await?;
    tracing::info!(generation_id = %id, "a call came more than once, and joins what it began");
    Ok(Begun::Joined(Box::new(Submitted { generation, gems, standing: None })))
}
