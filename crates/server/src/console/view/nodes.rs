//! The nodes of the deployment.

use askama::Template;

use super::{Shell, Time};

/// `GET /settings/nodes`.
#[derive(Template)]
#[template(path = "nodes.html")]
pub struct NodesPage {
    /// What all pages have in common.
    pub shell: Shell,
    /// Every node, by name.
    pub rows: Vec<NodeRow>,
    /// How long a lease is, in words; none where there is only one node.
    pub lease: Option<String>,
}

/// One node of the list.
pub struct NodeRow {
    /// What people call it.
    pub name: String,
    /// Of the program.
    pub version: String,
    /// Whether it made this page.
    pub is_this: bool,
    /// Whether it may answer.
    pub serves: bool,
    /// When it was last heard of.
    pub heard: Time,
    /// Changes that it has not applied yet.
    pub lag: u64,
    /// Keys that it holds in memory.
    pub keys: u64,
    /// When it was started.
    pub started: Time,
}
