//! `keystead user …`.

use std::io::Read as _;

use keystead_app::Deployment;
use keystead_app::operator::{Answer, Command, Password};

use super::{ask, link_base, listed, unexpected};
use crate::args::{AddressSettings, StoreSettings, UserChoice, UserCommand};
use crate::failure::Failure;
use crate::{out, printed, table};

/// The longest password that is read; the rules allow less.
const PASSWORD_BYTES: u64 = 4096;

pub(crate) async fn user(store: &StoreSettings, command: UserCommand) -> Result<(), Failure> {
    match command {
        UserCommand::Add { user, role, name, password_stdin, address } => {
            let password = if password_stdin { Some(read_password()?) } else { None };
            let needs_link = password.is_none();
            let UserChoice { email, within } = user;
            let organization = within.organization.clone();
            let command = Command::UserAdd { email, organization, name, role, password };
            let added = ask(store, command, Deployment::default()).await?;
            let Answer::User { id, email } = added.answer else { return Err(unexpected()) };
            out::say(format_args!("Added {email} ({id})."));
            if needs_link {
                sign_in_link(store, UserChoice { email, within }, &address).await
            } else {
                Ok(())
            }
        }
        UserCommand::List { organization, json } => {
            let reply = ask(store, Command::UserList { organization }, Deployment::default()).await?;
            let Answer::Users(users) = reply.answer else { return Err(unexpected()) };
            listed(&users, json, "No users.", table::users)
        }
        UserCommand::SetRoles { user, roles } => {
            let UserChoice { email, within } = user;
            let command = Command::UserSetRoles { email, organization: within.organization, roles };
            let reply = ask(store, command, Deployment::default()).await?;
            let Answer::User { email, .. } = reply.answer else { return Err(unexpected()) };
            out::say(format_args!("Set the roles of {email}, for all of their keys from now on."));
            Ok(())
        }
        UserCommand::Deactivate(UserChoice { email, within }) => {
            let command = Command::UserDeactivate { email, organization: within.organization };
            let reply = ask(store, command, Deployment::default()).await?;
            let Answer::Deactivated { email, keys } = reply.answer else { return Err(unexpected()) };
            out::say(format_args!(
                "Deactivated {email}: their sessions have ended and {} stopped.",
                counted(keys)
            ));
            Ok(())
        }
        UserCommand::Reactivate(UserChoice { email, within }) => {
            let command = Command::UserReactivate { email, organization: within.organization };
            let reply = ask(store, command, Deployment::default()).await?;
            let Answer::User { email, .. } = reply.answer else { return Err(unexpected()) };
            out::say(format_args!("Reactivated {email}: their keys work again."));
            Ok(())
        }
        UserCommand::Delete { user, yes } => delete(store, user, yes).await,
        UserCommand::SignInLink { user, address } => sign_in_link(store, user, &address).await,
    }
}

async fn delete(store: &StoreSettings, user: UserChoice, confirmed: bool) -> Result<(), Failure> {
    let UserChoice { email, within } = user;
    let command = Command::UserDelete { email, organization: within.organization, confirmed };
    let reply = ask(store, command, Deployment::default()).await?;
    let Answer::Deleted { id, email, organization, keys } = reply.answer else { return Err(unexpected()) };
    let keys = counted(u64::try_from(keys).unwrap_or(u64::MAX));
    if confirmed {
        out::say(format_args!(
            "Deleted {email} ({id}) of {organization}: their sessions have ended and {keys} revoked."
        ));
        return Ok(());
    }
    Err(Failure::usage(format!("nothing was done. This would delete {email} ({id}) of {organization}, for good; {keys} would be revoked"))
        .hint("add --yes to do it. `keystead user deactivate` stops them and their keys as well, and can be undone."))
}

async fn sign_in_link(
    store: &StoreSettings,
    user: UserChoice,
    address: &AddressSettings,
) -> Result<(), Failure> {
    let UserChoice { email, within } = user;
    let command = Command::UserSignInLink { email: email.clone(), organization: within.organization };
    let reply = ask(store, command, Deployment::default()).await?;
    let base = link_base(reply.public_url, address);
    let Answer::SignInLink { code } = reply.answer else { return Err(unexpected()) };
    out::say(format_args!("This link signs {email} in. It works once, for 24 h:"));
    printed(out::line(format_args!("{base}/sign-in/link/{code}")))
}

fn counted(keys: u64) -> String {
    match keys {
        0 => "no key".to_owned(),
        1 => "1 key".to_owned(),
        several => format!("{several} keys"),
    }
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
