//! Facts about a user that a product keeps here, such as `department`.

use std::collections::BTreeMap;

use crate::{Error, Field};

/// A user's attributes: at most 50, each a key of 1 to 100 characters and a value of at most 1,000.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UserAttributes(BTreeMap<String, String>);

const ATTRIBUTES_MAX: usize = 50;
const KEY_MAX: usize = 100;
const VALUE_MAX: usize = 1_000;

impl UserAttributes {
    /// Checks what a caller sent.
    pub fn parse<'a>(input: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, Error> {
        let invalid = |message: String| Error::invalid(Field::Attributes, message);
        let mut attributes = BTreeMap::new();
        for (key, value) in input {
            let fits =
                |text: &str, max: usize| text.chars().count() <= max && !text.contains(char::is_control);
            if key.trim().is_empty() || key.trim() != key || !fits(key, KEY_MAX) {
                return Err(invalid(format!("An attribute's key is 1 to {KEY_MAX} characters.")));
            }
            if !fits(value, VALUE_MAX) {
                return Err(invalid(format!("An attribute's value is at most {VALUE_MAX} characters.")));
            }
            if attributes.insert(key.to_owned(), value.to_owned()).is_some() {
                return Err(invalid("An attribute is given twice.".to_owned()));
            }
            if attributes.len() > ATTRIBUTES_MAX {
                return Err(invalid(format!("A user has at most {ATTRIBUTES_MAX} attributes.")));
            }
        }
        Ok(Self(attributes))
    }

    /// What the store kept: it was checked on the way in.
    #[must_use]
    pub fn from_stored(attributes: BTreeMap<String, String>) -> Self {
        Self(attributes)
    }

    /// Keys and values, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// As the store keeps them.
    #[must_use]
    pub fn as_map(&self) -> &BTreeMap<String, String> {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_bounded_named_once_and_without_controls() {
        assert!(UserAttributes::parse([("department", "R&D"), ("note", "")]).is_ok());
        let long = "x".repeat(1_001);
        for bad in [("", "v"), (" a", "v"), ("a\n", "v"), ("a", "v\u{0}"), ("a", &long), (&long, "v")] {
            assert!(UserAttributes::parse([bad]).is_err(), "{bad:.20?}");
        }
        assert!(UserAttributes::parse([("a", "1"), ("a", "2")]).is_err());
        let many: Vec<String> = (0..51).map(|n| n.to_string()).collect();
        assert!(UserAttributes::parse(many.iter().map(|key| (key.as_str(), ""))).is_err());
    }
}
