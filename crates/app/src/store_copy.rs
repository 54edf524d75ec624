//! Copying a whole store into another database, with the keys that sign: what was signed before counts after it.

use std::io::ErrorKind;
use std::path::PathBuf;

use keystead_domain::{SealedKeys, SigningRing, hex};
use keystead_store::{
    CopiedTable, CopyError, CopyProgress, CopySource, CopyTarget, DatabaseUrl, Location, OpenError,
    PrivateFile, SealedName,
};
use zeroize::Zeroizing;

use crate::{Entropy, StoreSecret};

/// Where a store is.
#[derive(Clone)]
pub enum StoreSite {
    /// In a folder, which one process owns.
    Folder(PathBuf),
    /// On PostgreSQL, which many nodes share, with their secret.
    Shared(DatabaseUrl, StoreSecret),
}

/// Copies a store that nobody serves into an empty place, or goes on with a copy of it that was not completed. The rows are compared
/// before the copy may be served from. `progress` is told how far it is.
///
/// # Errors
/// Nothing of the store was changed, and what was copied stays for the next time.
pub async fn copy_store(
    from: &StoreSite,
    to: &StoreSite,
    entropy: &Entropy,
    progress: impl FnMut(CopyProgress),
) -> Result<Vec<CopiedTable>, CopyError> {
    let mut source = CopySource::open(&from.location()).await?;
    let keys = signing_keys(from, &mut source).await?;
    let mut target = CopyTarget::open(&to.location(), &source).await?;
    let tables = target.copy(&mut source, progress).await?;
    target.finish(source, &keep(to, keys, entropy)?).await?;
    Ok(tables)
}

impl StoreSite {
    fn location(&self) -> Location {
        match self {
            Self::Folder(folder) => Location::Folder(folder.clone()),
            Self::Shared(url, _) => Location::Postgres(url.clone()),
        }
    }
}

/// Those of a store, as text. It may have none yet: then the copy gets its own when it is first opened, as that store would.
type Texts = Vec<(SealedName, Zeroizing<String>)>;

async fn signing_keys(site: &StoreSite, source: &mut CopySource) -> Result<Texts, CopyError> {
    let mut texts = Texts::new();
    for name in [SealedName::SessionSigning, SealedName::AuditSigning] {
        let text = match site {
            StoreSite::Folder(folder) => {
                let file = PrivateFile::new(folder, name.as_str());
                let text = file.read().map_err(CopyError::From)?.map(Zeroizing::new);
                if text.as_ref().is_some_and(|text| !is_sound(name, text)) {
                    let cause =
                        std::io::Error::new(ErrorKind::InvalidData, "it does not hold what it should");
                    return Err(CopyError::From(file.refused(cause)));
                }
                text
            }
            StoreSite::Shared(_, secret) => match source.sealed(name).await? {
                Some(keys) => Some(secret.open(name, &keys).ok_or(CopyError::From(OpenError::OtherSecret))?),
                None => None,
            },
        };
        texts.extend(text.map(|text| (name, Zeroizing::new(text.trim_end().to_owned()))));
    }
    Ok(texts)
}

fn is_sound(name: SealedName, text: &str) -> bool {
    match name {
        SealedName::SessionSigning => SigningRing::from_secret_text(text).is_some(),
        SealedName::AuditSigning => hex::decode::<32>(text.trim_end()).is_some(),
    }
}

/// Writes them beside the copy, or seals them for it.
fn keep(
    site: &StoreSite,
    texts: Texts,
    entropy: &Entropy,
) -> Result<Vec<(SealedName, SealedKeys)>, CopyError> {
    let mut sealed = Vec::new();
    for (name, text) in texts {
        match site {
            StoreSite::Folder(folder) => {
                PrivateFile::new(folder, name.as_str()).write(&text).map_err(CopyError::To)?;
            }
            StoreSite::Shared(_, secret) => {
                let keys = secret.seal(name, 1, &text, entropy);
                sealed.push((name, keys.map_err(|_| CopyError::To(OpenError::NoRandomness))?));
            }
        }
    }
    Ok(sealed)
}
