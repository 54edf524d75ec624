//! How people come in: invitations, signing in with one address in several organizations, and switching between those.

use jiff::SignedDuration;
use keystead_app::operator::{Answer, Command, Password};
use keystead_app::{Invited, NewPerson, RequestOrigin};
use keystead_domain::{Actor, Assignment, Assignments, Email, RoleId};
use keystead_tests::{Browserless, Form, Session, TestServer, TestUser, cookies};
use reqwest::Response;

pub(crate) const NEW_PASSWORD: &str = "quite another sentence";
pub(crate) const MINUTE: SignedDuration = SignedDuration::from_mins(1);

pub(crate) async fn organization(server: &TestServer, name: &str, administrator: &str) {
    let (name, administrator) = (name.to_owned(), administrator.to_owned());
    server.operate(Command::OrganizationCreate { name, administrator }).await;
}

/// A member of an organization, with a password.
pub(crate) async fn join(server: &TestServer, organization: &str, email: &str, password: &str) -> TestUser {
    let command = Command::UserAdd {
        email: email.to_owned(),
        organization: Some(organization.to_owned()),
        name: None,
        role: "member".to_owned(),
        password: Some(Password::new(password.to_owned())),
    };
    let Answer::User { id, email } = server.operate(command).await else { panic!("not a user") };
    TestUser { id, email }
}

/// Ada's organization, and two more in which she has nobody.
pub(crate) async fn three_organizations() -> TestServer {
    let server = TestServer::start().await;
    server.administrator("ada@example.com").await;
    organization(&server, "Second", "bob@example.com").await;
    organization(&server, "Third", "cyd@example.com").await;
    server
}

pub(crate) async fn actor(server: &TestServer, organization: &str, email: &str) -> Actor {
    let command =
        Command::UserSignInLink { email: email.to_owned(), organization: Some(organization.to_owned()) };
    let Answer::SignInLink { code } = server.operate(command).await else { panic!("not a link") };
    server.app.use_sign_in_link(&code, RequestOrigin::default()).await.unwrap().actor
}

async fn invite(server: &TestServer, actor: &Actor, email: &str) -> Invited {
    let person = NewPerson {
        email: Email::parse(email).unwrap(),
        name: None,
        assignments: Assignments::from_iter([Assignment::everywhere(RoleId::MEMBER)]),
        groups: Vec::new(),
    };
    server.app.invite_user(actor, person, &server.url).await.unwrap()
}

/// What a form sends, and by which cookie.
pub(crate) async fn visitors_form(
    server: &TestServer,
    fields: &[(&str, &str)],
) -> (String, Vec<(String, String)>) {
    let page = server.get("/sign-in").send().await.unwrap();
    let visitor = cookies(&page).remove(0);
    let csrf = Form::find(&page.text().await.unwrap(), "/sign-in").fields["csrf"].clone();
    let mut form = vec![("csrf".to_owned(), csrf)];
    form.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    (visitor, form)
}

pub(crate) async fn submit(server: &TestServer, path: &str, fields: &[(&str, &str)]) -> Response {
    let (visitor, form) = visitors_form(server, fields).await;
    server.post(path).header("cookie", visitor).form(&form).send().await.unwrap()
}

async fn accept(server: &TestServer, code: &str, email: &str) -> u16 {
    let fields = [("email", email), ("name", "Mia"), ("password", NEW_PASSWORD)];
    submit(server, &format!("/invitation/{code}"), &fields).await.status().as_u16()
}

pub(crate) async fn status(server: &TestServer, path: &str) -> u16 {
    server.get(path).send().await.unwrap().status().as_u16()
}

/// A session, by password.
pub(crate) async fn signed_in(server: &TestServer, email: &str, password: &str) -> Session {
    let answer = submit(server, "/sign-in", &[("email", email), ("password", password)]).await;
    assert_eq!(answer.status(), 303, "{email}");
    resumed(server, &answer).await
}

/// The session whose cookie an answer sets.
pub(crate) async fn resumed(server: &TestServer, answer: &Response) -> Session {
    let cookie = cookies(answer).remove(0);
    let page = server.get("/settings/account").header("cookie", &cookie).send().await.unwrap();
    let csrf = Form::find(&page.text().await.unwrap(), "/sign-out").fields["csrf"].clone();
    Session { cookie, csrf }
}

pub(crate) async fn is_live(server: &TestServer, session: &Session) -> bool {
    server.visit(session, "/settings").await.status() == 200
}

/// The page that says in which organization one is.
pub(crate) async fn settings(server: &TestServer, session: &Session) -> String {
    server.visit(session, "/settings").await.text().await.unwrap()
}

pub(crate) fn is_in(page: &str, organization: &str) -> bool {
    page.contains(&format!("For {organization}."))
}

/// The ids of the users that a page offers to switch to.
pub(crate) fn offered(page: &str) -> Vec<String> {
    let forms = page.split("action=\"/switch\"").skip(1);
    forms
        .map(|form| Form::find(&format!("<form action=\"/switch\"{form}"), "/switch").fields["user"].clone())
        .collect()
}

pub(crate) fn events(rows: &[String], action: &str) -> usize {
    rows.iter().filter(|row| row.contains(&format!("'{action}'"))).count()
}

#[tokio::test]
async fn an_invitation_is_accepted_once_however_many_try_at_once() {
    let server = TestServer::start().await;
    server.administrator("ada@example.com").await;
    let ada = actor(&server, "My organization", "ada@example.com").await;
    let invited = invite(&server, &ada, "mia@example.com").await;
    let code = invited.code.expose();
    let path = format!("/invitation/{code}");
    let before = server.snapshot().await;
    for _ in 0..3 {
        let page = server.get(&path).send().await.unwrap().text().await.unwrap();
        assert!(page.contains("mia@example.com") && page.contains("My organization"));
    }
    assert_eq!(server.snapshot().await, before, "looking at it uses nothing: previews and scanners do");
    let a = || accept(&server, code, "mia@example.com");
    let mut answers: [u16; 8] = tokio::join!(a(), a(), a(), a(), a(), a(), a(), a()).into();
    answers.sort_unstable();
    assert_eq!(answers, [303, 404, 404, 404, 404, 404, 404, 404]);
    assert_eq!(status(&server, &path).await, 404);
    assert!(is_live(&server, &signed_in(&server, "mia@example.com", NEW_PASSWORD).await).await);
    assert_eq!(events(server.snapshot().await.rows("audit_events"), "invitation.accepted"), 1);
}

#[tokio::test]
async fn an_invitation_runs_out_after_a_week_and_opens_no_other_door() {
    let server = TestServer::start().await;
    server.administrator("ada@example.com").await;
    let ada = actor(&server, "My organization", "ada@example.com").await;
    let invited = invite(&server, &ada, "mia@example.com").await;
    let code = invited.code.expose();
    for door in ["/sign-in/link", "/reset-password", "/setup"] {
        let fields =
            [("password", NEW_PASSWORD), ("organization", "o"), ("name", "n"), ("email", "mia@example.com")];
        assert_eq!(submit(&server, &format!("{door}/{code}"), &fields).await.status(), 404, "{door}");
    }
    server.advance(SignedDuration::from_hours(24 * 7));
    assert_eq!(status(&server, &format!("/invitation/{code}")).await, 404);
    assert_eq!(accept(&server, code, "mia@example.com").await, 404);
}

#[tokio::test]
async fn an_invitation_is_of_no_use_under_another_address() {
    let server = TestServer::start().await;
    server.administrator("ada@example.com").await;
    let ada = actor(&server, "My organization", "ada@example.com").await;
    let invited = invite(&server, &ada, "mia@example.com").await;
    let before = server.snapshot().await;
    for other in ["eve@example.com", "mia@example.com.evil.example", "mia+x@example.com", "", "mia"] {
        assert_eq!(accept(&server, invited.code.expose(), other).await, 404, "{other}");
    }
    assert_eq!(server.snapshot().await, before);
    assert_eq!(accept(&server, invited.code.expose(), "MIA@example.com").await, 303, "the same, by case");
    let rows = server.snapshot().await.rows("users").concat();
    assert!(rows.contains("'mia@example.com'") && !rows.contains("'MIA@example.com'"), "it is not changed");
}

/// All of these lead to one page, so that a link says nothing of why it is dead.
#[tokio::test]
async fn a_link_is_dead_while_its_user_may_not_act() {
    let server = TestServer::start().await;
    server.administrator("ada@example.com").await;
    let ada = actor(&server, "My organization", "ada@example.com").await;
    let mut pages = vec![server.get("/invitation/x").send().await.unwrap().text().await.unwrap()];
    let mut codes = Vec::new();
    for email in ["off@example.com", "gone@example.com", "out@elsewhere.example"] {
        codes.push(invite(&server, &ada, email).await);
    }
    let reset = server.member("reset@elsewhere.example").await;
    let reset = server.app.create_password_link(&ada, reset.id.parse().unwrap(), &server.url).await.unwrap();
    server.app.set_active(&ada, codes[0].user.id, false).await.unwrap();
    server.app.delete_users(&ada, &[codes[1].user.id]).await.unwrap();
    let blocked = ["elsewhere.example".to_owned()];
    let rules = keystead_domain::EmailAccess::parse(&[], &[], &blocked, &[]).unwrap();
    server.app.set_email_access(&ada, rules, Some(2)).await.unwrap();
    for invited in &codes {
        let code = invited.code.expose();
        pages.push(server.get(&format!("/invitation/{code}")).send().await.unwrap().text().await.unwrap());
        assert_eq!(accept(&server, code, invited.user.email.as_str()).await, 404, "{}", invited.user.email);
    }
    let path = format!("/reset-password/{}", reset.code.expose());
    assert_eq!(submit(&server, &path, &[("password", NEW_PASSWORD)]).await.status(), 404);
    assert!(pages.windows(2).all(|pair| pair[0] == pair[1]));

    let archived = invite(&server, &ada, "late@example.com").await;
    server.operate(Command::OrganizationArchive { organization: "My organization".to_owned() }).await;
    assert_eq!(accept(&server, archived.code.expose(), "late@example.com").await, 404);
}

/// Promise 6: neither the time nor the answer says in how many organizations somebody is.
#[tokio::test]
async fn signing_in_costs_one_hash_in_however_many_organizations_somebody_is() {
    let server = three_organizations().await;
    join(&server, "Second", "ada@example.com", NEW_PASSWORD).await;
    join(&server, "Third", "ada@example.com", TestServer::PASSWORD).await;
    join(&server, "Third", "mia@example.com", TestServer::PASSWORD).await;
    for email in ["ada@example.com", "mia@example.com", "bob@example.com", "nobody@example.com"] {
        let before = server.passwords_computed();
        let answer = Browserless::new(&server).sign_in(email, "not the password").await;
        assert_eq!((answer.status().as_u16(), server.passwords_computed() - before), (422, 1), "{email}");
    }
    // A password that is changed keeps to the one salt.
    let session = signed_in(&server, "ada@example.com", NEW_PASSWORD).await;
    let fields = [("current_password", NEW_PASSWORD), ("password", "a third sentence of words")];
    assert_eq!(server.submit(&session, "/settings/account/password", &fields).await.status(), 303);
    let before = server.passwords_computed();
    signed_in(&server, "ada@example.com", "a third sentence of words").await;
    assert_eq!(server.passwords_computed() - before, 1);
}

#[tokio::test]
async fn a_password_signs_in_where_it_was_set_and_only_those_who_may_act() {
    let server = three_organizations().await;
    join(&server, "Second", "ada@example.com", NEW_PASSWORD).await;
    join(&server, "Third", "ada@example.com", NEW_PASSWORD).await;
    let session = signed_in(&server, "ada@example.com", TestServer::PASSWORD).await;
    let page = settings(&server, &session).await;
    assert!(is_in(&page, "My organization") && offered(&page).is_empty());

    let second = signed_in(&server, "ada@example.com", NEW_PASSWORD).await;
    assert!(is_in(&settings(&server, &second).await, "Second"), "the first of two alike");
    server.operate(Command::OrganizationArchive { organization: "Second".to_owned() }).await;
    assert!(!is_live(&server, &second).await);
    let page = settings(&server, &signed_in(&server, "ada@example.com", NEW_PASSWORD).await).await;
    assert!(is_in(&page, "Third") && offered(&page).is_empty(), "an archived one is not offered either");
    let organization = Some("Third".to_owned());
    server.operate(Command::UserDeactivate { email: "ada@example.com".to_owned(), organization }).await;
    let answer = Browserless::new(&server).sign_in("ada@example.com", NEW_PASSWORD).await;
    assert_eq!(answer.status(), 422);
    assert!(answer.text().await.unwrap().contains("The e-mail address or the password is wrong."));
}

#[tokio::test]
async fn the_organization_that_was_used_last_is_the_one_signed_in_to() {
    let server = three_organizations().await;
    join(&server, "Second", "ada@example.com", TestServer::PASSWORD).await;
    for organization in ["Second", "My organization", "Second"] {
        server.advance(MINUTE);
        actor(&server, organization, "ada@example.com").await;
        server.advance(MINUTE);
        let session = signed_in(&server, "ada@example.com", TestServer::PASSWORD).await;
        assert!(is_in(&settings(&server, &session).await, organization));
    }
}

/// Whoever administers one organization decides who has which address in it. That must give them nothing elsewhere (promise 6).
#[tokio::test]
async fn an_administrator_who_makes_a_user_of_somebody_elses_address_gets_no_further_than_that_user() {
    let server = three_organizations().await;
    let victim = join(&server, "Second", "victim@example.com", "the victim's own sentence").await;
    let own = join(&server, "Third", "victim@example.com", "the attacker's own sentence").await;
    let attacker = signed_in(&server, "victim@example.com", "the attacker's own sentence").await;
    let page = settings(&server, &attacker).await;
    assert!(is_in(&page, "Third") && offered(&page).is_empty() && !page.contains("Second"));
    let before = server.snapshot().await;
    for user in [&victim.id, &own.id, "x", ""] {
        let answer = server.submit(&attacker, "/switch", &[("user", user)]).await;
        assert_eq!(answer.status(), 404, "{user}");
    }
    assert_eq!(server.snapshot().await, before);

    // Nor does a victim end up with the attacker, or a change of the attacker's password reach the victim's.
    let theirs = signed_in(&server, "victim@example.com", "the victim's own sentence").await;
    let page = settings(&server, &theirs).await;
    assert!(is_in(&page, "Second") && offered(&page).is_empty());
    let fields = [("current_password", "the attacker's own sentence"), ("password", NEW_PASSWORD)];
    assert_eq!(server.submit(&attacker, "/settings/account/password", &fields).await.status(), 303);
    assert!(is_live(&server, &theirs).await);
    signed_in(&server, "victim@example.com", "the victim's own sentence").await;
}

#[tokio::test]
async fn a_session_switches_to_those_whose_password_it_has_proven_and_to_nobody_else() {
    let server = three_organizations().await;
    let second = join(&server, "Second", "ada@example.com", TestServer::PASSWORD).await;
    let third = join(&server, "Third", "ada@example.com", NEW_PASSWORD).await;
    actor(&server, "My organization", "ada@example.com").await;
    let session = signed_in(&server, "ada@example.com", TestServer::PASSWORD).await;
    let page = settings(&server, &session).await;
    assert!(is_in(&page, "My organization"));
    assert_eq!(offered(&page), std::slice::from_ref(&second.id));
    assert!(page.contains("Switch to Second"));
    assert_eq!(server.submit(&session, "/switch", &[("user", &third.id)]).await.status(), 404);

    let before = server.snapshot().await;
    let answer = server.submit(&session, "/switch", &[("user", &second.id)]).await;
    assert_eq!(answer.status(), 303);
    let switched = resumed(&server, &answer).await;
    assert!(!is_live(&server, &session).await, "one cookie, one session");
    let page = settings(&server, &switched).await;
    assert!(is_in(&page, "Second"));
    let home = offered(&page);
    assert_eq!(home.len(), 1, "and back");
    let after = server.snapshot().await;
    let recorded =
        |action| events(after.rows("audit_events"), action) - events(before.rows("audit_events"), action);
    assert_eq!((recorded("session.ended"), recorded("session.started")), (1, 1), "in the log of each");
    let answer = server.submit(&switched, "/switch", &[("user", &home[0])]).await;
    assert!(is_in(&settings(&server, &resumed(&server, &answer).await).await, "My organization"));

    // A link proves the one user that it is for.
    let Answer::SignInLink { code } = server
        .operate(Command::UserSignInLink {
            email: "ada@example.com".to_owned(),
            organization: Some("Second".to_owned()),
        })
        .await
    else {
        panic!("not a link")
    };
    let by_link = submit(&server, &format!("/sign-in/link/{code}"), &[]).await;
    assert!(offered(&settings(&server, &resumed(&server, &by_link).await).await).is_empty());
}

#[tokio::test]
async fn a_switch_happens_once_however_many_are_asked_for_at_once() {
    let server = three_organizations().await;
    let second = join(&server, "Second", "ada@example.com", TestServer::PASSWORD).await;
    actor(&server, "My organization", "ada@example.com").await;
    let session = signed_in(&server, "ada@example.com", TestServer::PASSWORD).await;
    let fields = [("user", &*second.id)];
    let s = || server.submit(&session, "/switch", &fields);
    let answers = tokio::join!(s(), s(), s(), s());
    let to = |answer: &Response| answer.headers().get("set-cookie").is_some();
    let started =
        [&answers.0, &answers.1, &answers.2, &answers.3].into_iter().filter(|answer| to(answer)).count();
    assert_eq!(started, 1);
}

#[tokio::test]
async fn nobody_is_switched_to_who_may_not_act_or_has_another_password_by_now() {
    let server = three_organizations().await;
    let second = join(&server, "Second", "ada@example.com", TestServer::PASSWORD).await;
    let third = join(&server, "Third", "ada@example.com", TestServer::PASSWORD).await;
    actor(&server, "My organization", "ada@example.com").await;
    let session = signed_in(&server, "ada@example.com", TestServer::PASSWORD).await;
    assert_eq!(offered(&settings(&server, &session).await).len(), 2);

    server.operate(Command::OrganizationArchive { organization: "Third".to_owned() }).await;
    assert_eq!(offered(&settings(&server, &session).await), std::slice::from_ref(&second.id));
    assert_eq!(server.submit(&session, "/switch", &[("user", &third.id)]).await.status(), 404);

    // Whoever set another password in the second organization meant it for every session.
    let bob = actor(&server, "Second", "bob@example.com").await;
    let link = server.app.create_password_link(&bob, second.id.parse().unwrap(), &server.url).await.unwrap();
    let path = format!("/reset-password/{}", link.code.expose());
    assert_eq!(submit(&server, &path, &[("password", NEW_PASSWORD)]).await.status(), 303);
    assert!(offered(&settings(&server, &session).await).is_empty());
    assert_eq!(server.submit(&session, "/switch", &[("user", &second.id)]).await.status(), 404);
}

#[tokio::test]
async fn going_to_and_fro_does_not_make_a_session_last_longer() {
    let server = three_organizations().await;
    join(&server, "Second", "ada@example.com", TestServer::PASSWORD).await;
    let mut session = signed_in(&server, "ada@example.com", TestServer::PASSWORD).await;
    for _ in 0..15 {
        server.advance(SignedDuration::from_hours(11));
        let other = offered(&settings(&server, &session).await).remove(0);
        let answer = server.submit(&session, "/switch", &[("user", &other)]).await;
        session = resumed(&server, &answer).await;
    }
    server.advance(SignedDuration::from_hours(3));
    assert!(!is_live(&server, &session).await, "7 days after signing in");
}
