//! An app that a person connects: how it comes to its tokens, and what does not let it in.

use jiff::SignedDuration;
use keystead_app::{
    AuthorizationError, CodeRedemption, Deployment, IssuedTokens, PendingAuthorization, RequestOrigin,
    TokenRefusal,
};
use keystead_domain::{
    Actor, AuthorizationParameters, ConnectionId, Error, Expiration, OauthLifetimes, RoleId,
};
use keystead_test_hosts::DatabaseTool;
use zeroize::Zeroizing;

use crate::impersonation::deployment;
use crate::world::{Somebody, World, is_forbidden, roles};

pub(crate) const CALLBACK: &str = "https://app.example.com/cb";
/// RFC 7636, appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
pub(crate) const RESOURCE: &str = "https://keys.example.com/mcp";

/// A world with Ada, for whom an app may act.
pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) ada: Somebody,
    pub(crate) client: String,
}

/// An app's tokens.
#[derive(Clone)]
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: String,
}

impl From<IssuedTokens> for Tokens {
    fn from(issued: IssuedTokens) -> Self {
        let (access, refresh) = (issued.access_token.to_string(), issued.refresh_token.expose().to_owned());
        Self { access, refresh }
    }
}

impl Scene {
    pub(crate) async fn new() -> Self {
        Self::of(deployment(false)).await
    }

    async fn of(deployment: Deployment) -> Self {
        let world = World::of(deployment).await;
        let ada = world.person("ada@example.com", roles([RoleId::MEMBER])).await;
        let client = world.registered("An app").await;
        Self { world, ada, client }
    }

    pub(crate) async fn connect(&self) -> Tokens {
        self.world.connect(&self.ada, &self.client).await
    }

    /// The code of an app that Ada allowed.
    pub(crate) async fn allow(&self) -> CodeRedemption {
        self.world.allow(&self.ada, &self.client).await
    }

    pub(crate) fn is_accepted(&self, tokens: &Tokens) -> bool {
        self.world.by_app(&tokens.access).is_some()
    }

    /// As in another process.
    pub(crate) async fn restarted(self) -> Self {
        Self { world: self.world.restarted().await, ..self }
    }

    /// All that is kept, but not when somebody was last seen.
    pub(crate) async fn kept(&self) -> Vec<String> {
        self.world.kept().await
    }
}

impl World {
    pub(crate) async fn registered(&self, name: &str) -> String {
        let said = format!(r#"{{"client_name":"{name}","redirect_uris":["{CALLBACK}"]}}"#);
        let client = self.app.register_client(said.as_bytes(), &RequestOrigin::default()).await.unwrap();
        client.id.to_string()
    }

    pub(crate) async fn pending(&self, client: &str) -> PendingAuthorization {
        let parameters = AuthorizationParameters {
            response_type: Some("code".to_owned()),
            client_id: Some(client.to_owned()),
            redirect_uri: Some(CALLBACK.to_owned()),
            code_challenge: Some(CHALLENGE.to_owned()),
            code_challenge_method: Some("S256".to_owned()),
            resource: Some(RESOURCE.to_owned()),
            ..AuthorizationParameters::default()
        };
        self.app.check_authorization(&parameters).await.unwrap()
    }

    pub(crate) async fn allow(&self, by: &Somebody, client: &str) -> CodeRedemption {
        let actor = by.session(&self.app).await.unwrap();
        let sent_to = self.app.approve(&actor, &self.pending(client).await).await.unwrap();
        let code = sent_to.strip_prefix(&format!("{CALLBACK}?code=")).unwrap().split('&').next().unwrap();
        redemption(code, client)
    }

    pub(crate) async fn redeem(&self, asked: &CodeRedemption) -> Result<Tokens, TokenRefusal> {
        self.app.redeem_code(asked, &RequestOrigin::default()).await.map(Tokens::from)
    }

    pub(crate) async fn refresh(&self, token: &str, client: &str) -> Result<Tokens, TokenRefusal> {
        self.app.refresh(token, client, Some(RESOURCE), &RequestOrigin::default()).await.map(Tokens::from)
    }

    pub(crate) async fn connect(&self, somebody: &Somebody, client: &str) -> Tokens {
        let asked = self.allow(somebody, client).await;
        self.redeem(&asked).await.unwrap()
    }

    /// Who an app's requests are from.
    pub(crate) fn by_app(&self, access: &str) -> Option<Actor> {
        self.app.actor_of_access_token(access, &RequestOrigin::default()).ok()
    }

    /// The one app that somebody connected.
    pub(crate) async fn app_of(&self, somebody: &Somebody) -> ConnectionId {
        let apps = self.app.connected_apps(&somebody.session(&self.app).await.unwrap()).await.unwrap();
        let [app] = &apps[..] else { panic!("{apps:?}") };
        app.id
    }

    /// All that is kept of apps and in the audit log, as text.
    pub(crate) async fn kept(&self) -> Vec<String> {
        let mut rows = DatabaseTool::of(self.folder()).rows().await;
        let tables = ["connections", "refresh_tokens", "audit_events", "changes"];
        tables.into_iter().flat_map(|table| rows.remove(table).unwrap()).collect()
    }
}

pub(crate) fn redemption(code: &str, client: &str) -> CodeRedemption {
    CodeRedemption {
        code: Zeroizing::new(code.to_owned()),
        client_id: client.to_owned(),
        redirect_uri: Some(CALLBACK.to_owned()),
        code_verifier: Zeroizing::new(VERIFIER.to_owned()),
        resource: Some(RESOURCE.to_owned()),
    }
}

pub(crate) fn refused_as(refusal: &Result<Tokens, TokenRefusal>) -> &'static str {
    match refusal {
        Ok(_) => "accepted",
        Err(TokenRefusal::Refused(refusal)) => refusal.code,
        Err(TokenRefusal::Failed(error)) => panic!("{error}"),
    }
}

#[tokio::test]
async fn a_code_is_redeemed_by_its_client_alone_with_its_verifier_for_its_resource_and_else_nothing_changes()
{
    let scene = Scene::new().await;
    let other = scene.world.registered("Another app").await;
    let good = scene.allow().await;
    let code = good.code.to_string();
    let with = |change: &dyn Fn(&mut CodeRedemption)| {
        let mut asked = redemption(&code, &scene.client);
        change(&mut asked);
        asked
    };
    let kept = scene.kept().await;
    for (asked, expected) in [
        (with(&|it| it.client_id.clone_from(&other)), "invalid_grant"),
        (with(&|it| it.client_id.clear()), "invalid_grant"),
        (with(&|it| it.redirect_uri = Some(format!("{CALLBACK}/"))), "invalid_grant"),
        (with(&|it| it.redirect_uri = Some(String::new())), "invalid_grant"),
        (with(&|it| it.code_verifier = Zeroizing::new(VERIFIER.to_lowercase())), "invalid_grant"),
        (with(&|it| it.code_verifier = Zeroizing::new(CHALLENGE.to_owned())), "invalid_grant"),
        (with(&|it| it.code_verifier = Zeroizing::default()), "invalid_grant"),
        (with(&|it| it.code = Zeroizing::new(format!("{code}0"))), "invalid_grant"),
        (with(&|it| it.code = Zeroizing::new(scene.ada.token.clone())), "invalid_grant"),
        (with(&|it| it.code = Zeroizing::default()), "invalid_grant"),
        (with(&|it| it.resource = Some("https://keys.example.com".to_owned())), "invalid_target"),
        (with(&|it| it.resource = Some("https://other.example.com/mcp".to_owned())), "invalid_target"),
    ] {
        assert_eq!(refused_as(&scene.world.redeem(&asked).await), expected);
        assert_eq!(scene.kept().await, kept, "a refused attempt changes nothing");
    }
    let tokens = scene.world.redeem(&good).await.unwrap();
    let actor = scene.world.by_app(&tokens.access).unwrap();
    assert_eq!((actor.user().id, actor.user().organization), (scene.ada.id, scene.ada.organization));
}

#[tokio::test]
async fn a_code_counts_for_60_seconds_to_the_millisecond() {
    let scene = Scene::new().await;
    for (late, expected) in [(-1, "accepted"), (0, "invalid_grant")] {
        let asked = scene.allow().await;
        scene.world.clock.advance(OauthLifetimes::CODE + SignedDuration::from_millis(late));
        assert_eq!(refused_as(&scene.world.redeem(&asked).await), expected);
    }
    assert_eq!(OauthLifetimes::CODE.as_secs(), 60);
}

#[tokio::test]
async fn a_code_that_comes_a_second_time_ends_what_the_first_one_began() {
    let scene = Scene::new().await;
    let asked = scene.allow().await;
    let mut tokens = scene.world.redeem(&asked).await.unwrap();
    tokens = scene.world.refresh(&tokens.refresh, &scene.client).await.unwrap();
    assert!(scene.is_accepted(&tokens));
    assert_eq!(refused_as(&scene.world.redeem(&asked).await), "invalid_grant");
    assert!(!scene.is_accepted(&tokens));
    assert_eq!(refused_as(&scene.world.refresh(&tokens.refresh, &scene.client).await), "invalid_grant");
    let kept = scene.kept().await;
    assert!(kept.iter().any(|row| row.contains("code_reused")));
    assert_eq!(refused_as(&scene.world.redeem(&asked).await), "invalid_grant");
    assert_eq!(scene.kept().await, kept, "a third time ends nothing more");
    let scene = scene.restarted().await;
    assert!(!scene.is_accepted(&tokens));
}

#[tokio::test]
async fn only_a_person_in_the_console_connects_sees_and_disconnects_apps() {
    let scene = Scene::new().await;
    let Scene { world, ada, client } = &scene;
    let tokens = scene.connect().await;
    let id = world.app_of(ada).await;
    let key = world.impersonation_key(&world.root, Expiration::Never).await;
    let impersonated = world.session(&world.mint(&key, ada).await.unwrap()).unwrap();
    let pending = world.pending(client).await;
    let kept = scene.kept().await;
    for actor in [ada.by_key(&world.app).unwrap(), impersonated, world.by_app(&tokens.access).unwrap()] {
        assert!(is_forbidden(&world.app.approve(&actor, &pending).await));
        assert!(is_forbidden(&world.app.connected_apps(&actor).await));
        assert!(is_forbidden(&world.app.disconnect_app(&actor, id).await));
    }
    assert_eq!(scene.kept().await, kept);
    assert!(scene.is_accepted(&tokens));
}

#[tokio::test]
async fn nobody_sees_or_ends_an_app_of_another_whoever_they_are_and_is_told_no_more_than_of_one_that_never_was()
 {
    let scene = Scene::new().await;
    let Scene { world, ada, .. } = &scene;
    let tokens = scene.connect().await;
    let id = world.app_of(ada).await;
    let administrator = world.person("eve@example.com", roles([RoleId::ADMINISTRATOR])).await;
    let elsewhere = world.organization("Second", "other@example.com").await;
    let kept = scene.kept().await;
    for somebody in [&administrator, &world.root, &elsewhere] {
        let actor = somebody.session(&world.app).await.unwrap();
        assert!(world.app.connected_apps(&actor).await.unwrap().is_empty());
        let refused = world.app.disconnect_app(&actor, id).await;
        let never_was = world.app.disconnect_app(&actor, ConnectionId::from_u128(9)).await;
        assert_eq!(refused, never_was);
        assert_eq!(refused.unwrap_err(), Error::NotFound("connected app"));
    }
    assert_eq!(scene.kept().await, kept);
    assert!(scene.is_accepted(&tokens));
}

#[tokio::test]
async fn an_unknown_client_or_an_address_that_is_not_its_own_is_shown_to_the_person_and_sent_nowhere() {
    let scene = Scene::new().await;
    let other = scene.world.registered("Another app").await;
    let never = other.replace(&other[7..9], "zz");
    let asked = |client: &str, uri: &str| AuthorizationParameters {
        response_type: Some("code".to_owned()),
        client_id: Some(client.to_owned()),
        redirect_uri: Some(uri.to_owned()),
        ..AuthorizationParameters::default()
    };
    let unknown = format!("client-{}", ConnectionId::from_u128(9));
    for parameters in [
        asked("", CALLBACK),
        asked(&never, CALLBACK),
        asked(&unknown, CALLBACK),
        asked(&scene.ada.id.to_string(), CALLBACK),
        asked(&scene.client, "https://app.example.com/cb/"),
        asked(&scene.client, "https://evil.example.com/cb"),
        asked(&scene.client, "https://app.example.com@evil.example.com/cb"),
        asked(&scene.client, "javascript:alert(1)"),
    ] {
        let refused = scene.world.app.check_authorization(&parameters).await.unwrap_err();
        assert!(matches!(refused, AuthorizationError::ShowToPerson(_)), "{parameters:?}: {refused:?}");
    }
    // Of a client that is known, at its own address, the client is told.
    let refused = scene.world.app.check_authorization(&asked(&scene.client, CALLBACK)).await.unwrap_err();
    let AuthorizationError::Redirect(url) = refused else { panic!("{refused:?}") };
    assert!(url.starts_with(&format!("{CALLBACK}?error=invalid_request")), "{url}");
}
