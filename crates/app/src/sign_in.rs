//! Signing in and out of the console.

use std::fmt;
use std::fmt::Write as _;
use std::sync::Arc;

use keystead_domain::audit::Trace;
use keystead_domain::{Actor, Email, Error, Field, SessionId, Subject, User, UserId, Via};
use keystead_store::Transaction;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::open::fault;
use crate::{App, Entropy, RequestOrigin};

/// A secret that a browser holds: a session's cookie, or the code in a one-time link. 256 random bits in hexadecimal; the
/// store keeps its SHA-256 only. Never printed.
pub struct BrowserSecret(Zeroizing<String>);

impl BrowserSecret {
    pub(crate) fn new(entropy: &Entropy) -> Result<Self, Error> {
        let mut text = Zeroizing::new(String::with_capacity(64));
        for byte in entropy.bytes::<32>()? {
            _ = write!(text, "{byte:02x}");
        }
        Ok(Self(text))
    }

    /// What a browser sent. `None` if it cannot be one of ours: nothing is looked up for it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let fits = text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        fits.then(|| Self(Zeroizing::new(text.to_owned())))
    }

    /// For the answer that hands it to the browser.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What the store keeps.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }

    /// What its forms carry against cross-site requests: who has it cannot find the cookie, and no other cookie has the same.
    #[must_use]
    pub fn csrf(&self) -> [u8; 32] {
        Sha256::new().chain_update("keystead csrf 1").chain_update(self.0.as_bytes()).finalize().into()
    }
}

impl fmt::Debug for BrowserSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BrowserSecret(…)")
    }
}

/// A session that was just started.
#[derive(Debug)]
pub struct SignedIn {
    /// The cookie to set.
    pub cookie: BrowserSecret,
    /// Who signed in.
    pub actor: Actor,
}

impl App {
    /// A secret for a browser that has not signed in, so that its sign-in form is guarded as well.
    pub fn visitor_secret(&self) -> Result<BrowserSecret, Error> {
        BrowserSecret::new(&self.entropy)
    }

    /// Random bytes, for what a door makes up: a form's one-time id, the mask of its token.
    pub fn random<const N: usize>(&self) -> Result<[u8; N], Error> {
        self.entropy.bytes()
    }

    /// Signs in by e-mail and password. A wrong password, an unknown address and a user who may not act get the same answer after
    /// the same work; whoever keeps failing waits longer and longer.
    ///
    /// An address may have a user in several organizations, each with a password of its own. Whoever's password it is and may act
    /// now is signed in, the one used last if there are several; the session may switch to the others, and to nobody else.
    pub async fn sign_in(
        &self,
        email: &str,
        password: &str,
        origin: RequestOrigin,
    ) -> Result<SignedIn, Error> {
        // An address that cannot be one gets the same answer, after the same work, as one that nobody has.
        let email = Email::parse(email).ok();
        let mut subjects: Vec<Subject> = origin.address.map(Subject::network).into_iter().collect();
        subjects.extend(email.as_ref().map(|email| Subject::Account(email.folded())));
        self.lock_throttle().attempt(&subjects, self.now())?;

        let credentials = match &email {
            Some(email) => self.store.credentials(email).await.map_err(fault)?,
            None => Vec::new(),
        };
        let (users, stored): (Vec<_>, Vec<_>) =
            credentials.into_iter().map(|found| (found.user, found.password_hash)).unzip();
        let matches = self.passwords.verify_any(password, &stored).await?;
        let proven = users.into_iter().zip(matches).filter_map(|(user, matches)| matches.then_some(user));
        let mut proven = self.may_act(proven).into_iter();
        let user = proven
            .next()
            .ok_or_else(|| Error::invalid(Field::Password, "The e-mail address or the password is wrong."))?;
        let others: Vec<_> = proven.map(|other| other.id).collect();
        self.lock_throttle().succeeded(&subjects);
        self.start_session(&user, origin, &others).await
    }

    /// Those of some users who may act now.
    pub(crate) fn may_act(&self, users: impl IntoIterator<Item = UserId>) -> Vec<Arc<User>> {
        let users = users.into_iter().filter_map(|user| self.directory.user(user));
        users.filter(|user| user.may_act()).collect()
    }

    /// Ends the session behind the actor. Signing out with a key does nothing.
    pub async fn sign_out(&self, actor: &Actor) -> Result<(), Error> {
        let Via::Session(session) = actor.via() else { return Ok(()) };
        let mut change = self.store.begin(Trace::of(actor, self.now())).await.map_err(fault)?;
        change.end_session(session, actor.user()).await.map_err(fault)?;
        change.commit().await.map_err(fault)
    }

    pub(crate) async fn start_session(
        &self,
        user: &Arc<User>,
        origin: RequestOrigin,
        others: &[UserId],
    ) -> Result<SignedIn, Error> {
        let trace = Trace::visitor("sign_in", origin.address, self.now());
        let mut change = self.store.begin(trace).await.map_err(fault)?;
        let (session, cookie) = self.write_session(&mut change, user, &origin, others).await?;
        change.commit().await.map_err(fault)?;
        signed_in(user, session, cookie, &origin)
    }

    /// Starts a session, which may switch to `others`.
    pub(crate) async fn write_session(
        &self,
        change: &mut Transaction,
        user: &User,
        origin: &RequestOrigin,
        others: &[UserId],
    ) -> Result<(SessionId, BrowserSecret), Error> {
        let (session, cookie) = self.new_session()?;
        change.start_session(session, user, &cookie.hash()).await.map_err(fault)?;
        change.describe_session(session, origin.user_agent.as_ref(), others).await.map_err(fault)?;
        Ok((session, cookie))
    }

    pub(crate) fn new_session(&self) -> Result<(SessionId, BrowserSecret), Error> {
        Ok((self.next_id(self.now())?, BrowserSecret::new(&self.entropy)?))
    }

    pub(crate) fn lock_throttle(&self) -> std::sync::MutexGuard<'_, keystead_domain::Throttle> {
        self.throttle.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// A session that is committed.
pub(crate) fn signed_in(
    user: &Arc<User>,
    session: SessionId,
    cookie: BrowserSecret,
    origin: &RequestOrigin,
) -> Result<SignedIn, Error> {
    let actor = Actor::authenticated(Arc::clone(user), Via::Session(session), origin.address)?;
    Ok(SignedIn { cookie, actor })
}
