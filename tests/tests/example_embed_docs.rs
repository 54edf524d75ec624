//! The commands of docs/embedding.md do what it says, in the order in which they stand there.

#![expect(clippy::expect_used, clippy::panic, reason = "helpers fail as tests do")]

use std::collections::BTreeMap;
use std::process::Command;

use keystead_tests::binary::Serving;
use serde_json::Value;

const PAGE: &str = include_str!("../../docs/embedding.md");

/// The shell blocks of the page.
fn blocks() -> Vec<&'static str> {
    PAGE.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

/// A shell that knows what the page has its reader set.
#[derive(Default)]
struct Shell {
    variables: BTreeMap<&'static str, String>,
}

impl Shell {
    fn set(&mut self, name: &'static str, value: &str) {
        self.variables.insert(name, value.to_owned());
    }

    fn run(&self, commands: &str) -> String {
        let mut shell = Command::new("sh");
        shell.args(["-euc", commands]).envs(&self.variables);
        let output = shell.output().expect("a shell");
        assert!(output.status.success(), "{commands}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    }

    /// Runs commands that answer with JSON in which nothing went wrong.
    fn json(&self, commands: &str) -> Value {
        let answer = self.run(commands);
        let answer: Value = serde_json::from_str(&answer).unwrap_or_else(|_| panic!("{commands}: {answer}"));
        assert!(answer.get("errors").is_none() && answer.get("error").is_none(), "{commands}: {answer}");
        answer
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("a text, not {value}"))
}

#[test]
fn the_commands_of_the_page_about_embedding_work_as_printed() {
    let blocks = blocks();
    let [
        serve,
        rust,
        node,
        impersonate,
        attributes,
        keys,
        end_sessions,
        verify,
        introspect,
        jwks,
        exchange,
        audit,
    ] = blocks[..]
    else {
        panic!("the page's commands changed: run the new ones here, too: {blocks:#?}")
    };

    let args = serve.trim().strip_prefix("cargo run --release -- ").expect("cargo runs the binary");
    let mut args: Vec<&str> = args.split(' ').collect();
    // A port of its own: another Keystead may be running on the usual one.
    args.extend(["--listen", "127.0.0.1:0"]);
    let serving = Serving::start(&args);
    let url = serving.url();
    let token = serving.line(|line| {
        let token = line.trim();
        keystead_token::TokenRef::parse(token).is_ok().then(|| token.to_owned())
    });
    let key = serving.line(|line| line.strip_prefix("KEYSTEAD_IMPERSONATION_KEY=").map(str::to_owned));

    // These two run in the tests of the example.
    assert!(rust.ends_with("\ncargo run --release -p keystead-example-embed\n"), "{rust}");
    assert!(node.ends_with("\nnpm start --prefix examples/embed/node\n"), "{node}");

    let mut shell = Shell::default();
    shell.set("TOKEN", &token);
    shell.set("KEYSTEAD_IMPERSONATION_KEY", &key);
    let (export, impersonate) = impersonate.split_once('\n').expect("two commands");
    assert_eq!(export, "export KEYSTEAD=http://127.0.0.1:8080");
    shell.set("KEYSTEAD", &url);
    let session = text(&shell.json(impersonate)["data"]["impersonateUser"]).to_owned();
    let with_attributes = text(&shell.json(attributes)["data"]["impersonateUser"]).to_owned();
    shell.set("SESSION", &session);

    let keys = shell.json(keys);
    let keys = keys["data"]["apiKeys"]["nodes"].as_array().expect("keys");
    let key =
        keys.iter().find(|key| key["name"] == "Embedding Dashboard").expect("the demo's impersonation key");
    assert_eq!(key["impersonation"]["liveSessions"], 2);
    shell.set("KEY_ID", text(&key["id"]));

    let verified = shell.run(verify);
    assert!(verified.starts_with("HTTP/1.1 200"), "{verified}");
    assert!(verified.contains("x-keystead-user-email: grace@demo.example"), "{verified}");
    let expected = format!("x-keystead-impersonator-key-id: {}", text(&key["id"]));
    assert!(verified.contains(&expected) && !verified.contains("x-keystead-key-id"), "{verified}");

    let introspected = shell.json(introspect);
    assert_eq!(introspected["active"], true);
    assert_eq!(introspected["username"], "grace@demo.example");
    for member in
        ["sub", "organization_id", "scope", "client_id", "iss", "aud", "exp", "jti", "attributes", "act"]
    {
        assert!(introspected.get(member).is_some(), "{member} in {introspected}");
    }
    let kids: Vec<_> = shell.json(jwks)["keys"].as_array().expect("keys").clone();
    assert!(kids.len() >= 2 && kids.iter().all(|key| key["alg"] == "EdDSA"), "{kids:?}");

    let exchanged = shell.json(exchange);
    for member in ["access_token", "issued_token_type", "token_type", "expires_in"] {
        assert!(exchanged.get(member).is_some(), "{member} in {exchanged}");
    }
    for other in [&with_attributes, text(&exchanged["access_token"])] {
        shell.set("SESSION", other);
        assert_eq!(shell.json(introspect)["attributes"]["plan"], "team");
    }
    shell.set("SESSION", &session);

    // What was done in a session is in the log under it.
    shell.run(
        r#"curl -s "$KEYSTEAD/graphql" -H "Authorization: Bearer $SESSION" -H 'Content-Type: application/json' -d '{
            "query": "mutation { createApiKey(input: { name: \"Made in a session\" }) { apiKey { id } } }"
        }'"#,
    );
    let events = shell.json(audit);
    let event = &events["data"]["auditEvents"]["nodes"][0];
    assert_eq!(event["action"], "key.created");
    assert_eq!(event["viaId"], key["id"]);

    shell.json(end_sessions);
    assert!(shell.run(verify).starts_with("HTTP/1.1 401"));
    assert_eq!(shell.json(introspect)["active"], false);
}
