//! Changes to one user, and to their keys.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use keystead_app::{Invited, Mailed, NewPerson};
use keystead_domain::{Email, Error, Field, GroupId, KeyId, PersonName, UserId};

use super::bulk;
use crate::graphql::role::{RoleAssignmentInput, assignments};
use crate::graphql::user::User;
use crate::graphql::{Caller, caller, id_of};

#[derive(Default)]
pub(super) struct UserMutation;

#[Object]
impl UserMutation {
    /// Invites somebody: makes the user, and a one-time link by which they choose a password. The link is in this answer, shown
    /// this once, and also mailed if the deployment has a mail server. Needs the permission `iam:write`, and all that the roles and
    /// groups permit.
    ///
    /// Errors: `FORBIDDEN`; `BAD_USER_INPUT` for a refused `email`, `name`, role or scope, and for an address that the e-mail
    /// access rules do not admit; `CONFLICT` for an address that has a user already; `NOT_FOUND` for an unknown role or group.
    #[graphql(complexity = "500 + child_complexity")]
    async fn invite_user(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Whom to invite.")] input: InviteUserInput,
    ) -> Result<InviteUserPayload, Error> {
        let caller = caller(context)?;
        caller.actor.manage_people()?;
        let person = NewPerson {
            email: Email::parse(&input.email)?,
            name: input.name.as_deref().map(PersonName::parse).transpose()?,
            assignments: assignments(&input.role_assignments)?,
            groups: group_ids(&input.user_group_ids)?,
        };
        let invited = caller.app.invite_user(&caller.actor, person, &caller.public_url).await?;
        Ok(InviteUserPayload::of(invited, caller))
    }

    /// Makes a new invitation for somebody who has not come in yet, such as a user that `createUsers` made. Links that they were
    /// given before no longer work. Needs the permission `iam:write`.
    ///
    /// Errors: `FORBIDDEN`; `NOT_FOUND`; `CONFLICT` for somebody who has come in.
    #[graphql(complexity = "500 + child_complexity")]
    async fn invite_user_again(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The user's id.")] user_id: ID,
    ) -> Result<InviteUserPayload, Error> {
        let caller = caller(context)?;
        caller.actor.manage_people()?;
        let id = id_of(&user_id, "user")?;
        let invited = caller.app.invite_again(&caller.actor, id, &caller.public_url).await?;
        Ok(InviteUserPayload::of(invited, caller))
    }

    /// Changes a user's name, address or both. Everybody may change their own name; all else needs the permission `iam:write`.
    ///
    /// Errors: `FORBIDDEN`, also to change somebody who may do more than the caller; `BAD_USER_INPUT` for a refused `name` or
    /// `email`, and for an address that the e-mail access rules do not admit; `CONFLICT` for an address that has a user already;
    /// `NOT_FOUND`.
    #[graphql(complexity = "500 + child_complexity")]
    async fn update_user(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Whom to change, and what.")] input: UpdateUserInput,
    ) -> Result<User, Error> {
        let caller = caller(context)?;
        let id = id_of::<UserId>(&input.id, "user");
        if id != Ok(caller.actor.user().id) || input.email.is_some() {
            caller.actor.manage_people()?;
        }
        let name = input.name.as_deref().map(PersonName::parse).transpose()?;
        let email = input.email.as_deref().map(Email::parse).transpose()?;
        caller.app.update_user(&caller.actor, id?, name, email).await.map(User::of)
    }

    /// Replaces the roles that a user was assigned themselves. When this has answered, each of their keys can do exactly what the
    /// new roles permit. Needs the permission `iam:write`, and all that the roles permit.
    ///
    /// Errors: `FORBIDDEN`, also to grant what the caller does not hold and to change somebody who may do more than they;
    /// `BAD_USER_INPUT` for a refused scope; `CONFLICT` where no active administrator would be left; `NOT_FOUND` for an unknown
    /// user or role.
    #[graphql(complexity = "500 + child_complexity")]
    async fn set_role_assignments(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The user's id.")] user_id: ID,
        #[graphql(desc = "All roles that they will be assigned: at most 50.")] role_assignments: Vec<
            RoleAssignmentInput,
        >,
    ) -> Result<User, Error> {
        let caller = caller(context)?;
        caller.actor.manage_people()?;
        let (id, assignments) = (id_of(&user_id, "user")?, assignments(&role_assignments)?);
        caller.app.set_role_assignments(&caller.actor, id, &assignments).await.map(User::of)
    }

    /// Makes a user a member of these groups and of no others. Needs the permission `iam:write`, and all that the groups which
    /// they join or leave permit.
    ///
    /// Errors: `FORBIDDEN`; `CONFLICT` where no active administrator would be left; `NOT_FOUND` for an unknown user or group.
    #[graphql(complexity = "bulk(user_group_ids.len(), 4) + child_complexity")]
    async fn set_user_groups(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The user's id.")] user_id: ID,
        #[graphql(desc = "The ids of all groups that they will be a member of.")] user_group_ids: Vec<ID>,
    ) -> Result<User, Error> {
        let caller = caller(context)?;
        caller.actor.manage_people()?;
        let (id, groups) = (id_of(&user_id, "user")?, group_ids(&user_group_ids)?);
        caller.app.set_groups(&caller.actor, id, &groups).await.map(User::of)
    }

    /// Deactivates a user: when this has answered, their sessions have ended and none of their keys works. Doing so again changes
    /// nothing. Needs the permission `iam:write`.
    ///
    /// Errors: `FORBIDDEN`, also to deactivate somebody who may do more than the caller; `CONFLICT` for the last active
    /// administrator; `NOT_FOUND`.
    #[graphql(complexity = "500 + child_complexity")]
    async fn deactivate_user(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The user's id.")] user_id: ID,
    ) -> Result<User, Error> {
        set_active(caller(context)?, &user_id, false).await
    }

    /// Reactivates a user: they can sign in again, and those of their keys that have not expired work again. Needs the permission
    /// `iam:write`.
    ///
    /// Errors: `FORBIDDEN`, also to reactivate somebody who may do more than the caller; `NOT_FOUND`.
    #[graphql(complexity = "500 + child_complexity")]
    async fn reactivate_user(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The user's id.")] user_id: ID,
    ) -> Result<User, Error> {
        set_active(caller(context)?, &user_id, true).await
    }

    /// Revokes every key of a user, or the keys of these ids, all or none and for good. One's own keys, or anybody's with the
    /// permission `keys:revoke_all`; to name somebody else needs `iam:read`, too.
    ///
    /// Errors: `BAD_USER_INPUT` unless exactly one of the two is sent, and for more than 1,000 ids; `NOT_FOUND` for an unknown
    /// user, and for a key that is revoked already or that the caller may not see; `FORBIDDEN` for a key that they only see.
    #[graphql(complexity = "bulk(ids.as_ref().map_or(0, Vec::len), 4) + child_complexity")]
    async fn revoke_api_keys(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The id of the user all of whose keys are to be revoked.")] user_id: Option<ID>,
        #[graphql(desc = "The ids of the keys that are to be revoked: 1 to 1,000.")] ids: Option<Vec<ID>>,
    ) -> Result<RevokeApiKeysPayload, Error> {
        let caller = caller(context)?;
        let revoked: Vec<KeyId> = match (user_id, ids) {
            (Some(user), None) => {
                caller.app.revoke_keys_of(&caller.actor, id_of(&user, "user")?, None).await?
            }
            (None, Some(ids)) => {
                let ids: Vec<_> = ids.iter().map(|id| id_of(id, "API key")).collect::<Result<_, _>>()?;
                let revoked = caller.app.revoke_keys(&caller.actor, &ids).await?;
                revoked.into_iter().map(|key| key.id).collect()
            }
            _ => return Err(Error::invalid(Field::Ids, "Send either userId or ids.")),
        };
        Ok(RevokeApiKeysPayload { revoked_ids: revoked.iter().map(|id| id.to_string().into()).collect() })
    }
}

async fn set_active(caller: &Caller, id: &ID, active: bool) -> Result<User, Error> {
    caller.actor.manage_people()?;
    caller.app.set_active(&caller.actor, id_of(id, "user")?, active).await.map(User::of)
}

fn group_ids(ids: &[ID]) -> Result<Vec<GroupId>, Error> {
    ids.iter().map(|id| id_of(id, "group")).collect()
}

/// Somebody to invite.
#[derive(InputObject)]
pub(crate) struct InviteUserInput {
    /// Their address.
    email: String,
    /// How others see them: 1 to 100 characters. Left out, what stands before the `@`.
    name: Option<String>,
    /// The roles that they are assigned: at most 50.
    #[graphql(default)]
    role_assignments: Vec<RoleAssignmentInput>,
    /// The ids of the groups that they become a member of.
    #[graphql(default)]
    user_group_ids: Vec<ID>,
}

/// Somebody who was invited.
#[derive(SimpleObject)]
pub(crate) struct InviteUserPayload {
    /// The user.
    user: User,
    /// The one-time link by which they choose a password, here and nowhere else. Whoever has it comes in as this user.
    invitation_url: String,
    /// Whether the link was also sent to them: true if a mail server took it.
    mailed: bool,
}

impl InviteUserPayload {
    fn of(invited: Invited, caller: &Caller) -> Self {
        Self {
            invitation_url: invited.link(&caller.public_url),
            mailed: invited.mailed == Mailed::Sent,
            user: User::of(invited.user),
        }
    }
}

/// A user's new name and address.
#[derive(InputObject)]
pub(crate) struct UpdateUserInput {
    /// The user's id.
    id: ID,
    /// Their new name: 1 to 100 characters. Left out, it stays.
    name: Option<String>,
    /// Their new address. Left out, it stays.
    email: Option<String>,
}

/// Keys that were revoked.
#[derive(SimpleObject)]
pub(crate) struct RevokeApiKeysPayload {
    /// Their ids. There are no keys with these ids any more.
    revoked_ids: Vec<ID>,
}
