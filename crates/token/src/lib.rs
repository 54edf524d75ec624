//! The text of an API key: `<prefix>_<secret><checksum>`.
//!
//! This crate mints a [`Token`] from 32 random bytes, checks text that claims to be one ([`TokenRef`]), and
//! makes the two things that may be kept of it: the [`TokenHash`] the store looks it up by, and the
//! [`MaskedToken`] people recognize it by. It does no I/O and draws no randomness, so scanners and clients can
//! use it too. `docs/token-format.md` describes the format for other languages.
//!
//! ```
//! use keystead_token::{Prefix, Token, TokenRef};
//!
//! # let secret = [7; 32];
//! let token = Token::mint(&Prefix::key_default(), &secret); // 32 bytes from the system's CSPRNG
//! let presented = TokenRef::parse(token.expose())?;
//! assert_eq!(presented.hash(), token.hash());
//! # Ok::<(), keystead_token::Malformed>(())
//! ```

mod base62;
mod hash;
mod masked;
mod prefix;
mod token;

pub use hash::TokenHash;
pub use masked::MaskedToken;
pub use prefix::{InvalidPrefix, Prefix};
pub use token::{CHECKSUM_LEN, MAX_LEN, Malformed, SECRET_LEN, Token, TokenRef};
