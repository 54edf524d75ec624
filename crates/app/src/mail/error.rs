//! Why a mail was not sent, and what is wrong with the settings.

use lettre::transport::smtp;

/// Longest reply of a server that is repeated in an error, in characters.
const LONGEST_REPLY: usize = 300;

/// Characters of a link's code in a row that a reply may not hold.
const GIVEAWAY: usize = 8;

/// Why a mail was not sent, for the log: it holds neither the mail's link nor the server's password, but may hold an address.
/// People are told [`statement`](Self::statement).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// No server could take it: the address has a form that SMTP has no way to write.
    #[error("the address cannot be written to")]
    Address,
    /// Connecting and sending took more than 10 s.
    #[error("the mail server did not answer in time")]
    TimedOut,
    /// There is no connection, or it broke, or TLS failed.
    #[error("the mail server cannot be reached: {0}")]
    Unreachable(String),
    /// The server asks to try later (a reply of 400 to 499, RFC 5321, section 4.2.1).
    #[error("the mail server put the mail off: {0}")]
    PutOff(String),
    /// The server refused the mail or the sign-in, or lacks what the settings ask of it.
    #[error("the mail server refused the mail: {0}")]
    Refused(String),
}

impl MailError {
    /// `code` is what makes the mail's link secret: spam filters quote links that they refuse.
    pub(super) fn of(error: &smtp::Error, code: &str) -> Self {
        let cause = legible(&error.to_string(), code);
        if error.is_transient() {
            Self::PutOff(cause)
        } else if error.is_permanent() || error.is_client() || error.is_response() {
            Self::Refused(cause)
        } else {
            Self::Unreachable(cause)
        }
    }

    /// Whether another attempt may succeed.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::TimedOut | Self::Unreachable(_) | Self::PutOff(_))
    }

    /// What the person who caused the mail is told.
    #[must_use]
    pub fn statement(&self) -> &'static str {
        match self {
            Self::Address => "No mail can be sent to this address.",
            Self::Refused(_) => "The mail server refused the mail.",
            Self::TimedOut | Self::Unreachable(_) | Self::PutOff(_) => {
                "The mail could not be sent just now. Try again in a few minutes."
            }
        }
    }
}

/// One bounded line, without the code.
fn legible(text: &str, code: &str) -> String {
    let text: String =
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST_REPLY).collect();
    let holds = |part: &[u8]| text.as_bytes().windows(GIVEAWAY).any(|window| window == part);
    if code.as_bytes().windows(GIVEAWAY).any(holds) {
        return "its reply quotes the mail's link, and is not repeated".to_owned();
    }
    text
}

/// What is wrong with the settings for e-mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MailSettingError {
    /// The server's URL. The text says what about it, and does not quote it.
    #[error("the SMTP URL {0}")]
    Url(&'static str),
    /// The mailbox that mails are from.
    #[error("the mailbox that mails are from is not one")]
    From,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_that_quotes_any_part_of_the_link_is_not_repeated() {
        let code = "0123456789abcdefghijklmnopqrstuvwxyz";
        for reply in [
            "550 listed: https://keys.example.com/invitation/0123456789abcdefghijklmnopqrstuvwxyz",
            "550 listed: …89abcdefgh=",
        ] {
            assert!(!legible(reply, code).contains("abcd"), "{reply}");
        }
        assert_eq!(legible("550 no such user", code), "550 no such user");
        assert_eq!(legible("550 no such user", ""), "550 no such user");
    }

    #[test]
    fn a_reply_is_one_bounded_line_of_the_log() {
        assert_eq!(legible("550 no\r\nERROR forged\u{1b}[31m", ""), "550 no  ERROR forged [31m");
        assert_eq!(legible(&"x".repeat(100_000), "").len(), LONGEST_REPLY);
    }
}
