//! The operator's commands. They run here whether the command line opened the store itself or asks the server that owns it: a
//! request and an answer that can be written as JSON.

use keystead_domain::audit::Trace;
use keystead_domain::{
    Assignment, Assignments, Description, Email, Error, Expiration, Field, KeyFilter, KeyId, KeyName,
    Lifetimes, NewPassword, Operator, Organization, OrganizationName, PersonName, RoleId, User,
    UserAttributes,
};
use keystead_store::{LinkKind, NewUser};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use crate::keys::Minted;
use crate::open::fault;
use crate::{App, BrowserSecret, KeyInput};

/// What the operator asks for.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Add a user; the first makes the organization, too.
    UserAdd {
        /// Their address.
        email: String,
        /// How others see them; by default what stands before the `@`.
        name: Option<String>,
        /// `administrator` or `member`.
        role: String,
        /// Their password; without one they need a link to sign in.
        password: Option<Password>,
    },
    /// Deactivate a user: their sessions end and their keys stop, at once.
    UserDeactivate {
        /// Who.
        email: String,
    },
    /// Reactivate a user: their keys work again.
    UserReactivate {
        /// Who.
        email: String,
    },
    /// Make a link that signs a user in, once.
    UserSignInLink {
        /// Who.
        email: String,
    },
    /// Create a key for a user.
    KeyCreate {
        /// Whose.
        user: String,
        /// Its name.
        name: String,
        /// `7d`, `30d`, `90d`, `180d`, `1y` or `never`.
        expires: String,
    },
    /// List a user's keys.
    KeyList {
        /// Whose.
        user: String,
    },
    /// Revoke a key.
    KeyRevoke {
        /// Its id.
        id: String,
    },
}

/// A password on its way from the command line. Never printed.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub struct Password(String);

impl Password {
    /// What was read.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(…)")
    }
}

/// What came of it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// A user was added or changed.
    User {
        /// Their id.
        id: String,
        /// Their address.
        email: String,
    },
    /// The code of a one-time sign-in link.
    SignInLink {
        /// The secret part.
        code: String,
    },
    /// A key was created; its token is here and nowhere else (promise 2).
    Token {
        /// The key's id.
        id: String,
        /// The token.
        token: String,
    },
    /// A user's keys.
    Keys(Vec<ListedKey>),
    /// A key was revoked.
    Revoked {
        /// Its id.
        id: String,
        /// Its name.
        name: String,
    },
    /// It was refused.
    Refused {
        /// The stable code ([`Error::code`]).
        code: String,
        /// What is wrong.
        message: String,
    },
}

/// A key, as `key list` shows it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "as in the GraphQL schema's `ApiKey`; the status as in the console's addresses"
)]
pub struct ListedKey {
    pub id: String,
    pub name: String,
    pub description: String,
    pub masked_token: String,
    pub status: String,
    pub allow_impersonation: bool,
    pub created_at: String,
    pub expires_at: Option<String>,
    pub last_used_at: Option<String>,
}

impl App {
    /// Carries out a command of the operator's.
    pub async fn operate(&self, command: Command) -> Answer {
        self.try_operate(command).await.unwrap_or_else(|error| Answer::Refused {
            code: error.code().to_owned(),
            message: error.to_string(),
        })
    }

    async fn try_operate(&self, command: Command) -> Result<Answer, Error> {
        match command {
            Command::UserAdd { email, name, role, password } => {
                self.add_user(&email, name, &role, password).await
            }
            Command::UserDeactivate { email } => self.operate_active(&email, false).await,
            Command::UserReactivate { email } => self.operate_active(&email, true).await,
            Command::UserSignInLink { email } => {
                let user = self.user_by_email(&email).await?;
                let code = self.create_sign_in_link(&user).await?;
                Ok(Answer::SignInLink { code: code.expose().to_owned() })
            }
            Command::KeyCreate { user, name, expires } => self.create_key_for(&user, &name, &expires).await,
            Command::KeyList { user } => self.list_keys_of(&user).await,
            Command::KeyRevoke { id } => self.revoke_by_id(&id).await,
        }
    }

    /// Adds a user to the first organization, which is made with its first user.
    async fn add_user(
        &self,
        email: &str,
        name: Option<String>,
        role: &str,
        password: Option<Password>,
    ) -> Result<Answer, Error> {
        let email = Email::parse(email)?;
        let role = RoleId::parse(role)?;
        let local_part = email.as_str().split('@').next().unwrap_or_default().to_owned();
        let name = PersonName::parse(&name.unwrap_or(local_part))?;
        let password_hash = match password {
            Some(password) => {
                let password = NewPassword::parse(&password.0, email.as_str())?;
                Some(self.passwords.hash(password, &self.entropy).await?)
            }
            None => None,
        };
        let now = self.now();
        let existing = self.store.first_organization().await.map_err(fault)?;
        let assignments = Assignments::from_iter([Assignment::everywhere(role)]);
        let attributes = UserAttributes::default();
        let user = NewUser { id: self.next_id(now)?, email, name, password_hash, assignments, attributes };
        let mut change = self.store.begin(Trace::operator(now)).await.map_err(fault)?;
        let organization = match existing {
            Some(organization) => organization,
            None if change.is_empty().await.map_err(fault)? => {
                let name = OrganizationName::parse("My organization")?;
                let id = self.next_id(now)?;
                let organization = Organization { id, name, created_at: now, archived_at: None };
                change.create_organization(&organization).await.map_err(fault)?;
                id
            }
            None => {
                return Err(Error::Conflict(
                    "The first user was just added by somebody else. Try again.".into(),
                ));
            }
        };
        if !change.create_user(&Operator.people_of(organization), &user).await.map_err(fault)? {
            return Err(Error::Conflict(format!("There is a user with the address {} already.", user.email)));
        }
        change.commit().await.map_err(fault)?;
        Ok(Answer::User { id: user.id.to_string(), email: user.email.to_string() })
    }

    async fn operate_active(&self, email: &str, active: bool) -> Result<Answer, Error> {
        let user = self.user_by_email(email).await?;
        let mut change = self.begin_in(user.organization, Trace::operator(self.now())).await?;
        let one = Operator.people_of(user.organization).user(&user)?;
        change.transaction.set_active(&one, active).await.map_err(fault)?;
        change.commit().await?;
        Ok(Answer::User { id: user.id.to_string(), email: user.email.to_string() })
    }

    /// Makes a link that signs a user in, once, within a day.
    pub(crate) async fn create_sign_in_link(&self, user: &User) -> Result<BrowserSecret, Error> {
        let now = self.now();
        let code = BrowserSecret::new(&self.entropy)?;
        let mut change = self.store.begin(Trace::operator(now)).await.map_err(fault)?;
        let one = Operator.people_of(user.organization).user(user)?;
        let ends = now + Lifetimes::LINK;
        change.create_user_link(&one, LinkKind::SignIn, &code.hash(), ends).await.map_err(fault)?;
        change.commit().await.map_err(fault)?;
        Ok(code)
    }

    async fn create_key_for(&self, user: &str, name: &str, expires: &str) -> Result<Answer, Error> {
        let user = self.user_by_email(user).await?;
        let expiration = Expiration::parse(expires)?;
        let input = KeyInput {
            name: KeyName::parse(name)?,
            description: Description::parse("")?,
            expiration,
            allow_impersonation: false,
            request_id: None,
        };
        let organization = self.directory.organization(user.organization).ok_or(Error::Unavailable)?;
        let grant = Operator.new_key_for(&user, expiration, &organization.policy)?;
        let minted = self.mint(&grant, &input, Trace::operator(self.now())).await?;
        match minted {
            Minted::New(key, token) => {
                Ok(Answer::Token { id: key.id.to_string(), token: token.expose().to_owned() })
            }
            // Only forms have a one-time id.
            Minted::Before(_) => Err(Error::Internal),
        }
    }

    async fn list_keys_of(&self, user: &str) -> Result<Answer, Error> {
        let user = self.user_by_email(user).await?;
        let scope = Operator.keys_of(&user);
        let filter = KeyFilter::default();
        let now = self.now();
        let mut listed = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page = self.list(&scope, &filter, 100, after.as_deref()).await?;
            listed.extend(page.keys.iter().map(|key| ListedKey {
                id: key.id.to_string(),
                name: key.name.to_string(),
                description: key.description.to_string(),
                masked_token: key.masked.to_string(),
                status: key.status(now).code().to_owned(),
                allow_impersonation: key.allow_impersonation,
                created_at: key.created_at.to_string(),
                expires_at: key.expires_at.map(|at| at.to_string()),
                last_used_at: key.last_used_at.map(|at| at.to_string()),
            }));
            match page.cursors.last() {
                Some(cursor) if page.has_more => after = Some(cursor.clone()),
                _ => return Ok(Answer::Keys(listed)),
            }
        }
    }

    async fn revoke_by_id(&self, id: &str) -> Result<Answer, Error> {
        let id: KeyId = id.parse().map_err(|_| {
            Error::invalid(
                Field::Id,
                "That is not a key's id. `keystead key list --user EMAIL --json` shows the ids.",
            )
        })?;
        let organization = self.store.organization_of_key(Operator, id).await.map_err(fault)?;
        let organization = organization.ok_or(Error::NotFound("API key"))?;
        let key = self.revoke(&Operator.keys_in(organization), id, None, Trace::operator(self.now())).await?;
        Ok(Answer::Revoked { id: key.id.to_string(), name: key.name.to_string() })
    }

    async fn user_by_email(&self, email: &str) -> Result<Arc<User>, Error> {
        let email = Email::parse(email)?;
        let found = self.store.credentials(&email).await.map_err(fault)?;
        found.first().and_then(|found| self.directory.user(found.user)).ok_or(Error::NotFound("user"))
    }
}
