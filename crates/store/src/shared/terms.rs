//! How long the leases of a store's nodes are: the same for all, as each counts with the length of the others'.

use std::str::FromStr as _;
use std::time::Duration;

use keystead_domain::LeaseTerms;
use sqlx::any::AnyConnectOptions;
use sqlx::{AnyConnection, Connection as _, Row as _};

use crate::engine::{DatabaseUrl, Engine};
use crate::{OpenError, Store, StoreError, open, rows};

/// What a node and its store agreed on.
#[derive(Debug, Clone, Copy)]
pub struct AgreedLease {
    /// How long leases are.
    pub terms: LeaseTerms,
    /// Until all leases have ended that a node may hold which did not hear of it. Before that, this one may not answer.
    pub wait: Option<Duration>,
}

/// Settles how long leases are in a store, which is brought up to this release: as it says or, if no node serves, as `wanted`.
///
/// # Errors
/// [`OpenError::OtherLease`] if nodes serve by another length than `wanted`; others as of [`Store::open`].
pub async fn agree_on_lease(url: &DatabaseUrl, wanted: Option<LeaseTerms>) -> Result<AgreedLease, OpenError> {
    sqlx::any::install_default_drivers();
    let options = AnyConnectOptions::from_str(url.expose()).map_err(OpenError::of_postgres)?;
    let mut connection = open::ready_postgres(url, &options).await?;
    Engine::Postgres.begin(&mut connection).await?;
    let kept = kept(&mut connection).await?;
    let Some(wanted) = wanted.filter(|wanted| *wanted != kept) else {
        return Ok(AgreedLease { terms: kept, wait: None });
    };
    if sqlx::query("SELECT 1 FROM nodes").fetch_optional(&mut connection).await?.is_some() {
        return Err(OpenError::OtherLease { kept: kept.length(), wanted: wanted.length() });
    }
    // Another epoch: a node that serves all the same loads anew, and finds out.
    let changed = sqlx::query(
        "UPDATE feed SET lease_ms = $1, epoch = gen_random_uuid() WHERE id = 1 RETURNING sequence",
    )
    .bind(i64::try_from(wanted.length().as_millis()).unwrap_or(i64::MAX))
    .fetch_one(&mut connection)
    .await?;
    sqlx::query("COMMIT").execute(&mut connection).await?;
    let is_new = changed.try_get::<i64, _>(0)? == 0;
    connection.close().await?;
    Ok(AgreedLease { terms: wanted, wait: (!is_new).then(|| wanted.longest_ended()) })
}

impl Store {
    /// How long leases are in this store.
    pub async fn lease(&self) -> Result<LeaseTerms, StoreError> {
        kept(&mut *self.readers.acquire().await?).await
    }
}

pub(crate) async fn kept(connection: &mut AnyConnection) -> Result<LeaseTerms, StoreError> {
    let row = sqlx::query("SELECT lease_ms FROM feed WHERE id = 1").fetch_one(connection).await?;
    let millis = row.try_get::<i64, _>(0)?.unsigned_abs();
    LeaseTerms::new(Duration::from_millis(millis))
        .ok_or_else(|| rows::corrupt("feed", "the length of a lease"))
}
