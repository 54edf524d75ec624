//! An app that a person connected: it acts for them, by tokens that name the connection, until either ends it.

use jiff::{SignedDuration, Timestamp};

use crate::oauth::{ClientId, CodeChallenge};
use crate::{Actor, ConnectionId, Error, OrganizationId, SessionId, UserId, Via};

/// How long things last. What a client keeps secret for long (a refresh token) is replaced at each use.
#[derive(Debug, Clone, Copy)]
pub struct OauthLifetimes;

impl OauthLifetimes {
    /// A code is redeemed at once: it comes back to the client with the browser (ASVS 5.0, 10.4.3, level 3).
    pub const CODE: SignedDuration = SignedDuration::from_mins(1);
    /// An access token. It dies with its connection at once; this bounds how late *last used* is shown, which is when the app last
    /// asked for one.
    pub const ACCESS_TOKEN: SignedDuration = SignedDuration::from_mins(15);
    /// A refresh token that is not used.
    pub const REFRESH_TOKEN: SignedDuration = SignedDuration::from_hours(24 * 30);
    /// How long a refresh token may be used again that was just used: programs that do two things at once ask twice with the same one.
    pub const LEEWAY: SignedDuration = SignedDuration::from_secs(10);
    /// A connection, whatever it is used for: then the person is asked again (ASVS 5.0, 10.4.8).
    pub const CONNECTION: SignedDuration = SignedDuration::from_hours(24 * 90);
    /// A registered client that nobody has connected.
    pub const REGISTRATION: SignedDuration = SignedDuration::from_hours(24);
}

/// An app that acts for somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectedApp {
    /// The connection.
    pub id: ConnectionId,
    /// What the app calls itself.
    pub client_name: String,
    /// Where its codes went: what a person can hold it to.
    pub client_host: String,
    /// When it was allowed.
    pub created_at: Timestamp,
    /// When it last asked for a token: at most a quarter of an hour before it was last used.
    pub last_used_at: Timestamp,
    /// When the person will be asked again.
    pub ends_at: Timestamp,
}

/// A client that may act for a user: what every step of a connection needs to know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizedClient {
    /// The connection.
    pub connection: ConnectionId,
    /// Where it belongs.
    pub organization: OrganizationId,
    /// For whom the client acts.
    pub user: UserId,
    /// The client's id, as requests name it.
    pub client_id: String,
    /// The first instant at which it no longer may.
    pub ends_at: Timestamp,
    /// Whether somebody ended it.
    pub ended: bool,
}

impl AuthorizedClient {
    /// Whether it may act at `now`, as far as the connection goes.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        !self.ended && now < self.ends_at
    }
}

/// Why a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionEnd {
    /// The person ended it.
    Person,
    /// The app gave it back (RFC 7009).
    App,
    /// The user was deactivated or deleted.
    UserLeft,
    /// Its code was used twice: two parties have it.
    CodeReused,
    /// A refresh token was used twice: two parties have it.
    RefreshTokenReused,
}

impl ConnectionEnd {
    /// Its name in the audit log's details: never change one, only add.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::App => "app",
            Self::UserLeft => "user_left",
            Self::CodeReused => "code_reused",
            Self::RefreshTokenReused => "refresh_token_reused",
        }
    }
}

/// The right to connect one app, given by the person themselves.
#[derive(Debug, Clone)]
pub struct NewConnection {
    user: UserId,
    organization: OrganizationId,
    session: SessionId,
    /// Its id.
    pub id: ConnectionId,
    /// Which client.
    pub client: ClientId,
    /// What it calls itself.
    pub client_name: String,
    /// Where its code goes, as a person is shown it.
    pub client_host: String,
    /// Where its code goes, exactly: it must be repeated when the code is redeemed.
    pub redirect_uri: String,
    /// What the client must show when it redeems the code.
    pub challenge: CodeChallenge,
}

impl NewConnection {
    /// Whose it will be.
    #[must_use]
    pub fn user(&self) -> UserId {
        self.user
    }

    /// Where it belongs.
    #[must_use]
    pub fn organization(&self) -> OrganizationId {
        self.organization
    }

    /// The console's session in which it was allowed.
    #[must_use]
    pub fn session(&self) -> SessionId {
        self.session
    }
}

/// The right to see and end the connections of one user.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionScope {
    user: UserId,
    organization: OrganizationId,
}

impl ConnectionScope {
    /// Whose connections.
    #[must_use]
    pub fn user(&self) -> UserId {
        self.user
    }

    /// Where they belong.
    #[must_use]
    pub fn organization(&self) -> OrganizationId {
        self.organization
    }
}

impl Actor {
    /// The right to connect an app: a person's, in the console. No key, app or impersonated session lets another in.
    pub fn new_connection(
        &self,
        id: ConnectionId,
        client: ClientId,
        (client_name, client_host): (String, String),
        redirect_uri: String,
        challenge: CodeChallenge,
    ) -> Result<NewConnection, Error> {
        let session = self.check_in_console()?;
        let (user, organization) = (self.user().id, self.user().organization);
        Ok(NewConnection {
            user,
            organization,
            session,
            id,
            client,
            client_name,
            client_host,
            redirect_uri,
            challenge,
        })
    }

    /// The apps that they connected: a person's to see and to end, in the console.
    pub fn connections(&self) -> Result<ConnectionScope, Error> {
        self.check_in_console()?;
        Ok(ConnectionScope { user: self.user().id, organization: self.user().organization })
    }

    fn check_in_console(&self) -> Result<SessionId, Error> {
        match self.via() {
            Via::Session(session) => Ok(session),
            Via::Key(_) | Via::Impersonation { .. } | Via::Connection(_) => Err(Error::Forbidden(
                "Connected apps are a person's own affair: sign in to the console.".into(),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + second).unwrap()
    }

    #[test]
    fn a_connection_may_act_until_the_very_instant_at_which_it_ends_or_is_ended() {
        let client = AuthorizedClient {
            connection: ConnectionId::from_u128(1),
            organization: OrganizationId::from_u128(1),
            user: UserId::from_u128(1),
            client_id: "client-1".to_owned(),
            ends_at: at(60),
            ended: false,
        };
        assert!(client.is_live(at(0)) && client.is_live(at(60) - SignedDuration::from_nanos(1)));
        assert!(!client.is_live(at(60)) && !client.is_live(Timestamp::MAX));
        assert!(!AuthorizedClient { ended: true, ..client }.is_live(at(0)));
    }

    /// The audit log keeps them, and a name that was given another meaning would change what it says.
    #[test]
    fn the_reasons_in_the_log_are_called_what_they_always_were() {
        let names = [
            ConnectionEnd::Person,
            ConnectionEnd::App,
            ConnectionEnd::UserLeft,
            ConnectionEnd::CodeReused,
            ConnectionEnd::RefreshTokenReused,
        ]
        .map(ConnectionEnd::name);
        assert_eq!(names, ["person", "app", "user_left", "code_reused", "refresh_token_reused"]);
    }
}
