//! How people come in and stay in: invitations, passwords, resets, their sessions, and switching between organizations.

use jiff::SignedDuration;
use keystead_app::operator::{Answer, Command, Password};
use keystead_app::{Deployment, Invited, Mailer, NewPerson, RequestOrigin};
use keystead_domain::{Actor, Assignment, Assignments, Email, Error, Permission, RoleId};
use keystead_tests::{Browserless, Form, Session, SmtpSink, TestServer, TestUser, cookies};
use reqwest::Response;

const NEW_PASSWORD: &str = "quite another sentence";
const MINUTE: SignedDuration = SignedDuration::from_mins(1);

async fn organization(server: &TestServer, name: &str, administrator: &str) {
    let (name, administrator) = (name.to_owned(), administrator.to_owned());
    server.operate(Command::OrganizationCreate { name, administrator }).await;
}

/// A member of an organization, with a password.
async fn join(server: &TestServer, organization: &str, email: &str, password: &str) -> TestUser {
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
async fn three_organizations() -> TestServer {
    let server = TestServer::start().await;
    server.administrator("ada@example.com").await;
    organization(&server, "Second", "bob@example.com").await;
    organization(&server, "Third", "cyd@example.com").await;
    server
}

async fn actor(server: &TestServer, organization: &str, email: &str) -> Actor {
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
async fn visitors_form(server: &TestServer, fields: &[(&str, &str)]) -> (String, Vec<(String, String)>) {
    let page = server.get("/sign-in").send().await.unwrap();
    let visitor = cookies(&page).remove(0);
    let csrf = Form::find(&page.text().await.unwrap(), "/sign-in").fields["csrf"].clone();
    let mut form = vec![("csrf".to_owned(), csrf)];
    form.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    (visitor, form)
}

async fn submit(server: &TestServer, path: &str, fields: &[(&str, &str)]) -> Response {
    let (visitor, form) = visitors_form(server, fields).await;
    server.post(path).header("cookie", visitor).form(&form).send().await.unwrap()
}

async fn accept(server: &TestServer, code: &str, email: &str) -> u16 {
    let fields = [("email", email), ("name", "Mia"), ("password", NEW_PASSWORD)];
    submit(server, &format!("/invitation/{code}"), &fields).await.status().as_u16()
}

async fn status(server: &TestServer, path: &str) -> u16 {
    server.get(path).send().await.unwrap().status().as_u16()
}

/// A session, by password.
async fn signed_in(server: &TestServer, email: &str, password: &str) -> Session {
    let answer = submit(server, "/sign-in", &[("email", email), ("password", password)]).await;
    assert_eq!(answer.status(), 303, "{email}");
    resumed(server, &answer).await
}

/// The session whose cookie an answer sets.
async fn resumed(server: &TestServer, answer: &Response) -> Session {
    let cookie = cookies(answer).remove(0);
    let page = server.get("/settings/account").header("cookie", &cookie).send().await.unwrap();
    let csrf = Form::find(&page.text().await.unwrap(), "/sign-out").fields["csrf"].clone();
    Session { cookie, csrf }
}

async fn is_live(server: &TestServer, session: &Session) -> bool {
    server.visit(session, "/settings").await.status() == 200
}

/// The page that says in which organization one is.
async fn settings(server: &TestServer, session: &Session) -> String {
    server.visit(session, "/settings").await.text().await.unwrap()
}

fn is_in(page: &str, organization: &str) -> bool {
    page.contains(&format!("For {organization}."))
}

/// The ids of the users that a page offers to switch to.
fn offered(page: &str) -> Vec<String> {
    let forms = page.split("action=\"/switch\"").skip(1);
    forms
        .map(|form| Form::find(&format!("<form action=\"/switch\"{form}"), "/switch").fields["user"].clone())
        .collect()
}

fn events(rows: &[String], action: &str) -> usize {
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
    assert_eq!(offered(&page), [second.id.clone()]);
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
    assert_eq!(offered(&settings(&server, &session).await), [second.id.clone()]);
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

#[tokio::test]
async fn changing_a_password_needs_the_current_one_and_guessing_it_is_slowed_down() {
    let server = TestServer::start().await;
    server.administrator("ada@example.com").await;
    let session = signed_in(&server, "ada@example.com", TestServer::PASSWORD).await;
    let change = async |current: &str, new: &str| {
        let fields = [("current_password", current), ("password", new)];
        server.submit(&session, "/settings/account/password", &fields).await.status().as_u16()
    };
    let before = server.snapshot().await;
    assert_eq!(change(TestServer::PASSWORD, "short").await, 422);
    assert_eq!(
        server.submit(&session, "/settings/account/password", &[("password", NEW_PASSWORD)]).await.status(),
        422
    );
    for _ in 0..4 {
        assert_eq!(change("not the password", NEW_PASSWORD).await, 422);
    }
    assert_eq!(change(TestServer::PASSWORD, NEW_PASSWORD).await, 429, "the right one has to wait, too");
    assert_eq!(server.snapshot().await, before);
    server.advance(SignedDuration::from_secs(1));
    assert_eq!(change(TestServer::PASSWORD, NEW_PASSWORD).await, 303);
}

/// Session fixation, and whoever else is in: a new password leaves nobody in but the one who set it.
#[tokio::test]
async fn a_new_password_ends_every_other_session_and_link_and_makes_a_new_cookie() {
    let server = three_organizations().await;
    let ada = server.member("mia@example.com").await;
    join(&server, "Second", "mia@example.com", TestServer::PASSWORD).await;
    let session = signed_in(&server, &ada.email, TestServer::PASSWORD).await;
    let elsewhere = signed_in(&server, &ada.email, TestServer::PASSWORD).await;
    let page = settings(&server, &elsewhere).await;
    let other = offered(&page).remove(0);
    let answer = server.submit(&elsewhere, "/switch", &[("user", &other)]).await;
    let elsewhere = resumed(&server, &answer).await;
    let organization = if is_in(&page, "Second") { "Second" } else { "My organization" };
    let command =
        Command::UserSignInLink { email: ada.email.clone(), organization: Some(organization.to_owned()) };
    let Answer::SignInLink { code } = server.operate(command).await else { panic!("not a link") };
    let same = signed_in(&server, &ada.email, TestServer::PASSWORD).await;
    for session in [&session, &same] {
        assert!(is_in(&settings(&server, session).await, organization));
    }
    let fields = [("current_password", TestServer::PASSWORD), ("password", NEW_PASSWORD)];
    let answer = server.submit(&session, "/settings/account/password", &fields).await;
    assert_eq!(answer.headers()["location"], "/settings/account?done=password");
    let kept = resumed(&server, &answer).await;
    assert_ne!(kept.cookie, session.cookie);
    assert!(is_live(&server, &kept).await);
    assert!(!is_live(&server, &session).await && !is_live(&server, &same).await);
    assert_eq!(status(&server, &format!("/sign-in/link/{code}")).await, 404, "links from before are dead");
    assert!(is_live(&server, &elsewhere).await, "another organization's session is not this one's to end");
    assert!(offered(&settings(&server, &elsewhere).await).is_empty(), "but it does not lead here any more");
    assert_eq!(events(server.snapshot().await.rows("audit_events"), "password.changed"), 1);
}

#[tokio::test]
async fn people_end_their_own_sessions_one_or_all_and_nobody_elses() {
    let server = TestServer::start().await;
    server.administrator("ada@example.com").await;
    server.member("mia@example.com").await;
    let one = signed_in(&server, "mia@example.com", TestServer::PASSWORD).await;
    let two = signed_in(&server, "mia@example.com", TestServer::PASSWORD).await;
    let adas = signed_in(&server, "ada@example.com", TestServer::PASSWORD).await;
    let page = server.visit(&one, "/settings/account").await.text().await.unwrap();
    let listed: Vec<_> =
        page.split("name=\"session\" value=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(listed.len(), 3, "both, and all of them: {listed:?}");
    assert_eq!(page.matches("This session").count(), 1);

    let before = server.snapshot().await;
    let of_ada = server.visit(&adas, "/settings/account").await.text().await.unwrap();
    let (_, rest) = of_ada.split_once("name=\"session\" value=\"").unwrap();
    for foreign in [rest.split('"').next().unwrap(), "x", "", "ALL"] {
        let answer = server.submit(&one, "/settings/account/sessions", &[("session", foreign)]).await;
        assert_eq!(answer.status(), 404, "{foreign}");
    }
    assert_eq!(server.snapshot().await, before);
    for session in &listed[..2] {
        server.submit(&adas, "/settings/account/sessions", &[("session", session)]).await;
    }
    assert!(is_live(&server, &one).await && is_live(&server, &two).await);

    let end = async |session: &Session, id: &str| {
        let answer = server.submit(session, "/settings/account/sessions", &[("session", id)]).await;
        assert_eq!(answer.status(), 303);
    };
    end(&one, listed[0]).await;
    end(&one, listed[1]).await;
    assert!(!is_live(&server, &one).await && !is_live(&server, &two).await);
    let one = signed_in(&server, "mia@example.com", TestServer::PASSWORD).await;
    let two = signed_in(&server, "mia@example.com", TestServer::PASSWORD).await;
    end(&one, "all").await;
    assert!(!is_live(&server, &one).await && !is_live(&server, &two).await);
    assert!(is_live(&server, &adas).await);
}

#[tokio::test]
async fn what_a_browser_says_of_itself_is_bounded_and_not_obeyed() {
    let server = TestServer::start().await;
    server.administrator("ada@example.com").await;
    let (visitor, form) =
        visitors_form(&server, &[("email", "ada@example.com"), ("password", TestServer::PASSWORD)]).await;
    let agent = format!("Firefox/145 <script>alert(1)</script> Linux {}", "x".repeat(5_000));
    let request = server.post("/sign-in").header("cookie", visitor).header("user-agent", agent).form(&form);
    let session = resumed(&server, &request.send().await.unwrap()).await;
    let page = server.visit(&session, "/settings/account").await.text().await.unwrap();
    assert!(
        page.contains("Firefox on Linux") && page.contains("127.0.0.1") && !page.contains("<script>alert")
    );
    let rows = server.snapshot().await.rows("sessions").concat();
    assert!(rows.contains("Firefox/145") && rows.len() < 1_000, "{rows}");
}

/// The answer, and all that could be told from its time, is the same whether anybody has the address or not.
#[tokio::test]
async fn asking_for_a_reset_does_not_tell_who_has_an_account_and_floods_nobody() {
    let mut sink = SmtpSink::start().await;
    let mailer = Mailer::new(&sink.url(), "Keystead <keystead@example.com>").unwrap();
    let server = TestServer::start_with(Deployment { mailer: Some(mailer), ..Deployment::default() }).await;
    server.administrator("ada@example.com").await;
    organization(&server, "Second", "bob@example.com").await;
    join(&server, "Second", "ada@example.com", TestServer::PASSWORD).await;
    let gone = server.member("gone@example.com").await;
    server.deactivate(&gone).await;
    let mut answers = Vec::new();
    for email in ["nobody@example.com", "gone@example.com", "ada@example.com"] {
        let before = server.passwords_computed();
        let answer = submit(&server, "/forgot-password", &[("email", email)]).await;
        let location = answer.headers()["location"].to_str().unwrap().to_owned();
        answers.push((answer.status(), location, server.passwords_computed() - before));
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");

    // One mail for each organization, to the one who may act.
    let mails = [sink.next_message().await, sink.next_message().await];
    let mut subjects: Vec<_> = mails.iter().map(|mail| mail.header("subject").to_owned()).collect();
    subjects.sort_unstable();
    assert_eq!(subjects, ["Choose a new password for My organization", "Choose a new password for Second"]);
    assert!(mails.iter().all(|mail| mail.envelope_to == ["ada@example.com"]));

    for _ in 0..2 {
        for email in ["nobody@example.com", "ada@example.com"] {
            assert_eq!(submit(&server, "/forgot-password", &[("email", email)]).await.status(), 303);
        }
    }
    for email in ["nobody@example.com", "ada@example.com", "ADA@example.com"] {
        let answer = submit(&server, "/forgot-password", &[("email", email)]).await;
        assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].to_str().unwrap()), (429, "1"));
    }
    signed_in(&server, "ada@example.com", TestServer::PASSWORD).await;

    // The link sets a password, once; every session ends, and a mail says so.
    let session = signed_in(&server, "ada@example.com", TestServer::PASSWORD).await;
    for _ in 0..4 {
        sink.next_message().await;
    }
    let here = if is_in(&settings(&server, &session).await, "Second") { "Second" } else { "My organization" };
    server.advance(MINUTE);
    submit(&server, "/forgot-password", &[("email", "ada@example.com")]).await;
    let mails = [sink.next_message().await, sink.next_message().await];
    let mail = mails.iter().find(|mail| mail.header("subject").ends_with(here)).unwrap();
    let path = mail.link().strip_prefix(&server.url).unwrap();
    assert_eq!(status(&server, path).await, 200);
    assert!(is_live(&server, &session).await, "looking at the link does nothing");
    assert_eq!(submit(&server, path, &[("password", "short")]).await.status(), 422);
    let r = || async { submit(&server, path, &[("password", NEW_PASSWORD)]).await.status().as_u16() };
    let mut answers: [u16; 4] = tokio::join!(r(), r(), r(), r()).into();
    answers.sort_unstable();
    assert_eq!(answers, [303, 404, 404, 404]);
    assert!(!is_live(&server, &session).await);
    assert_eq!(sink.next_message().await.header("subject"), format!("Your password for {here} was changed"));
    assert!(is_in(
        &settings(&server, &signed_in(&server, "ada@example.com", NEW_PASSWORD).await).await,
        here
    ));
}

#[tokio::test]
async fn without_a_mail_server_the_page_says_whom_to_ask() {
    let server = TestServer::start().await;
    server.administrator("ada@example.com").await;
    let page = server.get("/forgot-password").send().await.unwrap().text().await.unwrap();
    assert!(page.contains("Ask an administrator") && !page.contains("<form"));
    assert_eq!(submit(&server, "/forgot-password", &[("email", "ada@example.com")]).await.status(), 409);
}

#[tokio::test]
async fn a_password_link_is_made_for_nobody_who_may_do_more_and_works_for_an_hour() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let mia = server.member("mia@example.com").await;
    let bob = server.administrator("bob@example.com").await;
    organization(&server, "Second", "cyd@example.com").await;
    let outsider = join(&server, "Second", "eve@example.com", TestServer::PASSWORD).await;
    let actor_of = async |user: &TestUser| actor(&server, "My organization", &user.email).await;
    let (admin, member) = (actor_of(&ada).await, actor_of(&mia).await);
    let link = async |actor: &Actor, user: &TestUser| {
        server.app.create_password_link(actor, user.id.parse().unwrap(), &server.url).await
    };
    let before = server.snapshot().await;
    for user in [&ada, &bob, &mia, &outsider] {
        assert!(matches!(link(&member, user).await, Err(Error::Forbidden(_))), "{}", user.email);
    }
    assert!(matches!(link(&admin, &outsider).await, Err(Error::NotFound(_))), "another organization's");
    assert!(
        matches!(link(&admin, &ada).await, Err(Error::Conflict(_))),
        "one's own needs the current password"
    );
    assert_eq!(server.snapshot().await, before);

    let manager = manager(&server, &admin, &bob).await;
    assert!(matches!(link(&manager, &ada).await, Err(Error::Forbidden(_))), "who may do more");
    let first = link(&manager, &mia).await.unwrap();
    let made = link(&admin, &mia).await.unwrap();
    let path = |code: &str| format!("/reset-password/{code}");
    assert_eq!(status(&server, &path(first.code.expose())).await, 404, "the next link ends the one before");
    server.advance(SignedDuration::from_mins(59));
    assert_eq!(status(&server, &path(made.code.expose())).await, 200);
    server.advance(MINUTE);
    assert_eq!(submit(&server, &path(made.code.expose()), &[("password", NEW_PASSWORD)]).await.status(), 404);
}

/// Somebody who may manage people and nothing else.
async fn manager(server: &TestServer, admin: &Actor, user: &TestUser) -> Actor {
    let input = keystead_app::RoleInput {
        name: keystead_domain::RoleName::parse("Manager").unwrap(),
        description: keystead_domain::Description::parse("").unwrap(),
        permissions: [Permission::IAM_READ, Permission::IAM_WRITE].into(),
    };
    let role = server.app.create_role(admin, input).await.unwrap();
    let roles = [RoleId::MEMBER, role.id.clone()].map(Assignment::everywhere);
    server
        .app
        .set_role_assignments(admin, user.id.parse().unwrap(), &Assignments::from_iter(roles))
        .await
        .unwrap();
    actor(server, "My organization", &user.email).await
}

#[tokio::test]
async fn an_api_key_cannot_change_its_creators_password_or_sessions() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let key = server.key(&ada, "deploy", "30d").await;
    let actor = server.app.actor_of_key(&key.token, &RequestOrigin::default()).unwrap();
    let password = keystead_domain::NewPassword::parse(NEW_PASSWORD, "ada@example.com").unwrap();
    let changed =
        server.app.change_password(&actor, TestServer::PASSWORD, password, RequestOrigin::default());
    assert!(matches!(changed.await, Err(Error::Forbidden(_))));
    assert!(matches!(server.app.sign_out_everywhere(&actor).await, Err(Error::Forbidden(_))));
    let switched = server.app.switch(&actor, ada.id.parse().unwrap(), RequestOrigin::default()).await;
    assert!(matches!(switched, Err(Error::Forbidden(_))));
}
