//! Draws every page and state of the console as static files, for looking at and for automated checks:
//! `cargo run -p keystead-server --example gallery -- DIR`, then serve DIR with any web server on 127.0.0.1.
#![expect(clippy::unwrap_used, reason = "a tool for developers: stopping at the first failure is right")]

#[path = "gallery/settings.rs"]
mod settings;

use std::{env, fs, path::Path};

use askama::Template;
use keystead_server::console::view::{
    Action, AlreadyCreated, Assets, Bulk, ChosenKey, Count, CreateErrors, CreateForm, Created, Dialog,
    EditErrors, EditForm, EditRefused, EndSessionsForm, ErrorPage, ExpirationChoice, Filter, KeyList, KeyRow,
    KeysPage, LinkSpentPage, ListLinks, NavLink, Notice, RevokeForm, RevokeManyForm, Sessions, SetupErrors,
    SetupPage, Shell, SignInLinkPage, SignInPage, Snippet, Status, Time, Tone, Viewer,
};

#[path = "gallery/users.rs"]
mod users;

#[path = "gallery/connected_apps.rs"]
mod connected_apps;

#[path = "gallery/embedded.rs"]
mod embedded;

fn main() {
    let dir = env::args().nth(1).unwrap();
    let dir = Path::new(&dir);
    fs::create_dir_all(dir.join("assets")).unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets");
    for file in ["console.css", "console.js", "embed.js", "page.js", "times.js", "icon.svg"] {
        fs::copy(source.join(file), dir.join("assets").join(file)).unwrap();
    }
    let mut names = Vec::new();
    let mut save = |name: &str, html: String| {
        fs::write(dir.join(format!("{name}.html")), html).unwrap();
        names.push(name.to_owned());
    };
    front_pages(&mut save);
    settings::save(&mut save);
    lists(&mut save);
    dialogs(&mut save);
    users::pages(&mut save);
    connected_apps::save(&mut save);
    embedded::save(&mut save);
    let link = |name: &String| {
        // Without a token the embedded page asks nobody for anything.
        let query = if name.starts_with("embed") { "?token=any" } else { "" };
        format!("<li><a href=\"{name}.html{query}\">{name}</a>")
    };
    let links: Vec<String> = names.iter().map(link).collect();
    fs::write(
        dir.join("index.html"),
        format!("<!doctype html><title>Gallery</title><ul>{}</ul>", links.concat()),
    )
    .unwrap();
}

fn front_pages(save: &mut impl FnMut(&str, String)) {
    let sign_in = |email: &str, error: Option<&str>, retry_after_seconds| {
        SignInPage {
            assets: assets(),
            csrf: text("csrf"),
            next: text("/settings/api-keys"),
            email: text(email),
            error: error.map(text),
            retry_after_seconds,
            notice: None,
        }
        .render()
        .unwrap()
    };
    save("sign-in", sign_in("", None, None));
    save("sign-in-error", sign_in("ada@example.org", Some("E-mail or password is not right."), None));
    save("sign-in-slowed", sign_in("ada@example.org", None, Some(30)));
    let setup = |name: &str, errors| {
        SetupPage {
            assets: assets(),
            csrf: text("csrf"),
            action: text("/setup/code"),
            organization: text(name),
            name: text(""),
            email: text("ada@"),
            password_hint: "At least 12 characters. A sentence is good.",
            errors,
        }
        .render()
        .unwrap()
    };
    save("setup", setup("", SetupErrors::default()));
    let errors = SetupErrors {
        name: Some(text("Enter your name.")),
        email: Some(text("Enter an e-mail address, such as ada@example.org.")),
        password: Some(text("Choose a password of at least 12 characters.")),
        ..SetupErrors::default()
    };
    save("setup-errors", setup("Analytical Engines", errors));
    let link = SignInLinkPage {
        assets: assets(),
        csrf: text("csrf"),
        action: text("/sign-in/link/code"),
        name: text("Ada Lovelace"),
        role: text("administrator"),
        organization: text("Analytical Engines"),
    };
    save("sign-in-link", link.render().unwrap());
    let spent = LinkSpentPage {
        assets: assets(),
        advice: text("Sign in with your password, or ask an administrator for a new link."),
    };
    save("link-spent", spent.render().unwrap());
    for (status, title, message) in [
        (
            403,
            "This is not yours to see",
            "All keys are shown to administrators only. Ask one of them, or look at your own keys.",
        ),
        (
            404,
            "There is no such page",
            "The address may be mistyped, or what it showed has been revoked or removed.",
        ),
        (429, "Too many requests", "Wait a minute, then try again. Nothing was changed."),
        (
            500,
            "Something broke on our side",
            "Nothing you did is at fault. Try again; if it stays broken, tell your administrator.",
        ),
    ] {
        let page = ErrorPage {
            assets: assets(),
            status,
            title: text(title),
            message: text(message),
            request_id: Some(text("0198c5d2-7b1e-7a40-9f53-3b1f0c9ad2e7")),
            way_out: (text("/settings/api-keys"), text("Back to API Keys")),
        };
        save(&format!("error-{status}"), page.render().unwrap());
    }
}

fn lists(save: &mut impl FnMut(&str, String)) {
    let mut show = |name: &str, list: KeyList| save(name, page(list, None));
    show("keys", list(rows()));
    show("keys-empty", list(Vec::new()));
    let mut all = list(rows());
    all.filter.all = true;
    for (row, creator) in
        all.rows.iter_mut().zip(["Ada Lovelace", "Grace Hopper", "Katherine Johnson"].iter().cycle())
    {
        row.creator = Some(text(creator));
    }
    all.matching = Count(214);
    all.bulk = Some(Bulk { action: text("revoke-many.html"), hidden: vec![("view", text("all"))] });
    all.links.next = Some(text("keys.html?after=c2"));
    all.links.first = Some(text("keys.html"));
    all.notice = Some(notice(Tone::Good, "Revoked “deploy key” of Grace Hopper."));
    show("keys-all", all);
    let mut none = list(Vec::new());
    none.filter.search = text("<b>billing</b>");
    none.filter.status = Some(Status::Expired);
    none.all = Count(12);
    show("keys-none", none);
    let mut fresh = list(rows());
    fresh.rows[0].fresh = true;
    fresh.notice = Some(notice(Tone::Warning, "Created “Claude Code key”. Its token was not copied."));
    show("keys-fresh", fresh);
    let mut fifty = list(
        (0..50)
            .map(|n| row(&format!("{n:04}"), "nightly export", "Moves yesterday’s figures to the warehouse."))
            .collect(),
    );
    fifty.matching = Count(1_001);
    fifty.links.next = Some(text("keys.html?after=c2"));
    show("keys-50", fifty);
    let mut member = list(rows());
    member.may_view_all = false;
    let mut locked = shell();
    locked.banner = Some(text(
        "Keystead is read-only while its database is moved. Keys keep working; changes are refused until 15:00 UTC.",
    ));
    save("keys-read-only", KeysPage { shell: locked, list: member, dialog: None }.render().unwrap());
}

fn snippets(token: &str) -> Vec<Snippet> {
    vec![
        Snippet {
            id: "curl",
            label: "curl",
            about: "Tells whose key it is, if it works.",
            text: format!(
                "curl -i https://keys.example.org/verify \\\n  -H \"Authorization: Bearer {token}\""
            ),
        },
        Snippet {
            id: "variable",
            label: "Environment variable",
            about: "For programs that read the token from their environment.",
            text: format!("export KEYSTEAD_API_KEY={token}"),
        },
    ]
}

fn created(impersonator: bool, expires: Option<Time>) -> Dialog {
    let token = format!("ks_{}", "0aB".repeat(17).split_at(49).0);
    Dialog::Created(Created {
        name: text("Claude Code key"),
        snippets: snippets(&token),
        token,
        expires,
        impersonator,
        close: text("keys-fresh.html"),
    })
}

fn dialogs(save: &mut impl FnMut(&str, String)) {
    let mut show = |name: &str, dialog: Dialog| save(name, page(list(rows()), Some(dialog)));
    show("create", Dialog::Create(create_form()));
    let form = CreateForm {
        impersonation: Some(true),
        errors: CreateErrors {
            name: Some(text("Enter a name.")),
            description: Some(text("Keep the description to 500 characters; this one has 512.")),
            expiration: Some(text("Your organization allows at most 90 days.")),
            form: Some(text("You have 100 keys, which is the limit. Revoke one that you no longer need.")),
        },
        ..create_form()
    };
    show("create-errors", Dialog::Create(form));
    show("create-member", Dialog::Create(CreateForm { impersonation: None, ..create_form() }));
    show("created", created(false, Some(time("2026-04-11T14:05:09Z"))));
    show("created-impersonator", created(true, None));
    show(
        "already-created",
        Dialog::AlreadyCreated(AlreadyCreated {
            name: text("Claude Code key"),
            masked_token: text("ks_3fQx…9kZa"),
            revoke: text("revoke.html"),
            create: text("create.html"),
            close: text("keys.html"),
        }),
    );
    let edit = |errors| {
        Dialog::Edit(EditForm {
            action: text("keys.html"),
            close: text("keys.html"),
            name: text("Embedding Dashboard"),
            description: text("Signs customers into the embedded dashboard."),
            masked_token: text("ksi_8Wmp…Tq2c"),
            expires: Some(time("2026-09-08T08:30:00Z")),
            errors,
        })
    };
    show("edit", edit(EditErrors::default()));
    show("edit-errors", edit(EditErrors { name: Some(text("Enter a name.")), ..EditErrors::default() }));
    show(
        "edit-refused",
        Dialog::EditRefused(EditRefused {
            name: text("Spring migration"),
            masked_token: text("ks_Zr41…m0Pe"),
            reason: text(
                "It expired on 1 Mar 2026, and expired keys cannot be edited. To replace it, create a new key and revoke this one.",
            ),
            create: text("create.html"),
            close: text("keys.html"),
        }),
    );
    let revoke = |creator: Option<&str>, recent_use, typed: &str, error: Option<&str>| {
        Dialog::Revoke(RevokeForm {
            action: text("keys.html"),
            close: text("keys.html"),
            name: text("deploy  key (eu-west)"),
            masked_token: text("ks_Hn7d…Lw3v"),
            creator: creator.map(text),
            recent_use,
            typed: text(typed),
            error: error.map(text),
        })
    };
    show("revoke", revoke(None, None, "", None));
    show(
        "end-sessions",
        Dialog::EndSessions(EndSessionsForm {
            action: text("keys.html"),
            close: text("keys.html"),
            name: text("Embedding Dashboard"),
            masked_token: text("ksi_8Wmp…Tq2c"),
            creator: Some(text("Grace Hopper")),
            live: Count(3),
        }),
    );
    show("revoke-many", Dialog::RevokeMany(revoke_many("", None)));
    show(
        "revoke-many-error",
        Dialog::RevokeMany(revoke_many("2", Some("Type 3, the number of keys, to confirm."))),
    );
    show("revoke-recent", revoke(Some("Grace Hopper"), Some(time("2026-03-12T11:05:09Z")), "", None));
    show(
        "revoke-error",
        revoke(
            None,
            None,
            "deploy key",
            Some("That is not the key’s name. Type it exactly as shown, or copy it from above."),
        ),
    );
}

fn revoke_many(typed: &str, error: Option<&str>) -> RevokeManyForm {
    let key = |id: &str, name: &str, creator: Option<&str>, used: Option<&str>| ChosenKey {
        id: text(id),
        name: text(name),
        masked_token: format!("ks_3f{id}…9kZa"),
        creator: creator.map(text),
        recent_use: used.map(time),
    };
    RevokeManyForm {
        action: text("keys.html"),
        close: text("keys-all.html"),
        keys: vec![
            key("a1", "Nightly export", Some("Grace Hopper"), Some("2026-03-12T11:05:09Z")),
            key("a2", "ci-deploy", None, None),
            key("a3", &"Quarterly-report-generator-".repeat(3), Some("Katherine Johnson"), None),
        ],
        gone: 1,
        typed: text(typed),
        error: error.map(text),
    }
}

fn create_form() -> CreateForm {
    let choice = |value: &str, label: &str, expires: Option<&str>| ExpirationChoice {
        value: text(value),
        label: text(label),
        expires: expires.map(time),
        chosen: value == "30d",
        allowed: true,
    };
    CreateForm {
        action: text("keys.html"),
        close: text("keys.html"),
        request_id: text("once"),
        name: String::new(),
        description: String::new(),
        expirations: vec![
            choice("7d", "7 days", Some("2026-03-19T14:05:09Z")),
            choice("30d", "30 days", Some("2026-04-11T14:05:09Z")),
            choice("90d", "90 days", Some("2026-06-10T14:05:09Z")),
            choice("180d", "180 days", Some("2026-09-08T14:05:09Z")),
            choice("1y", "1 year", Some("2027-03-12T14:05:09Z")),
            choice("never", "Never", None),
        ],
        bound: None,
        impersonation: Some(false),
        errors: CreateErrors::default(),
    }
}

fn page(list: KeyList, dialog: Option<Dialog>) -> String {
    KeysPage { shell: shell(), list, dialog }.render().unwrap()
}

fn list(rows: Vec<KeyRow>) -> KeyList {
    KeyList {
        path: "keys.html",
        matching: Count(rows.len() as u64),
        all: Count(rows.len() as u64),
        rows,
        filter: Filter { all: false, search: String::new(), status: None },
        may_view_all: true,
        links: ListLinks {
            create: text("create.html"),
            mine: text("keys.html"),
            all: text("keys-all.html"),
            clear: text("keys.html"),
            first: None,
            next: None,
        },
        notice: None,
        bulk: None,
    }
}

fn rows() -> Vec<KeyRow> {
    let mut claude = row("a1", "Claude Code key", "My laptop.");
    claude.last_used = Some(time("2026-03-12T14:01:40Z"));
    let mut embed = row("a2", "Embedding Dashboard", "Signs customers into the embedded dashboard.");
    embed.impersonator = true;
    embed.masked_token = text("ksi_8Wmp…Tq2c");
    embed.sessions = Some(Sessions {
        last: Some(time("2026-03-12T13:58:02Z")),
        live: Count(3),
        end: Action::Open(text("end-sessions.html")),
    });
    let mut ci = row("a3", "ci-deploy", "");
    ci.status = Status::ExpiringSoon;
    ci.expires = Some(time("2026-03-15T09:00:00Z"));
    ci.last_used = Some(time("2026-03-10T03:12:00Z"));
    let mut again = row(
        "a4",
        "ci-deploy",
        "The staging cluster. Same name as the one above: the token tells them apart.",
    );
    again.masked_token = text("ks_Bv6T…x1Qd");
    again.expires = None;
    again.last_used = None;
    let mut long = row(
        "a5",
        &"Quarterly-report-generator-".repeat(3),
        &"A description that goes on and on. ".repeat(12),
    );
    long.last_used = Some(time("2026-01-29T18:44:10Z"));
    let mut dead = row("a6", "Spring migration <script>", "Done; kept for reference.");
    dead.status = Status::Expired;
    dead.masked_token = text("ks_Zr41…m0Pe");
    dead.expires = Some(time("2026-03-01T00:00:00Z"));
    dead.last_used = Some(time("2026-02-27T22:10:00Z"));
    dead.edit = Action::Refused(text("Expired keys cannot be edited. Create a new one."));
    vec![claude, embed, ci, again, long, dead]
}

fn row(id: &str, name: &str, description: &str) -> KeyRow {
    KeyRow {
        id: text(id),
        name: text(name),
        description: text(description),
        masked_token: format!("ks_3f{id}…9kZa"),
        status: Status::Active,
        impersonator: false,
        last_used: Some(time("2026-03-12T11:05:09Z")),
        sessions: None,
        expires: Some(time("2026-09-08T08:30:00Z")),
        created: time("2026-03-02T08:30:00Z"),
        creator: None,
        edit: Action::Open(text("edit.html")),
        revoke: Action::Open(text("revoke.html")),
        fresh: false,
    }
}

fn notice(tone: Tone, words: &str) -> Notice {
    Notice { tone, text: text(words) }
}

fn shell() -> Shell {
    Shell {
        assets: assets(),
        csrf: text("csrf"),
        viewer: Viewer {
            name: text("Ada Lovelace"),
            email: text("ada@example.org"),
            role: text("administrator"),
            organization: text("Analytical Engines"),
            others: Vec::new(),
        },
        nav: nav(),
        banner: None,
    }
}

fn nav() -> Vec<NavLink> {
    [
        ("api-keys", "API Keys", "key"),
        ("users", "Users", "people"),
        ("roles", "Roles", "role"),
        ("groups", "Groups", "group"),
        ("email-access", "Email Access Control", "mail"),
        ("key-policy", "API key policy", "policy"),
        ("audit-log", "Audit log", "log"),
        ("organizations", "Organizations", "site"),
        ("account", "Account", "person"),
    ]
    .map(|(href, label, icon)| NavLink {
        href,
        label,
        icon,
        about: "What the page is for, in a sentence of some length.",
        current: false,
    })
    .into()
}

fn assets() -> Assets {
    Assets {
        css: text("assets/console.css"),
        js: text("assets/console.js"),
        embed_js: text("assets/embed.js"),
        embed_modules: ["page", "times"].map(|module| format!("assets/{module}.js")),
        icon: text("assets/icon.svg"),
    }
}

fn time(rfc3339: &str) -> Time {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = MONTHS[rfc3339[5..7].parse::<usize>().unwrap() - 1];
    let date = format!("{} {month} {}", rfc3339[8..10].trim_start_matches('0'), &rfc3339[..4]);
    Time { rfc3339: text(rfc3339), exact: format!("{date}, {} UTC", &rfc3339[11..19]), date }
}

fn text(words: &str) -> String {
    words.to_owned()
}
