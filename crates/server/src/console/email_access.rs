//! Email Access Control: who may be let in, by domain and address.

use axum::extract::Query;
use axum::response::Response;
use http::StatusCode;
use keystead_app::Excluded;
use keystead_domain::{EmailAccess, EmailList, EmailRule, Error, RuleKind};

use super::fields::Fields;
use super::forms::Posted;
use super::html::{PageError, page, see_other};
use super::settings::Done;
use super::view::{Chip, ChipField, EmailAccessPage, Exclusion, Notice};
use super::visit::SignedIn;
use crate::problem;

/// The four lists, in the order of the page: of which list and kind, the field's name, and its words.
const LISTS: [(EmailList, RuleKind, &str, &str, &str, &str); 4] = [
    (
        EmailList::Allow,
        RuleKind::Domain,
        "allowed_domains",
        "Domains",
        "Domains on the allowlist",
        "A domain covers exactly that domain; *.company.com covers its subdomains.",
    ),
    (
        EmailList::Allow,
        RuleKind::Address,
        "allowed_addresses",
        "E-mail addresses",
        "E-mail addresses on the allowlist",
        "For single people of other domains, such as an auditor.",
    ),
    (
        EmailList::Block,
        RuleKind::Domain,
        "blocked_domains",
        "Domains",
        "Domains on the blocklist",
        "A domain covers exactly that domain; *.company.com covers its subdomains.",
    ),
    (
        EmailList::Block,
        RuleKind::Address,
        "blocked_addresses",
        "E-mail addresses",
        "E-mail addresses on the blocklist",
        "Single people whom the allowlist would let in.",
    ),
];

/// The texts of the four lists, as they were typed.
type Texts = [Vec<String>; 4];

/// What the page shows besides the lists.
#[derive(Default)]
struct Besides {
    form_error: Option<String>,
    notice: Option<Notice>,
    question: Option<Exclusion>,
}

/// `GET /settings/email-access`.
pub(crate) async fn access_page(visit: SignedIn, Query(done): Query<Done>) -> Result<Response, PageError> {
    visit.actor.settings()?;
    let state = visit.app().organization(&visit.actor)?;
    let texts = LISTS.map(|(list, kind, ..)| {
        state.email_access.rules(list, kind).map(|rule| rule.as_str().to_owned()).collect()
    });
    let notice = done.notice(&[("saved", "The rules were saved, and hold from now on.")]);
    show(&visit, &texts, Besides { notice, ..Besides::default() }, StatusCode::OK).await
}

async fn show(
    visit: &SignedIn,
    texts: &Texts,
    besides: Besides,
    status: StatusCode,
) -> Result<Response, PageError> {
    let open = texts[0].is_empty() && texts[1].is_empty();
    let Besides { form_error, notice, question } = besides;
    let [domains, addresses, blocked_domains, blocked_addresses] =
        [0, 1, 2, 3].map(|at| field(at, &texts[at]));
    let template = EmailAccessPage {
        shell: visit.shell().await?,
        allow: [domains, addresses],
        block: [blocked_domains, blocked_addresses],
        open,
        form_error,
        notice,
        question,
    };
    Ok(page(status, &template))
}

/// One list: a rule as it is kept, and what is none as it was typed.
fn field(at: usize, texts: &[String]) -> ChipField {
    let (list, kind, name, label, list_label, hint) = LISTS[at];
    let mut error = None;
    let chip = |text: &String| match EmailRule::parse(list, kind, text) {
        Ok(rule) => Chip { text: rule.as_str().to_owned(), unicode: rule.unicode(), wrong: false },
        Err(why) => {
            error.get_or_insert(why.to_string());
            Chip { text: text.clone(), unicode: None, wrong: true }
        }
    };
    ChipField { name, label, list_label, hint, chips: texts.iter().map(chip).collect(), error }
}

/// `POST /settings/email-access`. Rules that exclude users are saved only by somebody who was told how many.
pub(crate) async fn save(visit: SignedIn, Posted(fields): Posted<Fields>) -> Result<Response, PageError> {
    visit.check_form(fields.text("csrf")?)?;
    visit.actor.settings()?;
    // A list that was lost on the way must not pass for an empty one: that could let everybody in.
    if let Some((list, kind, ..)) = LISTS.iter().find(|(_, _, name, ..)| !fields.has(name)) {
        let message = "The form came incomplete. Reload the page and try again.";
        return Err(Error::invalid(kind.field(*list), message).into());
    }
    let texts = LISTS.map(|(_, _, name, ..)| fields.entries(name));
    let rules = match EmailAccess::parse(&texts[0], &texts[1], &texts[2], &texts[3]) {
        Ok(rules) => rules,
        Err(error) => return refused(&visit, &texts, &error).await,
    };
    if fields.has("back") {
        return show(&visit, &texts, Besides::default(), StatusCode::OK).await;
    }
    let expected = fields.text("expected")?.parse().unwrap_or(0);
    let excluded = visit.app().excluded_by(&visit.actor, &rules)?;
    if excluded.count > expected && rules.admits(&visit.actor.user().email) {
        let besides = Besides { question: Some(question(&excluded, &texts)), ..Besides::default() };
        return show(&visit, &texts, besides, StatusCode::OK).await;
    }
    match visit.app().set_email_access(&visit.actor, rules, Some(expected)).await {
        Ok(()) => Ok(see_other("/settings/email-access?done=saved")),
        Err(error) => refused(&visit, &texts, &error).await,
    }
}

/// The page again, with the rules as they were typed and what is wrong with them.
async fn refused(visit: &SignedIn, texts: &Texts, error: &Error) -> Result<Response, PageError> {
    let form_error = match error {
        // Beside the list: a rule that is none. Too many of them are no fault of any single one.
        Error::Invalid { .. } if (0..4).any(|at| field(at, &texts[at]).error.is_some()) => None,
        Error::Invalid { message, .. } | Error::Conflict(message) => Some(message.clone()),
        other => return Err(other.clone().into()),
    };
    show(visit, texts, Besides { form_error, ..Besides::default() }, problem::status(error)).await
}

fn question(excluded: &Excluded, texts: &Texts) -> Exclusion {
    let people = excluded.users.iter().map(|user| (user.name.to_string(), user.email.to_string()));
    // Each list is sent, the empty ones, too.
    let fields = LISTS.iter().zip(texts).map(|((_, _, name, ..), texts)| (*name, texts.join(" ")));
    Exclusion { count: excluded.count, people: people.collect(), fields: fields.collect() }
}
