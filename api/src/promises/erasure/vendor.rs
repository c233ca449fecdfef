//! The payment vendor deletes its customer, and with it the address that it knows. Its own record of payments stays with it.
//! One that does not answer is asked again later, and keeps nothing else waiting.
use super::job_queries::Job;
use super::run::EraseError;
use crate::app::App;

pub async fn delete_customer(app: &App, job: &Job) -> Result<(), EraseError> {
    let Some(customer) = &job.customer else { return Ok(()) };
    let payments = app.payments.as_ref().ok_or(EraseError::NothingSold)?;
    match payments.stripe.delete_customer(customer).await {
        // Somebody deleted it in the dashboard, or this was asked before and nobody heard the answer.
        Err(error) if error.is_missing() => Ok(()),
        done => Ok(done?),
    }
}
