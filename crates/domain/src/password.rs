//! Passwords that people choose. Length is what counts (NIST SP 800-63B-4, section 3.1.1): no rules on kinds of characters.

use std::fmt;

use unicode_normalization::UnicodeNormalization;

use crate::{Error, Field};

/// The fewest characters of a new password.
pub const PASSWORD_MIN: usize = 12;
/// The most bytes of any password: hashing is not for megabytes.
pub const PASSWORD_MAX: usize = 1024;

/// A password that may be set. Never printed.
pub struct NewPassword(String);

impl NewPassword {
    /// Checks what a person chose. `email` and its parts alone are too easy to guess.
    pub fn parse(text: &str, email: &str) -> Result<Self, Error> {
        if text.len() > PASSWORD_MAX {
            return Err(Error::invalid(
                Field::Password,
                format!("The password is too long: {PASSWORD_MAX} bytes at most."),
            ));
        }
        let composed: String = text.nfkc().collect();
        if composed.chars().count() < PASSWORD_MIN {
            return Err(Error::invalid(
                Field::Password,
                format!(
                    "The password is too short: {PASSWORD_MIN} characters at least. A few unrelated words are good."
                ),
            ));
        }
        let first = composed.chars().next();
        if composed.eq_ignore_ascii_case(email) || composed.chars().all(|c| Some(c) == first) {
            return Err(Error::invalid(
                Field::Password,
                "That password is too easy to guess. Choose another.",
            ));
        }
        Ok(Self(composed))
    }

    /// For hashing only.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What a person typed to sign in, in the form in which it was hashed. `None` if no password can be that long.
    #[must_use]
    pub fn normalize_attempt(text: &str) -> Option<String> {
        (text.len() <= PASSWORD_MAX).then(|| text.nfkc().collect())
    }
}

impl fmt::Debug for NewPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewPassword(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_long_bounded_not_the_address_and_never_printed() {
        let good = NewPassword::parse("correct horse battery", "ada@example.com").unwrap();
        assert!(!format!("{good:?}").contains("horse"));
        for bad in ["", "short", "aaaaaaaaaaaaaaaa", "Ada@Example.com", &"x".repeat(PASSWORD_MAX + 1)] {
            assert!(NewPassword::parse(bad, "ada@example.com").is_err(), "{bad:.20}");
        }
    }
}
