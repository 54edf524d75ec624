//! Everyone who may knock, and the world that they knock at.

use jiff::SignedDuration;
use keystead_app::{Deployment, NewPerson, SessionSettings};
use keystead_domain::{Assignment, Assignments, Email, RoleId, UserFilter};
use keystead_tests::{OauthClient, Session, TestKey, TestServer, TestUser};
use reqwest::RequestBuilder;

/// The kinds of caller. A column of the table each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caller {
    Nobody,
    JunkToken,
    UnknownToken,
    ExpiredKey,
    RevokedKey,
    DeactivatedUsersKey,
    DeactivatedUsersSession,
    MembersKey,
    AdministratorsKey,
    ForeignAdministratorsKey,
    MembersSession,
    AdministratorsSession,
    ForeignAdministratorsSession,
    /// The member, signed in by a product.
    MemberImpersonated,
    /// The administrator, signed in by a product, where Keystead's own permissions are off in such sessions.
    AdministratorImpersonated,
}

impl Caller {
    pub(crate) const ALL: [Self; 15] = [
        Self::Nobody,
        Self::JunkToken,
        Self::UnknownToken,
        Self::ExpiredKey,
        Self::RevokedKey,
        Self::DeactivatedUsersKey,
        Self::DeactivatedUsersSession,
        Self::MembersKey,
        Self::AdministratorsKey,
        Self::ForeignAdministratorsKey,
        Self::MembersSession,
        Self::AdministratorsSession,
        Self::ForeignAdministratorsSession,
        Self::MemberImpersonated,
        Self::AdministratorImpersonated,
    ];
}

impl Caller {
    /// Whether they show a credential in the header, and it is none that counts.
    pub(crate) fn is_dead_bearer(self) -> bool {
        matches!(
            self,
            Self::JunkToken
                | Self::UnknownToken
                | Self::ExpiredKey
                | Self::RevokedKey
                | Self::DeactivatedUsersKey
        )
    }
}

/// Two organizations: in the first an administrator, a member who owns the target, and somebody who left.
pub(crate) struct World {
    pub(crate) server: TestServer,
    pub(crate) member: TestUser,
    pub(crate) administrator: TestUser,
    pub(crate) outsider: TestUser,
    /// The address of one of the GraphQL page's files.
    pub(crate) graphiql_asset: String,
    expired: TestKey,
    revoked: TestKey,
    left: (TestKey, Session),
    keys: [TestKey; 3],
    /// The administrator's impersonation key.
    pub(crate) minter: TestKey,
    /// An app that registered itself.
    pub(crate) client: OauthClient,
}

/// A caller's credential, to be put on requests.
#[derive(Debug, Clone, Default)]
pub(crate) struct Credential {
    bearer: Option<String>,
    /// The `Cookie` header.
    pub(crate) cookie: Option<String>,
    /// What their forms carry.
    pub(crate) csrf: String,
}

impl Credential {
    pub(crate) fn bearer(token: &str) -> Self {
        Self { bearer: Some(token.to_owned()), ..Self::default() }
    }

    pub(crate) fn session(session: Session) -> Self {
        Self { bearer: None, cookie: Some(session.cookie), csrf: session.csrf }
    }

    pub(crate) fn on(&self, mut request: RequestBuilder) -> RequestBuilder {
        if let Some(token) = &self.bearer {
            request = request.bearer_auth(token);
        }
        match &self.cookie {
            Some(cookie) => request.header("cookie", cookie),
            None => request,
        }
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::of(SessionSettings::default()).await
    }

    /// One whose impersonated sessions keep Keystead's own permissions, as far as whoever made the key holds them, too.
    pub(crate) async fn with_administration_in_sessions() -> Self {
        Self::of(SessionSettings { administration: true, ..SessionSettings::default() }).await
    }

    async fn of(sessions: SessionSettings) -> Self {
        let deployment = Deployment { impersonation: true, sessions, ..Deployment::default() };
        let server = TestServer::start_with(deployment).await;
        let administrator = server.administrator("ada@example.com").await;
        let member = server.member("mia@example.com").await;
        let leaver = server.member("leo@example.com").await;
        let outsider = server.organization("Elsewhere", "eve@elsewhere.example").await;
        let expired = server.key(&administrator, "expired", "7d").await;
        server.advance(SignedDuration::from_hours(24 * 7));
        let revoked = server.key(&administrator, "revoked", "30d").await;
        server.revoke(&revoked).await;
        let left = (server.key(&leaver, "left", "30d").await, server.session(&leaver).await);
        server.deactivate(&leaver).await;
        let keys = [
            server.key(&member, "member's", "30d").await,
            server.key(&administrator, "administrator's", "30d").await,
            server.key(&outsider, "outsider's", "30d").await,
        ];
        let minter = server.impersonation_key(&administrator, "minter").await;
        let client = server.oauth_client("An app", "https://app.example/callback").await;
        let page = server.get("/graphql").header("cookie", server.session(&member).await.cookie);
        let page = page.header("accept", "text/html").send().await.unwrap().text().await.unwrap();
        let (_, asset) = page.split_once("href=\"/graphql/assets/").expect("a style sheet");
        let graphiql_asset = format!("/graphql/assets/{}", asset.split('"').next().unwrap());
        Self {
            server,
            member,
            administrator,
            outsider,
            graphiql_asset,
            expired,
            revoked,
            left,
            keys,
            minter,
            client,
        }
    }

    /// A user, signed in by the minter.
    pub(crate) async fn impersonated(&self, user: &TestUser) -> Credential {
        Credential::bearer(&self.server.mint(&self.minter, &user.email).await)
    }

    /// The code of a new invitation. Whoever was invited before is deleted first: one has one address.
    pub(crate) async fn invitation(&self) -> String {
        let email = Email::parse("invited@example.com").unwrap();
        let actor = self.server.actor(&self.administrator).await;
        let former = self.server.app.users(&actor, &UserFilter::default(), 100, None).await.unwrap();
        for person in former.people.iter().filter(|person| person.user.email == email) {
            self.server.app.delete_users(&actor, &[person.user.id]).await.unwrap();
        }
        let assignments = Assignments::from_iter([Assignment::everywhere(RoleId::MEMBER)]);
        let person = NewPerson { email, name: None, assignments, groups: Vec::new() };
        let invited = self.server.app.invite_user(&actor, person, &self.server.url).await.unwrap();
        invited.code.expose().to_owned()
    }

    /// The code of a new link by which the member chooses another password.
    pub(crate) async fn password_link(&self) -> String {
        let member = self.member.id.parse().unwrap();
        let actor = self.server.actor(&self.administrator).await;
        let link = self.server.app.create_password_link(&actor, member, &self.server.url).await.unwrap();
        link.code.expose().to_owned()
    }

    /// A caller's credential; a session is made for the occasion.
    pub(crate) async fn credential(&self, caller: Caller) -> Credential {
        match caller {
            Caller::Nobody => Credential::default(),
            Caller::JunkToken => Credential::bearer("junk"),
            Caller::UnknownToken => Credential::bearer(&unknown_token()),
            Caller::ExpiredKey => Credential::bearer(&self.expired.token),
            Caller::RevokedKey => Credential::bearer(&self.revoked.token),
            Caller::DeactivatedUsersKey => Credential::bearer(&self.left.0.token),
            Caller::DeactivatedUsersSession => Credential::session(self.left.1.clone()),
            Caller::MembersKey => Credential::bearer(&self.keys[0].token),
            Caller::AdministratorsKey => Credential::bearer(&self.keys[1].token),
            Caller::ForeignAdministratorsKey => Credential::bearer(&self.keys[2].token),
            Caller::MembersSession => Credential::session(self.server.session(&self.member).await),
            Caller::AdministratorsSession => {
                Credential::session(self.server.session(&self.administrator).await)
            }
            Caller::ForeignAdministratorsSession => {
                Credential::session(self.server.session(&self.outsider).await)
            }
            Caller::MemberImpersonated => self.impersonated(&self.member).await,
            Caller::AdministratorImpersonated => self.impersonated(&self.administrator).await,
        }
    }
}

/// A token that has the right form, and that nobody was given.
pub(crate) fn unknown_token() -> String {
    let secret = keystead_app::Entropy::system().bytes().unwrap();
    keystead_token::Token::mint(&keystead_token::Prefix::key_default(), &secret).expose().to_owned()
}
