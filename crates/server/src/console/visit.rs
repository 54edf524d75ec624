//! Who is looking at a page: somebody signed in, or a visitor at the door. Both have a cookie that their forms are tied to.

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use http::request::Parts;
use jiff::Timestamp;
use keystead_app::{App, BrowserSecret, RequestOrigin};
use keystead_domain::{Actor, Error, OrganizationState, RoleId, User};

use super::consent::AUTHORIZE;
use super::csrf;
use super::html::{PageError, see_other};
use super::nav;
use super::view::{OtherOrganization, Shell, Viewer};
use crate::{Doors, Settings, assets, credentials};

/// A request by somebody who is signed in. Others are sent to the sign-in page, and back afterwards.
pub(crate) struct SignedIn {
    pub(super) doors: Doors,
    pub(super) actor: Actor,
    pub(super) origin: RequestOrigin,
    secret: BrowserSecret,
    path: String,
}

impl FromRequestParts<Doors> for SignedIn {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, doors: &Doors) -> Result<Self, Response> {
        let to_sign_in = || {
            // Where a form is posted to, the form itself is found.
            let is_page = |path: &str| path.starts_with("/settings") || path == AUTHORIZE;
            let path = parts.uri.path_and_query().filter(|path| is_page(path.path()));
            let next = path.map_or("", |path| path.as_str());
            let query = form_urlencoded::Serializer::new(String::new()).append_pair("next", next).finish();
            see_other(&if next.is_empty() { "/sign-in".to_owned() } else { format!("/sign-in?{query}") })
        };
        let Some(secret) = credentials::session_cookie(doors.settings(), &parts.headers) else {
            return Err(to_sign_in());
        };
        let origin = credentials::browser_origin(&parts.extensions, &parts.headers);
        match doors.app().actor_of_session(&secret, &origin).await {
            Ok(Some(actor)) => {
                let path = parts.uri.path().to_owned();
                Ok(Self { doors: doors.clone(), actor, origin, secret, path })
            }
            Ok(None) => Err(to_sign_in()),
            Err(error) => Err(PageError::from(error).into_response()),
        }
    }
}

impl SignedIn {
    pub(super) fn app(&self) -> &App {
        self.doors.app()
    }

    pub(super) fn now(&self) -> Timestamp {
        self.app().now()
    }

    /// The actor as of now, for what takes a while: they may have been signed out meanwhile, or lost a role.
    pub(super) async fn again(&self) -> Result<Actor, Error> {
        let actor = self.app().actor_of_session(&self.secret, &self.origin).await?;
        actor.ok_or(Error::Unauthenticated)
    }

    /// Refuses a form that was not made for this browser.
    pub(super) fn check_form(&self, token: &str) -> Result<(), Error> {
        check_form(token, &self.secret)
    }

    /// What every page behind sign-in shows.
    pub(super) async fn shell(&self) -> Result<Shell, Error> {
        let user = self.actor.user();
        let state = self.app().organization_of(user)?;
        let others = self.app().switch_targets(&self.actor).await?;
        let others = others.iter().map(|other| {
            let organization = self.app().organization_of(other)?.organization.name.to_string();
            Ok(OtherOrganization { user: other.id.to_string(), name: organization })
        });
        Ok(Shell {
            assets: assets::addresses(),
            csrf: csrf::token(self.app(), &self.secret)?,
            viewer: Viewer {
                name: user.name.to_string(),
                email: user.email.to_string(),
                role: role_words(user, &state),
                organization: state.organization.name.to_string(),
                others: others.collect::<Result<_, Error>>()?,
            },
            nav: nav::links(&self.actor, &self.path),
            banner: None,
        })
    }
}

/// A user's roles, in words: their own, and those that they inherit from groups.
pub(super) fn role_words(user: &User, state: &OrganizationState) -> String {
    let name = |id: &RoleId| state.roles.get(id).map(|role| role.name.to_string());
    let own = user.assignments.iter().filter_map(|(id, _)| name(id));
    let inherited = user.groups().iter().flat_map(|group| {
        let of_group = move |name| format!("{name} (inherited from group {})", group.name);
        group.assignments.iter().filter_map(move |(id, _)| name(id)).map(of_group)
    });
    own.chain(inherited).collect::<Vec<_>>().join(", ")
}

fn check_form(token: &str, secret: &BrowserSecret) -> Result<(), Error> {
    if csrf::fits(token, secret) {
        return Ok(());
    }
    Err(Error::Forbidden(
        "This form is out of date, or did not come from this page. Go back, reload the page and try again."
            .into(),
    ))
}

/// A request by somebody who is not signed in, or not yet.
pub(crate) struct Visitor {
    pub(super) doors: Doors,
    pub(super) origin: RequestOrigin,
    secret: BrowserSecret,
    /// The cookie of a session that the browser has already.
    former: Option<BrowserSecret>,
    /// The browser does not have the cookie yet.
    new: bool,
}

impl FromRequestParts<Doors> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, doors: &Doors) -> Result<Self, Response> {
        let jar = CookieJar::from_headers(&parts.headers);
        let held =
            jar.get(cookie_name(doors.settings())).and_then(|cookie| BrowserSecret::parse(cookie.value()));
        let new = held.is_none();
        let secret = match held {
            Some(secret) => secret,
            None => doors.app().visitor_secret().map_err(|error| PageError::from(error).into_response())?,
        };
        let former = credentials::session_cookie(doors.settings(), &parts.headers);
        let origin = credentials::browser_origin(&parts.extensions, &parts.headers);
        Ok(Self { doors: doors.clone(), origin, secret, former, new })
    }
}

impl Visitor {
    pub(super) fn app(&self) -> &App {
        self.doors.app()
    }

    /// The hidden field of their forms.
    pub(super) fn csrf(&self) -> Result<String, Error> {
        csrf::token(self.app(), &self.secret)
    }

    /// Refuses a form that was not made for this browser: nobody can be signed in to an account that is not theirs.
    pub(super) fn check_form(&self, token: &str) -> Result<(), Error> {
        check_form(token, &self.secret)
    }

    /// Ends the session that the browser had before it signed in again: no copy of its cookie lives on unseen (OWASP ASVS 5.0,
    /// 7.2.4).
    pub(super) async fn end_former_session(&self) -> Result<(), Error> {
        let Some(former) = &self.former else { return Ok(()) };
        match self.app().actor_of_session(former, &self.origin).await? {
            Some(actor) => self.app().sign_out(&actor).await,
            None => Ok(()),
        }
    }

    /// The answer, with the cookie that the form is tied to if the browser does not have it yet.
    pub(super) fn answer(&self, response: Response) -> Response {
        if !self.new {
            return response;
        }
        let settings = self.doors.settings();
        let cookie = Cookie::build((cookie_name(settings), self.secret.expose().to_owned()))
            .path("/")
            .http_only(true)
            .same_site(SameSite::Lax)
            .secure(settings.is_https());
        (CookieJar::new().add(cookie), response).into_response()
    }
}

fn cookie_name(settings: &Settings) -> &'static str {
    if settings.is_https() { "__Host-keystead-visitor" } else { "keystead-visitor" }
}
