//! `keystead signing-key …`.

use keystead_app::Deployment;
use keystead_app::operator::{Answer, Command, ListedSigningKey};

use super::{ask, listed, unexpected};
use crate::args::{SigningKeyCommand, StoreSettings};
use crate::failure::Failure;
use crate::{out, table};

pub(crate) async fn signing_key(store: &StoreSettings, command: SigningKeyCommand) -> Result<(), Failure> {
    match command {
        SigningKeyCommand::List { json } => {
            let keys = keys(store, Command::SigningKeyList).await?;
            listed(&keys, json, "No keys.", table::signing_keys)
        }
        SigningKeyCommand::Rotate { discard_old } => {
            let keys = keys(store, Command::SigningKeyRotate { discard_old }).await?;
            for line in outcome(&keys, discard_old) {
                out::say(line);
            }
            Ok(())
        }
    }
}

async fn keys(store: &StoreSettings, command: Command) -> Result<Vec<ListedSigningKey>, Failure> {
    match ask(store, command, Deployment::default()).await?.answer {
        Answer::SigningKeys(keys) => Ok(keys),
        _ => Err(unexpected()),
    }
}

/// What a rotation did, a line each.
fn outcome(keys: &[ListedSigningKey], discard_old: bool) -> Vec<String> {
    let of = |state: &'static str| keys.iter().filter(move |key| key.state == state);
    let mut lines = Vec::new();
    lines.extend(of("current").map(|key| format!("{} signs sessions from now on.", key.id)));
    lines.extend(of("next").map(|key| format!("{} is published ahead, and signs next.", key.id)));
    if discard_old {
        lines.push("The keys before them are gone: all sessions have ended.".to_owned());
        lines.push(
            "Services that check sessions by the published keys may take them until they fetch the list again, or the session runs out."
                .to_owned(),
        );
    }
    lines.extend(of("retired").filter_map(|key| {
        let until = table::minute(key.ends_at.as_deref()?);
        Some(format!(
            "{} signs no more, and stays published until {until}, when its last session has ended.",
            key.id
        ))
    }));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(state: &str, ends_at: Option<&str>) -> ListedSigningKey {
        let created_at = "2026-11-23T10:00:00Z".to_owned();
        ListedSigningKey {
            id: format!("the-{state}-one"),
            state: state.to_owned(),
            created_at,
            ends_at: ends_at.map(ToOwned::to_owned),
        }
    }

    #[test]
    fn a_rotation_says_which_key_signs_which_is_next_and_until_when_the_old_one_is_needed() {
        let keys = [key("current", None), key("next", None), key("retired", Some("2026-11-23T11:02:00Z"))];
        assert_eq!(
            outcome(&keys, false),
            [
                "the-current-one signs sessions from now on.",
                "the-next-one is published ahead, and signs next.",
                "the-retired-one signs no more, and stays published until 2026-11-23 11:02 UTC, when its last session has ended.",
            ]
        );
        assert!(outcome(&keys[..2], true).iter().any(|line| line.contains("all sessions have ended")));
    }
}
