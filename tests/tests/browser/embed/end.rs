//! How an embedded page ends when its session does: at the next action, within a second, and with no key left in it.
#![expect(clippy::unwrap_used, reason = "what these tests share fails as tests do")]

use keystead_tests::Embedder;

const STATE: &str = "#state:not(.sr)";

/// Opens the dialog of a new key, and returns after how many milliseconds no key was in the page any more, and what it said.
const ACT: &str = "const done = arguments[0], start = performance.now();
    document.querySelector('#create').click();
    const look = () => {
        const gone = !document.documentElement.outerHTML.includes('laptop');
        const words = document.querySelector('#state').innerText.replace(/\\s+/g, ' ').trim();
        if (gone && words.startsWith(EXPECTED) || performance.now() - start > 5000) done([performance.now() - start, words]);
        else requestAnimationFrame(look);
    };
    look()";

/// A product in whose page Grace sees her one key, `laptop`; asked for another token, it gives the same again.
async fn product() -> Embedder {
    let product = Embedder::start().await;
    product.server.key(&product.grace, "laptop", "30d").await;
    let token = product.mint(&product.grace).await;
    product.embed(&[("token", &token)]).await;
    product.browser.lists(&["laptop"]).await;
    product.answer_with(Some(&token)).await;
    product
}

/// The next action says this within a second, and no key is left in the page.
async fn refuses(product: &Embedder, words: &str) {
    let act = ACT.replace("EXPECTED", &serde_json::json!(words).to_string());
    let seen = product.browser.driver.execute_async(act, Vec::new()).await.unwrap();
    let (took, said): (f64, String) = serde_json::from_value(seen.json().clone()).unwrap();
    assert!(took < 1000.0, "{said:?} after {took} ms");
    assert!(!product.browser.shows("#list").await && !product.browser.shows("#dialog").await);
}

/// A session that the product makes now is good in the same page.
async fn goes_on(product: &Embedder) {
    let token = product.mint(&product.grace).await;
    product.answer_with(Some(&token)).await;
    product.browser.click("#try-again").await;
    product.browser.lists(&["laptop"]).await;
    product.browser.gone(STATE).await;
}

#[tokio::test]
async fn revoking_the_impersonation_key_ends_the_page_within_a_second() {
    let product = product().await;
    product.server.revoke(&product.key).await;
    refuses(&product, "API Keys Your session is not valid. It has ended, or was taken back.").await;
    let complaints = product.browser.complaints().await;
    assert!(complaints.iter().all(|complaint| complaint.contains("401")), "{complaints:?}");
    product.browser.close().await;
}

#[tokio::test]
async fn a_product_that_can_make_no_more_sessions_keeps_silent_and_the_page_says_so() {
    let product = product().await;
    product.answer_with(None).await;
    product.server.revoke(&product.key).await;
    refuses(&product, "API Keys Your session has ended. Asking for a new one…").await;
    product.browser.pass_time(10).await;
    product.browser.says(STATE, "Your session could not be renewed.").await;
    product.browser.find("#try-again").await;
    assert!(!product.browser.driver.source().await.unwrap().contains("laptop"));
    product.browser.close().await;
}

#[tokio::test]
async fn ending_the_keys_sessions_ends_the_page_until_the_product_makes_a_new_one() {
    let product = product().await;
    let ada = product.server.actor(&product.ada).await;
    product.server.app.end_sessions(&ada, product.key.id.parse().unwrap()).await.unwrap();
    refuses(&product, "API Keys Your session is not valid.").await;
    goes_on(&product).await;

    // A product that has a new session ready is not even seen to be asked.
    product.server.app.end_sessions(&ada, product.key.id.parse().unwrap()).await.unwrap();
    let token = product.mint(&product.grace).await;
    product.answer_with(Some(&token)).await;
    product.browser.click("#create").await;
    product.browser.says("#dialog-title", "Create API key").await;
    product.browser.gone(STATE).await;
    product.browser.close().await;
}

#[tokio::test]
async fn deactivating_the_user_or_the_keys_creator_ends_the_page_within_a_second() {
    let product = product().await;
    // There is always one administrator.
    product.server.administrator("joan@example.com").await;
    for user in [&product.grace, &product.ada] {
        product.server.deactivate(user).await;
        refuses(&product, "API Keys Your session is not valid.").await;
        product.server.reactivate(user).await;
        goes_on(&product).await;
    }
    product.browser.close().await;
}

#[tokio::test]
async fn another_user_of_the_product_gets_nothing_of_the_one_before() {
    let product = product().await;
    let browser = &product.browser;
    product.server.key(&product.ada, "of ada", "30d").await;
    browser.click("#create").await;
    browser.fill("#name", "typed by grace").await;
    let ada = product.mint(&product.ada).await;
    product.answer_with(Some(&ada)).await;
    browser.pass_time(3590).await;
    browser.lists(&["of ada", "Product"]).await;
    assert!(!browser.shows("#dialog").await);
    let page = browser.driver.source().await.unwrap();
    assert!(!page.contains("laptop") && !page.contains("typed by grace"), "{page}");
    product.browser.close().await;
}
