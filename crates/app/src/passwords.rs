//! Hashing passwords: Argon2id, off the async threads, a bounded number at a time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use keystead_domain::{Error, NewPassword};
use tokio::sync::Semaphore;

use crate::Entropy;

/// Hashes passwords. Cheap to clone.
#[derive(Clone)]
pub struct Passwords {
    argon2: Argon2<'static>,
    /// Each hash takes tens of milliseconds of a core and 19 MiB: this many at once, so that sign-ins never starve verification.
    running: Arc<Semaphore>,
    /// Those that wait for a turn, and run; beyond that the answer is "later".
    admitted: Arc<Semaphore>,
    /// What an unknown address is compared with, so that it costs what a known one does.
    nobody: Arc<OnceLock<String>>,
    computed: Arc<AtomicU64>,
}

const AT_ONCE: usize = 2;
const WAITING: usize = 64;

impl Default for Passwords {
    /// OWASP's choice for Argon2id: 19 MiB, 2 passes, 1 lane.
    fn default() -> Self {
        Self::with(Params::DEFAULT)
    }
}

impl Passwords {
    /// So cheap that it protects nothing: for tests that sign in often.
    #[must_use]
    pub fn weak_for_tests() -> Self {
        Self::with(Params::new(Params::MIN_M_COST, 1, 1, None).unwrap_or(Params::DEFAULT))
    }

    fn with(params: Params) -> Self {
        Self {
            argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, params),
            running: Arc::new(Semaphore::new(AT_ONCE)),
            admitted: Arc::new(Semaphore::new(WAITING)),
            nobody: Arc::default(),
            computed: Arc::default(),
        }
    }

    /// How many hashes were computed so far: the work that sign-ins cost.
    #[must_use]
    pub fn computed(&self) -> u64 {
        self.computed.load(Ordering::Relaxed)
    }

    /// The PHC string to keep for a password.
    pub async fn hash(&self, password: NewPassword, entropy: &Entropy) -> Result<String, Error> {
        let salt: [u8; 16] = entropy.bytes()?;
        let argon2 = self.argon2.clone();
        self.run(move || hash(&argon2, password.expose(), &salt)).await?
    }

    /// Whether the attempt is the password of the PHC string. Without one, the same work is done, and the answer is no.
    pub async fn verify(&self, attempt: &str, stored: Option<String>) -> Result<bool, Error> {
        let known = stored.is_some();
        let attempt = NewPassword::normalize_attempt(attempt);
        let usable = attempt.is_some();
        let attempt = attempt.unwrap_or_default();
        let (argon2, nobody) = (self.argon2.clone(), Arc::clone(&self.nobody));
        let matches = self
            .run(move || {
                let stored = stored.map_or_else(|| nobody_hash(&argon2, &nobody), Ok)?;
                let parsed = PasswordHash::new(&stored).map_err(|error| {
                    tracing::error!(?error, "a stored password hash cannot be read");
                    Error::Internal
                })?;
                Ok::<_, Error>(argon2.verify_password(attempt.as_bytes(), &parsed).is_ok())
            })
            .await??;
        Ok(matches && known && usable)
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
        let _admitted = self.admitted.try_acquire().map_err(|_| Error::Unavailable)?;
        let turn = Arc::clone(&self.running).acquire_owned().await.map_err(|_| Error::Internal)?;
        self.computed.fetch_add(1, Ordering::Relaxed);
        tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        })
        .await
        .map_err(|_| Error::Internal)
    }
}

fn hash(argon2: &Argon2<'_>, password: &str, salt: &[u8]) -> Result<String, Error> {
    argon2.hash_password_with_salt(password.as_bytes(), salt).map(|hash| hash.to_string()).map_err(|error| {
        tracing::error!(?error, "a password could not be hashed");
        Error::Internal
    })
}

fn nobody_hash(argon2: &Argon2<'_>, nobody: &OnceLock<String>) -> Result<String, Error> {
    if let Some(hash) = nobody.get() {
        return Ok(hash.clone());
    }
    let made = hash(argon2, "nobody has this password", &[0; 16])?;
    Ok(nobody.get_or_init(|| made).clone())
}
