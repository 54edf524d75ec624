//! The audit log in a browser: accessible on every screen, and of use without script.

use keystead_tests::{Browser, Sample, button};

#[tokio::test]
async fn the_audit_log_has_no_accessibility_violation_and_never_scrolls_sideways() {
    let sample = Sample::start().await;
    let browser = Browser::open(&sample.server).await.with_axe().await;
    browser.sign_in(&sample.ada).await;
    browser.goto("/settings/audit-log").await;
    let mut wrong = Vec::new();
    browser.look("log", &mut wrong).await;
    browser.eval("for (const details of document.querySelectorAll('.more')) details.open = true").await;
    browser.look("details", &mut wrong).await;
    browser.eval("document.querySelector('.picks').open = true").await;
    browser.look("actions", &mut wrong).await;
    browser.goto("/settings/audit-log?action=role.deleted").await;
    browser.look("nothing", &mut wrong).await;
    browser.goto("/settings/audit-log?from=yesterday").await;
    browser.look("a problem", &mut wrong).await;
    assert!(wrong.is_empty(), "{wrong:#?}");
    browser.close().await;
}

#[tokio::test]
async fn events_are_filtered_and_looked_into_without_script() {
    let sample = Sample::start().await;
    let browser = Browser::open_without_script(&sample.server).await;
    browser.sign_in(&sample.ada).await;
    browser.goto("/settings/audit-log").await;
    browser.click("#actions").await;
    browser.click("input[value='key.created']").await;
    browser.click(&button("Show")).await;
    browser.says("#actions", "Created API key").await;
    browser.fill("#user", "joan@example.com").await;
    browser.click(&button("Show")).await;
    browser.gone("//tbody/tr").await;
    browser.says("#none-title", "No event matches").await;
    browser.close().await;
}
