//! What the console tells about an impersonation key's sessions, and how they are ended there.

use keystead_app::Deployment;
use keystead_tests::{Browser, TestKey, TestServer, TestUser, button, row};

const NAME: &str = "Embedding Dashboard";

/// A server where Ada, an administrator, has an impersonation key, and Grace can be signed in with it.
async fn server() -> (TestServer, TestUser, TestUser, TestKey) {
    let server = TestServer::start_with(Deployment { impersonation: true, ..Deployment::default() }).await;
    let ada = server.administrator("ada@example.com").await;
    let grace = server.member("grace@example.com").await;
    let key = server.impersonation_key(&ada, NAME).await;
    (server, ada, grace, key)
}

fn last_use() -> String {
    row(NAME, "//td[@data-l='Last used']")
}

#[tokio::test]
async fn the_row_of_an_impersonation_key_tells_its_sessions_and_ends_them() {
    let (server, ada, grace, key) = server().await;
    server.key(&ada, "ordinary", "30d").await;
    let browser = Browser::signed_in(&server, &ada).await;
    browser.says(&row(NAME, "//*[@class='badge']"), "Impersonator").await;
    browser.says(&last_use(), "No session yet").await;
    browser.click(&row("ordinary", "//summary")).await;
    assert!(!browser.shows(&button("End its sessions")).await, "an ordinary key has none");

    let first = server.mint(&key, &grace.email).await;
    browser.goto("/settings/api-keys").await;
    browser.says(&last_use(), "Last session just now").await;
    browser.says(&last_use(), "1 live session").await;
    let second = server.mint(&key, &ada.email).await;
    browser.goto("/settings/api-keys").await;
    browser.says(&last_use(), "2 live sessions").await;

    browser.click(&row(NAME, "//summary")).await;
    browser.click(&button("End its sessions")).await;
    browser.says("#dialog-title", "End its sessions?").await;
    browser
        .says("#end-text", "2 live sessions of this key end at once. The key itself goes on working")
        .await;
    assert_eq!(browser.focus().await, "Cancel", "what ends sessions is not one key press away");
    browser.click(&button("Cancel")).await;
    browser.gone("#dialog").await;
    assert_eq!(server.verify(&first).await.status(), 200, "a cancelled dialog ends nothing");

    browser.click(&row(NAME, "//summary")).await;
    browser.click(&button("End its sessions")).await;
    browser.click(&button("End sessions")).await;
    browser.gone("#dialog").await;
    browser.says("#notice", "The key's sessions have ended.").await;
    browser.says(&last_use(), "0 live sessions").await;
    for token in [&first, &second] {
        assert_eq!(server.verify(token).await.status(), 401);
    }
    assert_eq!(server.verify(&server.mint(&key, &grace.email).await).await.status(), 200, "the key works");
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    browser.close().await;
}

#[tokio::test]
async fn a_keys_sessions_are_ended_without_script() {
    let (server, ada, grace, key) = server().await;
    let token = server.mint(&key, &grace.email).await;
    let browser = Browser::open_without_script(&server).await;
    browser.sign_in(&ada).await;
    browser.says(&last_use(), "1 live session").await;
    browser.click(&row(NAME, "//summary")).await;
    browser.click(&button("End its sessions")).await;
    browser.says("#end-text", "1 live session of this key ends at once.").await;
    browser.click(&button("End sessions")).await;
    browser.says("#notice", "The key's sessions have ended.").await;
    browser.says(&last_use(), "0 live sessions").await;
    assert_eq!(server.verify(&token).await.status(), 401);
    browser.close().await;
}

#[tokio::test]
async fn the_row_and_dialog_of_sessions_have_no_accessibility_violation() {
    let (server, ada, grace, key) = server().await;
    server.mint(&key, &grace.email).await;
    let browser = Browser::open(&server).await.with_axe().await;
    let mut wrong = Vec::new();
    browser.sign_in(&ada).await;
    browser.look("a key with sessions", &mut wrong).await;
    browser.click(&row(NAME, "//summary")).await;
    browser.look("its menu", &mut wrong).await;
    browser.click(&button("End its sessions")).await;
    browser.find("#dialog").await;
    browser.look("ending them", &mut wrong).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    browser.close().await;
}
