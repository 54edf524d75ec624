//! What the console's pages show, as plain data.
//!
//! A page is a struct with an askama template; a handler fills it and renders it. Nothing here knows a rule of the
//! domain: whether a key may be edited, what its status is and what a link points to is decided by whoever fills the
//! struct. Text is plain text (askama escapes it); links are paths of this origin, already percent-encoded.
//!
//! No page type implements `Debug`: one of them carries a token, several carry what a person typed.

use std::fmt;

mod access;
mod account;
mod audit;
mod connected_apps;
mod dialogs;
mod email_access;
mod embed;
mod keys;
mod nodes;
mod pages;
mod roles;
mod settings;
#[cfg(test)]
mod tests;
mod users;

pub use access::{
    ForgotPage, InvitationErrors, InvitationPage, LinkSpentPage, ResetPage, SetupErrors, SetupPage,
    SignInLinkPage, SignInPage,
};
pub use account::{AccountErrors, AccountPage, AccountRole, SessionRow};
pub use audit::{AuditChoice, AuditForm, AuditLogPage, AuditRow};
pub use connected_apps::{
    Asking, ConnectedAppRow, ConnectedAppsPage, ConsentPage, DisconnectForm, Recipient,
};
pub use dialogs::{
    AlreadyCreated, ChosenKey, Closed, CreateErrors, CreateForm, Created, Dialog, EditErrors, EditForm,
    EditRefused, EndSessionsForm, ExpirationChoice, RevokeForm, RevokeManyForm, Snippet,
};
pub use email_access::{EmailAccessPage, Exclusion};
pub use embed::EmbedPage;
pub use keys::{Action, Bulk, EmbeddedKeys, Filter, KeyList, KeyRow, KeysPage, ListLinks, Sessions, Status};
pub use nodes::{NodeRow, NodesPage};
pub use pages::ErrorPage;
pub use roles::{
    AddMember, GroupDialog, GroupForm, GroupPage, GroupRow, GroupsPage, HeldRole, MemberRow,
    PermissionChoice, RoleChoice, RoleDialog, RoleForm, RoleRow, RolesPage,
};
pub use settings::{
    Chip, ChipField, ConfirmForm, InvitationLink, KeyPolicyPage, NewOrganization, OrganizationDialog,
    OrganizationRow, OrganizationsPage, PolicyChoice, RenameForm, SettingsPage,
};
pub use users::{
    Fact, GroupChoice, Impact, ImpactKey, KeysOfUser, LinkMade, OwnedKey, Typed, UserAction, UserConfirm,
    UserDialog, UserErrors, UserFilterStatus, UserForm, UserList, UserListLinks, UserPage, UserRole, UserRow,
    UserStanding, UserView, UsersPage,
};

/// Where the pages load their style, script and icon from.
#[derive(Clone)]
pub struct Assets {
    /// The style sheet, such as `/assets/console.css?v=1f9a`.
    pub css: String,
    /// The script, a module. Every page of the console works without it.
    pub js: String,
    /// The script of the embedded page, a module.
    pub embed_js: String,
    /// The modules that it loads.
    pub embed_modules: [String; 2],
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

/// A page that the viewer may open.
#[derive(Clone)]
pub struct NavLink {
    /// Its path.
    pub href: &'static str,
    /// Its name.
    pub label: &'static str,
    /// The name of its icon.
    pub icon: &'static str,
    /// What it is for, in a sentence.
    pub about: &'static str,
    /// Whether the viewer is there, or at something below it.
    pub current: bool,
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
    /// Where the viewer may go.
    pub nav: Vec<NavLink>,
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

impl Notice {
    pub(crate) fn is_warning(&self) -> bool {
        self.tone == Tone::Warning
    }
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

/// How many there are, counted up to [`Count::AT_MOST`]: whoever has more needs a search, not a number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Count(pub u64);

impl Count {
    /// Beyond this, nothing is counted.
    pub const AT_MOST: u32 = 1_001;
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1_000 => f.write_str("1,000"),
            beyond if beyond > 1_000 => f.write_str("1,000+"),
            few => few.fmt(f),
        }
    }
}

/// The count of a list, announced to screen readers whenever it changes: of one page, of all that match, and of all there are
/// if some are filtered out.
fn count_words(noun: &str, here: usize, matching: Count, all: Option<Count>) -> String {
    let plural = |count: Count| if count.0 == 1 { "" } else { "s" };
    let on_page = if (here as u64) < matching.0 { format!(", {here} on this page") } else { String::new() };
    match all {
        Some(all) => {
            let verb = if matching.0 == 1 { "matches" } else { "match" };
            format!("{matching} of {all} {noun}{} {verb}{on_page}", plural(all))
        }
        None => format!("{matching} {noun}{}{on_page}", plural(matching)),
    }
}

/// The fields that have an error, each with the id of its element.
fn collect<'a, const N: usize>(
    fields: [(&'static str, &'a Option<String>); N],
) -> Vec<(&'static str, &'a str)> {
    fields.into_iter().filter_map(|(field, error)| error.as_deref().map(|error| (field, error))).collect()
}
