use std::fmt;

use zeroize::Zeroizing;

use crate::{
    MaskedToken, Prefix, TokenHash, base62,
    prefix::{MAX_PREFIX_LEN, is_prefix},
};

/// Characters of the secret: the least that hold 256 bits in base62.
pub const SECRET_LEN: usize = 43;
/// Characters of the checksum: the least that hold 32 bits in base62.
pub const CHECKSUM_LEN: usize = 6;
/// The longest token, in bytes. Longer text is refused before it is looked at.
pub const MAX_LEN: usize = MAX_PREFIX_LEN + AFTER_PREFIX_LEN;

/// The underscore, the secret and the checksum.
const AFTER_PREFIX_LEN: usize = 1 + SECRET_LEN + CHECKSUM_LEN;
/// Characters of the token shown at either end when it is masked, the prefix not counted.
const SHOWN_LEN: usize = 4;
/// 2^256 - 1. The digits are in ASCII order, so a secret is in range if its text does not sort after this.
const LARGEST_SECRET: &[u8; SECRET_LEN] = b"yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp1";

/// A token in the clear, just minted. Its text is wiped from memory when it is dropped.
///
/// It cannot be printed, copied or serialized by accident: [`expose`](Self::expose) is the one way to the
/// text, meant for the answer that creates the key (promise 2).
///
/// ```compile_fail
/// # let token = keystead_token::Token::mint(&keystead_token::Prefix::key_default(), &[7; 32]);
/// println!("{token}");
/// ```
/// ```compile_fail
/// # let token = keystead_token::Token::mint(&keystead_token::Prefix::key_default(), &[7; 32]);
/// let second = token.clone();
/// ```
pub struct Token(Zeroizing<String>);

impl Token {
    /// The token made of `secret`, which must be 32 bytes from a cryptographically secure generator.
    #[must_use]
    pub fn mint(prefix: &Prefix, secret: &[u8; 32]) -> Self {
        // The full capacity at once: growing would leave parts of the secret behind in freed memory.
        let mut text = Zeroizing::new(String::with_capacity(MAX_LEN));
        text.push_str(prefix.as_str());
        text.push('_');
        text.extend(base62::encode::<SECRET_LEN>(secret).iter().map(|&digit| char::from(digit)));
        let checksum = checksum(text.as_bytes());
        text.extend(checksum.iter().map(|&digit| char::from(digit)));
        Self(text)
    }

    /// The secret text. Whoever reads it holds the key.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The token as [`TokenRef::parse`] would give it back: what was minted needs no check.
    #[must_use]
    pub fn checked(&self) -> TokenRef<'_> {
        TokenRef(&self.0)
    }

    /// What the store keeps of the token.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        self.checked().hash()
    }

    /// What people may see of the token.
    #[must_use]
    pub fn masked(&self) -> MaskedToken {
        self.checked().masked()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Text that has the shape of a token and the right checksum.
///
/// Whether such a key exists is for the store to say; everything else was refused before anyone asked it.
/// The text stays borrowed, so that verification allocates nothing.
#[derive(Clone, Copy)]
pub struct TokenRef<'a>(&'a str);

/// The text is not a token.
///
/// It says no more on purpose: a caller who learned which part was wrong could pass the difference on to
/// whoever presented the text, and no honest client has a use for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a well-formed token")]
pub struct Malformed;

impl<'a> TokenRef<'a> {
    /// Checks the shape, the range of the secret and the checksum of `text`. Nothing is trimmed or repaired:
    /// one key has one text, so that its hash can be looked up.
    ///
    /// Any well-formed prefix passes, not only the configured ones: a deployment that changes its prefix must
    /// not kill the keys it has given out. A secret of 2^256 or more is refused although it fits into 43
    /// digits, because no 32 bytes make it.
    pub fn parse(text: &'a str) -> Result<Self, Malformed> {
        // The length first, so that the work is bounded whatever is sent.
        if text.len() > MAX_LEN {
            return Err(Malformed);
        }
        let (body, presented) = text.as_bytes().split_last_chunk::<CHECKSUM_LEN>().ok_or(Malformed)?;
        let (head, secret) = body.split_last_chunk::<SECRET_LEN>().ok_or(Malformed)?;
        let prefix = head.strip_suffix(b"_").ok_or(Malformed)?;
        // Comparing the digits, not the number they stand for, leaves each checksum one spelling.
        let sound = is_prefix(prefix)
            && secret.iter().all(u8::is_ascii_alphanumeric)
            && secret <= LARGEST_SECRET
            && checksum(body) == *presented;
        if sound { Ok(Self(text)) } else { Err(Malformed) }
    }

    /// What the store finds the key by.
    #[must_use]
    pub fn hash(self) -> TokenHash {
        TokenHash::of(self.0)
    }

    /// What people may see of the token.
    #[must_use]
    pub fn masked(self) -> MaskedToken {
        // A checked token is ASCII and long enough, so these are character boundaries.
        let head = self.0.len() - SECRET_LEN - CHECKSUM_LEN + SHOWN_LEN;
        let tail = self.0.len() - SHOWN_LEN;
        MaskedToken::new(&self.0[..head], &self.0[tail..])
    }
}

impl fmt::Debug for TokenRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenRef(…)")
    }
}

/// CRC-32 (IEEE 802.3, as in gzip) of everything before it. It guards against slips and junk, not against
/// forgers: anyone can compute it, and a made-up token then fails because its hash is unknown.
fn checksum(body: &[u8]) -> [u8; CHECKSUM_LEN] {
    *base62::encode(&crc32fast::hash(body).to_be_bytes())
}
