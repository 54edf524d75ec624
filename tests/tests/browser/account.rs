//! One's own account, an invitation, a forgotten password and going over to another organization, in a real browser.
#![expect(clippy::panic, clippy::unwrap_used, reason = "what these tests share fails as tests do")]

use keystead_app::operator::{Answer, Command, Password};
use keystead_app::{Deployment, Mailer, NewPerson};
use keystead_domain::{Assignment, Assignments, Email, RoleId};
use keystead_tests::{Browser, SmtpSink, TestServer, TestUser, button};

const NEW_PASSWORD: &str = "quite another sentence";

/// Makes a user a member of another organization as well, under the same password.
async fn join(server: &TestServer, user: &TestUser, organization: &str) {
    server.organization(organization, "bob@example.com").await;
    let command = Command::UserAdd {
        email: user.email.clone(),
        organization: Some(organization.to_owned()),
        name: None,
        role: "member".to_owned(),
        password: Some(Password::new(TestServer::PASSWORD.to_owned())),
    };
    let Answer::User { .. } = server.operate(command).await else { panic!("not a user") };
}

async fn invite(server: &TestServer, ada: &TestUser) -> String {
    let actor = server.actor(ada).await;
    let person = NewPerson {
        email: Email::parse("mia@example.com").unwrap(),
        name: None,
        assignments: Assignments::from_iter([Assignment::everywhere(RoleId::MEMBER)]),
        groups: Vec::new(),
    };
    let invited = server.app.invite_user(&actor, person, &server.url).await.unwrap();
    format!("/invitation/{}", invited.code.expose())
}

#[tokio::test]
async fn an_invited_person_chooses_a_name_and_a_password_and_is_in() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let link = invite(&server, &ada).await;
    let browser = Browser::open(&server).await;
    browser.goto(&link).await;
    browser.says("h1", "Welcome to My organization").await;
    let email = browser.find("#email").await;
    assert_eq!(email.prop("value").await.unwrap().as_deref(), Some("mia@example.com"));
    assert!(email.prop("readOnly").await.unwrap().as_deref() == Some("true"), "the address is fixed");
    browser.fill("#name", "Mia Pohl").await;
    browser.fill("#password", "short").await;
    browser.click(&button("Accept the invitation")).await;
    browser.says("#password-error", "too short").await;
    browser.fill("#password", NEW_PASSWORD).await;
    browser.click(&button("Accept the invitation")).await;
    browser.arrives_at("/settings/api-keys").await;
    browser.says(".who", "Mia Pohl").await;
    browser.goto(&link).await;
    browser.says("h1", "This link no longer works").await;
    browser.close().await;
}

#[tokio::test]
async fn a_person_changes_name_and_password_and_signs_out_everywhere() {
    let server = TestServer::start().await;
    let mia = server.administrator("mia@example.com").await;
    let other = server.session(&mia).await;
    let browser = Browser::signed_in(&server, &mia).await;
    browser.goto("/settings/account").await;
    browser.fill("#name", "Mia Pohl").await;
    browser.click(&button("Save the name")).await;
    browser.says(".notice", "Your name was changed.").await;
    browser.says(".who", "Mia Pohl").await;

    browser.fill("#current_password", "not the password").await;
    browser.fill("#password", NEW_PASSWORD).await;
    browser.click(&button("Change the password")).await;
    browser.says("#current_password-error", "That is not your current password.").await;
    assert_eq!(server.visit(&other, "/settings").await.status(), 200);
    browser.fill("#current_password", TestServer::PASSWORD).await;
    browser.fill("#password", NEW_PASSWORD).await;
    browser.click(&button("Change the password")).await;
    browser.says(".notice", "signed out everywhere else").await;
    assert_eq!(server.visit(&other, "/settings").await.status(), 303);

    let other = server.session(&mia).await;
    browser.goto("/settings/account").await;
    browser.says(".sessions", "This session").await;
    browser.says(".sessions", "Chrome on Linux").await;
    browser.click(&button("Sign out everywhere")).await;
    browser.arrives_at("/sign-in").await;
    browser.says(".notice", "You are signed out everywhere.").await;
    assert_eq!(server.visit(&other, "/settings").await.status(), 303);
    browser.fill_sign_in(&mia.email, NEW_PASSWORD).await;
    browser.arrives_at("/settings/api-keys").await;
    browser.close().await;
}

#[tokio::test]
async fn a_person_of_two_organizations_goes_over_to_the_other_and_back() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    join(&server, &ada, "Difference Engines").await;
    let browser = Browser::signed_in(&server, &ada).await;
    let (mut here, mut there) = ("My organization", "Difference Engines");
    if browser.text("details.org summary").await.contains(there) {
        (here, there) = (there, here);
    }
    for (from, to) in [(here, there), (there, here)] {
        browser.says("details.org summary", from).await;
        browser.click("details.org summary").await;
        browser.click(&button(&format!("Switch to {to}"))).await;
        browser.says("details.org summary", to).await;
        browser.arrives_at("/settings/api-keys").await;
    }
    browser.close().await;
}

#[tokio::test]
async fn whoever_forgot_their_password_is_sent_a_link_and_signs_in_with_another() {
    let mut sink = SmtpSink::start().await;
    let mailer = Mailer::new(&sink.url(), "Keystead <keystead@example.com>").unwrap();
    let server = TestServer::start_with(Deployment { mailer: Some(mailer), ..Deployment::default() }).await;
    let ada = server.administrator("ada@example.com").await;
    let browser = Browser::open(&server).await;
    browser.goto("/sign-in").await;
    browser.click("a[href='/forgot-password']").await;
    browser.fill("#email", &ada.email).await;
    browser.click(&button("Send me a link")).await;
    browser.says(".lede", "a mail is on its way").await;
    let mail = sink.next_message().await;
    browser.goto(mail.link().strip_prefix(&server.url).unwrap()).await;
    browser.fill("#password", NEW_PASSWORD).await;
    browser.click(&button("Set the password")).await;
    browser.arrives_at("/sign-in").await;
    browser.says(".notice", "Your password is set.").await;
    browser.fill_sign_in(&ada.email, NEW_PASSWORD).await;
    browser.arrives_at("/settings/api-keys").await;
    browser.close().await;
}

#[tokio::test]
async fn the_pages_of_accounts_have_no_accessibility_violation_and_never_scroll_sideways() {
    let sink = SmtpSink::start().await;
    let mailer = Mailer::new(&sink.url(), "Keystead <keystead@example.com>").unwrap();
    let server = TestServer::start_with(Deployment { mailer: Some(mailer), ..Deployment::default() }).await;
    let ada = server.administrator("ada@example.com").await;
    let invitation = invite(&server, &ada).await;
    let mia = server.member("joan@example.com").await;
    let actor = server.actor(&ada).await;
    let reset = server.app.create_password_link(&actor, mia.id.parse().unwrap(), &server.url).await.unwrap();
    let reset = format!("/reset-password/{}", reset.code.expose());
    let browser = Browser::open(&server).await.with_axe().await;
    let mut wrong = Vec::new();
    let unrequired = "for (const field of document.querySelectorAll('input')) field.required = false";

    browser.goto(&invitation).await;
    browser.look("invitation", &mut wrong).await;
    browser.eval(unrequired).await;
    browser.fill("#name", "").await;
    browser.click(&button("Accept the invitation")).await;
    browser.find("#errors").await;
    browser.look("invitation-error", &mut wrong).await;
    browser.goto("/forgot-password").await;
    browser.look("forgot", &mut wrong).await;
    browser.fill("#email", "nobody@example.com").await;
    browser.click(&button("Send me a link")).await;
    browser.says(".lede", "a mail is on its way").await;
    browser.look("forgot-sent", &mut wrong).await;
    browser.goto(&reset).await;
    browser.look("reset", &mut wrong).await;
    browser.fill("#password", "short").await;
    browser.click(&button("Set the password")).await;
    browser.find("#password-error").await;
    browser.look("reset-error", &mut wrong).await;
    browser.goto("/sign-in?done=password").await;
    browser.look("sign-in-notice", &mut wrong).await;

    join(&server, &ada, "Difference Engines and their makers of Clerkenwell").await;
    browser.sign_in(&ada).await;
    browser.goto("/settings/account").await;
    browser.look("account", &mut wrong).await;
    browser.click("details.org summary").await;
    browser.look("account-switch", &mut wrong).await;
    browser.click("details.org summary").await;
    browser.eval(unrequired).await;
    browser.click(&button("Change the password")).await;
    browser.find("#errors").await;
    browser.look("account-error", &mut wrong).await;
    assert!(wrong.is_empty(), "{wrong:#?}");
    browser.close().await;
}

#[tokio::test]
async fn accounts_work_without_script() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    join(&server, &ada, "Difference Engines").await;
    let browser = Browser::open_without_script(&server).await;
    browser.goto("/sign-in").await;
    browser.fill_sign_in(&ada.email, TestServer::PASSWORD).await;
    let before = browser.text("details.org summary").await;
    browser.click("details.org summary").await;
    browser.click("details.org button").await;
    assert_ne!(browser.text("details.org summary").await, before);
    browser.goto("/settings/account").await;
    browser.fill("#current_password", TestServer::PASSWORD).await;
    browser.fill("#password", NEW_PASSWORD).await;
    browser.click(&button("Change the password")).await;
    browser.says(".notice", "Your password was changed").await;
    browser.click(&button("Sign out everywhere")).await;
    browser.says(".notice", "You are signed out everywhere.").await;
    browser.close().await;
}
