//! Email Access Control in a real browser: lists of chips, and rules that are felt by keys at once.
#![expect(clippy::unwrap_used, reason = "what these tests share fails as tests do")]

use keystead_tests::{Browser, Browserless, TestServer, button};
use serde_json::json;
use thirtyfour::Key;

/// What a list of chips holds, in order.
async fn chips(browser: &Browser, name: &str) -> Vec<String> {
    let held = format!(
        "return [...document.querySelectorAll('.chip > input[name={name}]')].map(chip => chip.value)"
    );
    serde_json::from_value(browser.eval(&held).await).unwrap()
}

/// Pastes into whatever has the focus.
async fn paste(browser: &Browser, text: &str) {
    let paste = format!(
        "const data = new DataTransfer(); data.setData('text/plain', {});
         const event = new ClipboardEvent('paste', {{ clipboardData: data, bubbles: true, cancelable: true }});
         document.activeElement.dispatchEvent(event)",
        json!(text)
    );
    browser.eval(&paste).await;
}

#[tokio::test]
async fn chips_are_added_pasted_and_removed_with_the_keyboard_alone() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@company.com").await;
    let browser = Browser::signed_in(&server, &ada).await;
    browser.goto("/settings/email-access").await;
    browser.says("#open", "everybody may be invited").await;

    browser.click("#allowed_domains").await;
    browser.press("Company.com").await;
    browser.press(Key::Enter).await;
    browser.press("bücher.example,").await;
    assert_eq!(chips(&browser, "allowed_domains").await, ["Company.com", "bücher.example"]);
    browser.gone("#open").await;
    paste(&browser, "a.example, b.example;c.example\n*.company.com\tcompany.com").await;
    let all = ["Company.com", "bücher.example", "a.example", "b.example", "c.example", "*.company.com"];
    assert_eq!(chips(&browser, "allowed_domains").await, all);
    let told = "return document.querySelector('[data-chip-box] [role=status]').textContent";
    let told = browser.eval(told).await;
    assert_eq!(told, "Added a.example, b.example, c.example, *.company.com. 6 in the list.");

    // Back into the list, and out of it chip by chip.
    browser.press(Key::Backspace).await;
    browser.holds("document.activeElement.getAttribute('aria-label') === 'Remove *.company.com'").await;
    for _ in 0..3 {
        browser.press(Key::Shift + Key::Tab).await;
    }
    browser.holds("document.activeElement.getAttribute('aria-label') === 'Remove a.example'").await;
    for _ in 0..3 {
        browser.press(Key::Enter).await;
    }
    assert_eq!(chips(&browser, "allowed_domains").await, ["Company.com", "bücher.example", "*.company.com"]);
    browser.holds("document.activeElement.getAttribute('aria-label') === 'Remove *.company.com'").await;

    // What was typed and not yet added is saved as well.
    browser.click("#blocked_addresses").await;
    browser.press("Eve@Company.com").await;
    browser.click(&button("Save")).await;
    browser.says("#notice", "The rules were saved").await;
    let saved = ["*.company.com", "company.com", "xn--bcher-kva.example"];
    assert_eq!(chips(&browser, "allowed_domains").await, saved);
    assert_eq!(chips(&browser, "blocked_addresses").await, ["eve@company.com"]);
    browser.says(".chip bdi", "bücher.example").await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    browser.close().await;
}

#[tokio::test]
async fn a_wrong_rule_is_refused_at_its_list_and_everything_that_was_typed_stays() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@company.com").await;
    let browser = Browser::signed_in(&server, &ada).await;
    browser.goto("/settings/email-access").await;
    browser.fill("#allowed_addresses", "ada@company.com ").await;
    browser.press(Key::Enter).await;
    browser.fill("#blocked_domains", "evil.example").await;
    browser.press(Key::Enter).await;
    browser.fill("#blocked_domains", "*.com").await;
    browser.click(&button("Save")).await;
    browser.says("#blocked_domains-error", "covers a whole top-level domain").await;
    assert_eq!(chips(&browser, "blocked_domains").await, ["evil.example", "*.com"]);
    assert_eq!(chips(&browser, "allowed_addresses").await, ["ada@company.com"]);
    browser.says(".chip.wrong", "*.com").await;
    assert!(!browser.shows("#allowed_domains-error").await);
    browser.click("#errors a").await;
    browser.holds("document.activeElement.id === 'blocked_domains'").await;
    browser.click(".chip.wrong button").await;
    browser.click(&button("Save")).await;
    browser.says("#notice", "The rules were saved").await;
    browser.close().await;
}

#[tokio::test]
async fn rules_that_exclude_somebody_ask_first_then_stop_their_key_at_once_and_bring_it_back_when_they_go() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@company.com").await;
    let joe = server.member("joe@contractors.example").await;
    let key = server.key(&joe, "joe's", "30d").await;
    let session = server.session(&joe).await;
    let browser = Browser::signed_in(&server, &ada).await;

    browser.goto("/settings/email-access").await;
    browser.fill("#blocked_domains", "contractors.example").await;
    browser.press(Key::Enter).await;
    browser.click(&button("Save")).await;
    browser.says("#dialog-title", "Exclude 1 person?").await;
    browser.says(".people", "joe@contractors.example").await;
    browser.click(&button("Keep editing")).await;
    browser.gone("#dialog").await;
    assert_eq!(chips(&browser, "blocked_domains").await, ["contractors.example"], "nothing is lost");
    assert_eq!(server.verify(&key.token).await.status(), 200, "nothing has happened yet");

    browser.click(&button("Save")).await;
    browser.says("#dialog-title", "Exclude 1 person?").await;
    browser.click(&button("Save and exclude 1 person")).await;
    browser.says("#notice", "The rules were saved").await;
    assert_eq!(server.verify(&key.token).await.status(), 401);
    assert_eq!(server.visit(&session, "/settings").await.status(), 303, "their session has ended");

    browser.click("[aria-label='Remove contractors.example']").await;
    browser.click(&button("Save")).await;
    browser.says("#notice", "The rules were saved").await;
    assert_eq!(server.verify(&key.token).await.status(), 200, "the rule is gone, the key is back");
    browser.close().await;
}

#[tokio::test]
async fn rules_that_would_lock_out_whoever_saves_them_are_refused_in_place() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@company.com").await;
    let joe = server.member("joe@contractors.example").await;
    let browser = Browser::signed_in(&server, &ada).await;
    browser.goto("/settings/email-access").await;
    browser.fill("#allowed_domains", "other.example").await;
    browser.press(Key::Enter).await;
    browser.click(&button("Save")).await;
    browser.says("#errors", "With these rules you could not sign in yourself.").await;
    assert_eq!(chips(&browser, "allowed_domains").await, ["other.example"]);
    let key = server.key(&joe, "joe's", "30d").await;
    assert_eq!(server.verify(&key.token).await.status(), 200, "nothing was saved");
    browser.close().await;
}

#[tokio::test]
async fn without_script_the_lists_are_text_areas_and_the_question_is_asked_all_the_same() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@company.com").await;
    let joe = server.member("joe@contractors.example").await;
    let key = server.key(&joe, "joe's", "30d").await;
    let browser = Browser::open_without_script(&server).await;
    browser.sign_in(&ada).await;
    browser.goto("/settings/email-access").await;
    browser.fill("#allowed_domains", "company.com\n*.company.com").await;
    browser.click(&button("Save")).await;
    browser.says("#dialog-title", "Exclude 1 person?").await;
    browser.click(&button("Keep editing")).await;
    // The page before it may still be there, and go while it is looked at.
    let typed = browser
        .until("what was typed", async || {
            browser.find("#allowed_domains").await.prop("value").await.ok().flatten()
        })
        .await;
    assert_eq!(typed.trim(), "company.com\n*.company.com");
    browser.click(&button("Save")).await;
    browser.click(&button("Save and exclude 1 person")).await;
    browser.says("#notice", "The rules were saved").await;
    assert_eq!(server.verify(&key.token).await.status(), 401);
    browser.close().await;
}

#[tokio::test]
async fn a_list_that_was_lost_on_the_way_opens_no_door() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@company.com").await;
    let browser = Browserless::signed_in(&server, &ada).await;
    let all = ["allowed_domains", "allowed_addresses", "blocked_domains", "blocked_addresses"];
    let mut form = browser.form("/settings/email-access", "/settings/email-access").await;
    form = all.iter().fold(form, |form, name| form.with(name, ""));
    let full = form.clone().with("allowed_domains", "company.com");
    assert_eq!(browser.post(&full).await.status(), 303);
    for name in all {
        let mut less = form.clone();
        less.fields.remove(name);
        assert_eq!(browser.post(&less).await.status(), 422, "without {name}");
    }
    let page = browser.get("/settings/email-access").await.text().await.unwrap();
    assert!(page.contains("company.com</span>"), "the rule is still there");
}
