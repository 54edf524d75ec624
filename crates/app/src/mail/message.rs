//! The mails there are: what they say, and how they are written (RFC 5322).

use std::borrow::Cow;
use std::fmt;

use jiff::SignedDuration;
use keystead_domain::{Email, Lifetimes, OrganizationName, PersonName};
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Body, Mailbox};
use lettre::{Address, Message, address};
use url::Host;

use super::MailError;

/// A mail to one person, in plain text. What other people typed is in its text and, encoded, in its subject: nowhere else.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    kind: &'static str,
    to: Email,
    subject: String,
    text: String,
    code: String,
}

/// Without the text, which may hold a link that works.
impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.kind, self.to)
    }
}

/// A mail as SMTP takes it.
pub(super) struct Envelope {
    pub(super) addresses: address::Envelope,
    pub(super) content: Vec<u8>,
}

impl Mail {
    /// Invites somebody. `link` works once, for [`Lifetimes::INVITATION`]; `inviter` is the user who invites, if one does.
    #[must_use]
    pub fn invitation(
        to: Email,
        organization: &OrganizationName,
        inviter: Option<&PersonName>,
        link: &str,
    ) -> Self {
        let who = inviter.map_or_else(
            || format!("You are invited to {organization} on Keystead"),
            |inviter| format!("{inviter} invites you to {organization} on Keystead"),
        );
        let text = format!(
            "Hello,\n\n\
             {who}, the place where you make and revoke your API keys.\n\n\
             Open this link to choose a password and come in. It works once, for {}:\n\n\
             {link}\n\n\
             If you did not expect this, you need not do anything. Without the link nobody can come in under your address.\n",
            span(Lifetimes::INVITATION)
        );
        let subject = format!("Your invitation to {organization}");
        Self { kind: "invitation", to, subject, text, code: code(link) }
    }

    /// Lets somebody choose a new password. `link` works once, for [`Lifetimes::RESET`].
    #[must_use]
    pub fn password_reset(to: Email, organization: &OrganizationName, link: &str) -> Self {
        let text = format!(
            "Hello,\n\n\
             somebody, most likely you, asked for a new password for {to} at {organization} on Keystead.\n\n\
             Open this link to choose one. It works once, for {}:\n\n\
             {link}\n\n\
             If it was not you, you need not do anything: your password stays as it is, and nobody else was sent this link.\n",
            span(Lifetimes::RESET)
        );
        let subject = format!("Choose a new password for {organization}");
        Self { kind: "password reset", to, subject, text, code: code(link) }
    }

    /// Tells somebody that their password is another one now.
    #[must_use]
    pub fn password_changed(to: Email, organization: &OrganizationName) -> Self {
        let text = format!(
            "Hello,\n\n\
             the password of {to} at {organization} on Keystead has just been changed.\n\n\
             If it was you, you need not do anything.\n\n\
             If it was not, tell an administrator of {organization} at once: they can deactivate your account, which ends its \
             sessions and stops its API keys.\n"
        );
        let subject = format!("Your password for {organization} was changed");
        Self { kind: "password change notice", to, subject, text, code: String::new() }
    }

    /// What makes the link secret; nothing if there is no link.
    pub(super) fn code(&self) -> &str {
        &self.code
    }

    /// Writes the mail. Its date is that of the machine: no rule reads it.
    pub(super) fn envelope(&self, from: &Mailbox) -> Result<Envelope, MailError> {
        let text = Body::new_with_encoding(self.text.clone(), ContentTransferEncoding::QuotedPrintable);
        let message = Message::builder()
            .from(from.clone())
            .to(self.address()?.into())
            .subject(subject_line(&self.subject))
            .message_id(None)
            // Tells out-of-office programs not to answer (RFC 3834, section 5).
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ))
            .header(ContentType::TEXT_PLAIN)
            .body(text.map_err(|_| MailError::Address)?)
            .map_err(|_| MailError::Address)?;
        Ok(Envelope { addresses: message.envelope().clone(), content: message.formatted() })
    }

    /// A domain beyond ASCII is written as DNS knows it (RFC 5891), which every server understands.
    fn address(&self) -> Result<Address, MailError> {
        let (local, domain) = self.to.as_str().rsplit_once('@').ok_or(MailError::Address)?;
        let domain = if domain.is_ascii() {
            Cow::Borrowed(domain)
        } else {
            Cow::Owned(Host::parse(domain).map_err(|_| MailError::Address)?.to_string())
        };
        Address::new(local, domain).map_err(|_| MailError::Address)
    }
}

/// In whole days, if it is some, or hours.
fn span(duration: SignedDuration) -> String {
    match duration.as_hours() {
        1 => "an hour".to_owned(),
        hours if hours >= 48 && hours % 24 == 0 => format!("{} days", hours / 24),
        hours => format!("{hours} hours"),
    }
}

/// The end of a link, whatever is before it: letters, digits, `-` and `_`.
fn code(link: &str) -> String {
    let is_other = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    link.rsplit(is_other).next().unwrap_or_default().to_owned()
}

/// A subject that reads the same in every mail program. Names are free of control characters when they are parsed, not when they
/// come from a store that something else wrote to; and one that looks like an encoded word (RFC 2047) would be decoded, to
/// whatever it hides.
fn subject_line(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    line.replace("=?", "= ?")
}
