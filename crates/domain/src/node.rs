//! Nodes as people see them.

use std::time::Duration;

use jiff::Timestamp;

/// Every node that serves a deployment.
#[derive(Debug, Clone)]
pub struct Nodes {
    /// The number of the last change that was committed.
    pub committed: u64,
    /// How long a lease is: none where one node owns the store and needs none.
    pub lease: Option<Duration>,
    /// The nodes, by name.
    pub nodes: Vec<Node>,
}

/// A node.
#[derive(Debug, Clone)]
pub struct Node {
    /// What people call it.
    pub name: String,
    /// Of the program.
    pub version: String,
    /// When it was started, by its own clock.
    pub started_at: Timestamp,
    /// Whether it is the one that was asked.
    pub is_this: bool,
    /// Whether it may answer: another has no lease, and nobody waits for it any more.
    pub may_answer: bool,
    /// When it was last heard of.
    pub heard_at: Timestamp,
    /// The number of the last change that it has applied.
    pub applied: u64,
    /// How many keys it holds in memory.
    pub keys: u64,
}

impl Nodes {
    /// How many committed changes a node has not applied yet.
    #[must_use]
    pub fn lag(&self, node: &Node) -> u64 {
        self.committed.saturating_sub(node.applied)
    }
}
