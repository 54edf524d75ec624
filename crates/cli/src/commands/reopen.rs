//! `keystead store reopen`.

use std::path::PathBuf;

use keystead_app::{App, BackupError, Clock, Entropy, Halt, StoreSite};

use super::backup::progress;
use super::restore::{ended, tell};
use crate::args::StoreSettings;
use crate::failure::Failure;
use crate::{out, printed};

pub(super) async fn reopen(store: &StoreSettings, replay: &[PathBuf], yes: bool) -> Result<(), Failure> {
    let StoreSite::Shared(url, secret) = store.site()? else {
        return Err(Failure::usage("a store in a folder is never halted")
            .hint("`keystead restore` brings one back from a backup. This is for a store on PostgreSQL: name it with --database-url."));
    };
    let Halt { why } = App::halt_of(&url).await?;
    if !yes {
        out::say(match why {
            Some(why) => format!("The store is halted: {why}."),
            None => "The store is not halted: nodes may serve it.".to_owned(),
        });
        out::say(
            "Opening it again ends all console sessions, one-time links, connected apps and impersonated sessions, and lets nodes serve what \
             is in the database now: what was revoked by a change that the database lost works again, unless --replay takes it away.",
        );
        return Err(Failure::new("nothing was done")
            .hint("add --yes to do it, and --replay with each audit log that was shipped."));
    }
    let system = (Clock::system(), Entropy::system());
    let reopened = App::reopen((&url, &secret, replay), system, progress()).await.map_err(failed)?;
    printed(out::line("The store may be served again; nodes that run load it by themselves."))?;
    printed(out::line(ended(&reopened.ended)))?;
    if let Some(replayed) = &reopened.replayed {
        return tell(replayed);
    }
    out::say(
        "warning: what was revoked, deactivated or taken away by a change that the database lost is not known, and works again.",
    );
    out::say(
        "hint: `keystead store reopen --yes --replay FILE` takes it away, with the audit log that a node shipped (serve --audit-log).",
    );
    Ok(())
}

fn failed(error: BackupError) -> Failure {
    let hint = match error {
        BackupError::Open(error) => return Failure::from(*error),
        BackupError::NotALog(_) => {
            "--replay takes JSON Lines: what `serve --audit-log` or `keystead audit export` wrote."
        }
        BackupError::AuditLog { .. } => {
            "it cannot be told what the shipped log has beyond it. `keystead audit verify` says more; without --replay the store can be \
             opened again all the same."
        }
        BackupError::Io { .. } => "check that the file is there, and who may read it.",
        _ => "check that the database can be written to, and try again.",
    };
    Failure::new("the store was not opened again, and stays halted").cause(&error).hint(hint)
}
