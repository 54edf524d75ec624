//! A real browser: Chromium without a window, used as a person uses it. Nothing here sleeps for a fixed time: a step that
//! needs something waits until it is there, and fails with what the page showed instead.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Value, json};
use thirtyfour::prelude::*;
use thirtyfour::{BrowserLogEntry, LoggingPrefsLogLevel, TypingData};

use crate::chromedriver::Chromedriver;
use crate::{TestServer, TestUser};

/// Longer than anything takes, even while other things build.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often a condition is looked at.
const GLANCE: Duration = Duration::from_millis(15);

/// The setting *Third-party cookies*: 0 allows them, 1 blocks them.
const THIRD_PARTY_COOKIES: &str = "profile.cookie_controls_mode";

/// One process for all frames of a page, so that what is put into each page is put into its frames of other sites, too.
const ONE_PROCESS: &[&str] = &["--disable-site-isolation-trials"];

/// A browser with nobody signed in, on a wide screen, whose clock shows what the server's shows.
pub struct Browser {
    /// For what no method here offers.
    pub driver: WebDriver,
    url: String,
    /// The script that sets the clock, as the browser knows it.
    clock: Option<String>,
    _chromedriver: Arc<Chromedriver>,
}

/// The button or link with exactly these words, for the methods of [`Browser`].
#[must_use]
pub fn button(words: &str) -> String {
    format!("//*[self::button or self::a or self::summary][normalize-space()={}]", literal(words))
}

/// The row of a key with exactly this name, and a path from there.
#[must_use]
pub fn row(name: &str, path: &str) -> String {
    format!("//table//tr[.//span[@class='name'][normalize-space()={}]]{path}", literal(name))
}

fn literal(words: &str) -> String {
    let parts: Vec<String> = words.split('\'').map(|part| format!("'{part}'")).collect();
    if parts.len() == 1 { parts.concat() } else { format!("concat({})", parts.join(",\"'\",")) }
}

fn by(locator: &str) -> By {
    if locator.starts_with("//") { By::XPath(locator) } else { By::Css(locator) }
}

impl Browser {
    /// A browser at the server's door.
    pub async fn open(server: &TestServer) -> Self {
        let mut browser = Self::start(&server.url, &[], json!({})).await;
        browser.show_time(server.now()).await;
        browser
    }

    /// A browser that blocks third-party cookies, and whose clock is the test's in frames of other sites, too.
    pub async fn open_for_frames(server: &TestServer) -> Self {
        let mut browser = Self::start(&server.url, ONE_PROCESS, json!({ THIRD_PARTY_COOKIES: 1 })).await;
        browser.show_time(server.now()).await;
        browser
    }

    /// A browser that blocks third-party cookies and is otherwise as it comes; frames of other sites show the real time.
    pub async fn open_as_it_comes(server: &TestServer) -> Self {
        Self::start(&server.url, &[], json!({ THIRD_PARTY_COOKIES: 1 })).await
    }

    /// The same, but with third-party cookies.
    pub async fn open_with_third_party_cookies(server: &TestServer) -> Self {
        Self::start(&server.url, &[], json!({ THIRD_PARTY_COOKIES: 0 })).await
    }

    /// A browser that runs no script of any page.
    pub async fn open_without_script(server: &TestServer) -> Self {
        Self::start(&server.url, &[], json!({ "profile.managed_default_content_settings.javascript": 2 }))
            .await
    }

    /// A browser at any address, otherwise as it comes.
    pub async fn open_at(url: &str) -> Self {
        Self::start(url, &[], json!({})).await
    }

    /// A browser in which a user is signed in, on the API Keys page.
    pub async fn signed_in(server: &TestServer, user: &TestUser) -> Self {
        let browser = Self::open(server).await;
        browser.sign_in(user).await;
        browser
    }

    async fn start(url: &str, more: &[&str], preferences: Value) -> Self {
        let chromedriver = Chromedriver::shared();
        let mut capabilities = DesiredCapabilities::chrome();
        let flags = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--force-prefers-reduced-motion",
            "--window-size=1280,900",
        ];
        for flag in flags.iter().chain(more) {
            capabilities.add_arg(flag).expect("a flag");
        }
        capabilities.set_browser_log_level(LoggingPrefsLogLevel::All).expect("a level");
        capabilities.add_experimental_option("prefs", preferences).expect("an option");
        let driver = WebDriver::new(chromedriver.url(), capabilities).await.expect("Chromium starts");
        Self { driver, url: url.to_owned(), clock: None, _chromedriver: chromedriver }
    }

    /// Closes it.
    pub async fn close(self) {
        self.driver.clone().quit().await.expect("the browser closes");
    }

    /// Sets the clock of every page that is loaded from now on. It stands still, as the server's does, and with it timers of
    /// seconds; `pass_time` moves it.
    pub async fn show_time(&mut self, now: Timestamp) {
        if let Some(identifier) = self.clock.take() {
            self.cdp("Page.removeScriptToEvaluateOnNewDocument", json!({ "identifier": identifier })).await;
        }
        let source = include_str!("clock.js").replace("NOW", &now.as_millisecond().to_string());
        let added = self.cdp("Page.addScriptToEvaluateOnNewDocument", json!({ "source": source })).await;
        self.clock = added["identifier"].as_str().map(str::to_owned);
    }

    /// Moves the clock of the page, or of the frame that was entered; timers that are due by then run in their order.
    pub async fn pass_time(&self, seconds: u32) {
        self.eval(&format!("passTime({seconds} * 1000)")).await;
    }

    /// Whatever comes next is done in a frame, until `leave`.
    pub async fn enter(&self, frame: &str) {
        let frame = self.find(frame).await;
        frame.enter_frame().await.expect("a frame");
    }

    /// Whatever comes next is done in the page again, outside any frame.
    pub async fn leave(&self) {
        self.driver.enter_default_frame().await.expect("the page");
    }

    /// Sends a command of the Chrome `DevTools` protocol.
    pub async fn cdp(&self, command: &str, parameters: Value) -> Value {
        let answer = self.driver.cdp().send_raw(command, parameters).await;
        answer.unwrap_or_else(|error| panic!("{command}: {error}"))
    }

    /// Makes the page as wide and high as a screen, in CSS pixels.
    pub async fn resize(&self, width: u32, height: u32) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.cdp("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    /// Prefers dark pages, or light ones.
    pub async fn prefer_dark(&self, dark: bool) {
        let scheme = if dark { "dark" } else { "light" };
        let features = json!([
            { "name": "prefers-color-scheme", "value": scheme },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ]);
        self.cdp("Emulation.setEmulatedMedia", json!({ "features": features })).await;
    }

    /// Opens a path of the server.
    pub async fn goto(&self, path: &str) {
        self.driver.goto(format!("{}{path}", self.url)).await.expect("a page");
    }

    /// Signs in through the form, and waits for the API Keys page.
    pub async fn sign_in(&self, user: &TestUser) {
        self.goto("/sign-in").await;
        self.fill_sign_in(&user.email, TestServer::PASSWORD).await;
        self.find("#title").await;
    }

    /// Fills in the sign-in form and sends it.
    pub async fn fill_sign_in(&self, email: &str, password: &str) {
        self.fill("#email", email).await;
        self.fill("#password", password).await;
        self.click(&button("Sign in")).await;
    }

    /// Path and query of the address.
    pub async fn path(&self) -> String {
        let url = self.driver.current_url().await.expect("an address");
        url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()))
    }

    /// Waits until the address is this path, whatever its query.
    pub async fn arrives_at(&self, path: &str) {
        let there = async || (self.path().await.split('?').next() == Some(path)).then_some(());
        self.until(&format!("the browser is at {path}"), there).await;
    }

    /// Asks again and again until there is an answer.
    pub async fn until<T>(&self, what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            if start.elapsed() > PATIENCE {
                let page = match self.driver.find(By::Tag("body")).await {
                    Ok(body) => body.text().await.unwrap_or_default(),
                    Err(error) => error.to_string(),
                };
                panic!("waited in vain until {what}; at {} the page says:\n{page}", self.path().await);
            }
            tokio::time::sleep(GLANCE).await;
        }
    }

    /// The first element that is shown: by CSS selector, or by `XPath` if the locator begins with `//`.
    pub async fn find(&self, locator: &str) -> WebElement {
        self.until(&format!("{locator} is shown"), async || {
            for element in self.driver.find_all(by(locator)).await.ok()? {
                if element.is_displayed().await.unwrap_or(false) {
                    return Some(element);
                }
            }
            None
        })
        .await
    }

    /// Whether such an element is shown now.
    pub async fn shows(&self, locator: &str) -> bool {
        for element in self.driver.find_all(by(locator)).await.unwrap_or_default() {
            if element.is_displayed().await.unwrap_or(false) {
                return true;
            }
        }
        false
    }

    /// Waits until no such element is shown.
    pub async fn gone(&self, locator: &str) {
        let gone = async || (!self.shows(locator).await).then_some(());
        self.until(&format!("{locator} is gone"), gone).await;
    }

    /// Clicks with the mouse, once what is to be clicked can be.
    pub async fn click(&self, locator: &str) {
        self.until(&format!("{locator} can be clicked"), async || {
            self.find(locator).await.click().await.ok()
        })
        .await;
    }

    /// Replaces what is in a field, by typing over it.
    pub async fn fill(&self, locator: &str, text: &str) {
        self.until(&format!("{locator} can be filled in"), async || {
            let field = self.find(locator).await;
            field.send_keys(Key::Control + "a").await.ok()?;
            let typed = if text.is_empty() { TypingData::from(Key::Backspace) } else { text.into() };
            field.send_keys(typed).await.ok()
        })
        .await;
    }

    /// Types into whatever has the focus, once it can be typed into: what just got it may not have been drawn yet.
    pub async fn press(&self, keys: impl Into<TypingData>) {
        let keys: String = keys.into().as_vec().into_iter().collect();
        self.until("what has the focus takes keys", async || {
            let focused = self.driver.active_element().await.expect("something has the focus");
            match focused.send_keys(keys.as_str()).await {
                Err(error) if error.to_string().contains("not interactable") => None,
                taken => {
                    taken.expect("keys are taken");
                    Some(())
                }
            }
        })
        .await;
    }

    /// Presses Tab until an element has the focus; every stop on the way must show that it has it, within the screen.
    pub async fn tab_to(&self, selector: &str) {
        let visible = "const e = document.activeElement;
            if (e === document.body) return '';
            const shown = e.matches('.choice input') ? e.nextElementSibling : e;
            const [style, box] = [getComputedStyle(shown), shown.getBoundingClientRect()];
            const ring = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0;
            const inside = box.width > 0 && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
            return ring && inside ? '' : e.outerHTML.slice(0, 200)";
        for _ in 0..60 {
            self.press(Key::Tab).await;
            assert_eq!(self.eval(visible).await, "", "the focus cannot be seen");
            let there = format!("return document.activeElement.matches({})", json!(selector));
            if self.eval(&there).await == true {
                return;
            }
        }
        panic!("Tab never comes to {selector}");
    }

    /// The text of an element that is shown.
    pub async fn text(&self, locator: &str) -> String {
        let text = async || self.find(locator).await.text().await.ok();
        self.until(&format!("{locator} has a text"), text).await
    }

    /// Waits until an element's text contains some words.
    pub async fn says(&self, locator: &str, words: &str) {
        let says = async || self.text(locator).await.contains(words).then_some(());
        self.until(&format!("{locator} says {words:?}"), says).await;
    }

    /// The names in the list, from top to bottom.
    pub async fn names(&self) -> Vec<String> {
        let names = "return [...document.querySelectorAll('.keys .name')].map(e => e.textContent)";
        serde_json::from_value(self.eval(names).await).expect("names")
    }

    /// Waits until the list is of these keys, in this order.
    pub async fn lists(&self, names: &[&str]) {
        let lists = async || (self.names().await == names).then_some(());
        self.until(&format!("the list is {names:?}"), lists).await;
    }

    /// What a function body in JavaScript returns, in the page.
    pub async fn eval(&self, script: &str) -> Value {
        let value = self.driver.execute(script, Vec::new()).await;
        value.unwrap_or_else(|error| panic!("{script}: {error}")).json().clone()
    }

    /// Waits until a JavaScript expression is true.
    pub async fn holds(&self, expression: &str) {
        let holds = async || (self.eval(&format!("return !!({expression})")).await == true).then_some(());
        self.until(expression, holds).await;
    }

    /// The id of the element that has the focus, or else its words.
    pub async fn focus(&self) -> String {
        let focus = "const e = document.activeElement; return e.id || e.textContent.trim() || e.tagName";
        self.eval(focus).await.as_str().expect("words").to_owned()
    }

    /// What the browser complained of since it was last asked: errors, refused loads, breaches of the page's policy.
    pub async fn complaints(&self) -> Vec<String> {
        let log: Vec<BrowserLogEntry> = self.driver.browser_log().await.expect("a log");
        let serious = log.into_iter().filter(|entry| entry.level == "SEVERE" || entry.level == "WARNING");
        serious.map(|entry| entry.message).collect()
    }

    /// How many CSS pixels of the page, or of an open dialog, stick out sideways.
    pub async fn sideways(&self) -> i64 {
        let excess = "const boxes = [document.documentElement, ...document.querySelectorAll('dialog[open], .dialog-body')];
                      return Math.max(...boxes.map(b => b.scrollWidth - b.clientWidth))";
        self.eval(excess).await.as_i64().expect("a number")
    }
}

/// The browser of a test that failed is closed along with its chromedriver: asking for it here would block the runtime that
/// the server runs on, and the browser waits for the server.
impl Drop for Browser {
    fn drop(&mut self) {
        _ = self.driver.clone().leak();
    }
}
