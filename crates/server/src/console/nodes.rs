//! The nodes of the deployment: which serve, and how far each is.

use axum::response::Response;
use http::StatusCode;
use keystead_domain::{Node, Nodes};

use super::html::{PageError, page};
use super::list::time;
use super::view::{NodeRow, NodesPage};
use super::visit::SignedIn;

/// `GET /settings/nodes`.
pub(crate) async fn list_page(visit: SignedIn) -> Result<Response, PageError> {
    let nodes = visit.app().nodes(&visit.actor).await?;
    let rows = nodes.nodes.iter().map(|node| row(&nodes, node)).collect();
    let lease = nodes.lease.map(|lease| format!("{} s", lease.as_secs_f64()));
    Ok(page(StatusCode::OK, &NodesPage { shell: visit.shell().await?, rows, lease }))
}

fn row(nodes: &Nodes, node: &Node) -> NodeRow {
    NodeRow {
        name: node.name.clone(),
        version: node.version.clone(),
        is_this: node.is_this,
        serves: node.may_answer,
        heard: time(node.heard_at),
        lag: nodes.lag(node),
        keys: node.keys,
        started: time(node.started_at),
    }
}
