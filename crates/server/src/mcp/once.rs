//! What a request says twice. One reader takes the first, another the last, and a proxy that looks at requests would have seen
//! something else than was done; so nothing is said twice (RFC 7493, section 2.3).

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use http::HeaderMap;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// The protocol's headers begin so.
const PREFIX: &str = "mcp-";

/// Whether one of the protocol's headers is there more than once.
pub(super) fn has_header_twice(headers: &HeaderMap) -> bool {
    headers
        .keys()
        .any(|name| name.as_str().starts_with(PREFIX) && headers.get_all(name).iter().nth(1).is_some())
}

/// Whether it is JSON in which an object names a member twice, at any depth.
pub(super) fn has_member_twice(json: &[u8]) -> bool {
    let read = serde_json::from_slice::<Once>(json);
    read.is_err_and(|error| error.is_data())
}

/// Any JSON in which no member is there twice; nothing of it is kept.
struct Once;

impl<'de> Deserialize<'de> for Once {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Once {
    type Value = Self;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self, A::Error> {
        let mut names = HashSet::new();
        while let Some(name) = members.next_key::<Cow<'de, str>>()? {
            if !names.insert(name) {
                return Err(A::Error::custom("a member is there twice"));
            }
            members.next_value::<Self>()?;
        }
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E: Error>(self) -> Result<Self, E> {
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_that_is_there_twice_is_found_however_deep_and_however_it_is_written() {
        for twice in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"[{"b":{"a":null,"c":[],"a":{}}}]"#,
            r#"{"":0,"":0}"#,
        ] {
            assert!(has_member_twice(twice.as_bytes()), "{twice}");
        }
        for once in [
            r#"{"a":{"a":[{"a":1},{"a":1.5e300,"A":-1}]},"b":["a","a",true,null]}"#,
            "[]",
            "\"a\"",
            // No JSON is somebody else's to refuse.
            "",
            "{",
            r#"{"a":1,"#,
            r#"{"a":1e400}"#,
        ] {
            assert!(!has_member_twice(once.as_bytes()), "{once}");
        }
    }
}
