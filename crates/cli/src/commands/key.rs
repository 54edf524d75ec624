//! `keystead key …`.

use keystead_app::Deployment;
use keystead_app::operator::{Answer, Command};

use super::{ask, listed, unexpected};
use crate::args::{KeyCommand, StoreSettings};
use crate::failure::Failure;
use crate::{out, table};

pub(crate) async fn key(store: &StoreSettings, command: KeyCommand) -> Result<(), Failure> {
    match command {
        KeyCommand::Create { user, within, name, expires, prefixes } => {
            let command = Command::KeyCreate { user, organization: within.organization, name, expires };
            let reply = ask(store, command, prefixes.deployment()).await?;
            let Answer::Token { id, token } = reply.answer else { return Err(unexpected()) };
            out::data(token).map_err(|error| {
                Failure::new("the key was created, but its token could not be written").cause(&error).hint(
                    format!("it is lost. Revoke the key with `keystead key revoke {id}` and create another."),
                )
            })?;
            out::say(format_args!("Created key {id}. Keep the token now: it is not shown again."));
            Ok(())
        }
        KeyCommand::List { user, within, json } => {
            let command = Command::KeyList { user, organization: within.organization };
            let reply = ask(store, command, Deployment::default()).await?;
            let Answer::Keys(keys) = reply.answer else { return Err(unexpected()) };
            listed(&keys, json, "No keys.", table::keys)
        }
        KeyCommand::Revoke { id } => {
            let reply = ask(store, Command::KeyRevoke { id }, Deployment::default()).await?;
            let Answer::Revoked { id, name } = reply.answer else { return Err(unexpected()) };
            out::say(format_args!("Revoked {name:?} ({id}). It is refused from now on."));
            Ok(())
        }
        KeyCommand::EndSessions { id } => {
            let reply = ask(store, Command::KeyEndSessions { id }, Deployment::default()).await?;
            let Answer::SessionsEnded { id, name } = reply.answer else { return Err(unexpected()) };
            out::say(format_args!(
                "Ended the sessions of {name:?} ({id}). They are refused from now on; the key can mint others."
            ));
            Ok(())
        }
    }
}
