//! The key that signs the ends of audit logs: a file beside the store, for its owner alone.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::Path;

use keystead_domain::hex;

use crate::OpenError;

const NAME: &str = "audit-signing.key";
const PUBLIC_NAME: &str = "audit-signing.pub";
/// 32 bytes as hexadecimal digits, and a line's end.
const LENGTH: u64 = 65;

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
    let path = directory.join(NAME);
    let refused = |cause| OpenError::SigningKey { file: path.clone(), cause };
    let seed = match File::open(&path) {
        Ok(file) => read(file).map_err(refused)?,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let seed =
                fresh().ok_or_else(|| refused(std::io::Error::other("the system has no randomness")))?;
            write(directory, NAME, &hex::encode(&seed)).map_err(refused)?;
            seed
        }
        Err(error) => return Err(refused(error)),
    };
    let text = public(&seed);
    if std::fs::read_to_string(directory.join(PUBLIC_NAME)).ok().as_deref().map(str::trim_end) != Some(&*text)
    {
        write(directory, PUBLIC_NAME, &text).map_err(refused)?;
    }
    Ok(seed)
}

fn read(file: File) -> std::io::Result<[u8; 32]> {
    #[cfg(unix)]
    if std::os::unix::fs::PermissionsExt::mode(&file.metadata()?.permissions()) & 0o077 != 0 {
        return Err(std::io::Error::new(
            ErrorKind::PermissionDenied,
            "others than its owner can read it: what it signs proves nothing. `chmod 600` it, or move it away to get another",
        ));
    }
    let mut text = String::new();
    file.take(LENGTH + 1).read_to_string(&mut text)?;
    hex::decode(text.trim_end())
        .ok_or_else(|| std::io::Error::new(ErrorKind::InvalidData, "it does not hold 64 hexadecimal digits"))
}

/// Whole or not at all, and on disk.
fn write(directory: &Path, name: &str, text: &str) -> std::io::Result<()> {
    let unfinished = directory.join(format!("{name}.new"));
    let mut options = OpenOptions::new();
    options.create(true).truncate(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&unfinished)?;
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    std::fs::rename(unfinished, directory.join(name))?;
    File::open(directory)?.sync_all()
}
