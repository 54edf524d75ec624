//! The organization's settings: its name, the policy for keys, e-mail access.

use http::StatusCode;
use serde_json::{Value, json};

use crate::support::{ADA, BOB, Credential as _, Server, post};

const ORGANIZATION: &str = "{ organization { name keyPolicy { longestExpiration keysMayCreateKeys closedMessage } \
                            emailAccess { open allowedDomains allowedAddresses blockedDomains blockedAddresses } } }";
const POLICY: &str = "mutation($input: KeyPolicyInput!) { setKeyPolicy(input: $input) \
                      { keyPolicy { longestExpiration keysMayCreateKeys closedMessage } } }";
const ACCESS: &str = "mutation($input: EmailAccessInput!, $count: Int) { setEmailAccess(input: $input, excludeExistingUsers: $count) \
                      { emailAccess { open allowedDomains blockedAddresses } } }";
const EXCLUDED: &str =
    "query($input: EmailAccessInput!) { usersExcludedBy(input: $input) { count users { email } } }";
const CREATE: &str = "mutation($input: CreateApiKeyInput!) { createApiKey(input: $input) { apiKey { id } } }";

fn rules(allowed_domains: &[&str], blocked_addresses: &[&str]) -> Value {
    json!({ "allowedDomains": allowed_domains, "allowedAddresses": [], "blockedDomains": [],
            "blockedAddresses": blocked_addresses })
}

#[tokio::test]
async fn everybody_sees_what_everybody_meets_and_the_lists_are_for_whoever_may_change_them() {
    let server = Server::start().await;
    let (admin, bob) = (server.token(ADA).await, server.token(BOB).await);
    let rename = "mutation { renameOrganization(name: \" Example Ltd \") { name } }";
    let renamed = server.data(&admin, rename, json!({})).await;
    assert_eq!(renamed["renameOrganization"]["name"], "Example Ltd");
    let policy = json!({ "longestExpiration": "NEVER", "keysMayCreateKeys": true, "closedMessage": null });
    let lists = |list: Value| {
        json!({ "name": "Example Ltd", "keyPolicy": policy, "emailAccess": {
            "open": true, "allowedDomains": list, "allowedAddresses": list, "blockedDomains": list,
            "blockedAddresses": list,
        } })
    };
    assert_eq!(server.data(&admin, ORGANIZATION, json!({})).await["organization"], lists(json!([])));
    assert_eq!(server.data(&bob, ORGANIZATION, json!({})).await["organization"], lists(Value::Null));
    let nameless = "mutation { renameOrganization(name: \"  \") { name } }";
    let refusal = server.refusal(&admin, nameless, json!({})).await;
    assert_eq!(refusal, ("BAD_USER_INPUT".to_owned(), Some("name".to_owned())));
}

#[tokio::test]
async fn the_policy_holds_for_the_next_key() {
    let server = Server::start().await;
    let (admin, bob) = (server.token(ADA).await, server.token(BOB).await);
    let key = |expiration: &str| json!({ "input": { "name": "k", "expiration": expiration } });
    let input = json!({ "longestExpiration": "DAYS_90", "keysMayCreateKeys": true });
    let set = server.data(&admin, POLICY, json!({ "input": input })).await;
    assert_eq!(
        set["setKeyPolicy"]["keyPolicy"],
        json!({ "longestExpiration": "DAYS_90", "keysMayCreateKeys": true, "closedMessage": null })
    );
    let expiration = ("BAD_USER_INPUT".to_owned(), Some("expiration".to_owned()));
    for refused in ["DAYS_180", "YEAR_1", "NEVER"] {
        assert_eq!(server.refusal(&bob, CREATE, key(refused)).await, expiration, "{refused}");
    }
    server.data(&bob, CREATE, key("DAYS_90")).await;

    let input = json!({ "longestExpiration": "NEVER", "keysMayCreateKeys": false });
    server.data(&admin, POLICY, json!({ "input": input })).await;
    assert_eq!(server.refusal(&bob, CREATE, key("DAYS_7")).await.0, "FORBIDDEN");

    let input =
        json!({ "longestExpiration": "NEVER", "keysMayCreateKeys": true, "closedMessage": "Ask Ada first." });
    server.data(&admin, POLICY, json!({ "input": input })).await;
    let answer = server.query(&bob, CREATE, key("DAYS_7")).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "CONFLICT");
    assert!(answer["errors"][0]["message"].as_str().unwrap().contains("Ask Ada first."), "{answer}");
    for (input, field) in [
        (
            json!({ "longestExpiration": "NEVER", "keysMayCreateKeys": true, "closedMessage": " " }),
            "closedMessage",
        ),
        (json!({ "longestExpiration": "DAYS_8", "keysMayCreateKeys": true }), "longestExpiration"),
        (json!({ "longestExpiration": "NEVER" }), "keysMayCreateKeys"),
    ] {
        let refusal = server.refusal(&admin, POLICY, json!({ "input": input })).await;
        assert_eq!(refusal, ("BAD_USER_INPUT".to_owned(), Some(field.to_owned())), "{input}");
    }
}

#[tokio::test]
async fn rules_that_exclude_users_are_confirmed_by_their_number_and_taken_back_bring_them_back() {
    let server = Server::start().await;
    let (admin, bob) = (server.token(ADA).await, server.token(BOB).await);
    let works = || async {
        let reply = server.send(post().bearer(&bob), json!({ "query": "{ __typename }" }).to_string()).await;
        reply.status == StatusCode::OK
    };
    let block = rules(&[], &[BOB]);
    let excluded = server.data(&admin, EXCLUDED, json!({ "input": block })).await;
    assert_eq!(excluded["usersExcludedBy"], json!({ "count": 1, "users": [{ "email": BOB }] }));
    for count in [Value::Null, json!(0), json!(-1)] {
        let answer = server.query(&admin, ACCESS, json!({ "input": block, "count": count })).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "CONFLICT", "{count}");
        assert!(answer["errors"][0]["message"].as_str().unwrap().contains("1 user"), "{answer}");
        assert!(works().await);
    }
    let set = server.data(&admin, ACCESS, json!({ "input": block, "count": 1 })).await;
    assert_eq!(
        set["setEmailAccess"]["emailAccess"],
        json!({ "open": true, "allowedDomains": [], "blockedAddresses": [BOB] })
    );
    assert!(!works().await);
    let standing =
        server.data(&admin, "{ users(search: \"bob\") { nodes { active standing } } }", json!({})).await;
    assert_eq!(standing["users"]["nodes"], json!([{ "active": false, "standing": "NOT_ADMITTED" }]));
    let invite = "mutation { inviteUser(input: { email: \"BOB@example.com\" }) { mailed } }";
    assert_eq!(server.refusal(&admin, invite, json!({})).await.1.as_deref(), Some("email"));
    let create = "mutation { createUsers(input: { emails: [\"bob@example.com\"] }) { status { code } } }";
    assert_eq!(server.data(&admin, create, json!({})).await["createUsers"]["status"]["code"], "ERROR");

    server.data(&admin, ACCESS, json!({ "input": rules(&[], &[]) })).await;
    assert!(works().await);
}

#[tokio::test]
async fn rules_that_lock_out_whoever_saves_them_or_are_none_are_refused() {
    let server = Server::start().await;
    let admin = server.token(ADA).await;
    for lockout in [rules(&["elsewhere.example"], &[]), rules(&[], &[ADA]), rules(&["*.example.com"], &[])] {
        let refusal = server.refusal(&admin, ACCESS, json!({ "input": lockout, "count": 100 })).await;
        assert_eq!(refusal.0, "CONFLICT", "{lockout}");
    }
    for field in ["allowedDomains", "allowedAddresses", "blockedDomains", "blockedAddresses"] {
        for rule in ["", "@", "no blanks.example", "*"] {
            let mut input = rules(&[], &[]);
            input[field] = json!([rule]);
            for query in [ACCESS, EXCLUDED] {
                let refusal = server.refusal(&admin, query, json!({ "input": input })).await;
                assert_eq!(refusal, ("BAD_USER_INPUT".to_owned(), Some(field.to_owned())), "{rule}");
            }
        }
        // A list that was lost on the way must not let everybody in.
        let mut input = rules(&[], &[]);
        input.as_object_mut().unwrap().remove(field);
        let refusal = server.refusal(&admin, ACCESS, json!({ "input": input })).await;
        assert_eq!(refusal, ("BAD_USER_INPUT".to_owned(), Some(field.to_owned())));
    }
    let open = server.data(&admin, "{ organization { emailAccess { open } } }", json!({})).await;
    assert_eq!(open["organization"]["emailAccess"]["open"], true);
}
