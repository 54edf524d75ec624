//! What sessions leave behind: who acted, through which key, and no secret.

use serde_json::{Value, json};

use super::{Product, Way, ask};
use crate::graphql::NO_RULES;

impl Product {
    async fn events(&self, filter: &str) -> Vec<Value> {
        let reader = self.server.key(&self.ada, "reader", "30d").await.token;
        let query = format!(
            "{{ auditEvents(first: 50{filter}) {{ nodes {{ action user {{ id }} via viaId targetId details }} }} }}"
        );
        let answer = ask(&self.server, &reader, &query).await;
        answer["data"]["auditEvents"]["nodes"].as_array().unwrap_or_else(|| panic!("{answer}")).clone()
    }
}

#[tokio::test]
async fn every_minting_is_written_down_with_the_key_its_creator_and_the_user() {
    let product = Product::start().await;
    let server = &product.server;
    for way in Way::ALL {
        let value = format!("a-value-{way:?}");
        let attributes = [("department", value.as_str())];
        let token = way.mint_with(server, &product.key.token, &product.mia.email, &attributes).await.unwrap();
        let event = product.events("").await.into_iter().find(|event| event["action"] == "session.minted");
        let event = event.expect("an event");
        assert_eq!(event["user"]["id"], product.ada.id.as_str(), "{way:?}: the key's creator");
        assert_eq!((event["via"].as_str(), event["viaId"].as_str()), (Some("key"), Some(&*product.key.id)));
        assert_eq!(event["targetId"], product.mia.id.as_str(), "{way:?}");
        let kept = format!("{:?}", server.snapshot().await);
        for secret in token.split('.').skip(1).chain([product.key.token.as_str(), &value]) {
            assert!(!kept.contains(secret), "{way:?}: {secret} is in the store");
        }
    }
}

#[tokio::test]
async fn every_action_in_a_session_names_the_user_and_the_key_behind_it() {
    let product = Product::start_as(super::with_administration()).await;
    let server = &product.server;
    let token = server.mint(&product.key, &product.ada.email).await;
    let made =
        ask(server, &token, "mutation { createApiKey(input: { name: \"n\" }) { apiKey { id } } }").await;
    let id = made["data"]["createApiKey"]["apiKey"]["id"].as_str().unwrap().to_owned();
    let other = server.key(&product.mia, "mias", "30d").await.id;
    let actions = [
        (
            "key.updated",
            format!("updateApiKey(input: {{ id: \"{id}\", name: \"o\" }}) {{ apiKey {{ id }} }}"),
        ),
        ("key.revoked", format!("revokeApiKeys(ids: [\"{id}\", \"{other}\"]) {{ revokedIds }}")),
        ("invitation.created", "inviteUser(input: { email: \"i@example.com\" }) { user { id } }".to_owned()),
        ("role.created", "createRole(input: { name: \"r\", permissions: [\"a:b\"] }) { id }".to_owned()),
        ("organization.renamed", "renameOrganization(name: \"o\") { id }".to_owned()),
        ("email_access.set", format!("setEmailAccess(input: {NO_RULES}) {{ id }}")),
    ];
    for (_, mutation) in &actions {
        let answer = ask(server, &token, &format!("mutation {{ {mutation} }}")).await;
        assert!(answer.get("errors").is_none(), "{mutation}: {answer}");
    }
    let embedded =
        [("name", "embedded"), ("expiration", "30d"), ("request_id", "00000000000000000000000000000000")];
    let page = server.post("/embed/keys/new").bearer_auth(&token).form(&embedded).send().await.unwrap();
    assert_eq!(page.status(), 200);
    let events = product.events(", via: IMPERSONATION").await;
    for event in &events {
        assert_eq!(event["viaId"], product.key.id.as_str(), "{event}");
        assert_eq!(event["user"]["id"], product.ada.id.as_str(), "{event}");
        assert_eq!(event["via"], "impersonation", "{event}");
    }
    let mut done: Vec<_> = events.iter().map(|event| event["action"].as_str().unwrap()).collect();
    let mut expected: Vec<_> = actions.iter().map(|(action, _)| *action).collect();
    // Two keys were revoked, one was made by GraphQL before, and one embedded; and whoever is invited is made.
    expected.extend(["key.revoked", "key.created", "key.created", "user.created"]);
    done.sort_unstable();
    expected.sort_unstable();
    assert_eq!(done, expected);
}

#[tokio::test]
async fn ending_a_keys_sessions_is_written_down() {
    let product = Product::start().await;
    let admins = product.server.key(&product.ada, "admins", "30d").await.token;
    let query = format!(
        "mutation {{ endImpersonatedSessions(input: {{ keyId: \"{}\" }}) {{ apiKey {{ id }} }} }}",
        product.key.id
    );
    assert!(ask(&product.server, &admins, &query).await.get("errors").is_none());
    let events = product.events("").await;
    let event = events.iter().find(|event| event["action"] == "key.sessions_ended").expect("an event");
    assert_eq!(event["targetId"], product.key.id.as_str());
    assert_eq!(event["user"]["id"], product.ada.id.as_str());
    assert!(!json!(event).to_string().contains(&product.key.token));
}
