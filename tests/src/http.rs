//! A browser without a screen: keeps cookies, reads the hidden fields of forms and posts them, as a person without script
//! would.

use std::collections::BTreeMap;
use std::sync::Arc;

use reqwest::Response;
use reqwest::cookie::Jar;

use crate::{TestServer, TestUser};

/// A browser's session with a server.
pub struct Browserless {
    /// Sends with its cookies; follows no redirects.
    pub client: reqwest::Client,
    url: String,
}

/// A form as a page shows it: where it posts to, and its hidden fields.
#[derive(Debug, Clone)]
pub struct Form {
    /// The path.
    pub action: String,
    /// Hidden fields, and those that were filled in.
    pub fields: BTreeMap<String, String>,
}

impl Form {
    /// The form of a page whose action begins with a path.
    ///
    /// # Panics
    /// If the page has none.
    pub fn find(html: &str, action: &str) -> Self {
        let start = html.match_indices("<form").map(|(at, _)| &html[at..]).find(|form| {
            form.split('>')
                .next()
                .and_then(|tag| attribute(tag, "action"))
                .is_some_and(|found| found.starts_with(action))
        });
        let form = start.unwrap_or_else(|| panic!("no form for {action} in {html}"));
        let form = &form[..form.find("</form").unwrap_or(form.len())];
        let tag = form.split('>').next().unwrap_or_default();
        let hidden =
            form.match_indices("<input").map(|(at, _)| form[at..].split('>').next().unwrap_or_default());
        let fields = hidden
            .filter(|input| attribute(input, "type").as_deref() == Some("hidden"))
            .filter_map(|input| {
                Some((attribute(input, "name")?, attribute(input, "value").unwrap_or_default()))
            })
            .collect();
        Self { action: attribute(tag, "action").unwrap_or_default(), fields }
    }

    /// The first link of a page whose path ends so.
    ///
    /// # Panics
    /// If the page has none.
    pub fn find_link(html: &str, end: &str) -> String {
        let links = html.match_indices("<a ").map(|(at, _)| html[at..].split('>').next().unwrap_or_default());
        let mut paths = links.filter_map(|tag| attribute(tag, "href"));
        paths.find(|path| path.split('?').next().is_some_and(|path| path.ends_with(end))).expect("a link")
    }

    /// The form with a field filled in.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.insert(name.to_owned(), value.to_owned());
        self
    }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    let value = rest.split('"').next()?;
    Some(
        value
            .replace("&#38;", "&")
            .replace("&amp;", "&")
            .replace("&#34;", "\"")
            .replace("&#39;", "'")
            .replace("&#60;", "<")
            .replace("&#62;", ">"),
    )
}

impl Browserless {
    /// A browser that has never been there.
    ///
    /// # Panics
    /// If no client can be made.
    pub fn new(server: &TestServer) -> Self {
        let client = reqwest::Client::builder()
            .cookie_provider(Arc::new(Jar::default()))
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("a client");
        Self { client, url: server.url.clone() }
    }

    /// A browser in which a user is signed in.
    ///
    /// # Panics
    /// If signing in is refused.
    pub async fn signed_in(server: &TestServer, user: &TestUser) -> Self {
        let browser = Self::new(server);
        let answer = browser.sign_in(&user.email, TestServer::PASSWORD).await;
        assert_eq!(answer.status(), 303, "signing in as {}", user.email);
        browser
    }

    /// Signs in through the form.
    pub async fn sign_in(&self, email: &str, password: &str) -> Response {
        let form = self.form("/sign-in", "/sign-in").await;
        self.post(&form.with("email", email).with("password", password)).await
    }

    /// `GET` a path.
    ///
    /// # Panics
    /// If there is no answer.
    pub async fn get(&self, path: &str) -> Response {
        self.client.get(format!("{}{path}", self.url)).send().await.expect("an answer")
    }

    /// The form on a page.
    ///
    /// # Panics
    /// If there is none.
    pub async fn form(&self, path: &str, action: &str) -> Form {
        let html = self.get(path).await.text().await.expect("a page");
        Form::find(&html, action)
    }

    /// Posts a form as a browser does from our own page.
    ///
    /// # Panics
    /// If there is no answer.
    pub async fn post(&self, form: &Form) -> Response {
        let request = self.client.post(format!("{}{}", self.url, form.action)).header("origin", &self.url);
        request.form(&form.fields).send().await.expect("an answer")
    }
}
