//! The users of an organization, in a real browser: from the invitation to the last key, with a mouse.
#![expect(clippy::unwrap_used, reason = "what these tests share fails as tests do")]

use jiff::SignedDuration;
use keystead_app::{Deployment, Mailer};
use keystead_tests::{
    Browser, SmtpBehaviour, SmtpSink, TestServer, TestUser, button, deployment_with_roles, row,
};

fn page_of(user: &TestUser, what: &str) -> String {
    format!("/settings/users/{}{what}", user.id)
}

/// Gives a user a role instead of those they had, as an administrator.
async fn assign(server: &TestServer, administrator: &TestUser, user: &TestUser, role: &str) {
    let session = server.session(administrator).await;
    let name = user.email.split('@').next().unwrap();
    let fields = [("email", user.email.as_str()), ("name", name), ("role", role)];
    assert_eq!(server.submit(&session, &page_of(user, "/edit"), &fields).await.status(), 303);
}

#[tokio::test]
async fn somebody_is_invited_comes_in_is_edited_stopped_brought_back_and_removed() {
    let server = TestServer::start_with(deployment_with_roles()).await;
    let ada = server.administrator("ada@example.com").await;
    let browser = Browser::signed_in(&server, &ada).await;
    browser.click(&button("Users")).await;
    browser.arrives_at("/settings/users").await;
    browser.lists(&["ada"]).await;
    browser.click("#create").await;
    browser.says("#dialog-title", "Invite a user").await;
    browser.fill("#email", "ada@EXAMPLE.com").await;
    browser.click(&button("Invite")).await;
    browser.says("#email-error", "There is a user with the address").await;
    browser.fill("#email", "grace@example.com").await;
    browser.fill("#name", "Grace Hopper").await;
    browser.click(&button("Invite")).await;
    browser.says("#dialog-title", "Grace Hopper is invited").await;
    browser.says("#dialog", "7 days, once").await;
    browser.says("#copy-state", "It was not mailed").await;
    let link = browser.find("#link").await.prop("value").await.unwrap().unwrap();
    browser.click(&button("Done")).await;
    browser.says("#leave", "You have not copied the link.").await;
    browser.click(&button("Leave without it")).await;
    browser.gone("#dialog").await;
    browser.lists(&["Grace Hopper", "ada"]).await;
    browser.says(&row("Grace Hopper", ""), "Invited").await;
    assert!(!browser.driver.source().await.unwrap().contains(&link), "the link is nowhere any more");
    browser.driver.refresh().await.unwrap();
    browser.lists(&["Grace Hopper", "ada"]).await;
    assert!(!browser.driver.source().await.unwrap().contains(&link));

    // She comes in by the link, and makes a key.
    let other = Browser::open(&server).await;
    other.goto(link.strip_prefix(&server.url).unwrap()).await;
    other.fill("#password", TestServer::PASSWORD).await;
    other.click(&button("Accept the invitation")).await;
    other.arrives_at("/settings/api-keys").await;
    assert!(!other.shows(&button("Users")).await, "members are not led to a page that refuses them");
    other.close().await;
    let grace = TestUser { id: String::new(), email: "grace@example.com".to_owned() };
    let key = server.key(&grace, "nightly", "30d").await;
    server.verify(&key.token).await;
    server.app.sweep_last_used().await.unwrap();

    // Her roles change, and with them what her key may do.
    browser.click(&button("Grace Hopper")).await;
    browser.says("#title", "Grace Hopper").await;
    let asks = || server.get("/verify?permission=reports:read").bearer_auth(&key.token);
    assert_eq!(asks().send().await.unwrap().status(), 403);
    browser.click("#edit").await;
    browser.says("#dialog-title", "Edit Grace Hopper").await;
    browser.click("#r-analyst").await;
    browser.click(&button("Save changes")).await;
    browser.gone("#dialog").await;
    browser.says("#notice", "The changes were saved.").await;
    browser.says("#person-facts", "reports:read").await;
    assert_eq!(asks().send().await.unwrap().status(), 200, "felt by her key at once");
    browser.says(&row("nightly", ""), "just now").await;

    // Deactivated, her key stops; reactivated, it works.
    browser.click("#deactivate").await;
    browser.says("#dialog", "1 key stops working at once.").await;
    browser.says("#dialog .chosen", "nightly").await;
    browser.click(&button("Deactivate")).await;
    browser.gone("#dialog").await;
    browser.says("#person-facts", "Deactivated").await;
    assert_eq!(server.verify(&key.token).await.status(), 401);
    browser.click("#reactivate").await;
    browser.says("#dialog", "1 key works again.").await;
    browser.click(&button("Reactivate")).await;
    browser.gone("#dialog").await;
    assert_eq!(server.verify(&key.token).await.status(), 200);

    // Her keys are revoked, and she is removed; each asks for her address.
    browser.click("#revoke-keys").await;
    browser.fill("#confirm", "grace").await;
    browser.click(&button("Revoke all keys")).await;
    browser.says("#confirm-error", "That is not their e-mail address.").await;
    assert_eq!(server.verify(&key.token).await.status(), 200);
    browser.fill("#confirm", "grace@example.com").await;
    browser.click(&button("Revoke all keys")).await;
    browser.gone("#dialog").await;
    browser.says("#person-keys", "They have no key.").await;
    assert_eq!(server.verify(&key.token).await.status(), 401);
    browser.click("#delete").await;
    browser.says("#dialog", "They have no key that works.").await;
    browser.fill("#confirm", "GRACE@example.com").await;
    browser.click(&button("Delete")).await;
    browser.arrives_at("/settings/users").await;
    browser.lists(&["ada"]).await;
    browser.says("#notice", "The user was deleted").await;
    let complaints = browser.complaints().await;
    assert!(complaints.iter().all(|line| line.contains("status of 4")), "{complaints:?}");
    browser.close().await;
}

#[tokio::test]
async fn a_change_that_would_leave_no_administrator_is_refused_in_place_and_written_not_even_in_part() {
    let server = TestServer::start_with(deployment_with_roles()).await;
    let ada = server.administrator("ada@example.com").await;
    let browser = Browser::signed_in(&server, &ada).await;
    browser.goto(&page_of(&ada, "/edit")).await;
    browser.fill("#name", "Somebody else").await;
    browser.click("#r-administrator").await;
    browser.click("#r-member").await;
    browser.click(&button("Save changes")).await;
    browser.says("#errors", "An organization keeps at least one active administrator.").await;
    assert_eq!(browser.find("#name").await.prop("value").await.unwrap().as_deref(), Some("Somebody else"));
    browser.click(&button("Cancel")).await;
    browser.gone("#dialog").await;
    browser.says("#title", "ada").await;
    browser.says("#person-facts", "Administrator").await;
    for (action, words) in [("#deactivate", "Deactivate"), ("#delete", "Delete")] {
        browser.click(action).await;
        browser.find("#dialog").await;
        if browser.shows("#confirm").await {
            browser.fill("#confirm", &ada.email).await;
        }
        browser.click(&button(words)).await;
        browser.says("#dialog .problem, #confirm-error", "at least one active administrator").await;
        browser.click(&button("Cancel")).await;
        browser.gone("#dialog").await;
    }
    browser.close().await;
}

#[tokio::test]
async fn who_may_only_see_is_told_why_they_cannot_change_and_nobody_grants_what_they_do_not_hold() {
    let server = TestServer::start_with(deployment_with_roles()).await;
    let ada = server.administrator("ada@example.com").await;
    let rea = server.member("rea@example.com").await;
    let hal = server.member("hal@example.com").await;
    assign(&server, &ada, &rea, "reader").await;
    assign(&server, &ada, &hal, "helper").await;
    let browser = Browser::signed_in(&server, &rea).await;
    browser.goto("/settings/users").await;
    browser.lists(&["hal", "rea", "ada"]).await;
    assert!(!browser.shows("#create").await);
    browser.says(".head .refused", "iam:write").await;
    browser.goto(&page_of(&ada, "")).await;
    browser.says("#person-keys", "keys:read_all").await;
    assert!(!browser.shows("#edit").await && !browser.shows("#person-actions a").await);
    browser.says("#person-actions", "Ask an administrator.").await;
    browser.goto(&page_of(&ada, "/edit")).await;
    browser.says(".status-code", "403").await;

    browser.sign_in(&hal).await;
    browser.goto("/settings/users/invite").await;
    browser.says("#r-administrator-about", "You cannot grant").await;
    assert!(!browser.find("#r-administrator").await.is_enabled().await.unwrap());
    assert!(browser.find("#r-helper").await.is_enabled().await.unwrap());
    browser.goto(&page_of(&ada, "")).await;
    browser.says(".head .refused", "may do more than you").await;

    // Whatever the page offers: what is sent is decided anew.
    let session = server.session(&hal).await;
    let fields = [("email", "eve@example.com"), ("role", "administrator")];
    let answer = server.submit(&session, "/settings/users/invite", &fields).await;
    assert_eq!(answer.status(), 403);
    assert!(answer.text().await.unwrap().contains("You cannot grant"));
    for what in ["/edit", "/deactivate", "/delete", "/reset-password"] {
        let fields = [("email", "x@example.com"), ("name", "x"), ("confirm", ada.email.as_str())];
        assert_eq!(server.submit(&session, &page_of(&ada, what), &fields).await.status(), 403, "{what}");
    }
    browser.close().await;
}

#[tokio::test]
async fn many_users_come_in_pages_and_search_and_status_narrow_them() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let mut last = ada.clone();
    for number in 0..60 {
        last = server.member(&format!("person{number:02}@example.com")).await;
    }
    server.deactivate(&last).await;
    let browser = Browser::signed_in(&server, &ada).await;
    browser.goto("/settings/users").await;
    browser.says("#count", "61 users, 50 on this page").await;
    browser.click(&button("Next page")).await;
    browser.says("#count", "61 users, 11 on this page").await;
    assert_eq!(browser.names().await.last().map(String::as_str), Some("ada"));
    browser.fill("#q", "PERSON0").await;
    browser.says("#count", "10 of 61 users match").await;
    browser.click("//select[@id='status']/option[@value='deactivated']").await;
    browser.says("#none-title", "Nobody matches").await;
    browser.click(&button("Clear the filter")).await;
    browser.says("#count", "61 users").await;
    browser.click("//select[@id='status']/option[@value='deactivated']").await;
    browser.lists(&["person59"]).await;
    assert_eq!(browser.path().await, "/settings/users?status=deactivated");
    browser.close().await;
}

#[tokio::test]
async fn several_keys_are_chosen_counted_and_revoked_all_or_none() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let grace = server.member("grace@example.com").await;
    let mut keys = Vec::new();
    for (user, name) in [(&ada, "of ada"), (&grace, "first"), (&grace, "second"), (&grace, "third")] {
        keys.push(server.key(user, name, "30d").await);
        server.advance(SignedDuration::from_secs(1));
    }
    server.verify(&keys[3].token).await;
    server.app.sweep_last_used().await.unwrap();
    let browser = Browser::signed_in(&server, &ada).await;
    assert!(!browser.shows("#bulk").await, "for one key there is nothing to choose");
    browser.click("#view-all").await;
    browser.lists(&["third", "second", "first", "of ada"]).await;
    browser.click("#revoke-selected").await;
    browser.says("#notice", "Choose the keys first").await;

    browser.goto("/settings/api-keys?view=all").await;
    browser.click("#select-all").await;
    browser.says("#revoke-selected", "Revoke selected (4)").await;
    browser.click(&row("of ada", "//input")).await;
    browser.says("#revoke-selected", "Revoke selected (3)").await;
    assert_eq!(browser.eval("return document.querySelector('#select-all').indeterminate").await, true);
    browser.click("#revoke-selected").await;
    browser.says("#dialog-title", "Revoke 3 keys?").await;
    browser.says("#dialog .chosen", "Created by grace").await;
    browser.says("#dialog .in-use", "just now").await;
    browser.click(&button("Cancel")).await;
    browser.gone("#dialog").await;
    browser.says("#revoke-selected", "Revoke selected (3)").await;
    browser.holds("document.activeElement.id === 'revoke-selected'").await;
    assert_eq!(browser.path().await, "/settings/api-keys?view=all");

    browser.click("#revoke-selected").await;
    browser.fill("#confirm", "4").await;
    browser.click(&button("Revoke 3 keys")).await;
    browser.says("#confirm-error", "Type 3, the number of keys").await;
    for key in &keys {
        assert_eq!(server.verify(&key.token).await.status(), 200);
    }
    // One of them goes meanwhile: then none of the others does, and the person is asked again.
    server.revoke(&keys[1]).await;
    browser.fill("#confirm", "3").await;
    browser.click(&button("Revoke 3 keys")).await;
    browser.says("#confirm-error", "Nothing was revoked").await;
    browser.says("#dialog-title", "Revoke 2 keys?").await;
    browser.says("#dialog", "One of the keys that you chose is gone already.").await;
    assert_eq!(server.verify(&keys[2].token).await.status(), 200, "all or none");

    browser.goto("/settings/api-keys?view=all").await;
    for name in ["second", "third"] {
        browser.click(&row(name, "//input")).await;
    }
    browser.click("#revoke-selected").await;
    browser.fill("#confirm", "2").await;
    browser.click(&button("Revoke 2 keys")).await;
    browser.gone("#dialog").await;
    browser.lists(&["of ada"]).await;
    browser.says("#notice", "The keys were revoked.").await;
    for (key, status) in keys.iter().zip([200, 401, 401, 401]) {
        assert_eq!(server.verify(&key.token).await.status(), status);
    }
    browser.close().await;
}

#[tokio::test]
async fn a_list_of_users_is_taken_along_whole_without_formulas_and_leaves_a_trace() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let session = server.session(&ada).await;
    for number in 0..120 {
        let email = format!("person{number}@example.com");
        let fields =
            [("email", email.as_str()), ("name", "=HYPERLINK(\"http://x\",\"y\")"), ("role", "member")];
        assert_eq!(server.submit(&session, "/settings/users/invite", &fields).await.status(), 200);
    }
    let answer = server.submit(&session, "/settings/users/export.csv", &[]).await;
    assert_eq!(answer.headers()["content-type"], "text/csv; charset=utf-8");
    assert_eq!(answer.headers()["content-disposition"], "attachment; filename=\"users-2026-11-23.csv\"");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let text = answer.text().await.unwrap();
    assert!(text.starts_with("name,e-mail,status,roles,groups,last seen,added,id\r\n"));
    assert_eq!(text.matches("\r\n").count(), 122, "everybody, on however many pages");
    assert_eq!(text.matches("\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\",person").count(), 120);
    let some =
        server.submit(&session, "/settings/users/export.csv?q=person11", &[]).await.text().await.unwrap();
    assert_eq!(some.matches("\r\n").count(), 12, "person11 and person110 to person119");
    let log = server.visit(&session, "/settings/audit-log").await.text().await.unwrap();
    assert_eq!(log.matches("Exported the list of users").count().min(2), 2, "{log}");
}

#[tokio::test]
async fn whoever_invites_is_told_whether_the_link_was_also_mailed() {
    for (behaviour, words) in [
        (SmtpBehaviour::Accept, "Also sent to grace@example.com."),
        (SmtpBehaviour::Refuse, "It could not be mailed"),
    ] {
        let mut sink = SmtpSink::start_with(behaviour).await;
        let mailer = Mailer::new(&sink.url(), "Keystead <keystead@example.com>").unwrap();
        let server =
            TestServer::start_with(Deployment { mailer: Some(mailer), ..deployment_with_roles() }).await;
        let ada = server.administrator("ada@example.com").await;
        let session = server.session(&ada).await;
        let fields = [("email", "grace@example.com"), ("role", "member")];
        let page = server.submit(&session, "/settings/users/invite", &fields).await.text().await.unwrap();
        assert!(page.contains(words), "{page}");
        if behaviour == SmtpBehaviour::Accept {
            let mail = sink.next_message().await;
            assert_eq!(mail.envelope_to, ["grace@example.com"]);
            assert!(page.contains(mail.link()), "the same link");
            assert!(!page.contains("id=\"leave\""), "leaving it costs nothing");
        }
    }
}

#[tokio::test]
async fn what_people_are_called_is_text_on_every_page_of_users() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let session = server.session(&ada).await;
    let name = "\"><script>alert(1)</script></textarea>";
    let fields = [("email", "mal@example.com"), ("name", name), ("role", "member")];
    let page = server.submit(&session, "/settings/users/invite", &fields).await.text().await.unwrap();
    assert!(page.contains("is invited") && !page.contains(name));
    let list = server.visit(&session, "/settings/users").await.text().await.unwrap();
    assert!(list.contains("alert(1)") && !list.contains(name));
    let (_, id) = list.split_once("href=\"/settings/users/0").unwrap();
    let path = format!("/settings/users/0{}", id.split('"').next().unwrap());
    for what in [
        "",
        "/edit",
        "/deactivate",
        "/reactivate",
        "/delete",
        "/revoke-keys",
        "/invite-again",
        "/reset-password",
    ] {
        let page = server.visit(&session, &format!("{path}{what}")).await.text().await.unwrap();
        assert!(page.contains("alert(1)") && !page.contains(name), "{what}");
    }
    for query in ["q", "status", "after", "done", "fresh"] {
        let request = server.get("/settings/users").query(&[(query, name)]).header("cookie", &session.cookie);
        assert!(!request.send().await.unwrap().text().await.unwrap().contains(name), "{query}");
    }
}
