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
    pub password_hint: String,
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
