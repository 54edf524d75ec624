//! One's own account: name, password, sessions, and going over to another organization.

use axum::extract::Query;
use axum::response::{IntoResponse, Response};
use axum_extra::extract::CookieJar;
use http::StatusCode;
use http::header::RETRY_AFTER;
use keystead_domain::{Error, Field, NewPassword, OrganizationState, PersonName, RoleId, User, Via};
use serde::Deserialize;

use super::access::{HOME, PASSWORD_HINT, local_path};
use super::forms::{Posted, field_error};
use super::html::{PageError, page, see_other};
use super::list::time;
use super::user_agent;
use super::view::{AccountErrors, AccountPage, AccountRole, Notice, SessionRow, Tone};
use super::visit::SignedIn;
use crate::{credentials, problem};

#[derive(Deserialize)]
pub(crate) struct AccountQuery {
    #[serde(default)]
    done: String,
}

/// `GET /settings/account`, and the addresses that its forms post to.
pub(crate) async fn account_page(
    visit: SignedIn,
    Query(query): Query<AccountQuery>,
) -> Result<Response, PageError> {
    let text = match query.done.as_str() {
        "name" => Some("Your name was changed."),
        "password" => Some("Your password was changed, and you were signed out everywhere else."),
        "session" => Some("The session was ended."),
        _ => None,
    };
    let notice = text.map(|text| Notice { tone: Tone::Good, text: text.to_owned() });
    let template = AccountPage { notice, ..account(&visit).await? };
    Ok(page(StatusCode::OK, &template))
}

#[derive(Deserialize)]
pub(crate) struct NameFields {
    csrf: String,
    name: String,
}

/// `POST /settings/account`: changes one's own name.
pub(crate) async fn rename(
    visit: SignedIn,
    Posted(fields): Posted<NameFields>,
) -> Result<Response, PageError> {
    visit.check_form(&fields.csrf)?;
    let mut errors = AccountErrors::default();
    if let Some(name) = field_error(PersonName::parse(&fields.name), &mut errors.name)? {
        visit.app().update_user(&visit.actor, visit.actor.user().id, Some(name), None).await?;
        return Ok(see_other("/settings/account?done=name"));
    }
    let template = AccountPage { name: fields.name, errors, ..account(&visit).await? };
    Ok(page(StatusCode::UNPROCESSABLE_ENTITY, &template))
}

#[derive(Deserialize)]
pub(crate) struct PasswordFields {
    csrf: String,
    #[serde(default)]
    current_password: String,
    password: String,
}

/// `POST /settings/account/password`: changes one's own password.
pub(crate) async fn change_password(
    visit: SignedIn,
    Posted(fields): Posted<PasswordFields>,
) -> Result<Response, PageError> {
    visit.check_form(&fields.csrf)?;
    let mut errors = AccountErrors::default();
    let user = visit.actor.user();
    let password =
        field_error(NewPassword::parse(&fields.password, user.email.as_str()), &mut errors.password)?;
    let Some(password) = password else {
        let template = AccountPage { errors, ..account(&visit).await? };
        return Ok(page(StatusCode::UNPROCESSABLE_ENTITY, &template));
    };
    let changed =
        visit.app().change_password(&visit.actor, &fields.current_password, password, visit.origin.clone());
    let error = match changed.await {
        Ok(signed_in) => return Ok(enter(&visit, &signed_in, "/settings/account?done=password")),
        Err(error) => error,
    };
    let mut retry_after = None;
    match &error {
        Error::Invalid { field: Field::CurrentPassword, message } => {
            errors.current_password = Some(message.clone());
        }
        Error::RateLimited { retry_after: wait } => {
            let seconds = wait.as_secs().unsigned_abs();
            errors.current_password = Some(format!("Too many attempts. Try again in {seconds} s."));
            retry_after = Some(seconds);
        }
        _ => return Err(error.into()),
    }
    let mut response = page(problem::status(&error), &AccountPage { errors, ..account(&visit).await? });
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    Ok(response)
}

#[derive(Deserialize)]
pub(crate) struct SessionFields {
    csrf: String,
    session: String,
}

/// `POST /settings/account/sessions`: ends one of one's own sessions, or `all`.
pub(crate) async fn end_sessions(
    visit: SignedIn,
    Posted(fields): Posted<SessionFields>,
) -> Result<Response, PageError> {
    visit.check_form(&fields.csrf)?;
    if fields.session == "all" {
        visit.app().sign_out_everywhere(&visit.actor).await?;
        return Ok(leave(&visit, "/sign-in?done=everywhere"));
    }
    let session = fields.session.parse().map_err(|_| Error::NotFound("session"))?;
    visit.app().end_own_session(&visit.actor, session).await?;
    if visit.actor.via() == Via::Session(session) {
        return Ok(leave(&visit, "/sign-in"));
    }
    Ok(see_other("/settings/account?done=session"))
}

#[derive(Deserialize)]
pub(crate) struct SwitchFields {
    csrf: String,
    user: String,
    #[serde(default)]
    next: String,
}

/// `POST /switch`: goes over to another organization, as far as the session has proven who one is there.
pub(crate) async fn switch(
    visit: SignedIn,
    Posted(fields): Posted<SwitchFields>,
) -> Result<Response, PageError> {
    visit.check_form(&fields.csrf)?;
    let user = fields.user.parse().map_err(|_| Error::NotFound("user"))?;
    let signed_in = visit.app().switch(&visit.actor, user, visit.origin.clone()).await?;
    Ok(enter(&visit, &signed_in, local_path(&fields.next).unwrap_or(HOME)))
}

fn enter(visit: &SignedIn, signed_in: &keystead_app::SignedIn, to: &str) -> Response {
    let cookie = credentials::sign_in_cookie(visit.doors.settings(), &signed_in.cookie);
    (CookieJar::new().add(cookie), see_other(to)).into_response()
}

fn leave(visit: &SignedIn, to: &str) -> Response {
    let cookie = credentials::sign_out_cookie(visit.doors.settings());
    (CookieJar::new().add(cookie), see_other(to)).into_response()
}

async fn account(visit: &SignedIn) -> Result<AccountPage, Error> {
    let person = visit.app().myself(&visit.actor).await?;
    let sessions = visit.app().own_sessions(&visit.actor).await?;
    let state = visit.app().organization(&visit.actor)?;
    Ok(AccountPage {
        shell: visit.shell().await?,
        name: person.user.name.to_string(),
        roles: roles(&person.user, &state),
        has_password: person.has_password,
        password_hint: PASSWORD_HINT,
        sessions: sessions
            .into_iter()
            .map(|session| SessionRow {
                id: session.id.to_string(),
                browser: user_agent::words(session.user_agent.as_ref()),
                address: session.address,
                started: time(session.created_at),
                last_used: time(session.last_seen_at),
                current: session.current,
            })
            .collect(),
        notice: None,
        errors: AccountErrors::default(),
    })
}

/// The roles that a user holds, their own first.
fn roles(user: &User, state: &OrganizationState) -> Vec<AccountRole> {
    let role = |id: &RoleId, scopes: Vec<String>, group: Option<String>| {
        let name = state.roles.get(id)?.name.to_string();
        Some(AccountRole { name, scopes: scopes.join(", "), group })
    };
    let own = user.assignments.iter().filter_map(|(id, scopes)| {
        role(id, scopes.iter().map(|scope| scope.as_str().to_owned()).collect(), None)
    });
    let inherited = user.groups().iter().flat_map(|group| {
        group.assignments.iter().filter_map(|(id, scopes)| {
            role(
                id,
                scopes.iter().map(|scope| scope.as_str().to_owned()).collect(),
                Some(group.name.to_string()),
            )
        })
    });
    own.chain(inherited).collect()
}
