use proptest::prelude::*;

use super::*;

fn uri(text: &str) -> RedirectUri {
    RedirectUri::parse(text).unwrap_or_else(|_| panic!("{text}"))
}

#[test]
fn codes_go_to_https_to_this_machine_or_to_an_app() {
    for (text, host, source) in [
        ("https://app.example.com/cb", "app.example.com", "https://app.example.com"),
        ("https://app.example.com", "app.example.com", "https://app.example.com"),
        ("https://App.Example.com:8443/cb?x=1", "app.example.com:8443", "https://app.example.com:8443"),
        ("https://app.example.com:443/cb", "app.example.com", "https://app.example.com"),
        ("https://192.0.2.7/cb", "192.0.2.7", "https://192.0.2.7"),
        ("https://[2001:db8::7]:8443/cb", "[2001:db8::7]:8443", "https:"),
        ("https://xn--bcher-kva.example/cb", "xn--bcher-kva.example", "https://xn--bcher-kva.example"),
        ("http://127.0.0.1:33418/", "127.0.0.1:33418", "http://127.0.0.1:33418"),
        ("http://127.0.0.1/cb", "127.0.0.1", "http://127.0.0.1"),
        ("http://localhost:80/cb", "localhost:80", "http://localhost:80"),
        ("http://[::1]:6274/oauth/callback", "[::1]:6274", "http:"),
        ("cursor://anysphere.cursor-mcp/oauth/callback", "cursor:", "cursor:"),
        ("com.example.app:/oauth2redirect", "com.example.app:", "com.example.app:"),
        ("github.com://x/cb", "github.com:", "github.com:"),
    ] {
        let uri = uri(text);
        assert_eq!(
            (uri.as_str(), uri.host().as_str(), uri.form_action_source().as_str()),
            (text, host, source)
        );
    }
}

#[test]
fn an_address_that_acts_by_itself_or_means_two_things_gets_no_codes() {
    let too_long = format!("https://app.example.com/{}", "x".repeat(2048));
    for bad in [
        "",
        "/cb",
        "//app.example.com/cb",
        "app.example.com/cb",
        "http://app.example.com/cb",
        "http://127.0.0.2/cb",
        "http://127.1/cb",
        "http://0x7f000001/cb",
        "http://2130706433/cb",
        "http://127.0.0.1.evil.example/cb",
        "http://localhost.evil.example/cb",
        "http://LOCALHOST/cb",
        "http://localhost./cb",
        "http://[::0001]/cb",
        "http://[::ffff:127.0.0.1]/cb",
        "http://0.0.0.0/cb",
        "http://localhost:/cb",
        "http://localhost:0/cb",
        "http://localhost:080/cb",
        "http://localhost:65536/cb",
        "http://localhost:80:80/cb",
        "http://localhost:80@evil.example/cb",
        "http://localhost@evil.example/cb",
        "http://evil.example\\@localhost/cb",
        "http:/localhost/cb",
        "http:localhost/cb",
        "http:///localhost/cb",
        "https:app.example.com/cb",
        "https:/app.example.com/cb",
        "https:///app.example.com/cb",
        "https://",
        "https:///",
        "https://?cb",
        "https://user@app.example.com/cb",
        "https://user:password@app.example.com/cb",
        "https://@app.example.com/cb",
        "https://app.example.com/cb#fragment",
        "https://app.example.com/cb#",
        "https://app.example.com\\cb",
        "https://app.example.com/cb\r\nSet-Cookie: a=b",
        "https://app.example.com/c b",
        "https://app.example.com/cb\t",
        " https://app.example.com/cb",
        "https://app.example.com/\u{0}",
        "https://b\u{fc}cher.example/cb",
        "https://app\u{3002}example.com/cb",
        "https://app.example.com/\u{202e}",
        // What would end the source in a Content-Security-Policy header, and begin another directive.
        "https://a;script-src/cb",
        "https://a,b/cb",
        "https://*/cb",
        "https://*.example.com/cb",
        "https://'self'/cb",
        "https://a%2eb/cb",
        "https://a_b/cb",
        "https://[::ffff:1.2.3.4]/cb", // as long as the usual form of it
        "HTTPS://app.example.com/cb",
        "javascript:alert(1)",
        "javascript://x/%0aalert(1)",
        "JavaScript:/alert(1)",
        "java\nscript:/alert(1)",
        "data:text/html,x",
        "data:/text/html,x",
        "blob:https://app.example.com/1",
        "file:///etc/passwd",
        "about:blank",
        "vbscript:/x",
        "view-source:/x",
        "filesystem:/x",
        "ftp://app.example.com/cb",
        "ws://app.example.com/cb",
        "wss://app.example.com/cb",
        "mailto:/a@b.example",
        "urn:ietf:wg:oauth:2.0:oob",
        "urn:/x",
        "intent://x/cb",
        "ms-msdt:/x",
        "search-ms:/x",
        "com.example.app:cb",
        "com.example.app://user@x/cb",
        "com.example.app:/cb#fragment",
        "1app:/cb",
        "-app:/cb",
        ":/cb",
        "://cb",
        too_long.as_str(),
    ] {
        assert_eq!(RedirectUri::parse(bad), Err(BadClientMetadata::REDIRECT_URI), "{bad:?}");
    }
}

#[test]
fn on_this_machine_the_port_may_differ_and_nothing_else() {
    let registered = uri("http://127.0.0.1:3000/cb?a=1");
    for same in ["http://127.0.0.1:3000/cb?a=1", "http://127.0.0.1:65535/cb?a=1", "http://127.0.0.1/cb?a=1"] {
        assert!(registered.allows(&uri(same)), "{same}");
    }
    for other in [
        "http://localhost:3000/cb?a=1",
        "http://[::1]:3000/cb?a=1",
        "https://127.0.0.1:3000/cb?a=1",
        "http://127.0.0.1:3000/cb?a=2",
        "http://127.0.0.1:3000/cb",
        "http://127.0.0.1:3000/cb/?a=1",
        "http://127.0.0.1:3000/CB?a=1",
        "http://127.0.0.1:3000/x/../cb?a=1",
        "http://127.0.0.1:3000/%63b?a=1",
    ] {
        assert!(!registered.allows(&uri(other)), "{other}");
    }
    assert!(!uri("https://localhost:1/cb").allows(&uri("https://localhost:2/cb")));
    assert!(!uri("app://localhost:1/cb").allows(&uri("app://localhost:2/cb")));
    assert!(uri("http://[::1]/cb").allows(&uri("http://[::1]:9/cb")));
}

/// The text without the port that may differ, found in another way than the rule finds it.
fn without_loopback_port(text: &str) -> String {
    for host in ["http://127.0.0.1", "http://[::1]", "http://localhost"] {
        let Some(rest) = text.strip_prefix(host) else { continue };
        let digits =
            rest.strip_prefix(':').map_or(0, |port| 1 + port.bytes().take_while(u8::is_ascii_digit).count());
        return format!("{host}{}", &rest[digits..]);
    }
    text.to_owned()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn of_all_variants_only_another_loopback_port_is_allowed(
        registered in prop::sample::select(vec![
            "https://app.example.com/cb",
            "https://app.example.com:8443/cb?a=1",
            "http://127.0.0.1:3000/cb",
            "http://localhost/cb?a=1",
            "http://[::1]:6274/oauth/callback",
            "cursor://anysphere.cursor-mcp/cb",
            "com.example.app:/cb",
        ]),
        edits in prop::collection::vec(
            (0_usize..60, 0_usize..4, prop_oneof![
                "[ -~]{0,2}",
                "[0-9]{1,5}",
                prop::sample::select(vec![
                    "@", "@evil.example", ".evil.example", "/../", "/.", "//", "\\", "%2e", "%2f", "%00", "#", "?", "&b", ":", ":1",
                    ":0", ":00080", "localhost", "127.0.0.1", "[::1]", "\t", "\r\n", "\u{ff0f}", "\u{3002}", "*", ";", "s", "HTTP",
                ]).prop_map(str::to_owned),
            ]),
            0..3,
        ),
    ) {
        let mut asked = registered.to_owned();
        for (at, removed, put) in &edits {
            let chars: Vec<char> = asked.chars().collect();
            let at = at % (chars.len() + 1);
            asked = chars[..at].iter().copied().chain(put.chars()).chain(chars.iter().skip(at + removed).copied()).collect();
        }
        let known = uri(registered);
        let same = without_loopback_port(&asked) == without_loopback_port(registered);
        if let Ok(asked) = RedirectUri::parse(&asked) {
            prop_assert_eq!(known.allows(&asked), same, "{} asked of {}", asked, registered);
        } else {
            prop_assert_ne!(asked, registered);
        }
    }

    #[test]
    fn what_goes_into_the_page_s_policy_is_one_plain_source(text in "(https|http|cursor)://[ -~]{0,12}/[ -~]{0,6}") {
        if let Ok(uri) = RedirectUri::parse(&text) {
            let source = uri.form_action_source();
            prop_assert!(source.bytes().all(|byte| byte.is_ascii_alphanumeric() || b":/.-+".contains(&byte)), "{}", source);
        }
    }
}
