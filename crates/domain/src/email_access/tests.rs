use proptest::prelude::*;

use super::*;

fn email(text: &str) -> Email {
    Email::parse(text).unwrap()
}

/// Rules as they are typed: `+` allows and `-` blocks; what has an `@` is an address.
fn access(rules: &[&str]) -> EmailAccess {
    let pick = |sign: char, address: bool| -> Vec<String> {
        let of_list = rules.iter().filter_map(|rule| rule.strip_prefix(sign));
        of_list.filter(|rule| rule.contains('@') == address).map(Into::into).collect()
    };
    EmailAccess::parse(&pick('+', false), &pick('+', true), &pick('-', false), &pick('-', true)).unwrap()
}

fn texts(access: &EmailAccess, list: EmailList, kind: RuleKind) -> Vec<&str> {
    access.rules(list, kind).map(EmailRule::as_str).collect()
}

fn domain(text: &str) -> Result<EmailRule, Error> {
    EmailRule::parse(EmailList::Allow, RuleKind::Domain, text)
}

fn address(text: &str) -> Result<EmailRule, Error> {
    EmailRule::parse(EmailList::Allow, RuleKind::Address, text)
}

#[test]
fn without_rules_everybody_is_let_in() {
    assert!(EmailAccess::default().is_open());
    for text in ["ada@company.com", "a@[127.0.0.1]", "a@x..example", "a@аpple.com"] {
        assert_eq!(EmailAccess::default().decide(&email(text)), Verdict::Open, "{text}");
    }
}

#[test]
fn with_block_rules_alone_everybody_else_is_let_in() {
    let access = access(&["-evil.com", "-eve@company.com"]);
    assert!(access.is_open(), "which the page warns of");
    assert_eq!(access.decide(&email("ada@company.com")), Verdict::Open);
    assert_eq!(access.decide(&email("ada@evil.com")), Verdict::Blocked);
    assert_eq!(access.decide(&email("eve@company.com")), Verdict::Blocked);
}

#[test]
fn an_allow_rule_of_either_kind_keeps_out_whom_none_covers() {
    for rules in [&["+company.com"][..], &["+ada@company.com"], &["+company.com", "+auditor@firm.example"]] {
        let access = access(rules);
        assert!(!access.is_open());
        assert_eq!(access.decide(&email("ada@company.com")), Verdict::Allowed, "{rules:?}");
        assert_eq!(access.decide(&email("ada@other.com")), Verdict::NotAllowed, "{rules:?}");
    }
    assert!(access(&["+company.com", "+auditor@firm.example"]).admits(&email("auditor@firm.example")));
}

#[test]
fn the_blocklist_wins_over_every_allow_rule() {
    for (rules, blocked) in [
        (["+company.com", "-company.com"], "ada@company.com"),
        (["+ada@company.com", "-company.com"], "ada@company.com"),
        (["+ada@company.com", "-ada@company.com"], "ada@company.com"),
        (["+company.com", "-ada@company.com"], "ada@company.com"),
        (["+*.company.com", "-contractors.company.com"], "ada@contractors.company.com"),
        (["+contractors.company.com", "-*.company.com"], "ada@contractors.company.com"),
    ] {
        assert_eq!(access(&rules).decide(&email(blocked)), Verdict::Blocked, "{rules:?}");
    }
}

#[test]
fn a_domain_covers_itself_and_a_wildcard_its_subdomains_at_any_depth() {
    let exact = access(&["+company.com"]);
    let below = access(&["+*.company.com"]);
    for (text, by_exact, by_below) in [
        ("ada@company.com", true, false),
        ("ada@a.company.com", false, true),
        ("ada@a.b.c.company.com", false, true),
        ("ada@evilcompany.com", false, false),
        ("ada@company.com.evil.org", false, false),
        ("ada@com", false, false),
        ("company.com@evil.org", false, false),
        ("a.company.com@evil.org", false, false),
    ] {
        assert_eq!(exact.admits(&email(text)), by_exact, "company.com, {text}");
        assert_eq!(below.admits(&email(text)), by_below, "*.company.com, {text}");
    }
}

#[test]
fn case_the_roots_dot_and_the_spelling_of_an_idn_make_no_difference() {
    let spellings = [
        "bücher.example",
        "BÜCHER.Example",
        "bu\u{308}cher.example",
        "xn--bcher-kva.example",
        "XN--BCHER-KVA.EXAMPLE",
        "bücher.example.",
        "bücher。example。",
        "ｂücher.example",
    ];
    for rule in spellings {
        assert_eq!(domain(rule).unwrap().as_str(), "xn--bcher-kva.example", "{rule}");
        for of_address in spellings {
            let blocked = access(&[&format!("-{rule}")]);
            assert!(!blocked.admits(&email(&format!("ada@{of_address}"))), "{rule}, {of_address}");
            let blocked = access(&[&format!("-Ada@{rule}")]);
            assert!(!blocked.admits(&email(&format!("aDA@{of_address}"))), "{rule}, {of_address}");
            let blocked = access(&[&format!("-*.{rule}")]);
            assert!(!blocked.admits(&email(&format!("ada@Mail.{of_address}"))), "{rule}, {of_address}");
        }
    }
}

#[test]
fn a_domain_that_only_looks_the_same_is_another() {
    let access = access(&["+apple.com", "+*.apple.com", "+strasse.example", "+ada@paypal.com"]);
    for homograph in [
        "ada@аpple.com",
        "ada@mail.аpple.com",
        "ada@xn--pple-43d.com",
        "ada@аррӏе.com",
        "ada@straße.example",
        "ada@pаypal.com",
        "аda@paypal.com",
    ] {
        assert_eq!(access.decide(&email(homograph)), Verdict::NotAllowed, "{homograph}");
    }
    assert_eq!(
        domain("аpple.com").unwrap().display(),
        "xn--pple-43d.com (аpple.com)",
        "people see which it is"
    );
}

#[test]
fn a_letter_that_lowercasing_takes_apart_compares_the_same_each_time() {
    let rule = address("\u{130}\u{323}@company.com").unwrap();
    assert_eq!(address(rule.as_str()).unwrap(), rule);
    assert!(!access(&["-\u{130}\u{323}@company.com"]).admits(&email(rule.as_str())));
}

#[test]
fn plus_parts_are_kept_apart() {
    let access = access(&["+ada+keys@company.com"]);
    assert!(access.admits(&email("Ada+Keys@company.com")));
    assert!(!access.admits(&email("ada@company.com")));
    assert!(!access.admits(&email("ada+other@company.com")));
}

#[test]
fn an_address_whose_domain_cannot_be_compared_is_kept_out_by_any_rule() {
    let label = "x".repeat(64);
    for text in [
        "a@[127.0.0.1]",
        "a@127.0.0.1",
        "a@x..example",
        "a@under_score.example",
        "a@-x.example",
        "a@xn--company-.com",
        "a@xn--a.example",
        "a@x.*",
        &format!("a@{label}.example"),
    ] {
        assert_eq!(access(&["-evil.com"]).decide(&email(text)), Verdict::Blocked, "{text}");
        assert_eq!(access(&["-eve@evil.com"]).decide(&email(text)), Verdict::Blocked, "{text}");
        assert_eq!(access(&["+company.com"]).decide(&email(text)), Verdict::NotAllowed, "{text}");
    }
    assert!(
        !access(&["-evil.com"]).admits(&Email::from_stored("no address".into())),
        "nor is a damaged row let in"
    );
}

#[test]
fn what_is_no_domain_is_refused_with_what_would_be_right() {
    let long = format!("{}example", "x.".repeat(124));
    for bad in [
        "",
        "  ",
        ".",
        "*",
        "*.",
        "*.com",
        "*.com.",
        "*.*.com",
        "**.company.com",
        "*company.com",
        "a.*.company.com",
        "company.*",
        "＊.company.com",
        "@company.com",
        "ada@company.com",
        "https://company.com",
        "company.com/x",
        "company.com:25",
        "company..com",
        ".company.com",
        "company.com..",
        "-company.com",
        "company-.com",
        "comp any.com",
        "com_pany.com",
        "company,com",
        "company.com\u{0}",
        "127.0.0.1",
        "[::1]",
        "xn--a.example",
        "xn--company-.com",
        "a\u{202E}b.com",
        &"x".repeat(64),
        &long,
        &format!("{}.com", "ü".repeat(63)),
        &"x".repeat(1 << 20),
    ] {
        let error = domain(bad).unwrap_err();
        assert!(matches!(error, Error::Invalid { field: Field::AllowedDomains, .. }), "{bad:?}");
        let message = error.to_string();
        assert!(message.contains("*.company.com") && message.len() < 400, "{message}");
        assert!(!message.contains(['\0', '\u{202E}']), "{message:?}");
    }
    assert!(domain("*.com").unwrap_err().to_string().contains("at least two parts"));
}

#[test]
fn what_is_no_whole_address_is_refused() {
    for bad in [
        "",
        "company.com",
        "@company.com",
        "ada@",
        "*@company.com",
        "ada@*.company.com",
        "ada@x..example",
        "ada@[127.0.0.1]",
        "ada@under_score.example",
        "ada@a@company.com",
        "ada@company.com, eve@company.com",
        // Short enough as written, and not in ASCII: the domain, and the address as a whole.
        &format!("a@{}example", "üaü.".repeat(40)),
        &format!("{}@{}example", "a".repeat(120), "üaü.".repeat(13)),
    ] {
        let error = address(bad).unwrap_err();
        assert!(matches!(error, Error::Invalid { field: Field::AllowedAddresses, .. }), "{bad:?}");
    }
    assert!(address(&format!("{}@{}example", "a".repeat(64), "üaü.".repeat(13))).is_ok());
    assert_eq!(address(" Ada@BÜCHER.example ").unwrap().as_str(), "ada@xn--bcher-kva.example");
}

#[test]
fn a_refusal_names_the_list_and_the_rule() {
    let (good, bad) = (["ok.com".to_owned(), "o@k.com".into()], ["ok.com".to_owned(), "~bad~".into()]);
    let refused = [
        (EmailAccess::parse(&bad, &[], &[], &[]), Field::AllowedDomains),
        (EmailAccess::parse(&good[..1], &bad[1..], &[], &[]), Field::AllowedAddresses),
        (EmailAccess::parse(&[], &[], &bad, &[]), Field::BlockedDomains),
        (EmailAccess::parse(&[], &good[1..], &[], &bad[1..]), Field::BlockedAddresses),
    ];
    for (result, expected) in refused {
        let Err(Error::Invalid { field, message }) = result else { panic!("{expected:?} was accepted") };
        assert_eq!(field, expected);
        assert!(message.contains("~bad~"), "{message}");
    }
}

#[test]
fn an_allowlist_that_lost_its_only_entry_does_not_open_the_door() {
    assert!(EmailAccess::parse(&[String::new()], &[], &[], &[]).is_err());
    assert!(EmailAccess::parse(&[], &[" ".into()], &[], &[]).is_err());
}

#[test]
fn a_list_has_at_most_1000_rules_and_counts_the_same_rule_once() {
    let mut domains: Vec<String> = (0..MAX_EMAIL_RULES).map(|n| format!("d{n}.example")).collect();
    let addresses: Vec<String> = domains.iter().map(|domain| format!("ada@{domain}")).collect();
    domains.extend((0..MAX_EMAIL_RULES).map(|n| format!("D{n}.EXAMPLE.")));
    let full = EmailAccess::parse(&domains, &addresses, &domains, &addresses).unwrap();
    for (list, kind) in EmailList::ALL.into_iter().flat_map(|list| RuleKind::ALL.map(|kind| (list, kind))) {
        assert_eq!(full.rules(list, kind).len(), MAX_EMAIL_RULES);
        assert_eq!((EmailList::parse(list.code()), RuleKind::parse(kind.code())), (Some(list), Some(kind)));
    }
    domains.push("one.more".into());
    let error = EmailAccess::parse(&[], &[], &domains, &[]).unwrap_err();
    assert!(matches!(error, Error::Invalid { field: Field::BlockedDomains, .. }));
    assert!(error.to_string().contains("1000"), "{error}");
}

#[test]
fn rules_are_in_order_and_come_back_from_the_store_as_they_were() {
    let access = access(&["+b.com", "+*.a.com", "+A.com", "-z@b.com", "-Y@b.com"]);
    assert_eq!(texts(&access, EmailList::Allow, RuleKind::Domain), ["*.a.com", "a.com", "b.com"]);
    assert_eq!(texts(&access, EmailList::Block, RuleKind::Address), ["y@b.com", "z@b.com"]);
    let rows = EmailList::ALL.into_iter().flat_map(|list| RuleKind::ALL.map(|kind| (list, kind)));
    let rows = rows.flat_map(|(list, kind)| {
        access.rules(list, kind).map(move |rule| (list, kind, rule.as_str().to_owned()))
    });
    assert_eq!(EmailAccess::from_stored(rows), access);
}

#[test]
fn the_unicode_form_is_shown_beside_the_ascii_form_and_only_where_it_differs() {
    assert_eq!(domain("company.com").unwrap().unicode(), None);
    assert_eq!(domain("company.com").unwrap().display(), "company.com");
    assert_eq!(domain("*.Bücher.example").unwrap().unicode().unwrap(), "*.bücher.example");
    assert_eq!(
        address("ada@bücher.example").unwrap().display(),
        "ada@xn--bcher-kva.example (ada@bücher.example)"
    );
}

/// The rules as the settings page tells them, for ASCII in lower case.
fn told(rules: &[String], email: &str) -> bool {
    let (_, domain) = email.split_once('@').unwrap();
    let covers = |rule: &str| match rule.strip_prefix("*.") {
        Some(parent) => domain.ends_with(&format!(".{parent}")),
        None => rule == domain || rule == email,
    };
    let mut allowed = rules.iter().filter_map(|rule| rule.strip_prefix('+')).peekable();
    let mut blocked = rules.iter().filter_map(|rule| rule.strip_prefix('-'));
    let nobody_allowed = allowed.peek().is_none();
    !blocked.any(covers) && (nobody_allowed || allowed.any(covers))
}

proptest! {
    #[test]
    fn the_answer_is_what_the_page_tells(
        rules in prop::collection::vec(r"[+-]((a|b)@)?((a|b)\.){1,3}c|[+-]\*\.((a|b)\.){1,2}c", 0..6),
        addresses in prop::collection::vec(r"(a|b)@((a|b)\.){0,4}c", 40),
    ) {
        let access = access(&rules.iter().map(String::as_str).collect::<Vec<_>>());
        for address in addresses {
            prop_assert_eq!(access.admits(&email(&address)), told(&rules, &address), "{:?} {}", rules, address);
        }
    }

    #[test]
    fn a_rule_comes_to_itself_when_it_is_saved_again(text in r"(\*\.)?\PC{1,12}(\.\PC{1,5})?", local in r"\PC{1,8}") {
        if let Ok(rule) = domain(&text) {
            prop_assert_eq!(domain(rule.as_str()), Ok(rule));
        }
        if let Ok(rule) = address(&format!("{local}@{text}")) {
            prop_assert_eq!(address(rule.as_str()), Ok(rule));
        }
    }

    #[test]
    fn an_address_that_is_a_rule_is_covered_by_it(local in r"\PC{1,8}", domain in r"[\w-]{1,8}(\.[\w-]{1,5})?") {
        let text = format!("{local}@{domain}");
        if let (Ok(email), Ok(_)) = (Email::parse(&text), address(&text)) {
            let [allowed, blocked, below] = [format!("+{text}"), format!("-{text}"), format!("-{domain}")];
            let folded = Email::from_stored(email.folded());
            prop_assert!(access(&[&allowed]).admits(&folded), "{}", allowed);
            prop_assert!(!access(&[&blocked]).admits(&email), "{}", blocked);
            prop_assert!(!access(&[&below]).admits(&email), "{}", below);
        }
    }
}
