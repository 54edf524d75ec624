//! Hashing passwords: Argon2id, off the async threads, a bounded number at a time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use argon2::password_hash::phc::{Output, PasswordHash};
use argon2::password_hash::{CustomizedPasswordHasher as _, PasswordHasher as _};
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
    nobody: Arc<OnceLock<PasswordHash>>,
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

    /// The PHC string to keep for a password, with the salt of another of the same person's, if there is one.
    ///
    /// A person has a password in each organization, and signing in compares an attempt with all of them. With one salt that
    /// takes one computation, however many there are: how long it takes does not tell in how many organizations somebody is
    /// (promise 6). What a salt is for is kept: two people never share one, so nothing can be computed for many at once. Whoever
    /// reads the store learns that a person chose the same password twice, and could have learnt it by cracking one.
    pub async fn hash(
        &self,
        password: NewPassword,
        salt_of: Option<&str>,
        entropy: &Entropy,
    ) -> Result<String, Error> {
        let shared = salt_of.and_then(|hash| PasswordHash::new(hash).ok()).and_then(|hash| hash.salt);
        let salt = match shared {
            Some(salt) => salt.to_vec(),
            None => entropy.bytes::<16>()?.to_vec(),
        };
        let argon2 = self.argon2.clone();
        self.run(move |computed| {
            computed.fetch_add(1, Ordering::Relaxed);
            hash(&argon2, password.expose(), &salt)
        })
        .await?
    }

    /// Of which of these PHC strings the attempt is the password, in their order. It is computed once for all that have the same
    /// parameters and salt, and once if there is none at all: an unknown address costs what a known one does.
    pub async fn verify_any(&self, attempt: &str, stored: &[Option<String>]) -> Result<Vec<bool>, Error> {
        let attempt = NewPassword::normalize_attempt(attempt);
        let usable = attempt.is_some();
        let attempt = attempt.unwrap_or_default();
        let parsed: Vec<_> = stored.iter().map(|stored| stored.as_deref().and_then(readable)).collect();
        let (argon2, nobody) = (self.argon2.clone(), Arc::clone(&self.nobody));
        let matches = self
            .run(move |computed| {
                let mut outputs: Vec<(&PasswordHash, Option<Output>)> = Vec::new();
                let mut matches = Vec::with_capacity(parsed.len());
                for hash in &parsed {
                    let Some(hash) = hash else {
                        matches.push(false);
                        continue;
                    };
                    let known = outputs.iter().find(|(other, _)| computes_alike(other, hash));
                    let output = if let Some((_, output)) = known {
                        *output
                    } else {
                        computed.fetch_add(1, Ordering::Relaxed);
                        let output = compute(&argon2, &attempt, hash);
                        outputs.push((hash, output));
                        output
                    };
                    // Outputs compare in constant time.
                    matches.push(output.is_some() && output == hash.hash);
                }
                if outputs.is_empty() {
                    computed.fetch_add(1, Ordering::Relaxed);
                    let nobody = nobody_hash(&argon2, &nobody)?;
                    _ = compute(&argon2, &attempt, &nobody);
                }
                Ok::<_, Error>(matches)
            })
            .await??;
        Ok(matches.into_iter().map(|matches| matches && usable).collect())
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&AtomicU64) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let _admitted = self.admitted.try_acquire().map_err(|_| Error::Unavailable)?;
        let turn = Arc::clone(&self.running).acquire_owned().await.map_err(|_| Error::Internal)?;
        let computed = Arc::clone(&self.computed);
        tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work(&computed)
        })
        .await
        .map_err(|_| Error::Internal)
    }
}

/// One that cannot be read is nobody's password; those beside it still are somebody's.
fn readable(stored: &str) -> Option<PasswordHash> {
    let parsed = PasswordHash::new(stored);
    if let Err(error) = &parsed {
        tracing::error!(?error, "a stored password hash cannot be read");
    }
    parsed.ok().filter(|hash| hash.salt.is_some() && hash.hash.is_some())
}

fn computes_alike(one: &PasswordHash, other: &PasswordHash) -> bool {
    let output = |hash: &PasswordHash| hash.hash.map(|output| output.len());
    one.salt == other.salt
        && one.params == other.params
        && one.algorithm == other.algorithm
        && one.version == other.version
        && output(one) == output(other)
}

fn compute(argon2: &Argon2<'_>, attempt: &str, like: &PasswordHash) -> Option<Output> {
    let params = Params::try_from(like).ok()?;
    let (algorithm, salt) = (Some(like.algorithm.as_str()), like.salt.as_ref()?);
    let hash = argon2.hash_password_customized(attempt.as_bytes(), salt, algorithm, like.version, params);
    hash.ok()?.hash
}

fn hash(argon2: &Argon2<'_>, password: &str, salt: &[u8]) -> Result<String, Error> {
    argon2.hash_password_with_salt(password.as_bytes(), salt).map(|hash| hash.to_string()).map_err(|error| {
        tracing::error!(?error, "a password could not be hashed");
        Error::Internal
    })
}

fn nobody_hash(argon2: &Argon2<'_>, nobody: &OnceLock<PasswordHash>) -> Result<PasswordHash, Error> {
    if let Some(hash) = nobody.get() {
        return Ok(hash.clone());
    }
    let made = hash(argon2, "nobody has this password", &[0; 16])?;
    let made = PasswordHash::new(&made).map_err(|_| Error::Internal)?;
    Ok(nobody.get_or_init(|| made).clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWORD: &str = "a few unrelated words";

    async fn hashed(passwords: &Passwords, password: &str, salt_of: Option<&str>) -> String {
        let password = NewPassword::parse(password, "ada@example.com").unwrap();
        passwords.hash(password, salt_of, &Entropy::system()).await.unwrap()
    }

    #[tokio::test]
    async fn an_attempt_costs_one_computation_however_many_passwords_a_person_has() {
        let passwords = Passwords::weak_for_tests();
        let first = hashed(&passwords, PASSWORD, None).await;
        let same = hashed(&passwords, PASSWORD, Some(&first)).await;
        let other = hashed(&passwords, "quite another sentence", Some(&first)).await;
        for (stored, expected) in [
            (vec![], vec![]),
            (vec![None], vec![false]),
            (vec![Some(first.clone())], vec![true]),
            (
                vec![Some(other.clone()), None, Some(same), Some(first.clone())],
                vec![false, false, true, true],
            ),
            (vec![Some("$argon2id$nonsense".to_owned())], vec![false]),
            (vec![Some("$argon2id$nonsense".to_owned()), Some(first.clone())], vec![false, true]),
        ] {
            let before = passwords.computed();
            assert_eq!(passwords.verify_any(PASSWORD, &stored).await.unwrap(), expected);
            assert_eq!(passwords.computed() - before, 1, "{} passwords", stored.len());
        }
        let too_long = "x".repeat(5_000);
        assert_eq!(passwords.verify_any(&too_long, &[Some(first)]).await.unwrap(), [false]);
    }

    #[tokio::test]
    async fn two_people_never_share_a_salt() {
        let passwords = Passwords::weak_for_tests();
        let (one, other) =
            (hashed(&passwords, PASSWORD, None).await, hashed(&passwords, PASSWORD, None).await);
        assert_ne!(one, other);
        let before = passwords.computed();
        assert_eq!(passwords.verify_any(PASSWORD, &[Some(one), Some(other)]).await.unwrap(), [true, true]);
        assert_eq!(passwords.computed() - before, 2, "and an address that changed hands is still good");
    }
}
