//! The settings for e-mail: both or neither, none that would be misread, and no password printed.

use crate::support::{Place, err, out};

const URL: &str = "smtps://keystead:hunter2hunter2@mail.example.com";
const FROM: &str = "Keystead <keystead@example.com>";

#[test]
fn an_smtp_server_and_a_mailbox_go_together() {
    let place = Place::bare();
    place.ok(&["config", "check", "--smtp-url", URL, "--mail-from", FROM]);
    place.ok(&["config", "check", "--smtp-url", "", "--mail-from", ""]);
    for command in [["config", "check"].as_slice(), &["serve"]] {
        let error = place.fails(2, &[command, &["--smtp-url", URL]].concat());
        assert!(error.contains("no mailbox") && error.contains("hint: add --mail-from"), "{error}");
        let error = place.fails(2, &[command, &["--mail-from", FROM]].concat());
        assert!(error.contains("no SMTP server") && error.contains("hint: add --smtp-url"), "{error}");
        let error = place.fails(2, &[command, &["--smtp-url", URL, "--mail-from", "Keystead"]].concat());
        assert!(error.contains("is not one") && error.contains("hint: set --mail-from"), "{error}");
    }
    assert!(!place.store().exists(), "a start that fails here leaves no trace");
}

#[test]
fn the_password_of_the_smtp_server_is_never_printed() {
    let place = Place::bare();
    let quiet = |text: &str| assert!(!text.contains("hunter2"), "{text}");
    let shown = place.ok(&["config", "check", "--smtp-url", URL, "--mail-from", FROM]);
    assert!(shown.contains("# smtp-url is set and not shown (from --smtp-url)"), "{shown}");
    assert!(shown.contains("mail-from = \"Keystead <keystead@example.com>\" # --mail-from"), "{shown}");
    quiet(&shown);

    std::fs::write(place.path().join("secret"), format!("{URL}\n")).unwrap();
    let mut command = place.command(&["config", "check", "--mail-from", FROM]);
    let output = command.env("KEYSTEAD_SMTP_URL_FILE", "secret").output().unwrap();
    assert!(out(&output).contains("# smtp-url is set and not shown"), "{}", err(&output));
    quiet(&(out(&output) + &err(&output)));

    let misspelt = URL.replace("smtps:", "smtp:") + "?tls=yes";
    let error = place.fails(2, &["serve", "--smtp-url", &misspelt, "--mail-from", FROM]);
    assert!(error.contains("tls=required") && error.contains("hint: set --smtp-url"), "{error}");
    quiet(&error);

    let help = place.command(&["serve", "--help"]).env("KEYSTEAD_SMTP_URL", URL).output().unwrap();
    assert!(help.status.success());
    quiet(&out(&help));
}

#[test]
fn mail_that_may_leave_the_machine_unencrypted_is_warned_of() {
    let place = Place::bare();
    let warned = |url: &str| err(&place.run(&["config", "check", "--smtp-url", url, "--mail-from", FROM]));
    for url in ["smtp://mail.example.com", "smtp://keystead:hunter2@mail.example.com?tls=opportunistic"] {
        assert!(warned(url).contains("smtp-url may send e-mail unencrypted"), "{url}");
    }
    for url in [URL, "smtp://mail.example.com?tls=required", "smtp://localhost"] {
        assert_eq!(warned(url), "", "{url}");
    }
}
