//! Flags before variables before the file before defaults, and nothing misspelt goes by unnoticed.

use std::fs;

use crate::support::{Place, Server, err, get, out};

fn listen(place: &Place, args: &[&str], variable: Option<&str>) -> String {
    let mut command = place.command(&[&["config", "check"], args].concat());
    if let Some(value) = variable {
        command.env("KEYSTEAD_LISTEN", value);
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", err(&output));
    out(&output).lines().find(|line| line.starts_with("listen = ")).unwrap().to_owned()
}

#[test]
fn a_flag_goes_before_a_variable_before_the_file_before_the_default() {
    let place = Place::bare();
    assert_eq!(listen(&place, &[], None), "listen = \"127.0.0.1:8080\" # default");
    fs::write(place.path().join("keystead.toml"), "listen = \"127.0.0.1:1\"").unwrap();
    assert_eq!(listen(&place, &[], None), "listen = \"127.0.0.1:1\" # the configuration file");
    assert_eq!(listen(&place, &[], Some("127.0.0.1:2")), "listen = \"127.0.0.1:2\" # KEYSTEAD_LISTEN");
    assert_eq!(
        listen(&place, &["--listen", "127.0.0.1:3"], Some("127.0.0.1:2")),
        "listen = \"127.0.0.1:3\" # --listen"
    );
    fs::write(place.path().join("other.toml"), "listen = \"127.0.0.1:4\"").unwrap();
    assert_eq!(
        listen(&place, &["--config", "other.toml"], None),
        "listen = \"127.0.0.1:4\" # the configuration file"
    );
}

#[test]
fn every_kind_of_value_can_be_in_the_file_and_is_in_effect() {
    let place = Place::with_ada();
    let file = "listen = \"127.0.0.1:0\"\nkey-prefix = \"acme\"\nimpersonation = true\n\
                data-dir = \"keystead-data\"\nembed-origin = [\"https://a.example\", \"https://b.example\"]\n\
                impersonation-lifetime = \"15m\"\nembed-accent = \"#0a7f5a\"\nembed-theme = \"dark\"\n";
    fs::write(place.path().join("keystead.toml"), file).unwrap();
    let server = Server::start(&mut place.command(&["serve"]));
    let token = place.token();
    assert!(token.starts_with("acme_"), "{token}");
    let (_, page) = get(&server.url, "/embed/api-keys", "");
    for expected in
        ["frame-ancestors https://a.example https://b.example", "--fill:#0a7f5a", "data-theme=\"dark\""]
    {
        assert!(page.contains(expected), "{expected}: {page}");
    }
    let (.., log) = server.stop();
    assert!(!log.contains("WARN"), "{log}");
    assert!(place.token().starts_with("acme_"), "without a server, too");
    let effective = place.ok(&["config", "check", "--impersonation=false"]);
    assert!(effective.contains("impersonation = false # --impersonation"), "{effective}");
    assert!(
        effective.contains("embed-origin = [\"https://a.example\", \"https://b.example\"] #"),
        "{effective}"
    );
}

#[test]
fn what_the_check_prints_can_be_the_file() {
    let place = Place::bare();
    let printed = place.ok(&["config", "check", "--impersonation", "--embed-origin", "https://a.example"]);
    fs::write(place.path().join("keystead.toml"), printed).unwrap();
    let again = place.ok(&["config", "check"]);
    assert!(again.contains("impersonation = true # the configuration file"), "{again}");
    assert!(again.contains("embed-origin = [\"https://a.example\"] # the configuration file"), "{again}");
}

#[test]
fn the_file_is_refused_with_a_hint() {
    let place = Place::bare();
    for (file, expected) in [
        ("lisen = \"127.0.0.1:1\"", "did you mean `listen`?"),
        ("config = \"x\"", "there is no setting `config`"),
        ("user = \"x\"", "there is no setting `user`"),
        ("listen = \"8080\"", "such as 127.0.0.1:8080"),
        ("listen = 8080", "`listen` takes a string"),
        ("embed-origin = [1]", "a list of strings"),
        ("embed-origin = [\"https://*.example\"]", "no wildcard"),
        ("embed-accent = \"red\"", "such as #0a7f5a"),
        ("embed-theme = \"sepia\"", "light, dark, auto"),
        ("impersonation-lifetime = \"2h\"", "1m to 1h"),
        ("impersonation = \"perhaps\"", "impersonation"),
        ("\nlisten = ", "line 2"),
    ] {
        fs::write(place.path().join("keystead.toml"), file).unwrap();
        let error = place.fails(2, &["config", "check"]);
        assert!(error.contains("keystead.toml") && error.contains("hint: "), "{error}");
        assert!(error.contains(expected), "{error}");
    }
    let error = place.fails(2, &["serve", "--config", "missing.toml"]);
    assert!(error.contains("cannot read the configuration file missing.toml"), "{error}");
}

#[test]
fn an_unknown_variable_is_warned_of_unless_kubernetes_set_it() {
    let place = Place::bare();
    let mut command = place.command(&["config", "check"]);
    command.env("KEYSTEAD_LISTN", "x").env("KEYSTEAD_PORT_8080_TCP", "x").env("KEYSTEAD_SERVICE_HOST", "x");
    let warned = err(&command.output().unwrap());
    assert!(
        warned.contains("KEYSTEAD_LISTN is not known") && warned.contains("mean KEYSTEAD_LISTEN?"),
        "{warned}"
    );
    assert_eq!(warned.lines().count(), 1, "{warned}");
}

#[test]
fn the_password_of_a_database_is_never_printed() {
    let place = Place::bare();
    let url = "postgres://keystead:hunter2hunter2@db.example/keystead";
    let quiet = |error: &str| {
        assert!(error.contains("needs a secret") && error.contains("hint: "), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    };
    quiet(&place.fails(2, &["serve", "--database-url", url]));
    quiet(&place.fails(2, &["key", "list", "--user", "a@b.example", "--database-url", url]));
    quiet(&err(&place.command(&["config", "check"]).env("KEYSTEAD_DATABASE_URL", url).output().unwrap()));
    fs::write(place.path().join("secret"), format!("{url}\n")).unwrap();
    let from_file = |command: &mut std::process::Command| {
        err(&command.env("KEYSTEAD_DATABASE_URL_FILE", "secret").output().unwrap())
    };
    quiet(&from_file(&mut place.command(&["config", "check"])));
    let both = from_file(place.command(&["config", "check"]).env("KEYSTEAD_DATABASE_URL", url));
    assert!(both.contains("both") && !both.contains("hunter2"), "{both}");
    let toml = format!("database-url = \"{url}\"\n");
    fs::write(place.path().join("keystead.toml"), &toml).unwrap();
    quiet(&place.fails(2, &["config", "check"]));
    fs::write(place.path().join("keystead.toml"), toml.trim_end().trim_end_matches('"')).unwrap();
    assert!(!place.fails(2, &["config", "check"]).contains("hunter2"), "not even beside a mistake");
    let help = place.command(&["serve", "--help"]).env("KEYSTEAD_DATABASE_URL", url).output().unwrap();
    assert!(help.status.success() && !out(&help).contains("hunter2"));
}

#[test]
fn the_secret_of_the_nodes_is_long_enough_and_never_printed() {
    let place = Place::bare();
    let short = err(&place.command(&["config", "check"]).env("KEYSTEAD_SECRET", "hunter2").output().unwrap());
    assert!(short.contains("openssl rand -hex 32") && short.contains("KEYSTEAD_SECRET_FILE"), "{short}");
    assert!(!short.contains("hunter2"), "{short}");
    fs::write(place.path().join("secret"), "hunter2".repeat(5)).unwrap();
    let effective =
        out(&place.command(&["config", "check"]).env("KEYSTEAD_SECRET_FILE", "secret").output().unwrap());
    assert!(effective.contains("# secret is set and not shown"), "{effective}");
    assert!(!effective.contains("hunter2"), "{effective}");
}

#[test]
fn a_store_can_be_named_by_url_and_is_not_shown() {
    let place = Place::bare();
    place.ok(&["user", "add", "a@b.example", "--role", "member", "--database-url", "sqlite:elsewhere"]);
    assert!(place.path().join("elsewhere/keystead.db").exists());
    let effective = place.ok(&["config", "check", "--database-url", "sqlite:elsewhere"]);
    assert!(effective.contains("# database-url is set and not shown"), "{effective}");
    assert!(!effective.contains("elsewhere"), "{effective}");
}

#[test]
fn the_book_has_the_reference_and_the_reference_has_every_option_of_serve() {
    let place = Place::bare();
    let reference = place.ok(&["config", "reference"]);
    let book = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
    assert_eq!(
        fs::read_to_string(book).unwrap(),
        reference,
        "`keystead config reference > docs/configuration.md` brings it up to date"
    );
    let help = place.ok(&["serve", "--help"]);
    let options = help.split_whitespace().filter_map(|word| word.strip_prefix("--"));
    let mut seen = 0;
    for option in
        options.map(|word| word.split(|c: char| c != '-' && !c.is_ascii_lowercase()).next().unwrap())
    {
        if !["config", "help", "version"].contains(&option) {
            assert!(reference.contains(&format!("\n## {option}\n")), "--{option} is not documented");
            let variable = format!("`KEYSTEAD_{}`", option.to_uppercase().replace('-', "_"));
            assert!(reference.contains(&variable), "{variable} is not documented");
            seen += 1;
        }
    }
    assert!(seen >= 18, "{seen}");
}
