//! The console in a browser that runs no script: everything works, by plain links and forms.

use keystead_tests::{Browser, TestServer, button, row};
use thirtyfour::Key;

#[tokio::test]
async fn a_key_is_made_copied_by_hand_edited_and_revoked_without_script() {
    let server = TestServer::start().await;
    let ada = server.member("ada@example.com").await;
    let browser = Browser::open_without_script(&server).await;
    browser.sign_in(&ada).await;
    browser.says("#empty-title", "Your first key").await;
    browser.click(&button("Create your first key")).await;
    browser.arrives_at("/settings/api-keys/new").await;
    browser.fill("#name", "deploy").await;
    browser.click("//label[input[@value='7d']]").await;
    browser.says(".until", "30 Nov 2026, 10:00:00 UTC").await;
    browser.click(&button("Create")).await;
    browser.says("#dialog-title", "API key created").await;
    assert!(!browser.shows("[data-copy]").await, "a button that cannot work is not there");
    browser.says("#copy-state", "Store it now: it is shown only once.").await;
    let token = browser.find("#token").await;
    let shown = token.prop("value").await.unwrap().unwrap();
    assert_eq!(server.verify(&shown).await.status(), 200);
    token.send_keys(Key::Control + "a").await.unwrap();
    token.send_keys(Key::Control + "c").await.unwrap();

    browser.driver.refresh().await.unwrap();
    browser.says("#dialog-title", "This key was created already").await;
    assert!(!browser.driver.source().await.unwrap().contains(&shown));
    browser.click(&button("Done")).await;
    browser.arrives_at("/settings/api-keys").await;
    browser.says("#count", "1 key").await;
    assert!(!browser.driver.source().await.unwrap().contains(&shown));
    browser.fill("#q", "").await;
    browser.press(Key::Control + "v").await;
    assert_eq!(browser.find("#q").await.prop("value").await.unwrap(), Some(shown.clone()), "copied by hand");

    browser.click(&row("deploy", "//summary")).await;
    browser.click(&button("Edit API Key")).await;
    browser.fill("#name", "").await;
    browser.click(&button("Save changes")).await;
    browser.says("#name-error", "The name is needed.").await;
    browser.fill("#name", "deploy eu").await;
    browser.click(&button("Save changes")).await;
    browser.says("#notice", "The changes were saved.").await;

    browser.click(&row("deploy eu", "//summary")).await;
    browser.click(&button("Revoke API Key")).await;
    browser.fill("#confirm_name", "deploy").await;
    browser.click(&button("Revoke")).await;
    browser.says("#confirm_name-error", "That is not the key's name.").await;
    browser.fill("#confirm_name", "deploy eu").await;
    browser.click(&button("Revoke")).await;
    browser.says("#notice", "The key was revoked.").await;
    assert_eq!(server.verify(&shown).await.status(), 401);
    browser.close().await;
}

#[tokio::test]
async fn the_list_is_filtered_and_paged_without_script() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let grace = server.member("grace@example.com").await;
    server.key(&grace, "of grace", "30d").await;
    for number in 0..60 {
        server.key(&ada, &format!("key {number:02}"), if number == 5 { "7d" } else { "30d" }).await;
    }
    let browser = Browser::open_without_script(&server).await;
    browser.sign_in(&ada).await;
    browser.says("#count", "60 keys, 50 on this page").await;
    browser.click(&button("Next page")).await;
    browser.says("#count", "60 keys, 10 on this page").await;
    browser.find(&row("key 00", "")).await;
    browser.click(&button("First page")).await;
    browser.find(&row("key 59", "")).await;

    browser.fill("#q", "key 0").await;
    browser.click("//select[@id='status']/option[@value='expiring_soon']").await;
    browser.click(&button("Show")).await;
    browser.says("#count", "1 of 60 keys matches").await;
    browser.find(&row("key 05", "")).await;
    browser.click(&button("All keys")).await;
    browser.says("#count", "1 of 61 keys matches").await;
    browser.fill("#q", "nowhere").await;
    browser.click(&button("Show")).await;
    browser.says(".none", "The filter hides 61 keys.").await;
    browser.click(&button("Clear the filter")).await;
    browser.says("#count", "61 keys, 50 on this page").await;
    browser.close().await;
}
