//! Bugs on purpose, each a guard of promise 3 taken away, to see that the torture test finds them. The feature `planted-bugs` compiles
//! them in, `KEYSTEAD_PLANTED_BUG` names the one that is there.

#[cfg(not(debug_assertions))]
compile_error!("`planted-bugs` is for tests of a debug build: nothing that is released may hold them");

/// A guard that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// A change returns once this node knows it, whatever the others know.
    NoAcknowledgementWait,
    /// Numbers come from a sequence of the database, under no lock. The feed's row follows at the commit, by a trigger that the test makes.
    PlainSequence,
    /// A lease counts from when the answer was there.
    LeaseFromAnswer,
    /// The clock of leases stands still while the process is stopped, as one does that does not run through suspend.
    ClockStandsStill,
    /// A key that was read goes into the directory again some time later, as from a cache that is filled late.
    LateFill,
}

/// Whether this one is there.
#[must_use]
pub fn is(bug: Bug) -> bool {
    let name = match bug {
        Bug::NoAcknowledgementWait => "no-acknowledgement-wait",
        Bug::PlainSequence => "plain-sequence",
        Bug::LeaseFromAnswer => "lease-from-answer",
        Bug::ClockStandsStill => "clock-stands-still",
        Bug::LateFill => "late-fill",
    };
    std::env::var("KEYSTEAD_PLANTED_BUG").is_ok_and(|planted| planted == name)
}

/// The statement that takes the feed's next number: this, unless numbers come from a sequence.
pub(crate) fn number(under_lock: &'static str) -> &'static str {
    if is(Bug::PlainSequence) { "SELECT nextval('planted_numbers')" } else { under_lock }
}
