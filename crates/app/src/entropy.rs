//! The only place that asks the system for randomness.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use keystead_domain::Error;
use sha2::{Digest, Sha256};

/// A source of random bytes: the operating system's CSPRNG, or a repeatable one for tests and pictures.
#[derive(Debug, Clone)]
pub struct Entropy(Arc<Kind>);

#[derive(Debug)]
enum Kind {
    System,
    Seeded { seed: u64, next: AtomicU64 },
}

impl Entropy {
    /// The operating system's.
    #[must_use]
    pub fn system() -> Self {
        Self(Arc::new(Kind::System))
    }

    /// The same bytes for the same seed. Never for anything that anybody relies on.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(Arc::new(Kind::Seeded { seed, next: AtomicU64::new(0) }))
    }

    /// Random bytes, up to 32.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the system has none: nothing is made from less.
    pub fn bytes<const N: usize>(&self) -> Result<[u8; N], Error> {
        const { assert!(N <= 32, "at most one digest") };
        let mut bytes = [0; N];
        match &*self.0 {
            Kind::System => fill(&mut bytes)?,
            Kind::Seeded { seed, next } => {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let digest = Sha256::new()
                    .chain_update(seed.to_be_bytes())
                    .chain_update(number.to_be_bytes())
                    .finalize();
                bytes.copy_from_slice(&digest[..N]);
            }
        }
        Ok(bytes)
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the source")]
fn fill(bytes: &mut [u8]) -> Result<(), Error> {
    getrandom::fill(bytes).map_err(|error| {
        tracing::error!(?error, "the system gave no random bytes");
        Error::Unavailable
    })
}
