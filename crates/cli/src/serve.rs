//! `keystead serve`: from the settings to a running server, and to its end.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use keystead_app::{App, Deployment, MailSettingError, Mailer};
use keystead_server::{Doors, Settings, ext_authz_router, metrics_router, router};
use sd_notify::NotifyState;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use crate::args::{AddressSettings, MailSettings, SecretText, ServeSettings, StoreSettings};
use crate::audit_log::{self, AuditLog};
use crate::control::{self, Control};
use crate::demo::Demo;
use crate::failure::Failure;
use crate::store::Site;
use crate::{out, printed, store};

/// How long the end of the audit log may take to be shipped.
const SHIPPING_ENDS_WITHIN: Duration = Duration::from_secs(5);

/// Runs the server until it is told to stop (SIGTERM, or Ctrl-C). `names_store`: the command line itself says which store.
pub(crate) async fn serve(
    settings: ServeSettings,
    store: StoreSettings,
    names_store: bool,
) -> Result<(), Failure> {
    let mut signals =
        Signals::new().map_err(|error| Failure::new("cannot watch for signals").cause(&error))?;
    let mut demo = if settings.demo {
        if names_store {
            return Err(Failure::usage("--demo takes no store: it makes one and removes it")
                .hint("leave out --data-dir and --database-url, or leave out --demo."));
        }
        Some(Demo::new()?)
    } else {
        None
    };
    let site = match &demo {
        Some(demo) => Site::Folder(demo.folder().to_owned()),
        None => store.site()?,
    };
    let mailer = mailer(&settings.mail)?;
    warn_of(&settings, mailer.as_ref());
    let deployment = Deployment {
        impersonation: settings.impersonation.impersonation,
        mailer,
        roles: store.roles,
        client_metadata_networks: settings.client_metadata_network.clone(),
        ..settings.prefixes.deployment()
    };
    let outcome = tokio::select! {
        started = start(&settings, deployment, site, &mut demo) => started,
        () = signals.stop() => return Ok(()),
    };
    outcome?.run(signals).await
}

/// What sends e-mail, if the settings say how.
pub(crate) fn mailer(settings: &MailSettings) -> Result<Option<Mailer>, Failure> {
    let url = settings.smtp_url.as_ref().map(SecretText::expose).filter(|url| !url.is_empty());
    let from = settings.mail_from.as_deref().filter(|from| !from.is_empty());
    let (url, from) = match (url, from) {
        (Some(url), Some(from)) => (url, from),
        (None, None) => return Ok(None),
        (Some(_), None) => {
            return Err(Failure::usage("there is an SMTP server, and no mailbox that e-mail is from").hint(
                "add --mail-from (KEYSTEAD_MAIL_FROM), such as keystead@example.com, or leave out --smtp-url.",
            ));
        }
        (None, Some(_)) => {
            return Err(Failure::usage("there is a mailbox that e-mail is from, and no SMTP server").hint(
                "add --smtp-url (KEYSTEAD_SMTP_URL), such as smtps://user:password@mail.example.com, or leave out --mail-from.",
            ));
        }
    };
    Mailer::new(url, from).map(Some).map_err(|error| {
        Failure::usage(error.to_string()).hint(match error {
            MailSettingError::Url(_) => {
                "set --smtp-url (KEYSTEAD_SMTP_URL) to something like smtps://user:password@mail.example.com."
            }
            MailSettingError::From => {
                "set --mail-from (KEYSTEAD_MAIL_FROM) to something like Keystead <keystead@example.com>."
            }
        })
    })
}

/// Warns of what is set and has no effect, or has one that is easily overlooked.
pub(crate) fn warn_of(settings: &ServeSettings, mailer: Option<&Mailer>) {
    settings.impersonation.warn();
    if mailer.is_some_and(Mailer::sends_in_clear) {
        tracing::warn!(
            "smtp-url may send e-mail unencrypted, and with it links that sign people in: use smtps:// or ?tls=required"
        );
    }
}

/// A server that listens.
struct Server {
    app: Arc<App>,
    doors: Doors,
    listener: TcpListener,
    metrics: Option<TcpListener>,
    ext_authz: Option<TcpListener>,
    /// Where a store is shared, commands go to the database by themselves.
    control: Option<Control>,
    audit_log: Option<AuditLog>,
    /// How long it goes on answering once it is told to stop.
    drain: Duration,
}

async fn start(
    settings: &ServeSettings,
    deployment: Deployment,
    site: Site,
    demo: &mut Option<Demo>,
) -> Result<Server, Failure> {
    if let Site::Folder(folder) = &site {
        control::check_path(folder)?;
    }
    // Before the store: a start that fails here leaves no trace.
    let listener = listen(settings.address.listen, "listen").await?;
    let metrics = listen_if(settings.metrics_listen, "metrics-listen").await?;
    let ext_authz = listen_if(settings.ext_authz_listen, "ext-authz-listen").await?;
    let audit_log = settings.audit_log.as_deref().map(AuditLog::start).transpose().map_err(|error| {
        Failure::new("the audit log cannot be appended to").cause(&error).hint(
            "choose a file in a folder that exists and that this user may write to with --audit-log, or - for standard output.",
        )
    })?;
    let address = listener.local_addr().map_err(|error| Failure::new("cannot listen").cause(&error))?;
    let public_url = public_url(&settings.address, address);
    let sessions = settings.impersonation.sessions(public_url.clone());
    let deployment = Deployment { sessions, ..deployment };
    if let Some(demo) = demo {
        demo.fill(deployment.clone()).await?;
    }
    let node = store::node(settings.node_name.as_deref(), settings.revocation_wait);
    let app = Arc::new(store::open_patiently(&site, &node, &deployment).await?);
    let control = match &site {
        Site::Shared(..) => None,
        Site::Folder(folder) => Some(Control::bind(folder).map_err(|error| {
            Failure::new(format!("cannot listen for commands in {}", folder.display()))
                .cause(&error)
                .hint("choose a folder on a file system that has Unix sockets with --data-dir.")
        })?),
    };
    let doors = Settings::new(&public_url).map_err(Failure::usage)?.behind(settings.trusted_proxy.clone());
    let doors = doors
        .embedded(settings.impersonation.embedding())
        .with_mcp_key_creation(!settings.no_mcp_key_creation);
    let doors = Doors::new(Arc::clone(&app), doors);

    let tell = |line: std::fmt::Arguments<'_>| match &settings.audit_log {
        Some(path) if audit_log::is_stdout(path) => {
            out::say(line);
            Ok(())
        }
        _ => printed(out::line(line)),
    };
    tell(format_args!("Keystead is listening on {}", local_url(address)))?;
    if let Some(address) = metrics.as_ref().and_then(|listener| listener.local_addr().ok()) {
        tell(format_args!("Metrics are at {}/metrics", local_url(address)))?;
    }
    if let Some(address) = ext_authz.as_ref().and_then(|listener| listener.local_addr().ok()) {
        tell(format_args!("Envoy's ext_authz is answered at {address}"))?;
    }
    if let Some(demo) = demo {
        demo.print(&app, &public_url).await?;
    } else if app.needs_set_up().await.map_err(|error| Failure::new(error.to_string()))? {
        let code = app.create_set_up_link().await.map_err(|error| Failure::new(error.to_string()))?;
        tell(format_args!(
            "Open {public_url}/setup/{} to create the first administrator (works once, for 24 h).",
            code.expose()
        ))?;
    }
    tell_service_manager(NotifyState::Ready);
    Ok(Server { app, doors, listener, metrics, ext_authz, control, audit_log, drain: settings.drain })
}

impl Server {
    async fn run(self, mut signals: Signals) -> Result<(), Failure> {
        let (stop, stopped) = watch::channel(false);
        let until = |mut stopped: watch::Receiver<bool>| async move {
            _ = stopped.wait_for(|stop| *stop).await;
        };
        let doors = self.doors.clone();
        let public_url = self.doors.settings().public_url().to_owned();
        let commands = self.control.map(|control| {
            tokio::spawn(control.run(Arc::clone(&self.app), public_url, until(stopped.clone())))
        });
        let sweeps = tokio::spawn(sweep(Arc::clone(&self.app), until(stopped.clone())));
        let signing = tokio::spawn(sign(Arc::clone(&self.app), until(stopped.clone())));
        let maintenance = tokio::spawn(maintain(Arc::clone(&self.app), until(stopped.clone())));
        // Stops last: what the end of the others adds to the log is shipped as well.
        let (stop_shipping, shipping_stopped) = watch::channel(false);
        let shipping = self
            .audit_log
            .map(|audit_log| tokio::spawn(audit_log.ship(Arc::clone(&self.app), until(shipping_stopped))));
        let beside =
            |listener, router| tokio::spawn(keystead_server::serve(listener, router, until(stopped.clone())));
        let metrics = self.metrics.map(|listener| beside(listener, metrics_router(doors.clone())));
        let ext_authz = self.ext_authz.map(|listener| beside(listener, ext_authz_router(doors.clone())));
        let mut requests =
            tokio::spawn(keystead_server::serve(self.listener, router(self.doors), until(stopped)));

        let mut early = tokio::select! {
            () = signals.stop() => None,
            ended = &mut requests => Some(ended),
        };
        tell_service_manager(NotifyState::Stopping);
        if early.is_none() && !self.drain.is_zero() {
            tracing::info!(drain = ?self.drain, "about to stop: sending everybody elsewhere");
            doors.leave();
            tokio::select! {
                () = tokio::time::sleep(self.drain) => {}
                () = signals.stop() => {}
                ended = &mut requests => early = Some(ended),
            }
        }
        tracing::info!("stopping");
        _ = stop.send(true);
        let served = match early {
            Some(ended) => ended,
            None => requests.await,
        };
        for beside in metrics.into_iter().chain(ext_authz) {
            _ = beside.await;
        }
        _ = (sweeps.await, signing.await, maintenance.await);
        if let Some(commands) = commands {
            _ = commands.await;
        }
        _ = stop_shipping.send(true);
        if let Some(shipping) = shipping
            && tokio::time::timeout(SHIPPING_ENDS_WITHIN, shipping).await.is_err()
        {
            tracing::warn!("the end of the audit log could not be shipped; the next start does it");
        }
        let closed = self.app.close().await;
        let served = served.unwrap_or_else(|error| Err(io::Error::other(error)));
        served.map_err(|error| {
            Failure::new("the server stopped").cause(&error).hint("its log may say more. Start it again.")
        })?;
        closed.map_err(|error| {
            Failure::new("when keys were last used could not be written at the end")
                .cause(&error)
                .hint("nothing else is lost. The log has the cause.")
        })?;
        tracing::info!("stopped");
        Ok(())
    }
}

/// Tells systemd, if it is what started this.
fn tell_service_manager(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "the service manager could not be told how the server is");
    }
}

/// Writes down when keys were last used, now and then (promise 9).
async fn sweep(app: Arc<App>, stop: impl Future<Output = ()>) {
    let mut stop = std::pin::pin!(stop);
    let mut every = tokio::time::interval(App::SWEEP_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = every.tick() => {}
            () = &mut stop => return,
        }
        // What fails is logged there, and kept for the next time.
        _ = app.sweep_last_used().await;
    }
}

/// Signs the ends of the audit logs, now and then (promise 10).
async fn sign(app: Arc<App>, stop: impl Future<Output = ()>) {
    let mut stop = std::pin::pin!(stop);
    loop {
        // What fails is logged there, and done again the next time.
        _ = app.sign_audit_checkpoints().await;
        tokio::select! {
            () = tokio::time::sleep(App::SIGN_EVERY) => {}
            () = &mut stop => return,
        }
    }
}

/// Rotates the keys that sign sessions by their age, and forgets sessions that have ended, now and then.
async fn maintain(app: Arc<App>, stop: impl Future<Output = ()>) {
    let mut stop = std::pin::pin!(stop);
    loop {
        if let Err(error) = app.maintain_sessions().await {
            tracing::warn!(%error, "ended sessions could not be forgotten, or a signing key not rotated; the next turn tries again");
        }
        tokio::select! {
            () = tokio::time::sleep(App::MAINTAIN_EVERY) => {}
            () = &mut stop => return,
        }
    }
}

async fn listen_if(address: Option<SocketAddr>, option: &str) -> Result<Option<TcpListener>, Failure> {
    match address {
        Some(address) => listen(address, option).await.map(Some),
        None => Ok(None),
    }
}

async fn listen(address: SocketAddr, option: &str) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        let hint = match error.kind() {
            ErrorKind::AddrInUse => format!(
                "another program uses that port. Choose another with --{option} {}, or 0 for any that is free.",
                SocketAddr::new(address.ip(), address.port().checked_add(1).unwrap_or(8081))
            ),
            ErrorKind::PermissionDenied => {
                format!("ports below 1024 are for the system's administrator. Choose another with --{option}.")
            }
            _ => format!("choose an address of this machine with --{option}, such as 127.0.0.1:8080."),
        };
        Failure::new(format!("cannot listen on {address}")).cause(&error).hint(hint)
    })
}

/// Where people and programs reach the server.
pub(crate) fn public_url(settings: &AddressSettings, listening: SocketAddr) -> String {
    settings.public_url.clone().unwrap_or_else(|| local_url(listening))
}

/// How this machine reaches an address that a server listens on.
pub(crate) fn local_url(listening: SocketAddr) -> String {
    let host = match listening.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(host, listening.port()))
}

/// What tells the server to stop.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_listens_everywhere_is_reached_on_this_machine() {
        let url = |address: &str| local_url(address.parse().unwrap());
        assert_eq!(url("0.0.0.0:8080"), "http://127.0.0.1:8080");
        assert_eq!(url("[::]:8080"), "http://[::1]:8080");
        assert_eq!(url("192.0.2.1:80"), "http://192.0.2.1:80");
    }
}
