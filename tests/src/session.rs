//! A signed-in browser, taken apart: its cookie and the token of its forms, to be sent together, apart, or mixed up.

use reqwest::{RequestBuilder, Response};

use crate::{Form, TestServer, TestUser};
use keystead_app::RequestOrigin;
use keystead_app::operator::{Answer, Command};
use keystead_domain::Actor;

/// What a browser holds after signing in.
#[derive(Debug, Clone)]
pub struct Session {
    /// The `Cookie` header: `keystead=…`.
    pub cookie: String,
    /// A token that its forms may carry.
    pub csrf: String,
}

impl Session {
    /// The secret part of the cookie.
    #[must_use]
    pub fn secret(&self) -> &str {
        self.cookie.split_once('=').map_or("", |(_, secret)| secret)
    }
}

impl TestServer {
    /// The code of a new one-time link that signs a user in.
    pub async fn sign_in_code(&self, user: &TestUser) -> String {
        let Answer::SignInLink { code } =
            self.operate(Command::UserSignInLink { email: user.email.clone(), organization: None }).await
        else {
            panic!("not a link")
        };
        code
    }

    /// A user as the app knows them once they have signed in.
    pub async fn actor(&self, user: &TestUser) -> Actor {
        let code = self.sign_in_code(user).await;
        self.app.use_sign_in_link(&code, RequestOrigin::default()).await.expect("signed in").actor
    }

    /// A session of a user's, made by a one-time link.
    pub async fn session(&self, user: &TestUser) -> Session {
        let path = format!("/sign-in/link/{}", self.sign_in_code(user).await);
        let page = self.get(&path).send().await.expect("a page");
        let visitor = cookies(&page).remove(0);
        let form = Form::find(&page.text().await.expect("a page"), &path);
        let answer =
            self.post(&path).header("cookie", visitor).form(&form.fields).send().await.expect("an answer");
        assert_eq!(answer.status(), 303, "signing in as {}", user.email);
        let cookie = cookies(&answer).remove(0);
        let page = self.get("/settings").header("cookie", &cookie).send().await.expect("a page");
        let form = Form::find(&page.text().await.expect("a page"), "/sign-out");
        Session { cookie, csrf: form.fields["csrf"].clone() }
    }

    /// Sends a form from a session's own page.
    pub async fn submit(&self, session: &Session, path: &str, fields: &[(&str, &str)]) -> Response {
        let mut form = vec![("csrf", session.csrf.as_str())];
        form.extend(fields);
        self.post(path).header("cookie", &session.cookie).form(&form).send().await.expect("an answer")
    }

    /// Looks at a page in a session.
    pub async fn visit(&self, session: &Session, path: &str) -> Response {
        self.get(path).header("cookie", &session.cookie).send().await.expect("an answer")
    }

    /// A `GET` to be sent.
    pub fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.url))
    }

    /// A `POST` to be sent.
    pub fn post(&self, path: &str) -> RequestBuilder {
        self.client.post(format!("{}{path}", self.url))
    }
}

/// The cookies that an answer sets, as a browser would send them back.
#[must_use]
pub fn cookies(answer: &Response) -> Vec<String> {
    let set = answer.headers().get_all("set-cookie").iter().filter_map(|value| value.to_str().ok());
    set.filter_map(|value| value.split(';').next()).map(str::to_owned).collect()
}
