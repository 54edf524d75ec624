//! Being woken by other nodes, sooner than one would look by oneself.

use std::str::FromStr as _;

use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};

use crate::engine::DatabaseUrl;
use crate::{OpenError, StoreError};

/// Why to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Woken {
    /// Somebody committed a change.
    Changed,
    /// Some node has applied one.
    Acknowledged,
}

impl Woken {
    /// Where it is said.
    #[must_use]
    pub fn channel(self) -> &'static str {
        match self {
            Self::Changed => "keystead_changes",
            Self::Acknowledged => "keystead_acknowledgements",
        }
    }
}

/// Hears other nodes.
pub struct Wake(PgListener);

impl Wake {
    /// Listens.
    ///
    /// # Errors
    /// The database cannot be reached, or has no `LISTEN`.
    pub async fn connect(url: &DatabaseUrl) -> Result<Self, OpenError> {
        let options = PgConnectOptions::from_str(url.expose()).map_err(OpenError::of_postgres)?;
        let pool = PgPoolOptions::new().max_connections(1).connect_with(options).await;
        let mut listener = PgListener::connect_with(&pool.map_err(OpenError::of_postgres)?).await?;
        listener.listen_all([Woken::Changed, Woken::Acknowledged].map(Woken::channel)).await?;
        Ok(Self(listener))
    }

    /// The next time that somebody says something. It connects again by itself.
    pub async fn next(&mut self) -> Result<Woken, StoreError> {
        loop {
            let said = self.0.recv().await?;
            let woken = [Woken::Changed, Woken::Acknowledged];
            if let Some(woken) = woken.into_iter().find(|woken| woken.channel() == said.channel()) {
                return Ok(woken);
            }
        }
    }
}
