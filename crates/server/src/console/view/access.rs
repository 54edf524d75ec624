//! The pages in front of sign-in.

use askama::Template;

use super::{Assets, collect};

/// `GET|POST /sign-in`: e-mail and password.
#[derive(Template)]
#[template(path = "sign-in.html")]
pub struct SignInPage {
    /// Style, script and icon.
    pub assets: Assets,
    /// Hidden `csrf` field.
    pub csrf: String,
    /// Hidden `next` field: the path to go to afterwards; may be empty.
    pub next: String,
    /// What was typed before, so that it need not be typed again.
    pub email: String,
    /// Why signing in failed; the same words for an unknown address and a wrong password.
    pub error: Option<String>,
    /// Seconds until another attempt is accepted, when there were too many.
    pub retry_after_seconds: Option<u64>,
    /// What has just been done, for whoever was led here by it.
    pub notice: Option<&'static str>,
}

/// `GET|POST /setup/{code}`: names the organization and its first administrator.
#[derive(Template)]
#[template(path = "setup.html")]
pub struct SetupPage {
    /// Style, script and icon.
    pub assets: Assets,
    /// Hidden `csrf` field.
    pub csrf: String,
    /// Where the form posts to: `/setup/{code}`.
    pub action: String,
    /// Field `organization`, as typed.
    pub organization: String,
    /// Field `name`, as typed.
    pub name: String,
    /// Field `email`, as typed.
    pub email: String,
    /// What a password must be, shown under its field: "At least 12 characters."
    pub password_hint: &'static str,
    /// What was wrong with the last attempt.
    pub errors: SetupErrors,
}

/// Errors of the set-up form, by field.
#[derive(Default)]
pub struct SetupErrors {
    /// About `organization`.
    pub organization: Option<String>,
    /// About `name`.
    pub name: Option<String>,
    /// About `email`.
    pub email: Option<String>,
    /// About `password`.
    pub password: Option<String>,
}

impl SetupErrors {
    /// Every error with the id of its field, in the order of the form.
    pub(crate) fn list(&self) -> Vec<(&'static str, &str)> {
        collect([
            ("organization", &self.organization),
            ("name", &self.name),
            ("email", &self.email),
            ("password", &self.password),
        ])
    }
}

/// `GET|POST /invitation/{code}`: an invited person chooses a name and a password.
#[derive(Template)]
#[template(path = "invitation.html")]
pub struct InvitationPage {
    /// Style, script and icon.
    pub assets: Assets,
    /// Hidden `csrf` field.
    pub csrf: String,
    /// Where the form posts to: `/invitation/{code}`.
    pub action: String,
    /// To which organization.
    pub organization: String,
    /// Whom: field `email`, which cannot be edited.
    pub email: String,
    /// Field `name`, as suggested or as typed.
    pub name: String,
    /// What a password must be.
    pub password_hint: &'static str,
    /// What was wrong with the last attempt.
    pub errors: InvitationErrors,
}

/// Errors of the invitation's form, by field.
#[derive(Default)]
pub struct InvitationErrors {
    /// About `name`.
    pub name: Option<String>,
    /// About `password`.
    pub password: Option<String>,
}

impl InvitationErrors {
    /// Every error with the id of its field, in the order of the form.
    pub(crate) fn list(&self) -> Vec<(&'static str, &str)> {
        collect([("name", &self.name), ("password", &self.password)])
    }
}

/// `GET|POST /forgot-password`: asks for the address to which a link is sent.
#[derive(Template)]
#[template(path = "forgot-password.html")]
pub struct ForgotPage {
    /// Style, script and icon.
    pub assets: Assets,
    /// Hidden `csrf` field.
    pub csrf: String,
    /// Whether there is a mail server; without one the page says whom to ask.
    pub sends_mail: bool,
    /// Whether it was asked for already.
    pub sent: bool,
    /// Field `email`, as typed.
    pub email: String,
    /// What is wrong with the address, as an address: nothing here says whether anybody has it.
    pub error: Option<String>,
    /// Seconds until another attempt is accepted, when there were too many.
    pub retry_after_seconds: Option<u64>,
}

/// `GET|POST /reset-password/{code}`: field `password`.
#[derive(Template)]
#[template(path = "reset-password.html")]
pub struct ResetPage {
    /// Style, script and icon.
    pub assets: Assets,
    /// Hidden `csrf` field.
    pub csrf: String,
    /// Where the form posts to: `/reset-password/{code}`.
    pub action: String,
    /// In which organization.
    pub organization: String,
    /// Whose password it is.
    pub email: String,
    /// What a password must be.
    pub password_hint: &'static str,
    /// What was wrong with the last attempt.
    pub error: Option<String>,
}

/// `GET /sign-in/link/{code}`: one button. Opening the link changes nothing, so the preview that a chat or mail program
/// fetches does not use it up; posting the form does.
#[derive(Template)]
#[template(path = "sign-in-link.html")]
pub struct SignInLinkPage {
    /// Style, script and icon.
    pub assets: Assets,
    /// Hidden `csrf` field.
    pub csrf: String,
    /// Where the form posts to: `/sign-in/link/{code}`.
    pub action: String,
    /// Whom the link signs in.
    pub name: String,
    /// What that person is, in words: "administrator".
    pub role: String,
    /// In which organization.
    pub organization: String,
}

/// A one-time link (set-up or sign-in) that was used before, has run out, or never existed.
#[derive(Template)]
#[template(path = "link-spent.html")]
pub struct LinkSpentPage {
    /// Style, script and icon.
    pub assets: Assets,
    /// What to do instead: "Ask for a new one with `keystead …`" or "Sign in with your password."
    pub advice: String,
}
