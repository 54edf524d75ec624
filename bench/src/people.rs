//! What users cost: a role that is taken away, and the pages that list everybody.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use keystead_app::{App, RoleInput};
use keystead_domain::{
    Actor, Assignment, Assignments, Description, EmailAccess, OrganizationName, Role, RoleId, RoleName, User,
    UserFilter,
};
use tokio::runtime::Runtime;

use crate::console::{Console, client};
use crate::fill;
use crate::report::{Spread, percentile};

const ROUNDS: usize = 5;
/// Changes that are timed, in each round.
const CHANGES: usize = 200;
/// Requests that are timed, in each round.
const REQUESTS: usize = 50;

pub(crate) fn run() -> Result<()> {
    let runtime = Runtime::new()?;
    runtime.block_on(role_change())?;
    runtime.block_on(organization_change())?;
    pages(&runtime)
}

/// A user's role is changed for all of their keys in one step: what it costs must not depend on how many there are.
async fn role_change() -> Result<()> {
    let (few, many) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let few = Changing::open(few.path(), 10).await?;
    let many = Changing::open(many.path(), 10_000).await?;
    let (mut of_few, mut of_many) = (vec![], vec![]);
    // The first round is to warm up.
    for round in 0..=ROUNDS {
        let times = (few.change().await?, many.change().await?);
        if round > 0 {
            of_few.push(times.0);
            of_many.push(times.1);
        }
    }
    let ratios: Vec<f64> = of_few.iter().zip(&of_many).map(|(few, many)| many / few).collect();
    println!(
        "`App::set_role_assignments`, durable, {CHANGES} changes a round, {ROUNDS} rounds; median (least to greatest)\n"
    );
    println!("| a user's keys | ms a change |\n|---|---|");
    println!("| 10 | {} |\n| 10,000 | {} |", Spread::new(of_few, 3), Spread::new(of_many, 3));
    println!("| ratio | {} |\n", Spread::new(ratios, 2));
    Ok(())
}

/// A store whose second user has many keys, and gets and loses a role.
struct Changing {
    app: App,
    actor: Actor,
    user: User,
}

impl Changing {
    async fn open(folder: &Path, keys: usize) -> Result<Self> {
        // Every other key is the second user's.
        fill::store(folder, 2, keys * 2).await?;
        let app = fill::open(folder).await?;
        let (_, actor) = fill::sign_in(&app).await?;
        let list = app.users(&actor, &UserFilter::default(), 50, None).await?;
        let other = list.people.iter().find(|person| person.user.id != actor.user().id);
        let user = User::clone(&other.context("there is no second user")?.user);
        Ok(Self { app, actor, user })
    }

    /// Milliseconds a change.
    async fn change(&self) -> Result<f64> {
        let start = Instant::now();
        for n in 0..CHANGES {
            let role = if n % 2 == 0 { RoleId::ADMINISTRATOR } else { RoleId::MEMBER };
            let roles = Assignments::from_iter([Assignment::everywhere(role)]);
            let user = self.app.set_role_assignments(&self.actor, self.user.id, &roles).await?;
            ensure!(user.is_administrator() == (n % 2 == 0), "the change did not take effect");
        }
        Ok(start.elapsed().as_secs_f64() * 1e3 / CHANGES as f64)
    }
}

/// What decides for all users of an organization at once is applied to each of them in memory.
async fn organization_change() -> Result<()> {
    println!("ms a change; {ROUNDS} rounds; median (least to greatest)\n");
    println!(
        "| users of the organization | its name | a role that nobody holds | an e-mail rule that excludes all but one |"
    );
    println!("|---|---|---|---|");
    for users in [1_000, 100_000, 1_000_000] {
        let folder = tempfile::tempdir()?;
        fill::store(folder.path(), users, 0).await?;
        let app = fill::open(folder.path()).await?;
        let (_, actor) = fill::sign_in(&app).await?;
        let role = RoleInput {
            name: RoleName::parse("Analyst")?,
            description: Description::parse("")?,
            permissions: Role::parse_permissions(&["reports:read".to_owned()])?,
        };
        let id = app.create_role(&actor, role.clone()).await?.id;
        let alone = EmailAccess::parse(&[], &[actor.user().email.to_string()], &[], &[])?;
        let mut times = [vec![], vec![], vec![]];
        for round in 0..=ROUNDS {
            let mut took = [0.0; 3];
            let start = Instant::now();
            app.rename_organization(&actor, &OrganizationName::parse(&format!("Example {round}"))?).await?;
            took[0] = milliseconds(start);
            let permissions = Role::parse_permissions(&[format!("reports:read{round}")])?;
            let start = Instant::now();
            app.update_role(&actor, &id, RoleInput { permissions, ..role.clone() }).await?;
            took[1] = milliseconds(start);
            let start = Instant::now();
            app.set_email_access(&actor, alone.clone(), None).await?;
            took[2] = milliseconds(start);
            app.set_email_access(&actor, EmailAccess::default(), None).await?;
            if round > 0 {
                took.iter().zip(&mut times).for_each(|(took, times)| times.push(*took));
            }
        }
        let [renamed, changed, excluded] = times.map(|times| Spread::new(times, 1));
        println!("| {users} | {renamed} | {changed} | {excluded} |");
        app.close().await?;
    }
    Ok(())
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

/// The pages that list everybody, of a small organization and of a large one.
fn pages(runtime: &Runtime) -> Result<()> {
    let small = Console::start(runtime, 1_000, 1_000)?;
    let large = Console::start(runtime, 1_000_000, 1_000_000)?;
    println!(
        "\n{REQUESTS} requests one after another a round, {ROUNDS} rounds by turns; p50 in ms, median (least to greatest)\n"
    );
    println!("| page | 1,000 users and keys | 1,000,000 users and keys | ratio |\n|---|---|---|---|");
    for path in ["/settings/users", "/settings/api-keys?view=all"] {
        let (mut of_small, mut of_large) = (vec![], vec![]);
        for round in 0..=ROUNDS {
            let times = (runtime.block_on(p50(&small, path))?, runtime.block_on(p50(&large, path))?);
            if round > 0 {
                of_small.push(times.0);
                of_large.push(times.1);
            }
        }
        let ratios: Vec<f64> = of_small.iter().zip(&of_large).map(|(small, large)| large / small).collect();
        println!(
            "| `{path}` | {} | {} | {} |",
            Spread::new(of_small, 2),
            Spread::new(of_large, 2),
            Spread::new(ratios, 2)
        );
    }
    Ok(())
}

async fn p50(console: &Console, path: &str) -> Result<f64> {
    let client = client()?;
    let url = format!("{}{path}", console.url);
    let mut times = Vec::with_capacity(REQUESTS);
    for _ in 0..REQUESTS {
        let start = Instant::now();
        let (html, _) = console.get(&client, &url, "gzip, br").await?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
        ensure!(!html.is_empty(), "an empty page");
    }
    times.sort_unstable_by(f64::total_cmp);
    Ok(percentile(&times, 50))
}
