//! The pages of users, in every state.

use askama::Template;
use keystead_server::console::view::{
    Action, Count, Fact, GroupChoice, Impact, ImpactKey, KeysOfUser, LinkMade, OwnedKey, RoleChoice, Status,
    Tone, Typed, UserAction, UserConfirm, UserDialog, UserErrors, UserFilterStatus, UserForm, UserList,
    UserListLinks, UserPage, UserRole, UserRow, UserStanding, UserView, UsersPage,
};

use super::{notice, shell, text, time};

pub(crate) fn pages(save: &mut impl FnMut(&str, String)) {
    lists(save);
    people(save);
    dialogs(save);
}

fn lists(save: &mut impl FnMut(&str, String)) {
    save("users", users(list(rows()), None));
    let mut fifty = list((0..50).map(|n| row(&format!("Person {n}"), UserStanding::Active)).collect());
    fifty.matching = Count(1_001);
    fifty.all = Count(1_001);
    fifty.links.next = Some(text("users.html"));
    fifty.links.first = Some(text("users.html"));
    save("users-50", users(fifty, None));
    let mut none = list(Vec::new());
    none.search = text("<b>nobody</b>");
    none.status = Some(UserFilterStatus::ALL[1]);
    none.all = Count(12);
    save("users-none", users(none, None));
    let mut reader = list(rows());
    reader.links.invite = Action::Refused(text(
        "You may not change users and roles: that needs the permission iam:write. Ask an administrator.",
    ));
    save("users-reader", users(reader, None));
    let page = UsersPage {
        shell: shell(),
        list: list(rows()),
        notice: Some(notice(Tone::Good, "The user was deleted, and their keys were revoked.")),
        dialog: None,
    };
    save("users-deleted", page.render().unwrap());
}

fn people(save: &mut impl FnMut(&str, String)) {
    save("user", user(person(), owned(), None));
    let mut plain = person();
    plain.standing = UserStanding::Invited;
    plain.groups = Vec::new();
    plain.attributes = Vec::new();
    plain.permissions = Vec::new();
    plain.last_seen = None;
    plain.roles.truncate(1);
    plain.edit = Action::Refused(text(
        "Ada Lovelace may do more than you, so you cannot change them. Ask an administrator.",
    ));
    for deed in &mut plain.actions {
        deed.action = Action::Refused(text(
            "Ada Lovelace may do more than you, so you cannot change them. Ask an administrator.",
        ));
    }
    let refused = KeysOfUser::Refused(text(
        "You may not see keys that others created: that needs the permission keys:read_all. Ask an administrator.",
    ));
    save("user-refused", user(plain, refused, None));
    let mut administrator = person();
    administrator.everything = true;
    administrator.own = true;
    administrator.standing = UserStanding::NotAdmitted;
    let none = KeysOfUser::Shown { rows: Vec::new(), first: None, next: None };
    save("user-administrator", user(administrator, none, None));
}

fn dialogs(save: &mut impl FnMut(&str, String)) {
    save("invite", users(list(rows()), Some(UserDialog::Form(Box::new(form(true, UserErrors::default()))))));
    let errors = UserErrors {
        name: Some(text("The name is too long: 100 characters at most.")),
        email: Some(text("There is a user with the address grace@example.org already.")),
        roles: Some(text("The role Member cannot be limited to resources.")),
        groups: Some(text("There is no such group.")),
        form: Some(text(
            "An organization keeps at least one active administrator. Make somebody else one first.",
        )),
    };
    save("invite-errors", users(list(rows()), Some(UserDialog::Form(Box::new(form(true, errors))))));
    save(
        "edit-user",
        user(person(), owned(), Some(UserDialog::Form(Box::new(form(false, UserErrors::default()))))),
    );
    let link = |mailed| {
        UserDialog::Link(LinkMade {
            title: text("Grace Hopper is invited"),
            about: text("With this link they choose a password and come in."),
            link: format!("https://keys.example.org/invitation/{}", "0aB".repeat(14)),
            works_for: "7 days",
            mailed,
            close: text("users.html"),
        })
    };
    save(
        "invited",
        users(list(rows()), Some(link(Err("It was not mailed: this deployment has no mail server.")))),
    );
    save("invited-mailed", users(list(rows()), Some(link(Ok(text("grace@example.org"))))));
    save("deactivate", user(person(), owned(), Some(UserDialog::Confirm(confirm(None, None)))));
    let mut last = confirm(None, None);
    last.error =
        Some(text("An organization keeps at least one active administrator. Make somebody else one first."));
    save("deactivate-error", user(person(), owned(), Some(UserDialog::Confirm(last))));
    let typed = confirm(Some("grace@"), Some("That is not their e-mail address. Type it exactly as shown."));
    save("delete-error", user(person(), owned(), Some(UserDialog::Confirm(typed))));
}

fn users(list: UserList, dialog: Option<UserDialog>) -> String {
    UsersPage { shell: shell(), list, notice: None, dialog }.render().unwrap()
}

fn user(user: UserView, keys: KeysOfUser, dialog: Option<UserDialog>) -> String {
    UserPage { shell: shell(), user, keys, notice: None, dialog }.render().unwrap()
}

fn list(rows: Vec<UserRow>) -> UserList {
    UserList {
        matching: Count(rows.len() as u64),
        all: Count(rows.len() as u64),
        rows,
        search: String::new(),
        status: None,
        links: UserListLinks {
            invite: Action::Open(text("invite.html")),
            export: text("users.html"),
            clear: text("users.html"),
            first: None,
            next: None,
        },
    }
}

fn rows() -> Vec<UserRow> {
    let mut ada = row("Ada Lovelace", UserStanding::Active);
    ada.own = true;
    ada.roles = vec![role("Administrator", None, &[]), role("Site administrator", None, &[])];
    let mut grace = row("Grace Hopper", UserStanding::Invited);
    grace.fresh = true;
    grace.last_seen = None;
    grace.roles = vec![role("Member", None, &[]), role("Analyst", Some("Compilers"), &["eu", "us"])];
    let mut long = row(&"Wolfeschlegelsteinhausen".repeat(4), UserStanding::NotAdmitted);
    long.email = format!("{}@example.org", "w".repeat(64));
    let mut gone = row("Joan Clarke <script>", UserStanding::Deactivated);
    gone.roles = Vec::new();
    vec![grace, ada, long, gone]
}

fn row(name: &str, standing: UserStanding) -> UserRow {
    UserRow {
        href: text("user.html"),
        name: text(name),
        email: format!("{}@example.org", name.split(' ').next().unwrap().to_lowercase()),
        own: false,
        roles: vec![role("Member", None, &[])],
        standing,
        last_seen: Some(time("2026-03-12T11:05:09Z")),
        added: time("2026-03-02T08:30:00Z"),
        fresh: false,
    }
}

fn role(name: &str, from: Option<&str>, scopes: &[&str]) -> UserRole {
    UserRole {
        name: text(name),
        from: from.map(text),
        scopes: scopes.iter().map(|scope| text(scope)).collect(),
    }
}

fn person() -> UserView {
    let deed = |id, label, about, danger| UserAction {
        id,
        label,
        about,
        danger,
        action: Action::Open(text("deactivate.html")),
    };
    UserView {
        name: text("Grace Hopper"),
        email: text("grace@example.org"),
        own: false,
        standing: UserStanding::Active,
        roles: vec![
            role("Member", None, &[]),
            role("Analyst", Some("Compilers"), &["domain_456", "domain_789"]),
            role("Key manager", Some("Compilers"), &[]),
        ],
        groups: vec![text("Compilers"), text("Navy")],
        attributes: vec![Fact { key: text("department"), value: text("R&D") }],
        everything: false,
        permissions: ["iam:read", "keys:read_all", "keys:revoke_all", "reports:read"].map(text).into(),
        added: time("2026-03-02T08:30:00Z"),
        last_seen: Some(time("2026-03-12T11:05:09Z")),
        edit: Action::Open(text("edit-user.html")),
        actions: vec![
            deed(
                "reset-password",
                "Reset password",
                "Makes a one-time link by which they choose a new password.",
                false,
            ),
            deed(
                "deactivate",
                "Deactivate",
                "Signs them out and stops their keys at once. Reactivating brings the keys back.",
                true,
            ),
            deed("revoke-keys", "Revoke all keys", "Ends every key that they made, for good.", true),
            deed("delete", "Delete", "Removes the user and revokes their keys, for good.", true),
        ],
    }
}

fn owned() -> KeysOfUser {
    let key = |name: &str, status, used: Option<&str>| OwnedKey {
        name: text(name),
        description: text("Yesterday’s figures to the warehouse."),
        masked_token: text("ks_3fQx…9kZa"),
        status,
        impersonator: status == Status::Active,
        last_used: used.map(time),
        expires: used.map(time),
    };
    KeysOfUser::Shown {
        rows: vec![
            key("Nightly export", Status::Active, Some("2026-03-12T11:05:09Z")),
            key("Terraform", Status::ExpiringSoon, None),
            key("Spring migration", Status::Expired, None),
        ],
        first: None,
        next: Some(text("user.html")),
    }
}

fn form(invites: bool, errors: UserErrors) -> UserForm {
    let choice =
        |id: &str, name: &str, about: &str, chosen, resources: Option<&str>, refused: Option<&str>| {
            RoleChoice {
                id: text(id),
                name: text(name),
                about: text(about),
                chosen,
                resources: resources.map(text),
                refused: refused.map(text),
            }
        };
    let group = |id: &str, name: &str, roles: &[&str], chosen| GroupChoice {
        id: text(id),
        name: text(name),
        roles: roles.iter().map(|role| text(role)).collect(),
        chosen,
        refused: None,
    };
    UserForm {
        title: text(if invites { "Invite a user" } else { "Edit Grace Hopper" }),
        submit: if invites { "Invite" } else { "Save changes" },
        invites,
        action: text("users.html"),
        close: text("users.html"),
        name: text("Grace Hopper"),
        email: text("grace@example.org"),
        roles: vec![
            choice(
                "administrator",
                "Administrator",
                "May do everything in the organization, whatever permissions there are.",
                false,
                None,
                Some("You cannot grant or take away permissions that you do not hold. Ask an administrator."),
            ),
            choice("member", "Member", "Makes and revokes keys of their own.", true, None, None),
            choice(
                "analyst",
                "Analyst",
                "Reads reports. Permits reports:read.",
                true,
                Some("domain_456, domain_789"),
                None,
            ),
            choice("auditor", "Auditor", "Permits audit:read.", false, Some(""), None),
        ],
        groups: vec![
            group("g1", "Compilers", &["Analyst", "Key manager"], true),
            group("g2", "Navy", &[], false),
        ],
        errors,
    }
}

fn confirm(typed: Option<&str>, error: Option<&str>) -> UserConfirm {
    let key = |name: &str| ImpactKey {
        name: text(name),
        masked_token: text("ks_3fQx…9kZa"),
        last_used: Some(time("2026-03-12T11:05:09Z")),
    };
    UserConfirm {
        title: text(if typed.is_some() { "Delete Grace Hopper?" } else { "Deactivate Grace Hopper?" }),
        about: text(
            "They are signed out everywhere and cannot sign in. Reactivating brings their keys back.",
        ),
        submit: if typed.is_some() { "Delete" } else { "Deactivate" },
        danger: true,
        action: text("user.html"),
        close: text("user.html"),
        impact: Some(Impact {
            words: text("3 keys stop working at once."),
            recent: vec![key("Nightly export"), key("Terraform")],
            more: false,
        }),
        typed: typed.map(|typed| Typed { email: text("grace@example.org"), typed: text(typed) }),
        error: error.map(text),
    }
}
