use std::fmt;

/// The fragment of a token that may be shown: `ks_3fQx…9kZa`, the prefix and the first and last 4 characters.
///
/// Of the secret's 256 bits it gives away 24 by the first four characters and at most 24 by the last four,
/// which are checksum; more than 200 stay unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaskedToken(String);

impl MaskedToken {
    pub(crate) fn new(head: &str, tail: &str) -> Self {
        Self(format!("{head}…{tail}"))
    }

    /// A masked token that was kept beside its key. It is taken as it is: the token it was made from is gone.
    #[must_use]
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The text to show, and to search in.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MaskedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
