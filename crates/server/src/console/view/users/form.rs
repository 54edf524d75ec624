//! The form by which somebody is invited or edited.

use crate::console::view::{RoleChoice, collect};

/// `GET|POST /settings/users/invite` and `/settings/users/{user}/edit`. Fields: `csrf`, `name`, `email`, `role` of each role,
/// `resources.ROLE` of each role that takes them, `group` of each group.
pub struct UserForm {
    /// *Invite a user*, *Edit Grace Hopper*.
    pub title: String,
    /// The words on the button.
    pub submit: &'static str,
    /// Whether somebody new is invited: then the name is optional.
    pub invites: bool,
    /// Where the form posts to.
    pub action: String,
    /// Where *Cancel* leads.
    pub close: String,
    /// As typed, or as it is.
    pub name: String,
    /// As typed, or as it is.
    pub email: String,
    /// Every role that there is, in order.
    pub roles: Vec<RoleChoice>,
    /// Every group that there is, in order.
    pub groups: Vec<GroupChoice>,
    /// What was wrong with the last attempt.
    pub errors: UserErrors,
}

/// A group to be ticked.
pub struct GroupChoice {
    /// The value of the `group` field.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The names of the roles that its members inherit.
    pub roles: Vec<String>,
    /// Whether it is ticked.
    pub chosen: bool,
    /// Why it cannot be changed.
    pub refused: Option<String>,
}

/// Errors of the form.
#[derive(Default)]
pub struct UserErrors {
    /// About `name`.
    pub name: Option<String>,
    /// About `email`.
    pub email: Option<String>,
    /// About the roles and their resources.
    pub roles: Option<String>,
    /// About the groups.
    pub groups: Option<String>,
    /// About nothing in particular.
    pub form: Option<String>,
}

impl UserErrors {
    /// Every error with the id of its field, in the order of the form.
    pub(crate) fn list(&self) -> Vec<(&'static str, &str)> {
        collect([
            ("dialog-title", &self.form),
            ("email", &self.email),
            ("name", &self.name),
            ("roles", &self.roles),
            ("groups", &self.groups),
        ])
    }
}
