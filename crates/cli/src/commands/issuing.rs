//! `keystead issuing …`.

use keystead_app::Deployment;
use keystead_app::operator::{Answer, Command, IssuingStatus};

use super::{ask, unexpected};
use crate::args::{IssuingCommand, StoreSettings};
use crate::failure::Failure;
use crate::{out, printed, table};

pub(crate) async fn issuing(store: &StoreSettings, command: IssuingCommand) -> Result<(), Failure> {
    match command {
        IssuingCommand::Stop { why } => {
            let status = asked(store, Command::IssuingStop { why }).await?;
            out::say(line(&status));
            out::say(
                "What was issued before still works: `keystead key revoke`, `keystead user deactivate` and \
                 `keystead signing-key rotate --discard-old` take it away.",
            );
            Ok(())
        }
        IssuingCommand::Start => {
            out::say(line(&asked(store, Command::IssuingStart).await?));
            Ok(())
        }
        IssuingCommand::Status { json } => {
            let status = asked(store, Command::IssuingStatus).await?;
            let text = if json {
                serde_json::to_string_pretty(&status)
                    .map_err(|error| Failure::new("cannot write JSON").cause(&error))?
            } else {
                line(&status)
            };
            printed(out::line(text))
        }
    }
}

async fn asked(store: &StoreSettings, command: Command) -> Result<IssuingStatus, Failure> {
    match ask(store, command, Deployment::default()).await?.answer {
        Answer::Issuing(status) => Ok(status),
        _ => Err(unexpected()),
    }
}

fn line(status: &IssuingStatus) -> String {
    match &status.stopped_at {
        None => "Credentials are issued.".to_owned(),
        Some(at) => {
            let why = status.why.as_deref().unwrap_or_default();
            format!("The issuing of credentials is stopped since {}: {why}", table::minute(at))
        }
    }
}
