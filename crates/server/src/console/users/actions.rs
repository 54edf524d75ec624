//! What can be done to a user: deactivate, reactivate, delete, revoke their keys, and new links. Each asks first.

use axum::extract::Path;
use axum::response::Response;
use http::StatusCode;
use keystead_app::Person;
use keystead_domain::{Actor, ApiKey, Error};
use serde::Deserialize;

use super::invite::{invitation, mailed, secret};
use super::list::UserQuery;
use super::person::{PersonQuery, after_doing, check_may_change, show};
use super::{address, user_id};
use crate::console::forms::Posted;
use crate::console::html::{PageError, see_other};
use crate::console::list::time;
use crate::console::view::{Impact, ImpactKey, LinkMade, Typed, UserConfirm, UserDialog};
use crate::console::visit::SignedIn;
use crate::problem;

/// What can be done, each at an address of its own below the user's.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Deed {
    Deactivate,
    Reactivate,
    RevokeKeys,
    Delete,
    InviteAgain,
    ResetPassword,
}

#[derive(Deserialize)]
pub(crate) struct ConfirmFields {
    csrf: String,
    #[serde(default)]
    confirm: String,
}

/// The two handlers of a deed's address.
macro_rules! deed {
    ($deed:ident, $page:ident, $post:ident, $path:literal) => {
        #[doc = concat!("`GET /settings/users/{user}/", $path, "`.")]
        pub(crate) async fn $page(visit: SignedIn, Path(id): Path<String>) -> Result<Response, PageError> {
            ask(&visit, &id, Deed::$deed).await
        }

        #[doc = concat!("`POST /settings/users/{user}/", $path, "`.")]
        pub(crate) async fn $post(
            visit: SignedIn,
            Path(id): Path<String>,
            Posted(fields): Posted<ConfirmFields>,
        ) -> Result<Response, PageError> {
            act(&visit, &id, Deed::$deed, fields).await
        }
    };
}

deed!(Deactivate, deactivate_page, deactivate, "deactivate");
deed!(Reactivate, reactivate_page, reactivate, "reactivate");
deed!(RevokeKeys, revoke_keys_page, revoke_keys, "revoke-keys");
deed!(Delete, delete_page, delete, "delete");
deed!(InviteAgain, invite_again_page, invite_again, "invite-again");
deed!(ResetPassword, reset_password_page, reset_password, "reset-password");

impl Deed {
    fn path(self) -> &'static str {
        match self {
            Self::Deactivate => "/deactivate",
            Self::Reactivate => "/reactivate",
            Self::RevokeKeys => "/revoke-keys",
            Self::Delete => "/delete",
            Self::InviteAgain => "/invite-again",
            Self::ResetPassword => "/reset-password",
        }
    }

    /// Whether the address must be typed: it cannot be undone.
    fn is_typed(self) -> bool {
        matches!(self, Self::RevokeKeys | Self::Delete)
    }

    fn check(self, actor: &Actor, person: &Person) -> Result<(), Error> {
        match self {
            Self::RevokeKeys => actor.revocable_keys_of(&person.user).map(drop),
            _ => check_may_change(actor, person),
        }
    }

    fn form(self, person: &Person, impact: Option<Impact>) -> UserConfirm {
        let name = &person.user.name;
        let (title, about, submit, danger) = match self {
            Self::Deactivate => (
                format!("Deactivate {name}?"),
                "They are signed out everywhere and cannot sign in. Reactivating brings their keys back.",
                "Deactivate",
                true,
            ),
            Self::Reactivate => {
                (format!("Reactivate {name}?"), "They can sign in again, as before.", "Reactivate", false)
            }
            Self::RevokeKeys => (
                format!("Revoke all keys of {name}?"),
                "Whatever uses one of their keys loses access at once. This cannot be undone.",
                "Revoke all keys",
                true,
            ),
            Self::Delete => (
                format!("Delete {name}?"),
                "They are signed out and removed, and their keys are revoked for good. This cannot be undone; whoever is invited \
                 with the address again is somebody new.",
                "Delete",
                true,
            ),
            Self::InviteAgain => (
                format!("Invite {name} again?"),
                "This makes a new one-time link and mails it, if there is a mail server. Links that they were given before no \
                 longer work.",
                "Invite again",
                false,
            ),
            Self::ResetPassword => (
                format!("Reset the password of {name}?"),
                "This makes a one-time link by which they choose a new password, and mails it, if there is a mail server. Until \
                 they use it, their password and their sessions stay.",
                "Make the link",
                false,
            ),
        };
        let typed =
            self.is_typed().then(|| Typed { email: person.user.email.to_string(), typed: String::new() });
        UserConfirm {
            title,
            about: about.to_owned(),
            submit,
            danger,
            action: address(person.user.id, self.path()),
            close: address(person.user.id, ""),
            impact,
            typed,
            error: None,
        }
    }

    /// What becomes of the keys that work.
    fn words(self, working: u64) -> Option<String> {
        let keys = if working == 1 { "1 key".to_owned() } else { format!("{working} keys") };
        let verb = |one: &str, many: &str| if working == 1 { one.to_owned() } else { many.to_owned() };
        let none = working == 0;
        match self {
            Self::InviteAgain | Self::ResetPassword => None,
            _ if none => Some("They have no key that works.".to_owned()),
            Self::Deactivate => Some(format!("{keys} {} working at once.", verb("stops", "stop"))),
            Self::Reactivate => Some(format!("{keys} {} again.", verb("works", "work"))),
            Self::RevokeKeys | Self::Delete => {
                Some(format!("{keys} {} working at once, for good.", verb("stops", "stop")))
            }
        }
    }

    async fn impact(self, visit: &SignedIn, person: &Person) -> Result<Option<Impact>, Error> {
        if self.words(0).is_none() {
            return Ok(None);
        }
        let impact = match visit.app().key_impact(&visit.actor, &person.user).await {
            Ok(impact) => impact,
            Err(Error::Forbidden(_)) => {
                let words = "How many keys that concerns, only those may see who may see everyone’s keys.";
                return Ok(Some(Impact { words: words.to_owned(), recent: Vec::new(), more: false }));
            }
            Err(other) => return Err(other),
        };
        let key = |key: &ApiKey| ImpactKey {
            name: key.name.to_string(),
            masked_token: key.masked.to_string(),
            last_used: key.last_used_at.map(time),
        };
        let recent: Vec<_> = match self {
            // Nothing breaks.
            Self::Reactivate => Vec::new(),
            _ => impact.recently_used.iter().map(key).collect(),
        };
        let more = recent.len() == 100;
        Ok(self.words(impact.working).map(|words| Impact { words, recent, more }))
    }
}

async fn ask(visit: &SignedIn, id: &str, deed: Deed) -> Result<Response, PageError> {
    let person = visit.app().user(&visit.actor, user_id(id)?).await?;
    deed.check(&visit.actor, &person)?;
    let form = deed.form(&person, deed.impact(visit, &person).await?);
    show(visit, person, &PersonQuery::default(), Some(UserDialog::Confirm(form)), StatusCode::OK).await
}

async fn act(visit: &SignedIn, id: &str, deed: Deed, fields: ConfirmFields) -> Result<Response, PageError> {
    visit.check_form(&fields.csrf)?;
    let person = visit.app().user(&visit.actor, user_id(id)?).await?;
    deed.check(&visit.actor, &person)?;
    let error = match carry_out(visit, &person, deed, &fields.confirm).await {
        Ok(Outcome::LeadsTo(path)) => return Ok(see_other(&path)),
        Ok(Outcome::Link(made)) => {
            let dialog = Some(UserDialog::Link(made));
            return Ok(secret(show(visit, person, &PersonQuery::default(), dialog, StatusCode::OK).await?));
        }
        Err(error) => error,
    };
    let status = problem::status(&error);
    let message = match error {
        Error::Invalid { message, .. } | Error::Conflict(message) => message,
        other => return Err(other.into()),
    };
    let mut form = deed.form(&person, deed.impact(visit, &person).await?);
    if let Some(typed) = &mut form.typed {
        typed.typed = fields.confirm;
    }
    form.error = Some(message);
    show(visit, person, &PersonQuery::default(), Some(UserDialog::Confirm(form)), status).await
}

/// What a deed's form is answered with.
enum Outcome {
    LeadsTo(String),
    Link(LinkMade),
}

async fn carry_out(visit: &SignedIn, person: &Person, deed: Deed, typed: &str) -> Result<Outcome, Error> {
    let (app, actor, id) = (visit.app(), &visit.actor, person.user.id);
    let public_url = visit.doors.settings().public_url();
    match deed {
        Deed::Deactivate => {
            app.set_active(actor, id, false).await?;
            // Whoever deactivates themselves is signed out by it, and led to the sign-in page from there.
            Ok(Outcome::LeadsTo(after_doing(id, "deactivated")))
        }
        Deed::Reactivate => {
            app.set_active(actor, id, true).await?;
            Ok(Outcome::LeadsTo(after_doing(id, "reactivated")))
        }
        Deed::RevokeKeys => {
            app.revoke_keys_of(actor, id, Some(typed)).await?;
            Ok(Outcome::LeadsTo(after_doing(id, "keys-revoked")))
        }
        Deed::Delete => {
            person.user.check_typed_email(typed)?;
            app.delete_users(actor, &[id]).await?;
            Ok(Outcome::LeadsTo(UserQuery::after_deleting()))
        }
        Deed::InviteAgain => {
            let invited = app.invite_again(actor, id, public_url).await?;
            Ok(Outcome::Link(invitation(&invited, public_url, after_doing(id, "link-made"))))
        }
        Deed::ResetPassword => {
            let reset = app.create_password_link(actor, id, public_url).await?;
            Ok(Outcome::Link(LinkMade {
                title: format!("A new password for {}", person.user.name),
                about: "With this link they choose a new password. Using it ends all of their sessions."
                    .to_owned(),
                link: reset.link(public_url),
                works_for: "1 hour",
                mailed: mailed(reset.mailed, reset.user.email.to_string()),
                close: after_doing(id, "link-made"),
            }))
        }
    }
}
