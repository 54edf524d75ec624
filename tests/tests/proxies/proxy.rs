//! The proxies, started as the files of `examples/proxies` say: only addresses and folders are the test's.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use keystead_tests::proxies;
use tempfile::TempDir;

/// The longest that a proxy may take to start on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Nginx,
    Caddy,
    Traefik,
    Haproxy,
    Envoy,
    /// Envoy, which asks over gRPC.
    EnvoyGrpc,
}

impl Kind {
    pub(crate) const ALL: [Self; 6] =
        [Self::Nginx, Self::Caddy, Self::Traefik, Self::Haproxy, Self::Envoy, Self::EnvoyGrpc];

    pub(crate) const OVER_HTTP: [Self; 5] =
        [Self::Nginx, Self::Caddy, Self::Traefik, Self::Haproxy, Self::Envoy];

    /// Its files, with what is in them of an address or a folder: the proxy's, Keystead's, the product's, and the folder.
    pub(crate) fn files(self) -> &'static [&'static str] {
        match self {
            Self::Nginx => &["nginx.conf"],
            Self::Caddy => &["Caddyfile"],
            Self::Traefik => &["traefik.yaml", "traefik-routes.yaml"],
            Self::Haproxy => &["haproxy.cfg", "keystead.lua"],
            Self::Envoy => &["envoy.yaml"],
            Self::EnvoyGrpc => &["envoy-grpc.yaml"],
        }
    }

    /// What asks in a file, and what asks for a permission instead, as the files' comments say.
    fn question(self, permission: &str) -> [String; 2] {
        let (before, after) = match self {
            Self::Nginx => ("proxy_pass http://keystead/verify", ";"),
            Self::Caddy => ("\t\t\turi /verify?", "\n"),
            Self::Traefik => ("        address: http://127.0.0.1:8080/verify", "\n"),
            Self::Haproxy => ("    http-request lua.keystead http://127.0.0.1:8080/verify", "\n"),
            Self::Envoy => ("path_override: /verify", "\n"),
            Self::EnvoyGrpc => {
                let lines = proxies::example("envoy-grpc.yaml");
                let lines = lines.lines().skip_while(|line| !line.ends_with("uncomment:")).skip(1);
                let lines: Vec<_> = lines.take_while(|line| line.trim_start().starts_with("# ")).collect();
                let commented = lines.join("\n");
                let question = commented.replace("# ", "").replace("reports:read", permission);
                return [commented, question];
            }
        };
        let question = format!("{}?permission={permission}", before.trim_end_matches('?'));
        [format!("{before}{after}"), format!("{question}{after}")]
    }
}

/// A running proxy; dropped, it is killed.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    child: Child,
    _folder: TempDir,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

impl Proxy {
    /// In front of a product, with its questions to Keystead, about a permission or none.
    pub(crate) fn start(
        kind: Kind,
        keystead: SocketAddr,
        product: SocketAddr,
        permission: Option<&str>,
    ) -> Self {
        // Between looking for a free port and taking it, somebody else may.
        for _ in 0..5 {
            if let Some(proxy) = Self::try_to_start(kind, keystead, product, permission) {
                return proxy;
            }
        }
        panic!("{kind:?} did not start");
    }

    fn try_to_start(
        kind: Kind,
        keystead: SocketAddr,
        product: SocketAddr,
        permission: Option<&str>,
    ) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut asks = permission.is_none();
        for file in kind.files() {
            let mut text = proxies::example(file);
            if let Some([plain, asking]) = permission.map(|permission| kind.question(permission))
                && text.contains(&plain)
            {
                text = text.replace(&plain, &asking);
                asks = true;
            }
            fs::write(folder.path().join(file), adapted(&text, folder.path(), address, keystead, product))
                .unwrap();
        }
        assert!(asks, "{kind:?} asks in another way than its files' comments say");
        let mut command = command(kind, folder.path());
        let child = command.current_dir(folder.path()).stdin(Stdio::null()).stdout(Stdio::null());
        let child = child.stderr(fs::File::create(folder.path().join("log")).unwrap()).spawn().unwrap();
        let mut proxy = Self { address, child, _folder: folder };
        let since = Instant::now();
        while TcpStream::connect(address).is_err() {
            if proxy.child.try_wait().unwrap().is_some() {
                return None;
            }
            assert!(since.elapsed() < PATIENCE, "{kind:?} takes no connections");
            std::thread::sleep(Duration::from_millis(10));
        }
        Some(proxy)
    }
}

/// A file with the test's addresses and folder.
fn adapted(
    text: &str,
    folder: &Path,
    proxy: SocketAddr,
    keystead: SocketAddr,
    product: SocketAddr,
) -> String {
    let folder = folder.display();
    let [proxy, keystead, product] = [proxy, keystead, product].map(|address| address.port());
    [
        ("127.0.0.1:8080", format!("127.0.0.1:{keystead}")),
        ("127.0.0.1:3000", format!("127.0.0.1:{product}")),
        ("address: 127.0.0.1, port_value: 8080", format!("address: 127.0.0.1, port_value: {keystead}")),
        ("address: 127.0.0.1, port_value: 9191", format!("address: 127.0.0.1, port_value: {keystead}")),
        ("address: 127.0.0.1, port_value: 3000", format!("address: 127.0.0.1, port_value: {product}")),
        // The proxy's own, as each writes it.
        ("listen 8000;", format!("listen 127.0.0.1:{proxy};")),
        ("\n:8000 {", format!("\nhttp://:{proxy} {{\n\tbind 127.0.0.1\n")),
        ("address: \":8000\"", format!("address: 127.0.0.1:{proxy}")),
        ("bind :8000", format!("bind 127.0.0.1:{proxy}")),
        ("address: 0.0.0.0, port_value: 8000", format!("address: 127.0.0.1, port_value: {proxy}")),
        ("/etc/haproxy/", format!("{folder}/")),
        ("/etc/traefik/", format!("{folder}/")),
    ]
    .into_iter()
    .fold(text.to_owned(), |text, (from, to)| text.replace(from, &to))
}

fn command(kind: Kind, folder: &Path) -> Command {
    let file = |name: &str| folder.join(name);
    let mut command = match kind {
        Kind::Nginx => {
            let folder = folder.display();
            let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
            let temporary = temporary.map(|name| format!("{name}_temp_path {folder}/{name};")).concat();
            let main = format!(
                "daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log; events {{}}\n\
                 http {{ access_log off; {temporary} include {folder}/nginx.conf; }}"
            );
            fs::write(file("main.conf"), main).unwrap();
            Command::new("nginx")
        }
        Kind::Caddy => proxies::caddy(),
        Kind::Traefik => proxies::traefik(),
        Kind::Haproxy => Command::new("haproxy"),
        Kind::Envoy | Kind::EnvoyGrpc => proxies::envoy(),
    };
    match kind {
        Kind::Nginx => command.arg("-c").arg(file("main.conf")),
        Kind::Caddy => {
            // Its own port for orders would be one for all.
            let text = fs::read_to_string(file("Caddyfile")).unwrap();
            fs::write(file("Caddyfile"), format!("{{\n\tadmin off\n}}\n{text}")).unwrap();
            command.env("XDG_DATA_HOME", folder).env("XDG_CONFIG_HOME", folder);
            command.args(["run", "--adapter", "caddyfile", "--config"]).arg(file("Caddyfile"))
        }
        Kind::Traefik => command.arg(format!("--configFile={}", file("traefik.yaml").display())),
        Kind::Haproxy => command.args(["-db", "-f"]).arg(file("haproxy.cfg")),
        Kind::Envoy | Kind::EnvoyGrpc => {
            command.args(["--disable-hot-restart", "--concurrency", "1", "-c"]).arg(file(kind.files()[0]))
        }
    };
    command
}
