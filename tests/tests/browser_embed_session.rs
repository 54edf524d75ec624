//! The session of an embedded page, in a browser that blocks third-party cookies: where its token is, and how it goes on.
#![expect(clippy::unwrap_used, reason = "what these tests share fails as tests do")]

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::SignedDuration;
use keystead_tests::{Browser, Embedder, TestKey, button};
use tracing_subscriber::fmt::MakeWriter;

/// How long a session lasts, with all the tolerance for clocks that there is.
const WELL_OVER: SignedDuration = SignedDuration::from_secs(3600 + 61);

/// What is said about the session, to those who look.
const STATE: &str = "#state:not(.sr)";

/// All that the server logs.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// A product in whose page Grace sees her one key, `laptop`.
async fn product() -> Embedder {
    let product = Embedder::start().await;
    product.server.key(&product.grace, "laptop", "30d").await;
    product.embed_for(&product.grace).await;
    product.browser.lists(&["laptop"]).await;
    product
}

/// Everywhere a script of the frame could find text after the fact. The one place left out cannot be cleared and is for
/// scripts of this origin alone: the name of the navigation that loaded the page.
async fn traces(browser: &Browser) -> String {
    let everywhere = "const done = arguments[0];
        const stored = (read) => { try { return JSON.stringify({ ...read() }); } catch (error) { return error.name; } };
        Promise.all([indexedDB.databases(), self.caches?.keys()].map(asked => Promise.resolve(asked).catch(error => error.name)))
            .then(kept => done([
                document.documentElement.outerHTML,
                ...[...document.querySelectorAll('input, textarea')].map(field => field.value),
                location.href, document.referrer, document.title, document.cookie, window.name, JSON.stringify(history.state),
                stored(() => localStorage), stored(() => sessionStorage), JSON.stringify(kept),
                ...performance.getEntriesByType('resource').map(entry => entry.name),
            ].join('\\n')), error => done(`failed: ${error}`))";
    let found = browser.driver.execute_async(everywhere, Vec::new()).await.unwrap();
    found.json().as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_token_leaves_the_address_and_is_in_memory_alone() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone());
    tracing::subscriber::set_global_default(subscriber.finish()).unwrap();
    let product = Embedder::start().await;
    product.server.key(&product.grace, "laptop", "30d").await;
    let browser = &product.browser;
    let token = product.mint(&product.grace).await;
    let signature = token.rsplit('.').next().unwrap();
    let page = format!("{}/embed/api-keys", product.server.url);

    product.embed(&[("theme", "light"), ("token", &token)]).await;
    browser.lists(&["laptop"]).await;
    assert_eq!(browser.eval("return location.href").await, format!("{page}?theme=light"));
    browser.click("#create").await;
    browser.find("#dialog").await;
    let found = traces(browser).await;
    assert!(found.contains("Create API key") && !found.starts_with("failed"), "{found}");
    assert!(!found.contains(signature), "{found}");

    // Neither a reload nor the way back finds it: the product is asked instead.
    browser.eval("location.reload()").await;
    product.is_asked(1).await;
    assert_eq!(browser.eval("return location.href").await, format!("{page}?theme=light"));
    browser.eval("location.href = '/embed/api-keys?theme=dark'").await;
    product.is_asked(2).await;
    browser.eval("history.back()").await;
    product.is_asked(3).await;
    assert_eq!(browser.eval("return location.href").await, format!("{page}?theme=light"));
    assert!(!traces(browser).await.contains(signature));

    let log = log.0.lock().unwrap().clone();
    let log = String::from_utf8(log).unwrap();
    assert!(log.contains("answered"), "the requests were logged");
    // The commands of this test to the browser are logged, too.
    let leaks = log.lines().filter(|line| line.contains(signature) && !line.contains("thirtyfour"));
    assert_eq!(leaks.count(), 0);
    product.browser.close().await;
}

#[tokio::test]
async fn an_action_after_the_session_ran_out_asks_the_product_and_goes_on() {
    let product = product().await;
    product.server.advance(WELL_OVER);
    let next = product.mint(&product.grace).await;
    product.answer_with(Some(&next)).await;
    product.browser.click("#create").await;
    product.browser.says("#dialog-title", "Create API key").await;
    assert_eq!(product.times_asked().await, 1);
    assert!(!product.browser.shows(STATE).await, "nothing is left to be said");
    product.browser.close().await;
}

#[tokio::test]
async fn ten_seconds_before_its_end_the_session_is_renewed_unasked() {
    let product = product().await;
    let browser = &product.browser;
    browser.pass_time(3589).await;
    assert_eq!(product.times_asked().await, 0);
    product.server.advance(SignedDuration::from_secs(3590));
    let next = product.mint(&product.grace).await;
    product.answer_with(Some(&next)).await;
    browser.pass_time(1).await;
    product.is_asked(1).await;
    assert!(!browser.shows(STATE).await, "whoever works here is not disturbed");
    assert_eq!(browser.text("#state [role=status]").await.trim(), "1 key");

    // The first session is over by now; the next is as long as it was.
    product.server.advance(SignedDuration::from_secs(120));
    browser.click("#create").await;
    browser.says("#dialog-title", "Create API key").await;
    browser.pass_time(3589).await;
    assert_eq!(product.times_asked().await, 1);
    browser.pass_time(1).await;
    product.is_asked(2).await;
    product.browser.close().await;
}

#[tokio::test]
async fn one_request_at_a_time_is_put_to_the_product() {
    let product = product().await;
    let browser = &product.browser;
    browser.pass_time(3590).await;
    product.is_asked(1).await;
    product.server.advance(WELL_OVER);
    for _ in 0..3 {
        browser.eval("document.dispatchEvent(new Event('visibilitychange'))").await;
    }
    browser.says(STATE, "Your session has ended. Asking for a new one…").await;
    browser.pass_time(9).await;
    assert_eq!(product.times_asked().await, 1);
    let token = product.mint(&product.grace).await;
    let answer = format!(
        "frame.contentWindow.postMessage({{ type: 'JWT_TOKEN_RESPONSE', token: '{token}' }}, '{}')",
        product.server.url
    );
    product.in_product(&answer).await;
    browser.lists(&["laptop"]).await;
    browser.gone(STATE).await;
    assert_eq!(product.times_asked().await, 1);
    product.browser.close().await;
}

#[tokio::test]
async fn a_form_that_met_the_end_of_the_session_is_not_sent_twice_and_stays_filled_in() {
    let product = product().await;
    let browser = &product.browser;
    browser.click("#create").await;
    browser.fill("#name", "typed").await;
    browser.fill("#description", "Before the session ended.").await;
    product.server.advance(WELL_OVER);
    let next = product.mint(&product.grace).await;
    product.answer_with(Some(&next)).await;
    browser.click(&button("Create")).await;
    browser
        .says("#errors", "Nothing was done. Your session had ended and is renewed now. Send the form again.")
        .await;
    browser.holds("document.querySelector('#dialog').matches(':modal')").await;
    assert_eq!(browser.focus().await, "errors");
    assert_eq!(product.times_asked().await, 1);
    let keys = product.server.snapshot().await;
    assert!(!keys.rows("api_keys").iter().any(|key| key.contains("typed")), "no key was made");

    browser.click(&button("Create")).await;
    browser.says("#dialog-title", "API key created").await;
    browser.says("#dialog .typed", "typed").await;
    browser.click(&button("Done")).await;
    browser.click(&button("Leave without it")).await;
    browser.lists(&["typed", "laptop"]).await;
    product.browser.close().await;
}

#[tokio::test]
async fn a_token_that_is_not_copied_yet_outlives_a_renewal_in_the_background() {
    let product = product().await;
    let browser = &product.browser;
    browser.click("#create").await;
    browser.fill("#name", "deploy").await;
    browser.click(&button("Create")).await;
    browser.says("#dialog-title", "API key created").await;
    let shown = async || browser.find("#token").await.prop("value").await.unwrap().unwrap();
    let token = shown().await;

    product.server.advance(SignedDuration::from_secs(3590));
    let next = product.mint(&product.grace).await;
    product.answer_with(Some(&next)).await;
    browser.pass_time(3590).await;
    product.is_asked(1).await;
    assert_eq!(shown().await, token);
    assert_eq!(browser.text("#copy-state").await, "Not copied yet. Store it now: it is shown only once.");

    // Out of sight while nobody answers, there again once somebody does.
    product.answer_with(None).await;
    product.server.advance(SignedDuration::from_secs(3600));
    browser.pass_time(3600).await;
    browser.says(STATE, "Your session could not be renewed.").await;
    assert!(!traces(browser).await.contains(&token));
    let next = product.mint(&product.grace).await;
    product.answer_with(Some(&next)).await;
    browser.click("#try-again").await;
    browser.says("#dialog-title", "API key created").await;
    assert_eq!(shown().await, token);
    browser.click(&button("Done")).await;
    browser.says("#leave", "You have not copied the token.").await;
    product.browser.close().await;
}

#[tokio::test]
async fn a_token_that_is_none_says_so_and_asks_the_product() {
    let product = Embedder::start().await;
    let browser = &product.browser;
    product.server.key(&product.grace, "laptop", "30d").await;
    let expired = product.mint(&product.grace).await;
    product.server.advance(WELL_OVER);
    let TestKey { token: key, .. } = product.key.clone();
    let huge = "a".repeat(20_000);
    for token in ["", "junk", "a.b.c", "two words", "null", &expired, &key, &huge] {
        product.embed(&[("token", token)]).await;
        product.is_asked(1).await;
        browser.pass_time(10).await;
        browser
            .says(STATE, "Your session could not be renewed. The page around this one did not answer.")
            .await;
        assert!(!browser.shows("#list").await);

        // The next try asks again, and all is well.
        let good = product.mint(&product.grace).await;
        product.answer_with(Some(&good)).await;
        browser.click("#try-again").await;
        browser.lists(&["laptop"]).await;
        browser.gone(STATE).await;
        assert_eq!(product.times_asked().await, 2);
    }
    product.browser.close().await;
}
