//! A user's attributes in one session.

use std::collections::BTreeMap;

use crate::{Error, Field, UserAttributes};

/// Claims of the token, and of tokens that others make: an attribute of such a name could be taken for one.
const RESERVED: [&str; 28] = [
    "act",
    "alg",
    "amr",
    "aud",
    "auth_time",
    "azp",
    "client_id",
    "cnf",
    "exp",
    "iat",
    "impersonated_user_id",
    "iss",
    "jti",
    "kid",
    "may_act",
    "nbf",
    "nonce",
    "organization_id",
    "permissions",
    "roles",
    "scope",
    "session_epoch",
    "sid",
    "sub",
    "sub_jwk",
    "token_type",
    "typ",
    "user_id",
];

/// Attributes that hold in one session, on top of those that the store keeps.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SessionAttributes(UserAttributes);

impl SessionAttributes {
    /// The most bytes of a session's attributes as JSON: a token must fit into a header of 8 KiB, which is what proxies take.
    pub const MAX_BYTES: usize = 4_096;

    /// Checks what a caller sent. Names of claims are refused, in any case.
    pub fn parse<'a>(input: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, Error> {
        let attributes = UserAttributes::parse(input)?;
        if let Some((name, _)) = attributes.iter().find(|(name, _)| is_reserved(name)) {
            let message = format!("The name {name} is reserved for the token itself. Choose another.");
            return Err(Error::invalid(Field::Attributes, message));
        }
        Ok(Self(attributes))
    }

    /// These, over those that the store keeps. A stored one that has a claim's name stays out of the session.
    pub(super) fn over(&self, stored: &UserAttributes) -> Result<Self, Error> {
        let stored = stored.as_map().iter().filter(|(name, _)| !is_reserved(name));
        let mut all: BTreeMap<String, String> =
            stored.map(|(name, value)| (name.clone(), value.clone())).collect();
        all.extend(self.0.as_map().clone());
        let bytes = serde_json::to_string(&all).map_or(usize::MAX, |json| json.len());
        if bytes > Self::MAX_BYTES {
            let message = format!(
                "The user's attributes and the session's are {bytes} bytes together; a session carries at most {}.",
                Self::MAX_BYTES
            );
            return Err(Error::invalid(Field::Attributes, message));
        }
        Ok(Self(UserAttributes::from_stored(all)))
    }

    /// Keys and values, by key.
    #[must_use]
    pub fn as_map(&self) -> &BTreeMap<String, String> {
        self.0.as_map()
    }
}

fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(pairs: &[(&str, &str)]) -> UserAttributes {
        UserAttributes::parse(pairs.iter().copied()).unwrap()
    }

    #[test]
    fn an_attribute_cannot_have_the_name_of_a_claim() {
        for name in RESERVED.iter().chain(&["Sub", "IMPERSONATED_USER_ID"]) {
            assert!(SessionAttributes::parse([(*name, "x")]).is_err(), "{name}");
            let in_session = SessionAttributes::default().over(&stored(&[(*name, "x")])).unwrap();
            assert!(in_session.as_map().is_empty(), "a stored {name} stays out");
        }
        assert!(SessionAttributes::parse([("department", "x"), ("subject", "y")]).is_ok());
    }

    #[test]
    fn the_sessions_attributes_win_and_the_others_stay() {
        let given = SessionAttributes::parse([("plan", "pro")]).unwrap();
        let all = given.over(&stored(&[("plan", "free"), ("team", "blue")])).unwrap();
        assert_eq!(all, SessionAttributes(stored(&[("plan", "pro"), ("team", "blue")])));
    }

    #[test]
    fn the_attributes_of_a_session_fit_into_a_header() {
        let value = "x".repeat(1_000);
        let four: Vec<_> = ["a", "b", "c", "d"].map(|name| (name, value.as_str())).into();
        let given = SessionAttributes::parse(four.clone()).unwrap();
        assert!(given.over(&UserAttributes::default()).is_ok(), "4,037 bytes");
        assert!(given.over(&stored(&[("e", &value)])).is_err());
        assert!(given.over(&stored(&[("a", &value)])).is_ok(), "what is overridden does not count");
    }
}
