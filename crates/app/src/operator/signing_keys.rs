//! `keystead signing-key …`.

use keystead_domain::{Error, SigningKeyInfo};

use super::{Answer, ListedSigningKey};
use crate::App;

impl App {
    pub(super) fn list_signing_keys(&self) -> Answer {
        listed(self.signing_keys())
    }

    pub(super) async fn rotate_signing_keys_now(&self, discard_old: bool) -> Result<Answer, Error> {
        self.rotate_signing_keys(discard_old).await.map(listed)
    }
}

fn listed(keys: Vec<SigningKeyInfo>) -> Answer {
    let keys = keys.into_iter().map(|key| ListedSigningKey {
        id: key.id,
        state: key.state,
        created_at: key.created_at.to_string(),
        ends_at: key.ends_at.map(|at| at.to_string()),
    });
    Answer::SigningKeys(keys.collect())
}
