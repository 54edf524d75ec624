//! The compose file, as Docker Compose understands it, and the proxy's configuration.

use std::process::Command;

use keystead_tests::deployment::{compose, file, output, text};
use serde_json::Value;

/// The nodes of the compose file, by their names.
pub(crate) fn nodes(compose: &Value) -> Vec<(&str, &Value)> {
    let services = compose["services"].as_object().unwrap();
    let nodes = services.iter().filter(|(name, _)| name.starts_with("keystead-"));
    nodes.map(|(name, node)| (name.as_str(), node)).collect()
}

/// A time as Docker Compose prints it, in seconds.
fn seconds(text: &Value) -> f64 {
    text.as_str().unwrap().strip_suffix('s').unwrap().parse().unwrap()
}

#[test]
fn two_nodes_differ_in_nothing_but_their_names() {
    let compose = compose();
    let nodes = nodes(&compose);
    assert_eq!(nodes.len(), 2);
    for (name, node) in &nodes {
        assert_eq!(node["environment"]["KEYSTEAD_NODE_NAME"], **name);
    }
    let unnamed = |node: &Value| {
        let mut node = node.clone();
        node["environment"]["KEYSTEAD_NODE_NAME"] = Value::Null;
        node
    };
    assert_eq!(unnamed(nodes[0].1), unnamed(nodes[1].1));
}

#[test]
fn nodes_write_nowhere_and_hold_no_power_and_secrets_come_as_files() {
    let compose = compose();
    for (name, node) in nodes(&compose) {
        assert_eq!(node["read_only"], true, "{name}");
        assert_eq!(node["cap_drop"], serde_json::json!(["ALL"]), "{name}");
        assert_eq!(node["security_opt"], serde_json::json!(["no-new-privileges:true"]), "{name}");
        assert_eq!(node["volumes"], Value::Null, "a node needs no disk");
        assert_eq!(node["ports"], Value::Null, "people reach the proxy");
        let environment = node["environment"].as_object().unwrap();
        let given: Vec<_> =
            node["secrets"].as_array().unwrap().iter().map(|secret| &secret["target"]).collect();
        for (setting, secret) in [("DATABASE_URL", "database-url"), ("SECRET", "secret")] {
            assert!(!environment.contains_key(&format!("KEYSTEAD_{setting}")), "{name}");
            let file = environment[&format!("KEYSTEAD_{setting}_FILE")].as_str().unwrap();
            let target = file.strip_prefix("/run/secrets/").unwrap();
            assert_eq!(target, secret);
            assert!(given.iter().any(|given| given.as_str().unwrap().ends_with(secret)), "{given:?}");
        }
    }
    assert_eq!(compose["services"]["postgres"]["environment"]["POSTGRES_PASSWORD"], Value::Null);
    let ignored = text("compose/.gitignore");
    assert!(ignored.lines().any(|line| line == "/secrets/"), "what the commands make is not committed");
}

#[test]
fn only_the_proxy_is_believed_about_where_a_request_came_from_and_only_it_is_reached() {
    let compose = compose();
    let proxy = &compose["services"]["proxy"];
    let address = &proxy["networks"]["inside"]["ipv4_address"];
    for (_, node) in nodes(&compose) {
        assert_eq!(&node["environment"]["KEYSTEAD_TRUSTED_PROXY"], address);
    }
    let services = compose["services"].as_object().unwrap();
    let reached: Vec<_> = services.iter().filter(|(_, service)| service["ports"].is_array()).collect();
    assert_eq!(reached.len(), 1);
    assert_eq!(reached[0].1["ports"][0]["host_ip"], "127.0.0.1", "TLS is not set up yet");
    assert!(text("compose/haproxy.cfg").contains("http-request set-header X-Forwarded-For %[src]\n"));
}

#[test]
fn a_node_is_given_the_time_to_drain_and_the_proxy_to_notice() {
    let compose = compose();
    let proxy = text("compose/haproxy.cfg");
    // Two checks that fail: one may just have passed, and each may take its time.
    assert!(proxy.contains("timeout check 1s\n") && proxy.contains("inter 1s fall 2 "), "{proxy}");
    let notices_within = 3.0;
    for (name, node) in nodes(&compose) {
        let drain = seconds(&node["environment"]["KEYSTEAD_DRAIN"]);
        assert!(drain > notices_within, "{name}");
        let grace = seconds(&node["stop_grace_period"]);
        assert!(grace >= drain + 4.0 + 5.0, "{name}: requests get 4 s, and the audit log 5 s");
    }
}

#[test]
fn the_proxy_has_no_objection_to_its_configuration_and_binds_nobody_to_a_node() {
    output(Command::new("haproxy").args(["-c", "-f"]).arg(file("compose/haproxy.cfg")));
    let proxy = text("compose/haproxy.cfg");
    assert!(
        !proxy.contains("cookie") && !proxy.contains("stick") && proxy.contains("balance roundrobin"),
        "{proxy}"
    );
    let compose = compose();
    for (name, _) in nodes(&compose) {
        assert!(proxy.contains(&format!("server {name} {name}:8080\n")), "{name}");
    }
}
