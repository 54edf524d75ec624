//! The operator's commands: asked of the server that owns the store or, if none runs, carried out here.

mod audit;
mod backup;
mod issuing;
mod key;
mod organization;
mod reopen;
mod restore;
mod signing_key;
mod store_copy;
mod user;

use std::path::Path;
use std::time::Duration;

use keystead_app::operator::{Answer, Command};
use keystead_app::{App, Deployment, OpenError, noticing_silence};
use serde::Serialize;
use tokio::time::Instant;

use crate::args::{AddressSettings, StoreCommand, StoreSettings};
use crate::control::{self, Reply};
use crate::failure::Failure;
use crate::store::Site;
use crate::{out, printed, serve, store};

pub(crate) use audit::audit;
pub(crate) use backup::backup;
pub(crate) use issuing::issuing;
pub(crate) use key::key;
pub(crate) use organization::organization;
pub(crate) use restore::restore;
pub(crate) use signing_key::signing_key;
pub(crate) use user::user;

/// `keystead store …`.
pub(crate) async fn store(settings: &StoreSettings, command: StoreCommand) -> Result<(), Failure> {
    match command {
        StoreCommand::Copy { from, to } => store_copy::copy(settings, &from, &to).await,
        StoreCommand::Reopen { replay, yes } => reopen::reopen(settings, &replay, yes).await,
    }
}

/// How long to wait for a server that is starting, or for another command.
const BUSY: Duration = Duration::from_secs(5);

/// What came of a command.
struct Outcome {
    answer: Answer,
    /// Where the server is reached, if it was the server that answered.
    public_url: Option<String>,
}

async fn ask(store: &StoreSettings, command: Command, deployment: Deployment) -> Result<Outcome, Failure> {
    let mut owner = Owner::of(store, deployment)?;
    let outcome = owner.ask(command).await;
    owner.close().await;
    outcome
}

/// Whoever owns the store: the server that runs on it or, from the first command that none answered, this process. Of a store that
/// nodes share, this process is another node.
struct Owner {
    site: Site,
    deployment: Deployment,
    opened: Option<App>,
}

impl Owner {
    fn of(store: &StoreSettings, deployment: Deployment) -> Result<Self, Failure> {
        let deployment = Deployment { roles: store.roles.clone(), ..deployment };
        Ok(Self { site: store.site()?, deployment, opened: None })
    }

    async fn ask(&mut self, command: Command) -> Result<Outcome, Failure> {
        let asked = match &self.site {
            Site::Folder(folder) if self.opened.is_none() => ask_server(folder, &command).await?,
            _ => None,
        };
        let outcome = match asked {
            Some(reply) => Outcome { answer: reply.answer, public_url: Some(reply.public_url) },
            None => self.carry_out(command).await?,
        };
        match outcome.answer {
            Answer::Refused { code, message } => Err(refused(&code, message)),
            answer => Ok(Outcome { answer, ..outcome }),
        }
    }

    /// Opens the store and does the work. If another process has the store, that is a server that starts or stops, or another
    /// command: both are over soon.
    async fn carry_out(&mut self, command: Command) -> Result<Outcome, Failure> {
        let makes_a_store = matches!(command, Command::UserAdd { .. } | Command::OrganizationCreate { .. });
        if let Site::Folder(folder) = &self.site
            && !makes_a_store
            && !folder.join("keystead.db").exists()
        {
            return Err(Failure::new(format!("there is no store in {}", folder.display()))
                .hint("say where it is with --data-dir (or KEYSTEAD_DATA_DIR). `keystead serve` or `keystead user add` makes one."));
        }
        let deadline = Instant::now() + BUSY;
        let app = loop {
            if let Some(app) = self.opened.take() {
                break app;
            }
            match store::open(self.site.clone(), store::command_node(), self.deployment.clone()).await {
                Err(OpenError::InUse(_)) if Instant::now() < deadline => {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    if let Site::Folder(folder) = &self.site
                        && let Some(reply) = ask_server(folder, &command).await?
                    {
                        return Ok(Outcome { answer: reply.answer, public_url: Some(reply.public_url) });
                    }
                }
                Err(error @ OpenError::InUse(_)) => {
                    return Err(Failure::new(error.to_string()).hint(
                        "it does not listen for commands. If it is still starting, wait; else stop it, then try again.",
                    ));
                }
                other => break other?,
            }
        };
        let (answer, waited) = noticing_silence(self.opened.insert(app).operate(command)).await;
        if waited {
            out::say("A node did not answer, so this took until it can accept nothing any more.");
        }
        Ok(Outcome { answer, public_url: None })
    }

    /// Lets go of the store.
    async fn close(self) {
        if let Some(app) = self.opened
            && let Err(error) = app.close().await
        {
            tracing::warn!(%error, "the store was not closed cleanly");
        }
    }
}

async fn ask_server(folder: &Path, command: &Command) -> Result<Option<Reply>, Failure> {
    control::ask(folder, command).await.map_err(|error| {
        let hint = match error.kind() {
            std::io::ErrorKind::PermissionDenied => "run this command as the user that runs the server.",
            _ => "what was asked for may or may not have been done. Look, and try again; the server's log may say more.",
        };
        Failure::new("the server that owns the store could not be asked").cause(&error).hint(hint)
    })
}

fn refused(code: &str, message: String) -> Failure {
    let failure = Failure::new(message);
    match code {
        "NOT_FOUND" => failure.hint(
            "check the spelling, and that --data-dir is the store you mean. `keystead organization list`, `keystead user list` and \
             `keystead key list` show what there is.",
        ),
        "ISSUING_STOPPED" => failure.hint("`keystead issuing status` tells why; `keystead issuing start` starts it again."),
        "UNAVAILABLE" | "INTERNAL" => {
            failure.hint("the log of the process that owns the store (this one, if no server runs) has the cause.")
        }
        _ => failure,
    }
}

fn unexpected() -> Failure {
    Failure::new("the server answered something else than was asked")
        .hint("the server and this command are of different versions: restart the server.")
}

/// What the links that a command prints begin with.
fn link_base(server: Option<String>, address: &AddressSettings) -> String {
    server.unwrap_or_else(|| serve::public_url(address, address.listen))
}

/// Prints a list: JSON for programs, a table for people.
fn listed<T: Serialize>(
    things: &[T],
    json: bool,
    none: &str,
    table: impl FnOnce(&[T]) -> String,
) -> Result<(), Failure> {
    if json {
        let text = serde_json::to_string_pretty(things)
            .map_err(|error| Failure::new("cannot write JSON").cause(&error))?;
        printed(out::line(text))
    } else if things.is_empty() {
        out::say(none);
        Ok(())
    } else {
        printed(out::line(table(things)))
    }
}
