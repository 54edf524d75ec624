//! Keys as an organization in full swing has them: for pictures, and for tests of whole pages.

use jiff::SignedDuration;
use keystead_app::operator::{Answer, Command, Password};
use keystead_app::{Deployment, RequestOrigin, SetUp};
use keystead_domain::{Email, NewPassword, OrganizationName, PersonName, Role};

use crate::{Browserless, TestServer, TestUser};

/// What the form of a new key takes.
#[derive(Debug, Clone, Copy)]
pub struct NewKey<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its description.
    pub description: &'a str,
    /// `7d`, `30d`, `90d`, `180d`, `1y` or `never`.
    pub expiration: &'a str,
    /// Whether *Allow impersonation* is on.
    pub impersonation: bool,
}

impl NewKey<'_> {
    /// Makes it through the form, and returns its token.
    pub async fn create(self, browser: &Browserless) -> String {
        let mut form = browser.form("/settings/api-keys/new", "/settings/api-keys/new").await;
        form = form.with("name", self.name).with("description", self.description);
        form = form.with("expiration", self.expiration);
        if self.impersonation {
            form = form.with("allow_impersonation", "on");
        }
        let answer = browser.post(&form).await;
        assert_eq!(answer.status(), 200, "creating {}", self.name);
        let page = answer.text().await.expect("a page");
        let (_, token) = page.split_once("data-token>").expect("the token is shown");
        token.split('<').next().unwrap_or_default().to_owned()
    }
}

/// An organization with an administrator, two members and their keys, some of them in use.
pub struct Sample {
    /// The server.
    pub server: TestServer,
    /// The administrator, whose list is the liveliest.
    pub ada: TestUser,
    /// A member.
    pub grace: TestUser,
    /// A member without any key.
    pub joan: TestUser,
}

impl Sample {
    /// A server on which impersonation is allowed, some weeks after its first key was made.
    pub async fn start() -> Self {
        let server =
            TestServer::start_seeded(Deployment { impersonation: true, ..Deployment::default() }).await;
        let ada = set_up(&server, "ada@example.com", "Ada Lovelace", "Analytical Engines").await;
        let grace = person(&server, "grace@example.com", "Grace Hopper", "member").await;
        let joan = person(&server, "joan@example.com", "Joan Clarke", "member").await;
        let day = |days: i64| SignedDuration::from_hours(24 * days);

        make(&server, &ada, "Spring migration", "Moved the warehouse. Done.", "30d").await;
        let nightly =
            make(&server, &grace, "Nightly export", "Yesterday’s figures to the warehouse.", "90d").await;
        server.advance(day(26) + SignedDuration::from_mins(309));
        let staging = make(&server, &ada, "ci-deploy", "Staging.", "7d").await;
        server.advance(day(4) - SignedDuration::from_mins(171));
        let deploy = make(&server, &ada, "ci-deploy", "Production. Rotated every quarter.", "90d").await;
        let embedding = NewKey {
            name: "Embedding Dashboard",
            description: "Signs customers into the embedded dashboard.",
            expiration: "180d",
            impersonation: true,
        };
        embedding.create(&Browserless::signed_in(&server, &ada).await).await;
        make(&server, &grace, "Terraform", "", "1y").await;
        server.advance(day(1) + SignedDuration::from_mins(132));
        make(&server, &ada, "Status page", "Reads the number of open incidents.", "never").await;
        let laptop = make(&server, &ada, "Claude Code key", "My laptop.", "30d").await;

        for (token, minutes) in [(&nightly, 8 * 60), (&staging, 110), (&deploy, 37), (&laptop, 4)] {
            assert_eq!(server.verify(token).await.status(), 200);
            server.advance(SignedDuration::from_mins(minutes));
        }
        server.app.sweep_last_used().await.expect("last use is written");
        Self { server, ada, grace, joan }
    }
}

async fn make(
    server: &TestServer,
    user: &TestUser,
    name: &str,
    description: &str,
    expiration: &str,
) -> String {
    // Signed in anew: days pass between one key and the next.
    let browser = Browserless::signed_in(server, user).await;
    NewKey { name, description, expiration, impersonation: false }.create(&browser).await
}

/// The first administrator, who names the organization.
async fn set_up(server: &TestServer, email: &str, name: &str, organization: &str) -> TestUser {
    let code = server.app.create_set_up_link().await.expect("a link");
    let input = SetUp {
        organization: OrganizationName::parse(organization).expect("a name"),
        name: PersonName::parse(name).expect("a name"),
        email: Email::parse(email).expect("an address"),
        password: NewPassword::parse(TestServer::PASSWORD, email).expect("a password"),
    };
    let signed_in = server.app.set_up(code.expose(), input, RequestOrigin::default()).await;
    let id = signed_in.expect("an administrator").actor.user().id.to_string();
    TestUser { id, email: email.to_owned() }
}

async fn person(server: &TestServer, email: &str, name: &str, role: &str) -> TestUser {
    let command = Command::UserAdd {
        email: email.to_owned(),
        organization: None,
        name: Some(name.to_owned()),
        role: role.to_owned(),
        password: Some(Password::new(TestServer::PASSWORD.to_owned())),
    };
    let Answer::User { id, email } = server.operate(command).await else { panic!("not a user") };
    TestUser { id, email }
}

/// A deployment with roles of its own: one of the product's, and one that may see users and change nothing.
#[must_use]
pub fn deployment_with_roles() -> Deployment {
    let role = |id, description, permissions: &[&str]| {
        let permissions: Vec<_> = permissions.iter().map(|&name| name.to_owned()).collect();
        Role::of_deployment(id, description, &permissions).expect("a role")
    };
    let roles = vec![
        role("analyst", "Reads reports.", &["reports:read"]),
        role("reader", "", &["iam:read"]),
        role("helper", "", &["iam:read", "iam:write"]),
    ];
    Deployment { roles, ..Deployment::default() }
}
