//! How the embedded page looks, reads and sounds in a product's page, and what it costs.
#![expect(clippy::unwrap_used, reason = "what these tests share fails as tests do")]

use jiff::SignedDuration;
use keystead_app::Deployment;
use keystead_server::{Accent, Embedding, Theme};
use keystead_tests::{Browser, Embedder, button, row};
use serde_json::json;
use thirtyfour::Key;

async fn style(browser: &Browser, selector: &str, property: &str) -> String {
    browser.find(selector).await;
    let script = format!("return getComputedStyle(document.querySelector('{selector}')).{property}");
    browser.eval(&script).await.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn accent_and_theme_are_the_deployments_unless_the_product_asks_for_others() {
    let accent = Accent::parse("#0f766e");
    let embedding = Embedding { accent, theme: Theme::Dark, ..Embedding::default() };
    let product = Embedder::start_with(Deployment::default(), embedding).await;
    let browser = &product.browser;
    let token = product.mint(&product.grace).await;
    let (teal, yellow) = ("rgb(15, 118, 110)", "rgb(255, 204, 0)");
    let (dark, light) = ("rgb(19, 28, 26)", "rgb(255, 255, 255)");
    for (query, system_is_dark, color, ground) in [
        (vec![], false, teal, dark),
        (vec![("accent", "#ffcc00")], true, yellow, dark),
        (vec![("accent", "#ffcc00"), ("theme", "light")], true, yellow, light),
        (vec![("theme", "auto")], false, teal, light),
        (vec![("theme", "auto")], true, teal, dark),
        (vec![("accent", "red;}body{display:none"), ("theme", "\"><script>")], false, teal, dark),
    ] {
        browser.prefer_dark(system_is_dark).await;
        product.embed(&[query.as_slice(), &[("token", &token)]].concat()).await;
        assert_eq!(style(browser, "#create", "backgroundColor").await, color, "{query:?}");
        assert_eq!(style(browser, "body", "backgroundColor").await, ground, "{query:?}");
    }
    assert_eq!(browser.complaints().await, Vec::<String>::new(), "the page's policy allows all of it");
    product.browser.close().await;
}

#[tokio::test]
async fn the_embedded_page_has_no_accessibility_violation_in_any_state_and_never_scrolls_sideways() {
    let mut product = Embedder::start().await;
    product.browser = product.browser.with_axe().await;
    let browser = &product.browser;
    let mut wrong = Vec::new();
    product.embed(&[]).await;
    product.is_asked(1).await;
    browser.look("loading", &mut wrong).await;
    browser.pass_time(10).await;
    browser.says("#state", "could not be renewed").await;
    browser.look("unanswered", &mut wrong).await;

    product.embed_for(&product.grace).await;
    browser.find("#empty-title").await;
    browser.look("empty", &mut wrong).await;
    browser.click("#create").await;
    browser.find("#dialog").await;
    browser.look("create", &mut wrong).await;
    browser.click(&button("Create")).await;
    browser.find("#errors").await;
    browser.look("create with errors", &mut wrong).await;
    browser.fill("#name", "deploy").await;
    browser.click(&button("Create")).await;
    browser.find("#token").await;
    browser.look("created", &mut wrong).await;
    browser.click(&button("Done")).await;
    browser.click(&button("Leave without it")).await;
    browser.gone("#dialog").await;
    browser.look("list", &mut wrong).await;
    browser.click(&row("deploy", "//summary")).await;
    browser.look("menu", &mut wrong).await;
    browser.click(&button("Revoke API Key")).await;
    browser.says("#dialog-title", "Revoke access?").await;
    browser.look("revoke", &mut wrong).await;

    // With a product's colour, dark and light forced.
    let token = product.mint(&product.grace).await;
    for (theme, accent) in [("dark", "#1f2937"), ("light", "#fef08a")] {
        product.embed(&[("token", &token), ("theme", theme), ("accent", accent)]).await;
        browser.find("#list").await;
        browser.look(&format!("{accent} and {theme}"), &mut wrong).await;
    }
    product.answer_with(Some(&token)).await;
    product.server.revoke(&product.key).await;
    browser.click("#create").await;
    browser.says("#state", "Your session is not valid.").await;
    browser.look("refused", &mut wrong).await;

    browser.leave().await;
    browser.goto("/embed/api-keys").await;
    browser.says("#state", "Your session has ended.").await;
    browser.look("outside of any product", &mut wrong).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    product.browser.close().await;
}

#[tokio::test]
async fn a_key_is_made_and_revoked_in_the_frame_with_the_keyboard_alone() {
    let product = Embedder::start().await;
    let browser = &product.browser;
    product.server.key(&product.grace, "another", "30d").await;
    product.server.advance(SignedDuration::from_secs(1));
    product.embed_for(&product.grace).await;
    browser.leave().await;
    browser.press(Key::Tab).await;
    browser.enter("iframe").await;
    browser.tab_to("#create").await;
    browser.press(Key::Enter).await;
    browser.find("#dialog").await;
    assert_eq!(browser.focus().await, "name");
    browser.press("deploy").await;
    browser.press(Key::Enter).await;
    browser.says("#dialog-title", "API key created").await;
    let token = browser.find("#token").await.prop("value").await.unwrap().unwrap();
    browser.holds("document.activeElement.matches('[data-copy]')").await;
    browser.press(Key::Enter).await;
    browser.says("#copy-state", "Copied.").await;
    browser.tab_to("#dialog footer a").await;
    browser.press(Key::Enter).await;
    browser.gone("#dialog").await;
    browser.lists(&["deploy", "another"]).await;

    browser.tab_to("tbody tr:first-child summary").await;
    browser.press(Key::Enter).await;
    browser.tab_to("tbody tr:first-child a.danger").await;
    browser.press(Key::Enter).await;
    browser.says("#dialog-title", "Revoke access?").await;
    browser.press("deploy").await;
    browser.press(Key::Enter).await;
    browser.gone("#dialog").await;
    browser.lists(&["another"]).await;
    assert_eq!(product.server.verify(&token).await.status(), 401);
    product.browser.close().await;
}

#[tokio::test]
async fn what_becomes_of_the_session_is_told_to_those_who_listen() {
    let product = Embedder::start().await;
    let browser = &product.browser;
    let says = async |words: &str| {
        let said = format!(
            "document.querySelector('#state [role=status]').textContent.replace(/\\s+/g, ' ').trim() === {}",
            json!(words)
        );
        browser.holds(&said).await;
    };
    product.embed(&[]).await;
    says("Loading your API keys…").await;
    // The region stays the same element: only then is what comes into it read out.
    browser.eval("document.querySelector('#state [role=status]').dataset.same = ''").await;
    browser.pass_time(10).await;
    says("Your session could not be renewed. The page around this one did not answer.").await;
    product.server.key(&product.grace, "laptop", "30d").await;
    let token = product.mint(&product.grace).await;
    product.answer_with(Some(&token)).await;
    browser.find("#try-again").await.send_keys(Key::Enter).await.unwrap();
    says("1 key").await;
    assert_eq!(browser.focus().await, "main", "the focus is not lost with the button that is gone");
    product.server.advance(SignedDuration::from_secs(3600 + 61));
    let token = product.mint(&product.grace).await;
    product.answer_with(None).await;
    browser.click("#create").await;
    says("Your session has ended. Asking for a new one…").await;
    product.in_product(&format!("answer = {}; frame.contentWindow.postMessage({{ type: 'JWT_TOKEN_RESPONSE', token: answer }}, {})", json!(token), json!(product.server.url))).await;
    browser.says("#dialog-title", "Create API key").await;
    assert!(browser.shows("[data-same]").await);
    product.browser.close().await;
}

#[tokio::test]
async fn an_embedded_page_of_fifty_keys_stays_within_the_consoles_budget() {
    let product = Embedder::start().await;
    for number in 0..50 {
        product.server.key(&product.grace, &format!("Integration of system {number}"), "90d").await;
    }
    product.embed_for(&product.grace).await;
    let browser = &product.browser;
    assert_eq!(browser.names().await.len(), 50);
    let loads = "return performance.getEntries().filter(e => e.entryType === 'navigation' || e.entryType === 'resource')
        .map(e => [e.name.split('?')[0], e.encodedBodySize])";
    let loads: Vec<(String, u64)> = serde_json::from_value(browser.eval(loads).await).unwrap();
    let bytes: u64 = loads.iter().map(|(_, bytes)| bytes).sum();
    let script: u64 = loads.iter().filter(|load| load.0.contains(".js")).map(|(_, bytes)| bytes).sum();
    println!("{bytes} bytes, {script} of them script: {loads:#?}");
    assert!(script > 0 && loads.iter().all(|(_, bytes)| *bytes > 0), "all were measured: {loads:?}");
    assert!(bytes <= 75_000, "{bytes} bytes: {loads:?}");
    assert!(script <= 15_000, "{script} bytes of script");
    assert!(loads.len() <= 6, "{loads:?}");
    assert!(
        loads.iter().all(|(address, _)| address.starts_with(&product.server.url)),
        "all from here: {loads:?}"
    );
    product.browser.close().await;
}
