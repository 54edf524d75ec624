//! The audit log's page, and copies to take along.

mod copy;
mod words;

use axum::extract::RawQuery;
use axum::response::Response;
use http::StatusCode;
use keystead_app::{AuditNames, ExportFormat};
use keystead_domain::Error;
use keystead_domain::audit::{Action, AuditFilter, Event, ViaKind};
use uuid::Uuid;

use super::forms::field_error;
use super::html::{PageError, page};
use super::list::time;
use super::view::{AuditChoice, AuditForm, AuditLogPage, AuditRow};
use super::visit::SignedIn;

const PATH: &str = "/settings/audit-log";
/// Events a page.
const PAGE: i64 = 50;

/// The parameters of the list; every link and form of the page carries them along.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct AuditQuery {
    user: String,
    actions: Vec<String>,
    via: String,
    target: String,
    from: String,
    to: String,
    after: String,
}

impl AuditQuery {
    /// From the pairs of an address or a form; an action may be there several times.
    fn of<'a>(pairs: impl IntoIterator<Item = (impl AsRef<str>, impl Into<String> + 'a)>) -> Self {
        let mut query = Self::default();
        for (name, value) in pairs {
            let value: String = value.into();
            match name.as_ref() {
                "user" => query.user = value.trim().to_owned(),
                "action" if query.actions.len() < Action::ALL.len() => query.actions.push(value),
                "via" => query.via = value,
                "target" => query.target = value,
                "from" => query.from = value,
                "to" => query.to = value,
                "after" => query.after = value,
                _ => {}
            }
        }
        query
    }

    /// The parameters of the filter that are filled in.
    fn given(&self) -> Vec<(&'static str, String)> {
        let one = |name, value: &String| (name, value.clone());
        let mut given = vec![one("user", &self.user)];
        given.extend(self.actions.iter().map(|action| one("action", action)));
        given.extend([
            one("via", &self.via),
            one("target", &self.target),
            one("from", &self.from),
            one("to", &self.to),
        ]);
        given.retain(|(_, value)| !value.is_empty());
        given
    }

    /// The list behind a cursor, or from its beginning.
    fn address(&self, after: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.given());
        if !after.is_empty() {
            query.append_pair("after", after);
        }
        match query.finish() {
            query if query.is_empty() => PATH.to_owned(),
            query => format!("{PATH}?{query}"),
        }
    }

    async fn filter(&self, visit: &SignedIn) -> Result<AuditFilter, Error> {
        let user = match self.user.as_str() {
            "" => String::new(),
            named => visit.app().audit_user(&visit.actor, named).await?.to_string(),
        };
        AuditFilter::parse(&user, &self.actions, &self.target, &self.via, &self.from, &self.to)
    }

    fn form(&self) -> AuditForm {
        let mut actions: Vec<_> = Action::ALL
            .into_iter()
            .map(|action| AuditChoice {
                value: action.name(),
                label: action.label(),
                chosen: self.actions.iter().any(|chosen| chosen == action.name()),
            })
            .collect();
        actions.sort_by_key(|action| action.label);
        let via = |via: ViaKind| AuditChoice {
            value: via.name(),
            label: via.label(),
            chosen: self.via == via.name(),
        };
        AuditForm {
            user: self.user.clone(),
            actions,
            vias: ViaKind::ALL.map(via).into(),
            target: self.target.clone(),
            from: self.from.clone(),
            to: self.to.clone(),
            without_target: Self { target: String::new(), ..self.clone() }.address(""),
            given: self.given(),
        }
    }
}

/// `GET /settings/audit-log`.
pub(crate) async fn log_page(visit: SignedIn, RawQuery(query): RawQuery) -> Result<Response, PageError> {
    // Before anything is said about the filter.
    visit.actor.audit_log()?;
    let query = AuditQuery::of(form_urlencoded::parse(query.unwrap_or_default().as_bytes()));
    let mut template = AuditLogPage {
        shell: visit.shell().await?,
        form: query.form(),
        problem: None,
        rows: Vec::new(),
        newest: (!query.after.is_empty()).then(|| query.address("")),
        older: None,
    };
    let Some(filter) = field_error(query.filter(&visit).await, &mut template.problem)? else {
        return Ok(page(StatusCode::UNPROCESSABLE_ENTITY, &template));
    };
    let after = Some(query.after.as_str()).filter(|after| !after.is_empty());
    let events = visit.app().audit_events(&visit.actor, &filter, PAGE, after).await?;
    template.rows = events.events.iter().map(|event| row(event, &events.names)).collect();
    template.older = events.cursors.last().filter(|_| events.has_more).map(|cursor| query.address(cursor));
    Ok(page(StatusCode::OK, &template))
}

fn row(event: &Event, names: &AuditNames) -> AuditRow {
    let only = |name: &'static str, id: [u8; 16]| {
        AuditQuery::of([(name, Uuid::from_bytes(id).to_string())]).address("")
    };
    let who = words::who(event, names);
    AuditRow {
        sequence: event.sequence,
        what: words::what(event),
        target: words::target(event, names).zip(event.target.map(|id| only("target", id))),
        who: who.name,
        who_link: event.user.map(|user| only("user", *user.as_bytes())),
        who_more: who.more,
        via: words::via(event).to_owned(),
        via_name: words::via_name(event, names),
        address: event.address.clone(),
        at: time(event.at),
        details: words::details(event),
    }
}

/// `POST /settings/audit-log/export`: a form, since taking a copy is noted in the log.
pub(crate) async fn export(
    visit: SignedIn,
    super::forms::Posted(fields): super::forms::Posted<Vec<(String, String)>>,
) -> Result<Response, PageError> {
    let field = |wanted: &str| fields.iter().find(|(name, _)| name == wanted).map_or("", |(_, value)| value);
    visit.check_form(field("csrf"))?;
    let format = match field("format") {
        "jsonl" => ExportFormat::JsonLines,
        _ => ExportFormat::Csv,
    };
    visit.actor.audit_log()?;
    let filter = AuditQuery::of(fields.clone()).filter(&visit).await?;
    let export = visit.app().begin_audit_export(&visit.actor, filter, format).await?;
    Ok(copy::answer(&visit, export, format))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_the_list_reads_back_as_the_list() {
        let query = AuditQuery {
            user: "ada+ops@example.com".to_owned(),
            actions: vec!["key.created".to_owned(), "key.revoked".to_owned()],
            to: "2026-11-23".to_owned(),
            ..AuditQuery::default()
        };
        let address = query.address("00ff");
        let (path, text) = address.split_once('?').unwrap();
        assert_eq!(path, PATH);
        let read = AuditQuery::of(form_urlencoded::parse(text.as_bytes()));
        assert_eq!(read, AuditQuery { after: "00ff".to_owned(), ..query });
        assert_eq!(AuditQuery::default().address(""), PATH);
    }
}
