//! A store that many nodes share: following its feed, holding a lease of it, and seeing how far the others are.
//!
//! What is told of a change is how its thing is when it is read, which may be later than the change: a later state early does no harm
//! (see [`keystead_domain::Change`]), and each number is told once all of it and of those before it is known.

mod follow;
mod halt;
mod members;
mod nodes;
mod terms;
mod wake;

use std::str::FromStr as _;

use sqlx::AnyConnection;
use sqlx::any::AnyConnectOptions;

use crate::engine::{DatabaseUrl, Engine};
use crate::{OpenError, StoreError};

pub use follow::{Asked, Follower, Following, Position};
pub use members::{Members, NodeRecord};
pub use nodes::NodeRow;
pub(crate) use terms::kept as kept_lease;
pub use terms::{AgreedLease, agree_on_lease};
pub use wake::{Wake, Woken};

/// A connection that is made when it is needed, and again when it was lost.
struct Reconnecting {
    options: AnyConnectOptions,
    connection: Option<AnyConnection>,
}

impl Reconnecting {
    fn new(url: &DatabaseUrl) -> Result<Self, OpenError> {
        let options = AnyConnectOptions::from_str(url.expose()).map_err(OpenError::of_postgres)?;
        Ok(Self { options, connection: None })
    }

    /// The connection, and whether it is a new one. It is taken: whoever is done with it without an error puts it back, so that
    /// one that was left in the middle is not used again.
    async fn take(&mut self) -> Result<(AnyConnection, bool), StoreError> {
        match self.connection.take() {
            Some(connection) => Ok((connection, false)),
            None => Ok((Engine::Postgres.connect(&self.options).await?, true)),
        }
    }

    fn put_back(&mut self, connection: AnyConnection) {
        self.connection = Some(connection);
    }
}
