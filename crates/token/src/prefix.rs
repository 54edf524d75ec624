use std::{fmt, str::FromStr};

/// The longest prefix, in characters.
pub(crate) const MAX_PREFIX_LEN: usize = 16;

/// What a token starts with, up to the underscore: `[a-z][a-z0-9]{0,15}`.
///
/// It tells people and secret scanners whose token they are looking at. It carries no authority: what a key
/// may do is known to the store alone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Prefix(String);

/// The text is not a prefix: it must start with a lower-case letter and go on with at most 15 lower-case
/// letters or digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a token prefix is a lower-case letter followed by at most 15 lower-case letters or digits")]
pub struct InvalidPrefix;

impl Prefix {
    /// `ks`, for API keys.
    #[must_use]
    pub fn key_default() -> Self {
        Self("ks".to_owned())
    }

    /// `ksi`, for impersonation keys, so that a leaked one is recognized as the graver find.
    #[must_use]
    pub fn impersonation_default() -> Self {
        Self("ksi".to_owned())
    }

    /// `ksac`, of codes that an app redeems for tokens.
    #[must_use]
    pub fn authorization_code() -> Self {
        Self("ksac".to_owned())
    }

    /// `ksrt`, of refresh tokens.
    #[must_use]
    pub fn refresh_token() -> Self {
        Self("ksrt".to_owned())
    }

    /// The prefix without the underscore.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Prefix {
    type Err = InvalidPrefix;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if is_prefix(text.as_bytes()) { Ok(Self(text.to_owned())) } else { Err(InvalidPrefix) }
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

pub(crate) fn is_prefix(text: &[u8]) -> bool {
    text.len() <= MAX_PREFIX_LEN
        && text.first().is_some_and(u8::is_ascii_lowercase)
        && text.iter().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
}
