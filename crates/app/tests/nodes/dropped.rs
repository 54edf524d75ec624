//! A node that ends without having been closed.

use keystead_test_hosts::Postgres;

use crate::world::{Node, Nodes, until};

#[tokio::test]
async fn a_node_that_is_dropped_without_being_closed_lets_go_of_the_database() {
    let mut nodes = Nodes::new(1).await;
    let Node { app, link: _link, .. } = nodes.all.remove(0);
    let others = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let connections = || Postgres::shared_fast().sql(&nodes.url, others);
    assert_ne!(connections(), "0");
    drop(app);
    until(|| connections() == "0").await;
}
