//! `keystead organization …`.

use keystead_app::Deployment;
use keystead_app::operator::{Answer, Command};

use super::{ask, link_base, listed, unexpected};
use crate::args::{OrganizationCommand, StoreSettings};
use crate::failure::Failure;
use crate::{out, table};

pub(crate) async fn organization(store: &StoreSettings, command: OrganizationCommand) -> Result<(), Failure> {
    match command {
        OrganizationCommand::Create { name, administrator, address } => {
            let command = Command::OrganizationCreate { name, administrator: administrator.clone() };
            let reply = ask(store, command, Deployment::default()).await?;
            let base = link_base(reply.public_url, &address);
            let Answer::Invitation { organization, code } = reply.answer else { return Err(unexpected()) };
            out::say(format_args!(
                "Made organization {organization}. This link lets {administrator} in. It works once, for 7 days:"
            ));
            out::data(format_args!("{base}/invitation/{code}")).map_err(|error| {
                Failure::new("the organization was made, but the link could not be written").cause(&error).hint(
                    format!("`keystead user sign-in-link {administrator} --organization {organization}` prints another."),
                )
            })
        }
        OrganizationCommand::List { json } => {
            let reply = ask(store, Command::OrganizationList, Deployment::default()).await?;
            let Answer::Organizations(organizations) = reply.answer else { return Err(unexpected()) };
            listed(&organizations, json, "No organizations.", table::organizations)
        }
        OrganizationCommand::Archive { organization } => {
            let command = Command::OrganizationArchive { organization };
            let reply = ask(store, command, Deployment::default()).await?;
            let Answer::Organization { id, name } = reply.answer else { return Err(unexpected()) };
            out::say(format_args!("Archived {name} ({id}): its people and keys are refused from now on."));
            Ok(())
        }
        OrganizationCommand::Restore { organization } => {
            let command = Command::OrganizationRestore { organization };
            let reply = ask(store, command, Deployment::default()).await?;
            let Answer::Organization { id, name } = reply.answer else { return Err(unexpected()) };
            out::say(format_args!("Restored {name} ({id}): its people and keys work again."));
            Ok(())
        }
    }
}
