//! Changes to many users at once. What becomes of the input is said by a `ResponseStatus`.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use keystead_app::NewUsers;
use keystead_domain::{Email, Error, Field, UserId};

use super::bulk;
use crate::graphql::role::{RoleAssignmentInput, assignments};
use crate::graphql::status::ResponseStatus;
use crate::graphql::user::{UserAttributeInput, attributes};
use crate::graphql::{Caller, caller, id_of};

#[derive(Default)]
pub(super) struct WorkspaceMutation;

#[Object]
impl WorkspaceMutation {
    /// Creates 1 to 1,000 users, all alike and all or none. An address that has a user already is no error: that user is given
    /// these roles instead of those they had, these attributes instead of theirs, and becomes a member of these groups; what is
    /// left out stays as it is. Needs the permission `iam:write`, and all that the roles and groups permit.
    ///
    /// `status`: `ERROR` for a refused address, role, attribute or number of them, for an address that the e-mail access rules do
    /// not admit, and for welcome mails without a mail server; `NOT_FOUND` for an unknown role, group or workspace.
    /// Errors: `FORBIDDEN`, also to grant what the caller does not hold and to change somebody who may do more than they.
    #[graphql(complexity = "new_users(&input) + child_complexity")]
    async fn create_users(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Whom to create.")] input: CreateUsersInput,
    ) -> Result<CreateUsersResponse, Error> {
        let caller = caller(context)?;
        // Who may not is told that, and not what is wrong with the input.
        caller.actor.manage_people()?;
        Ok(CreateUsersResponse { status: ResponseStatus::of(create(caller, &input).await)? })
    }

    /// Replaces a user's attributes, all of them. Needs the permission `iam:write`.
    ///
    /// `status`: `ERROR` for a refused attribute or more than 50; `NOT_FOUND` for an unknown user.
    /// Errors: `FORBIDDEN`, also to change somebody who may do more than the caller.
    #[graphql(complexity = "500 + child_complexity")]
    async fn set_user_attributes(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Whose attributes, and which.")] input: SetUserAttributesInput,
    ) -> Result<SetUserAttributesResponse, Error> {
        let caller = caller(context)?;
        caller.actor.manage_people()?;
        Ok(SetUserAttributesResponse { status: ResponseStatus::of(set_attributes(caller, &input).await)? })
    }

    /// Deletes 1 to 1,000 users, for good, all or none: when this has answered, their keys are revoked and their sessions have
    /// ended. Needs the permission `iam:write`.
    ///
    /// `status`: `ERROR` for no user or too many, and where no active administrator would be left; `NOT_FOUND` for an unknown
    /// user or workspace. Errors: `FORBIDDEN`, also to delete somebody who may do more than the caller.
    #[graphql(complexity = "bulk(input.user_ids.len(), 4) + child_complexity")]
    async fn delete_users_from_workspace(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Whom to delete.")] input: DeleteUsersFromWorkspaceInput,
    ) -> Result<DeleteUsersFromWorkspaceResponse, Error> {
        let caller = caller(context)?;
        caller.actor.manage_people()?;
        Ok(DeleteUsersFromWorkspaceResponse { status: ResponseStatus::of(delete(caller, &input).await)? })
    }
}

/// What creating users costs: each of them, each of their roles and groups, and each invitation is written by itself.
fn new_users(input: &CreateUsersInput) -> usize {
    let roles = input.role_assignments.as_ref().map_or(0, Vec::len);
    let groups = input.user_group_ids.as_ref().map_or(0, Vec::len);
    bulk(input.emails.len(), 1 + roles + groups + usize::from(input.send_welcome_email.unwrap_or_default()))
}

async fn create(caller: &Caller, input: &CreateUsersInput) -> Result<usize, Error> {
    caller.check_workspace(input.workspace_id.as_ref())?;
    let email = |(at, text): (usize, &String)| {
        Email::parse(text)
            .map_err(|error| Error::invalid(Field::Emails, format!("Address {}: {error}", at + 1)))
    };
    let groups = input.user_group_ids.iter().flatten().map(|id| id_of(id, "group"));
    let users = NewUsers {
        emails: input.emails.iter().enumerate().map(email).collect::<Result<_, _>>()?,
        assignments: input.role_assignments.as_deref().map(assignments).transpose()?,
        groups: groups.collect::<Result<_, _>>()?,
        attributes: input.user_attributes.as_deref().map(attributes).transpose()?,
        welcome: input.send_welcome_email.unwrap_or_default(),
    };
    caller.app.create_users(&caller.actor, users, &caller.public_url).await
}

async fn set_attributes(caller: &Caller, input: &SetUserAttributesInput) -> Result<(), Error> {
    let (id, attributes) = (id_of(&input.user_id, "user")?, attributes(&input.user_attributes)?);
    caller.app.set_user_attributes(&caller.actor, id, &attributes).await
}

async fn delete(caller: &Caller, input: &DeleteUsersFromWorkspaceInput) -> Result<usize, Error> {
    caller.check_workspace(input.workspace_id.as_ref())?;
    let ids: Vec<UserId> = input.user_ids.iter().map(|id| id_of(id, "user")).collect::<Result<_, _>>()?;
    caller.app.delete_users(&caller.actor, &ids).await
}

/// Users to create.
#[derive(InputObject)]
pub(crate) struct CreateUsersInput {
    /// Their addresses: 1 to 1,000. They compare without regard to case, and what stands behind a `+` counts.
    emails: Vec<String>,
    /// The id of the caller's organization; it is meant anyway.
    #[graphql(name = "workspaceID")]
    workspace_id: Option<ID>,
    /// The roles that they are assigned, instead of those of users who exist. Left out, new ones have none and others keep theirs.
    role_assignments: Option<Vec<RoleAssignmentInput>>,
    /// Whether each new one is sent an invitation by e-mail, with a one-time link and no password. Needs a mail server.
    #[graphql(default_with = "Some(false)")]
    send_welcome_email: Option<bool>,
    /// Facts that a product keeps about them, instead of those of users who exist. Left out, others keep theirs.
    user_attributes: Option<Vec<UserAttributeInput>>,
    /// The groups that they become members of. Users who exist stay in theirs, too.
    user_group_ids: Option<Vec<ID>>,
}

/// What came of creating users.
#[derive(SimpleObject)]
pub(crate) struct CreateUsersResponse {
    /// Whether they were created.
    status: ResponseStatus,
}

/// A user's new attributes.
#[derive(InputObject)]
pub(crate) struct SetUserAttributesInput {
    /// The user's id.
    user_id: ID,
    /// All that they will have: at most 50. What is not in it is taken away.
    user_attributes: Vec<UserAttributeInput>,
}

/// What came of setting attributes.
#[derive(SimpleObject)]
pub(crate) struct SetUserAttributesResponse {
    /// Whether they were set.
    status: ResponseStatus,
}

/// Users to delete.
#[derive(InputObject)]
pub(crate) struct DeleteUsersFromWorkspaceInput {
    /// Their ids: 1 to 1,000.
    user_ids: Vec<ID>,
    /// The id of the caller's organization; it is meant anyway.
    #[graphql(name = "workspaceID")]
    workspace_id: Option<ID>,
}

/// What came of deleting users.
#[derive(SimpleObject)]
pub(crate) struct DeleteUsersFromWorkspaceResponse {
    /// Whether they were deleted.
    status: ResponseStatus,
}
