//! The console as a browser without script sees it.

use keystead_tests::{Browserless, Form, TestServer};

#[tokio::test]
async fn a_key_is_made_used_edited_and_revoked_without_script() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let browser = Browserless::signed_in(&server, &ada).await;

    let form = browser.form("/settings/api-keys/new", "/settings/api-keys/new").await;
    let form = form.with("name", "deploy").with("description", "from CI").with("expiration", "30d");
    let answer = browser.post(&form).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let html = answer.text().await.unwrap();
    let token = token_in(&html).expect("the token is shown");
    assert_eq!(html.matches(token.as_str()).count(), 5, "to copy by itself, and in four snippets");
    assert_eq!(server.verify(&token).await.status(), 200);

    let again = browser.post(&form).await;
    assert_eq!(again.status(), 200);
    let again = again.text().await.unwrap();
    assert_eq!(token_in(&again), None, "a form that is sent again shows no token");
    let list = browser.get("/settings/api-keys").await.text().await.unwrap();
    assert_eq!(token_in(&list), None);
    assert_eq!(list.matches("/revoke").count(), 1, "and makes no second key");

    let edit = Form::find_link(&list, "/edit");
    let form =
        browser.form(&edit, "/settings/api-keys/").await.with("name", "deploy 2").with("description", "");
    assert_eq!(browser.post(&form).await.status(), 303);

    let revoke = Form::find_link(&list, "/revoke");
    let form = browser.form(&revoke, "/settings/api-keys/").await;
    assert_eq!(browser.post(&form.clone().with("confirm_name", "deploy")).await.status(), 422);
    assert_eq!(server.verify(&token).await.status(), 200, "a wrong name revokes nothing");
    assert_eq!(browser.post(&form.clone().with("confirm_name", "deploy 2")).await.status(), 303);
    assert_eq!(server.verify(&token).await.status(), 401);
    assert_eq!(browser.post(&form.with("confirm_name", "deploy 2")).await.status(), 404, "and once only");
}

fn token_in(html: &str) -> Option<String> {
    html.match_indices("ks_").find_map(|(at, _)| {
        let token: String =
            html[at..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        keystead_token::TokenRef::parse(&token).is_ok().then_some(token)
    })
}
