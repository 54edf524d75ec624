//! Sending e-mail through an SMTP server (RFC 5321).
//!
//! A mail carries a one-time link at most, never a password. The log says which mail was not sent and why; it holds neither
//! the text of a mail nor the server's password.

mod error;
mod message;
mod server;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use lettre::message::Mailbox;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use tokio::sync::Semaphore;
use tokio::time;

pub use error::{MailError, MailSettingError};
pub use message::Mail;

use message::Envelope;
use server::Server;

/// Connecting and sending take this long at most.
const LIMIT: Duration = Duration::from_secs(10);

/// Mails that are sent in the background at the same time: servers limit connections.
const AT_ONCE: usize = 4;

/// Mails in the background that are not sent yet. One of them takes some kilobytes.
const WAITING: usize = 1000;

/// The pauses between attempts in the background: the first gets over a dropped connection, the second over a server that
/// restarts or asks strangers to come back later.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_mins(1)];

/// Sends mails through one SMTP server, from one mailbox. Cheap to clone.
#[derive(Clone)]
pub struct Mailer(Arc<Inner>);

struct Inner {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    sends_in_clear: bool,
    sending: Semaphore,
    waiting: Arc<Semaphore>,
}

/// Without the server: its settings hold a password.
impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailer").field("from", &self.0.from.to_string()).finish_non_exhaustive()
    }
}

impl Mailer {
    /// From an address such as `smtps://user:password@mail.example.com` (TLS from the start), or `smtp://mail.example.com` with
    /// `?tls=required` (STARTTLS), `?tls=opportunistic` or nothing (in clear); and the mailbox that mails are from, such as
    /// `Keystead <keystead@example.com>`. Connects to nothing yet.
    ///
    /// # Errors
    /// Neither error quotes the URL.
    pub fn new(url: &str, from: &str) -> Result<Self, MailSettingError> {
        let from = from.trim().parse().map_err(|_| MailSettingError::From)?;
        let Server { transport, in_clear } = Server::parse(url)?;
        Ok(Self(Arc::new(Inner {
            transport,
            from,
            sends_in_clear: in_clear,
            sending: Semaphore::new(AT_ONCE),
            waiting: Arc::new(Semaphore::new(WAITING)),
        })))
    }

    /// Whether mails, and with them the links that they hold, leave this machine unencrypted, or may.
    #[must_use]
    pub fn sends_in_clear(&self) -> bool {
        self.0.sends_in_clear
    }

    /// Sends a mail now. Returns within 10 s, once the server has taken it over or has not.
    pub async fn send(&self, mail: Mail) -> Result<(), MailError> {
        self.attempt(&mail, &mail.envelope(&self.0.from)?).await
    }

    /// Sends a mail while the caller goes on: up to three attempts, then it is given up. What goes wrong is in the log. A mail
    /// that is not sent when the process stops is lost, as are those beyond 1,000: whoever needs one asks again.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub fn send_in_background(&self, mail: Mail) {
        let Ok(place) = Arc::clone(&self.0.waiting).try_acquire_owned() else {
            tracing::error!(?mail, "a mail is dropped: {WAITING} others wait to be sent");
            return;
        };
        let mailer = self.clone();
        tokio::spawn(async move {
            let _place = place;
            mailer.attempts(mail).await;
        });
    }

    async fn attempts(&self, mail: Mail) {
        // Written once, so that a server which took an attempt unnoticed can tell by its id that the next is the same mail.
        let envelope = match mail.envelope(&self.0.from) {
            Ok(envelope) => envelope,
            Err(error) => return given_up(&mail, &error),
        };
        for pause in PAUSES.map(Some).into_iter().chain([None]) {
            let outcome = {
                let Ok(_turn) = self.0.sending.acquire().await else { return };
                self.attempt(&mail, &envelope).await
            };
            match (outcome, pause) {
                (Ok(()), _) => return,
                (Err(error), Some(pause)) if error.may_pass() => {
                    tracing::warn!(?mail, cause = %error, "a mail was not sent; trying again in {pause:?}");
                    time::sleep(pause).await;
                }
                (Err(error), _) => return given_up(&mail, &error),
            }
        }
    }

    async fn attempt(&self, mail: &Mail, envelope: &Envelope) -> Result<(), MailError> {
        let sent = self.0.transport.send_raw(&envelope.addresses, &envelope.content);
        match time::timeout(LIMIT, sent).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(MailError::of(&error, mail.code())),
            Err(_) => Err(MailError::TimedOut),
        }
    }
}

fn given_up(mail: &Mail, error: &MailError) {
    tracing::error!(?mail, cause = %error, "a mail was not sent and is given up");
}
