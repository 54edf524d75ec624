//! The nodes of the deployment, for those who run it.

use keystead_domain::{Actor, Error, Node, Nodes};

use crate::App;
use crate::open::fault;

impl App {
    /// The nodes that serve, or did until a moment ago. Needs `organizations:manage`.
    pub async fn nodes(&self, actor: &Actor) -> Result<Nodes, Error> {
        actor.site()?;
        let now = self.now();
        let Some((this, lease)) = self.node else {
            return Ok(Nodes {
                committed: self.store.committed(),
                lease: None,
                nodes: vec![self.only_node()],
            });
        };
        let rows = self.store.nodes().await.map_err(fault)?;
        let nodes = rows.into_iter().map(|row| Node {
            is_this: row.node.id == this,
            name: row.node.name,
            version: row.node.version,
            started_at: row.node.started_at,
            may_answer: lease.may_hold(row.asked_ago),
            heard_at: now.saturating_sub(row.asked_ago).unwrap_or(now),
            applied: row.applied,
            keys: row.keys,
        });
        let nodes: Vec<_> = nodes.collect();
        let known = self.store.committed().max(self.directory.sequence());
        let committed = nodes.iter().map(|node| node.applied).fold(known, u64::max);
        Ok(Nodes { committed, lease: Some(lease.length()), nodes })
    }

    /// The one that owns its store.
    fn only_node(&self) -> Node {
        Node {
            name: "This server".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: self.started_at,
            is_this: true,
            may_answer: self.directory.may_answer(),
            heard_at: self.now(),
            applied: self.directory.sequence(),
            keys: u64::try_from(self.directory.keys()).unwrap_or(u64::MAX),
        }
    }
}
