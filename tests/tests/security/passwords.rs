//! What people do with their password and their sessions, and what others cannot: changing one, resetting one, ending them.

use jiff::SignedDuration;
use keystead_app::operator::{Answer, Command};
use keystead_app::{Deployment, Mailer, RequestOrigin};
use keystead_domain::{Actor, Assignment, Assignments, Error, Permission, RoleId};
use keystead_tests::{Session, SmtpSink, TestServer, TestUser};

use crate::accounts::{
    MINUTE, NEW_PASSWORD, actor, events, is_in, is_live, join, offered, organization, resumed, settings,
    signed_in, status, submit, three_organizations, visitors_form,
};

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
