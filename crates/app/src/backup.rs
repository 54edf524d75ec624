//! Copying the store into a backup, beside everything else that it does.

use std::path::Path;

use keystead_domain::Error;

use crate::App;

impl App {
    /// Copies the store into a file that is there and empty.
    ///
    /// # Errors
    /// [`Error::Conflict`], which says why the copy could not be made.
    pub(crate) async fn back_up(&self, into: &Path) -> Result<(), Error> {
        let made_at = self.now();
        // Both make the copy better, and neither is a reason to have none: what fails is logged there.
        _ = self.sweep_last_used().await;
        _ = self.sign_audit_checkpoints().await;
        self.store.back_up(into, made_at).await.map_err(|error| {
            tracing::error!(error = &error as &dyn std::error::Error, "a backup could not be made");
            Error::Conflict(format!("The copy could not be made: {error}."))
        })
    }
}
