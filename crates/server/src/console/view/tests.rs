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
        expires: Some(time()),
        created: time(),
        creator: Some(name.to_owned()),
        edit,
        revoke: Action::Open("/revoke".to_owned()),
        fresh: true,
    }
}

fn page(rows: Vec<KeyRow>, search: &str, hidden: u64, dialog: Option<Dialog>) -> String {
    let link = || "/settings/api-keys".to_owned();
    let assets = Assets { css: "/a.css".to_owned(), js: "/a.js".to_owned(), icon: "/a.svg".to_owned() };
    let viewer = Viewer {
        name: "Ada".to_owned(),
        email: "ada@example.org".to_owned(),
        role: "administrator".to_owned(),
        organization: "Engines".to_owned(),
        others: Vec::new(),
    };
    let list = KeyList {
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
        bulk: Some(Bulk { action: "/settings/api-keys/revoke", hidden: vec![("q", search.to_owned())] }),
    };
    let shell = Shell { assets, csrf: "csrf".to_owned(), viewer, nav: Vec::new(), banner: None };
    KeysPage { shell, list, dialog }.render().unwrap()
}

fn created(token: &str) -> Dialog {
    Dialog::Created(Created {
        name: HOSTILE.to_owned(),
        token: token.to_owned(),
        expires: None,
        impersonator: true,
        base_url: "http://127.0.0.1:8080".to_owned(),
        close: "/settings/api-keys".to_owned(),
    })
}

#[test]
fn a_token_is_on_its_page_exactly_once() {
    let html = page(vec![row("ci", Action::Open("/edit".to_owned()))], "", 0, Some(created("stand-in")));
    assert_eq!(html.matches("stand-in").count(), 1);
}

#[test]
fn what_people_type_never_becomes_markup() {
    let html = page(vec![row(HOSTILE, Action::Refused(HOSTILE.to_owned()))], HOSTILE, 3, Some(created("x")));
    assert!(!html.contains("<script>"));
    assert!(!html.contains(r#"" onfocus"#));
    assert_eq!(html.matches("</textarea>").count(), 1);
}

#[test]
fn pages_obey_a_policy_that_allows_nothing_inline() {
    let html = page(vec![row("ci", Action::Open("/edit".to_owned()))], "", 0, Some(created("x")));
    assert!(!html.contains(" style=") && !html.contains("<style") && !html.contains("javascript:"));
    assert_eq!(
        html.matches("<script").count(),
        html.matches(r#"<script src="/a.js" defer></script>"#).count()
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
