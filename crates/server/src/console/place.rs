//! The two places of the API Keys page: the console, and a product's own page that embeds it. Handlers and templates are the
//! same; what differs is who proves what how, and where links lead.

use axum::extract::FromRequestParts;
use axum::response::Response;
use http::Uri;
use http::request::Parts;
use jiff::Timestamp;
use keystead_app::App;
use keystead_domain::{Actor, Error};

use super::snippets::Setting;
use super::visit::SignedIn;
use crate::{Doors, credentials, embed};

/// Where the page is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Place {
    /// In the console: a cookie says who it is, and forms carry a token.
    #[default]
    Console,
    /// In a product's page: the `Authorization` header says who it is, and nothing else does.
    Embedded,
}

impl Place {
    pub(super) fn of(uri: &Uri) -> Self {
        if uri.path().starts_with("/embed/") { Self::Embedded } else { Self::Console }
    }

    /// The address of the list. Those of the dialogs are below it.
    pub(crate) const fn keys(self) -> &'static str {
        match self {
            Self::Console => "/settings/api-keys",
            Self::Embedded => "/embed/keys",
        }
    }
}

/// A request for the page, by somebody who may have it.
pub(crate) enum KeysVisit {
    /// In the console.
    Console(Box<SignedIn>),
    /// Embedded.
    Embedded { doors: Doors, actor: Actor },
}

impl FromRequestParts<Doors> for KeysVisit {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, doors: &Doors) -> Result<Self, Response> {
        match Place::of(&parts.uri) {
            Place::Console => {
                SignedIn::from_request_parts(parts, doors).await.map(|visit| Self::Console(Box::new(visit)))
            }
            Place::Embedded => match credentials::session_actor(doors, &parts.headers, &parts.extensions) {
                Ok(actor) => Ok(Self::Embedded { doors: doors.clone(), actor }),
                Err(why) => Err(embed::no_session(why)),
            },
        }
    }
}

impl KeysVisit {
    fn doors(&self) -> &Doors {
        match self {
            Self::Console(visit) => &visit.doors,
            Self::Embedded { doors, .. } => doors,
        }
    }

    pub(super) fn actor(&self) -> &Actor {
        match self {
            Self::Console(visit) => &visit.actor,
            Self::Embedded { actor, .. } => actor,
        }
    }

    pub(super) fn app(&self) -> &App {
        self.doors().app()
    }

    pub(super) fn now(&self) -> Timestamp {
        self.app().now()
    }

    /// Where the new key works, for what is shown with it.
    pub(super) fn setting(&self) -> Setting<'_> {
        let place = match self {
            Self::Console(_) => Place::Console,
            Self::Embedded { .. } => Place::Embedded,
        };
        Setting { url: self.doors().settings().public_url(), place }
    }

    /// Refuses a form that was not made for this browser. Embedded, the header has proved more: a browser sends it for nobody
    /// but the page that holds the token.
    pub(super) fn check_form(&self, token: &str) -> Result<(), Error> {
        match self {
            Self::Console(visit) => visit.check_form(token),
            Self::Embedded { .. } => Ok(()),
        }
    }
}
