//! Reading `Authorization: Bearer` (RFC 6750, section 2.1), by one strict grammar: what several parsers could read in several
//! ways is refused, and the refusal says what to send instead.

use http::HeaderMap;
use http::header::AUTHORIZATION;

/// The header is there and cannot be used. The text is for the caller and repeats nothing of the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) &'static str);

/// The token of the request; `None` if it has no `Authorization` header at all.
pub(crate) fn token(headers: &HeaderMap) -> Result<Option<&str>, Malformed> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Malformed("Send one Authorization header, not several."));
    }
    let token = value.as_bytes().strip_prefix(b"Bearer ");
    // What a token may be made of: RFC 6750's b68token. All of it is looked at, since that takes less time than stopping.
    let token =
        token.filter(|token| token.iter().fold(!token.is_empty(), |fits, byte| fits & is_in_token(*byte)));
    match token.map(std::str::from_utf8) {
        Some(Ok(token)) => Ok(Some(token)),
        _ => Err(Malformed(
            "Send the header as: Authorization: Bearer YOUR_API_KEY (one space, nothing around the key).",
        )),
    }
}

fn is_in_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() | matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=')
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn only_one_header_in_one_spelling_is_read() {
        let read = |values: &[&[u8]]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(AUTHORIZATION, HeaderValue::from_bytes(value).unwrap());
            }
            token(&headers).map(|token| token.map(str::to_owned))
        };
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&[b"Bearer ks_1"]), Ok(Some("ks_1".into())));
        assert_eq!(read(&[b"Bearer abc.1"]), Ok(Some("abc.1".into())));
        let refused: [&[u8]; 11] = [
            b"",
            b"Bearer",
            b"Bearer ",
            b"bearer abc",
            b"BEARER abc",
            b"Bearer  abc",
            b"Bearer\tabc",
            b"Bearer abc ",
            b"Bearer a,b",
            b"Basic YTpi",
            b"Bearer \xc3\xa9",
        ];
        for value in refused {
            assert!(read(&[value]).is_err(), "{value:?}");
        }
        assert!(read(&[b"Bearer abc", b"Bearer abc"]).is_err());
    }
}
