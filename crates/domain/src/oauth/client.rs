//! What an OAuth client says about itself, in a document of its own or when it registers (RFC 7591).

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{ClientIdUrl, RedirectUri};
use crate::ClientName;

#[cfg(test)]
mod tests;

/// A client, as it describes itself. All clients are public ones: no client has a secret here (OAuth 2.1, section 2.1), so what a
/// client may do rests on where its codes go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientMetadata {
    /// What it calls itself. It may lie: a page that shows it shows the host as well.
    pub name: ClientName,
    /// Where its codes may go: 1 to 10.
    pub redirect_uris: Vec<RedirectUri>,
}

/// Why a description is refused, for the client's developer (RFC 7591, section 3.2.2). It repeats nothing of the description.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{description}")]
pub struct BadClientMetadata {
    /// The code of the error.
    pub code: &'static str,
    /// What is wrong.
    pub description: &'static str,
}

impl BadClientMetadata {
    pub(super) const REDIRECT_URI: Self = Self {
        code: "invalid_redirect_uri",
        description: "A redirect URI is an https address, http on 127.0.0.1, [::1] or localhost, or the scheme of an app \
            followed by :/, without a user or a fragment, of at most 2048 bytes.",
    };
    const REDIRECT_URI_COUNT: Self =
        Self { code: "invalid_redirect_uri", description: "A client has 1 to 10 redirect URIs." };

    const fn metadata(description: &'static str) -> Self {
        Self { code: "invalid_client_metadata", description }
    }
}

/// The members that count. Others are left alone: logos and links would be fetched or followed on the client's word.
#[derive(Deserialize)]
struct Members {
    client_id: Option<String>,
    client_name: Option<String>,
    redirect_uris: Option<Vec<String>>,
    token_endpoint_auth_method: Option<String>,
    client_secret: Option<IgnoredAny>,
    client_secret_expires_at: Option<IgnoredAny>,
}

impl ClientMetadata {
    /// The most that a client may say about itself, in bytes: more than a hundred times what they do say.
    pub const MAX_BYTES: usize = 16 * 1024;

    /// What a client registers. Whichever way to prove itself it asks for it gets none, which the answer to it must say (RFC 7591,
    /// sections 2 and 3.2.1).
    pub fn of_registration(json: &[u8]) -> Result<Self, BadClientMetadata> {
        let members = Members::read(json)?;
        let redirect_uris = members.redirect_uris()?;
        let host = redirect_uris.first().map(RedirectUri::host).unwrap_or_default();
        Ok(Self { name: members.name(&host)?, redirect_uris })
    }

    /// What a document says that was read at `url`. It must name that URL, and may speak of no secret, which whoever reads the
    /// document would share (draft-ietf-oauth-client-id-metadata-document, section 4).
    pub fn of_document(url: &ClientIdUrl, json: &[u8]) -> Result<Self, BadClientMetadata> {
        let members = Members::read(json)?;
        if members.client_id.as_deref() != Some(url.as_str()) {
            return Err(BadClientMetadata::metadata("The document has another client_id than its address."));
        }
        if members.client_secret.is_some() || members.client_secret_expires_at.is_some() {
            return Err(BadClientMetadata::metadata("The document must not have a client_secret."));
        }
        if !matches!(members.token_endpoint_auth_method.as_deref(), None | Some("none")) {
            return Err(BadClientMetadata::metadata("The token_endpoint_auth_method must be none."));
        }
        let redirect_uris = members.redirect_uris()?;
        Ok(Self { name: members.name(url.host())?, redirect_uris })
    }

    /// Where the answer to a request goes that asks for it to go to `asked` (OAuth 2.1, section 4.1.1). A client with one redirect
    /// URI need not ask. `None`: nowhere; the person is told instead.
    #[must_use]
    pub fn redirect_uri(&self, asked: Option<&str>) -> Option<RedirectUri> {
        match (asked, self.redirect_uris.as_slice()) {
            (None, [only]) => Some(only.clone()),
            (None, _) => None,
            (Some(asked), known) => {
                let asked = RedirectUri::parse(asked).ok()?;
                known.iter().any(|uri| uri.allows(&asked)).then_some(asked)
            }
        }
    }
}

impl Members {
    fn read(json: &[u8]) -> Result<Self, BadClientMetadata> {
        if json.len() > ClientMetadata::MAX_BYTES {
            return Err(BadClientMetadata::metadata("The description has more than 16 KiB."));
        }
        serde_json::from_slice(json).map_err(|_| {
            BadClientMetadata::metadata("The description is no JSON object with members of the right types.")
        })
    }

    fn redirect_uris(&self) -> Result<Vec<RedirectUri>, BadClientMetadata> {
        match self.redirect_uris.as_deref() {
            Some(uris @ [_, ..]) if uris.len() <= 10 => {
                uris.iter().map(|uri| RedirectUri::parse(uri)).collect()
            }
            _ => Err(BadClientMetadata::REDIRECT_URI_COUNT),
        }
    }

    /// A client without a name goes by its host; of a host too long for a name, the end is what somebody had to register.
    fn name(&self, host: &str) -> Result<ClientName, BadClientMetadata> {
        let named = self.client_name.as_deref().filter(|name| !name.trim().is_empty());
        let hidden = host.chars().count().saturating_sub(100);
        let of_host: String = host.chars().skip(hidden).collect();
        ClientName::parse(named.unwrap_or(&of_host)).map_err(|_| {
            BadClientMetadata::metadata(
                "The client_name has more than 100 characters, or some that cannot be shown.",
            )
        })
    }
}
