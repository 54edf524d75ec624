//! The pages of roles and of groups.

use askama::Template;

use super::{Action, ChipField, ConfirmForm, Notice, Shell, collect};

/// `GET /settings/roles`, and every address of a dialog over it.
#[derive(Template)]
#[template(path = "roles.html")]
pub struct RolesPage {
    /// What all pages have in common.
    pub shell: Shell,
    /// Built-in roles first, then those of the configuration, then the organization's.
    pub roles: Vec<RoleRow>,
    /// *Create role*.
    pub create: Action,
    /// What came of the last change.
    pub notice: Option<Notice>,
    /// The dialog that is open over it.
    pub dialog: Option<RoleDialog>,
}

/// One role of the list.
pub struct RoleRow {
    /// Its id; part of element ids.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Where it comes from, if not from this page: "Built in", "From the server’s configuration".
    pub origin: Option<&'static str>,
    /// What it is for; may be empty.
    pub description: String,
    /// Whether it permits everything in the organization, whatever there is.
    pub everything: bool,
    /// Keystead's own permissions, in words.
    pub own: Vec<&'static str>,
    /// The product's.
    pub product: Vec<String>,
    /// *Edit role*.
    pub edit: Action,
    /// *Delete role*.
    pub delete: Action,
    /// Whether the viewer has just made or changed it.
    pub fresh: bool,
}

/// The dialog that is open over the roles.
pub enum RoleDialog {
    /// *Create role* or *Edit role*.
    Edit(RoleForm),
    /// *Delete this role?*
    Delete(ConfirmForm),
}

/// `GET|POST /settings/roles/new` and `/settings/roles/{id}/edit`. Fields: `csrf`, `name`, `description`, `permissions` (repeated).
pub struct RoleForm {
    /// "Create role".
    pub title: &'static str,
    /// The word on the button.
    pub verb: &'static str,
    /// Where the form posts to.
    pub action: String,
    /// Where *Cancel* leads.
    pub close: String,
    /// As typed, or as it is.
    pub name: String,
    /// As typed, or as it is.
    pub description: String,
    /// Those of Keystead's own permissions that the viewer can grant.
    pub offered: Vec<PermissionChoice>,
    /// Whether there are others, which they cannot.
    pub withheld: bool,
    /// The product's permissions.
    pub product: ChipField,
    /// About `name`.
    pub name_error: Option<String>,
    /// About `description`.
    pub description_error: Option<String>,
    /// About nothing in particular: a limit, a permission that the viewer does not hold.
    pub form_error: Option<String>,
}

impl RoleForm {
    /// Every error with the id of its field, in the order of the form.
    pub(crate) fn errors(&self) -> Vec<(&'static str, &str)> {
        collect([
            ("dialog-title", &self.form_error),
            ("name", &self.name_error),
            ("description", &self.description_error),
            ("permissions", &self.product.error),
        ])
    }
}

/// One of Keystead's own permissions.
pub struct PermissionChoice {
    /// Its name: `keys:read_all`.
    pub value: String,
    /// What it is, in words.
    pub label: &'static str,
    /// What to think of before giving it.
    pub about: &'static str,
    /// Whether it is given.
    pub chosen: bool,
}

impl RolesPage {
    /// What the open dialog is called in the browser's tab and history.
    pub(crate) fn dialog_title(&self) -> String {
        match &self.dialog {
            Some(RoleDialog::Edit(form)) if !form.errors().is_empty() => format!("Error: {}", form.title),
            Some(RoleDialog::Edit(form)) => form.title.to_owned(),
            Some(RoleDialog::Delete(form)) => form.tab_title(),
            None => String::new(),
        }
    }
}

/// `GET /settings/groups`, and its *Create group* dialog.
#[derive(Template)]
#[template(path = "groups.html")]
pub struct GroupsPage {
    /// What all pages have in common.
    pub shell: Shell,
    /// The groups, by name.
    pub groups: Vec<GroupRow>,
    /// *Create group*.
    pub create: Action,
    /// What came of the last change.
    pub notice: Option<Notice>,
    /// The dialog that is open over it.
    pub dialog: Option<GroupForm>,
}

impl GroupsPage {
    /// What the open dialog is called in the browser's tab and history.
    pub(crate) fn dialog_title(&self) -> String {
        self.dialog.as_ref().map(GroupForm::tab_title).unwrap_or_default()
    }
}

/// One group of the list.
pub struct GroupRow {
    /// Its name.
    pub name: String,
    /// Its page.
    pub href: String,
    /// The roles that its members inherit.
    pub roles: Vec<HeldRole>,
}

/// A role as a group holds it.
pub struct HeldRole {
    /// Its name.
    pub name: String,
    /// The resources that it is limited to; none is everywhere.
    pub resources: Vec<String>,
}

/// `GET /settings/groups/{id}`, and every address of a dialog over it.
#[derive(Template)]
#[template(path = "group.html")]
pub struct GroupPage {
    /// What all pages have in common.
    pub shell: Shell,
    /// Its name.
    pub name: String,
    /// The roles that its members inherit.
    pub roles: Vec<HeldRole>,
    /// *Edit group*.
    pub edit: Action,
    /// *Delete group*.
    pub delete: Action,
    /// The first 100 members.
    pub members: Vec<MemberRow>,
    /// How many members there are.
    pub count: u64,
    /// *Add a member*.
    pub add: AddMember,
    /// What came of the last change.
    pub notice: Option<Notice>,
    /// The dialog that is open over it.
    pub dialog: Option<GroupDialog>,
}

impl GroupPage {
    /// What the open dialog is called in the browser's tab and history.
    pub(crate) fn dialog_title(&self) -> String {
        match &self.dialog {
            Some(GroupDialog::Edit(form)) => form.tab_title(),
            Some(GroupDialog::Delete(form)) => form.tab_title(),
            None => String::new(),
        }
    }
}

/// A member of a group.
pub struct MemberRow {
    /// Their name.
    pub name: String,
    /// Their address.
    pub email: String,
    /// Why they may not act now, if they may not: "Deactivated".
    pub standing: Option<&'static str>,
    /// *Remove*: where its form posts to.
    pub remove: Action,
}

/// `POST /settings/groups/{id}/members`. Fields: `csrf`, `email`.
pub struct AddMember {
    /// Where the form posts to, or why nobody can be added.
    pub action: Action,
    /// As typed.
    pub email: String,
    /// What was wrong with the last attempt.
    pub error: Option<String>,
}

/// The dialog that is open over a group.
pub enum GroupDialog {
    /// *Edit group*.
    Edit(GroupForm),
    /// *Delete this group?*
    Delete(ConfirmForm),
}

/// `GET|POST /settings/groups/new` and `/settings/groups/{id}/edit`. Fields: `csrf`, `name`, `role` (repeated) and, for each role,
/// `resources.ROLE`.
pub struct GroupForm {
    /// "Create group".
    pub title: &'static str,
    /// The word on the button.
    pub verb: &'static str,
    /// Where the form posts to.
    pub action: String,
    /// Where *Cancel* leads.
    pub close: String,
    /// As typed, or as it is.
    pub name: String,
    /// Every role that there is.
    pub roles: Vec<RoleChoice>,
    /// About `name`.
    pub name_error: Option<String>,
    /// About `role` and the resources.
    pub roles_error: Option<String>,
    /// About nothing in particular.
    pub form_error: Option<String>,
}

impl GroupForm {
    /// Every error with the id of its field, in the order of the form.
    pub(crate) fn errors(&self) -> Vec<(&'static str, &str)> {
        collect([
            ("dialog-title", &self.form_error),
            ("name", &self.name_error),
            ("roles", &self.roles_error),
        ])
    }

    fn tab_title(&self) -> String {
        if self.errors().is_empty() { self.title.to_owned() } else { format!("Error: {}", self.title) }
    }
}

/// A role that a group can be given.
pub struct RoleChoice {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it is for; may be empty.
    pub about: String,
    /// Whether it is given.
    pub chosen: bool,
    /// The resources that it is limited to, as typed; `None` for a role that cannot be limited.
    pub resources: Option<String>,
    /// Why the viewer cannot give it.
    pub refused: Option<String>,
}
