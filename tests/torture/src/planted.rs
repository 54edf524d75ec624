//! The bugs that are planted, to see that they are found.

use keystead_test_hosts::Postgres;

use crate::Fault;

/// A guard that a build with the feature `planted-bugs` does not have: see `crates/store/src/planted.rs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// A change returns once its own node knows it.
    NoAcknowledgementWait,
    /// Numbers come from a sequence, under no lock.
    PlainSequence,
    /// A lease counts from the answer.
    LeaseFromAnswer,
    /// The clock of leases stands still while the process does.
    ClockStandsStill,
    /// A key goes into the directory once more, late.
    LateFill,
}

impl Bug {
    /// How the program is told.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoAcknowledgementWait => "no-acknowledgement-wait",
            Self::PlainSequence => "plain-sequence",
            Self::LeaseFromAnswer => "lease-from-answer",
            Self::ClockStandsStill => "clock-stands-still",
            Self::LateFill => "late-fill",
        }
    }

    /// What brings it to light.
    pub(crate) fn aimed_at(self) -> Fault {
        match self {
            Self::NoAcknowledgementWait => Fault::Cut,
            Self::PlainSequence => Fault::Delay,
            Self::LeaseFromAnswer => Fault::LateAnswer,
            Self::ClockStandsStill => Fault::StopAndCut,
            // It needs no help.
            Self::LateFill => Fault::Loss,
        }
    }

    /// Does to the database what the bug needs of it.
    pub(crate) fn prepare(self, postgres: &Postgres, url: &str) {
        if self == Self::PlainSequence {
            // What an implementation with a sequence would take for the end of its feed is the largest number that is committed.
            postgres.sql(
                url,
                "CREATE SEQUENCE planted_numbers; \
                 SELECT setval('planted_numbers', sequence) FROM feed; \
                 GRANT USAGE ON SEQUENCE planted_numbers TO PUBLIC; \
                 CREATE FUNCTION planted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN \
                 UPDATE feed SET sequence = GREATEST(sequence, NEW.sequence) WHERE id = 1; RETURN NULL; END $$; \
                 CREATE CONSTRAINT TRIGGER planted AFTER INSERT ON changes DEFERRABLE INITIALLY DEFERRED \
                 FOR EACH ROW EXECUTE FUNCTION planted()",
            );
        }
    }
}
