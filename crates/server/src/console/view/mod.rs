//! What the console's pages show, as plain data.
//!
//! A page is a struct with an askama template; a handler fills it and renders it. Nothing here knows a rule of the
//! domain: whether a key may be edited, what its status is and what a link points to is decided by whoever fills the
//! struct. Text is plain text (askama escapes it); links are paths of this origin, already percent-encoded.
//!
//! No page type implements `Debug`: one of them carries a token, several carry what a person typed.

mod access;
mod account;
mod dialogs;
mod keys;
mod pages;
#[cfg(test)]
mod tests;

pub use access::{
    ForgotPage, InvitationErrors, InvitationPage, LinkSpentPage, ResetPage, SetupErrors, SetupPage,
    SignInLinkPage, SignInPage,
};
pub use account::{AccountErrors, AccountPage, AccountRole, SessionRow};
pub use dialogs::{
    AlreadyCreated, CreateErrors, CreateForm, Created, Dialog, EditErrors, EditForm, EditRefused,
    ExpirationChoice, RevokeForm,
};
pub use keys::{Action, Filter, KeyList, KeyRow, KeysPage, ListLinks, Status};
pub use pages::{ErrorPage, SettingsPage};

/// Where the pages load their style, script and icon from.
#[derive(Clone)]
pub struct Assets {
    /// The style sheet, such as `/assets/console.css?v=1f9a`.
    pub css: String,
    /// The script. Every page works without it.
    pub js: String,
    /// The icon of the browser's tab (SVG).
    pub icon: String,
}

/// Who is looking at the page.
#[derive(Clone)]
pub struct Viewer {
    /// The person's name.
    pub name: String,
    /// The e-mail address they sign in with.
    pub email: String,
    /// What they are here, in words: "administrator".
    pub role: String,
    /// The organization's name.
    pub organization: String,
    /// The same person's other organizations to which their session may switch.
    pub others: Vec<OtherOrganization>,
}

/// An organization to switch to.
#[derive(Clone)]
pub struct OtherOrganization {
    /// The id of the viewer's user there.
    pub user: String,
    /// Its name.
    pub name: String,
}

/// What all pages behind sign-in have in common.
#[derive(Clone)]
pub struct Shell {
    /// Style, script and icon.
    pub assets: Assets,
    /// The value of the hidden `csrf` field in every form of the page.
    pub csrf: String,
    /// Who is signed in.
    pub viewer: Viewer,
    /// A standing remark about the whole server, shown above the heading: "Keystead is read-only right now …".
    pub banner: Option<String>,
}

/// What came of the last change, shown in place above the list.
pub struct Notice {
    /// Whether it went well; decides the icon.
    pub tone: Tone,
    /// One sentence: "Revoked “deploy key”."
    pub text: String,
}

/// Whether a [`Notice`] is good news.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Done as asked.
    Good,
    /// Not done, or done with a reservation.
    Warning,
}

/// An instant, written three ways. The server writes UTC; the script rewrites the text in the viewer's time zone.
#[derive(Clone)]
pub struct Time {
    /// RFC 3339 in UTC, for the `datetime` attribute: `2026-03-12T14:05:09Z`.
    pub rfc3339: String,
    /// The day, for a narrow column: `12 Mar 2026`.
    pub date: String,
    /// The exact instant: `12 Mar 2026, 14:05:09 UTC`.
    pub exact: String,
}

/// The fields that have an error, each with the id of its element.
fn collect<'a, const N: usize>(
    fields: [(&'static str, &'a Option<String>); N],
) -> Vec<(&'static str, &'a str)> {
    fields.into_iter().filter_map(|(field, error)| error.as_deref().map(|error| (field, error))).collect()
}
