//! Promise 2, at the terminal: tokens and one-time codes are where they were asked for, and nowhere else.

use crate::support::{Place, get, mcp};

#[test]
fn no_token_and_no_code_is_ever_logged() {
    let place = Place::new();
    for format in ["text", "json"] {
        let server = place.serve(&["--log", "trace", "--log-format", format]);
        let set_up = if format == "text" { server.line_after("/setup/") } else { "none".to_owned() };
        let set_up = set_up.split(' ').next().unwrap().to_owned();
        if format == "text" {
            place.ok(&["user", "add", "ada@example.com", "--role", "administrator"]);
        }
        let link = place.ok(&["user", "sign-in-link", "ada@example.com"]);
        let code = link.trim_end().rsplit('/').next().unwrap();
        let token = place.token();
        for path in ["/verify", "/metrics", "/readyz", &format!("/nothing?token={token}")] {
            get(&server.url, path, &token);
        }
        let create = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"create_api_key","arguments":{"name":"by a tool"}}}"#;
        let created = mcp(&server.url, &token, create);
        let made =
            created.split(r#""token":""#).nth(1).and_then(|rest| rest.split('"').next()).unwrap().to_owned();
        assert!(made.starts_with("ks_"), "{created}");
        get(&server.url, &format!("/sign-in/link/{code}"), "");
        get(&server.url, &format!("/setup/{set_up}"), "");
        let (status, _, log) = server.stop();
        assert!(status.success() && log.contains("request"), "{log}");
        for secret in [token.as_str(), &token[3..46], &made, code, &set_up] {
            assert!(
                secret == "none" || !log.contains(secret),
                "{}",
                log.lines().find(|l| l.contains(secret)).unwrap()
            );
        }
    }
}
