//! The Helm chart, rendered by Helm and held against Kubernetes' own schemas.

use std::process::Command;

use keystead_tests::deployment::{file, helm, manifests, output};
use serde_json::{Value, json};

/// From the oldest that the chart is for to the newest that there are schemas of.
const KUBERNETES: [&str; 11] =
    ["1.27", "1.28", "1.29", "1.30", "1.31", "1.32", "1.33", "1.34", "1.35", "1.36", "1.37"];

/// What a deployment must say; and what it may say besides.
const VALUES: [&str; 2] = ["values.yaml", "values-all.yaml"];

fn chart(verb: &[&str], values: &str, more: &[&str]) -> Command {
    let mut command = helm();
    command.args(verb).arg(file("helm/keystead")).arg("--values").arg(file("helm/keystead/ci").join(values));
    command.args(more);
    command
}

fn rendered(values: &str, more: &[&str]) -> Vec<Value> {
    let mut template = chart(&["template", "keys"], values, &["--namespace", "keys"]);
    manifests(&output(template.args(more)), &KUBERNETES)
}

fn one<'a>(objects: &'a [Value], kind: &str) -> &'a Value {
    let found: Vec<_> = objects.iter().filter(|object| object["kind"] == kind).collect();
    let [one] = found[..] else { panic!("{} of {kind}", found.len()) };
    one
}

/// What runs in a pod's containers, each with its pod: those of the nodes, and of the test.
fn containers(objects: &[Value]) -> Vec<(&Value, &Value)> {
    let pods = objects.iter().filter_map(|object| match object["kind"].as_str()? {
        "Deployment" => Some(&object["spec"]["template"]["spec"]),
        "Pod" => Some(&object["spec"]),
        _ => None,
    });
    pods.flat_map(|pod| pod["containers"].as_array().unwrap().iter().map(move |container| (pod, container)))
        .collect()
}

fn setting<'a>(container: &'a Value, name: &str) -> &'a Value {
    let environment = container["env"].as_array().unwrap();
    let found: Vec<_> = environment.iter().filter(|setting| setting["name"] == name).collect();
    assert!(found.len() <= 1, "{name} is set twice");
    found.first().map_or(&Value::Null, |setting| &setting["value"])
}

#[test]
fn helm_has_no_remark_on_the_chart() {
    for values in VALUES {
        output(&mut chart(&["lint", "--strict"], values, &[]));
    }
}

#[test]
fn kubernetes_takes_what_the_chart_makes_from_its_oldest_version_to_the_newest() {
    let kinds = |values| {
        let objects = rendered(values, &[]);
        let mut kinds: Vec<_> =
            objects.iter().map(|object| object["kind"].as_str().unwrap().to_owned()).collect();
        kinds.sort();
        kinds
    };
    assert_eq!(kinds(VALUES[0]), ["Deployment", "Pod", "PodDisruptionBudget", "Service"]);
    assert_eq!(
        kinds(VALUES[1]),
        ["Deployment", "Ingress", "Pod", "PodDisruptionBudget", "Service", "Service", "ServiceMonitor"]
    );
}

#[test]
fn no_container_of_the_chart_writes_to_its_root_or_gets_more_power_than_a_user_has() {
    for values in VALUES {
        let objects = rendered(values, &[]);
        assert_eq!(containers(&objects).len(), 2, "a node and the test");
        for (pod, container) in containers(&objects) {
            assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
            assert_eq!(pod["securityContext"]["runAsUser"], 65532, "as in the container file");
            assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
            assert_eq!(pod["automountServiceAccountToken"], false);
            let context = json!({
                "allowPrivilegeEscalation": false,
                "readOnlyRootFilesystem": true,
                "capabilities": { "drop": ["ALL"] },
            });
            assert_eq!(container["securityContext"], context);
        }
    }
}

#[test]
fn secrets_are_referred_to_and_never_in_the_charts_values() {
    let objects = rendered(VALUES[1], &[]);
    assert!(objects.iter().all(|object| object["kind"] != "Secret"));
    let node = &one(&objects, "Deployment")["spec"]["template"]["spec"];
    assert_eq!(node["volumes"][0]["secret"]["secretName"], "keystead");
    assert_eq!(node["volumes"][0]["secret"]["defaultMode"], 0o440);
    let container = &node["containers"][0];
    assert_eq!(container["volumeMounts"][0]["readOnly"], true);
    let folder = container["volumeMounts"][0]["mountPath"].as_str().unwrap();
    let files: Vec<_> = node["volumes"][0]["secret"]["items"].as_array().unwrap().iter().collect();
    for (name, path) in [("DATABASE_URL", "database-url"), ("SECRET", "secret"), ("SMTP_URL", "smtp-url")] {
        assert_eq!(*setting(container, &format!("KEYSTEAD_{name}_FILE")), format!("{folder}/{path}"));
        assert_eq!(*setting(container, &format!("KEYSTEAD_{name}")), Value::Null);
        assert!(files.iter().any(|file| file["path"] == path), "{path}");
        let refused =
            chart(&["template", "keys"], VALUES[0], &["--set", &format!("settings.KEYSTEAD_{name}=x")])
                .output()
                .unwrap();
        assert!(!refused.status.success(), "KEYSTEAD_{name} may be put into the values");
    }
}

#[test]
fn what_a_deployment_must_say_is_asked_for_and_what_is_misspelt_is_refused() {
    for missing in ["image.repository=", "publicUrl=", "existingSecret.name="] {
        let output = chart(&["template", "keys"], VALUES[0], &["--set", missing]).output().unwrap();
        assert!(!output.status.success(), "{missing}");
    }
    for wrong in [
        "replica=3",
        "replicas=0",
        "publicUrl=keys.example.com",
        "drainSeconds=61",
        "settings.KEYSTED_LOG=info",
    ] {
        let output = chart(&["template", "keys"], VALUES[0], &["--set", wrong]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains("specifications of the schema"), "{wrong}: {said}");
    }
}

#[test]
fn a_node_is_asked_whether_it_serves_and_is_given_the_time_to_drain() {
    for (values, drain) in VALUES.into_iter().zip([10, 20]) {
        let objects = rendered(values, &[]);
        let deployment = &one(&objects, "Deployment")["spec"];
        assert!(deployment["replicas"].as_u64() >= Some(2));
        assert_eq!(deployment["strategy"]["rollingUpdate"]["maxUnavailable"], 0);
        let pod = &deployment["template"]["spec"];
        let node = &pod["containers"][0];
        let asked = |probe: &str| node[probe]["httpGet"]["path"].as_str().unwrap().to_owned();
        assert_eq!(
            ["readinessProbe", "livenessProbe", "startupProbe"].map(asked),
            ["/readyz", "/healthz", "/healthz"]
        );
        let notices =
            ["periodSeconds", "failureThreshold"].map(|part| node["readinessProbe"][part].as_u64().unwrap());
        assert!(notices[0] * notices[1] < drain);
        assert_eq!(*setting(node, "KEYSTEAD_DRAIN"), format!("{drain}s"));
        let grace = pod["terminationGracePeriodSeconds"].as_u64().unwrap();
        assert!(grace >= drain + 4 + 5, "requests get 4 s, and the audit log 5 s");
    }
}

#[test]
fn every_object_finds_the_nodes_and_nothing_else() {
    let objects = rendered(VALUES[1], &[]);
    let deployment = &one(&objects, "Deployment")["spec"];
    let labels = deployment["template"]["metadata"]["labels"].as_object().unwrap();
    let test = one(&objects, "Pod")["metadata"]["labels"].as_object().unwrap();
    let services = objects.iter().filter(|object| object["kind"] == "Service");
    let selectors = services.map(|service| &service["spec"]["selector"]).chain([
        &deployment["selector"]["matchLabels"],
        &one(&objects, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        &deployment["template"]["spec"]["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"],
    ]);
    for selector in selectors {
        let selector = selector.as_object().unwrap();
        assert!(selector.iter().all(|(name, value)| labels.get(name) == Some(value)), "{selector:?}");
        assert!(selector.iter().any(|(name, value)| test.get(name) != Some(value)), "{selector:?}");
    }
    let public = objects
        .iter()
        .find(|object| object["kind"] == "Service" && object["metadata"]["name"] == "keys-keystead");
    let ports = public.unwrap()["spec"]["ports"].as_array().unwrap();
    assert!(ports.len() == 1 && ports[0]["targetPort"] == "http", "metrics ask for no credential: {ports:?}");
    let ingress = &one(&objects, "Ingress")["spec"];
    assert_eq!(ingress["rules"][0]["host"], "keys.example.com");
    assert_eq!(ingress["rules"][0]["http"]["paths"][0]["backend"]["service"]["name"], "keys-keystead");
    assert_eq!(ingress["tls"][0]["secretName"], "keys-example-com");
}

#[test]
fn the_notes_name_what_the_chart_made() {
    let mut install = chart(&["install", "keys"], VALUES[0], &["--dry-run=client", "--namespace", "keys"]);
    let said = output(install.env("KUBECONFIG", "/dev/null"));
    let notes = said.split("NOTES:").nth(1).unwrap();
    let objects = rendered(VALUES[0], &[]);
    let name = one(&objects, "Deployment")["metadata"]["name"].as_str().unwrap();
    let labels = one(&objects, "Deployment")["spec"]["selector"]["matchLabels"].as_object().unwrap();
    assert!(notes.contains(&format!("rollout status deployment/{name}\n")), "{notes}");
    assert!(notes.contains(&format!("exec deployment/{name} -- /usr/bin/keystead ")), "{notes}");
    for (label, value) in labels {
        assert!(notes.contains(&format!("{label}={}", value.as_str().unwrap())), "{notes}");
    }
}

#[test]
fn the_chart_is_of_the_version_that_the_workspace_has() {
    let output = output(helm().args(["show", "chart"]).arg(file("helm/keystead")));
    let version = format!("appVersion: {}\n", env!("CARGO_PKG_VERSION"));
    assert!(output.contains(&version), "{output}");
}
