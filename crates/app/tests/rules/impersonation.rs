//! Who mints a session, for whom, and what its actor does (promise 7).

use std::path::Path;

use keystead_app::{Deployment, MintedSession, RequestOrigin, SessionRefusal, SessionSettings};
use keystead_domain::audit::AuditFilter;
use keystead_domain::{Actor, Error, Expiration, Field, KeyId, Permission, RoleId, SessionLifetime};
use keystead_test_hosts::DatabaseTool;

use crate::world::{Somebody, URL, World, blocking, email, is_forbidden, key_input, roles};

/// A deployment that allows impersonation.
pub(crate) fn deployment(administration: bool) -> Deployment {
    let sessions = SessionSettings { issuer: URL.to_owned(), administration, ..SessionSettings::default() };
    Deployment { impersonation: true, sessions, ..Deployment::default() }
}

/// An impersonation key.
pub(crate) struct Impersonating {
    pub(crate) id: KeyId,
    pub(crate) token: String,
}

/// A world with Ada, who has an impersonation key by a role of her own, and Bob.
pub(crate) struct Cast {
    pub(crate) world: World,
    pub(crate) ada: Somebody,
    pub(crate) key: Impersonating,
    pub(crate) bob: Somebody,
}

impl Cast {
    pub(crate) async fn new() -> Self {
        Self::in_world(World::of(deployment(false)).await).await
    }

    pub(crate) async fn in_world(world: World) -> Self {
        let grants = world.role("Embeds", &["impersonation:grant"]).await;
        let ada = world.person("ada@example.com", roles([grants.id])).await;
        let bob = world.person("bob@example.com", roles([RoleId::MEMBER])).await;
        let key = world.impersonation_key(&ada, Expiration::Never).await;
        Self { world, ada, key, bob }
    }

    pub(crate) async fn mint(&self) -> String {
        self.world.mint(&self.key, &self.bob).await.unwrap()
    }
}

impl World {
    pub(crate) async fn impersonation_key(&self, of: &Somebody, expiration: Expiration) -> Impersonating {
        let actor = of.session(&self.app).await.unwrap();
        let input = keystead_app::KeyInput { allow_impersonation: true, ..key_input("embed", expiration) };
        let made = self.app.create_key(&actor, &input).await.unwrap();
        Impersonating { id: made.key.id, token: made.token.unwrap().expose().to_owned() }
    }

    async fn impersonate(
        &self,
        access: &str,
        email: &str,
        given: &[(&str, &str)],
    ) -> Result<MintedSession, Error> {
        let given: Vec<_> =
            given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.app.impersonate(access, email, &given, &RequestOrigin::default()).await
    }

    pub(crate) async fn mint(&self, key: &Impersonating, user: &Somebody) -> Result<String, Error> {
        self.impersonate(&key.token, &user.email, &[]).await.map(|minted| minted.token.to_string())
    }

    pub(crate) fn session(&self, token: &str) -> Result<Actor, SessionRefusal> {
        let session = self.app.verify_session(token, self.clock.now())?;
        Ok(Actor::impersonated(session, None))
    }

    pub(crate) async fn events(&self) -> Vec<(String, String, Option<[u8; 16]>)> {
        let page =
            self.app.audit_events(&self.root().await, &AuditFilter::default(), 100, None).await.unwrap();
        page.events.into_iter().map(|event| (event.action, event.via, event.via_id)).collect()
    }
}

#[tokio::test]
async fn a_session_acts_as_its_user_and_every_act_names_the_user_and_the_key() {
    let cast = Cast::new().await;
    let Cast { world, key, bob, .. } = &cast;
    let minted = world.impersonate(&key.token, "BOB@example.com", &[("plan", "pro")]).await.unwrap();
    assert_eq!(minted.lifetime, SessionLifetime::LONGEST.as_duration());
    let actor = world.session(&minted.token).unwrap();
    assert_eq!((actor.user().id, actor.user().organization), (bob.id, bob.organization));
    assert_eq!(actor.session_attributes().unwrap().iter().collect::<Vec<_>>(), [("plan", "pro")]);
    let made = world.app.create_key(&actor, &key_input("his", Expiration::Days30)).await.unwrap();
    assert_eq!(made.key.creator, bob.id);
    world.app.revoke_key(&actor, made.key.id, None).await.unwrap();

    let by_key = Some(*key.id.as_bytes());
    let event = |action: &str, via: &str| (action.to_owned(), via.to_owned(), by_key);
    assert_eq!(
        world.events().await[..3],
        [
            event("key.revoked", "impersonation"),
            event("key.created", "impersonation"),
            event("session.minted", "key")
        ]
    );
}

#[tokio::test]
async fn nothing_but_a_live_impersonation_key_mints() {
    let cast = Cast::new().await;
    let Cast { world, ada, key, bob } = &cast;
    let session = cast.mint().await;
    let expiring = world.impersonation_key(ada, Expiration::Days7).await;
    let revoked = world.impersonation_key(ada, Expiration::Never).await;
    world.app.revoke_key(&ada.session(&world.app).await.unwrap(), revoked.id, None).await.unwrap();
    world.clock.advance(jiff::SignedDuration::from_hours(24 * 7));
    assert!(world.user(ada.id).unwrap().may(&Permission::IMPERSONATION_GRANT));
    let changed = format!("{}0", &key.token[..key.token.len() - 1]);
    let before = kept(world.folder()).await;
    for access in
        ["", "ksi_", &bob.token, &expiring.token, &revoked.token, &session, &changed, &key.id.to_string()]
    {
        let refused = world.impersonate(access, "nobody at all", &[]).await.err();
        assert_eq!(refused, Some(Error::Unauthenticated), "{access}: nor is anything else looked at first");
    }
    assert_eq!(kept(world.folder()).await, before);
    assert!(world.mint(key, bob).await.is_ok());
}

#[tokio::test]
async fn a_key_reaches_its_organizations_users_and_says_of_them_what_is_in_the_way() {
    let cast = Cast::new().await;
    let Cast { world, key, bob, .. } = &cast;
    let other = world.organization("Second", "other@example.com").await;
    let foreign = world.impersonation_key(&other, Expiration::Never).await;
    let nobody = Error::NotFound("user in the key's organization");
    for (key, email) in
        [(key, &*other.email), (key, "nobody@example.com"), (key, "no address"), (&foreign, &*bob.email)]
    {
        assert_eq!(world.impersonate(&key.token, email, &[]).await.err(), Some(nobody.clone()), "{email}");
    }
    assert!(world.mint(&foreign, &other).await.is_ok());
    let root = world.root().await;
    world.app.set_active(&root, bob.id, false).await.unwrap();
    assert!(is_forbidden(&world.mint(key, bob).await));
    world.app.set_active(&root, bob.id, true).await.unwrap();
    world.app.set_email_access(&root, blocking(&["bob@example.com"]), None).await.unwrap();
    assert!(is_forbidden(&world.mint(key, bob).await));
    world.app.set_email_access(&root, blocking(&[]), None).await.unwrap();
    world.app.delete_users(&root, &[bob.id]).await.unwrap();
    assert_eq!(world.mint(key, bob).await.err(), Some(nobody));
}

#[tokio::test]
async fn a_name_that_a_claim_has_is_refused_and_nothing_is_minted() {
    let cast = Cast::new().await;
    let Cast { world, key, bob, .. } = &cast;
    let before = world.events().await.len();
    let long = "x".repeat(1_000);
    let too_long: Vec<(&str, &str)> = ["a", "b", "c", "d", "e"].map(|name| (name, &*long)).into();
    for given in [&[("sub", "x")][..], &[("Act", "x")], &[("a", "1"), ("a", "2")], &too_long] {
        let refused = world.impersonate(&key.token, &bob.email, given).await.err();
        assert!(
            matches!(refused, Some(Error::Invalid { field: Field::Attributes, .. })),
            "{given:?}: {refused:?}"
        );
    }
    assert_eq!(world.events().await.len(), before);
}

#[tokio::test]
async fn one_key_mints_600_sessions_at_once_and_then_waits_while_another_does_not() {
    let cast = Cast::new().await;
    let Cast { world, ada, key, bob } = &cast;
    let other = world.impersonation_key(ada, Expiration::Never).await;
    // Refused ones count as well: whoever tries addresses is slowed down, too.
    for _ in 0..600 {
        assert!(matches!(
            world.impersonate(&key.token, "nobody@example.com", &[]).await,
            Err(Error::NotFound(_))
        ));
    }
    assert!(matches!(world.mint(key, bob).await, Err(Error::RateLimited { .. })));
    assert!(world.mint(&other, bob).await.is_ok());
    world.clock.advance(jiff::SignedDuration::from_millis(100));
    assert!(world.mint(key, bob).await.is_ok());
    assert!(matches!(world.mint(key, bob).await, Err(Error::RateLimited { .. })));
}

#[tokio::test]
async fn whoever_sees_a_key_is_told_how_many_of_its_sessions_live() {
    let cast = Cast::new().await;
    let Cast { world, ada, key, bob } = &cast;
    cast.mint().await;
    cast.mint().await;
    let told = async |actor: &Actor, id| {
        let key = world.app.key(&world.root().await, id).await.unwrap();
        world.app.key_sessions(actor, &[key]).await.unwrap().get(&id).map(|minted| minted.live)
    };
    assert_eq!(told(&ada.session(&world.app).await.unwrap(), key.id).await, Some(2));
    assert_eq!(told(&world.root().await, key.id).await, Some(2));
    assert_eq!(
        told(&bob.session(&world.app).await.unwrap(), key.id).await,
        Some(0),
        "who does not see it learns nothing"
    );
    assert_eq!(told(&world.root().await, bob.key).await, None, "a plain key has none");
    let refused = world.app.end_sessions(&bob.session(&world.app).await.unwrap(), key.id).await;
    assert_eq!(refused.unwrap_err(), Error::NotFound("API key"));
    let refused = world.app.end_sessions(&bob.session(&world.app).await.unwrap(), bob.key).await;
    assert!(matches!(refused, Err(Error::Conflict(_))));
}

#[tokio::test]
async fn a_session_reads_and_changes_nothing_of_its_users_account_and_no_impersonation_key() {
    let world = World::of(deployment(true)).await;
    let key = world.impersonation_key(&world.root, Expiration::Never).await;
    let token = world.mint(&key, &world.root).await.unwrap();
    let (app, actor) = (&world.app, world.session(&token).unwrap());
    assert!(actor.user().may(&Permission::IAM_WRITE), "as much as a session can have");
    let input = keystead_app::KeyInput { allow_impersonation: true, ..key_input("more", Expiration::Never) };
    assert!(is_forbidden(&app.create_key(&actor, &input).await.map(drop)));
    let name = Some(keystead_domain::KeyName::parse("renamed").unwrap());
    assert!(is_forbidden(&app.update_key(&actor, key.id, name, None).await));
    assert!(is_forbidden(&app.revoke_key(&actor, key.id, None).await));
    assert!(is_forbidden(&app.revoke_keys(&actor, &[world.root.key, key.id]).await));
    assert!(is_forbidden(&app.revoke_keys_of(&actor, world.root.id, None).await));
    assert!(is_forbidden(&app.end_sessions(&actor, key.id).await));
    assert!(is_forbidden(
        &app.update_user(&actor, world.root.id, None, Some(email("mine@example.com"))).await
    ));
    assert!(world.session(&token).is_ok() && world.root.by_key(app).is_ok(), "all or none");
}

/// Whoever has the address has the account: a mail resets its password.
#[tokio::test]
async fn a_session_that_manages_people_does_not_manage_its_own_user() {
    let world = World::of(deployment(true)).await;
    let manager = world.role("Manager", &["iam:read", "iam:write"]).await;
    let eve = world.person("eve@example.com", roles([manager.id.clone()])).await;
    let bob = world.person("bob@example.com", roles([RoleId::MEMBER])).await;
    let key = world.impersonation_key(&world.root, Expiration::Never).await;
    let actor = world.session(&world.mint(&key, &eve).await.unwrap()).unwrap();
    let app = &world.app;
    let address = async |id| app.update_user(&actor, id, None, Some(email("mine@example.com"))).await;
    assert!(is_forbidden(&address(eve.id).await));
    assert!(is_forbidden(&app.set_role_assignments(&actor, eve.id, &roles([RoleId::MEMBER])).await));
    assert!(is_forbidden(&app.set_active(&actor, eve.id, false).await));
    assert!(is_forbidden(&app.delete_users(&actor, &[eve.id]).await));
    assert!(is_forbidden(&app.create_password_link(&actor, eve.id, URL).await.map(drop)));
    assert!(address(bob.id).await.is_ok(), "others who may do no more");
    let in_person = eve.session(app).await.unwrap();
    assert!(app.update_user(&in_person, eve.id, None, Some(email("eve2@example.com"))).await.is_ok());
}

/// The sessions that the store keeps.
pub(crate) async fn kept(folder: &Path) -> i64 {
    DatabaseTool::of(folder).number("SELECT COUNT(*) FROM impersonated_sessions").await
}
