//! Roles, groups, the policy for keys and organizations, in a real browser: what is changed there is felt by keys
//! at once.
#![expect(clippy::unwrap_used, reason = "what these tests share fails as tests do")]

use keystead_app::operator::{Answer, Command};
use keystead_tests::{Browser, Browserless, TestKey, TestServer, TestUser, button};
use serde_json::json;
use thirtyfour::Key;

async fn set_roles(server: &TestServer, user: &TestUser, roles: &[&str]) {
    let roles = roles.iter().map(|&role| role.to_owned()).collect();
    server.operate(Command::UserSetRoles { email: user.email.clone(), organization: None, roles }).await;
}

/// The `X-Keystead-Permissions` of a key.
async fn permissions(server: &TestServer, key: &TestKey) -> String {
    let answer = server.verify(&key.token).await;
    assert_eq!(answer.status(), 200);
    answer.headers()["x-keystead-permissions"].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_edited_role_is_felt_by_the_next_verification_and_a_deleted_one_is_lost() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let mia = server.member("mia@example.com").await;
    let key = server.key(&mia, "reports", "30d").await;
    let browser = Browser::signed_in(&server, &ada).await;

    browser.goto("/settings/roles").await;
    browser.click("#create").await;
    browser.fill("#name", "Member").await;
    browser.click(&button("Create")).await;
    browser.says("#errors", "There is a role named Member already.").await;
    browser.fill("#name", "Analyst").await;
    browser.fill("#permissions", "reports:read").await;
    browser.press(Key::Enter).await;
    browser.fill("#permissions", "Reports *").await;
    browser.click(&button("Create")).await;
    browser.says("#permissions-error", "a-z 0-9").await;
    for _ in 0..2 {
        browser.click(".chip.wrong button").await;
    }
    browser.click(&button("Create")).await;
    browser.gone("#dialog").await;
    browser.says("#notice", "The role was created.").await;
    set_roles(&server, &mia, &["member", "Analyst"]).await;
    assert_eq!(permissions(&server, &key).await, "reports:read");

    browser.click("[aria-label='Actions for Analyst']").await;
    browser.click(&button("Edit role")).await;
    browser.click("//label[normalize-space()='Read the audit log']").await;
    browser.fill("#permissions", "reports:write").await;
    browser.press(Key::Enter).await;
    browser.click(&button("Save changes")).await;
    browser.says("#notice", "The changes were saved.").await;
    assert_eq!(permissions(&server, &key).await, "audit:read,reports:read,reports:write");

    browser.click("[aria-label='Actions for Analyst']").await;
    browser.click(&button("Delete role")).await;
    browser.fill("#confirm_name", "analyst").await;
    browser.click(&button("Delete")).await;
    browser.says("#confirm_name-error", "That is not the name.").await;
    assert_eq!(permissions(&server, &key).await, "audit:read,reports:read,reports:write");
    browser.fill("#confirm_name", "Analyst").await;
    browser.click(&button("Delete")).await;
    browser.says("#notice", "The role was deleted.").await;
    assert_eq!(permissions(&server, &key).await, "");

    browser.click("[aria-label='Actions for Administrator']").await;
    browser.says(".menu[open]", "This role is built in and never changes.").await;
    browser.close().await;
}

#[tokio::test]
async fn members_of_a_group_inherit_its_roles_for_as_long_as_they_belong_to_it() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let mia = server.member("mia@example.com").await;
    let key = server.key(&mia, "ci", "30d").await;
    let session = server.session(&ada).await;
    let role = [("name", "Auditor"), ("permissions", "audit:read"), ("permissions", "reports:read")];
    assert_eq!(server.submit(&session, "/settings/roles/new", &role).await.status(), 303);
    let browser = Browser::signed_in(&server, &ada).await;

    browser.goto("/settings/groups").await;
    browser.says("#none-title", "No groups yet").await;
    browser.click("#create").await;
    browser.fill("#name", "Reviewers").await;
    browser.click("//label[normalize-space()='Auditor']").await;
    browser.click(&button("Create")).await;
    browser.says("#title", "Reviewers").await;
    browser.says("#notice", "The group was created.").await;

    browser.fill("#email", "nobody@example.com").await;
    browser.click(&button("Add member")).await;
    browser.says("#email-error", "Nobody here has the address nobody@example.com.").await;
    browser.fill("#email", "MIA@example.com").await;
    browser.click(&button("Add member")).await;
    browser.says("#count", "1 member").await;
    assert_eq!(permissions(&server, &key).await, "audit:read,reports:read");

    // Limited to resources, it holds there alone.
    browser.click(&button("Edit group")).await;
    browser.fill(".limit input", "sales warehouse").await;
    browser.click(&button("Save changes")).await;
    browser.says("#notice", "The changes were saved.").await;
    browser.says(".head", "on sales, warehouse").await;
    assert_eq!(permissions(&server, &key).await, "");
    let at = async |resource: &str| {
        let path = format!("/verify?permission=reports:read&resource={resource}");
        server.get(&path).bearer_auth(&key.token).send().await.unwrap().status()
    };
    assert_eq!((at("sales").await, at("finance").await), (200.try_into().unwrap(), 403.try_into().unwrap()));

    browser.click("[aria-label='Remove mia@example.com']").await;
    browser.says("#notice", "The member was removed").await;
    assert_eq!(at("sales").await, 403);

    browser.click(&button("Delete group")).await;
    browser.fill("#confirm_name", "Reviewers").await;
    browser.click(&button("Delete")).await;
    browser.says("#none-title", "No groups yet").await;
    browser.says("#notice", "The group was deleted.").await;
    browser.close().await;
}

/// Makes a key over GraphQL, as a person's session does, and returns the answer.
async fn create_over_graphql(server: &TestServer, user: &TestUser, expiration: &str) -> String {
    let session = server.session(user).await;
    let query = format!(
        "mutation {{ createApiKey(input: {{ name: \"k\", expiration: {expiration} }}) {{ token }} }}"
    );
    let request = server.post("/graphql").header("cookie", &session.cookie);
    let request = request.header("sec-fetch-site", "same-origin").json(&json!({ "query": query }));
    request.send().await.unwrap().text().await.unwrap()
}

#[tokio::test]
async fn a_policy_of_30_days_is_offered_in_the_dialog_and_held_at_every_door() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let mia = server.member("mia@example.com").await;
    let browser = Browser::signed_in(&server, &ada).await;
    let stale = Browserless::signed_in(&server, &mia).await;
    let stale_form = stale.form("/settings/api-keys/new", "/settings/api-keys/new").await;
    browser.goto("/settings/key-policy").await;
    browser.click("//select/option[normalize-space()='30 days']").await;
    browser.click(&button("Save")).await;
    browser.says("#notice", "The policy was saved.").await;

    browser.goto("/settings/api-keys/new").await;
    let offered =
        "return [...document.querySelectorAll('[name=expiration]:enabled')].map(choice => choice.value)";
    assert_eq!(browser.eval(offered).await, json!(["7d", "30d"]));
    browser.holds("document.querySelector('[name=expiration]:checked').value === '30d'").await;
    browser.says("#expiration-bound", "Your organization allows at most 30 days.").await;
    assert!(create_over_graphql(&server, &mia, "DAYS_90").await.contains("allows at most 30 days"));
    assert!(create_over_graphql(&server, &mia, "DAYS_30").await.contains("ks_"));

    // A dialog that was open before says why, with what was typed.
    let answer = stale.post(&stale_form.with("name", "late").with("expiration", "90d")).await;
    assert_eq!(answer.status(), 422);
    let page = answer.text().await.unwrap();
    assert!(page.contains("id=\"expiration-error\"") && page.contains("value=\"late\""));

    browser.goto("/settings/key-policy").await;
    browser.click("//select/option[normalize-space()='7 days']").await;
    browser.click(&button("Save")).await;
    browser.says("#notice", "The policy was saved.").await;
    browser.goto("/settings/api-keys/new").await;
    browser.holds("document.querySelector('[name=expiration]:checked').value === '7d'").await;
    browser.close().await;
}

#[tokio::test]
async fn closed_creation_shows_its_message_instead_of_the_form() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let mia = server.member("mia@example.com").await;
    let key = server.key(&mia, "made before", "30d").await;
    let stale = Browserless::signed_in(&server, &mia).await;
    let stale_form = stale.form("/settings/api-keys/new", "/settings/api-keys/new").await;
    let browser = Browser::signed_in(&server, &ada).await;
    browser.goto("/settings/key-policy").await;
    browser.click("#closed").await;
    browser.click(&button("Save")).await;
    browser.says("#message-error", "The message is needed.").await;
    browser.fill("#message", "A laptop was stolen. Ask security@example.com.").await;
    browser.click(&button("Save")).await;
    browser.says("#notice", "The policy was saved.").await;

    browser.goto("/settings/api-keys").await;
    browser.click("#create").await;
    browser.says("#dialog-title", "Keys cannot be created now").await;
    browser.says("#dialog", "A laptop was stolen. Ask security@example.com.").await;
    assert!(!browser.shows("#dialog form").await);
    browser.click(&button("Close")).await;
    browser.gone("#dialog").await;
    let answer = stale.post(&stale_form.with("name", "late").with("expiration", "7d")).await;
    assert_eq!(answer.status(), 409);
    assert!(answer.text().await.unwrap().contains("A laptop was stolen."));
    assert!(create_over_graphql(&server, &mia, "DAYS_7").await.contains("A laptop was stolen."));
    assert_eq!(server.verify(&key.token).await.status(), 200, "keys that exist keep working");
    browser.close().await;
}

#[tokio::test]
async fn an_organization_is_renamed_in_place() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let browser = Browser::signed_in(&server, &ada).await;
    browser.goto("/settings").await;
    browser.fill("#name", "").await;
    browser.click(&button("Rename")).await;
    browser.says("#name-error", "is needed").await;
    browser.fill("#name", "Difference Works").await;
    browser.click(&button("Rename")).await;
    browser.says("#notice", "The organization was renamed.").await;
    browser.says(".who", "Difference Works").await;
    browser.close().await;
}

#[tokio::test]
async fn an_organization_is_made_with_a_link_shown_once_archived_and_restored() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    set_roles(&server, &ada, &["administrator", "site_administrator"]).await;
    let browser = Browser::signed_in(&server, &ada).await;
    browser.goto("/settings/organizations").await;
    browser.click("#create").await;
    browser.fill("#name", "Difference Works").await;
    browser.fill("#email", "charles").await;
    browser.click(&button("Create")).await;
    browser.says("#email-error", "That is not an e-mail address.").await;
    browser.fill("#email", "charles@difference.example").await;
    browser.click(&button("Create")).await;
    browser.says("#dialog-title", "Organization created").await;
    browser.says("#dialog", "This server sends no e-mail").await;
    let link = browser.find("#token").await.prop("value").await.unwrap().unwrap();
    assert!(link.starts_with(&format!("{}/invitation/", server.url)), "{link}");
    browser.click(&button("Done")).await;
    browser.says("#leave", "You have not copied the link.").await;
    browser.click(&button("Leave without it")).await;
    browser.gone("#dialog").await;
    let everywhere = browser.eval("return document.documentElement.outerHTML").await;
    assert!(!everywhere.as_str().unwrap().contains(&link), "the link is nowhere any more");
    assert_eq!(server.client.get(&link).send().await.unwrap().status(), 200);

    let Answer::Organizations(all) = server.operate(Command::OrganizationList).await else {
        panic!("not a list")
    };
    let command = Command::KeyCreate {
        user: "charles@difference.example".to_owned(),
        organization: Some(all[1].id.clone()),
        name: "engine".to_owned(),
        expires: "30d".to_owned(),
    };
    let Answer::Token { token, .. } = server.operate(command).await else { panic!("not a key") };
    browser.goto("/settings/organizations").await;
    browser.click("[aria-label='Actions for Difference Works']").await;
    browser.click(&button("Archive organization")).await;
    browser.fill("#confirm_name", "Difference").await;
    browser.click(&button("Archive")).await;
    browser.says("#confirm_name-error", "That is not the name.").await;
    assert_eq!(server.verify(&token).await.status(), 200);
    browser.fill("#confirm_name", "Difference Works").await;
    browser.click(&button("Archive")).await;
    browser.says("#notice", "The organization was archived.").await;
    assert_eq!(server.verify(&token).await.status(), 401);

    browser.click("[aria-label='Actions for Difference Works']").await;
    browser.click(&button("Restore organization")).await;
    browser.fill("#confirm_name", "Difference Works").await;
    browser.click(&button("Restore")).await;
    browser.says("#notice", "The organization is in use again.").await;
    assert_eq!(server.verify(&token).await.status(), 200);

    browser.click("//tr[.//span[@class='tag']]//summary").await;
    browser.says(".menu[open]", "This is your own organization").await;
    browser.close().await;
}

#[tokio::test]
async fn the_navigation_shows_each_page_to_those_who_may_open_it() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let mia = server.member("mia@example.com").await;
    let links = "return [...document.querySelectorAll('nav .sub')].map(link => link.textContent)";
    let cards = "return [...document.querySelectorAll('.card strong')].map(card => card.textContent)";
    let browser = Browser::signed_in(&server, &mia).await;
    browser.goto("/settings").await;
    assert_eq!(browser.eval(links).await, json!(["API Keys", "Connected apps", "Account"]));
    assert_eq!(browser.eval(cards).await, json!(["API Keys", "Connected apps", "Account"]));
    assert!(!browser.shows("#name").await, "renaming is not offered");

    set_roles(&server, &ada, &["administrator", "site_administrator"]).await;
    browser.goto("/sign-in").await;
    browser.sign_in(&ada).await;
    let all = json!([
        "API Keys",
        "Users",
        "Roles",
        "Groups",
        "Email Access Control",
        "API key policy",
        "Audit log",
        "Organizations",
        "Nodes",
        "Connected apps",
        "Account"
    ]);
    assert_eq!(browser.eval(links).await, all);
    let hrefs = "return [...document.querySelectorAll('nav .sub')].map(link => link.getAttribute('href'))";
    let hrefs: Vec<String> = serde_json::from_value(browser.eval(hrefs).await).unwrap();
    for href in hrefs {
        browser.goto(&href).await;
        browser.find("h1").await;
        browser
            .holds(&format!(
                "document.querySelector('nav [aria-current]')?.getAttribute('href') === '{href}'"
            ))
            .await;
    }
    browser.close().await;
}

#[tokio::test]
async fn settings_pages_have_no_accessibility_violation_and_never_scroll_sideways() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let joe = server.member(&format!("{}@contractors.example", "joe-".repeat(15))).await;
    set_roles(&server, &ada, &["administrator", "site_administrator"]).await;
    server.organization("W".repeat(100).as_str(), "eve@elsewhere.example").await;
    let session = server.session(&ada).await;
    let long = format!("{}:read", "reports_".repeat(11));
    for (name, permission) in [("Analyst", "reports:read"), (&"W".repeat(100), long.as_str())] {
        let role = [("name", name), ("description", "What it is for."), ("permissions", permission)];
        assert_eq!(server.submit(&session, "/settings/roles/new", &role).await.status(), 303);
    }
    let browser = Browser::signed_in(&server, &ada).await.with_axe().await;
    let mut wrong = Vec::new();
    for path in
        ["/settings", "/settings/roles", "/settings/groups", "/settings/groups/new", "/settings/key-policy"]
    {
        browser.goto(path).await;
        browser.look(path, &mut wrong).await;
    }
    browser.goto("/settings/roles/new").await;
    browser.fill("#permissions", "A B").await;
    browser.press(Key::Enter).await;
    browser.click(&button("Create")).await;
    browser.find("#errors").await;
    browser.look("a role with errors", &mut wrong).await;
    browser.goto("/settings/roles").await;
    browser.click("[aria-label='Actions for Analyst']").await;
    browser.look("the menu of a role", &mut wrong).await;
    browser.click(&button("Delete role")).await;
    browser.find("#dialog").await;
    browser.look("deleting a role", &mut wrong).await;

    let group = [("name", "Reviewers"), ("role", "member")];
    let made = server.submit(&session, "/settings/groups/new", &group).await;
    let path = made.headers()["location"].to_str().unwrap().split('?').next().unwrap().to_owned();
    let add = [("email", joe.email.as_str())];
    assert_eq!(server.submit(&session, &format!("{path}/members"), &add).await.status(), 303);
    browser.goto(&path).await;
    browser.fill("#email", "nobody").await;
    browser.click(&button("Add member")).await;
    browser.find("#email-error").await;
    browser.look("a group, with an error", &mut wrong).await;
    browser.goto(&format!("{path}/edit")).await;
    browser.look("a group's roles", &mut wrong).await;
    browser.goto("/settings/groups").await;
    browser.look("groups", &mut wrong).await;

    browser.goto("/settings/email-access").await;
    browser.look("no rules", &mut wrong).await;
    browser.fill("#blocked_domains", "contractors.example bücher.example *.com").await;
    browser.press(Key::Enter).await;
    browser.click(&button("Save")).await;
    browser.find("#errors").await;
    browser.look("a wrong rule", &mut wrong).await;
    browser.click(".chip.wrong button").await;
    browser.click(&button("Save")).await;
    browser.find("#dialog").await;
    browser.look("a rule that excludes", &mut wrong).await;

    browser.goto("/settings/nodes").await;
    browser.look("nodes", &mut wrong).await;

    browser.goto("/settings/organizations").await;
    browser.look("organizations", &mut wrong).await;
    browser.click("#create").await;
    browser.click(&button("Create")).await;
    browser.find("#errors").await;
    browser.look("an organization with errors", &mut wrong).await;
    browser.fill("#name", "Another").await;
    browser.fill("#email", "a@b.example").await;
    browser.click(&button("Create")).await;
    browser.find("#token").await;
    browser.look("an organization's link", &mut wrong).await;
    browser.click(&button("Done")).await;
    browser.click(&button("Leave without it")).await;

    let policy = [("longest", "30d"), ("closed", "on"), ("message", "Not today.")];
    assert_eq!(server.submit(&session, "/settings/key-policy", &policy[..1]).await.status(), 303);
    browser.goto("/settings/api-keys/new").await;
    browser.look("bounded expirations", &mut wrong).await;
    assert_eq!(server.submit(&session, "/settings/key-policy", &policy).await.status(), 303);
    browser.goto("/settings/api-keys/new").await;
    browser.look("closed creation", &mut wrong).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    browser.close().await;
}
