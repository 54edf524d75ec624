//! The list of keys in a real browser: statuses, filters, views, pages, and text that means harm.

use jiff::SignedDuration;
use keystead_app::Deployment;
use keystead_tests::{Browser, Browserless, NewKey, TestServer, TestUser, button, row};

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Makes keys through the form, the first of them first.
async fn make(server: &TestServer, user: &TestUser, keys: &[(&str, &str, &str)]) {
    let browser = Browserless::signed_in(server, user).await;
    for (name, description, expiration) in keys {
        NewKey { name, description, expiration, impersonation: false }.create(&browser).await;
        server.advance(SignedDuration::from_secs(1));
    }
}

async fn choose_status(browser: &Browser, value: &str) {
    browser.click(&format!("//select[@id='status']/option[@value='{value}']")).await;
}

#[tokio::test]
async fn a_key_ages_from_active_to_expired_which_is_listed_last_and_cannot_be_edited() {
    let server = TestServer::start().await;
    let ada = server.member("ada@example.com").await;
    make(&server, &ada, &[("week", "", "7d"), ("month", "", "30d"), ("ever", "", "never")]).await;
    let mut browser = Browser::signed_in(&server, &ada).await;
    browser.lists(&["ever", "month", "week"]).await;
    let status = |name: &str| row(name, "//*[contains(@class,'st ')]");
    for (name, words) in [("ever", "Active"), ("month", "Active"), ("week", "Expiring soon")] {
        assert_eq!(browser.text(&status(name)).await, words);
    }

    server.advance(DAY * 7);
    browser.show_time(server.now()).await;
    browser.sign_in(&ada).await;
    browser.lists(&["ever", "month", "week"]).await;
    assert_eq!(browser.text(&status("week")).await, "Expired");
    assert!(
        browser.shows(&row("week", "//*[contains(@class,'st ')]//*[local-name()='svg']")).await,
        "never colour alone"
    );
    browser.click(&row("week", "//summary")).await;
    browser.says(&row("week", "//*[@class='off']"), "expired keys cannot be edited").await;
    assert!(!browser.shows(&row("week", "//a[contains(.,'Edit API Key')]")).await);
    assert!(
        browser.shows(&row("week", "//a[contains(.,'Revoke API Key')]")).await,
        "it can still be revoked"
    );

    server.advance(DAY * 16);
    browser.sign_in(&ada).await;
    assert_eq!(browser.text(&status("month")).await, "Expiring soon");
    server.advance(DAY * 7);
    make(&server, &ada, &[("newest", "", "7d")]).await;
    browser.sign_in(&ada).await;
    browser.lists(&["newest", "ever", "month", "week"]).await;
    assert_eq!(browser.text(&status("month")).await, "Expired");
    assert_eq!(browser.text(&status("ever")).await, "Active");
    browser.close().await;
}

#[tokio::test]
async fn search_and_status_narrow_the_list_together_and_an_empty_answer_says_what_is_hidden() {
    let server = TestServer::start().await;
    let ada = server.member("ada@example.com").await;
    make(
        &server,
        &ada,
        &[
            ("old deploy", "", "7d"),
            ("deploy", "eu-west", "90d"),
            ("Laptop", "for deploying by hand", "never"),
        ],
    )
    .await;
    server.advance(DAY * 8);
    let browser = Browser::signed_in(&server, &ada).await;
    browser.lists(&["Laptop", "deploy", "old deploy"]).await;
    let masked = browser.text(&row("deploy", "//code")).await;

    browser.fill("#q", "DEPLOY").await;
    browser.lists(&["Laptop", "deploy", "old deploy"]).await;
    browser.fill("#q", "eu-w").await;
    browser.lists(&["deploy"]).await;
    assert_eq!(browser.path().await, "/settings/api-keys?q=eu-w", "the address is the filter");
    browser.says("#count", "1 of 3 keys matches").await;
    let (head, tail) = masked.split_once('…').unwrap();
    for fragment in [masked.as_str(), head, tail] {
        browser.fill("#q", fragment).await;
        browser.lists(&["deploy"]).await;
    }
    browser.fill("#q", "deploy").await;
    browser.lists(&["Laptop", "deploy", "old deploy"]).await;
    choose_status(&browser, "expired").await;
    browser.lists(&["old deploy"]).await;
    choose_status(&browser, "active").await;
    browser.lists(&["Laptop", "deploy"]).await;
    choose_status(&browser, "expiring_soon").await;
    browser.says("#none-title", "No key matches").await;
    browser.says(".none", "“deploy”").await;
    browser.says(".none", "Expiring soon").await;
    browser.says(".none", "The filter hides 3 keys.").await;

    browser.driver.refresh().await.unwrap();
    browser.says(".none", "The filter hides 3 keys.").await;
    browser.click(&button("Clear the filter")).await;
    browser.lists(&["Laptop", "deploy", "old deploy"]).await;
    assert_eq!(browser.find("#q").await.prop("value").await.unwrap().as_deref(), Some(""));
    browser.driver.back().await.unwrap();
    browser.says("#none-title", "No key matches").await;
    assert_eq!(browser.find("#q").await.prop("value").await.unwrap().as_deref(), Some("deploy"));
    browser.close().await;
}

#[tokio::test]
async fn administrators_see_all_keys_with_their_creators_and_members_are_offered_no_such_view() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let grace = server.member("grace@example.com").await;
    make(&server, &ada, &[("of ada", "", "30d")]).await;
    make(&server, &grace, &[("of grace", "", "30d")]).await;
    let browser = Browser::signed_in(&server, &ada).await;
    browser.lists(&["of ada"]).await;
    let creator = row("of grace", "//td[@data-l='Created']/small");
    browser.click("#view-all").await;
    browser.lists(&["of grace", "of ada"]).await;
    assert_eq!(browser.text(&creator).await, "grace");
    browser.click("#view-mine").await;
    browser.lists(&["of ada"]).await;
    assert!(!browser.shows("//td[@data-l='Created']/small").await, "one's own name is not repeated");

    browser.click("#view-all").await;
    browser.lists(&["of grace", "of ada"]).await;
    browser.fill("#q", "grace").await;
    browser.lists(&["of grace"]).await;
    browser.click(&row("of grace", "//summary")).await;
    browser.says(&row("of grace", "//*[@class='off']"), "Only its creator can edit a key.").await;
    browser.click(&button("Revoke API Key")).await;
    browser.says("#dialog .facts", "grace").await;
    browser.fill("#confirm_name", "of grace").await;
    browser.click(&button("Revoke")).await;
    browser.gone("#dialog").await;
    browser.says("#none-title", "No key matches").await;
    assert_eq!(browser.path().await.split('&').next(), Some("/settings/api-keys?view=all"), "the view stays");

    make(&server, &grace, &[("another", "", "30d")]).await;
    browser.sign_in(&grace).await;
    browser.lists(&["another"]).await;
    assert!(!browser.shows("#views").await);
    browser.goto("/settings/api-keys?view=all").await;
    browser.says(".status-code", "403").await;
    browser.says(".lede", "Ask an administrator.").await;
    browser.close().await;
}

#[tokio::test]
async fn impersonation_is_offered_only_where_the_deployment_and_the_person_may() {
    let server = TestServer::start_with(Deployment { impersonation: true, ..Deployment::default() }).await;
    let ada = server.administrator("ada@example.com").await;
    let grace = server.member("grace@example.com").await;
    let browser = Browser::signed_in(&server, &ada).await;
    browser.goto("/settings/api-keys/new").await;
    browser.fill("#name", "embedding").await;
    assert!(
        !browser.shows(".caution").await || !browser.text(".toggle").await.contains("can act as any user")
    );
    browser.click("#allow_impersonation").await;
    browser.says(".caution", "This key can act as any user of").await;
    browser.click(&button("Create")).await;
    browser.says("#dialog .facts", "can act as any user").await;
    browser.click("[data-copy]").await;
    browser.says("#copy-state", "Copied.").await;
    browser.click(&button("Done")).await;
    browser.says(&row("embedding", "//*[@class='badge']"), "Impersonator").await;

    browser.sign_in(&grace).await;
    browser.goto("/settings/api-keys/new").await;
    browser.find("#name").await;
    assert!(!browser.shows("#allow_impersonation").await, "members may not grant it");

    let elsewhere = TestServer::start().await;
    let ada = elsewhere.administrator("ada@example.com").await;
    let other = Browser::signed_in(&elsewhere, &ada).await;
    other.goto("/settings/api-keys/new").await;
    other.find("#name").await;
    assert!(!other.shows("#allow_impersonation").await, "this deployment has none");
    other.close().await;
    browser.close().await;
}

#[tokio::test]
async fn many_keys_come_in_pages_and_a_search_from_a_later_page_finds_what_is_on_any() {
    let server = TestServer::start().await;
    let ada = server.member("ada@example.com").await;
    for number in 0..120 {
        server.key(&ada, &format!("key {number:03}"), "30d").await;
    }
    let browser = Browser::signed_in(&server, &ada).await;
    browser.says("#count", "120 keys, 50 on this page").await;
    let mut seen = browser.names().await;
    assert!(!browser.shows(&button("First page")).await);
    for page in [50, 20] {
        let before = seen.last().cloned();
        browser.click(&button("Next page")).await;
        let turned = async || {
            let names = browser.names().await;
            (names.len() == page && names.last() != before.as_ref()).then_some(names)
        };
        seen.extend(browser.until("the page is turned", turned).await);
    }
    let newest_first: Vec<_> = (0..120).rev().map(|number| format!("key {number:03}")).collect();
    assert_eq!(seen, newest_first, "each key once");
    assert!(!browser.shows(&button("Next page")).await);

    browser.fill("#q", "key 119").await;
    browser.lists(&["key 119"]).await;
    browser.fill("#q", "").await;
    browser.says("#count", "120 keys, 50 on this page").await;
    browser.click(&button("Next page")).await;
    browser.click(&button("First page")).await;
    browser
        .until("it is the first page", async || (browser.names().await[0] == "key 119").then_some(()))
        .await;
    browser.close().await;
}

#[tokio::test]
async fn keys_of_one_name_are_told_apart_by_their_fragment_wherever_one_acts_on_them() {
    let server = TestServer::start().await;
    let ada = server.member("ada@example.com").await;
    let kept = server.key(&ada, "deploy", "30d").await;
    server.advance(SignedDuration::from_secs(1));
    let revoked = server.key(&ada, "deploy", "30d").await;
    let browser = Browser::signed_in(&server, &ada).await;
    let masked = browser.text("//tbody/tr[1]//code").await;
    assert_ne!(masked, browser.text("//tbody/tr[2]//code").await);
    let menu = browser.find("//tbody/tr[1]//summary").await.attr("aria-label").await.unwrap().unwrap();
    assert_eq!(menu, format!("Actions for deploy, {masked}"));
    browser.click("//tbody/tr[1]//summary").await;
    browser.click(&button("Revoke API Key")).await;
    browser.says("#dialog", &masked).await;
    browser.fill("#confirm_name", "deploy").await;
    browser.click(&button("Revoke")).await;
    browser.lists(&["deploy"]).await;
    assert_eq!(server.verify(&revoked.token).await.status(), 401);
    assert_eq!(server.verify(&kept.token).await.status(), 200);
    browser.close().await;
}

#[tokio::test]
async fn hostile_and_endless_text_is_only_text() {
    let server = TestServer::start().await;
    let ada = server.member("ada@example.com").await;
    let long_name = "W".repeat(100);
    let long_description = "no-blank-anywhere-".repeat(27);
    let script = "<script>document.title='pwned'</script>";
    let image = "\"><img src=x onerror=\"document.title='pwned'\">";
    let template = "{{7*7}} ${7*7} %3Cscript%3E &lt;b&gt;";
    let keys = [
        (script, image, "30d"),
        (image, script, "30d"),
        (template, "</textarea></dialog>", "30d"),
        (&long_name, &long_description, "30d"),
    ];
    make(&server, &ada, &keys).await;
    let browser = Browser::signed_in(&server, &ada).await;
    browser.lists(&[&long_name, template, image, script]).await;
    for width in [1280, 390, 320] {
        browser.resize(width, 900).await;
        assert_eq!(browser.sideways().await, 0, "at {width} px");
    }
    for number in 1..=4 {
        for action in ["Edit API Key", "Revoke API Key"] {
            browser.click(&format!("//tbody/tr[{number}]//summary")).await;
            browser.click(&button(action)).await;
            browser.find("#dialog").await;
            assert_eq!(browser.sideways().await, 0, "{action} of key {number}");
            browser.click(&button("Cancel")).await;
            browser.gone("#dialog").await;
        }
    }
    browser.resize(1280, 900).await;
    browser.fill("#q", image).await;
    browser.lists(&[image, script]).await;
    browser.fill("#q", "<script>alert(1)</script>").await;
    browser.says(".none", "“<script>alert(1)</script>”").await;
    assert_eq!(browser.driver.title().await.unwrap(), "API Keys · Keystead");
    assert_eq!(browser.eval("return document.querySelectorAll('img, main script').length").await, 0);

    browser.goto("/settings/api-keys/new").await;
    for bad in ["safe\u{202e}exe.yaw", "a\u{2066}b", "zero\u{200b}width", "bell\u{7}"] {
        browser.eval(&format!("document.querySelector('#name').value = {}", serde_json::json!(bad))).await;
        browser.click(&button("Create")).await;
        browser.says("#name-error", "a character that cannot be shown").await;
    }
    assert_eq!(browser.complaints().await.iter().filter(|line| !line.contains("status of 422")).count(), 0);
    browser.close().await;
}
