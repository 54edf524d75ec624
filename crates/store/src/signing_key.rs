//! The key that signs the ends of audit logs.

use std::io::ErrorKind;
use std::path::Path;

use keystead_domain::hex;

use crate::{OpenError, PrivateFile};

/// Where it is kept in the store's folder, and its public key for people to copy.
pub(crate) const SIGNING_KEY: &str = "audit-signing.key";
pub(crate) const PUBLIC_KEY: &str = "audit-signing.pub";

/// The seed that is on file in the store's folder, as hexadecimal digits; made from `fresh` if there is none yet. `public`
/// tells the public key of a seed, which is written beside it for people to copy.
///
/// # Errors
/// The file can be read by others, is not what it should be, or cannot be read or made.
pub fn signing_seed(
    directory: &Path,
    fresh: impl FnOnce() -> Option<[u8; 32]>,
    public: impl FnOnce(&[u8; 32]) -> String,
) -> Result<[u8; 32], OpenError> {
    let file = PrivateFile::new(directory, SIGNING_KEY);
    let seed = if let Some(text) = file.read()? {
        hex::decode(text.trim_end()).ok_or_else(|| {
            let what = "it does not hold 64 hexadecimal digits";
            file.refused(std::io::Error::new(ErrorKind::InvalidData, what))
        })?
    } else {
        let none = || file.refused(std::io::Error::other("the system has no randomness"));
        let seed = fresh().ok_or_else(none)?;
        file.write(&hex::encode(&seed))?;
        seed
    };
    let (name, text) = (PUBLIC_KEY, public(&seed));
    if std::fs::read_to_string(directory.join(name)).ok().as_deref().map(str::trim_end) != Some(&*text) {
        PrivateFile::new(directory, name).write(&text)?;
    }
    Ok(seed)
}
