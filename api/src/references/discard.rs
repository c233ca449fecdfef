//! Deletes an upload: at once for its person, and its objects with it unless something unfinished is made from it; those go
//! with the sweep of orphans.
use uuid::Uuid;

use super::queries;
use crate::app::App;
use crate::auth::CurrentUser;
use crate::http::error::{ApiError, ApiResult};

pub async fn discard(app: &App, user: &CurrentUser, id: Uuid) -> ApiResult<()> {
    let mut tx = app.db.begin_as(user.actor()).await?;
    // Waits for a submit that names it, and sees that one below.
    let Some(objects) = queries::discard(&mut tx, user.person_id, id, app.clock.now()).await? else {
        return Err(ApiError::NotFound);
    };
    let is_in_use = queries::is_in_use(&mut tx, user.person_id, id).await?;
    tx.commit().await?;
    if !is_in_use && let Err(error) = app.store.delete_many(&[objects.original(), objects.thumbnail()]).await {
        tracing::warn!(reference_id = %id, %error, "objects of a deleted upload are left to the sweep");
    }
    Ok(())
}
