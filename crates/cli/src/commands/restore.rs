//! `keystead restore`.

use std::path::{Path, PathBuf};

use keystead_app::{App, Clock, Deployment, Ended, Entropy, Replayed, Restored, ShippedLog};

use super::backup::{progress, summary};
use crate::args::StoreSettings;
use crate::failure::Failure;
use crate::{out, printed};

pub(crate) async fn restore(store: &StoreSettings, file: &Path, replay: &[PathBuf]) -> Result<(), Failure> {
    let folder = store.folder()?;
    let deployment = Deployment { roles: store.roles.clone(), ..Deployment::default() };
    let system = (Clock::system(), Entropy::system());
    let restored = App::restore((file, replay, &folder), deployment, system, progress()).await?;
    printed(out::line(format_args!("Restored {} into {}.", file.display(), folder.display())))?;
    printed(out::line(summary(&restored.head, &restored.checked)))?;
    printed(out::line(ended(&restored.ended)))?;
    match &restored.replayed {
        None => warn_of_the_time_after(&restored),
        Some(replayed) => tell(replayed)?,
    }
    Ok(())
}

/// What a restore ends in all cases.
pub(super) fn ended(ended: &Ended) -> String {
    let Ended { sessions, links, connections, impersonation_keys } = ended;
    format!(
        "Ended, because nobody knows what became of it since: console sessions {sessions}, one-time links {links}, \
         connected apps {connections}, and the sessions of impersonation keys {impersonation_keys}. Other keys sign sessions now."
    )
}

fn warn_of_the_time_after(restored: &Restored) {
    out::say(format_args!(
        "warning: nothing that happened after {} is in this store. Keys that were revoked after it work again, users who were \
         deactivated or deleted after it can sign in again, and roles, groups, rules and passwords are as they were then.",
        restored.head.made_at
    ));
    out::say(
        "hint: before anybody can reach it, restore once more into another folder with --replay and the audit log that was shipped; \
         or take away by hand what was taken away after the backup.",
    );
}

pub(super) fn tell(replayed: &Replayed) -> Result<(), Failure> {
    for line in &replayed.taken {
        printed(out::line(format_args!("Again: {line}.")))?;
    }
    for (action, count) in &replayed.made {
        printed(out::line(unknown(action, *count)))?;
    }
    for log in &replayed.logs {
        printed(out::line(reaches(log)))?;
        if let Some(fault) = &log.fault {
            out::say(format_args!(
                "warning: what was shipped of the audit log of {:?} is not whole: {fault}. What else was taken away is not known.",
                log.name
            ));
        }
    }
    for line in &replayed.to_look_at {
        out::say(format_args!("warning: {line}"));
    }
    if replayed.unreadable_lines > 0 {
        out::say(format_args!(
            "warning: {} lines of the shipped logs are no events. A crash leaves such lines, each followed by the whole one.",
            replayed.unreadable_lines
        ));
    }
    if replayed.unknown_organizations > 0 {
        out::say(format_args!(
            "warning: {} organizations of the shipped logs are not in the backup: they were made after it, or the files are of \
             another deployment.",
            replayed.unknown_organizations
        ));
    }
    Ok(())
}

/// What was made after the backup, which nothing here can know.
fn unknown(action: &str, count: u64) -> String {
    let what = match action {
        "key.created" => "API keys were created after the backup: they are unknown, and refused",
        "user.created" => "users were added after the backup: they are unknown, and so are their keys",
        "group.created" => "groups were created after the backup, and are unknown",
        "role.created" => "roles were created after the backup, and are unknown",
        other => other,
    };
    format!("{count} {what}.")
}

/// How far a log was followed.
fn reaches(log: &ShippedLog) -> String {
    let ShippedLog { organization, name, backup_to, shipped_to, last_at, .. } = log;
    let at = last_at.as_ref().map_or_else(String::new, |at| format!(" of {at}"));
    if shipped_to == backup_to {
        format!(
            "The audit log of {name:?} ({organization}): nothing behind event {backup_to}{at} was shipped. What was taken away after \
             it is not known."
        )
    } else {
        format!(
            "The audit log of {name:?} ({organization}): followed from event {} to event {shipped_to}{at}. What was taken away after \
             it is not known.",
            backup_to + 1
        )
    }
}
