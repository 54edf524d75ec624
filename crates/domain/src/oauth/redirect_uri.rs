//! Where the answer to an authorization request goes.
