//! A Keystead with somebody's key, a product, and a proxy between them.

use std::time::{Duration, Instant};

use jiff::SignedDuration;
use keystead_app::Deployment;
use keystead_tests::{TestKey, TestServer, TestUser};

use crate::client::send;
use crate::product::Product;
use crate::proxy::{Kind, PATIENCE, Proxy};
use crate::relay::Relay;

pub(crate) struct World {
    pub(crate) kind: Kind,
    pub(crate) server: TestServer,
    pub(crate) ada: TestUser,
    /// Ada's, who is an administrator.
    pub(crate) key: TestKey,
    pub(crate) relay: Relay,
    pub(crate) product: Product,
    pub(crate) proxy: Proxy,
}

impl World {
    pub(crate) async fn start(kind: Kind, permission: Option<&str>) -> Self {
        let deployment = Deployment { impersonation: true, ..Deployment::default() };
        let server = TestServer::start_with(deployment).await;
        let ada = server.administrator("ada@example.com").await;
        let key = server.key(&ada, "deploy", "30d").await;
        let relay = Relay::to(server.url.strip_prefix("http://").unwrap().parse().unwrap()).await;
        let product = Product::start().await;
        let proxy = Proxy::start(kind, relay.address, product.address, permission);
        let since = Instant::now();
        // Traefik listens before it knows what for.
        while send(proxy.address, "GET", "/", "").await.status == 404 {
            assert!(since.elapsed() < PATIENCE, "{kind:?} does not know its routes");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Self { kind, server, ada, key, relay, product, proxy }
    }

    /// A key that has run out.
    pub(crate) async fn expired(&self) -> TestKey {
        let key = self.server.key(&self.ada, "expired", "7d").await;
        self.server.advance(SignedDuration::from_hours(24 * 8));
        key
    }

    /// From now on Keystead cannot know what was revoked, and says so.
    pub(crate) async fn make_unsure(&self) {
        // Somebody else's change: it takes a number, and nobody tells this node what it was.
        self.server.tool().run("UPDATE feed SET sequence = sequence + 1").await.unwrap();
        self.server.key(&self.ada, "after", "30d").await;
        assert_eq!(self.server.verify(&self.key.token).await.status(), 503);
    }
}
