//! A Keystead with somebody's key, a product, and a proxy between them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use keystead_app::Deployment;
use keystead_server::{Doors, Settings, ext_authz_router, serve};
use keystead_tests::{TestKey, TestServer, TestUser};
use tokio::net::TcpListener;

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
        let keystead = match kind {
            Kind::EnvoyGrpc => ext_authz(&server).await,
            _ => server.url.strip_prefix("http://").unwrap().parse().unwrap(),
        };
        let relay = Relay::to(keystead).await;
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
}

/// Where a server answers Envoy over gRPC.
pub(crate) async fn ext_authz(server: &TestServer) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let doors = Doors::new(Arc::clone(&server.app), Settings::new(&server.url).unwrap());
    tokio::spawn(serve(listener, ext_authz_router(doors), std::future::pending()));
    address
}

/// From now on a server cannot know what was revoked, and says so.
pub(crate) async fn make_unsure(server: &TestServer, somebody: &TestUser) {
    // Somebody else's change: it takes a number, and nobody tells this node what it was.
    server.tool().run("UPDATE feed SET sequence = sequence + 1").await.unwrap();
    server.key(somebody, "after", "30d").await;
    let ready = server.get("/readyz").send().await.unwrap();
    assert_eq!(ready.status(), 503);
}
