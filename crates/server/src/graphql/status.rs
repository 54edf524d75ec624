//! `ResponseStatus`: how some mutations say what came of them.

use async_graphql::{Enum, SimpleObject};
use keystead_domain::Error;

/// What came of a mutation.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub(super) enum StatusCode {
    /// There is no status. Not sent: a client's own value for none.
    None,
    /// It was done, all of it.
    Ok,
    /// It was refused, and nothing was changed; `message` says why.
    Error,
    /// What it names is not there, and nothing was changed.
    NotFound,
}

/// What came of a mutation that answers with a status: whether it was done, or why its input was refused. All else that can
/// go wrong (`UNAUTHENTICATED`, `FORBIDDEN`, `RATE_LIMITED`, `UNAVAILABLE`, `INTERNAL`) is in `errors`, as everywhere.
#[derive(SimpleObject)]
pub(super) struct ResponseStatus {
    /// Whether it was done.
    code: StatusCode,
    /// The same for people. Messages may change; codes do not.
    message: String,
}

impl ResponseStatus {
    /// The status of an outcome; an error if it is not about the input.
    pub(super) fn of<T>(outcome: Result<T, Error>) -> Result<Self, Error> {
        let (code, message) = match outcome {
            Ok(_) => (StatusCode::Ok, "Operation completed successfully".to_owned()),
            Err(error @ Error::NotFound(_)) => (StatusCode::NotFound, error.to_string()),
            Err(error @ (Error::Invalid { .. } | Error::Conflict(_))) => {
                (StatusCode::Error, error.to_string())
            }
            Err(error) => return Err(error),
        };
        Ok(Self { code, message })
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use keystead_domain::Field;

    use super::*;

    #[test]
    fn a_status_is_about_the_input_and_all_else_stays_an_error() {
        let code = |outcome: Result<(), Error>| ResponseStatus::of(outcome).map(|status| status.code);
        assert!(code(Ok(())) == Ok(StatusCode::Ok));
        assert!(code(Err(Error::NotFound("user"))) == Ok(StatusCode::NotFound));
        assert!(code(Err(Error::Conflict("no".into()))) == Ok(StatusCode::Error));
        assert!(code(Err(Error::invalid(Field::Emails, "no"))) == Ok(StatusCode::Error));
        for error in [
            Error::Unauthenticated,
            Error::Forbidden("no".into()),
            Error::RateLimited { retry_after: SignedDuration::from_secs(1) },
            Error::Unavailable,
            Error::Internal,
        ] {
            assert!(code(Err(error.clone())) == Err(error));
        }
    }
}
