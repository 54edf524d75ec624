//! The mutations, by what they change.

mod impersonation;
mod keys;
mod organizations;
mod roles;
mod settings;
mod users;
mod workspace;

use async_graphql::MergedObject;

pub(super) use settings::EmailAccessInput;

/// What can be changed. Each change is written to the audit log, and is kept before the answer says that it was made.
#[derive(MergedObject, Default)]
pub(crate) struct Mutation(
    keys::KeyMutation,
    impersonation::ImpersonationMutation,
    workspace::WorkspaceMutation,
    users::UserMutation,
    roles::RoleMutation,
    settings::SettingsMutation,
    organizations::OrganizationMutation,
);

/// What a change of many things costs: each is work for the one writer.
fn bulk(things: usize, work_of_each: usize) -> usize {
    500_usize.saturating_add(things.min(keystead_app::NEW_USERS_MAX).saturating_mul(work_of_each))
}
