//! The operator's switch that stops all issuing at once, for the day on which somebody may have got in.
//!
//! What it stops is whatever hands out a new bearer credential for an API: API keys, impersonated sessions, and what apps are given
//! (authorization codes, access tokens, refresh tokens). What it leaves alone: verification, people who sign in (also by invitations
//! and links, which open the console and nothing else), looking, editing, and everything that takes something away.

use jiff::Timestamp;

use crate::{Error, StopReason};

/// Whether credentials are issued.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Issuing {
    stop: Option<IssuingStop>,
}

/// That they are not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuingStop {
    /// Since when.
    pub since: Timestamp,
    /// Why, in the operator's words.
    pub why: StopReason,
}

impl Issuing {
    /// Stopped, or not.
    #[must_use]
    pub fn new(stop: Option<IssuingStop>) -> Self {
        Self { stop }
    }

    /// Since when and why nothing is issued, if so.
    #[must_use]
    pub fn stop(&self) -> Option<&IssuingStop> {
        self.stop.as_ref()
    }

    /// What it is after the operator stopped it: one that was stopped already stays so since then, for the new reason.
    #[must_use]
    pub fn stopped(&self, now: Timestamp, why: StopReason) -> Self {
        let since = self.stop.as_ref().map_or(now, |stop| stop.since);
        Self { stop: Some(IssuingStop { since, why }) }
    }

    /// Asked before anything is issued, and again inside the transaction that issues it.
    ///
    /// # Errors
    /// [`Error::IssuingStopped`]. The reason is not in it: it goes to callers whom nobody knows, too.
    pub fn check(&self) -> Result<(), Error> {
        if self.stop.is_some() { Err(Error::IssuingStopped) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_that_is_repeated_keeps_its_beginning_and_takes_the_new_reason() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let why = |text| StopReason::parse(text).unwrap();
        let stopped = Issuing::default().stopped(at(1), why("first")).stopped(at(2), why("second"));
        assert_eq!(stopped.stop(), Some(&IssuingStop { since: at(1), why: why("second") }));
        assert_eq!(stopped.check(), Err(Error::IssuingStopped));
        assert_eq!(Issuing::default().check(), Ok(()));
    }

    #[test]
    fn the_refusal_does_not_give_the_reason_away() {
        let stopped =
            Issuing::default().stopped(Timestamp::UNIX_EPOCH, StopReason::parse("laptop of ida").unwrap());
        assert!(!stopped.check().unwrap_err().to_string().contains("ida"));
    }
}
