use askama::Template;

use super::*;

const HOSTILE: &str = r#"</textarea><script>alert(1)</script>" onfocus="x"#;

fn time() -> Time {
    Time {
        rfc3339: "2026-03-12T14:05:09Z".to_owned(),
        date: "12 Mar 2026".to_owned(),
        exact: "12 Mar 2026, 14:05:09 UTC".to_owned(),
    }
}

fn row(name: &str, edit: Action) -> KeyRow {
    KeyRow {
        id: "k1".to_owned(),
        name: name.to_owned(),
        description: name.to_owned(),
        masked_token: "ks_3fQx…9kZa".to_owned(),
        status: Status::Expired,
        impersonator: true,
        last_used: None,
        sessions: Some(Sessions {
            last: Some(time()),
            live: Count(3),
            end: Action::Refused(name.to_owned()),
        }),
        expires: Some(time()),
        created: time(),
        creator: Some(name.to_owned()),
        edit,
        revoke: Action::Open("/revoke".to_owned()),
        fresh: true,
    }
}

fn assets() -> Assets {
    Assets {
        css: "/a.css".to_owned(),
        js: "/a.js".to_owned(),
        embed_js: "/e.js".to_owned(),
        embed_modules: ["/p.js", "/t.js"].map(str::to_owned),
        icon: "/a.svg".to_owned(),
    }
}

fn list(rows: Vec<KeyRow>, search: &str, hidden: u64) -> KeyList {
    let link = || "/settings/api-keys".to_owned();
    KeyList {
        path: "/settings/api-keys",
        matching: Count(rows.len() as u64),
        all: Count(rows.len() as u64 + hidden),
        rows,
        filter: Filter { all: true, search: search.to_owned(), status: None },
        may_view_all: true,
        links: ListLinks {
            create: link(),
            mine: link(),
            all: link(),
            clear: link(),
            first: None,
            next: None,
        },
        notice: Some(Notice { tone: Tone::Good, text: search.to_owned() }),
        bulk: Some(Bulk {
            action: "/settings/api-keys/revoke".to_owned(),
            hidden: vec![("q", search.to_owned())],
        }),
    }
}

fn page(rows: Vec<KeyRow>, search: &str, hidden: u64, dialog: Option<Dialog>) -> String {
    let viewer = Viewer {
        name: "Ada".to_owned(),
        email: "ada@example.org".to_owned(),
        role: "administrator".to_owned(),
        organization: "Engines".to_owned(),
        others: Vec::new(),
    };
    let shell = Shell { assets: assets(), csrf: "csrf".to_owned(), viewer, nav: Vec::new(), banner: None };
    KeysPage { shell, list: list(rows, search, hidden), dialog }.render().unwrap()
}

fn embedded(rows: Vec<KeyRow>, dialog: Option<Dialog>) -> String {
    EmbeddedKeys { organization: "Engines".to_owned(), list: list(rows, "", 0), dialog }.render().unwrap()
}

fn created(token: &str) -> Dialog {
    Dialog::Created(Created {
        name: HOSTILE.to_owned(),
        token: token.to_owned(),
        expires: None,
        impersonator: true,
        snippets: vec![Snippet {
            id: "variable",
            label: "Environment variable",
            about: "For programs.",
            text: format!("export API_KEY={token}"),
        }],
        close: "/settings/api-keys".to_owned(),
    })
}

#[test]
fn a_token_is_in_its_field_and_once_in_each_snippet_and_nowhere_else_on_its_page() {
    let html = page(vec![row("ci", Action::Open("/edit".to_owned()))], "", 0, Some(created("stand-in")));
    assert_eq!(html.matches("stand-in").count(), 2);
    // The script empties these fields; it knows of no other place.
    let emptied = html.split("data-token>").skip(1).filter_map(|rest| rest.split("</textarea>").next());
    assert_eq!(emptied.collect::<Vec<_>>(), ["stand-in", "export API_KEY=stand-in"]);
}

#[test]
fn what_people_type_never_becomes_markup() {
    let html = page(vec![row(HOSTILE, Action::Refused(HOSTILE.to_owned()))], HOSTILE, 3, Some(created("x")));
    assert!(!html.contains("<script>"));
    assert!(!html.contains(r#"" onfocus"#));
    assert_eq!(html.matches("</textarea>").count(), 2);
}

#[test]
fn pages_obey_a_policy_that_allows_nothing_inline() {
    let html = page(vec![row("ci", Action::Open("/edit".to_owned()))], "", 0, Some(created("x")));
    assert!(!html.contains(" style=") && !html.contains("<style") && !html.contains("javascript:"));
    assert_eq!(
        html.matches("<script").count(),
        html.matches(r#"<script src="/a.js" type="module"></script>"#).count()
    );
}

#[test]
fn a_refused_action_is_no_link_and_says_why() {
    let html =
        page(vec![row("ci", Action::Refused("Expired keys cannot be edited.".to_owned()))], "", 0, None);
    assert!(html.contains("Expired keys cannot be edited."));
    assert!(!html.contains(r#"href="/edit""#));
}

#[test]
fn the_list_behind_an_open_dialog_is_inert_even_without_script() {
    let open = page(Vec::new(), "", 0, Some(created("x")));
    assert!(open.contains(r#"id="app" inert"#));
    assert!(!page(Vec::new(), "", 0, None).contains("inert"));
}

#[test]
fn an_empty_result_says_what_the_filter_hides() {
    let html = page(Vec::new(), "billing", 12, None);
    assert!(html.contains("0 of 12 keys match"));
    assert!(html.contains("The filter hides 12 keys."));
}

#[test]
fn beyond_a_thousand_nothing_is_counted() {
    let count = |count: u64| count_words("key", 50, Count(count), None);
    assert_eq!(count(999), "999 keys, 50 on this page");
    assert_eq!(count(1_000), "1,000 keys, 50 on this page");
    assert_eq!(count(1_001), "1,000+ keys, 50 on this page");
    assert_eq!(count_words("key", 1, Count(1), Some(Count(1_001))), "1 of 1,000+ keys matches");
}

#[test]
fn an_impersonation_key_tells_of_its_sessions() {
    let html = page(vec![row("ci", Action::Open("/edit".to_owned()))], "", 0, None);
    assert!(html.contains("Last session <time") && html.contains("3 live sessions"));
}

#[test]
fn only_keys_that_may_be_revoked_can_be_chosen() {
    let mut kept = row("ci", Action::Open("/edit".to_owned()));
    assert!(page(vec![row("ci", Action::Open("/edit".to_owned()))], "", 0, None).contains(r#"id="s-k1""#));
    kept.revoke = Action::Refused("An impersonated session cannot.".to_owned());
    assert!(!page(vec![kept], "", 0, None).contains(r#"id="s-k1""#));
}

#[test]
fn nothing_embedded_names_this_product_or_shows_its_sign() {
    let revoke = Dialog::Revoke(RevokeForm {
        action: "/embed/keys/k1/revoke".to_owned(),
        close: "/embed/keys".to_owned(),
        name: "ci".to_owned(),
        masked_token: "ks_3fQx…9kZa".to_owned(),
        creator: None,
        recent_use: None,
        typed: String::new(),
        error: None,
    });
    let shell = EmbedPage {
        assets: assets(),
        theme: Some("dark"),
        colors: None,
        keys: "/embed/keys",
        origins: "https://app.example.com".to_owned(),
    };
    for html in [
        shell.render().unwrap(),
        embedded(Vec::new(), None),
        embedded(vec![row("ci", Action::Open("/edit".to_owned()))], Some(revoke)),
        embedded(Vec::new(), Some(created("stand-in"))),
    ] {
        assert!(!html.to_lowercase().contains("keystead"), "{html}");
        assert!(!html.contains("i-mark") && !html.contains("/a.svg"), "{html}");
        assert!(!html.contains(" style=") && !html.contains(r#"name="csrf""#), "{html}");
    }
}

#[test]
fn the_embedded_page_arrives_without_data_and_forces_its_theme() {
    let page = |theme| {
        let colors = Some("--fill:#0a5fd6".to_owned());
        EmbedPage { assets: assets(), theme, colors, keys: "/embed/keys", origins: String::new() }
            .render()
            .unwrap()
    };
    assert!(
        page(Some("dark")).contains(r#"<html lang="en" data-theme="dark" data-colors="--fill:#0a5fd6">"#)
    );
    assert!(!page(None).contains("data-theme"));
    assert_eq!(page(None).matches("<script").count(), 1);
    assert!(page(None).contains(r#"<div id="view" data-keys="/embed/keys" data-origins=""></div>"#));
}

#[test]
fn whoever_decides_on_an_app_reads_who_describes_it_and_who_is_answered() {
    let consent = |is_described, recipient| {
        let asking = Asking {
            name: HOSTILE.to_owned(),
            host: if is_described { "app.example" } else { "callback.example:8443" }.to_owned(),
            answered_at: "callback.example:8443".to_owned(),
            recipient,
            is_described,
        };
        let viewer = Viewer {
            name: HOSTILE.to_owned(),
            email: "ada@example.org".to_owned(),
            role: "member".to_owned(),
            organization: HOSTILE.to_owned(),
            others: vec![OtherOrganization { user: "u2".to_owned(), name: HOSTILE.to_owned() }],
        };
        let here = "/oauth2/authorize?state=\"><script>".to_owned();
        ConsentPage {
            assets: assets(),
            csrf: "csrf".to_owned(),
            asking,
            may: vec![HOSTILE.to_owned()],
            viewer,
            switch: String::new(),
            here,
        }
        .render()
        .unwrap()
    };
    for recipient in [Recipient::Site, Recipient::ThisComputer, Recipient::App] {
        let described = consent(true, recipient);
        assert!(described.contains("Described by") && described.contains(">app.example<"), "{described}");
        assert!(described.contains("callback.example:8443") && !described.contains("not verified"));
        let unknown = consent(false, recipient);
        assert!(unknown.contains("callback.example:8443") && unknown.contains("Name not verified"));
        for html in [described, unknown] {
            assert!(!html.contains("<script>") && !html.contains(" autofocus"), "{html}");
        }
    }
}
