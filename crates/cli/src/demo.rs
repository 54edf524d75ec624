//! `keystead serve --demo`: an organization to try things on, thrown away at the end.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use keystead_app::operator::{Answer, Command};
use keystead_app::{
    App, Clock, Deployment, Entropy, KeyInput, NewPerson, Passwords, RequestOrigin, RoleInput, SetUp,
};
use keystead_domain::{
    Actor, Assignment, Assignments, Description, Email, Error, Expiration, GroupId, GroupName, KeyName,
    NewPassword, OrganizationName, Permission, PersonName, RoleId, RoleName,
};
use keystead_token::Token;
use tempfile::TempDir;

use crate::failure::Failure;
use crate::{out, printed};

const ADA: &str = "ada@demo.example";
const GRACE: &str = "grace@demo.example";

/// Further people: address, name.
const KATHERINE: (&str, &str) = ("katherine@demo.example", "Katherine Johnson");
const ALAN: (&str, &str) = ("alan@demo.example", "Alan Turing");

/// The sample that may impersonate, where the deployment allows it.
const EMBEDDING: &str = "Embedding Dashboard";

/// A demo.
pub(crate) struct Demo {
    /// Removed when dropped.
    folder: TempDir,
    /// The token of its impersonation key.
    impersonation_key: Option<Token>,
}

/// A key of the page: whose, called what, for what, for how long, made how many hours ago, and used how long after.
struct Sample(&'static str, &'static str, &'static str, Expiration, i64, Option<i64>);

const SAMPLES: [Sample; 6] = [
    Sample(ADA, "Spring migration", "Done; kept for reference.", Expiration::Days7, 24 * 40, Some(100)),
    Sample(
        GRACE,
        "Nightly export",
        "Moves yesterday's figures to the warehouse.",
        Expiration::Never,
        24 * 35,
        Some(24 * 34),
    ),
    Sample(ADA, "CI deploy", "The staging cluster.", Expiration::Days30, 24 * 26, Some(24 * 25)),
    Sample(
        ADA,
        EMBEDDING,
        "Signs customers into the embedded dashboard.",
        Expiration::Days180,
        24 * 12,
        Some(24 * 11),
    ),
    Sample(GRACE, "Notebook", "", Expiration::Days90, 24 * 3, None),
    Sample(ADA, "Claude Code key", "My laptop.", Expiration::Days90, 5, Some(4)),
];

impl Demo {
    pub(crate) fn new() -> Result<Self, Failure> {
        let folder = tempfile::Builder::new().prefix("keystead-demo-").tempdir().map_err(|error| {
            Failure::new("cannot make a temporary folder for the demo")
                .cause(&error)
                .hint("set TMPDIR to a folder that you can write to.")
        })?;
        Ok(Self { folder, impersonation_key: None })
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Makes the organization, its users and their keys, as if over the last weeks.
    pub(crate) async fn fill(&mut self, deployment: Deployment) -> Result<(), Failure> {
        let now = Clock::system().now();
        let clock = Clock::manual(now - SignedDuration::from_hours(24 * 41));
        let entropy = Entropy::system();
        // Nobody is sent a mail, and the roles that it makes cannot collide with configured ones.
        let deployment = Deployment { mailer: None, roles: Vec::new(), ..deployment };
        let app = App::open(self.folder(), deployment, Passwords::default(), clock.clone(), entropy.clone())
            .await?;
        let filled = fill(&app, &clock, now, &entropy).await;
        let closed = app.close().await;
        self.impersonation_key =
            filled.and_then(|token| closed.map(|()| token)).map_err(|error| failed(&error))?;
        Ok(())
    }

    /// Prints what to do with it.
    pub(crate) async fn print(&self, app: &App, url: &str) -> Result<(), Failure> {
        let ada = sign_in_link(app, ADA).await.map_err(|error| failed(&error))?;
        let grace = sign_in_link(app, GRACE).await.map_err(|error| failed(&error))?;
        let command = Command::KeyCreate {
            user: ADA.into(),
            organization: None,
            name: "Demo token".into(),
            expires: "7d".into(),
        };
        let Answer::Token { token, .. } = app.operate(command).await else {
            return Err(failed(&Error::Internal));
        };
        let folder = self.folder().display();
        let impersonation = self.impersonation_key.as_ref().map_or_else(String::new, |token| {
            format!(
                "\nAn impersonation key of Ada's, with which a product's backend signs its users in to the page that it embeds\n\
                 (docs/embedding.md has an example product that takes it from its environment):\n\
                 KEYSTEAD_IMPERSONATION_KEY={}\n",
                token.expose()
            )
        });
        printed(out::line(format_args!(
            "\n\
             This is a demo: everything in it is gone when it stops (Ctrl-C).\n\
             \n\
             Sign in as an administrator, Ada Lovelace (the link works once, for 24 h):\n  {url}/sign-in/link/{ada}\n\
             Sign in as a member, Grace Hopper (use another browser, or a private window):\n  {url}/sign-in/link/{grace}\n\
             \n\
             A token of Ada's:\n  {token}\n\
             Check it, as a service or a reverse proxy would:\n  \
             curl -i -H \"Authorization: Bearer {token}\" {url}/verify\n\
             Ask who it acts for:\n  \
             curl -H \"Authorization: Bearer {token}\" -H \"Content-Type: application/json\" \
             -d '{{\"query\": \"{{ currentUser {{ name email permissions }} }}\"}}' {url}/graphql\n\
             See the command line at work:\n  \
             keystead key list --user {ADA} --data-dir {folder}\n{impersonation}"
        )))
    }
}

/// Returns the token of the impersonation key, if there are such keys.
async fn fill(app: &App, clock: &Clock, now: Timestamp, entropy: &Entropy) -> Result<Option<Token>, Error> {
    let code = app.create_set_up_link().await?;
    let set_up = SetUp {
        organization: OrganizationName::parse("Demo")?,
        name: PersonName::parse("Ada Lovelace")?,
        email: Email::parse(ADA)?,
        // Nobody knows it: people come in by their link.
        password: NewPassword::parse(&format!("{:?}", entropy.bytes::<32>()?), ADA)?,
    };
    let ada = app.set_up(code.expose(), set_up, RequestOrigin::default()).await?.actor;
    let grace = add(app, GRACE, "Grace Hopper").await?;
    let katherine = add(app, KATHERINE.0, KATHERINE.1).await?;
    let alan = add(app, ALAN.0, ALAN.1).await?;
    let data_team = make_data_team(app, &ada).await?;
    app.set_groups(&ada, katherine.user().id, &[data_team]).await?;
    let mut impersonation_key = None;
    for Sample(user, name, description, expiration, hours_ago, used_after) in SAMPLES {
        let actor = if user == ADA { &ada } else { &grace };
        set(clock, now - SignedDuration::from_hours(hours_ago));
        let token = create(app, actor, name, description, expiration).await?;
        if let Some(hours) = used_after {
            set(clock, now - SignedDuration::from_hours(hours_ago - hours));
            _ = app.verify(token.expose(), app.now());
            app.sweep_last_used().await?;
        }
        if name == EMBEDDING && app.deployment().impersonation {
            impersonation_key = Some(token);
        }
    }
    set(clock, now - SignedDuration::from_hours(4));
    app.set_active(&ada, alan.user().id, false).await?;
    let edsger = NewPerson {
        email: Email::parse("edsger@demo.example")?,
        name: Some(PersonName::parse("Edsger Dijkstra")?),
        assignments: Assignments::from_iter([Assignment::everywhere(RoleId::MEMBER)]),
        groups: vec![data_team],
    };
    // They have not come in yet. Whoever wants their link makes another on the page.
    app.invite_user(&ada, edsger, "").await?;
    Ok(impersonation_key)
}

/// Somebody who has signed in once.
async fn add(app: &App, email: &str, name: &str) -> Result<Actor, Error> {
    let command = Command::UserAdd {
        email: email.into(),
        organization: None,
        name: Some(name.into()),
        role: "member".into(),
        password: None,
    };
    app.operate(command).await;
    let code = sign_in_link(app, email).await?;
    Ok(app.use_sign_in_link(&code, RequestOrigin::default()).await?.actor)
}

/// A role with a permission that a product made up, and a group whose members inherit it.
async fn make_data_team(app: &App, ada: &Actor) -> Result<GroupId, Error> {
    let analyst = RoleInput {
        name: RoleName::parse("Analyst")?,
        description: Description::parse("Reads the reports of your product.")?,
        permissions: [Permission::parse("reports:read")?].into(),
    };
    let analyst = app.create_role(ada, analyst).await?;
    let roles = Assignments::from_iter([Assignment::everywhere(analyst.id)]);
    Ok(app.create_group(ada, GroupName::parse("Data team")?, roles).await?.id)
}

async fn create(
    app: &App,
    actor: &Actor,
    name: &str,
    description: &str,
    expiration: Expiration,
) -> Result<Token, Error> {
    let input = KeyInput {
        name: KeyName::parse(name)?,
        description: Description::parse(description)?,
        expiration,
        allow_impersonation: app.deployment().impersonation && name == EMBEDDING,
        request_id: None,
    };
    app.create_key(actor, &input).await?.token.ok_or(Error::Internal)
}

fn set(clock: &Clock, to: Timestamp) {
    clock.advance(to.duration_since(clock.now()));
}

async fn sign_in_link(app: &App, email: &str) -> Result<String, Error> {
    match app.operate(Command::UserSignInLink { email: email.into(), organization: None }).await {
        Answer::SignInLink { code } => Ok(code),
        _ => Err(Error::Internal),
    }
}

fn failed(error: &Error) -> Failure {
    Failure::new("the demo could not be filled")
        .cause(error)
        .hint("the log has the cause. Is the disk of the temporary folder full? TMPDIR chooses another.")
}
