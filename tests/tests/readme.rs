//! The commands of the README do what it says.

use std::process::Command;

use keystead_tests::binary::Serving;

const README: &str = include_str!("../../README.md");

/// Every command of the README's shell blocks, in order.
fn commands() -> Vec<&'static str> {
    let blocks = README.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.flat_map(str::lines).filter(|line| !line.is_empty()).collect()
}

#[test]
fn the_commands_of_the_readme_work_as_printed() {
    let [serve, export, verify, graphql, test] = commands()[..] else {
        panic!("the README's commands changed: run the new ones here, too: {:#?}", commands())
    };
    let args = serve.strip_prefix("cargo run --release -- ").expect("cargo runs the binary");
    let mut args: Vec<&str> = args.split(' ').collect();
    // A port of its own: another Keystead may be running on the usual one.
    args.extend(["--listen", "127.0.0.1:0"]);
    let serving = Serving::start(&args);
    let url = serving.url();
    let token = serving.line(|line| {
        let token = line.trim();
        keystead_token::TokenRef::parse(token).is_ok().then(|| token.to_owned())
    });

    let run = |command: &str| {
        let script =
            format!("{}\n{}", export.replace("...", &token), command.replace("http://127.0.0.1:8080", &url));
        let output = Command::new("sh").args(["-euc", &script]).output().expect("a shell");
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    };
    let answer = run(verify);
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.contains("x-keystead-user-email: ada@demo.example"),
        "{answer}"
    );
    let answer = run(graphql);
    assert!(answer.contains(r#""email":"ada@demo.example""#) && answer.contains("totalCount"), "{answer}");

    assert_eq!(test, "cargo xtask test", "which is running this");
}

#[test]
fn every_page_that_the_readme_links_to_is_there() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository");
    let links = README.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    for link in links.filter(|link| !link.starts_with("https://")) {
        assert!(root.join(link).exists(), "{link}");
    }
}
