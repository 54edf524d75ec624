//! The tables `[roles.NAME]` of `keystead.toml`.

use std::fs;

use crate::support::{Place, get};

fn write(place: &Place, file: &str) {
    fs::write(place.path().join("keystead.toml"), file).unwrap();
}

#[test]
fn a_role_of_the_file_holds_and_gives_nothing_once_it_is_taken_out() {
    let place = Place::with_ada();
    write(&place, "[roles.support]\npermissions = [\"tickets:write\", \"keys:read_all\"]\n");
    place.ok(&["user", "add", "mia@example.com", "--role", "support"]);
    let key = place.ok(&["key", "create", "--user", "mia@example.com", "--name", "ci"]);
    let permissions = |place: &Place| {
        let (status, answer) = get(&place.serve(&[]).url, "/verify", key.trim_end());
        assert_eq!(status, 200, "{answer}");
        let line = answer.lines().find_map(|line| line.strip_prefix("x-keystead-permissions:"));
        line.unwrap().trim().to_owned()
    };
    assert_eq!(permissions(&place), "keys:read_all,tickets:write");
    write(&place, "");
    assert_eq!(permissions(&place), "");
}

#[test]
fn wrong_roles_are_refused_at_start_and_by_the_check_with_file_key_and_what_would_be_right() {
    let place = Place::bare();
    let role = |name: usize, permission: &str| format!("[roles.r{name}]\npermissions = [\"{permission}\"]\n");
    let many = (0..101).map(|name| role(name, "p")).collect::<Vec<_>>().concat();
    let wide =
        (10..50).map(|name| role(name, &format!("{}{name}", "x".repeat(90)))).collect::<Vec<_>>().concat();
    let long = format!("[roles.a]\npermissions = [{}]\n", "\"p\", ".repeat(51));
    for (file, expected) in [
        ("roles = 1", "`roles`: it is a table of tables"),
        ("[roles]\nsupport = [\"reports:read\"]", "`roles.support`: a role is a table"),
        ("[roles.support]", "`roles.support.permissions`: it is needed"),
        ("[roles.support]\npermissions = \"reports:read\"", "takes a list of strings"),
        ("[roles.support]\npermissions = [1]", "takes a list of strings"),
        (
            "[roles.support]\npermissions = [\"reports:*\"]",
            "\"reports:*\" cannot be one. A permission is 1 to 100",
        ),
        ("[roles.support]\npermission = []", "did you mean `permissions`?"),
        (
            "[roles.support]\npermissions = []\ndescription = 1",
            "`roles.support.description`: it takes a string",
        ),
        ("[roles.support]\npermissions = []\nscopes = []", "there is no setting `roles.support.scopes`"),
        ("[roles.Support]\npermissions = []", "`roles.Support`: A role's name is 1 to 100 of"),
        ("[roles.administrator]\npermissions = []", "The name administrator is taken"),
        (
            "[roles.support]\npermissions = [\"organizations:manage\"]",
            "belongs to the role site_administrator",
        ),
        ("[role.support]\npermissions = []", "did you mean `roles`?"),
        (&many, "at most 100 roles"),
        (&wide, "3000 bytes together"),
        (&long, "at most 50 permissions"),
    ] {
        write(&place, file);
        for command in [&["config", "check"][..], &["serve", "--listen", "127.0.0.1:0"]] {
            let error = place.fails(2, command);
            assert!(error.contains("keystead.toml") && error.contains("hint: "), "{error}");
            assert!(error.contains(expected), "{expected}: {error}");
        }
    }
}

#[test]
fn what_the_check_prints_of_roles_can_be_the_file() {
    let place = Place::bare();
    let file = "[roles.support]\ndescription = \"Answers \\\"customers\\\".\"\npermissions = [\"tickets:write\"]\n\
                [roles.auditor]\npermissions = [\"iam:read\", \"audit:read\"]\n";
    write(&place, file);
    let printed = place.ok(&["config", "check"]);
    for expected in
        ["[roles.support] # the configuration file", "permissions = [\"tickets:write\"]", "[roles.auditor]"]
    {
        assert!(printed.contains(expected), "{printed}");
    }
    write(&place, &printed);
    let roles = |printed: &str| printed[printed.find("[roles.").unwrap()..].to_owned();
    assert_eq!(roles(&place.ok(&["config", "check"])), roles(&printed));
}

#[test]
fn every_example_of_the_book_loads() {
    let book = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
    let book = fs::read_to_string(book).unwrap();
    let examples: Vec<_> =
        book.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(!examples.is_empty());
    let place = Place::bare();
    for example in examples {
        write(&place, example);
        let printed = place.ok(&["config", "check"]);
        for table in example.lines().filter(|line| line.starts_with('[')) {
            assert!(printed.contains(table), "{table}: {printed}");
        }
    }
}
