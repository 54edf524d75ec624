//! Pages that mean ill: who may not frame Keystead, and whose messages the embedded page does not hear.
#![expect(clippy::unwrap_used, reason = "what these tests share fails as tests do")]

use keystead_app::Deployment;
use keystead_server::Embedding;
use keystead_tests::{Browser, Embedder, Site, TestServer};
use serde_json::{Value, json};

/// Frames an address in a page, goes into the frame and says whether anything of Keystead is there. Anything but the
/// browser's own error page is.
async fn is_shown(browser: &Browser, host: &str, address: &str) -> bool {
    browser.leave().await;
    browser.driver.goto(host).await.unwrap();
    let load = "const done = arguments[arguments.length - 1], frame = document.querySelector('iframe');
        frame.addEventListener('load', () => done(), { once: true });
        frame.src = ADDRESS";
    let load = load.replace("ADDRESS", &json!(address).to_string());
    browser.driver.execute_async(load, Vec::new()).await.unwrap();
    browser.enter("iframe").await;
    browser.holds("location.href !== 'about:blank'").await;
    browser.eval("return location.protocol").await != "chrome-error:"
}

/// A site with an empty frame.
async fn attacker(host: &str) -> Site {
    let site = Site::start(host).await;
    site.put("/", "<!doctype html><link rel='icon' href='data:,'><iframe></iframe>");
    site
}

#[tokio::test]
async fn only_a_listed_origin_may_frame_the_page_and_nobody_anything_else() {
    let product = Embedder::start().await;
    let (browser, keystead) = (&product.browser, &product.server.url);
    let token = product.mint(&product.grace).await;
    let page = format!("{keystead}/embed/api-keys?token={token}");
    let listed = format!("{}/", product.site.url);
    assert!(is_shown(browser, &listed, &page).await);
    browser.find("#list").await;

    // The same host at another port, another host, and Keystead's own.
    for host in ["localhost", "evil.localhost", "127.0.0.1"] {
        let site = attacker(host).await;
        assert!(!is_shown(browser, &site.url, &page).await, "{}", site.url);
        // Nor by way of a frame of the listed product's.
        let nested = site.put("/nested", format!("<iframe src='{listed}'></iframe>"));
        browser.leave().await;
        browser.driver.goto(&nested).await.unwrap();
        browser.enter("iframe").await;
        assert!(!frames(browser, &page).await, "{} around the product", site.url);
    }
    let refusals = browser.complaints().await;
    let refused = |line: &&String| line.contains("frame-ancestors");
    assert!(refusals.iter().filter(refused).count() >= 6, "{refusals:#?}");

    // Whoever is signed in to the console, or not: none of its pages is in a frame.
    browser.leave().await;
    browser.sign_in(&product.ada).await;
    for path in ["/settings/api-keys", "/settings", "/sign-in", "/graphql", "/"] {
        assert!(!is_shown(browser, &listed, &format!("{keystead}{path}")).await, "{path}");
    }
    // What the embedded page fetches is no page, and a frame cannot send the session that it takes.
    for path in ["/embed/keys", "/embed/keys/new"] {
        is_shown(browser, &listed, &format!("{keystead}{path}")).await;
        browser.says("body", "UNAUTHENTICATED").await;
    }
    product.browser.close().await;
}

/// Frames an address in the frame that was entered, as `is_shown` does in a page.
async fn frames(browser: &Browser, address: &str) -> bool {
    browser.find("iframe").await;
    browser.eval(&format!("document.querySelector('iframe').src = {}", json!(address))).await;
    browser.enter("iframe").await;
    browser.holds("location.href !== 'about:blank'").await;
    browser.eval("return location.protocol").await != "chrome-error:"
}

#[tokio::test]
async fn where_no_origin_is_listed_nobody_frames_the_page() {
    let deployment = Deployment { impersonation: true, ..Deployment::default() };
    let server = TestServer::start_embeddable(deployment, Embedding::default()).await;
    let browser = Browser::open_for_frames(&server).await;
    let page = format!("{}/embed/api-keys", server.url);
    for host in ["localhost", "127.0.0.1"] {
        let site = attacker(host).await;
        assert!(!is_shown(&browser, &site.url, &page).await, "{}", site.url);
    }
    browser.close().await;
}

/// A product in whose page Grace sees her keys, and a token of Ada's that attackers would have her page use.
async fn product() -> (Embedder, String) {
    let product = Embedder::start().await;
    product.embed_for(&product.grace).await;
    let ada = product.mint(&product.ada).await;
    (product, ada)
}

/// Looks at the list anew: it is still Grace's.
async fn is_still_of_grace(product: &Embedder, attack: &str) {
    product.server.key(&product.grace, attack, "30d").await;
    product.browser.eval("document.dispatchEvent(new Event('visibilitychange'))").await;
    let has_key = format!(
        "[...document.querySelectorAll('.name')].some(name => name.textContent === {})",
        json!(attack)
    );
    product.browser.holds(&has_key).await;
}

#[tokio::test]
async fn tokens_from_anybody_but_the_page_around_are_not_taken() {
    let (product, ada) = product().await;
    let browser = &product.browser;
    let answer = json!({ "type": "JWT_TOKEN_RESPONSE", "token": ada });

    // The frame itself.
    browser.eval(&format!("postMessage({answer}, '*')")).await;
    is_still_of_grace(&product, "from itself").await;

    // Frames beside it: of another site, and of the listed product itself.
    let evil = Site::start("evil.localhost").await;
    let script = format!(
        "<script>parent.frames[0].postMessage({answer}, '*'); parent.postMessage('done', '*')</script>"
    );
    for site in [&evil, &product.site] {
        let beside = site.put("/beside", script.clone());
        let add = "const done = arguments[arguments.length - 1];
            addEventListener('message', (event) => event.data === 'done' && done());
            document.body.append(Object.assign(document.createElement('iframe'), { src: ADDRESS, hidden: true }))";
        browser.leave().await;
        let add = add.replace("ADDRESS", &json!(beside).to_string());
        browser.driver.execute_async(add, Vec::new()).await.unwrap();
        browser.enter("#keystead").await;
        is_still_of_grace(&product, &site.url).await;
    }

    // A page that says it is around this one, of an origin that looks like a listed one.
    let url = &product.site.url;
    let (_, port) = url.rsplit_once(':').unwrap();
    for origin in [
        evil.url.clone(),
        "null".to_owned(),
        String::new(),
        format!("{url}0"),
        format!("{url}/"),
        format!("https://localhost:{port}"),
        format!("http://localhost.evil.example:{port}"),
        "http://localhost".to_owned(),
        product.server.url.clone(),
    ] {
        let event = json!({ "origin": origin, "data": answer });
        browser
            .eval(&format!("dispatchEvent(new MessageEvent('message', {{ ...{event}, source: parent }}))"))
            .await;
        is_still_of_grace(&product, &format!("from {origin:?}")).await;
    }

    // The same from the real one is taken, so that all of the above means something.
    let event = json!({ "origin": url, "data": answer });
    browser
        .eval(&format!("dispatchEvent(new MessageEvent('message', {{ ...{event}, source: parent }}))"))
        .await;
    browser.lists(&["Product"]).await;
    product.browser.close().await;
}

#[tokio::test]
async fn what_is_no_token_is_not_taken_from_the_page_around_either() {
    let (product, ada) = product().await;
    let keystead = json!(product.server.url);
    let token = json!(ada);
    for message in [
        "null".to_owned(),
        "'JWT_TOKEN_RESPONSE'".to_owned(),
        "{ type: 'JWT_TOKEN_RESPONSE' }".to_owned(),
        "{ type: 'JWT_TOKEN_RESPONSE', token: null }".to_owned(),
        "{ type: 'JWT_TOKEN_RESPONSE', token: 1 }".to_owned(),
        "{ type: 'JWT_TOKEN_RESPONSE', token: '' }".to_owned(),
        format!("{{ type: 'JWT_TOKEN_RESPONSE', token: [{token}] }}"),
        format!("{{ type: 'JWT_TOKEN_RESPONSE', token: {{ toString: {token} }} }}"),
        format!("{{ type: 'JWT_TOKEN_RESPONSE', token: {token} + '\\r\\nX-Other: 1' }}"),
        format!("{{ type: 'JWT_TOKEN_RESPONSE', token: {token} + ' ' }}"),
        format!("{{ type: 'JWT_TOKEN_RESPONSE', token: {token} + 'a'.repeat(20000) }}"),
        format!("{{ type: ['JWT_TOKEN_RESPONSE'], token: {token} }}"),
        format!("{{ type: 'jwt_token_response', token: {token} }}"),
        format!("{{ type: 'REQUEST_JWT_TOKEN', token: {token} }}"),
    ] {
        product.in_product(&format!("frame.contentWindow.postMessage({message}, {keystead})")).await;
        is_still_of_grace(&product, &message[..message.len().min(50)]).await;
    }
    let errors = product.browser.complaints().await;
    assert_eq!(errors, Vec::<String>::new());
    let good = format!(
        "frame.contentWindow.postMessage({{ type: 'JWT_TOKEN_RESPONSE', token: {token} }}, {keystead})"
    );
    product.in_product(&good).await;
    product.browser.lists(&["Product"]).await;
    product.browser.close().await;
}

#[tokio::test]
async fn a_page_that_opens_it_in_a_window_can_neither_give_it_a_token_nor_is_asked_for_one() {
    let (product, ada) = product().await;
    let browser = &product.browser;
    let answer = json!({ "type": "JWT_TOKEN_RESPONSE", "token": ada });
    let page = format!("{}/embed/api-keys", product.server.url);
    browser.leave().await;
    let open = format!(
        "heard.length = 0; addEventListener('message', (event) => heard.push(event.data)); opened = open({})",
        json!(page)
    );
    browser.eval(&open).await;
    let before = browser.driver.window().await.unwrap();
    let windows = browser.driver.windows().await.unwrap();
    let opened = windows.into_iter().find(|window| *window != before).unwrap();
    browser.driver.switch_to_window(opened.clone()).await.unwrap();
    browser.says("#state", "Your session has ended.").await;
    browser.driver.switch_to_window(before).await.unwrap();
    browser.eval(&format!("opened.postMessage({answer}, {})", json!(product.server.url))).await;
    assert_eq!(browser.eval("return heard").await, json!([]));
    browser.driver.switch_to_window(opened).await.unwrap();
    browser.driver.refresh().await.unwrap();
    browser.says("#state", "Open this page again from where you came.").await;
    assert!(!browser.shows("#list").await && !browser.shows("#try-again").await);
    product.browser.close().await;
}

#[tokio::test]
async fn only_the_origin_around_the_page_is_asked_and_never_just_anybody() {
    let other = Site::start("other.localhost").await;
    let origins = vec!["https://app.example.com".to_owned(), other.url.clone()];
    let embedding = Embedding { origins, ..Embedding::default() };
    let product = Embedder::start_with(Deployment::default(), embedding).await;
    product.embed_for(&product.grace).await;
    let browser = &product.browser;
    let replace = "window.sent = []; window.parent = { postMessage: (...given) => sent.push(given) }";
    browser.eval(replace).await;
    browser.pass_time(3590).await;
    let sent = browser.eval("return sent").await;
    assert_eq!(sent, json!([[{ "type": "REQUEST_JWT_TOKEN" }, product.site.url]]));

    // Two listed origins around it: the nearer one is asked, the further one hears nothing.
    let listen =
        "<script>heard = []; addEventListener('message', (event) => heard.push(event.data))</script>";
    let around = other
        .put("/", format!("<!doctype html>{listen}<iframe id='outer' src='{}/'></iframe>", product.site.url));
    browser.leave().await;
    browser.driver.goto(&around).await.unwrap();
    browser.enter("#outer").await;
    assert!(frames(browser, &format!("{}/embed/api-keys", product.server.url)).await);
    browser.find("#state[data-state=loading]").await;
    browser.leave().await;
    browser.enter("#outer").await;
    browser.holds("heard.length").await;
    let nearer = browser.eval("return heard[0].data").await;
    assert_eq!(nearer, json!({ "type": "REQUEST_JWT_TOKEN" }));
    browser.leave().await;
    assert_eq!(browser.eval("return heard").await, Value::Array(Vec::new()));
    product.browser.close().await;
}
