//! Console sessions: how long one lasts.

use jiff::{SignedDuration, Timestamp};

use crate::{SessionId, UserId};

/// What the store keeps of a signed-in browser. The cookie's value is kept only as a hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Names it in the audit log.
    pub id: SessionId,
    /// Who signed in.
    pub user: UserId,
    /// When they did.
    pub created_at: Timestamp,
    /// When it was last used, at most [`Lifetimes::TOUCH`] late.
    pub last_seen_at: Timestamp,
}

/// How long sessions last (OWASP ASVS 5.0, 7.3.1 and 7.3.2).
#[derive(Debug, Clone, Copy)]
pub struct Lifetimes;

impl Lifetimes {
    /// A session ends this long after signing in, however busy.
    pub const ABSOLUTE: SignedDuration = SignedDuration::from_hours(24 * 7);
    /// A session ends this long after its last use.
    pub const IDLE: SignedDuration = SignedDuration::from_hours(12);
    /// The last use is written at most this often.
    pub const TOUCH: SignedDuration = SignedDuration::from_mins(1);
    /// A one-time link (set-up, sign-in) can be used for this long.
    pub const LINK: SignedDuration = SignedDuration::from_hours(24);
    /// An invitation can be accepted for this long: people have days off.
    pub const INVITATION: SignedDuration = SignedDuration::from_hours(24 * 7);
    /// A link to choose another password can be used for this long: whoever asked for it waits for it.
    pub const RESET: SignedDuration = SignedDuration::from_hours(1);
}

impl Session {
    /// Whether it still counts at `now`. A clock that was set back does not lengthen it.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        now.duration_since(self.created_at) < Lifetimes::ABSOLUTE
            && now.duration_since(self.last_seen_at) < Lifetimes::IDLE
    }

    /// Whether its use should be written down now.
    #[must_use]
    pub fn wants_touch(&self, now: Timestamp) -> bool {
        now.duration_since(self.last_seen_at) >= Lifetimes::TOUCH
    }
}

/// What a browser says of itself when a session is started: at most 300 characters, none of them a control character. A claim,
/// shown to the session's own user and to nobody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserAgent(String);

impl UserAgent {
    const MAX: usize = 300;

    /// The part of a `User-Agent` header (RFC 9110, section 10.1.5) that is kept: visible ASCII and blanks. `None` if nothing is
    /// left.
    #[must_use]
    pub fn of_header(header: &[u8]) -> Option<Self> {
        let kept = header.iter().filter(|byte| matches!(byte, b' '..=b'~')).take(Self::MAX);
        let text: String = kept.map(|byte| char::from(*byte)).collect();
        let text = text.trim();
        (!text.is_empty()).then(|| Self(text.to_owned()))
    }

    /// What the store kept: it was bounded on the way in.
    #[must_use]
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::IdGenerator;

    #[test]
    fn what_a_browser_says_of_itself_is_bounded_and_has_no_control_characters() {
        assert_eq!(UserAgent::of_header(b""), None);
        assert_eq!(UserAgent::of_header(b" \t\x1b\x7f\xff "), None);
        let agent = UserAgent::of_header(b" Mozilla/5.0\r\n\x1b[2J \xe2\x80\xae(X11) ").unwrap();
        assert_eq!(agent.as_str(), "Mozilla/5.0[2J (X11)");
        assert_eq!(UserAgent::of_header(&vec![b'x'; 70_000]).unwrap().as_str().len(), 300);
    }

    #[test]
    fn a_session_ends_when_idle_and_at_its_absolute_age_however_busy() {
        let ids = IdGenerator::default();
        let start: Timestamp = "2026-11-23T10:00:00Z".parse().unwrap();
        let mut session = Session {
            id: ids.next(start, [0; 8]),
            user: ids.next(start, [0; 8]),
            created_at: start,
            last_seen_at: start,
        };
        assert!(session.is_live(start + (Lifetimes::IDLE - SignedDuration::from_secs(1))));
        assert!(!session.is_live(start + Lifetimes::IDLE));
        session.last_seen_at = start + Lifetimes::ABSOLUTE - SignedDuration::from_secs(1);
        assert!(session.is_live(session.last_seen_at));
        assert!(!session.is_live(start + Lifetimes::ABSOLUTE));
    }
}
