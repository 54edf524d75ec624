//! What keeps promise 3, one by one: the model breaks without any of them, and the tests show how.

/// The protocol has all of them. Without one, nodes do the obvious other thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is taken away by itself")]
pub struct Guards {
    /// A revocation returns when no node can be without it. Else: once it is committed.
    pub waits_for_nodes: bool,
    /// Who may be without a revocation is read after its commit. Else: when its transaction begins.
    pub reads_nodes_after_commit: bool,
    /// A silent node is waited for a lease and what clocks differ by. Else: a lease.
    pub allows_for_drift: bool,
    /// A lease counts from before its node sent anything. Else: from the answer.
    pub lease_counts_from_before_sending: bool,
    /// A lease begins once all is applied that was committed when its node asked. Else: with the answer.
    pub applies_before_lease: bool,
    /// A node's row is committed before it asks how far the feed is. Else: after.
    pub row_before_asking: bool,
    /// A lease's clock runs while the machine sleeps (`CLOCK_BOOTTIME`). Else: it stands still (`CLOCK_MONOTONIC`).
    pub clock_runs_through_suspend: bool,
    /// A verification looks at the lease, then at the key. Else: the other way round.
    pub lease_before_key: bool,
    /// A number is taken under the lock that is held to the commit. Else: from a plain sequence.
    pub numbers_under_lock: bool,
    /// A node that finds a gap in the feed loads anew. Else: it goes on with what there is.
    pub loads_after_gap: bool,
    /// A node compares the mark of the last change that it knows. Else: only that numbers do not go back.
    pub compares_marks: bool,
    /// A node that saw that changes were lost refuses until it is started again. Else: it loads what is left.
    pub keeps_refusing: bool,
    /// No node takes a lease from a store that is halted. Else: it does not look.
    pub obeys_halt: bool,
    /// On another connection than before, nothing follows from rows for as long as a lease. Else: they are believed.
    pub doubts_new_connection: bool,
    /// Nor on the first connection. Else: there was nothing before it that could be lost.
    pub doubts_first_connection: bool,
    /// A node's row is forgotten once its lease has ended. Else: at any time, as by a wall clock that is wrong.
    pub forgets_ended_only: bool,
    /// A node counts its renewals itself. Else: its row does, and a new row begins again at 1.
    pub counts_never_repeat: bool,
}

impl Guards {
    /// All of them: the protocol as it is.
    pub const ALL: Self = Self {
        waits_for_nodes: true,
        reads_nodes_after_commit: true,
        allows_for_drift: true,
        lease_counts_from_before_sending: true,
        applies_before_lease: true,
        row_before_asking: true,
        clock_runs_through_suspend: true,
        lease_before_key: true,
        numbers_under_lock: true,
        loads_after_gap: true,
        compares_marks: true,
        keeps_refusing: true,
        obeys_halt: true,
        doubts_new_connection: true,
        doubts_first_connection: true,
        forgets_ended_only: true,
        counts_never_repeat: true,
    };
}
