//! The settings pages: roles, groups, e-mail access, policy, organizations.

use askama::Template;
use keystead_server::console::view::{
    Action, AddMember, Chip, ChipField, Closed, ConfirmForm, Dialog, EmailAccessPage, Exclusion, GroupDialog,
    GroupForm, GroupPage, GroupRow, GroupsPage, HeldRole, InvitationLink, KeyPolicyPage, MemberRow,
    NewOrganization, OrganizationDialog, OrganizationRow, OrganizationsPage, PermissionChoice, PolicyChoice,
    RenameForm, RoleChoice, RoleDialog, RoleForm, RoleRow, RolesPage, SettingsPage, Tone,
};

use super::{create_form, list, notice, page, rows, shell, text, time};

pub(super) fn save(save: &mut impl FnMut(&str, String)) {
    let settings = |rename, notice| SettingsPage { shell: shell(), rename, notice }.render().unwrap();
    let rename =
        |error: Option<&str>| Some(RenameForm { name: text("Analytical Engines"), error: error.map(text) });
    save("settings", settings(rename(None), Some(notice(Tone::Good, "The organization was renamed."))));
    save("settings-error", settings(rename(Some("The organization's name is needed.")), None));
    save("settings-member", settings(None, None));
    roles(save);
    groups(save);
    email_access(save);
    organizations(save);
    policy(save);
}

fn policy(save: &mut impl FnMut(&str, String)) {
    let policy = |closed, message: &str, error: Option<&str>| {
        KeyPolicyPage {
            shell: shell(),
            longest: [("7d", "7 days"), ("90d", "90 days"), ("never", "No limit (Never is offered)")]
                .map(|(value, label)| PolicyChoice { value, label, chosen: value == "90d" })
                .into(),
            keys_may_create_keys: true,
            closed,
            message: text(message),
            message_error: error.map(text),
            notice: None,
        }
        .render()
        .unwrap()
    };
    save("key-policy", policy(false, "", None));
    save("key-policy-error", policy(true, "", Some("The message is needed.")));
    let mut bounded = create_form();
    for choice in &mut bounded.expirations[3..] {
        choice.allowed = false;
    }
    bounded.bound = Some(text("Your organization allows at most 90 days."));
    save("create-bounded", page(list(rows()), Some(Dialog::Create(bounded))));
    let closed = Closed {
        reason: text(
            "New keys cannot be created now: A laptop was stolen; we are looking at every key. Ask security@example.org.",
        ),
        for_everybody: true,
        close: text("keys.html"),
    };
    save("create-closed", page(list(rows()), Some(Dialog::Closed(closed))));
}

fn open() -> Action {
    Action::Open(text("#"))
}

fn refused(why: &str) -> Action {
    Action::Refused(text(why))
}

fn confirm(title: &'static str, error: Option<&str>) -> ConfirmForm {
    ConfirmForm {
        title,
        consequence: text(
            "Whoever holds this role loses it at once, and with it whatever it let them and their keys do. This cannot be undone.",
        ),
        kind: "role",
        name: text("Report reader"),
        verb: "Delete",
        danger: true,
        action: text("roles.html"),
        close: text("roles.html"),
        typed: String::new(),
        error: error.map(text),
    }
}

fn field(name: &'static str, label: &'static str, chips: &[&str]) -> ChipField {
    ChipField {
        name,
        label,
        list_label: label,
        hint: "A domain covers exactly that domain; *.company.com covers its subdomains.",
        chips: chips.iter().map(|chip| Chip { text: text(chip), unicode: None, wrong: false }).collect(),
        error: None,
    }
}

fn roles(save: &mut impl FnMut(&str, String)) {
    let role = |id: &str, name: &str, origin, own: &[&'static str], product: &[&str]| RoleRow {
        id: text(id),
        name: text(name),
        origin,
        description: text("What it is for, told in one sentence."),
        everything: id == "administrator",
        own: own.to_vec(),
        product: product.iter().map(|code| text(code)).collect(),
        edit: if origin.is_some() { refused("This role is built in and never changes.") } else { open() },
        delete: if origin.is_some() { refused("This role is built in and never changes.") } else { open() },
        fresh: false,
    };
    let all = || {
        let mut fresh = role(
            "r4",
            &"Quarterly-report-reader-".repeat(4),
            None,
            &["See everyone’s keys", "Read the audit log", "Change users, roles and groups"],
            &[
                "reports:read",
                "reports:write",
                "a_very_long_permission_name:that_goes_on:and_on:without_any_blank.in_it",
            ],
        );
        fresh.fresh = true;
        vec![
            role("administrator", "Administrator", Some("Built in"), &[], &[]),
            role("member", "Member", Some("Built in"), &[], &[]),
            role(
                "support",
                "support",
                Some("From the server’s configuration"),
                &["See everyone’s keys"],
                &["tickets:read"],
            ),
            fresh,
        ]
    };
    let show = |create, dialog| {
        RolesPage {
            shell: shell(),
            roles: all(),
            create,
            notice: Some(notice(Tone::Good, "The role was created. It can be given to users and groups.")),
            dialog,
        }
        .render()
        .unwrap()
    };
    save("roles", show(open(), None));
    save(
        "roles-reader",
        show(
            refused(
                "You may not change users and roles: that needs the permission iam:write. Ask an administrator.",
            ),
            None,
        ),
    );
    let form = |wrong: bool| {
        let mut product =
            field("permissions", "Your product’s permissions", &["reports:read", "reports write"]);
        product.chips[1].wrong = wrong;
        let error = |words: &str| wrong.then(|| text(words));
        product.error =
            error("A permission is 1 to 100 of the characters a-z 0-9 _ . : - and has no wildcards.");
        Some(RoleDialog::Edit(RoleForm {
            title: "Create role",
            verb: "Create",
            action: text("roles.html"),
            close: text("roles.html"),
            name: String::new(),
            description: String::new(),
            offered: ["See everyone’s keys", "Revoke everyone’s keys", "Read the audit log"]
                .map(|label| PermissionChoice {
                    value: text(label),
                    label,
                    about: "Whatever uses a revoked key stops at once.",
                    chosen: label.starts_with("See"),
                })
                .into(),
            withheld: true,
            product,
            name_error: error("The role's name is needed."),
            description_error: error("The description is too long: 500 characters at most."),
            form_error: error("There is a role named Report reader already."),
        }))
    };
    save("role-create", show(open(), form(false)));
    save("role-errors", show(open(), form(true)));
    save("role-delete", show(open(), Some(RoleDialog::Delete(confirm("Delete this role?", None)))));
    let error = Some("That is not the name. Type it exactly as shown.");
    save("role-delete-error", show(open(), Some(RoleDialog::Delete(confirm("Delete this role?", error)))));
}

fn held() -> Vec<HeldRole> {
    vec![
        HeldRole { name: text("Report reader"), resources: vec![text("sales"), text("warehouse_eu")] },
        HeldRole { name: text("Member"), resources: Vec::new() },
    ]
}

fn group_form(wrong: bool) -> GroupForm {
    let choice = |id: &str, name: &str, chosen, resources: Option<&str>, why: Option<&str>| RoleChoice {
        id: text(id),
        name: text(name),
        about: text("What it is for, told in one sentence."),
        chosen,
        resources: resources.map(text),
        refused: why.map(text),
    };
    let error = |words: &str| wrong.then(|| text(words));
    GroupForm {
        title: "Edit group",
        verb: "Save changes",
        action: text("group.html"),
        close: text("group.html"),
        name: text("Analysts"),
        roles: vec![
            choice(
                "administrator",
                "Administrator",
                false,
                None,
                Some("You cannot grant or take away permissions that you do not hold. Ask an administrator."),
            ),
            choice("member", "Member", false, None, None),
            choice("r1", "Report reader", true, Some("sales warehouse_eu"), None),
            choice("r2", "Support", true, Some(""), None),
        ],
        name_error: error("There is a group named Analysts already."),
        roles_error: error("A resource is an id of 1 to 200 bytes without blanks or commas."),
        form_error: error(
            "You cannot grant or take away permissions that you do not hold. Ask an administrator.",
        ),
    }
}

fn groups(save: &mut impl FnMut(&str, String)) {
    let list = |groups, dialog| {
        GroupsPage { shell: shell(), groups, create: open(), notice: None, dialog }.render().unwrap()
    };
    let row = |name: &str, roles| GroupRow { name: text(name), href: text("group.html"), roles };
    save("groups", list(vec![row("Analysts", held()), row("Everybody", Vec::new())], None));
    save("groups-empty", list(Vec::new(), None));
    save("group-create", list(Vec::new(), Some(group_form(false))));
    let group = |members: Vec<MemberRow>, error: Option<&str>, dialog| {
        GroupPage {
            shell: shell(),
            name: text("Analysts"),
            roles: held(),
            edit: open(),
            delete: open(),
            count: if members.is_empty() { 0 } else { 214 },
            members,
            add: AddMember {
                action: open(),
                email: error.map(|_| text("nobody@example.org")).unwrap_or_default(),
                error: error.map(text),
            },
            notice: None,
            dialog,
        }
        .render()
        .unwrap()
    };
    let members = || {
        [("Ada Lovelace", None), ("Grace Hopper", Some("Deactivated")), ("Joan Clarke", None)]
            .map(|(name, standing)| MemberRow {
                name: text(name),
                email: format!("{}@example.org", name.to_lowercase().replace(' ', ".")),
                standing,
                remove: match standing {
                    None => open(),
                    Some(_) => refused(
                        "Grace Hopper may do more than you, so you cannot change them. Ask an administrator.",
                    ),
                },
            })
            .into()
    };
    save("group", group(members(), None, None));
    save("group-empty", group(Vec::new(), None, None));
    save(
        "group-add-error",
        group(members(), Some("Nobody here has the address nobody@example.org. Invite them first."), None),
    );
    save("group-edit", group(members(), None, Some(GroupDialog::Edit(group_form(false)))));
    save("group-errors", group(members(), None, Some(GroupDialog::Edit(group_form(true)))));
    save(
        "group-delete",
        group(members(), None, Some(GroupDialog::Delete(confirm("Delete this group?", None)))),
    );
}

fn email_access(save: &mut impl FnMut(&str, String)) {
    let show = |allow: [&[&str]; 2], block: [&[&str]; 2], wrong: bool, question| {
        let [domains, addresses] = allow;
        let open = domains.is_empty() && addresses.is_empty();
        let mut allow = [
            field("allowed_domains", "Domains", domains),
            field("allowed_addresses", "E-mail addresses", addresses),
        ];
        if let Some(chip) = allow[0].chips.get_mut(1) {
            chip.unicode = Some(text("bücher.example"));
        }
        if wrong {
            allow[0].chips[2].wrong = true;
            allow[0].error = Some(text(
                "The rule \"*.com\" covers a whole top-level domain: after the *. come at least two parts. Write it as company.com, or *.company.com for all of its subdomains.",
            ));
        }
        EmailAccessPage {
            shell: shell(),
            allow,
            block: [
                field("blocked_domains", "Domains", block[0]),
                field("blocked_addresses", "E-mail addresses", block[1]),
            ],
            open,
            form_error: wrong.then(|| {
                text("With these rules you could not sign in yourself. Add your own address or domain to what is allowed.")
            }),
            notice: None,
            question,
        }
        .render()
        .unwrap()
    };
    let many: Vec<String> = (0..60).map(|number| format!("department-{number}.company.com")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let few: [&[&str]; 2] =
        [&["company.com", "xn--bcher-kva.example", "*.company.com"], &["auditor@firm.example"]];
    save("email-access-open", show([&[], &[]], [&[], &[]], false, None));
    save("email-access", show(few, [&["contractors.company.com"], &[]], false, None));
    save("email-access-full", show([&many, &["a@b.example"]], [&many, &many], false, None));
    save(
        "email-access-error",
        show([&["company.com", "xn--bcher-kva.example", "*.com"], &[]], [&[], &[]], true, None),
    );
    let people = |count: usize| {
        Some(Exclusion {
            count: if count > 99 { 2_140 } else { count },
            people: (0..count)
                .map(|n| (format!("Person {n}"), format!("person.number.{n}@contractors.example")))
                .collect(),
            fields: vec![("allowed_domains", text("company.com"))],
        })
    };
    save("email-access-question", show(few, [&[], &[]], false, people(1)));
    save("email-access-question-many", show(few, [&[], &[]], false, people(100)));
}

fn organizations(save: &mut impl FnMut(&str, String)) {
    let row = |name: &str, own, archived: Option<&str>| OrganizationRow {
        id: text("0198c5d2-7b1e-7a40-9f53-3b1f0c9ad2e7"),
        name: text(name),
        own,
        created: time("2026-03-02T08:30:00Z"),
        archived: archived.map(time),
        archive: if own {
            refused(
                "This is your own organization: archiving it would lock you out. Ask whoever runs the server.",
            )
        } else {
            open()
        },
    };
    let show = |dialog| {
        let rows = vec![
            row("Analytical Engines", true, None),
            row("Difference Works", false, None),
            row("Old Mill", false, Some("2026-03-10T08:30:00Z")),
        ];
        OrganizationsPage { shell: shell(), rows, notice: None, dialog }.render().unwrap()
    };
    save("organizations", show(None));
    let new = |wrong: bool| {
        Some(OrganizationDialog::Create(NewOrganization {
            id: String::new(),
            name: String::new(),
            email: text("ada@"),
            name_error: wrong.then(|| text("The organization's name is needed.")),
            email_error: wrong.then(|| text("That is not an e-mail address. Write it as name@example.com.")),
        }))
    };
    save("organization-create", show(new(false)));
    save("organization-errors", show(new(true)));
    save(
        "organization-created",
        show(Some(OrganizationDialog::Created(InvitationLink {
            organization: text("Difference Works"),
            email: text("charles@difference.example"),
            link: format!("https://keys.example.org/invitation/{}", "0aB".repeat(14)),
            mailed: "This server sends no e-mail: hand the link on yourself.",
            close: text("organizations.html"),
        }))),
    );
    save(
        "organization-archive",
        show(Some(OrganizationDialog::Confirm(confirm("Archive this organization?", None)))),
    );
}
