//! Texts that people type, checked once, where they come in. What has one of these types is within its bounds.

use std::fmt;

use unicode_normalization::UnicodeNormalization;

use crate::{Error, Field};

/// Trims, composes (NFC, so that a name typed on another system still matches) and bounds a single line of text.
fn checked(text: &str, field: Field, what: &str, min: usize, max: usize) -> Result<String, Error> {
    // A character is at most 4 bytes, and composing at most triples: refuse a megabyte before working on it.
    if text.len() > max * 12 + 64 {
        return Err(too_long(field, what, max));
    }
    let text: String = text.trim().nfc().collect();
    if let Some(bad) = text.chars().find(|c| is_refused(*c)) {
        return Err(Error::invalid(
            field,
            format!(
                "{what} has a character that cannot be shown (U+{:04X}). Remove it and try again.",
                u32::from(bad)
            ),
        ));
    }
    match text.chars().count() {
        0 if min > 0 => Err(Error::invalid(field, format!("{what} is needed."))),
        length if length > max => Err(too_long(field, what, max)),
        _ => Ok(text),
    }
}

fn too_long(field: Field, what: &str, max: usize) -> Error {
    Error::invalid(field, format!("{what} is too long: {max} characters at most."))
}

/// Control characters break pages, logs and terminals; bidirectional controls and invisible characters make one name
/// look like another (CVE-2021-42574). Zero-width joiners stay: scripts and emoji need them.
fn is_refused(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{061C}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
}

macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $field:expr, $what:literal, $min:literal..=$max:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name(String);

        impl $name {
            /// Checks what a person typed.
            pub fn parse(text: &str) -> Result<Self, Error> {
                checked(text, $field, $what, $min, $max).map(Self)
            }

            /// What the store kept: it was checked on the way in.
            #[must_use]
            pub fn from_stored(text: String) -> Self {
                Self(text)
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The form that is unique where names are, without regard to case.
            #[must_use]
            pub fn folded(&self) -> String {
                fold(&self.0)
            }

            /// Whether somebody who confirms what cannot be undone typed exactly this. Space around it is forgiven, as it was
            /// when the name was given.
            pub fn check_typed(&self, typed: &str) -> Result<(), Error> {
                match Self::parse(typed) {
                    Ok(typed) if typed == *self => Ok(()),
                    _ => Err(Error::invalid(
                        Field::ConfirmName,
                        "That is not the name. Type it exactly as shown.",
                    )),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text!(
    /// A key's name: 1 to 100 characters after trimming. Names need not be unique.
    KeyName, Field::Name, "The name", 1..=100);
text!(
    /// A key's description: at most 500 characters, one line.
    Description, Field::Description, "The description", 0..=500);
text!(
    /// A person's name, as shown to others: 1 to 100 characters.
    PersonName, Field::Name, "The name", 1..=100);
text!(
    /// An organization's name: 1 to 100 characters.
    OrganizationName, Field::Organization, "The organization's name", 1..=100);

text!(
    /// What an app that asks to be connected calls itself: 1 to 100 characters.
    ClientName, Field::Name, "The app's name", 1..=100);
text!(
    /// A role's name: 1 to 100 characters.
    RoleName, Field::Name, "The role's name", 1..=100);
text!(
    /// A group's name: 1 to 100 characters.
    GroupName, Field::Name, "The group's name", 1..=100);
text!(
    /// What people are told while no keys can be created: 1 to 500 characters, one line.
    PolicyMessage, Field::Message, "The message", 1..=500);
text!(
    /// Why the operator stopped issuing: 1 to 500 characters, one line.
    StopReason, Field::Message, "The reason", 1..=500);

/// An e-mail address as the person wrote it, and how it compares: without regard to case, plus-parts kept apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email(String);

impl PersonName {
    /// What somebody is called of whom only the address is known: what stands before the `@`, as much of it as a name can have.
    pub fn of_address(email: &Email) -> Result<Self, Error> {
        let local: String = email.as_str().split('@').next().unwrap_or_default().chars().take(100).collect();
        Self::parse(&local)
    }
}

impl Email {
    /// Checks the shape that every address has: something, one `@`, something, at most 254 bytes (RFC 5321, section 4.5.3.1),
    /// no blanks. Whether it exists only a mail can tell.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let wrong =
            || Error::invalid(Field::Email, "That is not an e-mail address. Write it as name@example.com.");
        if text.len() > 1024 {
            return Err(wrong());
        }
        let text: String = text.trim().nfc().collect();
        let (local, domain) = text.rsplit_once('@').ok_or_else(wrong)?;
        let blank = text
            .chars()
            .any(|c| c.is_whitespace() || is_refused(c) || matches!(c, ',' | ';' | '<' | '>' | '"' | '\\'));
        if local.is_empty()
            || local.contains('@')
            || domain.is_empty()
            || domain.starts_with('.')
            || text.len() > 254
            || blank
        {
            return Err(wrong());
        }
        Ok(Self(text))
    }

    /// What the store kept: it was checked on the way in.
    #[must_use]
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form that is unique in an organization and that look-ups use.
    #[must_use]
    pub fn folded(&self) -> String {
        self.0.to_lowercase()
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a search looks for, and what it looks in: both folded the same way, so that the databases need only compare bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchText(String);

impl SearchText {
    /// What a person typed into the search box. `None` if there is nothing to look for.
    pub fn parse(text: &str) -> Result<Option<Self>, Error> {
        let text = checked(text, Field::Search, "The search text", 0, 200)?;
        Ok((!text.is_empty()).then(|| Self(fold(&text))))
    }

    /// What the search of a key looks in: name, description and masked token.
    #[must_use]
    pub fn of_key(name: &KeyName, description: &Description, masked: &str) -> Self {
        Self(fold(&format!("{name}\n{description}\n{masked}")))
    }

    /// What the search of a user looks in: name and address.
    #[must_use]
    pub fn of_user(name: &PersonName, email: &Email) -> Self {
        Self(fold(&format!("{name}\n{email}")))
    }

    /// The folded text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As the pattern of an SQL `LIKE … ESCAPE '\'` that matches the text itself, wherever it stands.
    #[must_use]
    pub fn like_pattern(&self) -> String {
        let mut pattern = String::with_capacity(self.0.len() + 2);
        pattern.push('%');
        for c in self.0.chars() {
            if matches!(c, '%' | '_' | '\\') {
                pattern.push('\\');
            }
            pattern.push(c);
        }
        pattern.push('%');
        pattern
    }
}

fn fold(text: &str) -> String {
    text.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_1_to_100_characters_after_trimming() {
        assert_eq!(KeyName::parse("  Claude Code key \n").unwrap().as_str(), "Claude Code key");
        assert!(KeyName::parse(&"é".repeat(100)).is_ok());
        for refused in
            [String::new(), "   ".into(), "é".repeat(101), "x".repeat(1 << 20), " ".repeat(1 << 20)]
        {
            let error = KeyName::parse(&refused).unwrap_err();
            assert!(matches!(error, Error::Invalid { field: Field::Name, .. }));
            assert!(error.to_string().len() < 200, "the error does not repeat the input");
        }
    }

    #[test]
    fn controls_and_invisible_characters_are_refused() {
        for bad in [
            "a\u{0}b",
            "a\nb",
            "a\u{7f}b",
            "safe\u{202E}gnp",
            "a\u{2066}b",
            "a\u{200B}b",
            "a\u{FEFF}b",
            "a\u{E0041}b",
        ] {
            assert!(KeyName::parse(bad).is_err(), "{bad:?}");
            assert!(Description::parse(bad).is_err(), "{bad:?}");
        }
        assert!(KeyName::parse("👩‍💻 deploy").is_ok(), "emoji are joined by U+200D");
    }

    #[test]
    fn a_name_is_the_same_however_its_accents_were_typed() {
        assert_eq!(KeyName::parse("cafe\u{301}").unwrap(), KeyName::parse("caf\u{e9}").unwrap());
    }

    #[test]
    fn a_confirmation_is_the_name_itself_not_one_like_it() {
        let name = RoleName::parse("Analyst").unwrap();
        assert!(name.check_typed(" Analyst ").is_ok());
        for wrong in ["", "analyst", "Analysts", "Analyst\n."] {
            let error = name.check_typed(wrong).unwrap_err();
            assert!(matches!(error, Error::Invalid { field: Field::ConfirmName, .. }), "{wrong:?}");
        }
    }

    #[test]
    fn a_description_may_be_empty_and_has_at_most_500_characters() {
        assert_eq!(Description::parse("").unwrap().as_str(), "");
        assert!(Description::parse(&"x".repeat(500)).is_ok());
        assert!(Description::parse(&"x".repeat(501)).is_err());
    }

    #[test]
    fn addresses_compare_without_case_and_keep_plus_parts_apart() {
        assert_eq!(Email::parse("Ada@Example.COM").unwrap().folded(), "ada@example.com");
        assert_ne!(
            Email::parse("ada+a@x.org").unwrap().folded(),
            Email::parse("ada@x.org").unwrap().folded()
        );
        for bad in [
            "",
            "ada",
            "@x.org",
            "ada@",
            "a b@x.org",
            "ada@x.org,b@x.org",
            "ada@@x.org",
            "ada@x.org\r\nBcc: b@x.org",
        ] {
            assert!(Email::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_search_means_its_characters_not_a_pattern() {
        let search = SearchText::parse(r"100%_\X").unwrap().unwrap();
        assert_eq!(search.like_pattern(), r"%100\%\_\\x%");
        assert_eq!(SearchText::parse("  ").unwrap(), None);
    }
}
