//! Takes the pictures of the console that the documentation shows: `cargo xtask screenshots`, which runs
//! `screenshots DIRECTORY`. Clock and randomness are the same in each run, so pictures change only when the console does.
#![expect(clippy::expect_used, reason = "a tool for developers: stopping at the first failure is right")]

use std::path::{Path, PathBuf};

use keystead_tests::{Browser, Form, Pkce, Sample, button};
use serde_json::json;

/// A laptop's window, in CSS pixels.
const WIDE: (u32, u32) = (1280, 832);
/// A phone's.
const PHONE: (u32, u32) = (390, 844);

struct Camera {
    browser: Browser,
    folder: PathBuf,
}

impl Camera {
    async fn take(&self, name: &str, (width, height): (u32, u32), dark: bool) {
        self.browser.resize(width, height).await;
        self.browser.prefer_dark(dark).await;
        self.browser.cdp("Emulation.setScrollbarsHidden", json!({ "hidden": true })).await;
        // The caret blinks, and the port is another in each run.
        let steady = "document.activeElement.style.caretColor = 'transparent';
            for (const field of document.querySelectorAll('textarea'))
                field.value = field.value.replaceAll(location.origin, 'https://keys.example.com')";
        self.browser.eval(steady).await;
        let path = self.folder.join(format!("{name}.png"));
        self.browser.driver.screenshot(&path).await.expect("a picture");
    }
}

#[tokio::main]
async fn main() {
    let folder = std::env::args_os().nth(1).expect("the folder for the pictures");
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    take_all(Path::new(&folder)).await;
}

async fn take_all(folder: &Path) {
    let sample = Sample::start().await;
    let camera = Camera { browser: Browser::open(&sample.server).await, folder: folder.to_owned() };
    let browser = &camera.browser;

    browser.goto("/sign-in").await;
    camera.take("sign-in", WIDE, false).await;
    browser.sign_in(&sample.joan).await;
    camera.take("empty", WIDE, false).await;

    browser.sign_in(&sample.ada).await;
    camera.take("keys", WIDE, false).await;
    camera.take("keys-dark", WIDE, true).await;
    camera.take("keys-phone", PHONE, false).await;
    browser.click("#create").await;
    browser.fill("#name", "Billing reconciliation").await;
    browser.fill("#description", "Compares invoices with usage, every night.").await;
    camera.take("create", WIDE, false).await;
    browser.click(&button("Create")).await;
    browser.find("#token").await;
    camera.take("created", WIDE, false).await;
    browser.click("[data-copy]").await;
    browser.click(&button("Done")).await;
    browser.gone("#dialog").await;

    browser.goto("/settings/api-keys?q=my+laptop").await;
    let page = browser.driver.source().await.expect("a page");
    browser.goto(&Form::find_link(&page, "/revoke")).await;
    camera.take("revoke", WIDE, false).await;

    let client = sample.server.oauth_client("Assistant", "https://assistant.example/callback").await;
    let authorize = format!("{}/oauth2/authorize", sample.server.url);
    let authorize = reqwest::Url::parse_with_params(&authorize, client.request(&Pkce::new()));
    browser.driver.goto(authorize.expect("an address").as_str()).await.expect("a page");
    camera.take("consent", WIDE, false).await;
    sample.server.connect_app(&sample.ada, &client).await;
    browser.goto("/settings/connected-apps").await;
    camera.take("connected-apps", WIDE, false).await;
    camera.browser.close().await;
}
