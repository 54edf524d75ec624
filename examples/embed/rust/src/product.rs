//! The product's own users and their sessions: as little of it as an example needs.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::http::header::{COOKIE, HeaderMap};

/// A user of the product.
pub(crate) struct Account {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    /// By which Keystead knows them: looked up here, never taken from a browser.
    pub(crate) email: &'static str,
}

/// Whom `keystead serve --demo` knows, too.
pub(crate) const ACCOUNTS: [Account; 3] = [
    Account { id: "ada", name: "Ada Lovelace", email: "ada@demo.example" },
    Account { id: "grace", name: "Grace Hopper", email: "grace@demo.example" },
    Account { id: "katherine", name: "Katherine Johnson", email: "katherine@demo.example" },
];

const COOKIE_NAME: &str = "acme_session";

/// Who is signed in, by the random value of their cookie.
#[derive(Default)]
pub(crate) struct Sessions(Mutex<HashMap<String, &'static Account>>);

impl Sessions {
    /// Signs somebody in: the cookie to set. Behind TLS it would be `Secure`, too.
    pub(crate) fn begin(&self, account: &'static Account) -> anyhow::Result<String> {
        let mut random = [0; 16];
        #[expect(clippy::disallowed_methods, reason = "a program of its own, without Keystead's `Entropy`")]
        getrandom::fill(&mut random)?;
        let id = format!("{:032x}", u128::from_ne_bytes(random));
        let cookie = format!("{COOKIE_NAME}={id}; HttpOnly; SameSite=Lax; Path=/");
        self.lock().insert(id, account);
        Ok(cookie)
    }

    /// Whose request it is.
    pub(crate) fn account(&self, headers: &HeaderMap) -> Option<&'static Account> {
        self.lock().get(session_id(headers)?).copied()
    }

    /// Signs whoever it is out.
    pub(crate) fn end(&self, headers: &HeaderMap) {
        session_id(headers).and_then(|id| self.lock().remove(id));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, &'static Account>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn session_id(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get(COOKIE)?.to_str().ok()?.split("; ");
    cookies
        .filter_map(|cookie| cookie.split_once('='))
        .find(|(name, _)| *name == COOKIE_NAME)
        .map(|(_, id)| id)
}
