//! Forms that only our own pages can send: each carries a token that follows from the browser's cookie.

use keystead_app::{App, BrowserSecret};
use keystead_domain::Error;
use subtle::ConstantTimeEq as _;

/// The token for a form. It looks different on every page, so that a compressed page does not give it away byte by byte
/// (BREACH, CVE-2013-3587): 32 random bytes, and the token combined with them.
pub(super) fn token(app: &App, secret: &BrowserSecret) -> Result<String, Error> {
    let mask: [u8; 32] = app.random()?;
    let mut text = String::with_capacity(128);
    for byte in mask.iter().copied().chain(mask.iter().zip(secret.csrf()).map(|(mask, byte)| mask ^ byte)) {
        use std::fmt::Write as _;
        _ = write!(text, "{byte:02x}");
    }
    Ok(text)
}

/// Whether the form was made for the browser that holds the secret.
pub(super) fn fits(token: &str, secret: &BrowserSecret) -> bool {
    let Some(bytes) = decode(token) else { return false };
    let (mask, masked) = bytes.split_at(32);
    let sent: Vec<u8> = mask.iter().zip(masked).map(|(mask, byte)| mask ^ byte).collect();
    sent.ct_eq(&secret.csrf()).into()
}

fn decode(text: &str) -> Option<[u8; 64]> {
    let mut bytes = [0; 64];
    if text.len() != 128 || !text.is_ascii() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}
