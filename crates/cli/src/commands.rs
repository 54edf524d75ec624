//! The operator's commands: asked of the server that owns the store or, if none runs, carried out here.

use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use keystead_app::operator::{Answer, Command, Password};
use keystead_app::{Deployment, OpenError};
use tokio::time::Instant;

use crate::args::{AddressSettings, KeyCommand, StoreSettings, UserCommand};
use crate::control::{self, Reply};
use crate::failure::Failure;
use crate::{out, printed, serve, store, table};

/// How long to wait for a server that is starting, or for another command.
const BUSY: Duration = Duration::from_secs(5);
/// The longest password that is read; the rules allow less.
const PASSWORD_BYTES: u64 = 4096;

/// `keystead user …`.
pub(crate) async fn user(store: &StoreSettings, command: UserCommand) -> Result<(), Failure> {
    match command {
        UserCommand::Add { email, role, name, password_stdin, address } => {
            let password = if password_stdin { Some(read_password()?) } else { None };
            let needs_link = password.is_none();
            let command = Command::UserAdd { email, name, role: role.code().to_owned(), password };
            let added = ask(store, command, Deployment::default()).await?;
            let Answer::User { id, email } = added.answer else { return Err(unexpected()) };
            out::say(format_args!("Added {email} ({id})."));
            if needs_link { sign_in_link(store, email, &address).await } else { Ok(()) }
        }
        UserCommand::Deactivate { email } => {
            let reply = ask(store, Command::UserDeactivate { email }, Deployment::default()).await?;
            let Answer::User { email, .. } = reply.answer else { return Err(unexpected()) };
            out::say(format_args!(
                "Deactivated {email}: their sessions have ended and their keys are refused."
            ));
            Ok(())
        }
        UserCommand::Reactivate { email } => {
            let reply = ask(store, Command::UserReactivate { email }, Deployment::default()).await?;
            let Answer::User { email, .. } = reply.answer else { return Err(unexpected()) };
            out::say(format_args!("Reactivated {email}: their keys work again."));
            Ok(())
        }
        UserCommand::SignInLink { email, address } => sign_in_link(store, email, &address).await,
    }
}

async fn sign_in_link(
    store: &StoreSettings,
    email: String,
    address: &AddressSettings,
) -> Result<(), Failure> {
    let command = Command::UserSignInLink { email: email.clone() };
    let reply = ask(store, command, Deployment::default()).await?;
    let Answer::SignInLink { code } = reply.answer else { return Err(unexpected()) };
    let public_url = reply.public_url.unwrap_or_else(|| serve::public_url(address, address.listen));
    out::say(format_args!("This link signs {email} in. It works once, for 24 h:"));
    printed(out::line(format_args!("{public_url}/sign-in/link/{code}")))
}

/// `keystead key …`.
pub(crate) async fn key(store: &StoreSettings, command: KeyCommand) -> Result<(), Failure> {
    match command {
        KeyCommand::Create { user, name, expires, prefixes } => {
            let reply =
                ask(store, Command::KeyCreate { user, name, expires }, prefixes.deployment(false)).await?;
            let Answer::Token { id, token } = reply.answer else { return Err(unexpected()) };
            out::data(token).map_err(|error| {
                Failure::new("the key was created, but its token could not be written").cause(&error).hint(
                    format!("it is lost. Revoke the key with `keystead key revoke {id}` and create another."),
                )
            })?;
            out::say(format_args!("Created key {id}. Keep the token now: it is not shown again."));
            Ok(())
        }
        KeyCommand::List { user, json } => {
            let reply = ask(store, Command::KeyList { user }, Deployment::default()).await?;
            let Answer::Keys(keys) = reply.answer else { return Err(unexpected()) };
            if json {
                let text = serde_json::to_string_pretty(&keys)
                    .map_err(|error| Failure::new("cannot write JSON").cause(&error))?;
                printed(out::line(text))
            } else if keys.is_empty() {
                out::say("No keys.");
                Ok(())
            } else {
                printed(out::line(table::keys(&keys)))
            }
        }
        KeyCommand::Revoke { id } => {
            let reply = ask(store, Command::KeyRevoke { id }, Deployment::default()).await?;
            let Answer::Revoked { id, name } = reply.answer else { return Err(unexpected()) };
            out::say(format_args!("Revoked {name:?} ({id}). It is refused from now on."));
            Ok(())
        }
    }
}

/// What came of a command.
struct Outcome {
    answer: Answer,
    /// Where the server is reached, if it was the server that answered.
    public_url: Option<String>,
}

async fn ask(store: &StoreSettings, command: Command, deployment: Deployment) -> Result<Outcome, Failure> {
    let folder = store.folder()?;
    let outcome = match ask_server(&folder, &command).await? {
        Some(reply) => Outcome { answer: reply.answer, public_url: Some(reply.public_url) },
        None => carry_out(&folder, command, deployment).await?,
    };
    match outcome.answer {
        Answer::Refused { code, message } => Err(refused(&code, message)),
        answer => Ok(Outcome { answer, ..outcome }),
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

/// Opens the store, does the work, and lets go. If another process has the store, that is a server that starts or stops, or
/// another command: both are over soon.
async fn carry_out(folder: &Path, command: Command, deployment: Deployment) -> Result<Outcome, Failure> {
    if !matches!(command, Command::UserAdd { .. }) && !folder.join("keystead.db").exists() {
        return Err(Failure::new(format!("there is no store in {}", folder.display()))
            .hint("say where it is with --data-dir (or KEYSTEAD_DATA_DIR). `keystead serve` or `keystead user add` makes one."));
    }
    let deadline = Instant::now() + BUSY;
    let app = loop {
        match store::open(folder, deployment.clone()).await {
            Err(OpenError::InUse(_)) if Instant::now() < deadline => {
                tokio::time::sleep(Duration::from_millis(100)).await;
                if let Some(reply) = ask_server(folder, &command).await? {
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
    let answer = app.operate(command).await;
    if let Err(error) = app.close().await {
        tracing::warn!(%error, "the store was not closed cleanly");
    }
    Ok(Outcome { answer, public_url: None })
}

fn refused(code: &str, message: String) -> Failure {
    let failure = Failure::new(message);
    match code {
        "NOT_FOUND" => failure.hint(
            "check the spelling, and that --data-dir is the store you mean. `keystead key list --user EMAIL` shows the ids of keys.",
        ),
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

fn read_password() -> Result<Password, Failure> {
    let mut text = String::new();
    std::io::stdin().lock().take(PASSWORD_BYTES).read_to_string(&mut text).map_err(|error| {
        Failure::new("cannot read the password from standard input")
            .cause(&error)
            .hint("write it there, as in: printf %s \"$PASSWORD\" | keystead user add …")
    })?;
    Ok(Password::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}
