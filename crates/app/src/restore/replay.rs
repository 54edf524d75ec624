//! Taking away again what events after a backup took away.
//!
//! A replay only takes. What was given after the backup is not given again by the word of a file: somebody has to, and is told of it.

use keystead_domain::audit::{Effect, Event, Taken};
use keystead_domain::{
    Assignments, GroupId, KeyId, Operator, OrganizationId, OrganizationRecord, OwnRoleId, Role, UserGrant,
    UserId, UserRecord,
};
use keystead_store::{StoreError, Transaction};

use super::Replayed;

/// A replay under way.
pub(super) struct Replay<'a> {
    change: &'a mut Transaction,
    replayed: Replayed,
}

impl<'a> Replay<'a> {
    pub(super) fn new(change: &'a mut Transaction) -> Self {
        Self { change, replayed: Replayed::default() }
    }

    pub(super) fn finish(self) -> Replayed {
        self.replayed
    }

    /// The next event of an organization's log.
    pub(super) async fn event(
        &mut self,
        organization: OrganizationId,
        event: &Event,
    ) -> Result<(), StoreError> {
        match Effect::of(event) {
            Effect::Took { taken, exact } => {
                let done = self.take(organization, taken).await?;
                if let (false, Some(what)) = (exact, &done) {
                    self.look(
                        event,
                        &format!("does not say enough, so more may have been taken than was meant: {what}"),
                    );
                }
                self.replayed.taken.extend(done);
            }
            Effect::Made => *self.replayed.made.entry(event.action.clone()).or_default() += 1,
            Effect::GaveBack => {
                if let Some(whom) = self.target(organization, event).await? {
                    self.look(event, &format!("gave back what a replay does not give: {whom}"));
                }
            }
            Effect::Changed => {
                if let Some(what) = self.target(organization, event).await? {
                    self.look(event, &format!("is as of the backup again: {what}"));
                }
            }
            Effect::Unknown => self.look(event, "is not known to this version, and was not repeated"),
            Effect::Passing | Effect::Nothing => {}
        }
        Ok(())
    }

    fn look(&mut self, event: &Event, what: &str) {
        let line = format!("{} (event {} of {}) {what}.", event.action, event.sequence, event.at);
        self.replayed.to_look_at.push(line);
    }

    fn given(&mut self, what: &str) {
        self.replayed.to_look_at.push(format!("After the backup, {what} that are not given again."));
    }

    /// Takes one thing away. What it was, in words; `None`: there is nothing to take, because it was made after the backup or is gone.
    async fn take(
        &mut self,
        organization: OrganizationId,
        taken: Taken,
    ) -> Result<Option<String>, StoreError> {
        match taken {
            Taken::Key(key) => self.key(organization, key).await,
            Taken::UserActive(user) => self.deactivate(organization, user).await,
            Taken::User(user) => {
                let Some((user, grant)) = self.user(organization, user).await? else { return Ok(None) };
                self.change.delete_user(&grant, &user, &grant.keys()).await?;
                Ok(Some(format!("deleted user {}", named(&user))))
            }
            Taken::Password(user) => {
                let Some((user, grant)) = self.user(organization, user).await? else { return Ok(None) };
                self.change.remove_password(&grant).await?;
                Ok(Some(format!("took the password of user {}, which was changed since", named(&user))))
            }
            Taken::Address(user, after) => {
                let Some((before, grant)) = self.user(organization, user).await? else { return Ok(None) };
                if let Some((name, email)) = after
                    && self.change.update_user(&grant, &before, &name, &email).await?
                {
                    return Ok(Some(format!("gave user {} their new address, {email}", named(&before))));
                }
                let what =
                    format!("User {} could not be given the address that they have since.", named(&before));
                self.replayed.to_look_at.push(what);
                self.deactivate(organization, user).await
            }
            Taken::UserRoles(user, most) => self.user_roles(organization, user, &most).await,
            Taken::Member(group, user) => self.members(organization, group, user).await,
            Taken::Group(group) => {
                let Some(record) = self.change.organization(organization).await? else { return Ok(None) };
                let Some(group) = record.groups.iter().find(|there| there.id == group) else {
                    return Ok(None);
                };
                self.change.delete_group(&Operator.people_of(organization), group).await?;
                Ok(Some(format!("deleted group {:?}", group.name.as_str())))
            }
            Taken::GroupRoles(group, most) => self.group_roles(organization, group, &most).await,
            Taken::Role(role) => {
                let Some(found) = self.role(organization, role).await? else { return Ok(None) };
                self.change.delete_role(&Operator.people_of(organization), role, &found).await?;
                Ok(Some(format!("deleted role {:?}", found.name.as_str())))
            }
            Taken::RolePermissions(role, most) => {
                let Some(before) = self.role(organization, role).await? else { return Ok(None) };
                let permissions: std::collections::BTreeSet<_> = &before.permissions & &most;
                if permissions != most {
                    self.given(&format!("role {:?} was given permissions", before.name.as_str()));
                }
                if permissions == before.permissions {
                    return Ok(None);
                }
                let after = Role { permissions, ..before.clone() };
                self.change.update_role(&Operator.people_of(organization), role, &before, &after).await?;
                Ok(Some(format!("took permissions from role {:?}", before.name.as_str())))
            }
            Taken::KeyPolicy(bound) => {
                let Some(record) = self.change.organization(organization).await? else { return Ok(None) };
                let after = record.policy.within(&bound);
                if after == record.policy {
                    return Ok(None);
                }
                self.change
                    .set_key_policy(&Operator.settings_of(organization), &record.policy, &after)
                    .await?;
                Ok(Some(format!("set the stricter policy for keys of {}", called(&record))))
            }
            Taken::EmailAccess { added, removed } => {
                let Some(record) = self.change.organization(organization).await? else { return Ok(None) };
                let after = record.email_access.within_change(&added, &removed);
                if after == record.email_access {
                    return Ok(None);
                }
                let grant = Operator.settings_of(organization);
                self.change.set_email_access(&grant, &record.email_access, &after).await?;
                Ok(Some(format!("set the rules of e-mail access of {}", called(&record))))
            }
            Taken::Organization => {
                let Some(record) = self.change.organization(organization).await? else { return Ok(None) };
                if record.organization.archived_at.is_some() {
                    return Ok(None);
                }
                self.change.set_archived(&Operator.site(), organization, true).await?;
                Ok(Some(format!("archived {}", called(&record))))
            }
        }
    }

    async fn key(&mut self, organization: OrganizationId, id: KeyId) -> Result<Option<String>, StoreError> {
        let scope = Operator.keys_in(organization);
        let Some(key) = self.change.key(&scope, id).await? else { return Ok(None) };
        self.change.revoke_key(&scope, &key).await?;
        Ok(Some(format!("revoked key {:?} ({id})", key.name.as_str())))
    }

    async fn deactivate(
        &mut self,
        organization: OrganizationId,
        user: UserId,
    ) -> Result<Option<String>, StoreError> {
        let Some((user, grant)) = self.user(organization, user).await? else { return Ok(None) };
        if !user.active {
            return Ok(None);
        }
        self.change.set_active(&grant, false).await?;
        Ok(Some(format!("deactivated user {}", named(&user))))
    }

    async fn user_roles(
        &mut self,
        organization: OrganizationId,
        user: UserId,
        most: &Assignments,
    ) -> Result<Option<String>, StoreError> {
        let Some((user, grant)) = self.user(organization, user).await? else { return Ok(None) };
        let after = user.assignments.within(most);
        if most.within(&user.assignments) != *most {
            self.given(&format!("user {} was given roles", named(&user)));
        }
        if after == user.assignments {
            return Ok(None);
        }
        self.change.set_assignments(&grant, &user.assignments, &after).await?;
        Ok(Some(format!("took roles from user {}", named(&user))))
    }

    async fn members(
        &mut self,
        organization: OrganizationId,
        group: GroupId,
        user: Option<UserId>,
    ) -> Result<Option<String>, StoreError> {
        let Some(record) = self.change.organization(organization).await? else { return Ok(None) };
        let Some(group) = record.groups.iter().find(|there| there.id == group) else { return Ok(None) };
        let members = self.change.members_of(organization, group.id).await?;
        let out: Vec<_> =
            members.into_iter().filter(|member| user.is_none_or(|user| user == *member)).collect();
        for member in &out {
            let grant = Operator.people_of(organization).new_user(*member);
            self.change.set_member(&grant, group, false).await?;
        }
        Ok((!out.is_empty())
            .then(|| format!("took {} out of group {:?}", users(out.len()), group.name.as_str())))
    }

    async fn group_roles(
        &mut self,
        organization: OrganizationId,
        group: GroupId,
        most: &Assignments,
    ) -> Result<Option<String>, StoreError> {
        let Some(record) = self.change.organization(organization).await? else { return Ok(None) };
        let Some(before) = record.groups.iter().find(|there| there.id == group) else { return Ok(None) };
        if most.within(&before.assignments) != *most {
            self.given(&format!("group {:?} was given roles", before.name.as_str()));
        }
        let after = keystead_domain::Group { assignments: before.assignments.within(most), ..before.clone() };
        if after == *before {
            return Ok(None);
        }
        self.change.update_group(&Operator.people_of(organization), before, &after).await?;
        Ok(Some(format!("took roles from group {:?}", before.name.as_str())))
    }

    /// A user of the organization, and the right to change them, which the operator has.
    async fn user(
        &mut self,
        organization: OrganizationId,
        id: UserId,
    ) -> Result<Option<(UserRecord, UserGrant)>, StoreError> {
        let user = self.change.user(id).await?.filter(|user| user.organization == organization);
        Ok(user.map(|user| (user, Operator.people_of(organization).new_user(id))))
    }

    async fn role(
        &mut self,
        organization: OrganizationId,
        id: OwnRoleId,
    ) -> Result<Option<Role>, StoreError> {
        let record = self.change.organization(organization).await?;
        let own = |role: &Role| role.id.own() == Some(id);
        Ok(record.and_then(|record| record.roles.into_iter().find(own)))
    }

    /// What an event was about, in words; `None`: it is not in the backup.
    async fn target(
        &mut self,
        organization: OrganizationId,
        event: &Event,
    ) -> Result<Option<String>, StoreError> {
        let Some(target) = event.target else { return Ok(None) };
        if let Some(user) = UserId::from_slice(&target)
            && let Some((user, _)) = self.user(organization, user).await?
        {
            return Ok(Some(format!("user {}", named(&user))));
        }
        if target == *organization.as_bytes() {
            return Ok(Some("the organization".to_owned()));
        }
        let record = self.change.organization(organization).await?;
        let group = GroupId::from_slice(&target);
        let group = record.iter().flat_map(|record| &record.groups).find(|there| Some(there.id) == group);
        if let Some(group) = group {
            return Ok(Some(format!("a member of group {:?}", group.name.as_str())));
        }
        Ok(None)
    }
}

fn named(user: &UserRecord) -> String {
    format!("{} ({})", user.email, user.id)
}

fn called(record: &OrganizationRecord) -> String {
    format!("organization {:?}", record.organization.name.as_str())
}

fn users(count: usize) -> String {
    if count == 1 { "1 user".to_owned() } else { format!("{count} users") }
}
