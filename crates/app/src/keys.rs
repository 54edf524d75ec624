//! What people do with API keys.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use keystead_domain::audit::Trace;
use keystead_domain::{
    Actor, ApiKey, Cursor, Description, Error, Expiration, Field, KeyEdit, KeyFilter, KeyId, KeyName,
    KeyScope, MAX_PAGE_SIZE, NewKeyGrant, PageRequest, User, UserId, Via, View,
};
use keystead_store::{NewKey, Recorded, Transaction};
use keystead_token::Token;

use crate::App;
use crate::impersonation::find_key;
use crate::open::fault;

/// What a person chose for a new key.
#[derive(Debug, Clone)]
pub struct KeyInput {
    /// Its name.
    pub name: KeyName,
    /// Its description.
    pub description: Description,
    /// How long it stays valid.
    pub expiration: Expiration,
    /// Whether it may act for others.
    pub allow_impersonation: bool,
    /// The one-time id of the form, if it came by one: sent twice, it makes one key.
    pub request_id: Option<[u8; 16]>,
}

/// A key that was just made.
pub struct CreatedKey {
    /// The key.
    pub key: ApiKey,
    /// Its token, here and nowhere else (promise 2). `None` when this form had made the key before.
    pub token: Option<Token>,
}

/// What became of minting.
pub(crate) enum Minted {
    /// A key, and its token.
    New(Box<NewKey>, Token),
    /// The same form had made this key before.
    Before(KeyId),
}

/// A page of keys.
#[derive(Debug, Clone)]
pub struct KeyList {
    /// The keys.
    pub keys: Vec<ApiKey>,
    /// The cursor after each key, in the same order.
    pub cursors: Vec<String>,
    /// Whether there are more after the last.
    pub has_more: bool,
}

/// Keys that expire soon.
#[derive(Debug, Clone)]
pub struct ExpiringKeys {
    /// The keys, those that expire first first.
    pub keys: Vec<ApiKey>,
    /// Whether there are more than these.
    pub has_more: bool,
}

impl App {
    /// Creates a key that can do what the actor can do, whenever it is used (promise 1).
    pub async fn create_key(&self, actor: &Actor, input: &KeyInput) -> Result<CreatedKey, Error> {
        let policy = &self.organization(actor)?.policy;
        let impersonation = self.deployment.impersonation;
        let grant = actor.new_key(input.expiration, input.allow_impersonation, impersonation, policy)?;
        let trace = Trace::of(actor, self.now());
        let created_at = trace.at;
        match self.mint(&grant, input, trace, Some(actor)).await? {
            // Not read back: were that to fail, the token would be lost, and the key with it.
            Minted::New(key, token) => {
                let key = ApiKey {
                    id: key.id,
                    name: key.name,
                    description: key.description,
                    masked: key.masked,
                    allow_impersonation: grant.allow_impersonation(),
                    creator: grant.creator(),
                    creator_name: actor.user().name.to_string(),
                    created_at,
                    expires_at: key.expires_at,
                    last_used_at: None,
                };
                Ok(CreatedKey { key, token: Some(token) })
            }
            Minted::Before(id) => Ok(CreatedKey { key: self.key(actor, id).await?, token: None }),
        }
    }

    /// Mints a token, keeps its hash, and hands the token back once. What proved who asks is looked at again when their turn has
    /// come: no key is made by one that was revoked meanwhile. `None` is the operator, who needs no proof.
    pub(crate) async fn mint(
        &self,
        grant: &NewKeyGrant,
        input: &KeyInput,
        trace: Trace,
        actor: Option<&Actor>,
    ) -> Result<Minted, Error> {
        let prefix = if grant.allow_impersonation() {
            &self.deployment.impersonation_prefix
        } else {
            &self.deployment.key_prefix
        };
        let token = Token::mint(prefix, &self.entropy.bytes()?);
        let key = NewKey {
            id: self.next_id(trace.at)?,
            name: input.name.clone(),
            description: input.description.clone(),
            hash: token.hash(),
            masked: token.masked(),
            request_id: input.request_id,
            expires_at: grant.expiration().expires_at(trace.at),
        };
        let mut change = self.store.begin(trace).await.map_err(fault)?;
        let policy = change.key_policy_for(grant.organization(), grant.creator()).await.map_err(fault)?;
        grant.check(&policy.ok_or_else(|| self.not_known())?)?;
        if let Some(actor) = actor {
            check_is_still_proven(&mut change, actor).await?;
        }
        match change.create_key(grant, &key).await.map_err(fault)? {
            Recorded::New => {
                change.commit().await.map_err(fault)?;
                Ok(Minted::New(Box::new(key), token))
            }
            Recorded::Before(id) => {
                // The first request may be waiting for its commit still: wait with it, so that the key can be read.
                change.commit().await.map_err(fault)?;
                Ok(Minted::Before(id))
            }
        }
    }

    /// A page of the keys of a view.
    pub async fn keys(
        &self,
        actor: &Actor,
        view: View,
        filter: &KeyFilter,
        first: i64,
        after: Option<&str>,
    ) -> Result<KeyList, Error> {
        self.list(&actor.keys(view)?, filter, first, after).await
    }

    pub(crate) async fn list(
        &self,
        scope: &KeyScope,
        filter: &KeyFilter,
        first: i64,
        after: Option<&str>,
    ) -> Result<KeyList, Error> {
        let now = self.now();
        let request = PageRequest::new(first, after, scope, filter, now)?;
        let page = self.store.keys(scope, filter, &request, now).await.map_err(fault)?;
        let cursors =
            page.keys.iter().map(|key| Cursor::after(key, page.as_of).encode(scope, filter)).collect();
        Ok(KeyList { cursors, has_more: page.next.is_some(), keys: page.keys })
    }

    /// How many keys of a view a filter lets through.
    pub async fn count_keys(&self, actor: &Actor, view: View, filter: &KeyFilter) -> Result<u64, Error> {
        self.store.count_keys(&actor.keys(view)?, filter, self.now()).await.map_err(fault)
    }

    /// The same, counted up to a bound: a page that says "1,000+" costs no more for a million keys.
    pub async fn count_keys_up_to(
        &self,
        actor: &Actor,
        view: View,
        filter: &KeyFilter,
        at_most: u32,
    ) -> Result<u64, Error> {
        let scope = actor.keys(view)?;
        self.store.count_keys_up_to(&scope, filter, self.now(), at_most.into()).await.map_err(fault)
    }

    /// The keys of a view that work and expire within 1 to 365 days, those that expire first first, at most 100.
    pub async fn expiring_keys(
        &self,
        actor: &Actor,
        view: View,
        within_days: i64,
    ) -> Result<ExpiringKeys, Error> {
        const AT_MOST: usize = MAX_PAGE_SIZE as usize;
        let scope = actor.keys(view)?;
        if !(1..=365).contains(&within_days) {
            return Err(Error::invalid(Field::WithinDays, "Look 1 to 365 days ahead."));
        }
        let now = self.now();
        let until =
            now.saturating_add(SignedDuration::from_hours(24 * within_days)).unwrap_or(Timestamp::MAX);
        let limit = i64::from(MAX_PAGE_SIZE) + 1;
        let mut keys = self.store.keys_expiring(&scope, now, until, limit).await.map_err(fault)?;
        let has_more = keys.len() > AT_MOST;
        keys.truncate(AT_MOST);
        Ok(ExpiringKeys { keys, has_more })
    }

    /// A key that the actor may see. What they may not see is not there.
    pub async fn key(&self, actor: &Actor, id: KeyId) -> Result<ApiKey, Error> {
        let key = self.store.key(&actor.readable_keys(), id).await.map_err(fault)?;
        key.ok_or(Error::NotFound("API key"))
    }

    /// Changes name, description or both of one of the actor's own keys, until it expires (promises 4 and 5). What is `None`
    /// stays as it is at that moment: of two who change one thing each, neither undoes the other's.
    pub async fn update_key(
        &self,
        actor: &Actor,
        id: KeyId,
        name: Option<KeyName>,
        description: Option<Description>,
    ) -> Result<ApiKey, Error> {
        let now = self.now();
        let scope = actor.own_keys();
        let mut change = self.store.begin(Trace::of(actor, now)).await.map_err(fault)?;
        let Some(key) = change.key(&scope, id).await.map_err(fault)? else {
            drop(change);
            // An administrator sees others' keys, and is told why they cannot edit this one; anybody else sees no such key.
            let key = self.key(actor, id).await?;
            return Err(actor.check_may_edit(&key, now).err().unwrap_or(Error::NotFound("API key")));
        };
        actor.check_may_edit(&key, now)?;
        let edit = KeyEdit {
            name: name.unwrap_or_else(|| key.name.clone()),
            description: description.unwrap_or_else(|| key.description.clone()),
        };
        change.update_key(&scope, &key, &edit).await.map_err(fault)?;
        change.commit().await.map_err(fault)?;
        Ok(ApiKey { name: edit.name, description: edit.description, ..key })
    }

    /// Revokes a key of the actor's, or anybody's with `keys:revoke_all`. When this returns, it no longer verifies (promise 3).
    /// `typed_name` is what a person typed to confirm; a program that names the key by id need not repeat its name.
    pub async fn revoke_key(
        &self,
        actor: &Actor,
        id: KeyId,
        typed_name: Option<&str>,
    ) -> Result<ApiKey, Error> {
        let change = self.store.begin(Trace::of(actor, self.now())).await.map_err(fault)?;
        let (change, key) = find_key(change, &actor.readable_keys(), id).await?;
        actor.check_may_revoke(&key)?;
        revoke(change, &actor.revocable_keys(), key, typed_name).await
    }

    /// Revokes every key of a user: one's own, or anybody's with `keys:revoke_all`. `typed_email` is what a person typed to confirm.
    pub async fn revoke_keys_of(
        &self,
        actor: &Actor,
        id: UserId,
        typed_email: Option<&str>,
    ) -> Result<Vec<KeyId>, Error> {
        let (mut change, actor) = self.begin_as(actor).await?;
        let user = change.find(id).await?;
        let user = user.filter(|user| user.id == actor.user().id || actor.people().is_ok());
        let user = user.ok_or(Error::NotFound("user"))?;
        let scope = actor.revocable_keys_of(&user)?;
        if let Some(typed) = typed_email {
            user.check_typed_email(typed)?;
        }
        let revoked = change.transaction.revoke_all_keys(&scope).await.map_err(fault)?;
        change.commit().await?;
        Ok(revoked)
    }

    /// Revokes several keys, all or none; each is one's own, or anybody's with `keys:revoke_all`.
    pub async fn revoke_keys(&self, actor: &Actor, ids: &[KeyId]) -> Result<Vec<ApiKey>, Error> {
        const AT_ONCE: usize = 1_000;
        if ids.is_empty() || ids.len() > AT_ONCE {
            return Err(Error::invalid(Field::Ids, format!("Choose 1 to {AT_ONCE} keys.")));
        }
        let (mut change, actor) = self.begin_as(actor).await?;
        let mut revoked = Vec::with_capacity(ids.len());
        for id in ids {
            let readable = change.transaction.key(&actor.readable_keys(), *id).await.map_err(fault)?;
            let key = readable.ok_or(Error::NotFound("API key"))?;
            actor.check_may_revoke(&key)?;
            change.transaction.revoke_key(&actor.revocable_keys(), &key).await.map_err(fault)?;
            revoked.push(key);
        }
        change.commit().await?;
        Ok(revoked)
    }

    /// The creator of a key, for an actor who may see the key: the actor themselves, or anybody in the organization with
    /// `keys:read_all`. Somebody of another organization is not there (promise 6).
    pub fn creator(&self, actor: &Actor, key: &ApiKey) -> Result<Arc<User>, Error> {
        let scope = actor.readable_keys();
        let reachable = scope.creator().is_none_or(|own| own == key.creator);
        self.directory
            .user(key.creator)
            .filter(|user| reachable && user.organization == scope.organization())
            .ok_or(Error::NotFound("user"))
    }
}

/// Revokes a key that was found inside the change.
pub(crate) async fn revoke(
    mut change: Transaction,
    scope: &KeyScope,
    key: ApiKey,
    typed_name: Option<&str>,
) -> Result<ApiKey, Error> {
    if let Some(typed) = typed_name {
        key.check_typed_name(typed)?;
    }
    change.revoke_key(scope, &key).await.map_err(fault)?;
    change.commit().await.map_err(fault)?;
    Ok(key)
}

/// Refuses an actor whose key was revoked, or whose session or connection was ended, while they waited for their turn.
async fn check_is_still_proven(change: &mut Transaction, actor: &Actor) -> Result<(), Error> {
    if let Via::Connection(connection) = actor.via() {
        let connected = change.is_connected(connection).await.map_err(fault)?;
        return if connected { Ok(()) } else { Err(Error::Unauthenticated) };
    }
    let (key, epoch) = match (actor.via(), actor.impersonation()) {
        (Via::Key(key), _) => (key, None),
        (_, Some(session)) => (session.impersonator().key(), Some(session.impersonator().epoch())),
        (_, None) => return Ok(()),
    };
    let record = change.key_record(key).await.map_err(fault)?.ok_or(Error::Unauthenticated)?;
    if epoch.is_some_and(|epoch| epoch != record.session_epoch) {
        return Err(Error::Unauthenticated);
    }
    Ok(())
}
