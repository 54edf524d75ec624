//! Forms in which a field stands several times: lists and choices.

use keystead_domain::{Error, Field};
use serde::Deserialize;

/// The fields of a form, in the order in which they were sent.
#[derive(Deserialize)]
#[serde(transparent)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    /// The value of a field that stands once; empty if it was not sent. One that was sent twice is refused rather than chosen
    /// from.
    pub(super) fn text(&self, name: &str) -> Result<&str, Error> {
        let mut values = self.all(name);
        let value = values.next().unwrap_or_default();
        match values.next() {
            None => Ok(value),
            Some(_) => {
                Err(Error::invalid(Field::Name, "The form could not be read. Reload the page and try again."))
            }
        }
    }

    /// Whether a checkbox is on, a button was used, or a list was sent at all.
    pub(super) fn has(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }

    /// Every value of a field.
    pub(super) fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        let wanted = self.0.iter().filter(move |(field, _)| field == name);
        wanted.map(|(_, value)| value.as_str())
    }

    /// The texts of a list, however they were sent: a field each, or lines of one.
    pub(super) fn entries(&self, name: &str) -> Vec<String> {
        self.all(name).flat_map(entries).collect()
    }
}

/// The texts of a list that was typed as one: at blanks, line breaks, commas and semicolons, as the script takes it apart.
pub(super) fn entries(text: &str) -> impl Iterator<Item = String> {
    let parts = text.split(|c: char| c.is_whitespace() || c == ',' || c == ';');
    parts.filter(|part| !part.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_the_same_from_a_text_area_and_from_a_field_each() {
        let of = |pairs: &[(&str, &str)]| {
            Fields(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
        };
        let lines = of(&[("list", "a.com\r\n*.b.com, c.com;d.com\r\n\r\n"), ("other", "x")]);
        let each =
            of(&[("list", "a.com"), ("list", "*.b.com"), ("list", "c.com"), ("list", "d.com"), ("list", "")]);
        assert_eq!(lines.entries("list"), ["a.com", "*.b.com", "c.com", "d.com"]);
        assert_eq!(lines.entries("list"), each.entries("list"));
        assert!(each.text("list").is_err(), "sent twice, refused rather than chosen from");
        assert!(lines.has("other") && !lines.has("nothing") && lines.text("nothing") == Ok(""));
    }
}
