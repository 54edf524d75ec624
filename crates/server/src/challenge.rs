//! What a request is told whose credential is missing or does not count: `WWW-Authenticate`, as RFC 6750, section 3, has it.

use http::HeaderValue;
use keystead_domain::Error;

use crate::credentials::NoActor;

/// A challenge, and the same in words for the answer's body.
#[derive(Debug)]
pub(crate) struct Challenge {
    /// The value of `WWW-Authenticate`.
    pub(crate) header: HeaderValue,
    /// For a developer to read. Of our own making: it repeats nothing of the request, and has no quotes.
    pub(crate) description: String,
}

impl Challenge {
    /// There is no credential: no error is named.
    pub(crate) fn missing(description: &str) -> Self {
        Self { header: HeaderValue::from_static("Bearer"), description: description.to_owned() }
    }

    /// The credential does not count.
    pub(crate) fn invalid_token(description: &str) -> Self {
        Self::naming("invalid_token", description)
    }

    /// It counts, and is not enough.
    pub(crate) fn insufficient_scope(description: &str) -> Self {
        Self::naming("insufficient_scope", description)
    }

    /// The same at `/mcp`, where whoever has no token learns who gives some out (RFC 9728, section 5.1), and the one scope that there is.
    pub(crate) fn at_resource(self, public_url: &str) -> Self {
        let Ok(challenge) = self.header.to_str() else { return self };
        let separator = if challenge.contains('=') { "," } else { "" };
        let header = format!(
            r#"{challenge}{separator} resource_metadata="{public_url}/.well-known/oauth-protected-resource/mcp", scope="mcp""#
        );
        Self { header: HeaderValue::try_from(header).unwrap_or(self.header), ..self }
    }

    fn naming(error: &str, description: &str) -> Self {
        let header = format!(r#"Bearer error="{error}", error_description="{description}""#);
        let header = HeaderValue::try_from(header).unwrap_or(HeaderValue::from_static("Bearer"));
        Self { header, description: description.to_owned() }
    }
}

/// The answer to a request without an actor, in no door's shape yet.
pub(crate) enum Denial {
    /// 401.
    Challenged(Challenge),
    /// It could not be checked, or may not be asked in this way.
    Failed(Error),
}

impl NoActor {
    /// What to answer. `missing` says what this door takes.
    pub(crate) fn denial(self, missing: &str) -> Denial {
        match self {
            Self::Missing => Denial::Challenged(Challenge::missing(missing)),
            Self::Malformed(malformed) => Denial::Challenged(Challenge::invalid_token(malformed.0)),
            Self::Refused(why) if why.is_unavailable() => Denial::Failed(Error::Unavailable),
            Self::Refused(why) => Denial::Challenged(Challenge::invalid_token(&why.description())),
            Self::Failed(Error::Unauthenticated) => {
                Denial::Challenged(Challenge::invalid_token("The API key does not work."))
            }
            Self::Failed(error) => Denial::Failed(error),
            Self::CrossSite => Denial::Failed(Error::Forbidden(
                "A sign-in cookie counts only for requests from this address's own pages. \
                 Programs and other sites send an API key instead."
                    .to_owned(),
            )),
        }
    }
}
