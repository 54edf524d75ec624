//! One's own account: password, sessions, and switching between organizations.

use std::sync::Arc;

use jiff::Timestamp;
use keystead_domain::audit::Trace;
use keystead_domain::{
    Actor, Email, Error, Field, NewPassword, SessionId, Subject, User, UserAgent, UserId, Via,
};

use crate::mail::Mail;
use crate::open::fault;
use crate::sign_in::signed_in;
use crate::{App, RequestOrigin, SignedIn};

/// One of a person's own sessions, as their account page lists it.
#[derive(Debug, Clone)]
pub struct OwnSession {
    /// Its id.
    pub id: SessionId,
    /// When it was started.
    pub created_at: Timestamp,
    /// When it was last used, at most a minute late.
    pub last_seen_at: Timestamp,
    /// From which address it was started.
    pub address: Option<String>,
    /// What the browser said of itself.
    pub user_agent: Option<UserAgent>,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// A key is for programs: what keeps a person's account is changed where they are signed in.
fn session_of(actor: &Actor) -> Result<SessionId, Error> {
    match actor.via() {
        Via::Session(session) => Ok(session),
        Via::Key(_) => Err(Error::Forbidden("Sign in to the console to do this: an API key cannot.".into())),
        Via::Connection(_) => {
            Err(Error::Forbidden("Sign in to the console to do this: a connected app cannot.".into()))
        }
        Via::Impersonation { .. } => {
            Err(Error::Forbidden("Sign in to the console to do this: an impersonated session cannot.".into()))
        }
    }
}

impl App {
    /// The PHC string of a password for whoever has an address, with the salt of the passwords that they have already.
    pub(crate) async fn hash_password(&self, email: &Email, password: NewPassword) -> Result<String, Error> {
        let known = self.store.credentials(email).await.map_err(fault)?;
        let salt_of = known.into_iter().find_map(|known| known.password_hash);
        self.passwords.hash(password, salt_of.as_deref(), &self.entropy).await
    }

    /// Changes one's own password; whoever has none yet sets a first one, whatever `current` is. All of one's sessions end, and
    /// the browser that did it gets another. A wrong current password slows down as a wrong sign-in does.
    pub async fn change_password(
        &self,
        actor: &Actor,
        current: &str,
        password: NewPassword,
        origin: RequestOrigin,
    ) -> Result<SignedIn, Error> {
        let session = session_of(actor)?;
        let user = actor.user();
        let known = self.store.credentials(&user.email).await.map_err(fault)?;
        let own = known.iter().find(|known| known.user == user.id).ok_or(Error::Unauthenticated)?;
        if own.password_hash.is_some() {
            let subjects = subjects(&origin, Subject::Account(user.email.folded()));
            self.lock_throttle().attempt(&subjects, self.now())?;
            let matches =
                self.passwords.verify_any(current, std::slice::from_ref(&own.password_hash)).await?;
            if matches != [true] {
                return Err(Error::invalid(Field::CurrentPassword, "That is not your current password."));
            }
            self.lock_throttle().succeeded(&subjects);
        }
        let hash = self.hash_password(&user.email, password).await?;
        let (mut change, actor) = self.begin_as(actor).await?;
        let account = actor.own_account()?;
        let written = change.transaction.change_password(&account, own.password_hash.as_deref(), &hash).await;
        if !written.map_err(fault)? {
            return Err(Error::Conflict(
                "Your password was changed meanwhile. Reload the page and try again.".into(),
            ));
        }
        let others = self.proven_users(&mut change.transaction, session).await?;
        let ended = change.transaction.end_sessions_of(&account).await.map_err(fault)?;
        if !ended.contains(&session) {
            return Err(Error::Unauthenticated);
        }
        let (id, cookie) =
            self.write_session(&mut change.transaction, actor.user(), &origin, &others).await?;
        change.commit().await?;
        self.tell_of_new_password(actor.user());
        signed_in(actor.user(), id, cookie, &origin)
    }

    /// Whoever did not change their password themselves learns that somebody did.
    pub(crate) fn tell_of_new_password(&self, user: &User) {
        let (Some(mailer), Ok(state)) = (&self.deployment.mailer, self.organization_of(user)) else { return };
        mailer.send_in_background(Mail::password_changed(user.email.clone(), &state.organization.name));
    }

    /// One's own sessions, the one used last first.
    pub async fn own_sessions(&self, actor: &Actor) -> Result<Vec<OwnSession>, Error> {
        let now = self.now();
        let started = self.store.sessions_of(&actor.own_account()?).await.map_err(fault)?;
        let live = started.into_iter().filter(|started| started.session.is_live(now));
        Ok(live
            .map(|started| OwnSession {
                id: started.session.id,
                created_at: started.session.created_at,
                last_seen_at: started.session.last_seen_at,
                address: started.address,
                user_agent: started.user_agent,
                current: actor.via() == Via::Session(started.session.id),
            })
            .collect())
    }

    /// Ends one of one's own sessions. Anybody else's is not there.
    pub async fn end_own_session(&self, actor: &Actor, session: SessionId) -> Result<(), Error> {
        session_of(actor)?;
        let mut change = self.store.begin(Trace::of(actor, self.now())).await.map_err(fault)?;
        if !change.end_session(session, actor.user()).await.map_err(fault)? {
            return Err(Error::NotFound("session"));
        }
        change.commit().await.map_err(fault)
    }

    /// Ends all of one's own sessions, the one that asks included. Those of the same person's users in other organizations stay,
    /// but can no longer switch here.
    pub async fn sign_out_everywhere(&self, actor: &Actor) -> Result<(), Error> {
        session_of(actor)?;
        let mut change = self.store.begin(Trace::of(actor, self.now())).await.map_err(fault)?;
        change.end_sessions_of(&actor.own_account()?).await.map_err(fault)?;
        change.commit().await.map_err(fault)
    }

    /// The same person's users in other organizations to whom the actor's session may switch: those whose password was proven
    /// when it was started, and who may act now.
    pub async fn switch_targets(&self, actor: &Actor) -> Result<Vec<Arc<User>>, Error> {
        let Via::Session(session) = actor.via() else { return Ok(Vec::new()) };
        let proven = self.store.session_users(session).await.map_err(fault)?;
        Ok(self.may_act(proven))
    }

    /// Goes over to another organization: ends the actor's session and starts one as the other user, who may switch back.
    /// Somebody who was not proven is not there, whoever they are (promise 6).
    pub async fn switch(&self, actor: &Actor, to: UserId, origin: RequestOrigin) -> Result<SignedIn, Error> {
        let session = session_of(actor)?;
        let mut change = self.store.begin(Trace::of(actor, self.now())).await.map_err(fault)?;
        let mut others = self.proven_users(&mut change, session).await?;
        let at = others.iter().position(|other| *other == to).ok_or(Error::NotFound("user"))?;
        others[at] = actor.user().id;
        let user = self.who_may_act(&mut change, to).await?.ok_or(Error::NotFound("user"))?;
        let (id, cookie) = self.new_session()?;
        let switched = change.switch_session((session, actor.user()), (id, &user), &cookie.hash()).await;
        if !switched.map_err(fault)? {
            return Err(Error::Unauthenticated);
        }
        change.describe_session(id, origin.user_agent.as_ref(), &others).await.map_err(fault)?;
        change.commit().await.map_err(fault)?;
        signed_in(&Arc::new(user), id, cookie, &origin)
    }

    /// Those whom a session may switch to, inside a transaction.
    async fn proven_users(
        &self,
        change: &mut keystead_store::Transaction,
        session: SessionId,
    ) -> Result<Vec<UserId>, Error> {
        let proven = change.session_users(session).await.map_err(fault)?;
        Ok(self.may_act(proven).iter().map(|user| user.id).collect())
    }
}

/// Who is slowed down when an attempt fails.
pub(crate) fn subjects(origin: &RequestOrigin, account: Subject) -> Vec<Subject> {
    origin.address.map(Subject::network).into_iter().chain([account]).collect()
}
