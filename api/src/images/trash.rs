//! Empties the trash: objects first, then rows, so that nothing is left which no row knows of.
use chrono::TimeDelta;
use lapidary_contract::domain::limits::TRASH_DAYS;

use super::queries;
use crate::app::App;

/// Images of one round; the next round takes the next ones.
const ROUND: i64 = 300;

/// Erases what has been in the trash for 30 days. A storage that fails keeps the rows for the next time.
pub async fn empty(app: &App) -> Result<(), sqlx::Error> {
    let before = app.clock.now() - TimeDelta::days(TRASH_DAYS);
    let expired = queries::expired(app.db.house(), before, ROUND).await?;
    if expired.is_empty() {
        return Ok(());
    }
    let keys: Vec<String> = expired.iter().flat_map(|image| image.objects.keys()).collect();
    if let Err(error) = app.store.delete_many(&keys).await {
        tracing::warn!(%error, "the trash could not be emptied and will be tried again");
        return Ok(());
    }
    let ids: Vec<_> = expired.iter().map(|image| image.id).collect();
    queries::erase(app.db.house(), &ids, before).await?;
    tracing::info!(images = ids.len(), "the trash was emptied");
    Ok(())
}
