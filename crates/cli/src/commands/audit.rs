//! `keystead audit …`.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;

use keystead_app::operator::{Answer, AuditAnswer, AuditCommand as Ask, Command};
use keystead_app::{CheckedLog, Deployment};
use keystead_domain::audit::{Checkpoint, CopyCheck, CopyFault, Line, PublicKey, parse_line};

use super::{Owner, unexpected};
use crate::args::{AuditCommand, StoreSettings};
use crate::failure::Failure;
use crate::store::Site;
use crate::{out, printed};

/// The longest line of a copy: far more than any event has.
const LINE_BYTES: u64 = 16 * 1024 * 1024;

pub(crate) async fn audit(store: &StoreSettings, command: AuditCommand) -> Result<(), Failure> {
    match command {
        AuditCommand::Verify { checkpoint, export: Some(copy), public_key } => {
            verify_copy(store, &copy, checkpoint.as_deref(), public_key)
        }
        AuditCommand::Verify { checkpoint, export: None, public_key } => {
            verify(store, checkpoint.as_deref(), &public_key).await
        }
        AuditCommand::Checkpoint => match ask(store, Ask::Checkpoint).await? {
            AuditAnswer::Lines(lines) => lines.iter().try_for_each(|line| kept(out::data(line))),
            _ => Err(unexpected()),
        },
        AuditCommand::Export { organization } => export(store, organization).await,
        AuditCommand::PublicKey => match ask(store, Ask::PublicKey).await? {
            AuditAnswer::PublicKey(key) => printed(out::line(key)),
            _ => Err(unexpected()),
        },
    }
}

async fn ask(store: &StoreSettings, command: Ask) -> Result<AuditAnswer, Failure> {
    answer(super::ask(store, Command::Audit(command), Deployment::default()).await?.answer)
}

fn answer(answer: Answer) -> Result<AuditAnswer, Failure> {
    match answer {
        Answer::Audit(answer) => Ok(answer),
        _ => Err(unexpected()),
    }
}

/// What is cut short here would be taken for the whole elsewhere: a reader that goes away is an error.
fn kept(written: std::io::Result<()>) -> Result<(), Failure> {
    written.map_err(|error| {
        Failure::new("it could not all be written").cause(&error).hint("what was written is not whole.")
    })
}

async fn export(store: &StoreSettings, organization: String) -> Result<(), Failure> {
    let mut owner = Owner::of(store, Deployment::default())?;
    let exported = export_from(&mut owner, organization).await;
    owner.close().await;
    exported
}

async fn export_from(owner: &mut Owner, organization: String) -> Result<(), Failure> {
    let begin = owner.ask(Command::Audit(Ask::BeginExport { organization })).await?;
    let AuditAnswer::Export { organization, until } = answer(begin.answer)? else { return Err(unexpected()) };
    let mut after = 0;
    let mut last_line = String::new();
    while after < until {
        let part = Ask::Export { organization: organization.clone(), after, until };
        let part = answer(owner.ask(Command::Audit(part)).await?.answer)?;
        let AuditAnswer::Part { lines, last } = part else { return Err(unexpected()) };
        lines.iter().try_for_each(|line| kept(out::data(line)))?;
        last_line = lines.into_iter().next_back().unwrap_or(last_line);
        after = last.max(after + 1);
    }
    match parse_line(&last_line) {
        Ok(Line::Checkpoint(_)) => Ok(()),
        _ => Err(Failure::new("the log was tampered with, so the copy is not signed")
            .hint("`keystead audit verify` says what is wrong.")),
    }
}

async fn verify(store: &StoreSettings, checkpoint: Option<&Path>, keys: &[PublicKey]) -> Result<(), Failure> {
    let checkpoints = match checkpoint {
        Some(path) => checkpoints(path)?.iter().map(keystead_domain::audit::checkpoint_line).collect(),
        None => Vec::new(),
    };
    let public_keys = keys.iter().map(PublicKey::to_string).collect();
    let command = Ask::Verify { checkpoints, public_keys };
    let AuditAnswer::Checked(logs) = ask(store, command).await? else { return Err(unexpected()) };
    for log in &logs {
        printed(out::line(report(log, checkpoint.is_some())))?;
    }
    let bad = logs.iter().filter(|log| log.fault.is_some()).count();
    if bad == 0 {
        return Ok(());
    }
    Err(Failure::new(format!("{bad} of {} audit logs are not as they were", logs.len())).hint(
        "keep the store as it is, and copies of it; a backup from before can be checked in the same way, with --data-dir.",
    ))
}

/// What was proven of a log, in a line.
fn report(log: &CheckedLog, elsewhere: bool) -> String {
    let name = log.name.as_deref().unwrap_or("not in this store");
    let name = format!("{name:?} ({})", log.organization);
    if let Some(fault) = &log.fault {
        return format!("BAD {name}: {fault}. Events 1 to {} fit together.", log.events);
    }
    let last = log.last_at.as_ref().map_or_else(String::new, |at| format!(", the last of {at}"));
    let signed = match log.signed {
        0 => "none is signed".to_owned(),
        signed => format!("signed in this store up to event {signed}"),
    };
    let kept = match log.kept_elsewhere {
        _ if !elsewhere => String::new(),
        0 => "; the file has no checkpoint of it".to_owned(),
        kept => format!("; nothing up to event {kept} was cut off or written anew, by the file"),
    };
    format!("OK  {name}: events 1 to {} are whole and in order{last}; {signed}{kept}.", log.events)
}

fn verify_copy(
    store: &StoreSettings,
    copy: &Path,
    checkpoint: Option<&Path>,
    mut keys: Vec<PublicKey>,
) -> Result<(), Failure> {
    if keys.is_empty() {
        let Site::Folder(folder) = store.site()? else {
            return Err(Failure::usage("nothing says which public key to trust")
                .hint("`keystead audit public-key` prints the one of a store on PostgreSQL: give it with --public-key."));
        };
        let path = folder.join("audit-signing.pub");
        let text = std::fs::read_to_string(&path).map_err(|error| {
            unreadable(&path, &error).hint("say which public key you trust with --public-key.")
        })?;
        keys.push(text.parse().map_err(|wrong| Failure::new(format!("{}: {wrong}", path.display())))?);
    }
    let elsewhere = checkpoint.map(checkpoints).transpose()?.unwrap_or_default();
    let file = File::open(copy).map_err(|error| unreadable(copy, &error))?;
    let mut file = BufReader::new(file);
    let mut check = CopyCheck::new(keys, elsewhere);
    let mut line = Vec::new();
    let bad = |fault: CopyFault| {
        Failure::new(format!("{} is not the log that was signed: {fault}", copy.display()))
            .hint("only a copy of a whole log can be checked; one that was filtered leaves events out.")
    };
    loop {
        line.clear();
        let read = file.by_ref().take(LINE_BYTES).read_until(b'\n', &mut line);
        if read.map_err(|error| unreadable(copy, &error))? == 0 {
            break;
        }
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        let text = std::str::from_utf8(text.strip_suffix(b"\r").unwrap_or(text)).unwrap_or("");
        check.line(text).map_err(bad)?;
    }
    let checked = check.finish().map_err(bad)?;
    let kept = match checked.kept_elsewhere {
        _ if checkpoint.is_none() => String::new(),
        0 => "; the other file has no checkpoint within it".to_owned(),
        kept => format!("; nothing up to event {kept} was written anew, by the other file"),
    };
    printed(out::line(format_args!(
        "OK  {}: events 1 to {} of organization {} are whole, in order and signed{kept}.",
        copy.display(),
        checked.end.sequence,
        checked.organization
    )))
}

/// The checkpoints in a file.
fn checkpoints(path: &Path) -> Result<Vec<Checkpoint>, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
    let lines = text.lines().filter(|line| !line.trim().is_empty()).enumerate();
    let read = lines.map(|(at, line)| match parse_line(line) {
        Ok(Line::Checkpoint(checkpoint)) => Ok(checkpoint),
        _ => Err(Failure::new(format!("{}, line {}: that is no checkpoint", path.display(), at + 1))
            .hint("it takes what `keystead audit checkpoint` printed.")),
    });
    let checkpoints: Vec<_> = read.collect::<Result<_, _>>()?;
    if checkpoints.is_empty() {
        return Err(Failure::new(format!("{} holds no checkpoint", path.display())));
    }
    Ok(checkpoints)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("cannot read {}", path.display())).cause(error)
}
